"""Step 7b: after a removal the phones are asked to synchronise and to say how they are configured; and nothing more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import delete, insert

from mdm_adapters.phones import AppPresence, AppSight, Ask, AskState, Aspect, Phone, Platform, ProfileKind, WatchedApp
from mdm_adapters.port import Denied, Fault, Unreachable
from server.core.log.entries import EntryKind
from server.core.model import Level, Role, State
from server.core.phones.asks import AskStanding
from server.store import database
from server.store.admin import organisation
from server.store.phones import managed as phones
from server.store.phones import pages, repush
from server.store.schema import base
from server.store.schema import phones as schema_phones
from server.work.phones import managers as acts
from server.work.removal import engine, many_machines, pauses, verify
from server.work.removal.pauses import Actor
from tests.store.fixtures import Databases
from tests.vendors.memory_mdm import MemoryMdm, signed
from tests.vendors.phone_members import apple_profile
from tests.work.world import NOW, NUMBERS, World, closed, days

ADMIN = Actor("admin-1", Role.IT_ADMINISTRATOR)
ONE, TWO, THREE = NUMBERS[:3]
WATCHED = (WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"})),)


def managed(world: World, *, at_once: bool = False, phones: int = 1) -> MemoryMdm:
    """An MDM system for this world: worker-1 has the first, worker-2 the second."""
    mdm = MemoryMdm(at_once=at_once, now=NOW)
    for number in range(1, phones + 1):
        mdm.enrol(f"ref-{number}", f"phone-{number}")
    world.context = replace(
        world.context,
        mdms={"fleet": mdm},
        watched=lambda: WATCHED,
        account_profile=lambda *_: apple_profile(ProfileKind.CONTACT_ACCOUNT),
    )
    with world.context.store.write() as connection:
        organisation.put_connection(
            connection,
            {"name": "fleet", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
    mdm.events.clear()
    return mdm


def removal(world: World, *numbers: str, case: str = "100001") -> None:
    """These numbers of one closed case are removed from worker-1's book and proven gone; no phone was asked yet."""
    world.tell(closed(case, *numbers))
    for number in numbers:
        world.put(number)
    mdms, world.context = world.context.mdms, replace(world.context, mdms={})
    world.run()
    world.context = replace(world.context, mdms=mdms)
    assert world.states() == {State.DONE: len(world.rows(base.orders))}


def settled_in(world: World, mdm: MemoryMdm) -> None:
    """What a newly found phone is asked first, is asked and answered; the next removal is news."""
    acts.work_on_phones(world.context)
    for ref in mdm.phones:
        mdm.act(ref)
    world.clock.pass_(timedelta(hours=1))
    acts.work_on_phones(world.context)
    mdm.now = world.clock.now
    mdm.calls.clear()


def asked(mdm: MemoryMdm) -> list[tuple[str, str]]:
    return [call for call in mdm.calls if call[0] in ("sync", "posture", "push", "pull")]


def levels(world: World) -> set[tuple[str, str]]:
    return {(row.level, row.how) for row in world.rows(base.evidence)}


# --- the step in every order


def test_a_removal_asks_the_phone_once_to_synchronise_and_to_tell_whatever_the_number_of_orders(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE, TWO, THREE)

    verify.verify(world.context)

    assert asked(mdm) == [("sync", "ref-1"), ("posture", "ref-1")]
    assert len(world.rows(base.orders)) == 3


@pytest.mark.parametrize("run", [
    lambda context: engine.run_once(context, full=False, at_once=1),
    verify.verify,
    acts.work_on_phones,
], ids=["a round", "verification", "a job"])  # fmt: skip
def test_every_way_of_working_takes_the_step(world: World, run: object) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)

    run(world.context)  # type: ignore[operator]

    assert asked(mdm) == [("sync", "ref-1"), ("posture", "ref-1")]


def test_many_engines_find_the_step_in_the_rows(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    fresh = world.clock.now + days(1)
    before = [chore.task for chore in many_machines.find_chores(world.context, fresh=fresh - days(2), full_pass=False)]
    removal(world, ONE)

    after = [chore.task for chore in many_machines.find_chores(world.context, fresh=fresh - days(2), full_pass=False)]

    assert "ask_phones" not in before
    assert "ask_phones" in after


def test_the_phone_of_a_worker_without_removals_is_left_alone(world: World) -> None:
    mdm = managed(world, phones=2)
    settled_in(world, mdm)
    removal(world, ONE)

    acts.work_on_phones(world.context)

    assert {ref for _, ref in asked(mdm)} == {"ref-1"}


def test_no_answer_of_a_phone_raises_the_level_of_an_order(world: World) -> None:
    mdm = managed(world)
    mdm.obedient = True
    removal(world, ONE)

    acts.work_on_phones(world.context)

    assert (world.order().level, levels(world)) == ("store_removed", set())


@pytest.mark.parametrize("error", [Unreachable(Fault.TIMED_OUT), Denied(Fault.FORBIDDEN)])
def test_a_manager_that_fails_neither_blocks_nor_undoes_a_removal(world: World, error: Exception) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    mdm.failing = error  # type: ignore[assignment]
    world.tell(closed("100001", ONE))
    world.put(ONE)

    world.run()

    assert world.states() == {State.DONE: 1}
    (sync,) = [row for row in world.rows(schema_phones.phone_ask) if row.what == "sync" and row.ended_at is None]
    assert (sync.state, sync.fault) == ("due", error.args[0])
    mdm.failing = None
    world.clock.pass_(timedelta(hours=2))
    acts.work_on_phones(world.context)
    assert ("sync", "ref-1") in asked(mdm)[-2:]


def test_an_answer_that_was_lost_is_asked_again_with_the_same_command(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    mdm.fail_after.append(Unreachable(Fault.DROPPED))

    acts.work_on_phones(world.context)
    world.clock.pass_(timedelta(hours=1))
    acts.work_on_phones(world.context)

    assert [verb for verb, _ in asked(mdm)].count("sync") == 2
    mdm.act("ref-1")
    assert [verb for verb, _ in mdm.phones["ref-1"].done].count("sync") == 2  # the first one of all, and this one


def test_an_engine_that_died_while_asking_is_taken_over_when_its_lease_runs_out(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    mdm.fail_before.append(KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        acts.work_on_phones(world.context)
    mdm.calls.clear()

    acts.work_on_phones(world.context)
    assert asked(mdm) == []
    world.clock.pass_(timedelta(minutes=20))
    acts.work_on_phones(world.context)

    assert asked(mdm) == [("sync", "ref-1"), ("posture", "ref-1")]


def test_an_answer_that_comes_after_its_lease_was_taken_over_changes_nothing(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    first = world.context

    class Slow(MemoryMdm):
        def _sync(self, phone: Phone, command: str) -> Ask:
            world.clock.pass_(timedelta(minutes=20))
            other = MemoryMdm(now=NOW)
            other.phones = mdm.phones
            acts.enforce(replace(first, mdms={"fleet": other}))
            return Ask(AskState.FAILED)

    slow = Slow(now=NOW)
    slow.phones = mdm.phones
    acts.enforce(replace(first, mdms={"fleet": slow}))

    states = {row.what: row.state for row in world.rows(schema_phones.phone_ask) if row.made_at > NOW}
    assert states["sync"] == "accepted"


def test_no_transaction_is_open_while_a_manager_is_asked(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    store = world.context.store

    class Writing(MemoryMdm):
        def _sync(self, phone: Phone, command: str):  # type: ignore[no-untyped-def]
            with store.write() as connection:  # would wait for ever, were one open
                connection.execute(base.installation.update().values(name="Organisation 2"))
            return super()._sync(phone, command)

    other = Writing(now=world.clock.now)
    other.phones = mdm.phones
    world.context = replace(world.context, mdms={"fleet": other})

    acts.work_on_phones(world.context)

    assert [row.name for row in world.rows(base.installation)] == ["Organisation 2"]


def test_removals_that_follow_each_other_are_one_ask_after_a_rest(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    acts.work_on_phones(world.context)
    removal(world, TWO, case="100002")
    acts.work_on_phones(world.context)
    assert [verb for verb, _ in asked(mdm)].count("sync") == 1

    world.clock.pass_(timedelta(minutes=11))
    acts.work_on_phones(world.context)

    assert [verb for verb, _ in asked(mdm)].count("sync") == 2


# --- holds and gates


HOLDS = pytest.mark.parametrize("hold", [{"worker": "worker-1"}, {"case": "100001"}, {}], ids=["worker", "case", "all"])


@HOLDS
def test_a_hold_shows_in_nothing_that_is_asked_of_a_phone_told_of_it_or_logged(
    databases: Databases, world: World, tmp_path: Path, hold: dict[str, str]
) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    twin = world.twin(databases, tmp_path / "twin")
    free = MemoryMdm(now=mdm.now)
    free.phones = copy.deepcopy(mdm.phones)
    twin.context = replace(twin.context, mdms={"fleet": free})
    world.hold(**hold)

    shown = []
    for each, manager in ((world, mdm), (twin, free)):
        acts.work_on_phones(each.context)
        manager.act("ref-1")
        each.clock.pass_(timedelta(hours=1))
        acts.work_on_phones(each.context)
        with each.context.store.read() as connection:
            (line,) = pages.read_phones(connection)
            asks = [(ask.what, ask.state, ask.made_at) for ask in pages.asks_of(connection, line.id)]
            of_order = pages.asks_for_order(connection, each.order().id)
            facts = phones.facts_of(connection, line.id)
        told = [
            (entry.at, entry.kind, dict(entry.body))
            for entry in each.log()
            if entry.kind in (EntryKind.PHONE_ASKED, EntryKind.PHONE_TOLD, EntryKind.PHONES_LISTED)
        ]
        shown.append((asked(manager), asks, [ask.state for _, ask in of_order], facts, told, each.findings()))

    assert shown[0] == shown[1]
    assert ("sync", "ref-1") in shown[0][0]


@HOLDS
def test_under_a_hold_no_account_is_taken_off_and_that_looks_like_a_phone_that_is_away(
    databases: Databases, world: World, tmp_path: Path, hold: dict[str, str]
) -> None:
    mdm = stubborn(world)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.repush)
    acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True)
    twin = world.twin(databases, tmp_path / "twin")
    away = MemoryMdm(now=mdm.now)
    away.phones = copy.deepcopy(mdm.phones)
    twin.context = replace(twin.context, mdms={"fleet": away})
    world.hold(**hold)

    shown = []
    for each in (world, twin):
        for _ in range(3):
            acts.work_on_phones(each.context)
            each.clock.pass_(timedelta(hours=1))
        with each.context.store.read() as connection:
            (line,) = pages.read_phones(connection)
            (proposal,) = repush.read_repushes(connection)
            asks = [(ask.what, ask.state) for ask in pages.asks_of(connection, line.id)]
        told = [entry.body for entry in each.log() if entry.kind is EntryKind.PHONE_ASKED]
        shown.append((asks, (proposal.gone, proposal.back), [dict(body) for body in told]))

    assert shown[0] == shown[1]
    assert "pull" not in {verb for verb, _ in asked(mdm)}
    assert "pull" in {verb for verb, _ in asked(away)}


def test_without_a_gate_phones_are_counted_and_nothing_is_asked_of_them(make_world: Callable[..., World]) -> None:
    world = make_world(demo=False)
    mdm = managed(world, phones=2)

    acts.work_on_phones(world.context)

    assert len(world.rows(schema_phones.phone)) == 2
    assert (asked(mdm), world.rows(schema_phones.phone_app)) == ([], [])


def test_what_a_phone_behind_a_closed_gate_tells_is_not_kept(make_world: Callable[..., World]) -> None:
    world = make_world(demo=False)
    managed(world)
    acts.refresh(world.context, force=True)
    told = {"told_at": NOW.isoformat(), "facts": {"protection": False}, "apps": [["whatsapp", "present"]]}
    body = json.dumps({"phone": "ref-1", "posture": told}).encode()

    acts.hear(world.context, "fleet", signed(body), body)

    assert (world.rows(schema_phones.phone_fact), world.rows(schema_phones.phone_app)) == ([], [])
    assert world.findings() == []


# --- matching


def test_a_phone_is_matched_by_a_list_before_any_guess_and_to_nobody_where_two_fit(world: World) -> None:
    mdm = managed(world, phones=1)
    mdm.enrol("ref-2", "worker-2")
    mdm.enrol("ref-3", "nobody@org.example")

    acts.refresh(world.context, force=True)

    with world.context.store.read() as connection:
        lines = pages.read_phones(connection)
    assert [(line.worker, line.device) for line in lines] == [
        ("worker-1", "device-1"),
        ("worker-2", "device-2"),
        (None, None),
    ]


def test_a_second_phone_of_a_worker_is_theirs_and_no_device_is_guessed(world: World) -> None:
    mdm = managed(world, phones=0)
    mdm.enrol("ref-1", "worker-1")
    mdm.enrol("ref-2", "WORKER-1 ")

    acts.refresh(world.context, force=True)

    with world.context.store.read() as connection:
        lines = pages.read_phones(connection)
    assert [(line.worker, line.device) for line in lines] == [("worker-1", None), ("worker-1", None)]


def test_a_phone_that_left_is_forgotten_and_no_longer_asked(world: World) -> None:
    mdm = managed(world, at_once=True)
    settled_in(world, mdm)
    assert world.rows(schema_phones.phone_fact) != []
    mdm.leave("ref-1")

    acts.refresh(world.context, force=True)
    removal(world, ONE)
    acts.work_on_phones(world.context)

    assert (world.rows(schema_phones.phone_fact), world.rows(schema_phones.phone_app)) == ([], [])
    assert asked(mdm) == []


def test_what_lies_at_rest_names_neither_handle_nor_serial_nor_person(world: World) -> None:
    managed(world)
    acts.refresh(world.context, force=True)

    (row,) = world.rows(schema_phones.phone)

    at_rest = repr(tuple(row))
    assert not any(word in at_rest for word in ("ref-1", "serial-ref", "phone-1"))


# --- what phones tell


def test_the_latest_of_each_aspect_counts_and_unknown_is_never_yes_or_no(world: World) -> None:
    mdm = managed(world)
    acts.refresh(world.context, force=True)

    def tell(ago: timedelta, facts: dict[Aspect, bool | None]) -> None:
        posture = {"told_at": (NOW - ago).isoformat(), "facts": facts, "apps": []}
        body = json.dumps({"phone": "ref-1", "posture": posture}).encode()
        acts.hear(world.context, "fleet", signed(body), body)

    tell(timedelta(hours=1), {Aspect.PROTECTION: True, Aspect.CONTACT_SYNC: True})
    tell(timedelta(hours=2), {Aspect.PROTECTION: False, Aspect.DEFAULT_ACCOUNT: None})
    tell(timedelta(minutes=1), {Aspect.CONTACT_SYNC: None})

    with world.context.store.read() as connection:
        (line,) = pages.read_phones(connection)
        facts = phones.facts_of(connection, line.id)
    assert {aspect: holds for aspect, (holds, _) in facts.items()} == {
        Aspect.PROTECTION: True,
        Aspect.CONTACT_SYNC: None,
        Aspect.DEFAULT_ACCOUNT: None,
    }
    assert mdm.calls != []


def test_only_watched_apps_are_kept_whoever_tells_more(world: World) -> None:
    mdm = managed(world, at_once=True)
    mdm.phones["ref-1"].apps |= {"net.whatsapp.WhatsApp", "example.diary"}

    class Chatty(MemoryMdm):
        def _find_apps(self, apps, phones):  # type: ignore[no-untyped-def]
            return [*super()._find_apps(apps, phones), AppSight(phones[0].ref, "diary", AppPresence.PRESENT)]

    other = Chatty(at_once=True, now=NOW)
    other.phones = mdm.phones
    world.context = replace(world.context, mdms={"fleet": other})

    acts.work_on_phones(world.context)

    assert [(row.app, row.presence) for row in world.rows(schema_phones.phone_app)] == [("whatsapp", "present")]


def test_an_app_once_found_by_its_name_and_then_under_no_name_is_unknown_and_one_found_by_its_id_stays(
    world: World,
) -> None:
    managed(world)
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.phone)
    there = AppSight("ref-1", "whatsapp", AppPresence.PRESENT, by_name=True, told_at=world.clock.now)
    gone = AppSight("ref-1", "whatsapp", AppPresence.UNKNOWN, by_name=True)
    not_told = AppSight("ref-1", "whatsapp", AppPresence.UNKNOWN)
    seen = []
    for by_id in (False, True):
        for sight in (replace(there, by_name=not by_id), not_told, gone):
            with world.context.store.write() as connection:
                phones.write_apps(connection, {"ref-1": row.id}, [sight], world.clock.now)
            seen += [each.presence for each in world.rows(schema_phones.phone_app)]
    yes, unknown = AppPresence.PRESENT.value, AppPresence.UNKNOWN.value
    assert seen == [yes, yes, unknown, yes, yes, yes]


def test_what_was_kept_as_absent_by_its_name_becomes_unknown_when_the_tables_are_brought_up_to_date(
    world: World,
) -> None:
    managed(world)
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.phone)
    script = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    (revision,) = [each for each in script.walk_revisions() if each.path.endswith("names_not_found.py")]
    with world.context.store.write() as connection:
        connection.execute(delete(schema_phones.phone_app))
        for app, by_name in (("whatsapp", True), ("teams", False)):
            connection.execute(
                insert(schema_phones.phone_app).values(phone_id=row.id, app=app, presence="absent", by_name=by_name)
            )
        with Operations.context(MigrationContext.configure(connection)):
            revision.module.upgrade()
    found = {each.app: each.presence for each in world.rows(schema_phones.phone_app)}
    assert found == {"whatsapp": "unknown", "teams": "absent"}


def test_a_phone_without_protection_or_account_is_a_finding_until_it_tells_otherwise(world: World) -> None:
    mdm = managed(world, at_once=True)
    acts.work_on_phones(world.context)
    assert sorted(world.findings()) == ["phone_unprotected", "phone_without_account"]

    for kind in ProfileKind:
        profile = apple_profile(kind)
        mdm.phones["ref-1"].profiles[profile.identifier] = profile
    world.clock.pass_(days(2))
    mdm.now = world.clock.now
    acts.work_on_phones(world.context)

    assert world.findings() == []


def test_one_restriction_alone_is_not_protection(world: World) -> None:
    mdm = managed(world, at_once=True)
    for kind in ProfileKind:
        profile = apple_profile(kind)
        mdm.phones["ref-1"].profiles[profile.identifier] = profile
    mdm.phones["ref-1"].quirks[Aspect.OPEN_IN_BLOCKED] = False

    acts.work_on_phones(world.context)

    assert world.findings() == ["phone_unprotected"]


def test_events_twice_and_in_another_order_come_to_the_same(world: World) -> None:
    mdm = managed(world)
    removal(world, ONE)
    acts.work_on_phones(world.context)
    mdm.stall("ref-1")
    mdm.act("ref-1")
    sent = list(mdm.events)

    for headers, body in [*reversed(sent), *sent]:
        acts.hear(world.context, "fleet", headers, body)

    assert {(row.what, row.state) for row in world.rows(schema_phones.phone_ask)} == {
        ("sync", AskStanding.DONE),
        ("posture", AskStanding.DONE),
    }
    assert len(world.rows(schema_phones.phone_fact)) > 0


def test_an_event_whose_sender_is_not_proven_changes_nothing(world: World) -> None:
    managed(world)
    acts.refresh(world.context, force=True)
    size = len(world.log())

    with pytest.raises(Denied):
        acts.hear(world.context, "fleet", {}, b'{"phone": "ref-1", "enrolled": false}')

    assert ([row.left_at for row in world.rows(schema_phones.phone)], len(world.log())) == ([None], size)


def test_a_phone_from_the_future_is_believed_as_of_now(world: World) -> None:
    mdm = managed(world, at_once=True)
    mdm.now = NOW + days(400)

    acts.work_on_phones(world.context)

    assert {row.told_at for row in world.rows(schema_phones.phone_fact)} == {NOW}


# --- phones that stopped syncing


def stubborn(world: World) -> MemoryMdm:
    mdm = managed(world)
    account = apple_profile(ProfileKind.CONTACT_ACCOUNT)
    mdm.phones["ref-1"].profiles[account.identifier] = account
    with world.context.store.write() as connection:
        connection.execute(base.connection.update().values(log_file="store.log"))
    world.change(stubborn_days=14)
    settled_in(world, mdm)
    removal(world, ONE)
    acts.work_on_phones(world.context)
    return mdm


def go_on(world: World, mdm: MemoryMdm) -> None:
    for _ in range(4):
        mdm.now = world.clock.now
        mdm.act("ref-1")
        for headers, body in mdm.events:
            acts.hear(world.context, "fleet", headers, body)
        mdm.events.clear()
        acts.work_on_phones(world.context)
        world.clock.pass_(timedelta(minutes=20))


def test_a_silent_phone_is_proposed_after_the_days_of_the_policy_and_nothing_is_done_before_release(
    world: World,
) -> None:
    mdm = stubborn(world)
    assert world.rows(schema_phones.repush) == []

    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    go_on(world, mdm)

    assert len(world.rows(schema_phones.repush)) == 1
    assert {verb for verb, _ in asked(mdm)} == {"sync", "posture"}


def test_a_released_account_is_taken_off_seen_gone_put_on_again_and_counts_as_container_removed(world: World) -> None:
    mdm = stubborn(world)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.repush)
    assert acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True) == 1
    acts.work_on_phones(world.context)
    assert levels(world) == set()

    go_on(world, mdm)

    assert levels(world) == {("container_removed", "mdm_account_gone")}
    assert world.order().level == "store_removed"
    assert [verb for verb, _ in mdm.phones["ref-1"].done if verb in ("pull", "push")] == ["pull", "push"]
    (after,) = world.rows(schema_phones.repush_phone)
    assert after.gone_at is not None
    assert after.back_at is not None
    assert "phone_without_account" not in world.findings()
    assert [body["level"] for body in world.logged(EntryKind.EVIDENCE_RAISED)] == ["container_removed"]


def released(world: World) -> MemoryMdm:
    """A silent phone whose account a person released to be put on anew; it was asked to give it up."""
    mdm = stubborn(world)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.repush)
    acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True)
    acts.work_on_phones(world.context)
    return mdm


def tell_of_account(world: World, at: datetime, *, there: bool) -> None:
    posture = {"told_at": at.isoformat(), "facts": {"contact_account": there}, "apps": []}
    body = json.dumps({"phone": "ref-1", "posture": posture}).encode()
    acts.hear(world.context, "fleet", signed(body), body)


def test_what_a_phone_told_before_it_was_asked_to_give_up_its_account_proves_nothing(world: World) -> None:
    released(world)

    tell_of_account(world, world.clock.now - timedelta(minutes=1), there=False)
    assert levels(world) == set()
    tell_of_account(world, world.clock.now + timedelta(seconds=1), there=False)

    assert levels(world) == set()  # told to be missing before: it was not taken off by us


def test_an_account_that_was_there_and_is_not_after_it_was_asked_for_is_gone(world: World) -> None:
    released(world)

    tell_of_account(world, world.clock.now + timedelta(seconds=1), there=False)

    assert levels(world) == {("container_removed", "mdm_account_gone")}


def test_a_phone_that_never_had_the_account_proves_nothing_by_not_having_it(world: World) -> None:
    mdm = stubborn(world)
    mdm.phones["ref-1"].profiles.clear()
    mdm.act("ref-1")
    for headers, body in mdm.events:
        acts.hear(world.context, "fleet", headers, body)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    tell_of_account(world, world.clock.now - timedelta(seconds=1), there=False)
    (row,) = world.rows(schema_phones.repush)
    acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True)
    acts.work_on_phones(world.context)

    tell_of_account(world, world.clock.now + timedelta(seconds=1), there=False)

    assert levels(world) == set()
    assert "push" in {row.what for row in world.rows(schema_phones.phone_ask)}


def test_an_account_that_cannot_be_put_on_again_is_not_taken_off(world: World) -> None:
    mdm = stubborn(world)
    world.context = replace(world.context, account_profile=lambda *_: None)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.repush)
    acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True)

    go_on(world, mdm)

    assert "pull" not in {verb for verb, _ in mdm.phones["ref-1"].done}


def test_a_refused_proposal_asks_nothing_and_a_hold_stops_a_released_one(world: World) -> None:
    mdm = stubborn(world)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.repush)
    assert acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=False) == 0
    assert acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True) is None
    acts.work_on_phones(world.context)
    newer = world.rows(schema_phones.repush)[-1]
    world.hold(worker="worker-1")
    acts.answer_repush(world.context, newer.uid, Role.PRIVACY_OFFICER, grant=True)

    go_on(world, mdm)

    assert "pull" not in {verb for verb, _ in mdm.phones["ref-1"].done}


def test_a_phone_seen_fetching_is_not_stubborn(world: World) -> None:
    mdm = stubborn(world)
    with world.context.store.write() as connection:
        (order,) = world.rows(base.orders)
        (device,) = [row for row in world.rows(base.device) if row.ref == "device-1"]
        phones.write_evidence(connection, [(order.id, device.id)], Level.DEVICE_SYNCED, NOW, "store_log")

    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)

    assert (world.rows(schema_phones.repush), mdm.phones["ref-1"].done != []) == ([], True)


# --- while it is paused


def pause(world: World, name: str | None = "fleet") -> None:
    pauses.pause(world.context, ADMIN, connection_name=name, reason="maintenance", hours=24)


@pytest.mark.parametrize("name", [None, "fleet"], ids=["everything", "the manager"])
def test_while_it_is_paused_no_phone_is_asked_anew_and_the_mark_waits_for_the_end(
    world: World, name: str | None
) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    pause(world, name)

    acts.work_on_phones(world.context)
    with world.context.store.read() as connection:
        wakes = phones.next_ask(connection, ["fleet"], world.context.today())

    assert asked(mdm) == []
    assert wakes == world.clock.now + timedelta(hours=24)
    pauses.resume_scope(world.context, ADMIN, name)
    acts.work_on_phones(world.context)
    acts.work_on_phones(world.context)
    assert asked(mdm) == [("sync", "ref-1"), ("posture", "ref-1")]


def test_a_pause_of_another_connection_leaves_a_manager_at_work(world: World) -> None:
    mdm = managed(world)
    settled_in(world, mdm)
    removal(world, ONE)
    pause(world, "books")

    acts.work_on_phones(world.context)

    assert asked(mdm) == [("sync", "ref-1"), ("posture", "ref-1")]


def test_phones_are_listed_and_tell_how_they_stand_while_it_is_paused(world: World) -> None:
    mdm = managed(world)
    pause(world)

    acts.work_on_phones(world.context)

    assert [body["outcome"] for body in world.logged(EntryKind.PHONES_LISTED)] == ["listed"]
    assert asked(mdm) == [("posture", "ref-1")]


def test_no_account_is_taken_off_while_it_is_paused(world: World) -> None:
    mdm = stubborn(world)
    world.clock.pass_(days(15))
    acts.work_on_phones(world.context)
    (row,) = world.rows(schema_phones.repush)
    acts.answer_repush(world.context, row.uid, Role.PRIVACY_OFFICER, grant=True)
    pause(world)

    go_on(world, mdm)

    assert "pull" not in {verb for verb, _ in asked(mdm)}


def test_an_account_that_was_taken_off_before_the_pause_is_put_on_again_in_it(world: World) -> None:
    mdm = released(world)
    assert ("pull", "ref-1") in asked(mdm)
    pause(world, None)

    go_on(world, mdm)

    assert [verb for verb, _ in mdm.phones["ref-1"].done if verb in ("pull", "push")] == ["pull", "push"]
    assert levels(world) == {("container_removed", "mdm_account_gone")}
