"""What lint says and what it looks at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.pim.quality.limits import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to be improved. «error»: the channel refuses the listing for sure; «warning»: it breaks a published rule;
    «advice»: it would sell better. `source`: where the rule is from, "" = the hub's own advice. `sku`: the variant meant,
    "" = the product."""

    code: str
    severity: Severity
    field: str
    channel: str
    locale: str
    message: str
    fix: str
    sku: str = ""
    source: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code, "severity": self.severity, "field": self.field, "channel": self.channel,
            "locale": self.locale, "sku": self.sku, "message": self.message, "fix": self.fix, "source": self.source,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LintVariant:
    """A variant as lint looks at it. `price_minor` is its own price, whatever an account asks."""

    sku: str
    price_minor: int
    gtin: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LintPicture:
    """A picture of the product as far as the hub knows it. Pixels, None = not seen yet; `white_border`: per cent of its
    border that is near white, None = not measured; `digest`: its content. `problem`: why it could not be fetched.
    `shared_with`: how many other products show the very same one."""

    address: str
    width: int | None = None
    height: int | None = None
    white_border: int | None = None
    digest: str = ""
    problem: str = ""
    shared_with: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What would be sent to a channel («*» = any) in a language («» = the base content).

    `pictures`: the product's, in order, as far as they were looked at. `category`: the channel's own, None = not looked up.
    `same_description`: handles of other products with the same description. `fallen_back`: field → the scope it had to
    be taken from, for what has no text in the language. `attributes`: code → text as a buyer reads it.
    """

    channel: str
    locale: str
    title: str
    description: str = ""
    bullets: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    brand: str = ""
    category: str | None = None
    images: tuple[str, ...] = ()
    pictures: tuple[LintPicture, ...] = ()
    variants: tuple[LintVariant, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    fallen_back: Mapping[str, str] = field(default_factory=dict)
    same_description: tuple[str, ...] = ()
