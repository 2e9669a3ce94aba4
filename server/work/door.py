"""The door of usage feeds: rows are classified by catalogue and counterparty index, summed per day, and forgotten.

Nothing here is written anywhere: what leaves is sums. A number that no index knows is unclassified, never private; a
device or account that nobody knows is not attributable, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mdm_adapters.port import Token
from server.core.channel_catalogue import Catalogue
from server.core.identity import Tokeniser, tokens_of_phones
from server.core.model import ContactClass
from server.core.usage import Confidence, Counterparty, Direction, Use
from server.sources.usage_file import RawUse
from server.sources.usage_mapping import UsageMapping
from server.store.usage import Holder, KindKey, KnownLink, Subject, Sum
from server.work.context import AMSTERDAM

_CLASSES: Mapping[ContactClass, Counterparty] = {
    ContactClass.CLIENT: Counterparty.CLIENT,
    ContactClass.REPORTER: Counterparty.CLIENT,
    ContactClass.PROFESSIONAL: Counterparty.PROFESSIONAL,
    ContactClass.CHAIN_PARTNER: Counterparty.PROFESSIONAL,
    ContactClass.COLLEAGUE: Counterparty.COLLEAGUE,
}
_KEPT_NUMBERS = 100_000
"""Numbers remembered while one file is read, so that the same is not worked out again; in memory, and gone with it."""
_NEVER = 10**7
"""A day that never comes: an open case has not ended."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the index says of one identifier.

    fixed: a class that no case decides. spells: for each case of a client its id, the last day on which they were one
    and the day from which the number is no longer theirs.
    """

    fixed: Counterparty | None = None
    spells: tuple[tuple[int, int, int], ...] = ()

    def on(self, day: int) -> tuple[Counterparty, tuple[int, ...]]:
        """With whom that is on a day, and whose cases."""
        if self.fixed is not None:
            return self.fixed, ()
        if len(self.spells) == 1:  # nearly all: one client, one case
            ((case, last, former),) = self.spells
            if day >= former:
                return Counterparty.UNKNOWN, ()
            return (Counterparty.CLIENT if day <= last else Counterparty.FORMER_CLIENT), (case,)
        theirs = [(case, last) for case, last, former in self.spells if day < former]
        if not theirs:
            return Counterparty.UNKNOWN, ()
        running = any(day <= last for _, last in theirs)
        return (
            Counterparty.CLIENT if running else Counterparty.FORMER_CLIENT,
            tuple(case for case, _ in theirs),
        )


_NOBODY_KNOWS = Known()


class CounterpartyIndex:
    """Who is behind a number, by token, as the register tells it."""

    def __init__(self, tokeniser: Tokeniser, links: Iterable[KnownLink]) -> None:
        self._tokeniser = tokeniser
        self._known: dict[Token, Known] = {}
        for link in links:
            before = self._known.get(link.token, _NOBODY_KNOWS)
            party = _CLASSES[link.contact_class]
            if party is not Counterparty.CLIENT or link.case is None:
                self._known[link.token] = Known(party, before.spells)
            else:
                former = _NEVER if link.former_since is None else _day(link.former_since)
                spell = (link.case, last_day(link.closed_at), former)
                self._known[link.token] = Known(before.fixed, (*before.spells, spell))

    def find(self, numbers: Sequence[str]) -> list[Known]:
        """What is known of each number as it was written; of several in one field, the first that is known."""
        return [
            next((self._known[token] for token in tokens if token in self._known), _NOBODY_KNOWS)
            for tokens in tokens_of_phones(numbers, self._tokeniser)
        ]


def last_day(closed_at: datetime | None) -> int:
    """The last day on which a client was one: that of the closure, which at midnight is the day before."""
    return _NEVER if closed_at is None else _day(closed_at - timedelta(microseconds=1))


def _day(at: datetime) -> int:
    return at.astimezone(AMSTERDAM).date().toordinal()


@dataclass(frozen=True, slots=True)
class ContactKey:
    """Contacts of one worker with a client on a day; which of several cases it was for is settled later."""

    worker: int
    cases: tuple[int, ...]
    day: int
    channel: str
    direction: Direction


@dataclass(slots=True)
class Tally:
    """How the rows fared. not_gated: rows passed over because no gate lets that employer's usage be read."""

    rows: int = 0
    unattributable: int = 0
    unclassified: int = 0
    not_gated: int = 0


@dataclass(slots=True)
class Door:
    """Classifies and sums the rows of one feed.

    kind_of: the id of a kind of sums. subjects: by the feed's own reference. nobody: the subject of what cannot be
    attributed; None: that may not be read. cases: by number, with the last day on which its clients were clients.
    observe: whether contacts with clients are kept, one by one, for a person to look at.
    """

    mapping: UsageMapping
    catalogue: Catalogue
    index: CounterpartyIndex
    subjects: Mapping[str, Subject]
    nobody: int | None
    cases: Mapping[str, tuple[tuple[int, int], ...]]
    holders: Sequence[Holder]
    kind_of: Callable[[KindKey], int]
    observe: bool
    tally: Tally = field(default_factory=Tally)
    contacts: Counter[ContactKey] = field(default_factory=Counter)
    _sums: dict[tuple[int, int, int], int] = field(default_factory=dict)
    _samples: dict[tuple[int, int, int], int] = field(default_factory=dict)
    _numbers: dict[str, Known] = field(default_factory=dict)
    _kinds: dict[tuple[object, ...], tuple[int, ...]] = field(default_factory=dict)
    _held: dict[int, list[Holder]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for holder in self.holders:
            self._held.setdefault(holder.device, []).append(holder)

    @property
    def size(self) -> int:
        """How many sums wait to be taken."""
        return len(self._sums)

    def take_in(self, rows: Sequence[RawUse]) -> None:
        """Classify and sum one batch; nothing of it stays."""
        self._learn(rows)
        sums, numbers, subjects, kinds = self._sums, self._numbers, self.subjects, self._kinds
        tally = self.tally
        sampled = self.mapping.confidence is Confidence.SAMPLED
        tally.rows += len(rows)
        for row in rows:
            subject = subjects.get(row.subject)
            if subject is None:
                if self.nobody is None:
                    tally.not_gated += 1
                    continue
                tally.unattributable += 1
                of = self.nobody
            elif not subject.gated:
                tally.not_gated += 1
                continue
            else:
                of = subject.id
            party, cases = self._party(row, numbers)
            # A member of a closed set exists once; its id is cheaper to hash than it is itself.
            key = (id(party), row.channel, row.app, id(row.direction), id(row.use))
            found = kinds.get(key)
            if found is None:
                found = kinds[key] = self._kinds_of(party, row)
            for kind, amount in zip(found, row.amounts, strict=True):
                at = (of, row.day, kind)
                sums[at] = sums.get(at, 0) + amount
                if sampled:
                    self._samples[at] = self._samples.get(at, 0) + (row.samples or 1)
            if party is Counterparty.UNKNOWN:
                tally.unclassified += 1
            elif cases and self.observe and subject is not None:
                self._note(subject, row, cases)

    def take_sums(self) -> Iterator[Sum]:
        """The sums so far; they are forgotten here."""
        sums, samples = self._sums, self._samples
        self._sums, self._samples = {}, {}
        return (Sum(*key, amount, samples.get(key, 0)) for key, amount in sums.items())

    def take_contacts(self) -> Counter[ContactKey]:
        """The contacts so far; they are forgotten here."""
        contacts, self.contacts = self.contacts, Counter()
        return contacts

    def _learn(self, rows: Sequence[RawUse]) -> None:
        numbers = self._numbers
        new = list({row.number for row in rows if row.number and row.number not in numbers})
        if len(numbers) + len(new) > _KEPT_NUMBERS:
            numbers.clear()
            new = list({row.number for row in rows if row.number})
        if new:
            numbers.update(zip(new, self.index.find(new), strict=True))

    def _party(self, row: RawUse, numbers: Mapping[str, Known]) -> tuple[Counterparty, tuple[int, ...]]:
        """With whom: what the number's index says, else the feed's own word; a closed case makes a client former."""
        if row.number:
            party, cases = numbers[row.number].on(row.day)
            if party is not Counterparty.UNKNOWN or row.party is None:
                return party, cases
        if row.party is None:
            return Counterparty.UNKNOWN, ()
        if row.party is not Counterparty.CLIENT or not row.case:
            return row.party, ()
        ends = self.cases.get(row.case, ())
        former = bool(ends) and all(row.day > last for _, last in ends)
        return (
            Counterparty.FORMER_CLIENT if former else Counterparty.CLIENT,
            tuple(case for case, _ in ends) if len(ends) == 1 else (),
        )

    def _kinds_of(self, party: Counterparty, row: RawUse) -> tuple[int, ...]:
        """One kind for each amount; private use keeps no detail (DOMAIN N2)."""
        mapping = self.mapping
        channel, use = self._channel_and_use(party, row)
        found = []
        for amount in mapping.amounts:
            direction = amount.direction or row.direction
            detail = (channel or "", party, direction)
            if use is Use.PRIVATE:
                detail = ("", Counterparty.UNKNOWN, Direction.UNKNOWN)
            found.append(self.kind_of(KindKey(amount.quantity, mapping.confidence, mapping.profile, use, *detail)))
        return tuple(found)

    def _channel_and_use(self, party: Counterparty, row: RawUse) -> tuple[str | None, Use]:
        channel = self.catalogue.channel_named(row.channel) if row.channel else None
        apps = self.mapping.apps
        use: Use | None = row.use
        if row.app and apps is not None:
            channel = self.catalogue.channel_of_app(apps.platform, row.app)
            if use is None:
                listed = row.app.casefold() in {each.casefold() for each in apps.business}
                use = Use.BUSINESS if listed else Use.UNCLASSIFIED if channel is not None else apps.others
        if use is None:
            use = self.mapping.use
        if use is None:
            # A former client is no private contact, and whether the job gave a reason nobody has said.
            sure = party not in (Counterparty.UNKNOWN, Counterparty.FORMER_CLIENT)
            use = Use.BUSINESS if sure else Use.UNCLASSIFIED
        return channel, use

    def _note(self, subject: Subject, row: RawUse, cases: tuple[int, ...]) -> None:
        worker = self._worker_on(subject, row.day)
        if worker is None:
            return
        channel = (self.catalogue.channel_named(row.channel) if row.channel else None) or ""
        self.contacts[ContactKey(worker, cases, row.day, channel, row.direction)] += 1

    def _worker_on(self, subject: Subject, day: int) -> int | None:
        """Who had the device that day; None where two had it and the days do not say."""
        held = self._held.get(subject.device or 0, ())
        if subject.device is None or len({each.worker for each in held}) <= 1:
            return subject.worker
        on = {
            each.worker
            for each in held
            if each.first.toordinal() <= day and (each.last is None or day <= each.last.toordinal())
        }
        return on.pop() if len(on) == 1 else None
