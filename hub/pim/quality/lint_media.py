"""The rules of lint for pictures. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from hub.kernel.text import shorten
from hub.pim.facts import MEDIA
from hub.pim.quality.finding import Finding, LintPicture, Prepared
from hub.pim.quality.limits import HOUSE, ChannelRules, Severity


class Said(Protocol):
    """What makes a finding about the pictures at hand."""

    def __call__(self, code: str, severity: Severity, message: str, fix: str, source: str = "") -> Finding: ...


def pictures(given: Prepared, rules: ChannelRules) -> Iterator[Finding]:
    """How many there are and where; and of those whose content is known: size, shape, border, copies."""

    def said(code: str, severity: Severity, message: str, fix: str, source: str = "") -> Finding:
        return Finding(
            code=code, severity=severity, field="images", channel=given.channel, locale=given.locale, message=message,
            fix=fix, source=source,
        )  # fmt: skip

    addresses = [*given.images, *(v.image for v in given.variants if v.image)]
    if not addresses:
        if rules.pictures_needed is not None:
            yield said(
                "picture_missing", rules.pictures_needed, "There is no picture.", "Add one that shows the whole thing.",
                rules.pictures_source,
            )  # fmt: skip
        return
    if rules.pictures is not None and len(given.images) > rules.pictures.value:
        yield said(
            "pictures_many", rules.pictures.severity,
            f"There are {len(given.images)} pictures, {rules.label} takes {rules.pictures.value}: the rest is not shown.",
            "Put the best ones first.", rules.pictures.source,
        )  # fmt: skip
    if rules.https_only:
        for address in dict.fromkeys(a for a in addresses if not a.startswith(("https://", MEDIA))):
            yield said(
                "picture_not_https", "error", f"{shorten(address, 80)} does not begin with https://.",
                f"{rules.label} fetches pictures over HTTPS only: give that address.", rules.https_only,
            )  # fmt: skip
    for number, picture in enumerate(given.pictures):
        if picture.problem:
            yield said(
                "picture_unreachable", "warning", f"{shorten(picture.address, 80)} could not be had: {picture.problem}",
                "Correct the address, or upload the picture.",
            )  # fmt: skip
        if picture.shared_with:
            yield said(
                "picture_shared", "advice",
                f"{shorten(picture.address, 80)} is the picture of {picture.shared_with} other "
                f"{'product' if picture.shared_with == 1 else 'products'} too.",
                "Show this very thing, if the others are not just another size of it.",
            )  # fmt: skip
        if picture.width is not None and picture.height is not None:
            yield from _one(said, picture, picture.width, picture.height, rules, main=number == 0)
    by_content: dict[str, list[str]] = {}
    for picture in given.pictures:
        if picture.digest:
            by_content.setdefault(picture.digest, []).append(picture.address)
    for same in by_content.values():
        if len(same) > 1:
            yield said(
                "picture_twice", "advice", f"The same picture is there {len(same)} times: {shorten(same[1], 80)}.",
                "Show another side of the thing instead.",
            )  # fmt: skip


def _one(
    said: Said, picture: LintPicture, width: int, height: int, rules: ChannelRules, *, main: bool
) -> Iterator[Finding]:
    name = shorten(picture.address, 80)
    longest, shortest = max(width, height), max(1, min(width, height))
    for limit, code, fix in (
        (rules.pixels, "picture_small", "Take it again, or ask the maker for a larger one."),
        (rules.pixels_advised, "picture_could_be_larger", "Buyers zoom in: use a larger one if there is any."),
    ):
        if limit is not None and longest < limit.value:
            yield said(
                code, limit.severity,
                f"{name} has {width} × {height} pixels; {rules.label} "
                f"{'wants' if limit.severity == 'warning' else 'recommends'} {limit.value:,} on the longer side.",
                fix, limit.source,
            )  # fmt: skip
            break
    if longest / shortest > HOUSE.shape:
        yield said(
            "picture_shape", "advice", f"{name} is {width} × {height} pixels: very long and narrow.",
            "Crop it closer to a square: it is shown in a square box.",
        )  # fmt: skip
    limit = rules.white_border
    if main and limit is not None and picture.white_border is not None and picture.white_border < limit.value:
        yield said(
            "picture_background", limit.severity,
            f"Only {picture.white_border} % of the border of {name} is white; {rules.label} wants the main picture on pure "
            "white.", "Cut the thing out and put it on white.", limit.source,
        )  # fmt: skip
