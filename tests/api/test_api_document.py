"""docs/openapi.json is what the routes say, and what the routes say is what they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.support.web import Shop

PLACE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(PLACE.read_text("utf-8"))


def test_the_document_that_is_checked_in_is_up_to_date() -> None:
    from tools.openapi import made

    assert PLACE.read_text("utf-8") == made(), "the API changed: run `make openapi` and look at the difference"


def test_a_running_hub_gives_the_same_document(shop: Shop) -> None:
    assert shop.get("/openapi.json").get_json() == DOCUMENT


def test_every_schema_is_a_schema_and_every_reference_is_there() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for schema in schemas.values():
        OAS31Validator.check_schema(schema)
    named = {part.split('"')[0] for part in json.dumps(DOCUMENT).split('"#/components/schemas/')[1:]}
    assert named <= set(schemas)


def test_every_operation_is_described_and_every_post_has_its_key_and_its_refusals() -> None:
    ids = []
    for path in DOCUMENT["paths"].values():
        for method, operation in path.items():
            ids.append(operation["operationId"])
            assert operation["summary"]
            assert operation["tags"]
            if method == "post":
                assert "Idempotency-Key" in {p["name"] for p in operation["parameters"]}
                assert set(operation["responses"]) >= {"400", "403", "404", "409", "413", "415", "422", "503"}
                assert operation["requestBody"]["required"] is True
            for status, answer in operation["responses"].items():
                (kind,) = answer["content"]
                assert (kind == "application/problem+json") == (int(status) >= 400)
    assert len(ids) == len(set(ids))


def registry() -> Registry[Any]:
    return Registry().with_resource("urn:api", Resource(contents=DOCUMENT, specification=DRAFT202012))


CASES: list[tuple[str, str, str, Any]] = [
    ("/accounts", "/accounts", "get", None),
    ("/orders", "/orders", "get", None),
    ("/orders/ord_1", "/orders/{order}", "get", None),
    ("/stock", "/stock", "get", None),
    ("/stock/SKU-1", "/stock/{sku}", "get", None),
    ("/explain?sku=SKU-1", "/explain", "get", None),
    ("/products?facet=brand", "/products", "get", None),
    ("/products?filter=brand", "/products", "get", None),
    ("/listings", "/listings", "get", None),
    ("/listings/lst_1", "/listings/{listing}", "get", None),
    ("/exports", "/exports", "get", None),
    ("/orders/ord_9", "/orders/{order}", "get", None),
    ("/orders?limit=0", "/orders", "get", None),
    ("/exports", "/exports", "post", {}),
    ("/orders/ord_1/hold", "/orders/{order}/hold", "post", {"reason": "x"}),
    ("/orders/ord_1/shipments", "/orders/{order}/shipments", "post", {"carrier": "DHL"}),
    ("/stock/counts", "/stock/counts", "post", {"sku": "SKU-1", "location": "main", "counted": 3}),
    ("/stock/counts", "/stock/counts", "post", {"sku": "SKU-1", "location": "nowhere", "counted": 3}),
    ("/listings", "/listings", "post", {"account": "acc_1", "skus": ["SKU-1"]}),
    ("/accounts/acc_1/pause", "/accounts/{account}/pause", "post", {"reason": "x"}),
]


def test_answers_are_as_the_document_says(shop: Shop) -> None:
    shop.order()
    shop.post("/stock/adjustments", {"sku": "SKU-1", "location": "main", "delta": 1})
    for path, route, method, body in CASES:
        answer = shop.get(path) if method == "get" else shop.post(path, body)
        said = DOCUMENT["paths"][f"/api/v1{route}"][method]["responses"][str(answer.status_code)]["content"]
        reference = said[answer.mimetype]["schema"]["$ref"]
        OAS31Validator({"$ref": f"urn:api{reference}"}, registry=registry()).validate(answer.get_json())
