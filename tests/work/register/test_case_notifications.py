"""Notifications of cases: a proven sender has one case read back, whatever it says and however often it comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mdm_adapters.http import Connection
from mdm_adapters.port import Denied, Fault, Garbled, PortError
from server.core.log.entries import EntryKind
from server.core.model import Decision, Reason, State
from server.core.problems import SubscriptionProblem, SubscriptionRefusedError
from server.core.register.watching import WatchLack
from server.sources import klant
from server.store.schema import base
from server.store.schema.case_services import case_hint, case_ref, case_watch
from server.work.context import Context
from server.work.register import case_notifications, case_subscriptions, zaken
from server.work.register.zaken import NotificationGap, ZaakOutcome
from tests.vendors.notificaties import API, NotificationService, cloud_event, notification
from tests.vendors.serving import served
from tests.vendors.zaken import ZAKEN, CasesService
from tests.work.register.test_pushes import Sender, body
from tests.work.register.test_zaken import CONNECTION, ONE, OTHER, SYSTEM, connect
from tests.work.world import NUMBERS, Told, World

CONTRACTS = Path(__file__).parents[4] / "shared/contracts/zgw"
PAGES = "https://closeout.example.nl"


@dataclass
class Hearing:
    """A case service and the service that tells of its cases; both cases run. sent: bodies that were delivered."""

    world: World
    cases: CasesService
    told: NotificationService
    address: str
    sent: list[Any] = field(default_factory=list)

    @property
    def context(self) -> Context:
        options = {
            "case_system": SYSTEM,
            "end_status": "confirms",
            "notifications_url": self.address + API,
        }
        given = Connection(self.cases.host + ZAKEN, self.cases.client, self.cases.secret, options=options)
        return replace(self.world.context, feeds={CONNECTION: klant.connect_zaken(given)}, pages=PAGES)

    def deliver(self, address: str, headers: Mapping[str, str], body: Any) -> int:
        """As our page does."""
        assert address == f"{PAGES}/api/events/{CONNECTION}"
        self.sent.append(body)
        try:
            case_notifications.hear(
                self.context, CONNECTION, headers.get("Authorization", ""), json.dumps(body).encode()
            )
        except Denied:
            return 403
        except Garbled:
            return 400
        return 204

    def tell(self, number: str, **more: Any) -> None:
        """A case is told of."""
        assert self.told.tell(notification(self.cases.case(number)["url"], **more)) == [204]

    def read(self) -> int:
        return case_notifications.read_due(self.context)

    def poll(self) -> zaken.CasesPolled:
        service = zaken.find_service(self.context, CONNECTION)
        assert service is not None
        return zaken.poll(self.context, service, confirmed=False, name=CONNECTION)

    def phases(self) -> dict[str, str]:
        return {row.number: row.phase for row in self.world.rows(base.cases)}


@pytest.fixture
def hearing(world: World) -> Iterator[Hearing]:
    cases = CasesService()
    with served(cases) as host:
        cases.host = host
        told = NotificationService(lambda *_: 0)
        with served(told) as address:
            told.host = address
            found = Hearing(world, cases, told, address)
            told.deliver = found.deliver
            for number in (ONE, OTHER):
                cases.open(number)
            world.tell(Told(ONE, NUMBERS[:1]), Told(OTHER, NUMBERS[1:2]))
            connect(world, host)
            case_subscriptions.subscribe(found.context, CONNECTION)
            yield found


def test_a_case_that_is_told_of_is_read_back_alone_closed_and_reopened(hearing: Hearing) -> None:
    hearing.cases.close(ONE, "2025-03-02")
    hearing.cases.close(OTHER, "2025-03-02")
    hearing.cases.seen.clear()
    hearing.tell(ONE)
    assert hearing.phases() == {ONE: "investigation", OTHER: "investigation"}
    assert hearing.cases.seen == []
    assert hearing.read() == 1
    assert hearing.phases() == {ONE: "closed", OTHER: "investigation"}
    assert [each.path.split("/")[1] for each in hearing.cases.seen] == ["zaken", "statussen"]
    hearing.cases.reopen(ONE)
    hearing.tell(ONE)
    assert (hearing.read(), hearing.phases()[ONE], hearing.world.rows(case_hint)) == (1, "investigation", [])


def test_a_contact_goes_once_its_case_was_told_to_have_ended(
    hearing: Hearing,
) -> None:
    hearing.world.change(grace_days=0)
    hearing.world.put(NUMBERS[0])
    hearing.world.put(NUMBERS[1])
    hearing.cases.close(ONE, "2025-03-02")
    hearing.tell(ONE)
    hearing.read()
    hearing.world.run()
    assert ([each.state for each in hearing.world.rows(base.orders)], len(hearing.world.book().cards)) == (
        [State.DONE],
        1,
    )


def test_nothing_in_a_notification_is_believed(hearing: Hearing) -> None:
    for action in ("create", "destroy", "canary"):
        for resource in ("zaak", "status", "resultaat"):
            hearing.tell(ONE, resource=resource, action=action, kenmerken={"einddatum": "2025-03-02"})
    hearing.tell(ONE, aanmaakdatum="2099-01-01T00:00:00Z")
    assert (hearing.read(), hearing.phases()[ONE], hearing.world.rows(case_hint)) == (0, "investigation", [])


def test_replayed_doubled_reordered_and_late_ones_come_to_the_same(hearing: Hearing) -> None:
    hearing.cases.close(ONE, "2025-03-02")
    hearing.tell(ONE)
    hearing.tell(ONE)
    assert [row.version for row in hearing.world.rows(case_hint)] == [2]
    hearing.read()
    seen = len(hearing.cases.seen)
    early, *_ = [each for each in hearing.sent if each["kanaal"] == "zaken"]
    hearing.cases.reopen(ONE)
    hearing.told.tell(early)  # of the closure, and it comes after the case was opened again
    assert (hearing.read(), hearing.phases()[ONE], len(hearing.cases.seen) - seen) == (1, "investigation", 2)
    hearing.world.clock.pass_(timedelta(days=3))
    hearing.told.tell(early)
    assert (hearing.read(), hearing.phases()[ONE]) == (0, "investigation")


def test_what_is_told_while_a_case_is_read_is_read_again(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    real = zaken.read_back

    def meanwhile(context: Context, service: zaken.CaseService, ref: str, *, gone: bool) -> ZaakOutcome:
        found = real(context, service, ref, gone=gone)
        monkeypatch.setattr(zaken, "read_back", real)
        hearing.cases.close(ONE, "2025-03-02")
        hearing.tell(ONE)
        return found

    monkeypatch.setattr(zaken, "read_back", meanwhile)
    hearing.tell(ONE)
    assert (hearing.read(), len(hearing.world.rows(case_hint))) == (0, 1)
    assert (hearing.read(), hearing.phases()[ONE]) == (1, "closed")


def test_forged_ones_are_refused_and_leave_nothing(hearing: Hearing) -> None:
    (made,) = hearing.told.subscriptions.values()
    good, told = str(made["auth"]), json.dumps(notification(hearing.cases.case(ONE)["url"])).encode()
    hearing.cases.close(ONE, "2025-03-02")
    for header in (
        "",
        "Bearer",
        good[:-1],
        good + "0",
        good.lower(),
        good.removeprefix("Bearer "),
        "Bearer é",
        good.upper(),
    ):
        with pytest.raises(Denied) as caught:
            case_notifications.hear(hearing.context, CONNECTION, header, told)
        assert good not in repr(caught.value)
    for name in ("books", "nobody"):
        with pytest.raises(Denied):
            case_notifications.hear(hearing.context, name, good, told)
    assert (hearing.world.rows(case_hint), hearing.read()) == ([], 0)


def test_a_secret_is_of_one_subscription_alone_and_lies_nowhere(hearing: Hearing) -> None:
    (first,) = (each["auth"] for each in hearing.told.subscriptions.values())
    case_subscriptions.subscribe(hearing.context, CONNECTION)
    (second,) = (each["auth"] for each in hearing.told.subscriptions.values())
    assert first != second
    told = notification(hearing.cases.case(ONE)["url"])
    assert [
        hearing.deliver(f"{PAGES}/api/events/{CONNECTION}", {"Authorization": each}, told) for each in (first, second)
    ] == [403, 204]
    kept = repr([hearing.world.rows(table) for table in (case_watch, case_hint, base.log_entry)]) + repr(
        hearing.world.log()
    )
    assert not any(str(each).removeprefix("Bearer ") in kept for each in (first, second))
    assert hearing.cases.case(ONE)["uuid"] not in kept


def test_a_deleted_case_is_never_closed_its_contacts_stay_and_a_person_is_asked(hearing: Hearing) -> None:
    hearing.world.change(grace_days=0)
    hearing.world.put(NUMBERS[0])
    hearing.poll()  # by which it is known which case is which
    hearing.world.look()
    address = hearing.cases.delete(ONE)
    assert hearing.told.tell(notification(address, resource="zaak", action="destroy")) == [204]
    assert hearing.read() == 1
    hearing.world.run()
    (pair,) = hearing.world.rows(base.pair)
    assert (hearing.phases()[ONE], pair.decision, pair.reason) == (
        "investigation",
        Decision.REVIEW,
        Reason.LINK_UNKNOWN,
    )
    assert (hearing.world.vendor.removals(), len(hearing.world.book().cards)) == (0, 1)
    assert [each["outcome"] for each in hearing.world.logged(EntryKind.REGISTER_CHANGED)][-1] == "vanished"
    assert hearing.told.tell(cloud_event(address, "zaak-verwijderd")) == [204]
    assert hearing.read() == 0


def test_a_case_that_cannot_be_found_though_nobody_deleted_it_changes_nothing(hearing: Hearing) -> None:
    hearing.poll()
    address = hearing.cases.delete(ONE)
    hearing.told.tell(notification(address))
    for _ in range(5):
        assert hearing.read() == 0
        hearing.world.clock.pass_(timedelta(hours=1))
    assert (hearing.world.rows(case_hint), [row.gone_at for row in hearing.world.rows(case_ref)]) == ([], [None, None])


def test_cloud_events_are_heard_like_notifications(hearing: Hearing) -> None:
    hearing.cases.close(ONE, "2025-03-02")
    assert hearing.told.tell(cloud_event(hearing.cases.case(ONE)["url"], "zaak-afgesloten")) == [204]
    assert (hearing.read(), hearing.phases()[ONE]) == (1, "closed")


def test_every_second_one_lost_a_poll_closes_the_gap_and_says_how_large_it_was(hearing: Hearing) -> None:
    for number in (ONE, OTHER):
        hearing.cases.close(number, "2025-03-02")
    hearing.tell(ONE)
    hearing.world.clock.pass_(timedelta(minutes=2))
    heard_at = hearing.world.rows(case_watch)[0].heard_at
    polled = hearing.poll()  # what waits to be read back is not lost
    assert (polled.outcomes, polled.gap) == ({ZaakOutcome.CLOSED: 2}, NotificationGap(1, heard_at))
    assert hearing.read() == 0
    assert hearing.poll().gap == NotificationGap(0, heard_at)
    assert case_subscriptions.state(hearing.context, CONNECTION).missed == 1


def test_a_deletion_that_nobody_told_of_is_found_by_a_poll_but_not_where_the_list_is_not_whole(
    hearing: Hearing,
) -> None:
    hearing.poll()
    hearing.cases.delete(ONE)
    whole = hearing.cases.cases
    listed = json.dumps({"count": 7, "next": None, "results": whole}).encode()
    hearing.cases.said[f"{ZAKEN}/zaken"] = (200, listed)
    assert hearing.poll().outcomes == {}
    hearing.cases.said.clear()
    polled = hearing.poll()
    assert (polled.outcomes, polled.gap and polled.gap.missed) == ({ZaakOutcome.GONE: 1}, 1)
    assert hearing.poll().outcomes == {}


def test_a_service_that_shows_far_fewer_cases_is_a_question(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zaken, "_MOST_GONE", 1)
    hearing.poll()
    hearing.cases.cases.clear()
    assert hearing.poll().outcomes == {ZaakOutcome.MISSING: 2}
    assert {row.gone_at for row in hearing.world.rows(case_ref)} == {None}


def test_a_service_that_is_down_is_asked_again_later_each_time_and_nothing_is_lost(hearing: Hearing) -> None:
    hearing.cases.close(ONE, "2025-03-02")
    hearing.tell(ONE)
    hearing.tell(OTHER)
    hearing.cases.said = {f"{ZAKEN}/zaken/{each['uuid']}": (503, b"{}") for each in hearing.cases.cases}
    pauses = []
    for _ in range(3):
        assert hearing.read() == 0
        due = case_notifications.next_time(hearing.context)
        assert due is not None
        pauses.append(int((due - hearing.world.clock.now).total_seconds()))
        hearing.world.clock.pass_(timedelta(seconds=300))
    assert (pauses[0], hearing.world.rows(case_watch)[0].fault) == (30, Fault.SERVER_ERROR.value)
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) == (WatchLack.NOT_READ_BACK, Fault.SERVER_ERROR)
    hearing.cases.said.clear()
    hearing.world.clock.pass_(timedelta(hours=1))
    assert (hearing.read(), hearing.phases()[ONE], hearing.world.rows(case_hint)) == (1, "closed", [])
    assert hearing.world.rows(case_watch)[0].fault is None


WRONG: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "another case": lambda case: case | {"url": case["url"].replace(case["uuid"], case["uuid"][::-1])},
    "a page": lambda _: {"results": []},
    "no end date": lambda case: {name: value for name, value in case.items() if name != "einddatum"},
    "a status elsewhere": lambda case: case | {"status": "https://elsewhere.example.nl/zaken/api/v1/statussen/x"},
}


def test_a_service_that_answers_something_else_changes_nothing(hearing: Hearing) -> None:
    hearing.cases.close(ONE, "2025-03-02")
    case = hearing.cases.case(ONE)
    for how, wrong in WRONG.items():
        hearing.cases.said = {f"{ZAKEN}/zaken/{case['uuid']}": (200, json.dumps(wrong(case)).encode())}
        hearing.tell(ONE)
        hearing.world.clock.pass_(timedelta(hours=2))
        assert (hearing.read(), hearing.phases()[ONE], len(hearing.world.rows(case_hint))) == (0, "investigation", 1), (
            how
        )


def test_of_two_cases_with_one_number_none_closes(hearing: Hearing) -> None:
    first = hearing.cases.case(ONE)["url"]
    hearing.told.tell(notification(first))
    hearing.read()
    hearing.cases.open(ONE)
    hearing.cases.close(ONE, "2025-03-02")
    hearing.tell(ONE)
    assert (hearing.read(), hearing.phases()[ONE]) == (0, "investigation")


def test_far_more_ends_than_usual_stop_here_too(hearing: Hearing) -> None:
    hearing.world.change(max_closures_factor=1.0)
    more = [f"25{n:04}" for n in range(22)]
    hearing.world.tell(*(Told(each, (NUMBERS[n + 2],)) for n, each in enumerate(more)))
    for each in more:
        hearing.cases.open(each)
        hearing.cases.close(each, "2025-03-02")
        hearing.tell(each)
    assert hearing.read() == 20
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) == (WatchLack.STOPPED, None)
    assert hearing.world.rows(case_hint) == []


def test_what_was_pushed_since_counts(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    hearing.cases.close(ONE, "2025-03-02")
    real = zaken.one_case.read_case

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(zaken.one_case, "read_case", real)
        return real(*given)

    hearing.tell(ONE)
    began = hearing.world.clock.now
    hearing.world.clock.pass_(timedelta(seconds=1))
    Sender(hearing.world).push(body(ONE), if_match="*")
    hearing.world.clock.now = began
    monkeypatch.setattr(zaken.one_case, "read_case", meanwhile)
    assert (hearing.read(), hearing.phases()[ONE]) == (0, "investigation")


# --- subscriptions ----------------------------------------------------------------------------------------------------


def test_a_subscription_is_made_seen_and_ended(hearing: Hearing) -> None:
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) is None
    began = hearing.world.clock.now
    assert case_subscriptions.state(hearing.context, CONNECTION).begun_at == began
    hearing.world.clock.pass_(timedelta(days=3))
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) == (WatchLack.NOT_POLLED, None)
    hearing.poll()
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) is None
    assert case_subscriptions.end(hearing.context, CONNECTION) is None
    assert (hearing.told.subscriptions, hearing.world.rows(case_watch)) == ({}, [])
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) == (WatchLack.NOT_MADE, None)
    with pytest.raises(SubscriptionRefusedError) as caught:
        case_subscriptions.end(hearing.context, CONNECTION)
    assert caught.value.problem is SubscriptionProblem.NOT_SUBSCRIBED
    verbs = [each["verb"] for each in hearing.world.logged(EntryKind.PLACE_CHANGED)]
    assert verbs[-2:] == ["cases_subscribed", "cases_unsubscribed"]


def test_one_that_the_service_forgot_is_missed(hearing: Hearing) -> None:
    hearing.told.subscriptions.clear()
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) == (WatchLack.NOT_THERE, None)
    hearing.told.said["GET"] = (200, b'[{"url": "canary"}]')
    assert case_subscriptions.lack_of(hearing.context, CONNECTION) == (WatchLack.NOT_ANSWERED, Fault.NOT_THE_PROTOCOL)


def test_where_the_service_makes_none_the_one_that_there_was_goes_on(hearing: Hearing) -> None:
    hearing.told.said["POST"] = (400, b"{}")
    with pytest.raises(PortError):
        case_subscriptions.subscribe(hearing.context, CONNECTION)
    hearing.cases.close(ONE, "2025-03-02")
    hearing.tell(ONE)
    assert hearing.read() == 1


def test_one_that_cannot_be_ended_there_is_refused_here(hearing: Hearing) -> None:
    hearing.told.said["DELETE"] = (503, b"{}")
    assert case_subscriptions.end(hearing.context, CONNECTION) is Fault.SERVER_ERROR
    assert hearing.told.tell(notification(hearing.cases.case(ONE)["url"])) == [403]


@pytest.mark.parametrize("pages", ["", "http://closeout.example.nl", f"https://closeout.example.nl/{'x' * 200}"])
def test_without_an_address_that_is_encrypted_nothing_is_asked_for(hearing: Hearing, pages: str) -> None:
    with pytest.raises(SubscriptionRefusedError) as caught:
        case_subscriptions.subscribe(replace(hearing.context, pages=pages), CONNECTION)
    assert caught.value.problem is SubscriptionProblem.NO_ADDRESS
