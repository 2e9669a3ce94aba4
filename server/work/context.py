"""What every act is handed: store, clock, keys, policy, adapters; made by `server.app`, never looked up."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mdm_adapters.options import Sort
from mdm_adapters.phones import Mdm, Phone, PhoneProfile, WatchedApp
from mdm_adapters.port import ContactStore, Fault, SyncWitness, Unreachable
from server.core.days import AMSTERDAM
from server.core.elapsed import Moment
from server.core.identity.tokens import Tokeniser
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import Role
from server.core.policy.model import Policy
from server.core.reports.controls import Controls
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.evidence_rules import EvidenceRules
from server.store import log
from server.store.case_keys import CaseKeys
from server.store.database import Store
from server.store.seal import Sealer
from server.work.mail import MailServer

if TYPE_CHECKING:
    from server.sources.pulled import Feed


@dataclass(frozen=True, slots=True)
class Keys:
    """The three keys of an installation; none of them is in the database."""

    tokeniser: Tokeniser
    sealer: Sealer
    signer: Ed25519PrivateKey = field(repr=False)


class WayIn(StrEnum):
    """By what somebody asked for an act."""

    PAGE = "page"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Whose act it is. who: the account, for the sealed part of the log alone: its id, or `machine NAME` of whoever
    runs the machine and is signed in as nobody.
    """

    who: str = field(repr=False)
    role: Role
    way: WayIn


def _not_given() -> NoReturn:
    raise RuntimeError("this context was made without these rules")


def _asks_nobody(_address: str, _body: bytes) -> NoReturn:
    raise Unreachable(Fault.NO_CONNECTION)


@dataclass(frozen=True, slots=True)
class Context:
    """All that an act may use.

    stores: the contact servers by the name of their connection; witnesses: readers of stores' logs by the same name.
    lease: how long a claimed order stays ours without a receipt. engine: names this process in leases.
    progress: told (done, of) where a person waits. mail: who takes our mail, None: nobody. pages: the address under
    which people reach the pages. evidence, catalogue: the rules about evidence of use and the channels, read when asked
    for, as few acts need them; they raise what the root raises for a file with faults. mdms: MDM systems by the
    name of their connection. watched: the apps of the catalogue that phones may be asked about. account_profile: the
    managed contacts account rendered for one phone (connection, phone, our id of it); None: it cannot be rendered here.
    controls: requirements that reports touch; none unless given.
    feeds: services that tell usage by the name of their connection. since_boot: seconds since the machine started, time
    asleep included. rest: lets so many seconds pass. sorts: what a connection to each vendor is for. log_witnesses: who
    cosigns the heads of our log. ask_witness: sends a request (address, body) to one; status and body, PortError.
    heartbeat: asks a watcher elsewhere that would miss it (PortError); nobody unless given. policy_file: the text of
    the installation's own policy as its file is now, None: it has none; not given where `policy` comes from no file.
    asked_by: whose act it is; None: nobody's, as an engine's. case_keys: keys of single cases, under which the values
    of what can be put back are sealed; None: none are kept here. stamp_time: sends a request for a time-stamp (RFC
    3161) to an authority; its answer, PortError. None: nobody is asked.
    """

    store: Store
    clock: Callable[[], datetime]
    keys: Keys
    policy: Policy
    stores: Mapping[str, ContactStore]
    witnesses: Mapping[str, SyncWitness]
    checkpoint_file: Path
    lease: timedelta = timedelta(seconds=120)
    engine: str = "engine"
    progress: Callable[[int, int], None] = field(default=lambda _done, _of: None)
    mail: MailServer | None = None
    pages: str = ""
    evidence: Callable[[], EvidenceRules] = _not_given
    catalogue: Callable[[], Catalogue] = _not_given
    controls: Callable[[], Controls] = Controls
    mdms: Mapping[str, Mdm] = field(default_factory=dict)
    watched: Callable[[], Sequence[WatchedApp]] = tuple
    account_profile: Callable[[str, Phone, str], PhoneProfile | None] = lambda _connection, _phone, _uid: None
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    since_boot: Callable[[], float] = lambda: 0.0
    rest: Callable[[float], None] = lambda _seconds: None
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    log_witnesses: WitnessPolicy = field(default_factory=WitnessPolicy)
    ask_witness: Callable[[str, bytes], tuple[int, bytes]] = _asks_nobody
    heartbeat: Callable[[], None] = lambda: None
    policy_file: Callable[[], str | None] | None = None
    asked_by: AskedBy | None = None
    case_keys: CaseKeys | None = None
    stamp_time: Callable[[bytes], bytes] | None = None

    def __post_init__(self) -> None:
        """What is written into the small tables from here on is kept under our key, in the same transaction."""
        log.watch_tables(self.store, self.keys.sealer, self.now)

    def now(self) -> datetime:
        """This instant, UTC."""
        return self.clock().astimezone(UTC)

    def moment(self) -> Moment:
        """This instant by both clocks."""
        return Moment(self.now(), self.since_boot())

    def reaches(self, name: str) -> bool:
        """Whether the connection of that name has an adapter: of a store, an MDM system or a feed of usage."""
        return name in self.stores or name in self.mdms or name in self.feeds

    @property
    def tells_evidence(self) -> bool:
        """Whether it was made with the rules about evidence of use."""
        return self.evidence is not _not_given

    def today(self) -> date:
        """This day in Amsterdam."""
        return self.clock().astimezone(AMSTERDAM).date()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without looking for reference cycles: rows by the hundred thousand hold none, and it is a third of a pass."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
