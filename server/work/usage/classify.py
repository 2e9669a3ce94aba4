"""The door of usage feeds: rows are classified by catalogue and counterparty index, summed per day, and forgotten.

Nothing here is written anywhere: what leaves is sums. A number that no index knows is unclassified, never private; a
device or account that nobody knows is not attributable, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, TypeAlias

from mdm_adapters.port import Token
from server.core.identity.reading import service_number
from server.core.identity.tokens import Tokeniser, tokens_of_phones
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.counterparties import (
    NOBODY_KNOWS,
    PARTY,
    WITH_CLIENTS,
    Behind,
    Days,
    Held,
    Known,
    Line,
    OfCase,
    holder_on,
    use_of,
    worded,
)
from server.core.usage.model import Confidence, Counterparty, Direction, Use
from server.sources.usage_file import Columns
from server.sources.usage_mapping import UsageMapping
from server.store.usage.ingest import Sum
from server.store.usage.subjects import KindKey, KnownLink, Subject

_KEPT_NUMBERS = 250_000
"""Numbers remembered while one file is read, so that the same is not worked out again; in memory, and gone with it."""
_KEPT_WAYS = 50_000
_SHORT, _SERVICES = 13, ("1", "+31", "0031", "(", " ")
"""Characters of the longest spelling of a service's number, and how one may begin."""
_DAY, _PLACE = 40, 16
"""A sum's key is one whole number, so that it is cheap to find and sorts as it is staged: a day, a subject (some
16 million at most) and what it is of (some 65,000 at most)."""
_NOT_GATED = -1
_VARIES = object()
_UNKNOWN = Behind.UNKNOWN


_Seen: TypeAlias = Behind | Known
"""What is known of a number: who it is on every day, or that it is a client's on some."""
_Whose: TypeAlias = tuple[int | None, Mapping[int, tuple[Days, ...]], bool]
"""Of somebody on a day: who, if some case is theirs; when which case is; whether they were on duty for all."""


class CounterpartyIndex:
    """Who is behind a number, by token, as the register tells it. spells: when each case ran."""

    def __init__(
        self, tokeniser: Tokeniser, links: Iterable[KnownLink], spells: Mapping[int, tuple[Days, ...]]
    ) -> None:
        self._tokeniser = tokeniser
        known: dict[Token, Known] = {}
        for link in links:
            case = None if link.case is None else OfCase(link.case, spells.get(link.case, ()), link.former)
            known[link.token] = known.get(link.token, NOBODY_KNOWS).also(link.contact_class, case)
        self._seen: dict[Token, _Seen] = {token: each.fixed or each for token, each in known.items()}

    def find(self, numbers: Sequence[str]) -> list[_Seen]:
        """What is known of each number as it was written; of several in one field, the first that is known."""
        seen = self._seen
        found = [
            seen.get(tokens[0], _UNKNOWN) if len(tokens) == 1 else self._first_seen(tokens)
            for tokens in tokens_of_phones(numbers, self._tokeniser)
        ]
        return [
            self._service(number)
            if each is _UNKNOWN and len(number) <= _SHORT and number.startswith(_SERVICES)
            else each
            for each, number in zip(found, numbers, strict=True)
        ]

    def _service(self, number: str) -> _Seen:
        """What the directory says of a short number of a service."""
        service = service_number(number)
        return _UNKNOWN if service is None else self._seen.get(self._tokeniser.token(service), _UNKNOWN)

    def _first_seen(self, tokens: Iterable[Token]) -> _Seen:
        return next((self._seen[token] for token in tokens if token in self._seen), _UNKNOWN)


@dataclass(frozen=True, slots=True)
class ContactKey:
    """Contacts of one device or account with a client on a day; which of several cases it was for is settled later.

    worker: whose it was that day, as far as anybody knows.
    """

    subject: int
    worker: int | None
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
    attributed; None: that may not be read. cases: by number, with the days on which each ran. held: by device, who had
    it when. own: of each worker and case, the days on which it was theirs; on_duty: when all cases were. observe:
    whether contacts with clients are kept, one by one, for a person to look at.
    """

    mapping: UsageMapping
    catalogue: Catalogue
    index: CounterpartyIndex
    subjects: Mapping[str, Subject]
    nobody: int | None
    cases: Mapping[str, tuple[OfCase, ...]]
    held: Mapping[int, Sequence[Held]]
    own: Mapping[int, Mapping[int, tuple[Days, ...]]]
    on_duty: Mapping[int, Collection[int]]
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
    _lines: dict[tuple[int | None, int], Line] = field(default_factory=dict)
    _whose: dict[tuple[str, int], _Whose] = field(default_factory=dict)

    def __post_init__(self) -> None:
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
            return [_UNKNOWN] * len(numbers)
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

    def _parties(self, columns: Columns, seen: Sequence[_Seen]) -> list[Behind]:
        """Who is behind each row: what the number's index says of that day and worker, else the feed's own word."""
        parties: list[Any] = list(seen)
        subjects, days, lines, whose = columns.subjects, columns.days, self._lines, self._whose
        for at, known in enumerate(seen):
            if type(known) is Known:
                on = subjects[at], days[at]
                found = whose.get(on) or self._who_had(on)
                line = lines.get((found[0], id(known))) or self._line(known, found)
                party = line.on(on[1])
                parties[at] = Behind.CLIENT if found[2] and party is Behind.CLIENT_OF_OTHERS else party
        if any(columns.parties):
            parties = [
                self._worded(word, case, day)[0] if party is _UNKNOWN and word is not None else party
                for party, word, case, day in zip(parties, columns.parties, columns.cases, columns.days, strict=True)
            ]
        return parties

    def _who_had(self, on: tuple[str, int]) -> _Whose:
        """Whose a device or an account was on a day; remembered."""
        subject = self.subjects.get(on[0])
        worker = None if subject is None else self._worker_on(subject, on[1])
        own = self.own.get(worker or 0, {})
        if len(self._whose) > _KEPT_NUMBERS:
            self._whose.clear()
        duty = worker is not None and on[1] in self.on_duty.get(worker, ())
        found = self._whose[on] = (worker if own else None, own, duty)
        return found

    def _line(self, known: Known, whose: _Whose) -> Line:
        """What a number is to somebody; remembered, and the same to all who have nothing to do with its cases."""
        worker, own, _ = whose
        if len(self._lines) > _KEPT_NUMBERS:
            self._lines.clear()
        if worker is not None and not any(each.case in own for each in known.cases):
            line = self._lines.get((None, id(known))) or self._line(known, (None, {}, False))
        else:
            line = Line(known, own)
        self._lines[worker, id(known)] = line
        return line

    def _worded(self, word: Counterparty, case: str, day: int) -> tuple[Behind, tuple[int, ...]]:
        """What the feed's own word comes to, and whose case it is."""
        if word is not Counterparty.CLIENT or not case:
            return worded(word), ()
        known = self.cases.get(case, ())
        former = bool(known) and all(each.began(day) and not each.runs(day) for each in known)
        return (
            Behind.FORMER_CLIENT if former else Behind.CLIENT,
            tuple(each.case for each in known) if len(known) == 1 else (),
        )

    def _ways_of(self, columns: Columns, parties: Sequence[Behind]) -> list[int]:
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

    def _way(self, party: Behind, channel: str, app: str, direction: Direction, use: Use | None) -> int:
        """One kind for each amount; private use keeps no detail (DOMAIN N2)."""
        mapping = self.mapping
        listed, purpose = self._channel_and_use(party, channel, app, use)
        found = []
        for amount in mapping.amounts:
            through = self.catalogue.channel_named(amount.channel) if amount.channel else listed
            detail = (through or "", PARTY[party], amount.direction or direction)
            if purpose is Use.PRIVATE:
                detail = ("", Counterparty.UNKNOWN, Direction.UNKNOWN)
            found.append(self.kind_of(KindKey(amount.quantity, mapping.confidence, mapping.profile, purpose, *detail)))
        return self._kinds.setdefault(tuple(found), len(self._kinds))

    def _channel_and_use(self, party: Behind, channel: str, app: str, use: Use | None) -> tuple[str | None, Use]:
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
            use = use_of(party)
        return listed, use

    def _note(self, columns: Columns, parties: Sequence[Behind], seen: Sequence[_Seen]) -> None:
        """Keep that there was contact with a client, row by row: few rows are."""
        for at, party in enumerate(parties):
            if party not in WITH_CLIENTS:
                continue
            day, word, known = columns.days[at], columns.parties[at], seen[at]
            cases = known.on(day)[1] if isinstance(known, Known) else ()
            if not cases and word is not None:
                _, cases = self._worded(word, columns.cases[at], day)
            subject = self.subjects.get(columns.subjects[at])
            if subject is not None and cases:
                worker = self._worker_on(subject, day)
                word_of = columns.channels[at]
                channel = (self.catalogue.channel_named(word_of) if word_of else None) or ""
                self.contacts[ContactKey(subject.id, worker, cases, day, channel, columns.directions[at])] += 1

    def _worker_on(self, subject: Subject, day: int) -> int | None:
        """Who had the device that day; None where nobody is known to have had it, or two had."""
        return subject.worker if subject.device is None else holder_on(self.held.get(subject.device, ()), day)


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
