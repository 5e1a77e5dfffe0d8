"""Reading Trading answers whose namespaces are already gone. Parsing itself happens in the client, safely."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from hub.channels.ebay.faults import Complaint


def text(root: Element, path: str) -> str:
    """The trimmed text at `path` («Item/SKU»), empty if there is none."""
    return (root.findtext(path) or "").strip()


def number(root: Element, path: str, default: int = 0) -> int:
    """The whole number at `path`, or `default` where it is absent or no number."""
    value = text(root, path)
    return int(value) if value.lstrip("-").isdigit() else default


def complaints(root: Element) -> tuple[Complaint, ...]:
    """The answer's Errors, warnings among them."""
    return tuple(
        Complaint(
            code=text(one, "ErrorCode"),
            text=text(one, "LongMessage") or text(one, "ShortMessage") or "eBay gave no reason.",
            severity="warning" if text(one, "SeverityCode") == "Warning" else "error",
            values=tuple(text(parameter, "Value") for parameter in one.findall("ErrorParameters")),
        )
        for one in root.findall("Errors")
    )


def errors(root: Element) -> tuple[Complaint, ...]:
    """The answer's Errors without warnings."""
    return tuple(one for one in complaints(root) if one.severity == "error")
