"""Mappings: a file's own headings → the headings of a layout. They are proposed by likeness, saved, and proposed again
for the same header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, Unknown
from hub.kernel.ids import digest
from hub.kernel.text import shorten
from hub.pim.history.note import Changed, note
from hub.pim.importing.catalogue_layouts import LAYOUTS
from hub.pim.importing.layouts import Layout, layout_of
from hub.pim.importing.models import MappingProfile
from hub.pim.importing.profiles import heading_key
from hub.pim.importing.sources import FORMATS

SURE = 90  # from this score a proposal is made without asking
LIKELY = 72
COLUMNS_MAX = 2_000
OPTIONS = frozenset(
    {"delimiter", "encoding", "sheet", "blank", "currency", "location", "all_or_nothing", "base_locale", "axes"}
)
# What suppliers call things, beside the layouts' own words: heading of the layout `hub` → words.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "handle": ("product id", "parent sku", "model", "group", "produkt id", "modell", "artikelgruppe"),
    "sku": ("item number", "article number", "stock code", "part number", "artikelnummer", "art nr", "bestellnummer",
            "référence", "codigo", "referencia", "variant sku", "item no"),
    "title": ("name", "product name", "item name", "bezeichnung", "artikelbezeichnung", "produktname", "titel", "nom",
              "désignation", "nombre"),
    "description": ("long description", "body", "text", "beschreibung", "langtext", "descripción"),
    "brand": ("manufacturer", "vendor", "marke", "hersteller", "marque", "fabricant", "marca"),
    "category": ("product type", "type", "kategorie", "warengruppe", "catégorie", "categoría"),
    "price": ("retail price", "rrp", "regular price", "sales price", "unit price", "preis", "vk", "verkaufspreis",
              "prix", "precio", "msrp"),
    "cost": ("purchase price", "cost price", "ek", "einkaufspreis", "prix d'achat", "net cost"),
    "gtin": ("ean", "upc", "barcode", "ean13", "ean code", "isbn", "gtin13", "código de barras"),
    "images": ("image urls", "pictures", "photos", "bilder", "bild url", "image url"),
    "image": ("variant image", "variant picture"),
    "tags": ("keywords list", "labels", "schlagworte"),
    "weight": ("gewicht", "poids", "peso", "gross weight", "net weight"),
    "length": ("länge", "longueur"), "width": ("breite", "largeur"), "height": ("höhe", "hauteur"),
    "option1_value": ("colour", "color", "farbe", "couleur", "variant"),
    "option2_value": ("size", "größe", "taille"),
    "family": ("product family", "attribute set"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProposal:
    """What a heading probably means: a heading of the layout ("" = nothing), with a score of 0 to 100. `why`: known (the
    layout has it), saved, word (a usual word for it), alike, or none."""

    heading: str
    target: str
    score: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSpec:
    """A mapping as a person saves it. `columns`: heading → heading of the layout, "" = leave it out."""

    name: str
    layout: str
    columns: Mapping[str, str]
    header: Sequence[str] = ()
    format: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def fingerprint(header: Sequence[str]) -> str:
    """The same for the same headings, whatever their case, spaces and order."""
    return digest(sorted(heading_key(text) for text in header if text.strip()))[:32]


def fitting(header: Sequence[str]) -> str:
    """The layout whose header this is: one that certainly fits, else the one that knows most headings."""
    for layout in LAYOUTS.values():
        if layout.name != "hub" and layout.fits(header):
            return layout.name
    if LAYOUTS["hub"].fits(header):
        return "hub"

    def known(layout: Layout) -> int:
        return sum(layout.known(text) for text in header)

    # Akeneo's columns have free names, so that knowing them proves nothing.
    best = max((layout for layout in LAYOUTS.values() if layout.name != "akeneo"), key=known)
    return best.name if known(best) * 2 > len(header) else "hub"


def propose(header: Sequence[str], layout_name: str, saved: MappingProfile | None = None) -> list[ColumnProposal]:
    """What each heading means in that layout. A meaning is proposed once, for the heading it fits best."""
    layout = layout_of(layout_name, LAYOUTS)
    targets = list(layout.headings())
    words = {heading_key(t): t for t in targets}
    if layout.name == "hub":
        words |= {word: target for target, several in _WORDS.items() for word in several}
    out: dict[int, ColumnProposal] = {}
    taken: set[str] = set()
    open_: list[tuple[int, int, str, str]] = []
    for index, text in enumerate(header[:COLUMNS_MAX]):
        key, shown = heading_key(text), shorten(text.strip(), 200)
        if saved is not None and key in saved.columns:
            target = saved.columns[key]
            out[index] = ColumnProposal(heading=shown, target=target, score=100, why="saved")
            taken.add(heading_key(target))
        elif layout.known(text):
            out[index] = ColumnProposal(heading=shown, target=shown, score=100, why="known")
            taken.add(key)
        else:
            for word, score, _ in process.extract(key, list(words), scorer=_alike, limit=5, score_cutoff=LIKELY):
                open_.append((-round(score), index, words[word], "word" if word == key else "alike"))
    for score, index, target, why in sorted(open_):
        if index not in out and heading_key(target) not in taken:
            out[index] = ColumnProposal(
                heading=shorten(header[index].strip(), 200), target=target, score=-score, why=why
            )
            taken.add(heading_key(target))
    none = [i for i in range(min(len(header), COLUMNS_MAX)) if i not in out]
    out |= {i: ColumnProposal(heading=shorten(header[i].strip(), 200), target="", score=0, why="none") for i in none}
    return [out[index] for index in sorted(out)]


def _alike(first: str, second: str, **_: Any) -> int:
    plain_first, plain_second = first.replace("_", " "), second.replace("_", " ")
    return round(max(fuzz.ratio(plain_first, plain_second), fuzz.token_sort_ratio(plain_first, plain_second)))


def save(session: Session, spec: MappingSpec, now: datetime) -> MappingProfile:
    """Save a mapping under its name; one of that name is replaced.

    Raises:
        Invalid: no name, an unknown layout, format or option, a target that the layout does not read.
    """
    name = " ".join(spec.name.split())
    if not name or len(name) > 100:
        raise Invalid("a mapping has a name of 1 to 100 characters", field="name", value=shorten(name, 40))
    layout = layout_of(spec.layout, LAYOUTS)
    if name in LAYOUTS or name == "auto":
        raise Invalid(f"{name!r} is the name of a layout", field="name", value=name, fix="choose another name")
    if spec.format not in ("", *FORMATS):
        raise Invalid(f"{spec.format!r} is no format", field="format", fix=f"one of: {', '.join(FORMATS)}")
    unknown = sorted(set(spec.options) - OPTIONS)
    if unknown:
        raise Invalid(
            f"there is no option {unknown[0]!r}", field="options", value=unknown[0],
            fix=f"one of: {', '.join(sorted(OPTIONS))}",
        )  # fmt: skip
    if spec.options.get("blank", "keep") not in ("keep", "clear"):
        raise Invalid("empty cells are kept or cleared", field="blank", fix="keep or clear")
    columns: dict[str, str] = {}
    for heading, target in spec.columns.items():
        key = heading_key(heading)
        if not key or len(columns) >= COLUMNS_MAX:
            raise Invalid("a column has no heading, or there are too many", field="columns", value=shorten(heading, 40))
        if target and not layout.known(target):
            raise Invalid(
                f"the layout {layout.name} does not read {target!r}", field=shorten(heading, 60),
                value=shorten(target, 60), fix="choose one of its headings, or leave the column out",
            )  # fmt: skip
        columns[key] = " ".join(target.split())
    found = session.scalars(select(MappingProfile).where(MappingProfile.name == name).with_for_update()).first()
    values = {
        "layout": layout.name, "format": spec.format, "columns": columns, "options": dict(spec.options),
        "fingerprint": fingerprint(spec.header or list(columns)),
    }  # fmt: skip
    if found is None:
        found = MappingProfile(name=name, created_at=now, updated_at=now, **values)
        session.add(found)
        session.flush()  # its id is noted
        changes = {field: (None, value) for field, value in values.items()}
        note(session, [Changed(subject="mapping", id=found.id, key=name, action="created", changes=changes)], now)
        return found
    changes = {key: (getattr(found, key), value) for key, value in values.items() if getattr(found, key) != value}
    if changes:
        for key, value in values.items():
            setattr(found, key, value)
        found.updated_at = now
        note(session, [Changed(subject="mapping", id=found.id, key=name, action="updated", changes=changes)], now)
    return found


def get(session: Session, name: str) -> MappingProfile:
    """Raises Unknown if there is no mapping of that name."""
    found = session.scalars(select(MappingProfile).where(MappingProfile.name == name)).first()
    if found is None:
        raise Unknown(
            f"there is no mapping {name!r}", field="profile", value=name, fix="`hub import mappings` lists them"
        )
    return found


def remembered(session: Session, header: Sequence[str]) -> MappingProfile | None:
    """The mapping that was saved last for this header."""
    return session.scalars(
        select(MappingProfile)
        .where(MappingProfile.fingerprint == fingerprint(header))
        .order_by(MappingProfile.updated_at.desc(), MappingProfile.id.desc())
        .limit(1)
    ).first()


def listed(session: Session, *, limit: int = 100, after: str = "") -> Sequence[MappingProfile]:
    """Mappings by name; `after` is the name of the last one seen."""
    query = select(MappingProfile).where(MappingProfile.name > after).order_by(MappingProfile.name)
    return session.scalars(query.limit(min(limit, 500))).all()


def delete(session: Session, name: str, now: datetime) -> None:
    """Raises Unknown if there is no mapping of that name."""
    found = get(session, name)
    before = {"layout": (found.layout, None), "columns": (found.columns, None), "options": (found.options, None)}
    note(session, [Changed(subject="mapping", id=found.id, key=name, action="deleted", changes=before)], now)
    session.delete(found)
