"""The loopback server: each fault does what its comment says, and stopping means that nobody answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests
from werkzeug.wrappers import Request, Response

from hub.loopback.faults import LOOKS_PERMANENT, PAGE_FAULTS, PASSING, Fault, FaultKind, FaultPlan
from hub.loopback.server import LoopbackServer


class Counter:
    """A channel that counts what was applied, and keeps what the server tells about its answers."""

    def __init__(self) -> None:
        self.applied: list[bytes] = []
        self.answers: list[tuple[str, int | None, FaultKind | None]] = []

    def handle(self, request: Request) -> Response:
        self.applied.append(request.get_data())
        return Response('{"applied": "ä"}', 200, {"X-Own": "yes"}, mimetype="application/json")

    def answered(self, request: Request, operation: str, response: Response | None, fault: FaultKind | None) -> None:
        self.answers.append((operation, None if response is None else response.status_code, fault))


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def server(counter: Counter) -> Iterator[LoopbackServer]:
    with LoopbackServer(counter.handle, on_answer=counter.answered) as server:
        yield server


def _post(server: LoopbackServer, path: str = "/write", timeout: float = 3) -> requests.Response:
    return requests.post(server.url + path, data=b"body", timeout=timeout, allow_redirects=False)


def test_without_faults_requests_are_served(server: LoopbackServer, counter: Counter) -> None:
    assert _post(server).json() == {"applied": "ä"}
    assert counter.applied == [b"body"]
    assert counter.answers == [("POST /write", 200, None)]


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [
        (FaultKind.THROTTLE, 429, False),
        (FaultKind.THROTTLE_NO_HINT, 429, False),
        (FaultKind.AUTH_EXPIRED, 401, False),
        (FaultKind.FORBIDDEN, 403, False),
        (FaultKind.BAD_REQUEST, 400, False),
        (FaultKind.NOT_FOUND, 404, False),
        (FaultKind.CONFLICT, 409, False),
        (FaultKind.SERVER_ERROR, 500, False),
        (FaultKind.APPLY_THEN_500, 500, True),
        (FaultKind.BAD_GATEWAY, 502, False),
        (FaultKind.UNAVAILABLE, 503, False),
        (FaultKind.HTML_200, 200, False),
        (FaultKind.CUT_JSON, 200, True),
        (FaultKind.WRONG_CHARSET, 200, True),
        (FaultKind.BIG_BODY, 200, False),
        (FaultKind.REDIRECT_AWAY, 302, False),
    ],
)
def test_a_fault_answers_with_its_status_and_applies_or_not(
    server: LoopbackServer, counter: Counter, kind: FaultKind, status: int, applied: bool
) -> None:
    server.plan.arm(Fault(kinds=(kind,)))
    assert _post(server).status_code == status
    assert bool(counter.applied) == applied
    assert counter.answers == [("POST /write", status, kind)]
    assert _post(server).status_code == 200  # once only


def test_only_one_throttle_says_how_long(server: LoopbackServer) -> None:
    server.plan.arm(Fault(kinds=(FaultKind.THROTTLE,)))
    assert _post(server).headers["Retry-After"] == "2"
    server.plan.arm(Fault(kinds=(FaultKind.THROTTLE_NO_HINT,)))
    assert "Retry-After" not in _post(server).headers


@pytest.mark.parametrize(("kind", "applied"), [(FaultKind.RESET_BEFORE, False), (FaultKind.APPLY_THEN_DROP, True)])
def test_a_connection_is_cut(server: LoopbackServer, counter: Counter, kind: FaultKind, applied: bool) -> None:
    server.plan.arm(Fault(kinds=(kind,)))
    with pytest.raises(requests.ConnectionError):
        _post(server)
    assert bool(counter.applied) == applied
    assert counter.answers == [("POST /write", None, kind)]


@pytest.mark.parametrize(("kind", "applied"), [(FaultKind.HANG, False), (FaultKind.APPLY_THEN_HANG, True)])
def test_a_hang_lasts_until_the_caller_gives_up(
    server: LoopbackServer, counter: Counter, kind: FaultKind, applied: bool
) -> None:
    server.plan.arm(Fault(kinds=(kind,), hang_s=5))
    started = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        _post(server, timeout=0.3)
    assert 0.2 < time.monotonic() - started < 1.5
    assert bool(counter.applied) == applied


def test_a_hang_that_ends_by_itself_cuts_the_connection(server: LoopbackServer) -> None:
    server.plan.arm(Fault(kinds=(FaultKind.HANG,), hang_s=0.1))
    with pytest.raises(requests.ConnectionError):
        _post(server)


def test_the_spoilt_bodies_are_what_they_say(server: LoopbackServer) -> None:
    whole = _post(server).content
    server.plan.arm(Fault(kinds=(FaultKind.CUT_JSON,)))
    cut = _post(server)
    assert cut.content == whole[: len(whole) // 2]
    assert cut.headers["X-Own"] == "yes"
    server.plan.arm(Fault(kinds=(FaultKind.WRONG_CHARSET,)))
    assert _post(server).content.decode("utf-16") == whole.decode()
    server.plan.arm(Fault(kinds=(FaultKind.BIG_BODY,)))
    assert len(_post(server).content) == 5 * 1024 * 1024 + 1
    server.plan.arm(Fault(kinds=(FaultKind.UNAVAILABLE,)))
    assert _post(server).text.startswith("<html>")
    server.plan.arm(Fault(kinds=(FaultKind.REDIRECT_AWAY,)))
    assert _post(server).headers["Location"] == "http://192.0.2.1/elsewhere"


def test_the_channel_may_answer_a_fault_in_its_own_words(counter: Counter) -> None:
    def native(kind: FaultKind, request: Request) -> Response | None:
        return Response("own", 418) if kind is FaultKind.THROTTLE else None

    with LoopbackServer(counter.handle, native=native) as server:
        server.plan.arm(Fault(kinds=(FaultKind.THROTTLE,)))
        assert _post(server).text == "own"
        server.plan.arm(Fault(kinds=(FaultKind.CONFLICT,)))
        assert _post(server).status_code == 409


def test_faults_meet_only_the_operations_they_are_armed_for(counter: Counter) -> None:
    with LoopbackServer(counter.handle, operation_of=lambda request: request.path.strip("/")) as server:
        server.plan.arm(Fault(kinds=(FaultKind.CONFLICT,), operation="orders*", times=None))
        statuses = [_post(server, path).status_code for path in ("/stock", "/orders", "/ordersOfToday", "/orders")]
    assert statuses == [200, 409, 409, 409]


def test_exempt_requests_are_neither_broken_nor_reported(counter: Counter) -> None:
    with LoopbackServer(
        counter.handle, on_answer=counter.answered, exempt=lambda request: request.path == "/control"
    ) as server:
        server.plan.arm(Fault(kinds=(FaultKind.CONFLICT,), times=None))
        assert _post(server, "/control").status_code == 200
    assert counter.answers == []


def test_after_stop_nobody_answers_and_start_comes_back_on_the_same_port(counter: Counter) -> None:
    server = LoopbackServer(counter.handle).start()
    port = server.port
    with requests.Session() as kept_open:
        assert kept_open.post(server.url, data=b"1", timeout=3).status_code == 200
        server.stop()
        with pytest.raises(requests.ConnectionError, match="refused"):
            kept_open.post(server.url, data=b"2", timeout=3)
        server.start()
        try:
            assert server.port == port
            assert kept_open.post(server.url, data=b"3", timeout=3).status_code == 200
        finally:
            server.stop()
    assert counter.applied == [b"1", b"3"]


def test_stop_ends_hangs_and_leaves_no_listening_thread(counter: Counter) -> None:
    server = LoopbackServer(counter.handle).start()
    server.plan.arm(Fault(kinds=(FaultKind.HANG,), hang_s=30))
    ended = threading.Event()

    def call() -> None:
        with pytest.raises(requests.ConnectionError):
            _post(server, timeout=20)
        ended.set()

    caller = threading.Thread(target=call)
    caller.start()
    while not server.plan.armed()[0].hits:
        ended.wait(0.01)
    server.stop()
    caller.join(timeout=5)
    assert ended.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == f"loopback-{server.port}"]


def test_twenty_callers_are_served_at_once(counter: Counter) -> None:
    together = threading.Barrier(20)

    def handle(request: Request) -> Response:
        together.wait(timeout=10)  # breaks unless all twenty are being served at the same time
        return Response("")

    statuses: list[int] = []
    with LoopbackServer(handle) as server:
        threads = [
            threading.Thread(target=lambda: statuses.append(_post(server, timeout=10).status_code)) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=15)
    assert statuses == [200] * 20


# ---------------------------------------------------------------- the plan


def test_times_and_rate_are_kept() -> None:
    plan = FaultPlan(seed=1)
    plan.arm(Fault(kinds=(FaultKind.CONFLICT,), times=2))
    assert [plan.draw("x") is not None for _ in range(4)] == [True, True, False, False]
    plan.clear()
    plan.arm(Fault(kinds=(FaultKind.CONFLICT,), times=None, rate=0.3))
    hits = sum(plan.draw("x") is not None for _ in range(1000))
    assert 250 < hits < 350


def test_the_same_seed_draws_the_same_faults() -> None:
    def drawn(seed: int) -> list[FaultKind | None]:
        plan = FaultPlan(seed=99)
        plan.reseed(seed)
        plan.arm(Fault(kinds=PASSING, times=None, rate=0.5))
        return [found[0] if (found := plan.draw("x")) else None for _ in range(50)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_page_faults_wait_for_a_page() -> None:
    plan = FaultPlan()
    plan.arm(Fault(kinds=(FaultKind.DUPLICATE_PAGE,)))
    assert plan.draw("orders") is None
    found = plan.draw("orders", page=True)
    assert found is not None
    assert found[0] is FaultKind.DUPLICATE_PAGE


def test_every_fault_is_either_passing_permanent_or_of_a_page() -> None:
    assert sorted((*PASSING, *LOOKS_PERMANENT, *PAGE_FAULTS)) == sorted(FaultKind)
