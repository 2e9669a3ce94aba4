"""Teams asked through Graph: what is told, until when, and whose it is; a link elsewhere never gets our token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.port import Denied, Fault, Garbled, Unreachable
from server.sources.feeds import FEEDS
from server.sources.pulled import NOBODY, Feed
from server.sources.teams import _door_to
from tests.vendors.contracts import Published
from tests.vendors.graph import App, Said, throttled, times
from tests.vendors.reports import CANARY, COLUMNS, ReportsCloud, Use
from tests.vendors.serving import served

CONTRACT = Path(__file__).parents[3] / "shared/contracts/graph/graph-v1.0-fragment.openapi.json"
TODAY = date(2026, 3, 4)
WORKER = "worker-01@org.example"


@dataclass
class Reach:
    """One tenant, and our readers of it."""

    cloud: ReportsCloud
    activity: Feed
    calls: Feed


@pytest.fixture
def reach() -> Iterator[Reach]:
    cloud = ReportsCloud(TODAY)
    with served(cloud) as url, served(cloud.warehouse) as elsewhere:
        cloud.warehouse.address = elsewhere
        app = App("client-1", "service-secret")
        tenant = cloud.add_tenant("tenant-1", app)
        options = {"tenant": tenant.name, "client_id": app.client_id, "authority": url}
        to = Connection(f"{url}/v1.0", secret=app.secret, options=options, limits=HttpLimits(5.0, 10.0, 30.0))
        yield Reach(cloud, FEEDS["teams-activity"](to), FEEDS["teams-calls"](to))
        if CONTRACT.exists():
            assert Published(CONTRACT, "https://graph.microsoft.com/v1.0").complaints(cloud.exchanges()) == []


def test_what_was_asked_and_said_is_held_to_the_published_contract():
    if not CONTRACT.exists():
        pytest.skip("the published contract (shared/contracts/graph) does not lie beside this repository")
    document = Published(CONTRACT, "https://graph.microsoft.com/v1.0").document["paths"]
    assert "/reports/getTeamsUserActivityUserDetail(date={date})" in document


def test_an_account_is_told_by_day_and_only_until_the_day_the_reports_are_fresh(reach: Reach):
    reach.cloud.uses = [
        Use(WORKER, date(2026, 2, 28), messages=3, calls=1, seconds=75),
        Use(WORKER, date(2026, 3, 2), messages=1),
        Use(WORKER, date(2026, 3, 3), messages=9),
        Use(WORKER, date(2026, 2, 20), messages=9),
    ]
    pulled = reach.activity.pull(date(2026, 2, 27), TODAY)
    assert (pulled.first, pulled.last, pulled.asked_until) == (date(2026, 2, 27), date(2026, 3, 2), TODAY)
    assert list(pulled.rows) == [(WORKER, "2026-02-28", "3", "1", "75"), (WORKER, "2026-03-02", "1", "0", "0")]
    assert pulled.concealed is False


def test_the_link_of_a_report_is_read_without_our_token(reach: Reach):
    reach.cloud.uses = [Use(WORKER, date(2026, 3, 2), messages=1)]
    reach.activity.pull(date(2026, 3, 1), TODAY)
    assert len(reach.cloud.warehouse.seen) == 3
    assert not [headers for headers in reach.cloud.warehouse.seen if "HTTP_AUTHORIZATION" in headers]


def test_a_link_that_others_could_read_along_is_not_followed_from_a_safe_place():
    for link in (
        "http://reports.example/data?token=x",
        "file:///etc/passwd",
        "",
        "https://user@[",
        "http://127.0.0.1/",
    ):
        with pytest.raises(Garbled) as refused:
            _door_to(link, HttpLimits(), None, secure=True)
        assert refused.value.fault is Fault.REDIRECTED


def test_columns_are_known_by_their_names_and_seconds_may_be_written_as_a_duration(reach: Reach):
    reach.cloud.uses = [Use(WORKER, date(2026, 3, 2), messages=2, calls=1, seconds=125)]
    reach.cloud.columns = tuple(name for name in reversed(COLUMNS) if name != "Audio Duration In Seconds")
    assert list(reach.activity.pull(date(2026, 3, 2), TODAY).rows) == [(WORKER, "2026-03-02", "2", "1", "125")]


@pytest.mark.parametrize("tells_settings", [True, False])
def test_concealed_names_stay_concealed_and_nothing_is_switched(reach: Reach, tells_settings: bool):
    reach.cloud.uses = [Use(WORKER, date(2026, 3, 2), messages=2)]
    reach.cloud.concealed, reach.cloud.tells_settings = True, tells_settings
    pulled = reach.activity.pull(date(2026, 3, 1), TODAY)
    assert (list(pulled.rows), pulled.concealed) == ([(NOBODY, "2026-03-02", "2", "0", "0")], True)
    assert {asked.method for asked, _ in reach.cloud.seen} == {"GET"}


def test_reports_that_say_nothing_yet_tell_of_no_day(reach: Reach):
    pulled = reach.activity.pull(date(2026, 3, 1), TODAY)
    assert (list(pulled.rows), pulled.last < pulled.first) == ([], True)


def test_no_more_reports_are_asked_for_than_microsoft_gives_in_ten_minutes(reach: Reach):
    reach.cloud.uses = [Use(WORKER, date(2026, 3, 2), messages=2)]
    pulled = reach.activity.pull(date(2026, 1, 1), TODAY)
    assert (pulled.first, pulled.last) == (date(2026, 2, 19), date(2026, 3, 2))
    assert len([asked for asked, _ in reach.cloud.seen if asked.path.startswith("/reports/")]) == 13


@pytest.mark.parametrize(
    ("said", "kind", "fault"),
    [
        (Said(302, None, {}, strange=True), Garbled, Fault.NOT_THE_PROTOCOL),
        (Said(200, {"value": []}, strange=True), Garbled, Fault.NOT_THE_PROTOCOL),
        (Said(302, None, {"Location": "ftp://elsewhere.example/"}, strange=True), Garbled, Fault.REDIRECTED),
        (throttled("9"), Unreachable, Fault.THROTTLED),
        (Said(403, {"error": {"code": "S2SUnauthorized", "message": "m"}}), Denied, Fault.FORBIDDEN),
    ],
)
def test_half_a_pull_is_none(reach: Reach, said: Said, kind: type[Exception], fault: Fault):
    reach.cloud.uses = [Use(WORKER, date(2026, 3, 2), messages=2)]
    reach.cloud.troubles.append(times(9, r"/reports/\S+date=2026-03-02", said))
    with pytest.raises(kind) as refused:
        reach.activity.pull(date(2026, 3, 1), TODAY)
    assert getattr(refused.value, "fault", None) is fault


@pytest.mark.parametrize("text", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b'User Principal Name,Report Refresh Date\n"x'])
def test_what_is_no_report_is_garbled(reach: Reach, text: bytes):
    reach.cloud.warehouse.texts["token=x"] = text
    link = {"Location": f"{reach.cloud.warehouse.address}/data?token=x"}
    reach.cloud.troubles.append(times(1, "/reports/", Said(302, None, link)))
    with pytest.raises(Garbled):
        reach.activity.pull(date(2026, 3, 1), TODAY)


def test_calls_are_told_with_direction_length_and_the_other_number_until_yesterday(reach: Reach):
    reach.cloud.call(WORKER, "2026-02-02T09:00:00Z", number="+31612345601", seconds=90)
    reach.cloud.call(WORKER, "2026-02-02T23:30:00Z", "user_in", number="+31612345602")
    reach.cloud.call(WORKER, "2026-02-12T09:00:00+00:00", "ByotIn", number="+316123456**")
    reach.cloud.call(WORKER, "2026-02-13T09:00:00Z", "ByotOut", seconds=0)
    reach.cloud.call(WORKER, "2026-02-14T09:00:00Z", "conf_in")
    reach.cloud.call(WORKER, "2026-03-04T01:00:00Z")
    pulled = reach.calls.pull(date(2026, 2, 1), TODAY)
    assert sorted(pulled.rows, key=lambda row: row[1]) == [
        (WORKER, "2026-02-02", "+31612345601", "out", "90"),
        (WORKER, "2026-02-03", "+31612345602", "in", "60"),
        (WORKER, "2026-02-12", "+316123456**", "in", "60"),
    ]
    assert (pulled.first, pulled.last, pulled.passed) == (date(2026, 2, 1), date(2026, 3, 3), 2)


@pytest.mark.parametrize(
    "kind",
    ["conf_in", "conf_out", "user_out_conf", "user_out_forwarding", "user_out_transfer", "ucap_in", "ucap_out",
     "ByotInUcap", "ByotOutUcap", "ByotOutUserForwarding", "ByotOutUserTransfer", "ByotOutUserConf", ""],
)  # fmt: skip
def test_a_line_of_a_conference_a_voice_menu_and_what_was_handed_on_is_no_call_of_a_workers_own(
    reach: Reach, kind: str
):
    reach.cloud.call(WORKER, "2026-02-02T09:00:00Z", number="+31612345601")
    reach.cloud.call(WORKER, "2026-02-02T09:00:05Z", kind, number="+31612345602")
    pulled = reach.calls.pull(date(2026, 2, 1), TODAY)
    assert (len(pulled.rows), pulled.passed) == (1, 1)


def test_every_page_of_every_week_is_read_and_no_call_twice(reach: Reach):
    for day in range(1, 29):
        for hour in (1, 9, 12, 15, 18):
            reach.cloud.call(WORKER, f"2026-02-{day:02}T{hour:02}:00:00Z", number="+31612345601")
    rows = reach.calls.pull(date(2026, 2, 1), TODAY).rows
    assert len(rows) == 28 * 5


def test_names_and_what_stands_beside_the_columns_are_never_read(reach: Reach):
    reach.cloud.uses = [Use(WORKER, date(2026, 3, 2), messages=2)]
    reach.cloud.call(WORKER, "2026-02-02T09:00:00Z", number="+31612345601")
    told = (reach.activity.pull(date(2026, 3, 1), TODAY), reach.calls.pull(date(2026, 2, 1), TODAY))
    assert [CANARY in repr(pulled.rows) for pulled in told] == [False, False]


def test_a_connection_is_tried_without_reading_a_report_or_a_call(reach: Reach):
    assert [trial.ok for feed in (reach.activity, reach.calls) for trial in feed.check()] == [True, True]
    assert {asked.path for asked, _ in reach.cloud.seen} == {"/admin/reportSettings"}
