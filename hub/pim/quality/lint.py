"""The rules of lint: what a channel would object to, found offline. Pure; limits.py has the numbers and their sources."""

from __future__ import annotations

from collections.abc import Iterator

from hub.kernel.text import shorten
from hub.pim.quality import lint_media, text
from hub.pim.quality.finding import Finding, Prepared
from hub.pim.quality.limits import HOUSE, PROMOTIONAL, SMALL_WORDS, ChannelRules, Limit, Severity, rules_of
from hub.pim.quality.text import Unit

_ORDER = {"error": 0, "warning": 1, "advice": 2}


def lint(given: Prepared) -> list[Finding]:
    """Everything found, what is worst first."""
    rules = rules_of(given.channel)
    found = [
        *_title(given, rules), *_description(given, rules), *_bullets(given, rules), *_keywords(given, rules),
        *_texts(given), *_facts(given, rules), *_variants(given), *lint_media.pictures(given, rules),
    ]  # fmt: skip
    return sorted(found, key=lambda f: (_ORDER[f.severity], f.field, f.code, f.sku))


def said(
    given: Prepared,
    code: str,
    severity: Severity,
    name: str,
    message: str,
    fix: str,
    *,
    sku: str = "",
    source: str = "",
) -> Finding:
    """A finding about `given`."""
    return Finding(
        code=code, severity=severity, field=name, channel=given.channel, locale=given.locale, message=message, fix=fix,
        sku=sku, source=source,
    )  # fmt: skip


def _title(given: Prepared, rules: ChannelRules) -> Iterator[Finding]:
    title = given.title.strip()
    if not title:
        yield said(given, "title_missing", "error", "title", "There is no title.", "Say what it is.")
        return
    if rules.title is not None:
        yield from _too_long(given, title, rules.title, "title", rules.label)
    seen = text.letters(title)
    if seen < HOUSE.title_short:
        yield said(
            given, "title_short", "advice", "title", f"The title has {seen} letters; buyers search for more words than that.",
            "Add what sort of thing it is, its brand, size or colour.",
        )  # fmt: skip
    bad = sorted(set(title) & set(rules.title_forbidden))
    if bad:
        yield said(
            given, "title_characters", "warning", "title",
            f"{rules.label} does not allow {' '.join(bad)} in a title.", "Take them out, unless the brand is written so.",
            source=rules.title_forbidden_source,
        )  # fmt: skip
    loud = text.shouted(title)
    if loud:
        yield said(
            given, "title_shouts", "warning", "title", f"Most of the title is in capitals: {shorten(' '.join(loud), 80)}.",
            "Write it in normal letters.",
        )  # fmt: skip
    if rules.repeats is not None:
        again = text.repeated(title, rules.repeats.value, SMALL_WORDS)
        for word, times in sorted(again.items()):
            yield said(
                given, "title_repeats", rules.repeats.severity, "title",
                f"The title has the word «{shorten(word, 40)}» {times} times; {rules.label} takes {rules.repeats.value}.",
                "Name it once.", source=rules.repeats.source,
            )  # fmt: skip
    pictographs = text.emoji(title)
    if pictographs:
        yield said(
            given, "title_emoji", "advice", "title", f"The title has emoji: {' '.join(pictographs[:10])}.",
            "Say it in words: searches find words.",
        )  # fmt: skip
    if text.tags(title):
        yield said(
            given, "title_html", "warning", "title", f"The title has HTML in it: {', '.join(text.tags(title)[:5])}.",
            "Titles are plain text: take the tags out.",
        )  # fmt: skip
    yield from _promotion(given, title, "title", rules)


def _too_long(given: Prepared, value: str, limit: Limit, name: str, label: str) -> Iterator[Finding]:
    """Over the limit in its unit. Where characters are meant, a text that is over only if emoji count twice (as UTF-16
    does) is a warning: no channel says how it counts them."""
    has = text.length(value, limit.unit)
    words = name.replace("_", " ")
    if has > limit.value:
        yield said(
            given, f"{name}_too_long", limit.severity, name,
            f"The {words} has {has:,} {limit.unit.value}, {label} takes {limit.value:,}.",
            f"Take out {has - limit.value:,}.", source=limit.source,
        )  # fmt: skip
        return
    wide = text.length(value, Unit.UTF16)
    if limit.unit is Unit.CHARACTERS and wide > limit.value:
        yield said(
            given, f"{name}_may_be_too_long", "warning", name,
            f"The {words} has {has:,} characters, but {wide:,} if emoji and rare letters count twice; {label} takes "
            f"{limit.value:,}.", f"Take out {wide - limit.value:,} to be sure.", source=limit.source,
        )  # fmt: skip


def _promotion(given: Prepared, value: str, name: str, rules: ChannelRules) -> Iterator[Finding]:
    if rules.promotion is None:
        return
    folded = f" {' '.join(value.casefold().split())} "
    for phrase in PROMOTIONAL:
        at = folded.find(phrase)
        if at >= 0 and not folded[at - 1].isalnum() and not folded[at + len(phrase)].isalnum():
            yield said(
                given, "promotion", rules.promotion, name, f"«{phrase}» advertises; {rules.label} wants none of that.",
                "Describe the thing instead.", source=rules.promotion_source,
            )  # fmt: skip


def _description(given: Prepared, rules: ChannelRules) -> Iterator[Finding]:
    plain = text.plain(given.description)
    if not plain:
        severity = rules.description_needed or "advice"
        yield said(
            given, "description_missing", severity, "description", "There is no description.",
            "Say what it is made of, for whom it is and what is in the box.",
        )  # fmt: skip
        return
    if rules.description is not None:
        yield from _too_long(given, given.description, rules.description, "description", rules.label)
    seen = text.letters(plain[: 8 * HOUSE.description_short])
    if seen < HOUSE.description_short:
        yield said(
            given, "description_short", "advice", "description", f"The description has {seen} letters only.",
            f"Write at least {HOUSE.description_short}: all facts that a buyer asks for.",
        )  # fmt: skip
    if rules.html is not None:
        foreign = [tag for tag in text.tags(given.description) if tag not in rules.html]
        if foreign:
            yield said(
                given, "html_lost", "advice", "description",
                f"{rules.label} shows no formatting: {', '.join(foreign[:8])} are taken away before it is sent.",
                "Make sure that it reads well as plain text.", source=rules.html_source,
            )  # fmt: skip
    if given.same_description:
        others = ", ".join(shorten(handle, 60) for handle in given.same_description[:3])
        more = len(given.same_description) - 3
        yield said(
            given, "description_copied", "advice", "description",
            f"The same description is on {others}{f' and {more} more' if more > 0 else ''}.",
            "Write what is special about this one: search engines and buyers skip copies.",
        )  # fmt: skip
    yield from _promotion(given, plain, "description", rules)


def _bullets(given: Prepared, rules: ChannelRules) -> Iterator[Finding]:
    if len(given.bullets) > HOUSE.bullets:
        yield said(
            given, "bullets_many", "advice", "bullet_points", f"There are {len(given.bullets)} bullet points.",
            f"Keep the {HOUSE.bullets} that matter most to a buyer.",
        )  # fmt: skip
    for number, bullet in enumerate(given.bullets, 1):
        seen = text.length(bullet, Unit.CHARACTERS)
        if seen > HOUSE.bullet_long:
            yield said(
                given, "bullet_long", "advice", "bullet_points",
                f"Bullet point {number} has {seen:,} characters; nobody reads more than {HOUSE.bullet_long} of one.",
                "Make two of it, or tell the rest in the description.",
            )  # fmt: skip
        if text.tags(bullet):
            yield said(
                given, "bullet_html", "warning", "bullet_points",
                f"Bullet point {number} has HTML in it: {', '.join(text.tags(bullet)[:5])}.",
                "Bullet points are plain text: take the tags out.",
            )  # fmt: skip
        yield from _promotion(given, bullet, "bullet_points", rules)
    folded = [" ".join(bullet.casefold().split()) for bullet in given.bullets]
    if len(set(folded)) < len(folded):
        yield said(
            given, "bullet_twice", "advice", "bullet_points", "Two bullet points say the same.", "Keep one of them."
        )


def _keywords(given: Prepared, rules: ChannelRules) -> Iterator[Finding]:
    together = " ".join(given.keywords)
    if rules.keywords is not None and together:
        yield from _too_long(given, together, rules.keywords, "keywords", rules.label)
    in_title = {word.casefold() for word in text.words(given.title)}
    known = sorted({k for k in given.keywords if k.casefold() in in_title})
    if known:
        yield said(
            given, "keywords_in_title", "advice", "keywords",
            f"Already in the title: {shorten(', '.join(known), 80)}.", "Use the room for other words.",
        )  # fmt: skip


def _texts(given: Prepared) -> Iterator[Finding]:
    """What holds for every text, whatever the channel."""
    for name, value in (
        ("title", given.title), ("description", given.description), ("bullet_points", "\n".join(given.bullets)),
        ("keywords", "\n".join(given.keywords)), ("brand", given.brand),
    ):  # fmt: skip
        bad = text.control_characters(value)
        if bad:
            yield said(
                given, "control_characters", "warning", name,
                f"There are characters in it that no channel shows: {', '.join(bad[:5])}.",
                "Type it anew, or paste it without formatting.",
            )  # fmt: skip
    for name, scope in sorted(given.fallen_back.items()):
        where = f"from «{scope}»" if scope else "from the base content"
        yield said(
            given, "not_translated", "advice", name, f"There is no {name} in «{given.locale}»: it is taken {where}.",
            "Translate it, or give the account the other language.",
        )  # fmt: skip


def _facts(given: Prepared, rules: ChannelRules) -> Iterator[Finding]:
    if not given.brand.strip():
        if rules.brand_needed is not None:
            yield said(
                given, "brand_missing", rules.brand_needed, "brand", "There is no brand.",
                "Enter the maker's brand, or «Generic» if there is none.",
            )  # fmt: skip
    elif rules.brand is not None:
        yield from _too_long(given, given.brand, rules.brand, "brand", rules.label)
    if given.category == "" and rules.category_needed is not None:
        yield said(
            given, "category_missing", rules.category_needed, "category",
            f"Nothing says where it stands on {rules.label}: the account's default category is used.",
            "Put it into a category that is mapped to one of the channel's.",
        )  # fmt: skip
    for name, value in sorted(given.attributes.items()):
        for what, limit, seen in (("name", rules.aspect_name, name), ("value", rules.aspect_value, value)):
            if limit is not None and len(seen) > limit.value:
                yield said(
                    given, "aspect_too_long", limit.severity, name,
                    f"The {what} of the item specific {shorten(name, 40)} has {len(seen):,} characters, {rules.label} takes "
                    f"{limit.value}: it is left out.", f"Take out {len(seen) - limit.value:,}, or say it shorter for this channel.",
                    source=limit.source,
                )  # fmt: skip


def _variants(given: Prepared) -> Iterator[Finding]:
    rules = rules_of(given.channel)
    if not given.variants:
        yield said(given, "variants_missing", "error", "variants", "There is nothing to sell.", "Add a variant.")
    by_gtin: dict[str, list[str]] = {}
    unnamed = []
    for variant in given.variants:
        if variant.price_minor <= 0:
            yield said(
                given, "price_missing", "error", "price", f"{variant.sku} has the price 0.", "Give it a price above zero.",
                sku=variant.sku,
            )  # fmt: skip
        if variant.gtin:
            by_gtin.setdefault(variant.gtin, []).append(variant.sku)
        else:
            unnamed.append(variant.sku)
    if unnamed and rules.gtin_needed is not None:
        shown = ", ".join(unnamed[:3]) + (f" and {len(unnamed) - 3} more" if len(unnamed) > 3 else "")
        yield said(
            given, "gtin_missing", rules.gtin_needed, "gtin", f"There is no GTIN on {shown}.",
            "Enter the number under the barcode; ask the maker for it if the goods carry none.", sku=unnamed[0],
        )  # fmt: skip
    for number, skus in sorted(by_gtin.items()):
        if len(skus) > 1:
            yield said(
                given, "gtin_twice", "warning", "gtin", f"{', '.join(skus[:3])} have the same GTIN {number}.",
                "A GTIN names one thing: give each variant its own.", sku=skus[0],
            )  # fmt: skip
