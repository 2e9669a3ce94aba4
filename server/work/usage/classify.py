"""The door of usage feeds: rows are classified by catalogue and counterparty index, summed per day, and forgotten.

Nothing here is written anywhere: what leaves is sums. A number that no index knows is unclassified, never private; a
device or account that nobody knows is not attributable, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import compress
from typing import Any, TypeAlias

from mdm_adapters.port import Token
from server.core.identity import Tokeniser, service_number, tokens_of_phones
from server.core.model import ContactClass
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.model import Confidence, Counterparty, Direction, Use
from server.sources.usage_file import Columns
from server.sources.usage_mapping import UsageMapping
from server.store.usage.sums import Holder, KindKey, KnownLink, Subject, Sum
from server.work.context import AMSTERDAM

_CLASSES: Mapping[ContactClass, Counterparty] = {
    ContactClass.CLIENT: Counterparty.CLIENT,
    ContactClass.REPORTER: Counterparty.CLIENT,
    ContactClass.PROFESSIONAL: Counterparty.PROFESSIONAL,
    ContactClass.CHAIN_PARTNER: Counterparty.PROFESSIONAL,
    ContactClass.COLLEAGUE: Counterparty.COLLEAGUE,
}
_KEPT_NUMBERS = 250_000
"""Numbers remembered while one file is read, so that the same is not worked out again; in memory, and gone with it."""
_KEPT_WAYS = 50_000
_SHORT = 13
"""Characters of the longest spelling of a service's number."""
_DAY, _PLACE = 40, 16
"""A sum's key is one whole number, so that it is cheap to find and sorts as it is staged: a day, a subject (some
16 million at most) and what it is of (some 65,000 at most)."""
_NOT_GATED = -1
_VARIES = object()
_UNKNOWN = Counterparty.UNKNOWN
_CLIENTS = (Counterparty.CLIENT, Counterparty.FORMER_CLIENT)
_NEVER = 10**7
"""A day that never comes: an open case has not ended."""


_Seen: TypeAlias = tuple[int, int, Any, Any, Any]
"""What a number is on any day: from the first day it is nobody's, up to the second it is the third, then the fourth. A
number in several cases is told by its Known, in place of a counterparty. Last, its Known.
"""


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


def _seen(known: Known) -> _Seen:
    if known.fixed is not None:
        return _NEVER, _NEVER, known.fixed, known.fixed, known
    if not known.spells:
        return _NEVER, _NEVER, _UNKNOWN, _UNKNOWN, known
    if len(known.spells) > 1:
        return _NEVER, _NEVER, known, known, known
    ((_, last, former),) = known.spells
    return former, last, Counterparty.CLIENT, Counterparty.FORMER_CLIENT, known


_NOBODY_KNOWS = Known()
_NOBODY_SEEN = _seen(_NOBODY_KNOWS)


class CounterpartyIndex:
    """Who is behind a number, by token, as the register tells it."""

    def __init__(self, tokeniser: Tokeniser, links: Iterable[KnownLink]) -> None:
        self._tokeniser = tokeniser
        known: dict[Token, Known] = {}
        for link in links:
            before = known.get(link.token, _NOBODY_KNOWS)
            party = _CLASSES[link.contact_class]
            if party is not Counterparty.CLIENT or link.case is None:
                known[link.token] = Known(party, before.spells)
            else:
                former = _NEVER if link.former_since is None else _day(link.former_since)
                spell = (link.case, last_day(link.closed_at), former)
                known[link.token] = Known(before.fixed, (*before.spells, spell))
        self._seen = {token: _seen(each) for token, each in known.items()}

    def find(self, numbers: Sequence[str]) -> list[_Seen]:
        """What is known of each number as it was written; of several in one field, the first that is known."""
        seen = self._seen
        found = [
            seen.get(tokens[0], _NOBODY_SEEN) if len(tokens) == 1 else self._first_seen(tokens)
            for tokens in tokens_of_phones(numbers, self._tokeniser)
        ]
        return [
            self._service(number) if each is _NOBODY_SEEN and len(number) <= _SHORT else each
            for each, number in zip(found, numbers, strict=True)
        ]

    def _service(self, number: str) -> _Seen:
        """What the directory says of a short number of a service."""
        service = service_number(number)
        return _NOBODY_SEEN if service is None else self._seen.get(self._tokeniser.token(service), _NOBODY_SEEN)

    def _first_seen(self, tokens: Iterable[Token]) -> _Seen:
        return next((self._seen[token] for token in tokens if token in self._seen), _NOBODY_SEEN)


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
    _places: dict[str, int] = field(default_factory=dict)
    _sums: list[Counter[int]] = field(default_factory=list)
    _samples: Counter[int] = field(default_factory=Counter)
    _numbers: dict[str, _Seen] = field(default_factory=dict)
    _before: dict[str, _Seen] = field(default_factory=dict)
    _ways: dict[tuple[object, ...], dict[tuple[Any, ...], int]] = field(default_factory=dict)
    _kinds: dict[tuple[int, ...], int] = field(default_factory=dict)
    _held: dict[int, list[Holder]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for holder in self.holders:
            self._held.setdefault(holder.device, []).append(holder)
        self._places = {
            name: subject.id << _PLACE if subject.gated else _NOT_GATED for name, subject in self.subjects.items()
        }
        self._sums = [Counter() for _ in self.mapping.amounts]

    @property
    def size(self) -> int:
        """How many sums wait to be taken."""
        return sum(map(len, self._sums))

    def take_in(self, columns: Columns) -> None:
        """Classify and sum one batch; nothing of it stays.

        Column by column: a feed is millions of rows, and a call for each of them costs as much as reading it.
        """
        tally, place_of = self.tally, self._places.get
        tally.rows += len(columns.lines)
        unknown = _NOT_GATED if self.nobody is None else self.nobody << _PLACE
        places = [place_of(name, unknown) for name in columns.subjects]
        if _NOT_GATED in places:
            gated = [place != _NOT_GATED for place in places]
            tally.not_gated += gated.count(False)
            columns, places = _only(columns, gated), list(compress(places, gated))
        if not places:
            return
        tally.unattributable += 0 if self.nobody is None else places.count(unknown)
        seen = self._find(columns.numbers)
        parties = self._parties(columns, seen)
        tally.unclassified += parties.count(_UNKNOWN)
        keys = [
            (day << _DAY) + place + way
            for day, place, way in zip(columns.days, places, self._ways_of(columns, parties), strict=True)
        ]
        for sums, amounts in zip(self._sums, columns.amounts, strict=True):
            if _same(amounts) and amounts[0] == 1:
                sums.update(keys)
            else:
                _add_up(sums, keys, amounts)
        if self.mapping.confidence is Confidence.SAMPLED:
            _add_up(self._samples, keys, [each or 1 for each in columns.samples])
        if self.observe:
            self._note(columns, parties, seen)

    def take_sums(self) -> Iterator[Sum]:
        """The sums so far, in order of days; they are forgotten here."""
        sums, looks = self._sums, self._samples
        self._sums, self._samples = [Counter() for _ in self.mapping.amounts], Counter()
        kinds = list(self._kinds)
        some = [amount.only_if is not None for amount in self.mapping.amounts]
        if any(some):
            yield from _counted(sums, looks, kinds, some)
            return
        for key in sorted(sums[0]):
            day, place, seen = key >> _DAY, (key >> _PLACE) & 0xFFFFFF, looks.get(key, 0) if looks else 0
            for kind, amounts in zip(kinds[key & 0xFFFF], sums):  # noqa: B905  one for each, and checking takes time
                yield day, place, kind, amounts[key], seen

    def take_contacts(self) -> Counter[ContactKey]:
        """The contacts so far; they are forgotten here."""
        contacts, self.contacts = self.contacts, Counter()
        return contacts

    def _find(self, numbers: Sequence[str]) -> Sequence[_Seen]:
        """What the index says of each number; the latest are remembered, and those before them for as long again."""
        if _same(numbers) and not numbers[0]:
            return [_NOBODY_SEEN] * len(numbers)
        known = self._numbers
        new = set(numbers).difference(known)
        if new:
            if len(known) + len(new) > _KEPT_NUMBERS:
                self._before, self._numbers = known, {}
                known, new = self._numbers, set(numbers)
            before = self._before
            again = [number for number in new if number in before]
            known.update((number, before[number]) for number in again)
            rest = list(new.difference(again))
            known.update(zip(rest, self.index.find(rest), strict=True))
        return list(map(known.__getitem__, numbers))

    def _parties(self, columns: Columns, seen: Sequence[_Seen]) -> list[Counterparty]:
        """With whom: what the number's index says, else the feed's own word; a closed case makes a client former."""
        parties: list[Any] = [
            _UNKNOWN if day >= former else before if day <= last else after
            for day, (former, last, before, after, _) in zip(columns.days, seen, strict=True)
        ]
        if Known in map(type, parties):
            parties = [
                each.on(day)[0] if type(each) is Known else each
                for each, day in zip(parties, columns.days, strict=True)
            ]
        if any(columns.parties):
            parties = [
                self._worded(word, case, day)[0] if party is _UNKNOWN and word is not None else party
                for party, word, case, day in zip(parties, columns.parties, columns.cases, columns.days, strict=True)
            ]
        return parties

    def _worded(self, word: Counterparty, case: str, day: int) -> tuple[Counterparty, tuple[int, ...]]:
        """What the feed's own word comes to, and whose case it is."""
        if word is not Counterparty.CLIENT or not case:
            return word, ()
        ends = self.cases.get(case, ())
        former = bool(ends) and all(day > last for _, last in ends)
        return (
            Counterparty.FORMER_CLIENT if former else Counterparty.CLIENT,
            tuple(number for number, _ in ends) if len(ends) == 1 else (),
        )

    def _ways_of(self, columns: Columns, parties: Sequence[Counterparty]) -> list[int]:
        """For each row which kinds its amounts are of, as a number of ours."""
        details: tuple[Sequence[Any], ...] = (columns.channels, columns.apps, columns.directions, columns.uses)
        fixed = tuple(detail[0] if _same(detail) else _VARIES for detail in details)
        known = self._ways.setdefault(fixed, {})
        if len(known) > _KEPT_WAYS:
            known.clear()
        keys = list(zip(parties, *compress(details, [each is _VARIES for each in fixed]), strict=True))
        try:
            return list(map(known.__getitem__, keys))
        except KeyError:
            pass
        for key in set(keys).difference(known):
            rest: Iterator[Any] = iter(key[1:])
            detail: list[Any] = [next(rest) if each is _VARIES else each for each in fixed]
            known[key] = self._way(key[0], *detail)
        return list(map(known.__getitem__, keys))

    def _way(self, party: Counterparty, channel: str, app: str, direction: Direction, use: Use | None) -> int:
        """One kind for each amount; private use keeps no detail (DOMAIN N2)."""
        mapping = self.mapping
        listed, purpose = self._channel_and_use(party, channel, app, use)
        found = []
        for amount in mapping.amounts:
            through = self.catalogue.channel_named(amount.channel) if amount.channel else listed
            detail = (through or "", party, amount.direction or direction)
            if purpose is Use.PRIVATE:
                detail = ("", Counterparty.UNKNOWN, Direction.UNKNOWN)
            found.append(self.kind_of(KindKey(amount.quantity, mapping.confidence, mapping.profile, purpose, *detail)))
        return self._kinds.setdefault(tuple(found), len(self._kinds))

    def _channel_and_use(self, party: Counterparty, channel: str, app: str, use: Use | None) -> tuple[str | None, Use]:
        listed = self.catalogue.channel_named(channel) if channel else None
        apps = self.mapping.apps
        if app and apps is not None:
            listed = self.catalogue.channel_of_app(apps.platform, app)
            if use is None:
                own = app.casefold() in {each.casefold() for each in apps.business}
                use = Use.BUSINESS if own else Use.UNCLASSIFIED if listed is not None else apps.others
        if use is None:
            use = self.mapping.use
        if use is None:
            # A former client is no private contact, and whether the job gave a reason nobody has said.
            sure = party not in (Counterparty.UNKNOWN, Counterparty.FORMER_CLIENT)
            use = Use.BUSINESS if sure else Use.UNCLASSIFIED
        return listed, use

    def _note(self, columns: Columns, parties: Sequence[Counterparty], seen: Sequence[_Seen]) -> None:
        """Keep that there was contact with a client, row by row: few rows are."""
        for at, party in enumerate(parties):
            if party not in _CLIENTS:
                continue
            day, word = columns.days[at], columns.parties[at]
            found, cases = seen[at][-1].on(day)
            if found is _UNKNOWN and word is not None:
                _, cases = self._worded(word, columns.cases[at], day)
            subject = self.subjects.get(columns.subjects[at])
            worker = None if subject is None or not cases else self._worker_on(subject, day)
            if worker is not None:
                word_of = columns.channels[at]
                channel = (self.catalogue.channel_named(word_of) if word_of else None) or ""
                self.contacts[ContactKey(worker, cases, day, channel, columns.directions[at])] += 1

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


def _counted(
    sums: Sequence[Counter[int]], looks: Mapping[int, int], kinds: Sequence[tuple[int, ...]], some: Sequence[bool]
) -> Iterator[Sum]:
    """The sums where not every amount is counted of every row: of what is not counted there is no sum."""
    for key in sorted(sums[0]):
        day, place = key >> _DAY, (key >> _PLACE) & 0xFFFFFF
        for kind, amounts, optional in zip(kinds[key & 0xFFFF], sums, some, strict=True):
            if amounts[key] or not optional:
                yield day, place, kind, amounts[key], looks.get(key, 0)


def _same(column: Sequence[object]) -> bool:
    """Whether a column says the same in all its rows."""
    return column.count(column[0]) == len(column)


def _only(columns: Columns, keep: Sequence[bool]) -> Columns:
    """The rows to keep."""
    amounts = [list(compress(each, keep)) for each in columns.amounts]
    fields = [list(compress(each, keep)) for each in (*columns[:10], columns.samples)]
    return Columns._make([*fields[:10], amounts, fields[10]])


def _add_up(sums: Counter[int], keys: Sequence[int], amounts: Sequence[int]) -> None:
    of = sums.get
    for key, amount in zip(keys, amounts, strict=True):
        sums[key] = of(key, 0) + amount
