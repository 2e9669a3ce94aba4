"""One closed case through Microsoft 365, Intune and NanoMDM at once: each ends with the evidence it can honestly reach.

The vendors are simulators (`contract`): their answers are held against the published contracts where those are at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from mdm_adapters.phones import Aspect, Phone, Platform, ProfileKind, WatchedApp
from mdm_adapters.registry import STORES
from server.core.model import Level, Role, State
from server.core.text import Share
from server.store.admin import organisation
from server.store.phones import managed, pages
from server.store.phones.pages import PhoneLine
from server.store.schema import base
from server.store.schema import phones as schema_phones
from server.work.admin import setup
from server.work.phones import device_lists
from server.work.phones import managers as acts
from server.work.removal import engine, verify
from server.work.reports import removal_report
from tests.store.fixtures import _sqlite_templates, databases, store
from tests.vendors.graph import GraphCloud
from tests.vendors.intune_member import IntunePhones, intune_phones
from tests.vendors.members import GraphMember, card, tel
from tests.vendors.nano_member import NanoPhones, nano_phones
from tests.vendors.phone_members import apple_profile
from tests.vendors.serving import served
from tests.work.conftest import make_world
from tests.work.world import NUMBERS, World, closed, days

__all__ = ["_sqlite_templates", "databases", "make_world", "store"]

pytestmark = [pytest.mark.contract, pytest.mark.timeout(300)]

CLIENT, PRIVATE = NUMBERS[0], "06-8765 4301"
WATCHED = (
    WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}), frozenset({"WhatsApp Messenger"})),
)


@dataclass
class Field:
    """Two workers, a mailbox each: worker-1's phone is at Intune, worker-2's at NanoMDM."""

    world: World
    mail: GraphMember
    intune: IntunePhones
    nano: NanoPhones
    phone_1: str
    phone_2: str
    second: GraphMember

    def work(self, *, step: bool = True) -> None:
        """Read, decide, remove, look again; step: with the phones asked, as always."""
        context = self.world.context if step else replace(self.world.context, mdms={})
        engine.run_once(context, full=False, at_once=1)
        verify.verify(context)

    def live(self) -> None:
        """Both phones check in with their MDMs, and what their managers send is heard."""
        self.nano.server.now = self.world.clock.now
        self.intune.act(self.phone_1)
        self.nano.act(self.phone_2)

    def lines(self) -> Sequence[PhoneLine]:
        with self.world.context.store.read() as connection:
            return pages.read_phones(connection)

    def facts(self, worker: str) -> dict[Aspect, bool | None]:
        (line,) = [each for each in self.lines() if each.worker == worker]
        with self.world.context.store.read() as connection:
            return {aspect: holds for aspect, (holds, _) in managed.facts_of(connection, line.id).items()}

    def evidence(self) -> dict[str, set[str]]:
        """Beyond the store's own proof: by worker."""
        workers = {row.id: row.ref for row in self.world.rows(base.worker)}
        of_order = {row.id: workers[row.worker_id] for row in self.world.rows(base.orders)}
        found: dict[str, set[str]] = {ref: set() for ref in of_order.values()}
        for row in self.world.rows(base.evidence):
            found[of_order[row.order_id]].add(row.level)
        return found

    def asked(self) -> dict[str, set[tuple[str, str]]]:
        """What was asked of each worker's phone since the removal was proven, and how far it came."""
        with self.world.context.store.read() as connection:
            workers = {row.id: row.ref for row in self.world.rows(base.worker)}
            return {
                workers[row.worker_id]: {
                    (line.what.value, line.state.value) for _, line in pages.asks_for_order(connection, row.id)
                }
                for row in self.world.rows(base.orders)
            }


def check_that_the_phones_were_asked(field: Field) -> None:
    """Every phone of a worker who lost a contact was asked to get in touch, and what holds of it was read back."""
    asked = field.asked()
    assert {worker: {what for what, _ in each} for worker, each in asked.items()} == {
        "worker-1": {"sync", "posture"},
        "worker-2": {"sync", "posture"},
    }
    assert field.facts("worker-1").get(Aspect.PROTECTION) is not None
    assert field.facts("worker-2").get(Aspect.PROTECTION) is not None


@contextmanager
def set_up(world: World) -> Iterator[Field]:
    cloud = GraphCloud()
    with served(cloud) as url, intune_phones() as intune, nano_phones() as nano:
        assert isinstance(nano, NanoPhones)
        mail = GraphMember(cloud, url, 1)
        second = GraphMember.__new__(GraphMember)  # another mailbox of the same tenant
        second.__dict__.update(mail.__dict__)
        second.mailbox = mail.tenant.add_mailbox("worker-2@org.example")
        second._ids, second._lines = {}, {}
        world.context = replace(
            world.context,
            stores={**world.context.stores, "mail": STORES["graph"](mail.connection)},
            mdms={"intune": intune.mdm, "apple": nano.connect(apps='{"whatsapp": ["net.whatsapp.WhatsApp"]}')},
            watched=lambda: WATCHED,
            account_profile=lambda *_: apple_profile(ProfileKind.CONTACT_ACCOUNT),
        )
        with world.context.store.write() as connection:
            for name in ("mail", "intune", "apple"):
                organisation.put_connection(
                    connection,
                    {"name": name, "vendor": name, "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
                     "demo": True},
                )  # fmt: skip
        nano.server.hears = lambda headers, body: acts.hear(world.context, "apple", headers, body)
        nano.server.now = world.clock.now
        phone_1 = intune.enrol(mail.mailbox.address)
        phone_2 = nano.enrol("nobody knows whose")
        nano.mdm.push(Phone(phone_2, Platform.IOS), apple_profile(ProfileKind.CONTACT_ACCOUNT), str(uuid4()))
        nano.act(phone_2)
        nano.install(phone_2, "net.whatsapp.WhatsApp", "WhatsApp Messenger")
        setup.import_places(
            world.context,
            "worker,employer,team,connection,address,devices\n"
            f"worker-1,Employer 1,team-1,mail,{mail.mailbox.address},iphone-1\n"
            f"worker-2,Employer 2,team-1,mail,{second.mailbox.address},iphone-2\n",
        )
        device_lists.import_devices(
            world.context,
            "device,worker,connection,phone\n"
            f"iphone-1,worker-1,intune,{mail.mailbox.address}\n"
            f"iphone-2,worker-2,apple,{phone_2}\n",
        )
        for member in (mail, second):
            member.put("client.vcf", card(1, *tel(CLIENT)))
            member.put("private.vcf", card(2, *tel(PRIVATE)))
        field = Field(world, mail, intune, nano, phone_1, phone_2, second)
        field.work()
        field.live()
        world.clock.pass_(timedelta(hours=1))
        field.work()
        field.live()
        world.clock.pass_(timedelta(hours=1))
        yield field
        getattr(mail.store, "close", lambda: None)()


def close_the_case(field: Field) -> None:
    field.world.tell(closed("100001", CLIENT, workers=("worker-1", "worker-2")))


def test_one_closure_ends_with_the_evidence_each_can_reach(make_world: Callable[..., World]) -> None:
    with set_up(make_world(workers=2)) as field:
        world = field.world
        close_the_case(field)
        field.work()
        field.live()
        world.clock.pass_(timedelta(minutes=30))
        field.work()

        # Removed and proven in both mailboxes; what is private stays. That is all Exchange itself can show.
        assert world.states() == {State.DONE: 2}
        assert [member.names() for member in (field.mail, field.second)] == [{"private.vcf"}] * 2
        assert {row.level for row in world.rows(base.orders)} == {Level.STORE_REMOVED}
        check_that_the_phones_were_asked(field)
        # No manager's answer raised anything, the phone that did as asked included.
        assert field.evidence() == {"worker-1": set(), "worker-2": set()}
        assert ("sync", "done") in field.asked()["worker-2"]
        assert "phone_unprotected" in world.findings()

        # Exchange's own figures say that worker-1's phone fetched after the proof, and worker-2's long before.
        world.clock.pass_(timedelta(hours=2))
        take_figures(field, field.mail.mailbox.address, world.clock.now - timedelta(hours=1))
        take_figures(field, field.second.mailbox.address, world.clock.now - days(90))
        assert field.evidence() == {"worker-1": {"device_synced"}, "worker-2": set()}

        # worker-2's phone stays silent: by policy, and once a person released it, its account goes and comes back.
        world.change(stubborn_days=14)
        world.pass_(days(15))
        field.work()
        (proposal,) = world.rows(schema_phones.repush)
        assert acts.answer_repush(world.context, proposal.uid, Role.PRIVACY_OFFICER, grant=True) == 1
        for _ in range(5):
            field.work()
            field.live()
            world.clock.pass_(timedelta(minutes=30))

        assert field.evidence() == {"worker-1": {"device_synced"}, "worker-2": {"container_removed"}}
        assert {row.level for row in world.rows(base.orders)} == {Level.STORE_REMOVED}
        assert field.facts("worker-2")[Aspect.CONTACT_ACCOUNT] is True
        today = world.context.today()
        made = removal_report.removals(world.context, Role.PRIVACY_OFFICER, today - days(30), today)
        (levels,) = [each for each in made.sections if each.key == "evidence"]
        assert {str(row[0]): row[3] for row in levels.rows if row[3] is not None} == {
            "device_synced": Share(1, 2),
            "device_attested": Share(0, 2),
            "container_removed": Share(1, 2),
        }


def test_the_journey_fails_where_the_phones_are_left_out(make_world: Callable[..., World]) -> None:
    with set_up(make_world(workers=2)) as field:
        close_the_case(field)
        field.work(step=False)
        field.live()
        field.work(step=False)
        assert field.world.states() == {State.DONE: 2}

        with pytest.raises(AssertionError):
            check_that_the_phones_were_asked(field)


def take_figures(field: Field, mailbox: str, at: datetime) -> None:
    text = f"Mailbox,DeviceID,LastSuccessSync\n{mailbox},APPL-{mailbox[:8]},{at.isoformat()}\n"
    assert device_lists.take_fetches(field.world.context, "mail", text).matched == 1
