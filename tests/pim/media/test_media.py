"""The media library: what comes in, what is refused, who uses what, and what channels are told."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from sqlalchemy import select, update

from hub.blobs.fetch import Fetched, NotFetched
from hub.blobs.store import FolderStore
from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, Unknown
from hub.pim import catalog, listings, projections
from hub.pim.catalog import PutProducts, Refused
from hub.pim.facts import ProductFacts
from hub.pim.media import fetching, library, reads
from hub.pim.media.analyse import MAX_PIXELS, analyse
from hub.pim.media.models import MediaAsset, MediaFetch
from hub.pim.models import Product
from tests.support.builders import a_product, a_variant, an_account

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def picture(kind: str = "JPEG", size: tuple[int, int] = (400, 300), *, border: int = 20, mode: str = "RGB") -> bytes:
    """A dark shape on a white ground with a white border of that many pixels."""
    made = Image.new(mode, size, "white")
    draw = ImageDraw.Draw(made)
    draw.rectangle((border, border, size[0] - border, size[1] - border), fill="#203040")
    draw.ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2), fill="#f0c020")
    out = io.BytesIO()
    made.save(out, kind)
    return out.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "media")


# ---------------------------------------------------------------- what a file is


@pytest.mark.parametrize(("kind", "type_"), [("JPEG", "jpeg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp")])
def test_a_picture_is_known_by_its_content(kind: str, type_: str) -> None:
    found = analyse(picture(kind), "picture.exe")
    assert (found.content_type, found.width, found.height) == (f"image/{type_}", 400, 300)
    assert found.border is not None
    assert found.border > 900


def test_a_picture_to_its_edge_has_no_white_border() -> None:
    assert analyse(picture(border=-1)).border == 0


def test_a_rotated_picture_has_the_size_a_viewer_shows() -> None:
    made = Image.new("RGB", (40, 20), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N"}  # where it was taken
    out = io.BytesIO()
    made.save(out, "JPEG", exif=exif)
    found = analyse(out.getvalue())
    assert (found.width, found.height) == (20, 40)


def bomb() -> bytes:
    """A GIF that says it is enormous."""
    return b"GIF89a" + (65535).to_bytes(2, "little") * 2 + b"\x80\0\0" + b"\0" * 6 + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "no picture of a known kind"),
        (b"hello", "no picture of a known kind"),
        (picture("PNG")[:200], "damaged"),
        (picture("JPEG")[:300], "damaged"),
        (bomb(), "pixels"),
        (picture("BMP"), "no picture of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "no picture of a known kind"),
    ],
    ids=["empty", "svg", "text", "cut png", "cut jpeg", "bomb", "bmp", "postscript"],
)
def test_what_is_no_picture_is_refused_by_name(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        analyse(content, "x.jpg")
    assert MAX_PIXELS == 80_000_000


def test_documents_and_films_are_kept_as_they_are() -> None:
    assert analyse(b"%PDF-1.7 ...").content_type == "application/pdf"
    assert analyse(b"\0\0\0\x18ftypmp42....").content_type == "video/mp4"


# ---------------------------------------------------------------- the library


def test_the_same_content_is_one_asset_whatever_its_name(sessions: Sessions, store: FolderStore) -> None:
    first = library.add(sessions, store, picture(), NOW, name="a.jpg")
    second = library.add(sessions, store, picture(), NOW, name="b.jpg")
    assert (first.new, second.new, second.id) == (True, False, first.id)
    assert store.get(library.key_of(first.sha256, "image/jpeg")) == picture()
    with reading(sessions) as session:
        (row,) = reads.assets(session)
        assert (row.name, row.products) == ("a.jpg", 0)


def test_a_smaller_form_is_made_once_upright_and_without_metadata(sessions: Sessions, store: FolderStore) -> None:
    made = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    out = io.BytesIO()
    made.save(out, "JPEG", exif=exif)
    sha = library.add(sessions, store, out.getvalue(), NOW).sha256
    small, extension = library.sized(sessions, store, sha, 72)
    opened = Image.open(io.BytesIO(small))
    assert (extension, opened.size, dict(opened.getexif())) == ("jpg", (36, 72), {})
    assert library.sized(sessions, store, sha, 72) == (small, "jpg")
    clear = library.add(sessions, store, picture("PNG", mode="RGBA"), NOW).sha256
    assert library.sized(sessions, store, clear, 72)[1] == "png"
    with pytest.raises(Invalid, match="out of range"):
        library.sized(sessions, store, sha, 5)
    with pytest.raises(Unknown):
        library.sized(sessions, store, "0" * 64, 72)


def test_a_picture_is_described_per_language(sessions: Sessions, store: FolderStore) -> None:
    sha = library.add(sessions, store, picture(), NOW).sha256
    with unit(sessions) as session:
        library.describe(session, sha, "", "A bottle", NOW)
        library.describe(session, sha, "de", "Eine Flasche", NOW)
        assert library.describe(session, sha[:12], "", "", NOW).alt == {"de": "Eine Flasche"}


# ---------------------------------------------------------------- products and their pictures


def put(sessions: Sessions, handle: str, *images: str, amazon: tuple[str, ...] = ()) -> int:
    with unit(sessions) as session:
        a_product(session, handle=handle)
    with unit(sessions) as session:
        facts = ProductFacts(
            handle=handle, images=images, values={"images": {"@amazon": list(amazon)}} if amazon else {}
        )
        (done,) = catalog.put_products(session, PutProducts(products=[facts], fields={"images", "values"}), NOW)
        if isinstance(done, Refused):
            raise done.problem
        while projections.project(session, NOW):
            pass
        return done.id


def test_pictures_of_products_with_their_order_per_channel(sessions: Sessions, store: FolderStore) -> None:
    front = library.add(sessions, store, picture(), NOW)
    back = library.add(sessions, store, picture(size=(900, 900)), NOW)
    one = put(sessions, "one", front.reference, "https://pictures.example/1.jpg", amazon=(back.reference,))
    put(sessions, "two", back.reference)
    with reading(sessions) as session:
        general = reads.pictures_of(session, [one])[one]
        assert [(p.sha256, p.width, p.shared_with) for p in general] == [(front.sha256, 400, 0), (None, None, 0)]
        (there,) = reads.pictures_of(session, [one], "amazon")[one]
        assert (there.sha256, there.width, there.shared_with) == (back.sha256, 900, 1)
        assert session.scalars(select(MediaFetch.address)).all() == ["https://pictures.example/1.jpg"]


@pytest.mark.parametrize("reference", ["media:abc", "media:", "javascript:alert(1)", "media:" + "g" * 64])
def test_what_names_no_picture_is_refused(sessions: Sessions, reference: str) -> None:
    for more in ({"amazon": ()}, {"amazon": (reference,)}):
        with pytest.raises(Invalid):
            put(sessions, "one", *(() if more["amazon"] else (reference,)), amazon=more["amazon"])


def test_a_draft_has_addresses_that_channels_can_reach(sessions: Sessions, store: FolderStore) -> None:
    front = library.add(sessions, store, picture(), NOW)
    with unit(sessions) as session:
        account = an_account(session)
        variant = a_variant(session, sku="W-1", stock=1)
        handle = session.scalars(select(Product.handle)).one()
        listings.want_published(session, account, [variant.product_id], NOW)
    put(sessions, handle, front.reference, "https://pictures.example/1.jpg")
    with reading(sessions) as session:
        far = listings.draft_of(session, account, variant.product_id, 1, media_url="https://shop.example/media")
        near = listings.draft_of(session, account, variant.product_id, 1)
    assert far is not None
    assert near is not None
    key = library.key_of(front.sha256, "image/jpeg")
    assert far.draft.images == (f"https://shop.example/media/{key}", "https://pictures.example/1.jpg")
    assert near.draft.images == ("https://pictures.example/1.jpg",)
    assert "images" not in near.draft.attributes


# ---------------------------------------------------------------- fetching


class Net:
    """Addresses and what is there; asking for another is an error."""

    def __init__(self, **there: bytes | NotFetched) -> None:
        self.there = {f"https://pictures.example/{name}": found for name, found in there.items()}
        self.asked: list[str] = []

    def fetch(self, address: str) -> Fetched:
        self.asked.append(address)
        found = self.there[address]
        if isinstance(found, NotFetched):
            raise found
        return Fetched(address=address, content=found, declared="text/plain")


def test_addresses_are_fetched_once_and_trouble_ends(sessions: Sessions, store: FolderStore, clock: FixedClock) -> None:
    net = Net(
        ok=picture(), busy=NotFetched("it answered 503", again=True), gone=NotFetched("404", again=False), bad=b"<"
    )
    pid = put(sessions, "one", *net.there)
    done = fetching.fetch_some(sessions, store, net, clock)  # type: ignore[arg-type]  # the face of a fetcher
    assert {r.address.rsplit("/", 1)[-1]: (bool(r.sha256), r.again) for r in done} == {
        "ok": (True, False), "busy": (False, True), "gone": (False, False), "bad": (False, False),
    }  # fmt: skip
    with reading(sessions) as session:
        assert fetching.counts(session) == {"waiting": 1, "done": 1, "failed": 2}
        assert [p.problem for p in reads.pictures_of(session, [pid])[pid]][2:] == [
            "404",
            "bad is no picture of a known kind",
        ]
    for _ in range(10):
        clock.advance(timedelta(days=1))
        fetching.fetch_some(sessions, store, net, clock)  # type: ignore[arg-type]
    assert net.asked.count("https://pictures.example/busy") == fetching.ATTEMPTS
    with unit(sessions) as session:
        assert fetching.counts(session)["failed"] == 3
        assert fetching.again(session, clock.now(), address="https://pictures.example/busy") == 1


def test_an_address_that_somebody_fetches_is_nobody_elses(
    sessions: Sessions, store: FolderStore, clock: FixedClock
) -> None:
    net = Net(ok=picture())
    put(sessions, "one", *net.there)

    class During(Net):
        def fetch(self, address: str) -> Fetched:
            assert fetching.fetch_some(sessions, store, net, clock) == []  # type: ignore[arg-type]
            return super().fetch(address)

    (done,) = fetching.fetch_some(sessions, store, During(ok=picture()), clock)  # type: ignore[arg-type]
    assert (bool(done.sha256), net.asked) == (True, [])


# ---------------------------------------------------------------- likenesses, and files nobody needs


@given(value=st.integers(0, 2**64 - 1), flips=st.sets(st.integers(0, 63), max_size=3))
def test_hashes_that_differ_in_three_bits_share_a_band(value: int, flips: set[int]) -> None:
    other = value
    for bit in flips:
        other ^= 1 << bit
    assert any(a == b for a, b in zip(library.bands(value), library.bands(other), strict=True))


def test_the_same_picture_saved_again_is_found_as_a_likeness(sessions: Sessions, store: FolderStore) -> None:
    one = library.add(sessions, store, picture(), NOW).sha256
    again = library.add(sessions, store, picture("PNG", size=(800, 600), border=40), NOW).sha256
    library.add(sessions, store, picture(size=(300, 400), border=90), NOW)
    with reading(sessions) as session:
        (found,) = reads.likenesses(session)
        assert {found.sha256, found.other} == {one, again}
        assert [pair.bits for pair in reads.likenesses(session, only=[one])] == [found.bits]


def test_only_files_that_nobody_uses_any_more_are_removed(sessions: Sessions, store: FolderStore) -> None:
    used = library.add(sessions, store, picture(), NOW)
    free = library.add(sessions, store, picture(size=(50, 50)), NOW)
    library.sized(sessions, store, free.sha256, 32)
    put(sessions, "one", used.reference)
    later = NOW + timedelta(days=8)
    with reading(sessions) as session:
        assert library.unused(session, NOW) == []
        assert [u.sha256 for u in library.unused(session, later)] == [free.sha256]
    assert library.remove(sessions, store, [used.sha256, free.sha256], later) == 1
    assert (list(store.keys("sized")), store.has(library.key_of(used.sha256, "image/jpeg"))) == ([], True)
    with unit(sessions) as session:
        assert session.scalars(select(MediaAsset.sha256)).all() == [used.sha256]
        session.execute(update(MediaAsset).values(name="x"))
