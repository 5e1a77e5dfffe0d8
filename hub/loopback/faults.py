"""The fault menu: everything a channel can do to a caller, by name."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    THROTTLE = "throttle"  # 429 with a hint how long, in the channel's own way
    THROTTLE_NO_HINT = "throttle_no_hint"  # 429 without one
    AUTH_EXPIRED = "auth_expired"  # 401 once, as if the token had just ended
    FORBIDDEN = "forbidden"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    SERVER_ERROR = "server_error"  # 500, not applied
    APPLY_THEN_500 = "apply_then_500"  # applied, then a 500
    BAD_GATEWAY = "bad_gateway"  # 502
    UNAVAILABLE = "unavailable"  # 503 with an HTML body, not applied
    RESET_BEFORE = "reset_before"  # connection cut, not applied
    APPLY_THEN_DROP = "apply_then_drop"  # applied, then the connection is cut
    HANG = "hang"  # no answer until the caller gives up; not applied
    APPLY_THEN_HANG = "apply_then_hang"
    HTML_200 = "html_200"  # a proxy's page with status 200; not applied
    CUT_JSON = "cut_json"  # applied, the answer ends in the middle
    WRONG_CHARSET = "wrong_charset"  # applied, the answer is UTF-16 under a UTF-8 label
    BIG_BODY = "big_body"  # 5 MB of white space and text, not applied
    REDIRECT_AWAY = "redirect_away"  # 302 to another host; not applied
    # order reads only, carried out by the simulator itself
    DUPLICATE_PAGE = "duplicate_page"  # orders of the page come twice
    SHUFFLE_PAGE = "shuffle_page"  # orders of the page come in another order


#: Faults that a healthy caller survives by waiting, looking and trying again.
PASSING = (
    FaultKind.THROTTLE, FaultKind.THROTTLE_NO_HINT, FaultKind.AUTH_EXPIRED, FaultKind.SERVER_ERROR,
    FaultKind.APPLY_THEN_500, FaultKind.BAD_GATEWAY, FaultKind.UNAVAILABLE, FaultKind.RESET_BEFORE,
    FaultKind.APPLY_THEN_DROP, FaultKind.HTML_200, FaultKind.CUT_JSON, FaultKind.WRONG_CHARSET, FaultKind.BIG_BODY,
    FaultKind.REDIRECT_AWAY, FaultKind.HANG, FaultKind.APPLY_THEN_HANG,
)  # fmt: skip
#: Faults that look permanent: a person (or a later read) has to clear them.
LOOKS_PERMANENT = (FaultKind.FORBIDDEN, FaultKind.BAD_REQUEST, FaultKind.NOT_FOUND, FaultKind.CONFLICT)
PAGE_FAULTS = (FaultKind.DUPLICATE_PAGE, FaultKind.SHUFFLE_PAGE)


@dataclass(slots=True, kw_only=True)
class Fault:
    """An armed fault. `operation` is a shell pattern over operation names; `times` None = without end;
    `rate` is the chance per matching request (0 to 1); several `kinds` = one is drawn."""

    kinds: tuple[FaultKind, ...]
    operation: str = "*"
    times: int | None = 1
    rate: float = 1.0
    hang_s: float = 30.0
    hits: int = field(default=0)


class FaultPlan:
    """What will be broken next. Thread-safe; draws from one seeded generator."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._armed: list[Fault] = []

    def reseed(self, seed: int) -> None:
        with self._lock:
            self._random = random.Random(seed)

    def arm(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def armed(self) -> Sequence[Fault]:
        with self._lock:
            return tuple(self._armed)

    def draw(self, operation: str, *, page: bool = False) -> tuple[FaultKind, Fault] | None:
        """The fault for this request, if any. `page` draws only the page faults, otherwise only the others."""
        with self._lock:
            for fault in self._armed:
                kinds = [k for k in fault.kinds if (k in PAGE_FAULTS) == page]
                if not kinds or not fnmatch.fnmatchcase(operation, fault.operation):
                    continue
                if fault.times is not None and fault.hits >= fault.times:
                    continue
                if fault.rate < 1.0 and self._random.random() >= fault.rate:
                    continue
                fault.hits += 1
                return self._random.choice(kinds), fault
        return None
