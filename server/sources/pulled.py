"""What a feed that is asked for over HTTP gives back, and how its records become a table; no service is known here.

A feed hands over cells of text by the names of a mapping's headers. What was said or written is not among them: the
reader of each service names the fields it reads, and all others fall away while the answer is parsed.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from mdm_adapters.port import Fault, Garbled, PortError, Trial, bare
from server.core.days import AMSTERDAM
from server.sources.tables import RecordTable, Stamp
from server.sources.usage_file import OpenUsage, open_records
from server.sources.usage_mapping import UsageMapping

MOST_RECORDS = 1_000_000
"""Of one pull: a feed with more is asked for in shorter periods."""
NOBODY = "-"
"""Stands where a record does not say whose it is; no worker or device is called so."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a feed told. rows: cells in the order of `header`. first, last: the days of which this is all there is.

    last is before `first` if nothing is known of any of them yet. passed: records left out, as they tell of no use
    (an attempt that failed). concealed: whether the service hides whose accounts these are; None: not known, or no
    question. asked_until: the last day that was asked for; what lies after `last` is not told yet. caseless: records of
    a case whose number could not be learnt: they stay, and count for no case.
    """

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = field(repr=False)
    first: date
    last: date
    asked_until: date
    passed: int = 0
    concealed: bool | None = None
    caseless: int = 0


class Feed(ABC):
    """A service that tells usage. `pull` gives the whole of what was asked for, or raises a PortError."""

    mapping: str
    """The shipped mapping by which its records are read, unless another is named."""
    subject: str
    """The header under which it names accounts."""

    def pull(self, since: date, until: date) -> Pulled:
        """All from the first day to the last, in Amsterdam. Raises only PortError; half of it is never returned."""
        failure: PortError
        try:
            return self._pull(since, until)
        except PortError as error:
            failure = bare(error)
        except Exception:  # noqa: BLE001 - what a stranger sent may break a reader in any way
            # Nothing of what a service sent may stand in a trace.
            failure = Garbled(Fault.BAD_BODY)
        raise failure

    def check(self) -> Sequence[Trial]:
        """Try the connection without reading anything of use; never raises."""
        try:
            self._check()
        except PortError as error:
            return (Trial("The service answers", ok=False, fault=error.fault),)
        except Exception:  # noqa: BLE001 - as above
            return (Trial("The service answers", ok=False, fault=Fault.BAD_BODY),)
        return (Trial("The service answers", ok=True),)

    @abstractmethod
    def _check(self) -> None:
        """Ask for something that tells nothing of anybody; may raise PortError."""

    @abstractmethod
    def _pull(self, since: date, until: date) -> Pulled:
        """As `pull`; may raise PortError."""


def open_pulled(name: str, pulled: Pulled, mapping: UsageMapping, *, today: date) -> OpenUsage:
    """A pull as an opened feed. name: what faults call it."""
    days = (pulled.first, pulled.last) if pulled.first <= pulled.last else None
    return open_records(table_of(name, pulled.header, pulled.rows), mapping, today=today, speaks_for=days)


def table_of(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> RecordTable:
    """Records as a table. The order in which a service tells them says nothing, and so does not change the digest."""
    digest = hashlib.sha256(repr(tuple(header)).encode())
    for row in sorted(map(repr, rows)):
        digest.update(row.encode())
    return RecordTable(Path(name), Stamp(len(rows) + 1, 0, 0), digest.digest(), [header, *rows])


def whose(pulled: Pulled, column: str, accounts: Mapping[str, str]) -> Pulled:
    """The same with our own reference of a worker in place of an account's name, where we know whose it is.

    accounts: by name in lower case. An account that nobody knows stays as it is and is not attributable.
    """
    at = pulled.header.index(column)
    rows = [(*row[:at], accounts.get(row[at].casefold(), row[at]), *row[at + 1 :]) for row in pulled.rows]
    return replace(pulled, rows=rows)


def day_of(value: object) -> date | None:
    """The day in Amsterdam of a moment in ISO 8601; None: it is none. A moment without a zone is Amsterdam's."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    try:
        return (moment if moment.tzinfo is None else moment.astimezone(AMSTERDAM)).date()
    except OverflowError:
        return None


def cell(value: object) -> str:
    """A value as a cell: text as it is, yes and no as words, anything else that is no plain number as nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else ""
