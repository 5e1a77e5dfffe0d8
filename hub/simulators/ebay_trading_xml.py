"""Trading API wire: safe reading of requests, building of answers (XSD ebaySvc-1487, contracts README 3.9 and 7.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from werkzeug.wrappers import Response

from hub.kernel.clock import iso_millis, parse_instant
from hub.kernel.money import Money
from hub.simulators.ebay_errors import TradingError, TradingRefusal, bad_input
from hub.simulators.ebay_state import decimal_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMESPACE = "urn:ebay:apis:eBLBaseComponents"
VERSION = "1487"
_NS = "{" + NAMESPACE + "}"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Node:
    """An element of a request; paths are element names with slashes."""

    __slots__ = ("_element",)

    def __init__(self, element: Element) -> None:
        self._element = element

    def _path(self, path: str) -> str:
        return "/".join(_NS + name for name in path.split("/"))

    def text(self, path: str, default: str = "") -> str:
        return (self._element.findtext(self._path(path)) or default).strip()

    def has(self, path: str) -> bool:
        return self._element.find(self._path(path)) is not None

    def all(self, path: str) -> list[Node]:
        return [Node(each) for each in self._element.findall(self._path(path))]

    def one(self, path: str) -> Node | None:
        found = self._element.find(self._path(path))
        return None if found is None else Node(found)

    def texts(self, path: str) -> list[str]:
        return [(each.text or "").strip() for each in self._element.findall(self._path(path))]

    def number(self, path: str, default: int | None = None) -> int | None:
        """Raises TradingRefusal: not a whole number."""
        text = self.text(path)
        if not text:
            return default
        if not re.fullmatch(r"-?\d{1,9}", text):
            raise TradingRefusal(bad_input(path))
        return int(text)

    def flag(self, path: str) -> bool | None:
        text = self.text(path).lower()
        return None if not text else text in ("true", "1")

    def instant(self, path: str) -> str:
        """`2026-11-22T00:00:00.000Z`, empty if absent. A time without a zone is UTC. Raises TradingRefusal."""
        text = self.text(path)
        if not text:
            return ""
        try:
            return iso_millis(parse_instant(text if re.search(r"(Z|[+-]\d\d:?\d\d)$", text) else text + "Z"))
        except ValueError as error:
            raise TradingRefusal(bad_input(path)) from error

    def minor(self, path: str, currency: str) -> int | None:
        """An amount in minor units. Raises TradingRefusal."""
        text = self.text(path)
        if not text:
            return None
        try:
            return Money.parse(text, currency).minor
        except ValueError as error:
            raise TradingRefusal(bad_input(path)) from error


def read(body: bytes, call_name: str) -> Node:
    """The request document. DTDs, entities and external references are refused.

    Raises:
        TradingRefusal: error 5, not well formed or not the request of the call.
    """
    try:
        root = ElementTree.fromstring(body, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise TradingRefusal(
            TradingError(code="5", short="XML Parse error.", long=f"XML Parse error. {type(error).__name__}")
        ) from error
    if root.tag != f"{_NS}{call_name}Request":
        raise TradingRefusal(TradingError(code="5", short="XML Parse error.", long=f"Expected {call_name}Request."))
    return Node(root)


def page_of(request: Node, most: int) -> tuple[int, int]:
    """Entries per page (default 25) and page number. Raises TradingRefusal."""
    per_page = request.number("Pagination/EntriesPerPage", 25) or 25
    page = request.number("Pagination/PageNumber", 1) or 1
    if not 1 <= per_page <= most or page < 1:
        raise TradingRefusal(bad_input("Pagination"))
    return per_page, page


def tag(name: str, value: object, **attributes: str) -> str:
    """`<name a="b">value</name>`; characters that XML cannot carry are left out."""
    text = escape(_NOT_XML.sub("", "true" if value is True else "false" if value is False else str(value)))
    extra = "".join(f" {key}={quoteattr(_NOT_XML.sub('', each))}" for key, each in attributes.items())
    return f"<{name}{extra}>{text}</{name}>"


def box(name: str, *parts: str) -> str:
    """`<name>…</name>` around what is already XML."""
    return f"<{name}>{''.join(parts)}</{name}>"


def money(name: str, minor: int, currency: str) -> str:
    return tag(name, decimal_text(minor, currency), currencyID=currency)


def pairs(name: str, values: Iterable[tuple[str, Sequence[str]]]) -> str:
    """NameValueListArrayType."""
    return box(
        name,
        *(box("NameValueList", tag("Name", key), *(tag("Value", each) for each in found)) for key, found in values),
    )


def error_xml(error: TradingError) -> str:
    return box(
        "Errors",
        tag("ShortMessage", error.short),
        tag("LongMessage", error.long or error.short),
        tag("ErrorCode", error.code),
        tag("SeverityCode", "Error"),
        *(
            f'<ErrorParameters ParamID="{index}">{tag("Value", value)}</ErrorParameters>'
            for index, value in enumerate(error.parameters)
        ),
        tag("ErrorClassification", error.classification),
    )


def envelope(
    call_name: str,
    stamp: str,
    *parts: str,
    errors: Sequence[TradingError] = (),
    ack: str = "Success",
    message_id: str = "",
) -> Response:
    """A whole answer, always HTTP 200."""
    name = call_name.removeprefix("Trading.") or "Abstract"
    name = name if re.fullmatch(r"[A-Za-z]+", name) else "Abstract"
    body = "".join(
        (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}Response xmlns="{NAMESPACE}">',
            tag("Timestamp", stamp),
            tag("Ack", ack),
            tag("CorrelationID", message_id) if message_id else "",
            *(error_xml(error) for error in errors),
            tag("Version", VERSION),
            tag("Build", f"E{VERSION}_SIM_API_R1"),
            *parts,
            f"</{name}Response>",
        )
    )
    return Response(body.encode("utf-8"), 200, mimetype="text/xml")
