"""A Zaken API is asked which cases run: closed and reopened as both its dates and its statuses say, or left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mdm_adapters.http import Connection
from mdm_adapters.port import Fault
from server.core.log.entries import EntryKind
from server.core.model import Phase, State
from server.sources import klant
from server.sources import zaken as source
from server.store.admin import organisation
from server.store.schema import base
from server.work.context import Context
from server.work.register import zaken
from server.work.register.zaken import CasesPolled, ZaakOutcome
from tests.vendors.serving import served
from tests.vendors.zaken import CANARY, CATALOGI, FINAL, FIRST, ZAKEN, CasesService
from tests.work.register.test_pushes import Sender, body, over
from tests.work.world import NUMBERS, Told, World

SYSTEM, CONNECTION = "case-system", "zaken"
OPTIONS = {"case_system": SYSTEM}
ONE, OTHER = "240117", "240118"
CONTRACT = Path(__file__).parents[4] / "shared/contracts/zgw/open-zaak-zaken-1.5.1.openapi.yaml"


def connect(world: World, address: str) -> None:
    """The service is connected; its secret lies nowhere that a test needs."""
    with world.context.store.write() as connection:
        row = {"name": CONNECTION, "vendor": "zgw-klantcontact", "base_url": address + ZAKEN, "login": "closeout"}
        organisation.put_connection(connection, {**row, "secret_file": "", "options": "{}", "demo": True})


@dataclass
class Asking:
    """The service, and a register that knows two of its cases, both open."""

    service: CasesService
    world: World
    address: str

    def poll(self, *, confirms: bool = True, confirmed: bool = False) -> CasesPolled:
        service = zaken.find_service(self.context, CONNECTION, confirms=confirms)
        assert service is not None
        return zaken.poll(self.context, service, confirmed=confirmed, name=CONNECTION)

    @property
    def context(self) -> Context:
        given = Connection(self.address + ZAKEN, self.service.client, self.service.secret, options=OPTIONS)
        return replace(self.world.context, feeds={CONNECTION: klant.connect_zaken(given)})

    def cases(self) -> dict[str, tuple[str, str | None]]:
        """Phase and day of closure by number."""
        return {
            row.number: (row.phase, None if row.closed_at is None else row.closed_at.isoformat()[:16])
            for row in self.world.rows(base.cases)
        }


@pytest.fixture
def asking(world: World) -> Iterator[Asking]:
    service = CasesService()
    with served(service) as address:
        service.host = address
        for number in (ONE, OTHER, "250001"):
            service.open(number)
        world.tell(Told(ONE, NUMBERS[:1]), Told(OTHER, NUMBERS[1:2]))
        connect(world, address)
        yield Asking(service, world, address)


OPEN = ("investigation", None)


def test_what_ended_is_closed_what_runs_again_is_open_and_nothing_else_of_a_case_changes(asking: Asking):
    def rest() -> list[Any]:
        return [asking.world.rows(each) for each in (base.link, base.assignment, base.moment, base.identifier)]

    before = rest()
    asking.service.close(ONE, "2025-03-02")
    told = asking.poll()
    assert (told.listed, told.known, told.fault, told.outcomes) == (3, 2, None, {ZaakOutcome.CLOSED: 1})
    assert asking.cases() == {ONE: ("closed", "2025-03-02T23:00"), OTHER: OPEN}
    assert asking.poll().outcomes == {}
    asking.service.reopen(ONE)
    assert asking.poll().outcomes == {ZaakOutcome.REOPENED: 1}
    assert asking.cases() == {ONE: OPEN, OTHER: OPEN}
    assert rest() == before
    assert [(each["mode"], each["outcome"], each["count"]) for each in asking.world.logged(EntryKind.REGISTER_CHANGED)][
        1:
    ] == [("asked", "applied", 1)] * 2
    assert CANARY not in repr(asking.world.log())


def test_a_contact_goes_once_its_case_ended_there_and_stays_where_it_did_not(asking: Asking):
    asking.world.change(grace_days=0)
    asking.world.put(NUMBERS[0])
    asking.world.put(NUMBERS[1])
    asking.service.close(ONE, "2025-03-02")
    asking.poll()
    asking.world.run()
    assert [each.state for each in asking.world.rows(base.orders)] == [State.DONE]
    assert len(asking.world.book().cards) == 1


def test_that_a_case_ended_makes_nothing_fresh_of_whom_it_has(asking: Asking):
    """Its service tells the phase alone: since the last export another case may have come by the same number."""
    world = asking.world
    world.change(grace_days=0)
    world.put(NUMBERS[0])
    world.clock.pass_(timedelta(hours=73))
    asking.service.close(ONE, "2025-03-02")
    assert asking.poll().outcomes == {ZaakOutcome.CLOSED: 1}
    world.run()
    assert world.rows(base.orders) == []
    assert len(world.book().cards) == 1
    asking.poll()  # nothing new to say, and still nothing fresh
    world.run()
    assert len(world.book().cards) == 1
    ended = datetime(2025, 3, 2, 23, tzinfo=UTC)
    world.tell(Told(ONE, NUMBERS[:1], phase=Phase.CLOSED, closed_at=ended), Told(OTHER, NUMBERS[1:2]))
    world.run()
    assert len(world.book().cards) == 0


def test_without_its_word_for_it_an_end_is_a_status_and_no_confirmed_closure(asking: Asking):
    asking.service.close(ONE, "2025-03-02")
    assert asking.poll(confirms=False).outcomes == {ZaakOutcome.CLOSED: 1}
    assert asking.cases()[ONE] == ("closed", None)
    assert asking.poll(confirms=False).outcomes == {}


def contradict(service: CasesService, how: str) -> None:
    """Of the one case something is not as it should be."""
    case = service.case(ONE)
    service.close(ONE, "2025-03-02")
    if how == "a date and no end status":
        service.set_status(ONE, FIRST)
    elif how == "a date and no status":
        case["status"] = None
    elif how == "a date to come":
        case["einddatum"] = "2025-03-09"
    elif how == "the same number twice":
        service.open(ONE)
    elif how == "a status that is gone":
        service.statuses.clear()


def test_what_contradicts_itself_changes_nothing(asking: Asking):
    for how in (
        *("a date and no end status", "a date and no status", "a date to come", "a status that is gone"),
        "the same number twice",
    ):
        contradict(asking.service, how)
        assert asking.poll().outcomes == {ZaakOutcome.UNCLEAR: 1}, how
        assert asking.cases() == {ONE: OPEN, OTHER: OPEN}, how


BROKEN = {
    "the list is down": (f"{ZAKEN}/zaken", 503, b"{}", Fault.SERVER_ERROR),
    "an error with 200": (f"{ZAKEN}/zaken", 200, b'{"detail": "no"}', Fault.NOT_THE_PROTOCOL),
    "no JSON": (f"{ZAKEN}/zaken", 200, b"<html>", Fault.BAD_BODY),
    "no end date told": (f"{ZAKEN}/zaken", 200, b'{"results": [{"identificatie": "240117"}]}', Fault.NOT_THE_PROTOCOL),
    "the catalogue is down": (f"{CATALOGI}/statustypen/{FINAL}", 503, b"{}", Fault.SERVER_ERROR),
    "a type that does not say": (f"{CATALOGI}/statustypen/{FINAL}", 200, b"{}", Fault.NOT_THE_PROTOCOL),
}


def test_a_service_that_does_not_answer_well_changes_nothing_and_is_asked_again(asking: Asking):
    asking.service.close(ONE, "2025-03-02")
    for how, (path, status, answer, fault) in BROKEN.items():
        asking.service.said[path] = (status, answer)
        told = asking.poll()
        assert (told.fault, told.outcomes, asking.cases()) == (fault, {}, {ONE: OPEN, OTHER: OPEN}), how
        asking.service.said.clear()
    assert asking.poll().outcomes == {ZaakOutcome.CLOSED: 1}


def test_nothing_is_believed_or_asked_of_another_host(asking: Asking):
    asking.service.close(ONE, "2025-03-02")
    asking.service.case(ONE)["status"] = asking.service.case(ONE)["status"].replace(
        asking.address, "https://elsewhere.example.nl"
    )
    told = asking.poll()
    assert (told.fault, asking.cases()[ONE]) == (Fault.NOT_THE_PROTOCOL, OPEN)


def test_what_was_pushed_while_it_was_asked_counts(asking: Asking, monkeypatch: pytest.MonkeyPatch):
    asking.service.close(ONE, "2025-03-02")
    real = source.ZaakReader.is_final

    def meanwhile(reader: source.ZaakReader, status: str) -> bool:
        asking.world.clock.pass_(timedelta(seconds=1))
        Sender(asking.world).push(body(ONE), if_match="*")
        return real(reader, status)

    monkeypatch.setattr(source.ZaakReader, "is_final", meanwhile)
    assert asking.poll().outcomes == {ZaakOutcome.TOLD_SINCE: 1}
    assert asking.cases()[ONE] == OPEN


def test_far_more_ends_than_usual_stop_until_a_person_means_it(asking: Asking):
    asking.world.change(max_closures_factor=1.0)
    more = [f"25{n:04}" for n in range(24)]
    asking.world.tell(*(Told(each, (NUMBERS[n + 2],)) for n, each in enumerate(more)))
    for each in more:
        asking.service.cases = [one for one in asking.service.cases if one["identificatie"] != each]
        asking.service.open(each)
        asking.service.close(each, "2025-03-02")
    assert asking.poll().outcomes == {ZaakOutcome.CLOSED: 20, ZaakOutcome.STOPPED: 4}
    assert asking.world.logged(EntryKind.REGISTER_CHANGED)[-1]["outcome"] == "stopped"
    assert asking.poll(confirmed=True).outcomes == {ZaakOutcome.CLOSED: 4}


def test_a_case_of_another_system_stays_as_it_is(asking: Asking):
    Sender(asking.world, case_system="another").push(over("250001", NUMBERS[5]))
    asking.poll()
    assert asking.cases()["250001"][0] == "closed"


def test_pages_are_read_to_their_end(asking: Asking, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source, "_PAGE", 1)
    asking.service.close(OTHER, "2025-03-02")
    assert (asking.poll().listed, asking.cases()[OTHER][0]) == (3, "closed")
