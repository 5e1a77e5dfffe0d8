"""Everything that the account has on sale: GetSellerList's request, items and variations, routing, pages."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from ebay_desk import NOW, XMLNS, open_shop, trading_error
from lxml import etree

from hub.channels.contract import AdapterBug, InvalidData, ListingState
from hub.channels.ebay import catalogue

XSD = Path(__file__).parents[4] / "shared/contracts/ebay/trading"

KNIFE = """<Item>
  <Currency>EUR</Currency><Description>&lt;p&gt;Sharp &amp;amp; plain.&lt;/p&gt;</Description><ItemID>110001</ItemID>
  <ListingDetails><ViewItemURL>https://www.ebay.example.test/itm/110001</ViewItemURL></ListingDetails>
  <ListingType>FixedPriceItem</ListingType>
  <PrimaryCategory><CategoryID>9355</CategoryID></PrimaryCategory><Quantity>12</Quantity>
  <SellingStatus><CurrentPrice currencyID="EUR">19.99</CurrentPrice><QuantitySold>4</QuantitySold>
    <ListingStatus>Active</ListingStatus></SellingStatus>
  <StartPrice currencyID="EUR">19.99</StartPrice><Title>Plain knife</Title><SKU>KNIFE</SKU>
  <PictureDetails><PictureURL>https://img.example.test/k.jpg</PictureURL></PictureDetails>
  <ProductListingDetails><EAN>4006381333931</EAN><UPC>Nicht zutreffend</UPC>
    <BrandMPN><Brand>Plain</Brand><MPN>K1</MPN></BrandMPN></ProductListingDetails>
</Item>"""

SHIRT = """<Item>
  <Currency>EUR</Currency><ItemID>110002</ItemID><ListingType>FixedPriceItem</ListingType><Quantity>9</Quantity>
  <SellingStatus><ListingStatus>Active</ListingStatus></SellingStatus><Title>Plain shirt</Title>
  <PictureDetails><PictureURL>https://img.example.test/all.jpg</PictureURL></PictureDetails>
  <ItemSpecifics><NameValueList><Name>Marke</Name><Value>Plain</Value></NameValueList></ItemSpecifics>
  <Variations>
    <Variation><SKU>SHIRT-M</SKU><StartPrice currencyID="EUR">15.00</StartPrice><Quantity>5</Quantity>
      <VariationSpecifics><NameValueList><Name>Farbe</Name><Value>Blau</Value></NameValueList></VariationSpecifics>
      <SellingStatus><QuantitySold>2</QuantitySold></SellingStatus>
      <VariationProductListingDetails><EAN>4006381333948</EAN></VariationProductListingDetails></Variation>
    <Variation><StartPrice currencyID="EUR">16.00</StartPrice><Quantity>4</Quantity>
      <VariationSpecifics><NameValueList><Name>Farbe</Name><Value>Rot</Value></NameValueList></VariationSpecifics>
      <SellingStatus><QuantitySold>4</QuantitySold></SellingStatus></Variation>
    <Pictures><VariationSpecificName>Farbe</VariationSpecificName><VariationSpecificPictureSet>
      <VariationSpecificValue>Blau</VariationSpecificValue><PictureURL>https://img.example.test/blue.jpg</PictureURL>
    </VariationSpecificPictureSet></Pictures>
  </Variations>
</Item>"""

AUCTION = "<Item><ItemID>110003</ItemID><ListingType>Chinese</ListingType><Title>One old knife</Title></Item>"


def answer(*items: str, more: str = "false") -> str:
    return f"<Ack>Success</Ack><HasMoreItems>{more}</HasMoreItems><ItemArray>{''.join(items)}</ItemArray>"


def unknown(*skus: str) -> tuple[int, object]:
    return 207, {"responses": [{"statusCode": 404, "sku": sku, "errors": []} for sku in skus]}


def test_an_item_and_its_variations_are_read_whole() -> None:
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", answer(KNIFE, SHIRT, AUCTION))
        shop.desk.on("POST", ".*/bulk_get_inventory_item", unknown("KNIFE", "SHIRT-M"))
        page = shop.adapter.pull_listings(None, limit=50)
        assert shop.desk.last("bulk_get").json() == {"requests": [{"sku": "KNIFE"}, {"sku": "SHIRT-M"}]}
    knife, blue, red = page.listings
    assert (page.bad, page.has_more) == ((), False)
    assert (knife.key, knife.ref.channel_sku, knife.quantity, knife.state) == ("110001", "KNIFE", 8, ListingState.LIVE)
    assert (knife.title, knife.description, knife.brand) == ("Plain knife", "<p>Sharp &amp; plain.</p>", "Plain")
    assert (knife.gtins, knife.category, knife.group) == (("4006381333931",), "9355", "")
    assert (knife.url, knife.images) == (
        "https://www.ebay.example.test/itm/110001",
        ("https://img.example.test/k.jpg",),
    )
    assert str(knife.price) == "19.99 EUR"
    assert dict(knife.ref.facts) == {"item_id": "110001", "variation": "no", "managed_by": "trading"}
    assert (blue.key, blue.group, dict(blue.options)) == ("110002/Farbe=Blau", "110002", {"Farbe": "Blau"})
    assert (blue.quantity, blue.brand, blue.gtins) == (3, "Plain", ("4006381333948",))
    assert blue.images == ("https://img.example.test/blue.jpg", "https://img.example.test/all.jpg")
    assert dict(blue.ref.facts) == {"item_id": "110002", "variation": "yes", "managed_by": "trading"}
    assert (red.key, red.ref.channel_sku, red.quantity) == ("110002/Farbe=Rot", "", 0)
    assert red.images == ("https://img.example.test/all.jpg",)


def test_what_the_inventory_api_knows_is_not_called_trading() -> None:
    known = {"sku": "KNIFE", "product": {"ean": ["4006381333955"]}}
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", answer(KNIFE))
        rows = {"responses": [{"statusCode": 200, "sku": "KNIFE", "inventoryItem": known}]}
        shop.desk.on("POST", ".*/bulk_get_inventory_item", (200, rows))
        (knife,) = shop.adapter.pull_listings(None, limit=50).listings
    assert "managed_by" not in knife.ref.facts
    assert knife.gtins == ("4006381333931", "4006381333955")


def test_an_item_that_cannot_be_read_stops_no_other() -> None:
    nameless = "<Item><Title>Nameless</Title></Item>"
    strange = KNIFE.replace("110001", "110009").replace("19.99", "a lot")
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", answer(nameless, KNIFE, strange))
        shop.desk.on("POST", ".*/bulk_get_inventory_item", unknown("KNIFE"))
        page = shop.adapter.pull_listings(None, limit=50)
    assert [listing.key for listing in page.listings] == ["110001"]
    assert [bad.key for bad in page.bad] == [None, "110009"]


def test_pages_go_on_within_the_window_of_the_first() -> None:
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", answer(more="true"), answer())
        first = shop.adapter.pull_listings(None, limit=3)
        second = shop.adapter.pull_listings(first.cursor, limit=3)
        sent = [etree.fromstring(one.body) for one in shop.desk.seen if one.path == "/ws/api.dll"]
    assert (first.has_more, second.has_more) == (True, False)
    names = {"e": XMLNS.partition('"')[2].rstrip('"')}
    assert [one.findtext("e:Pagination/e:PageNumber", namespaces=names) for one in sent] == ["1", "2"]
    assert {one.findtext("e:EndTimeFrom", namespaces=names) for one in sent} == {"2026-11-22T12:00:00.000Z"}


def test_an_answer_that_does_not_say_whether_it_is_whole_is_none() -> None:
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", "<Ack>Success</Ack><ItemArray/>")
        with pytest.raises(AdapterBug):
            shop.adapter.pull_listings(None, limit=3)


def test_a_refusal_is_a_refusal() -> None:
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", "<Ack>Failure</Ack>" + trading_error("37", "Input data is invalid."))
        with pytest.raises(InvalidData, match=r"Input data is invalid\."):
            shop.adapter.pull_listings(None, limit=3)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"of": "listings", "from": "x", "page": 1}', '{"of": "orders"}']
)
def test_a_strange_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        catalogue.parse_cursor(text, NOW)


@pytest.mark.contracts
@pytest.mark.skipif(not XSD.is_dir(), reason="eBay's official schemas are not in ../shared/contracts/ebay")
def test_request_and_answer_keep_the_official_schema() -> None:
    with gzip.open(XSD / "ebaySvc-1487-anyorder.xsd.gz") as stream:
        schema = etree.XMLSchema(etree.parse(stream))
    with open_shop() as shop:
        shop.desk.trading("GetSellerList", answer(KNIFE, SHIRT, AUCTION))
        shop.desk.on("POST", ".*/bulk_get_inventory_item", unknown("KNIFE", "SHIRT-M"))
        shop.adapter.pull_listings(None, limit=50)
        sent = shop.desk.last("POST /ws/api.dll").body
    schema.assertValid(etree.fromstring(sent))
    schema.assertValid(
        etree.fromstring(f"<GetSellerListResponse {XMLNS}>{answer(KNIFE, SHIRT)}</GetSellerListResponse>")
    )
