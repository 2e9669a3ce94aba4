"""A case service that tells of its cases: subscribed to by a button, heard at our address, ended by another button."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from server import app as root
from server.core.model import Role
from server.store.schema.case_services import case_hint, case_watch
from server.work.admin import access, setup
from server.work.register import case_notifications
from tests.vendors.notificaties import API, NotificationService, cloud_event, notification
from tests.vendors.serving import served
from tests.vendors.zaken import ZAKEN, CasesService
from tests.web.admin.test_connections import Reaching
from tests.web.conftest import Browser
from tests.web.town import URL, Town

EVENTS = "/api/events/zaken"


@dataclass
class Told:
    """A town that a case service is connected to; it delivers to the town's own pages."""

    town: Reaching
    cases: CasesService
    service: NotificationService
    browser: Browser
    stranger: Browser

    def post(self, body: Any, headers: Mapping[str, str]) -> Any:
        """To our address, as anybody may."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.stranger.client.post(EVENTS, data=data, headers=dict(headers), base_url=URL)

    @property
    def authorisation(self) -> Mapping[str, str]:
        (made,) = self.service.subscriptions.values()
        return {"Authorization": made["auth"], "Content-Type": "application/json"}

    def count(self, table: Any) -> int:
        with self.town.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture
def told(town: Town) -> Iterator[Told]:
    reaching = Reaching(town.folder, town.url, town.clock, {})
    cases = CasesService()
    service = NotificationService(lambda *_: 0)
    with served(cases) as host, served(service) as address:
        cases.host, service.host = host, address
        cases.open("240117")
        secret = town.folder / "zaken.key"
        secret.write_text(cases.secret)
        setup.put_connection(
            reaching.context,
            name="zaken",
            vendor="zgw-klantcontact",
            base_url=host + ZAKEN,
            login=cases.client,
            secret_file=str(secret),
            kinds=root.KINDS,
            options={"case_system": "zaaksysteem", "notifications_url": address + API},
        )
        app = reaching.make_app(event_rate="4 per minute")
        row = access.demo_account(reaching.context, Role.IT_ADMINISTRATOR)
        found = Told(reaching, cases, service, Browser(app).sign_in_as(reaching, row), Browser(app))

        def deliver(to: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
            assert urlsplit(to).path == EVENTS
            return int(found.post(body, headers).status_code)

        service.deliver = deliver
        yield found
    reaching.close()


def test_it_is_subscribed_to_and_ended_by_a_button_and_nobody_is_shown_the_secret(told: Told) -> None:
    page = told.browser.get("/connections/at/zaken").text
    assert "Nothing is subscribed to." in page
    assert "Subscribe to notifications" in page
    assert told.browser.post("/connections/at/zaken/told", page="/connections/at/zaken").status_code == 303
    (made,) = told.service.subscriptions.values()
    page = told.browser.get("/connections/at/zaken").text
    assert ("Subscribed since" in page, "Subscribe again" in page) == (True, True)
    assert made["auth"].removeprefix("Bearer ") not in page
    assert told.browser.post("/connections/at/zaken/told/ended", page="/connections/at/zaken").status_code == 303
    assert (told.service.subscriptions, told.count(case_watch)) == ({}, 0)
    again = told.browser.post("/connections/at/zaken/told/ended", page="/connections/at/zaken")
    assert (again.status_code, "Nothing is subscribed to by this connection." in again.text) == (409, True)


def test_where_the_service_makes_none_the_page_says_what_to_see_to(told: Told) -> None:
    told.service.said["POST"] = (400, b"{}")
    answer = told.browser.post("/connections/at/zaken/told", page="/connections/at/zaken")
    assert (answer.status_code, "notificaties.consumeren" in answer.text) == (409, True)
    assert told.count(case_watch) == 0


def test_a_proven_notification_is_kept_at_once_and_the_service_is_not_asked_meanwhile(told: Told) -> None:
    told.browser.post("/connections/at/zaken/told", page="/connections/at/zaken")
    told.cases.seen.clear()
    case = told.cases.case("240117")["url"]
    for body in (notification(case), cloud_event(case), notification(case), notification(case, kanaal="besluiten")):
        answer = told.post(body, told.authorisation)
        assert (answer.status_code, answer.data) == (204, b"")
    assert (told.count(case_hint), told.cases.seen) == (1, [])
    assert case_notifications.next_time(told.town.context) == told.town.clock.now


def test_what_is_not_proven_or_no_notification_is_refused_without_an_echo(told: Told) -> None:
    told.browser.post("/connections/at/zaken/told", page="/connections/at/zaken")
    good = told.authorisation
    body = notification(told.cases.case("240117")["url"], canary="canary")
    huge = b'{"canary": "' + b"x" * 70_000 + b'"}'
    for sent, status in ((b"canary", 400), ({"canary": 1}, 400), (huge, 413)):
        answer = told.post(sent, good)
        assert (answer.status_code, b"canary" in answer.data) == (status, False)
    assert told.count(case_hint) == 0
    answer = told.post(body, {**good, "Authorization": "Bearer canary"})
    assert (answer.status_code in (403, 429), b"canary" in answer.data) == (True, False)


def test_who_is_not_proven_soon_has_to_wait_and_who_is_does_not(told: Told) -> None:
    told.browser.post("/connections/at/zaken/told", page="/connections/at/zaken")
    case = told.cases.case("240117")["url"]
    assert [told.post(notification(case), told.authorisation).status_code for _ in range(5)] == [204] * 5
    wrong = {**told.authorisation, "Authorization": "Bearer canary"}
    # One try was the service's own, which saw that this address is guarded.
    assert [told.post(notification(case), wrong).status_code for _ in range(4)] == [403, 403, 403, 429]
