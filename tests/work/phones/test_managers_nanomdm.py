"""Step 7b with an iPhone at NanoMDM: asked over its API, answered by events that other processes hear."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from mdm_adapters.phones import AppPresence, Aspect, Platform, ProfileKind, WatchedApp
from server.core.model import Role, State
from server.store.admin import organisation
from server.store.phones import managed, pages
from server.store.schema import base
from server.store.schema import phones as schema_phones
from server.work.phones import managers as acts
from tests.vendors.nano_member import NanoPhones, published
from tests.vendors.nano_member import schema as apple_schema
from tests.vendors.nanomdm import NanoServer
from tests.vendors.phone_members import apple_profile
from tests.vendors.serving import served
from tests.work.world import NOW, NUMBERS, World, closed, days

pytestmark = pytest.mark.contract

PHONE = "00008101-0000000000000001"
WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}))


@dataclass
class Fleet:
    """A world whose worker-1 has an iPhone at NanoMDM."""

    world: World
    member: NanoPhones
    heard: int = 0

    def adapter(self) -> None:
        """From now on another process acts, with an adapter of its own."""
        apps = json.dumps({WHATSAPP.key: sorted(WHATSAPP.ids)})
        self.world.context = replace(self.world.context, mdms={"fleet": self.member.connect(apps=apps)})

    def work(self) -> None:
        """Ask what is due, an hour later."""
        self.world.clock.pass_(timedelta(hours=1))
        self.adapter()
        acts.work_on_phones(self.world.context)

    def act(self) -> None:
        """The phone answers, and each event is heard by another process."""
        self.member.server.now = self.world.clock.now
        self.member.server.act(PHONE)
        self.hear()

    def hear(self) -> None:
        for headers, body in self.member.server.events[self.heard :]:
            self.adapter()
            acts.hear(self.world.context, "fleet", headers, body)
        self.heard = len(self.member.server.events)

    def facts(self) -> dict[Aspect, bool | None]:
        with self.world.context.store.read() as connection:
            (line,) = pages.read_phones(connection)
            return {aspect: holds for aspect, (holds, _) in managed.facts_of(connection, line.id).items()}

    def apps(self) -> dict[str, str]:
        return {row.app: row.presence for row in self.world.rows(schema_phones.phone_app)}

    def asks(self) -> list[tuple[str, str]]:
        return [(row.what, row.state) for row in self.world.rows(schema_phones.phone_ask)]


@pytest.fixture
def fleet(world: World, tmp_path: Path) -> Iterator[Fleet]:
    """The phone has enrolled, and a list says that it is worker-1's."""
    server = NanoServer(apple_schema())
    server.now = NOW - timedelta(hours=1)
    with served(server) as url:
        made = Fleet(world, NanoPhones(server, url, tmp_path))
        server.hears = None
        row = {"name": "fleet", "vendor": "nanomdm", "base_url": url, "login": "", "secret_file": "", "demo": True}
        with world.context.store.write() as connection:
            organisation.put_connection(connection, row)
        world.context = replace(
            world.context,
            watched=lambda: (WHATSAPP,),
            account_profile=lambda *_: apple_profile(ProfileKind.CONTACT_ACCOUNT),
        )
        made.adapter()
        server.enrol(PHONE)
        made.hear()
        give(world)
        yield made
        made.member.nano.close()
    contract = published()
    assert server.complaints == []
    assert contract is None or contract.complaints(server.exchanges()) == []


def give(world: World) -> None:
    """A list of devices says whose the phone is."""
    from server.work.phones import device_lists  # noqa: PLC0415 - only here

    device_lists.import_devices(
        world.context, f"device,worker,employer,connection,phone\ndevice-1,worker-1,,fleet,{PHONE}\n"
    )


def test_a_phone_that_enrolled_is_known_by_its_event_and_tells_what_holds_of_it(fleet: Fleet) -> None:
    fleet.member.server.phones[PHONE].apps = {"net.whatsapp.WhatsApp": False, "example.canary.diary": False}

    fleet.work()
    fleet.act()

    assert fleet.facts() == {
        Aspect.CONTACT_ACCOUNT: False,
        Aspect.PROTECTION: False,
        Aspect.OPEN_IN_BLOCKED: False,
        Aspect.READS_BLOCKED: False,
        Aspect.WRITES_BLOCKED: False,
        Aspect.PRIVATE_ACCOUNTS_BLOCKED: False,
        Aspect.CLOUD_BACKUP_OFF: True,
    }
    assert fleet.apps() == {"whatsapp": AppPresence.PRESENT}
    assert sorted(fleet.asks()) == [("posture", "done"), ("sync", "done")]


def test_a_removal_asks_the_iphone_and_not_now_is_waited_for(fleet: Fleet) -> None:
    fleet.work()
    fleet.act()
    world = fleet.world
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    fleet.adapter()
    world.run()
    fleet.work()
    fleet.member.server.phones[PHONE].locked = True
    fleet.act()
    waiting = fleet.asks()[2:]
    fleet.member.server.phones[PHONE].locked = False
    fleet.act()

    assert world.states() == {State.DONE: 1}
    assert sorted(waiting) == [("posture", "waiting"), ("sync", "waiting")]
    assert sorted(fleet.asks()[2:]) == [("posture", "done"), ("sync", "done")]
    assert world.order().level == "store_removed"


def test_a_phone_that_left_is_asked_no_more(fleet: Fleet) -> None:
    fleet.work()
    fleet.member.server.now = fleet.world.clock.now
    fleet.member.server.leave(PHONE)
    fleet.hear()
    before = len(fleet.member.server.seen)

    fleet.work()

    asked = [asked for asked, _ in fleet.member.server.seen[before:] if asked.method == "PUT"]
    assert asked == []


def test_an_account_that_was_taken_off_and_seen_gone_counts_as_container_removed(fleet: Fleet) -> None:
    world = fleet.world
    account = apple_profile(ProfileKind.CONTACT_ACCOUNT)
    fleet.member.server.phones[PHONE].profiles[account.identifier] = plistlib.loads(account.body)
    for _ in range(2):
        fleet.work()
        fleet.act()
    world.change(stubborn_days=14)
    with world.context.store.write() as connection:
        connection.execute(base.connection.update().values(log_file="store.log"))
    world.tell(closed("100001", NUMBERS[0]))
    world.put(NUMBERS[0])
    fleet.adapter()
    world.run()
    fleet.work()
    world.clock.pass_(days(15))
    fleet.work()
    (proposed,) = world.rows(schema_phones.repush)
    acts.answer_repush(world.context, proposed.uid, Role.PRIVACY_OFFICER, grant=True)
    before = world.rows(base.evidence)

    for _ in range(4):
        fleet.work()
        fleet.act()

    assert before == []
    assert {(row.level, row.how) for row in world.rows(base.evidence)} == {("container_removed", "mdm_account_gone")}
    kinds = [kind for kind, _ in fleet.member.server.phones[PHONE].done]
    assert [kind for kind in kinds if kind.endswith("Profile")] == ["RemoveProfile", "InstallProfile"]
    assert fleet.facts()[Aspect.CONTACT_ACCOUNT] is True
