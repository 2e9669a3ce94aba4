"""A held pair and a pair that is postponed for an ordinary cause look alike: for every role, on every page and file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from server.core.hold_record import Hold
from server.core.log.entries import LogEntry, read_entry
from server.core.model import CLEARED_FOR_HOLDS, Decision, Role
from server.store import hold_list, log
from server.store.removal import needs
from server.store.schema import base
from server.store.schema import pauses as schema_pauses
from server.web.routes import EVERYONE, ROUTES
from server.work.admin import access
from server.work.removal import pauses, plan
from server.work.removal.pauses import Actor
from tests.web.conftest import Browser
from tests.web.town import KEYS, Town, copy_town

WITHOUT_LISTS = frozenset({Role.WORKER, Role.INVESTIGATOR, Role.INDEPENDENT_OFFICER})
UNCLEARED = sorted(EVERYONE - CLEARED_FOR_HOLDS)
ALWAYS_NEW = re.compile(
    r'name="csrf_token" value="[^"]+"|<dd><code>[0-9a-f]{64}</code></dd>'
    r'|name="among" value="[0-9a-f]{12}"|<option value="[0-9a-f]{12}"'
)
"""What two answers never share: the token of a form, the head of a log with random commitments in it, and the id of the
account that looks, which is of this moment.
"""
TABLE = re.compile(
    r'(?:class="by" href="|href=")'
    r"(/(?:removals|findings|reviews|plans|my-phone|jobs|team|overview|deviations|my-declaration)"
    r'[^"?]*\?[^"]*(?:\.sort=|\.file=(?:csv|json))[^"]*)"'
)
"""Every order of a table that tells of contacts, and its files."""


@dataclass(frozen=True)
class Pair:
    """A worker and one identifier that would go, in one case; orders: of the plan that waits for them."""

    worker: int
    worker_ref: str
    identifier: int
    case: int


def pair_that_goes(town: Town) -> Pair:
    """One whose removal is ordered, because its case is finally closed."""
    with town.store.read() as connection:
        row = connection.execute(
            select(base.orders, base.worker.c.ref)
            .join(base.worker, base.worker.c.id == base.orders.c.worker_id)
            .where(base.orders.c.state == "waiting", base.orders.c.reason == "finally_closed")
            .order_by(base.orders.c.id)
        ).first()
    return Pair(row.worker_id, row.ref, row.identifier_id, row.case_id)


def hold_case(town: Town, pair: Pair) -> None:
    """A hold on the case, written as `hold set` writes it, and nothing else."""
    made = Hold("hold-1", town.clock.now, case=pair.case, reason="A reason that nobody sees.")
    with town.store.write() as connection:
        hold_list.write(connection, KEYS.sealer, [made])
        needs.mark_going_due(connection, town.clock.now)
        log.append_restricted(connection, town.clock.now, KEYS.sealer, ["hold_set hold-1 independent_officer"])


def close_lately(town: Town, pair: Pair) -> None:
    """The same case was closed a few days ago only, so the days of grace run; somebody cleared read something."""
    with town.store.write() as connection:
        connection.execute(
            base.cases.update().where(base.cases.c.id == pair.case).values(closed_at=town.clock.now - timedelta(days=3))
        )
        links = select(base.link.c.identifier_id).where(base.link.c.case_id == pair.case)
        connection.execute(base.pair.update().where(base.pair.c.identifier_id.in_(links)).values(due_at=town.clock.now))
        log.append_restricted(connection, town.clock.now, KEYS.sealer, ["a finding read by somebody"])


def decided(town: Town, pair: Pair) -> str:
    with town.store.read() as connection:
        return connection.execute(
            select(base.pair.c.decision).where(
                base.pair.c.worker_id == pair.worker, base.pair.c.identifier_id == pair.identifier
            )
        ).scalar_one()


@pytest.fixture
def twins(_built_town: Town, tmp_path: Path) -> Callable[[], tuple[Town, Town, Pair]]:
    """Two copies of the town: in one the case is held, in the other its grace runs; both are decided anew."""
    made = []

    def make():
        held, benign = (copy_town(_built_town, tmp_path / name) for name in ("held", "benign"))
        made.extend((held, benign))
        pair = pair_that_goes(held)
        hold_case(held, pair)
        close_lately(benign, pair)
        for town in (held, benign):
            town.clock.pass_(minutes=5)
            plan.make_plan(replace(town.context, policy=replace(town.policy, max_removals=5)))
            assert decided(town, pair) == Decision.DEFER
        return held, benign, pair

    yield make
    for town in made:
        town.close()


def pages_of(town: Town, app, role: Role, worker: str) -> dict[str, str]:
    """Every page and file that a role can open by itself, and every page these link to, as text."""
    row = access.demo_account(town.context, role, worker=worker if role is Role.WORKER else None)
    browser = Browser(app).sign_in_as(town, row)
    paths = [
        route.path
        for route in ROUTES
        if route.method == "GET"
        and isinstance(route.access, frozenset)
        and role in route.access
        and "<" not in route.path
    ]
    paths += ["/removals?stand=open", "/removals?stand=stuck", "/findings/list?stand=closed"]
    found = {}
    for path in paths:
        answer = browser.get(path)
        if answer.status_code != 200:
            continue
        found[path] = ALWAYS_NEW.sub("", answer.text)
        for link in sorted(
            set(re.findall(r'href="(/(?:removals|findings|reviews|plans|my-phone)/(?![^"]*file=)[^"#]+)"', answer.text))
        ):
            found.setdefault(link, ALWAYS_NEW.sub("", browser.get(link.replace("&amp;", "&")).text))
    kinds = {path.rpartition("/")[0] if path.count("/") > 1 else path: text for path, text in found.items()}
    for text in kinds.values():
        for link in sorted(set(TABLE.findall(text))):
            asked = link.replace("&amp;", "&").partition("#")[0]
            if asked not in found:
                found[asked] = ALWAYS_NEW.sub("", browser.get(asked).text)
    return found


@pytest.mark.parametrize("role", [Role.WORKER, Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.LINE_MANAGER])
def test_nor_does_one_while_removing_is_paused(twins, role):
    held, benign, pair = twins()
    for town in (held, benign):
        pauses.pause(
            town.context, Actor("admin-1", Role.IT_ADMINISTRATOR), connection_name=None, reason="maintenance", hours=24
        )
        with town.store.write() as connection:
            connection.execute(schema_pauses.pause.update().values(uid="0123456789ab"))
    one = pages_of(held, held.make_app(), role, pair.worker_ref)
    other = pages_of(benign, benign.make_app(), role, pair.worker_ref)
    assert one.keys() == other.keys()
    assert [path for path in one if one[path] != other[path]] == []


@pytest.mark.parametrize("role", UNCLEARED)
def test_no_page_of_any_role_tells_a_held_pair_from_a_postponed_one(twins, role):
    held, benign, pair = twins()
    one = pages_of(held, held.make_app(), role, pair.worker_ref)
    other = pages_of(benign, benign.make_app(), role, pair.worker_ref)
    assert one.keys() == other.keys()
    assert any(".sort=" in path for path in one) or role in WITHOUT_LISTS
    differing = [path for path in one if one[path] != other[path]]
    assert differing == []


@pytest.mark.parametrize("column", ["due_at", "next_at", "next", "decided_at", "first_seen"])
def test_no_table_can_be_put_in_the_order_of_what_is_never_shown(twins, column):
    held, benign, _ = twins()
    for town in (held, benign):
        app = town.make_app()
        for role, path, key in (
            (Role.IT_ADMINISTRATOR, "/jobs", "stuck"),
            (Role.PRIVACY_OFFICER, "/removals?stand=open", "removals"),
            (Role.PRIVACY_OFFICER, "/findings/list", "findings"),
            (Role.PRIVACY_OFFICER, "/findings", "desk"),
        ):
            browser = Browser(app).sign_in_as(town, access.demo_account(town.context, role))
            text = browser.get(f"{path}{'&' if '?' in path else '?'}{key}.sort={column}").text
            assert "aria-sort" not in text
            assert "Not all that was asked for is known here" in text


def test_the_worker_reads_one_sentence_and_no_date(twins):
    held, _, pair = twins()
    row = access.demo_account(held.context, Role.WORKER, worker=pair.worker_ref)
    text = Browser(held.make_app()).sign_in_as(held, row).get("/my-phone").text
    part = text.split('id="h-later"')[1].split("</section>")[0]
    assert "This number goes later. For now it may stay." in part
    assert re.search(r"\b20\d\d\b", part) is None


def test_keeping_a_held_contact_longer_works_as_for_any_other(twins):
    held, benign, pair = twins()
    answers = []
    for town in (held, benign):
        row = access.demo_account(town.context, Role.WORKER, worker=pair.worker_ref)
        browser = Browser(town.make_app()).sign_in_as(town, row)
        later = browser.get("/my-phone").text.split('id="h-later"')[1].split("</section>")[0]
        items = re.findall(r"/my-phone/keep/([a-z0-9]{16})", later)
        kept = [browser.post(f"/my-phone/keep/{item}", reason="Handover.", until="2026-03-31") for item in items]
        answers.append((items, [(each.status_code, each.headers["Location"]) for each in kept]))
    assert answers[0] == answers[1]
    assert answers[0][0]


def entries_of(town: Town) -> list[LogEntry]:
    with town.store.read() as connection:
        return [read_entry(text) for _, text, _ in log.entries(connection)]


def test_the_log_that_auditors_and_collectors_read_says_the_same_of_both(twins):
    """A hold has everything that goes decided again; how many that were stood in the line of the pass."""
    held, benign, _ = twins()
    one, other = (
        [
            (each.kind, {key: value for key, value in each.body.items() if key not in ("commitment", "plan", "digest")})
            for each in entries_of(town)
        ]
        for town in (held, benign)
    )
    assert one == other


def test_reports_made_by_the_pages_are_silent_too(twins):
    held, benign, _ = twins()
    bodies = []
    for town in (held, benign):
        row = access.demo_account(town.context, Role.PRIVACY_OFFICER)
        browser = Browser(town.make_app()).sign_in_as(town, row)
        answer = browser.post("/reports", first="2026-01-01", last="2026-03-17")
        bodies.append(browser.get(answer.headers["Location"] + "/file.json").text)
    assert bodies[0] == bodies[1]
