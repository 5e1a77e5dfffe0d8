"""Writing a batch of parsed products in the unit of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.kernel.errors import HubError
from hub.kernel.text import shorten
from hub.pim import catalog, ledger
from hub.pim.attributes.book import BUILT_IN
from hub.pim.attributes.codes import code_of
from hub.pim.attributes.models import Attribute, Family, Locale
from hub.pim.attributes.types import AttributeType
from hub.pim.catalog import Change, PutProducts, PutVariants, Refused, Written
from hub.pim.importing.parse import ParsedProduct
from hub.pim.importing.profiles import Columns, Wanted
from hub.pim.importing.report import Result, RowResult
from hub.pim.importing.variants import ParsedVariant
from hub.pim.kits.edit import SetKit, remove_kit, set_kit
from hub.pim.models import Location

_RESULTS: dict[Change, Result] = {
    Change.CREATED: "created",
    Change.UPDATED: "updated",
    Change.UNCHANGED: "unchanged",
}
_SHOWN_MAX = 200  # characters of a value in a report


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch: a result for each of its rows, the units of stock opened, the pictures of its products."""

    results: list[RowResult]
    opened: int
    pictures: int


def write(
    session: Session, columns: Columns, batch: Sequence[ParsedProduct], token: str, file: str, now: datetime
) -> Outcome:
    """Write one batch. `token` makes opening stock count once; `file` is its reference in the ledger."""
    _declare(session, columns, batch)
    results = [problem for product in batch for problem in product.problems]
    said = [v for p in batch if p.facts is not None for v in p.variants]
    refused = catalog.refusals(
        session, [v.facts for v in said], {v.facts.sku for v in said if "options" not in v.fields}
    )
    writable = [
        p for p in batch if p.facts is not None and (p.bare or any(v.facts.sku not in refused for v in p.variants))
    ]
    answers = catalog.put_products(
        session,
        PutProducts(products=[p.facts for p in writable if p.facts is not None], only=[p.fields for p in writable]),
        now,
    )
    done: dict[str, Written] = {}
    for product, answer in zip(writable, answers, strict=True):
        if isinstance(answer, Written):
            done[product.handle] = answer
        else:
            results.append(_left_out(product, answer.problem.message, answer.problem.fix or ""))
    variants: list[ParsedVariant] = []
    for product in batch:
        written = done.get(product.handle)
        if written is None:
            results.extend(_abandoned(product, refused))
            continue
        change = _RESULTS[written.change]
        results.append(
            RowResult(
                line=product.line, subject="product", key=product.handle, result=change, changes=_shown(written.changes)
            )
        )
        for line in product.picture_lines:
            seen: Result = change if change == "created" or "images" in written.fields else "unchanged"
            results.append(RowResult(line=line, subject="picture", key=product.handle, result=seen))
        for variant in product.variants:
            problem = refused.get(variant.facts.sku)
            if problem is None:
                variants.append(variant)
            else:
                results.append(_refused(columns, variant, problem))
    created: dict[str, int] = {}
    command = PutVariants(variants=[v.facts for v in variants], only=[v.fields for v in variants])
    for variant, outcome in zip(variants, catalog.put_variants(session, command, now), strict=True):
        if isinstance(outcome, Refused):
            results.append(_refused(columns, variant, outcome.problem))
            continue
        results.append(
            RowResult(
                line=variant.line,
                subject="variant",
                key=variant.facts.sku,
                result=_RESULTS[outcome.change],
                changes=_shown(outcome.changes),
            )
        )
        if outcome.change is Change.CREATED:
            created[variant.facts.sku] = outcome.id
    opened = _open_stock(session, [v for v in variants if v.facts.sku in created], created, token, file, now)
    _make_kits(session, columns, variants, results, now)
    pictures = sum(len(p.facts.images) for p in writable if p.facts is not None and p.handle in done)
    return Outcome(results=results, opened=opened, pictures=pictures)


def _make_kits(
    session: Session, columns: Columns, variants: Sequence[ParsedVariant], results: list[RowResult], now: datetime
) -> None:
    """Make variants the kits that their rows say they are; a row whose kit is refused becomes an error."""
    asked = {v.facts.sku: v for v in variants if v.components is not None}
    for index, result in enumerate(results):
        variant = asked.get(result.key) if result.subject == "variant" and result.result != "error" else None
        if variant is None or variant.components is None:
            continue
        sku = variant.facts.sku
        try:
            if variant.components:
                changed = set_kit(session, SetKit(sku=sku, components=list(variant.components.items())), now)
            else:
                changed = remove_kit(session, sku, now)
        except HubError as problem:
            cause = f"the variant was taken, but not as a kit: {problem.message}"
            fix = problem.fix or "put the rows of its components above it, or import the file again"
            results[index] = _bad(variant.line, sku, columns.heading.get("components", "components"), cause, fix)
            continue
        if changed and result.result == "unchanged":
            results[index] = replace(result, result="updated")


def _shown(changes: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, Any]]:
    """Changes as a report shows them: long texts shortened."""

    def short(value: Any) -> Any:
        return shorten(value, _SHOWN_MAX) if isinstance(value, str) else value

    return {name: (short(pair[0]), short(pair[1])) for name, pair in changes.items()}


def _declare(session: Session, columns: Columns, batch: Sequence[ParsedProduct]) -> None:
    """Make what the file brings along: attributes by the names of its columns, its languages and its families."""
    labels = {label for product in batch for label in product.extras}
    wanted = {one.code: one for one in (*columns.wanted, *(Wanted(code=code_of(n), label=n) for n in sorted(labels)))}
    put_new(
        session,
        Attribute,
        [
            {
                "code": one.code, "label": one.label, "labels": {}, "help": "", "type": AttributeType.LONG_TEXT.value,
                "unit": "", "localisable": one.localisable, "per_channel": one.per_channel, "filterable": False,
                "searchable": True, "system": False, "rules": {}, "position": 0,
            }
            for code, one in sorted(wanted.items())
            if code not in BUILT_IN
        ],
        key=("code",),
    )  # fmt: skip
    put_new(
        session, Locale,
        [{"code": code, "label": code, "fallback": "", "position": 100} for code in sorted(columns.locales)],
        key=("code",),
    )  # fmt: skip
    if columns.families:
        families = {p.facts.family for p in batch if p.facts is not None and p.facts.family}
        put_new(
            session, Family,
            [{"code": code, "label": code, "labels": {}, "axes": []} for code in sorted(families)], key=("code",),
        )  # fmt: skip


def _open_stock(
    session: Session, new: Sequence[ParsedVariant], ids: dict[str, int], token: str, file: str, now: datetime
) -> int:
    codes = {code for variant in new for code in variant.stock}
    if not codes:
        return 0
    # Only Shopify's quantities can name a place that is not there: the first one of a new installation.
    fresh = [{"code": code, "name": code.capitalize(), "priority": 100} for code in sorted(codes)]
    put_new(session, Location, fresh, key=("code",))
    places = dict(session.execute(select(Location.code, Location.id).where(Location.code.in_(codes))).tuples().all())
    posted = ledger.post(
        session,
        [
            ledger.Movement(
                variant_id=ids[v.facts.sku], location_id=places[code], kind="count", delta=count,
                token=f"{token}:{v.facts.sku}:{code}", reason="opening stock", reference=shorten(file, 120), by="import",
            )
            for v in new
            for code, count in v.stock.items()
        ],
        now,
    )  # fmt: skip
    return sum(movement.delta for movement in posted)


def _refused(columns: Columns, variant: ParsedVariant, problem: HubError) -> RowResult:
    meaning = {"options": "option1_value"}.get(problem.field or "", problem.field or "")
    return _bad(
        variant.line, variant.facts.sku, columns.heading.get(meaning, meaning), problem.message,
        problem.fix or "correct the row",
    )  # fmt: skip


def _left_out(product: ParsedProduct, cause: str, fix: str) -> RowResult:
    return RowResult(
        line=product.line, subject="product", key=product.handle, result="error", cause=cause, fix=fix or "correct it"
    )


def _abandoned(product: ParsedProduct, refused: dict[str, HubError]) -> list[RowResult]:
    """The rows of a product that was left out: each says so, unless it has an error of its own."""
    out: list[RowResult] = []
    if product.facts is not None and not product.problems and not product.variants and not product.bare:
        out.append(_left_out(product, "the product has no row with a variant", "add a row with a price"))
    cause = f"the product {shorten(product.handle, 60)} was left out"
    for variant in product.variants:
        problem = refused.get(variant.facts.sku)
        own = problem.message if problem is not None else cause
        fix = (problem.fix if problem is not None else None) or "correct the other errors of this product"
        field = "" if problem is None else problem.field or ""
        out.append(_bad(variant.line, variant.facts.sku, field, own, fix))
    for line in product.picture_lines:
        out.append(
            RowResult(
                line=line, subject="picture", key=product.handle, result="error", cause=cause,
                fix="correct the other errors of this product",
            )
        )  # fmt: skip
    return out


def _bad(line: int, sku: str, field: str, cause: str, fix: str) -> RowResult:
    return RowResult(line=line, subject="variant", key=sku, result="error", field=field, cause=cause, fix=fix)
