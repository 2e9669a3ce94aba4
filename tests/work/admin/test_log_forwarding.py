"""What is new in the log is passed on, in order and by its number, and nothing else: no order, no person, no hold."""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mdm_adapters import http
from server.core.log.entries import EntryKind
from server.core.model import Role
from server.core.problems import OutletProblem
from server.store.schema.reports import outlet
from server.work.admin import log_forwarding
from server.work.admin.log_forwarding import PassedOn, Syslog, Webhook
from server.work.reports import removal_report
from tests.parts.certificates import Signed, signed
from tests.parts.listeners import collector, messages_of
from tests.work.world import NUMBERS, World, closed, days

LINE = re.compile(rb"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]+) closeout - ([a-z_]+) - (\{.*\})")
SECRET = b"a secret of the test's own"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed(tmp_path_factory.mktemp("certificate"))


def live(world: World) -> None:
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    world.run()


@pytest.fixture
def busy(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    """A world in which something happened before an outlet was set, and an outlet that was set then."""
    return begin_after(live)


def stir(world: World) -> list[Any]:
    """A hold, an import, a round and a report; returns the entries that it left in the log."""
    before = len(world.log())
    world.hold(worker="worker-2")
    world.tell(closed("100002", NUMBERS[1]))
    world.put(NUMBERS[1])
    world.run()
    removal_report.removals(world.context, Role.AUDITOR, world.context.today() - days(3), world.context.today())
    return world.log()[before:]


def told_of(stream: bytes) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for message in messages_of(stream):
        parts = LINE.fullmatch(message)
        assert parts, message
        priority, at, _, kind, said = parts.groups()
        entry = json.loads(said)
        assert (entry["at"], entry["kind"]) == (at.decode(), kind.decode())
        assert int(priority) // 8 == 13
        found.append((entry["seq"], entry["kind"], entry["body"]))
    return found


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_collector_gets_what_is_new_and_not_what_was_there_before(
    busy: World, certificate: Signed, tls: bool
) -> None:
    secured = certificate.context()
    with collector(secured if tls else None) as there:
        way = Syslog("127.0.0.1", there.port, tls, str(certificate.authority), "machine 1\n.example")
        assert log_forwarding.pass_on(busy.context, [way]) == [PassedOn("syslog", 0)]
        new = [each for each in stir(busy) if each.kind not in log_forwarding.QUIET]
        assert log_forwarding.pass_on(busy.context, [way]) == [PassedOn("syslog", len(new))]
        heard = there.heard()
        assert [(seq, kind) for seq, kind, _ in told_of(heard)] == [(each.seq, each.kind.value) for each in new]
        assert b" machine1.example " in heard
        assert log_forwarding.pass_on(busy.context, [way]) == [PassedOn("syslog", 0)]


def test_neither_holds_nor_orders_nor_persons_are_passed_on(busy: World) -> None:
    with collector() as there:
        way = Syslog("127.0.0.1", there.port, tls=False)
        log_forwarding.pass_on(busy.context, [way])
        new = stir(busy)
        log_forwarding.pass_on(busy.context, [way])
        heard = there.heard()
    assert EntryKind.RESTRICTED in {each.kind for each in new}
    assert {kind for _, kind, _ in told_of(heard)} == {"register_changed", "plan_made", "report_made"}
    assert [each for each in (b"100002", b"worker-", b"hold", b"restricted") if each in heard] == []


def test_a_refusal_is_a_warning_and_all_else_a_note(busy: World) -> None:
    priorities = {
        kind: log_forwarding._syslog_line(entry, "origin", "-").split(b">")[0]
        for entry in busy.log()
        for kind in [entry.kind]
    }
    assert priorities[EntryKind.REGISTER_CHANGED] == b"<109"
    refused = busy.log()[0].__class__(0, busy.clock.now, EntryKind.REFUSED, {"what": "usage"})
    assert log_forwarding._syslog_line(refused, "origin", "-").startswith(b"<108>1 ")


def test_what_could_not_be_passed_on_comes_later_and_nothing_is_lost(busy: World) -> None:
    with collector() as there:
        log_forwarding.pass_on(busy.context, [Syslog("127.0.0.1", there.port, tls=False)])
        port = there.port
    new = [each for each in stir(busy) if each.kind not in log_forwarding.QUIET]
    gone = Syslog("127.0.0.1", port, tls=False)
    assert log_forwarding.pass_on(busy.context, [gone]) == [PassedOn("syslog", 0, OutletProblem.UNREACHABLE)]
    assert [row.fault for row in busy.rows(outlet)] == ["unreachable"]
    with collector() as there:
        log_forwarding.pass_on(busy.context, [Syslog("127.0.0.1", there.port, tls=False)])
        assert [seq for seq, _, _ in told_of(there.heard())] == [each.seq for each in new]
    assert [row.fault for row in busy.rows(outlet)] == [None]


def test_a_collector_whose_certificate_nobody_vouches_for_gets_nothing(busy: World, certificate: Signed) -> None:
    secured = certificate.context()
    with collector(secured) as there:
        way = Syslog("127.0.0.1", there.port)
        log_forwarding.pass_on(busy.context, [way])
        stir(busy)
        assert log_forwarding.pass_on(busy.context, [way]) == [PassedOn("syslog", 0, OutletProblem.CERTIFICATE)]


class Hook(ThreadingHTTPServer):
    """Takes what is posted and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.status = 204


class _Taking(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def webhook(hook: Hook) -> Webhook:
    address = f"http://127.0.0.1:{hook.server_port}/closeout"
    door = http.HttpClient(address)
    return Webhook(lambda body, headers: door.call("POST", address, headers=headers, body=body), SECRET)


def test_a_webhook_gets_signed_json_that_can_be_told_from_a_repeat(busy: World, hook: Hook) -> None:
    way = webhook(hook)
    log_forwarding.pass_on(busy.context, [way])
    new = [each for each in stir(busy) if each.kind not in log_forwarding.QUIET]
    assert log_forwarding.pass_on(busy.context, [way]) == [PassedOn("webhook", len(new))]
    ((headers, body),) = hook.taken
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.digest(SECRET, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-type"] == "application/json"
    document = json.loads(body)
    assert headers["webhook-id"] == f"{document['installation']}-{new[0].seq}-{new[-1].seq}"
    assert [each["seq"] for each in document["entries"]] == [each.seq for each in new]
    assert {tuple(each) for each in document["entries"]} == {("seq", "at", "kind", "body")}
    assert datetime.fromisoformat(document["entries"][0]["at"]) == new[0].at


@pytest.mark.parametrize(
    ("status", "problem"),
    [(503, OutletProblem.UNREACHABLE), (403, OutletProblem.REFUSED), (410, OutletProblem.REFUSED)],
)
def test_a_webhook_that_does_not_take_it_gets_it_again(
    busy: World, hook: Hook, status: int, problem: OutletProblem
) -> None:
    way = webhook(hook)
    log_forwarding.pass_on(busy.context, [way])
    stir(busy)
    hook.status = status
    assert log_forwarding.pass_on(busy.context, [way]) == [PassedOn("webhook", 0, problem)]
    hook.status = 204
    (again,) = log_forwarding.pass_on(busy.context, [way])
    assert again.problem is None
    assert hook.taken[0][1] == hook.taken[-1][1]


def test_a_broken_outlet_keeps_no_other_waiting(busy: World, hook: Hook) -> None:
    way = webhook(hook)
    with collector() as there:
        broken = Syslog("127.0.0.1", there.port, tls=False)
        log_forwarding.pass_on(busy.context, [broken, way])
    stir(busy)
    first, second = log_forwarding.pass_on(busy.context, [broken, way])
    assert (first.problem, second.problem) == (OutletProblem.UNREACHABLE, None)
    assert len(hook.taken) == 1


def test_the_secret_of_a_webhook_does_not_show_in_what_is_printed(hook: Hook) -> None:
    assert "secret" not in repr(webhook(hook))
