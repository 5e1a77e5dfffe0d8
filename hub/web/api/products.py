"""Products: found by words and filters, page by page, with facets. The same questions as `hub search`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field, StringConstraints

from hub.db.session import reading
from hub.kernel.errors import Invalid
from hub.pim.search import facets as counted
from hub.pim.search import find
from hub.pim.search.encoding import from_json
from hub.pim.search.phrases import filter_of
from hub.pim.search.query import EVERYTHING, TEXT_MAX, All, Query, Sort, checked
from hub.web.api.shapes import Line, Listed, OneLine, Out, Paging, responses, shown
from hub.web.hub import WebHub
from hub.web.idempotency import Once

TAG = Tag(name="products", description="Products, found by words and filters (docs/search.md).")
QUERY_MAX = 20_000
Phrase = Annotated[str, StringConstraints(max_length=500), OneLine]
Text = Annotated[str, StringConstraints(max_length=TEXT_MAX), OneLine]


class ProductOut(Out):
    """A product as lists show it. Prices in minor units: the lowest and the highest of its variants; `currency` is empty
    if they differ in it. `available`: units of all its variants that are free to be sold. `completeness`: percent for the
    query's channel and locale, null = not known."""

    id: str
    handle: str
    title: str
    brand: str
    category: str
    state: str
    stock_class: str
    skus: int
    first_sku: str
    price_from_minor: int | None
    price_to_minor: int | None
    currency: str
    available: int
    picture: str | None
    tags: list[str]
    updated_at: datetime
    completeness: int | None


class FacetValueOut(Out):
    value: str
    label: str
    count: int


class FacetOut(Out):
    """`more`: there are further values. `capped`: too many products were found to count them all; counts mean at least."""

    name: str
    values: list[FacetValueOut]
    more: bool
    capped: bool


class ProductList(Listed[ProductOut]):
    """A page of products. `count` products are found in all, at least so many if `count_capped`."""

    count: int
    count_capped: bool
    facets: list[FacetOut]


class ProductQuery(Paging):
    text: Text = Field(default="", description="Words, SKUs, GTINs, or parts of them.")
    filter: list[Phrase] = Field(
        default_factory=list, max_length=50, description="Such as brand=Acme or price>=12.50 EUR. All must be true."
    )
    query: Annotated[str, StringConstraints(max_length=QUERY_MAX), OneLine] = Field(
        default="", description="A whole query as JSON; text and filters narrow it."
    )
    sort: Sort | None = None
    descending: bool = False
    facet: list[Line] = Field(
        default_factory=list, max_length=counted.NAMES_MAX, description="Fields whose values are counted."
    )


def query_of(asked: ProductQuery) -> Query:
    """What the parameters say together.

    Raises:
        Invalid: something of it is not understood.
    """
    base = Query()
    if asked.query:
        try:
            base = from_json(json.loads(asked.query))
        except (json.JSONDecodeError, RecursionError):
            raise Invalid("this is no JSON", field="query", fix="see docs/search.md") from None
    own = filter_of(asked.filter)
    parts = tuple(part for part in (base.filter, own) if part != EVERYTHING)
    return checked(
        Query(
            text=" ".join(part for part in (base.text, asked.text) if part), sort=asked.sort or base.sort,
            filter=parts[0] if len(parts) == 1 else All(parts=parts), descending=asked.descending or base.descending,
            channel=base.channel, locale=base.locale,
        )
    )  # fmt: skip


def product_out(row: find.Found) -> ProductOut:
    return ProductOut(
        id=f"prd_{row.id}", handle=row.handle, title=row.title, brand=row.brand, category=row.category,
        state=row.state, stock_class=row.stock_class, skus=row.skus, first_sku=row.first_sku,
        price_from_minor=row.price_from, price_to_minor=row.price_to, currency=row.currency,
        available=row.available, picture=row.picture, tags=list(row.tags), updated_at=row.updated_at,
        completeness=row.completeness,
    )  # fmt: skip


def blueprint(hub: WebHub, once: Once) -> APIBlueprint:
    api = APIBlueprint("products", __name__, url_prefix="/api/v1", abp_tags=[TAG])

    @api.get("/products", operation_id="list_products", responses=responses(ProductList))
    def list_products(query: ProductQuery) -> Response:
        """Products that are found, in the order asked for."""
        asked = query_of(query)
        with reading(hub.sessions) as session:
            page = find.page(session, asked, after=query.after, limit=query.limit)
            many = find.count(session, asked)
            facets = counted.facets(session, asked, query.facet) if query.facet else []
        return shown(
            ProductList(
                data=[product_out(row) for row in page.rows], next=page.next, count=many.number,
                count_capped=many.capped, facets=[FacetOut.model_validate(facet) for facet in facets],
            )
        )  # fmt: skip

    return api
