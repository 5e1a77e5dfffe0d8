"""The API's OpenAPI document: made from the routes, completed with what every POST and every answer has."""

from __future__ import annotations

import json
from typing import Any

from flask_openapi.openapi import OpenAPI

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new random value per intended effect. The answer is kept for 24 hours and given again to whoever "
    "repeats the request with the same key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def document(app: OpenAPI) -> dict[str, Any]:
    """The document of the application's routes."""
    made: dict[str, Any] = json.loads(json.dumps(app.api_doc))
    for path in made["paths"].values():
        for method, operation in path.items():
            operation.pop("deprecated", None)
            if method == "post":
                operation.setdefault("parameters", []).append(_KEY)
    return made


def text(app: OpenAPI) -> str:
    """As checked in: docs/openapi.json."""
    return json.dumps(document(app), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
