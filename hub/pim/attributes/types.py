"""The types of attributes and how their values are stored, as plain JSON. Standard library only.

| type | stored value |
|---|---|
| text, long_text, rich_text | a string (rich text: cleaned HTML) |
| lines | a list of strings, in order (bullet points, keywords) |
| number | a decimal number as a string, «12.5», in the attribute's `unit` if it has one |
| choice | the code of the option |
| multi_choice | the codes of the options, in the options' order |
| date | «2026-11-22» |
| boolean | true or false |
| money | {"minor": 1299, "currency": "EUR"} |
| file | the SHA-256 of an asset of the media library |
| reference | the handle of another product |
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

JsonValue: TypeAlias = "str | bool | list[str] | dict[str, str | int]"
Values: TypeAlias = Mapping[str, Mapping[str, JsonValue]]
"""What is said about one product or variant: attribute code → scope («» | «de» | «@amazon» | «de@amazon») → value."""


class AttributeType(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    RICH_TEXT = "rich_text"
    LINES = "lines"
    NUMBER = "number"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    DATE = "date"
    BOOLEAN = "boolean"
    MONEY = "money"
    FILE = "file"
    REFERENCE = "reference"
