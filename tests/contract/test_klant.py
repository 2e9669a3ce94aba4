"""Contact moments asked of Open Klant: all of them, whatever the pages do, and nothing of what was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from mdm_adapters.http import Connection, HttpClient, Reply
from mdm_adapters.port import Denied, Fault, Garbled, PortError, Unreachable
from server.sources import klant
from server.sources.klant import HEADER, OpenKlant
from server.sources.pulled import NOBODY
from tests.vendors.contracts import Published
from tests.vendors.klant import BASE, CANARY, ZAKEN, Klant, Zaken
from tests.vendors.serving import served

CONTRACT = Path(__file__).parents[3] / "shared/contracts/zgw/open-klant-klantinteracties.openapi.yaml"
SINCE, UNTIL = date(2026, 2, 1), date(2026, 3, 4)


@dataclass
class Reach:
    """The service, and our reader of it."""

    service: Klant
    feed: OpenKlant

    def rows(self) -> list[tuple[str, ...]]:
        return sorted(self.feed.pull(SINCE, UNTIL).rows)


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reach]:
    monkeypatch.setattr(klant, "_PAGE", 5)
    service = Klant()
    with served(service) as address:
        yield Reach(service, klant.connect(Connection(address + BASE, secret=service.token)))


def test_a_contact_moment_is_channel_day_party_case_and_who_began(reach: Reach):
    reach.service.add("2026-02-02T09:00:00+01:00", "whatsapp", case="111111")
    reach.service.add("2026-02-03T23:30:00Z", "telefoon", ["worker-2"], party="organisatie", began=True)
    reach.service.add("2026-02-05T09:00:00Z", workers=["team-1"], party=None, began=None)
    assert reach.feed.pull(SINCE, UNTIL).header == HEADER
    assert reach.rows() == [
        (NOBODY, "2026-02-05", "telefoon", "", "", ""),
        ("worker-1", "2026-02-02", "whatsapp", "persoon", "111111", "false"),
        ("worker-2", "2026-02-04", "telefoon", "organisatie", "", "true"),
    ]


def test_two_workers_at_one_contact_had_a_contact_each_and_parties_that_differ_are_unknown(reach: Reach):
    reach.service.add("2026-02-02T09:00:00Z", workers=["worker-2", "worker-1"])
    reach.service.add("2026-02-03T09:00:00Z", rol="vertegenwoordiger")
    other = reach.service.contacts[0]["_expand"]["hadBetrokkenen"][0]
    reach.service.add("2026-02-04T09:00:00Z")
    reach.service.contacts[0]["_expand"]["hadBetrokkenen"].append(other)
    assert [(row[0], row[1], row[3]) for row in reach.rows()] == [
        ("worker-1", "2026-02-02", "persoon"),
        ("worker-1", "2026-02-03", "vertegenwoordiger"),
        ("worker-1", "2026-02-04", ""),
        ("worker-2", "2026-02-02", "persoon"),
    ]


def test_an_attempt_that_reached_nobody_is_counted_apart_and_a_case_known_otherwise_has_no_number(reach: Reach):
    reach.service.add("2026-02-02T09:00:00Z", done=False)
    reach.service.add("2026-02-03T09:00:00Z", done=None, case="an-id", kind="uuid")
    pulled = reach.feed.pull(SINCE, UNTIL)
    assert (pulled.passed, [row[4] for row in pulled.rows]) == (1, [""])


def test_what_lies_before_the_period_is_dropped_and_every_page_is_read(reach: Reach):
    for day in range(1, 28):
        reach.service.add(f"2026-02-{day:02}T12:00:00Z")
        reach.service.add(f"2026-01-{day:02}T12:00:00Z")
    assert [row[1] for row in reach.rows()] == [f"2026-02-{day:02}" for day in range(1, 28)]
    assert len(reach.service.seen) == 11


def test_contact_moments_that_come_in_meanwhile_shift_the_pages_and_none_is_lost_or_counted_twice(reach: Reach):
    for day in range(1, 18):
        reach.service.add(f"2026-02-{day:02}T12:00:00Z")
    late = iter(["2026-02-20T12:00:00Z", "2026-02-21T12:00:00Z"])

    def disturb(page: int) -> None:
        if page == 2:
            for at in late:
                reach.service.add(at)

    reach.service.before_page = disturb
    assert [row[1][-2:] for row in reach.rows()] == [f"{day:02}" for day in [*range(1, 18), 20, 21]]


def test_a_list_that_never_stands_still_is_no_list(reach: Reach):
    for day in range(1, 18):
        reach.service.add(f"2026-02-{day:02}T12:00:00Z")
    reach.service.before_page = lambda _page: reach.service.remove(reach.service.contacts[0]["uuid"])
    with pytest.raises(Garbled) as refused:
        reach.feed.pull(SINCE, UNTIL)
    assert refused.value.fault is Fault.NO_END


@pytest.mark.parametrize(
    ("status", "body", "kind", "fault"),
    [
        (401, b"{}", Denied, Fault.WRONG_CREDENTIALS),
        (403, b"{}", Denied, Fault.FORBIDDEN),
        (429, b"{}", Unreachable, Fault.THROTTLED),
        (503, b"{}", Unreachable, Fault.SERVER_ERROR),
        (200, b"<html>sign in</html>", Garbled, Fault.BAD_BODY),
        (200, b'{"count": "many", "results": []}', Garbled, Fault.NOT_THE_PROTOCOL),
        (200, b'{"count": 1, "results": [7]}', Garbled, Fault.NOT_THE_PROTOCOL),
        (200, b'{"count": 1, "results": [{"uuid": null}]}', Garbled, Fault.NOT_THE_PROTOCOL),
    ],
)
def test_a_fault_is_one_of_ours_and_holds_nothing_of_the_answer(
    reach: Reach, status: int, body: bytes, kind: type[PortError], fault: Fault
):
    reach.service.said = [(status, body)]
    with pytest.raises(kind) as refused:
        reach.feed.pull(SINCE, UNTIL)
    assert (refused.value.fault, refused.value.__cause__, refused.value.__context__) == (fault, None, None)
    reach.service.add("2026-02-02T12:00:00Z")
    assert len(reach.rows()) == 1


def test_subject_content_notes_and_names_are_not_even_kept_in_memory(reach: Reach):
    reach.service.add("2026-02-02T12:00:00Z")
    assert CANARY in str(reach.service.contacts)
    assert CANARY not in repr(reach.feed.pull(SINCE, UNTIL).rows)
    assert CANARY not in repr(list(reach.feed._all() or ()))


def test_a_connection_without_a_token_cannot_be_meant():
    with pytest.raises(ValueError, match="secret: missing"):
        klant.connect(Connection("https://klant.example.nl" + BASE))


def test_what_is_asked_and_said_fits_the_published_contract(reach: Reach):
    if not CONTRACT.exists():
        pytest.skip("the published contract (shared/contracts/zgw) does not lie beside this repository")
    for day in range(1, 18):
        reach.service.add(f"2026-02-{day:02}T12:00:00Z", case="111111", began=day % 2 == 0)
    reach.rows()
    assert reach.service.seen
    assert Published(CONTRACT, "https://klant.example.nl" + BASE).complaints(reach.service.seen) == []


def test_a_connection_is_tried_without_reading_a_contact_moment(reach: Reach):
    reach.service.add("2026-02-02T12:00:00Z")
    assert [(trial.ok, trial.fault) for trial in reach.feed.check()] == [(True, None)]
    reach.service.token = "another"
    assert [(trial.ok, trial.fault) for trial in reach.feed.check()] == [(False, Fault.WRONG_CREDENTIALS)]
    assert reach.service.seen == []


# --- the Zaken API --------------------------------------------------------------------------------------------------

ZAKEN_CONTRACT = CONTRACT.with_name("open-zaak-zaken-1.5.1.openapi.yaml")


def test_a_zaken_api_says_of_which_case_there_was_contact_and_how(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(klant, "_PAGE", 2)
    service = Zaken()
    with served(service) as address:
        service.add("2026-02-02T09:00:00Z", "telefonisch", "111111", address)
        service.add("2026-01-02T09:00:00Z", "telefonisch", "333333", address)
        service.add("2026-02-03T23:30:00Z", "WhatsApp", "222222", address)
        service.add("2026-02-04T09:00:00Z", "WhatsApp", "444444", "https://elsewhere.example.nl")
        to = Connection(address + ZAKEN, service.client, service.secret)
        feed = klant.connect_zaken(to)
        pulled = feed.pull(SINCE, UNTIL)
        assert pulled.caseless == 1
        assert sorted(pulled.rows) == [
            (NOBODY, "2026-02-02", "telefonisch", "", "111111", ""),
            (NOBODY, "2026-02-04", "WhatsApp", "", "", ""),
            (NOBODY, "2026-02-04", "WhatsApp", "", "222222", ""),
        ]
        assert CANARY not in repr(pulled.rows)
        assert [trial.ok for trial in feed.check()] == [True]
        with pytest.raises(Denied):
            klant.connect_zaken(Connection(address + ZAKEN, service.client, "another-secret-of-some-length")).pull(
                SINCE, UNTIL
            )
    if not ZAKEN_CONTRACT.exists():
        pytest.skip("the published contract (shared/contracts/zgw) does not lie beside this repository")
    published = Published(ZAKEN_CONTRACT, "https://zaken.example.nl" + ZAKEN)
    # Cases refer to documents elsewhere, and nothing is fetched here: what contact moments need is all in this one.
    document = published.document
    document["paths"] = {"/klantcontacten": {"get": document["paths"]["/klantcontacten"]["get"]}}
    wanted = {"KlantContact", "PaginatedKlantContactList", "Fout", "ValidatieFout", "FieldValidationError"}
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {name: each for name, each in schemas.items() if name in wanted}
    assert published.complaints(service.seen) == []


INSIDE = [
    *("https://127.0.0.1", "http://127.0.0.1:8443", "http://openzaak:8000", "https://openzaak.zgw.svc.cluster.local"),
    *("http://10.1.2.3", "http://zaken.internal", "http://[fd00::1]:8000"),
]
OUTSIDE = [
    "https://zaken.example.nl",
    "http://93.184.215.14",
    "http://[2a00::1]",
    "https://",
    "no address",
    "http://[broken",
]


@pytest.mark.parametrize("host", [*INSIDE, *OUTSIDE])
def test_a_case_is_known_by_its_id_whatever_the_service_calls_itself_inside(host: str):
    """Behind a proxy a service names its cases by the address it has there; the connection alone is ever asked."""
    service = Zaken()
    with served(service) as address:
        service.add("2026-02-02T09:00:00Z", "telefonisch", "111111", host)
        pulled = klant.connect_zaken(Connection(address + ZAKEN, service.client, service.secret)).pull(SINCE, UNTIL)
    number, caseless = ("111111", 0) if host in INSIDE else ("", 1)
    assert (pulled.rows, pulled.caseless) == ([(NOBODY, "2026-02-02", "telefonisch", "", number, "")], caseless)


@pytest.mark.parametrize("host", ["http://zaken.example.org", "https://openzaak.example.org:8443"])
def test_a_case_of_the_connection_s_own_domain_is_one_of_its_service(host: str):
    asked: list[str] = []

    class Asked(HttpClient):
        def call(self, method: str, address: str, **_: object) -> Reply:
            asked.append(address)
            return Reply(200, {}, b'{"identificatie": "111111"}', address)

    http = Asked("https://zaken.example.org/zaken/api/v1/")
    assert klant.Zaken(http, "https://zaken.example.org/zaken/api/v1")._number(f"{host}{ZAKEN}/zaken/a-1") == "111111"
    assert asked == ["zaken/a-1"]


def test_contacts_of_a_case_that_cannot_be_read_are_counted():
    service = Zaken()
    with served(service) as address:
        for case in ("111111", "222222", "222222"):
            service.add("2026-02-02T09:00:00Z", "telefonisch", case, address)
        service.cases = {ref: case for ref, case in service.cases.items() if case == "111111"}
        service.contacts.append({"uuid": "u-9", "datumtijd": "2026-02-02T09:00:00Z", "kanaal": "balie"})  # of no case
        pulled = klant.connect_zaken(Connection(address + ZAKEN, service.client, service.secret)).pull(SINCE, UNTIL)
    assert (sorted(row[4] for row in pulled.rows), pulled.caseless) == (["", "", "", "111111"], 2)
