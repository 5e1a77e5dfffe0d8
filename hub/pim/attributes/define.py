"""Creating and changing what can be said about products."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from hub.db.upsert import put_new
from hub.pim.attributes.book import BUILT_IN
from hub.pim.attributes.codes import code_of
from hub.pim.attributes.models import Attribute
from hub.pim.attributes.types import AttributeType


def declare(session: Session, labels: Iterable[str]) -> dict[str, str]:
    """Make sure that there is an attribute for each of these headings; returns heading → code. New ones are long text
    that can be searched: whoever brings a catalogue in need not define it first."""
    codes = {label: code_of(label) for label in labels}
    new = {code: label for label, code in codes.items() if code not in BUILT_IN}
    put_new(
        session,
        Attribute,
        [
            {
                "code": code, "label": " ".join(label.split()), "labels": {}, "help": "",
                "type": AttributeType.LONG_TEXT.value, "unit": "", "localisable": False, "per_channel": False,
                "filterable": False, "searchable": True, "system": False, "rules": {}, "position": 0,
            }
            for code, label in sorted(new.items())
        ],
        key=("code",),
    )  # fmt: skip
    return codes
