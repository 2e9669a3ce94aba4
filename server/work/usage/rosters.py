"""Lists beside the feeds are taken in: roster, absence, shared devices, apps on phones; each all of it or nothing.

Lists of people are read under the same gate as feeds. Who or what a list names that nobody knows is counted and left
out; apps that are no channels of the catalogue go no further than here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from server.core.log.entries import Body, EntryKind
from server.core.model import GateScope
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.channels import keep_channels
from server.core.usage.model import Span
from server.sources.lists import ListKind, ListMapping, ListRow, read_list
from server.sources.rows import FileFault
from server.store import log
from server.store.database import Connection
from server.store.usage import circumstances, subjects
from server.store.usage.circumstances import ListedPhone
from server.work.context import Context


@dataclass(frozen=True, slots=True)
class ListTaken:
    """What a list came to. unknown: rows about a worker or device that nobody knows; not_gated: passed over for want of
    a gate.
    """

    kind: ListKind
    rows: int = 0
    unknown: int = 0
    not_gated: int = 0
    faults: tuple[FileFault, ...] = ()


def take_in_list(context: Context, path: Path, mapping: ListMapping, catalogue: Catalogue) -> ListTaken:
    """Read a list and put it in place of what it covers; with a fault nothing goes in.

    Raises EvidenceRefusedError before anything is opened if no gate for observing is open.
    """
    today, now, kind = context.today(), context.now(), mapping.list_
    with context.store.read() as connection:
        allowed = subjects.gated_employers(connection, today, GateScope.OBSERVATION.value)
        of_workers = kind in (ListKind.ROSTER, ListKind.ABSENCE)
        known = circumstances.workers_by_ref(connection) if of_workers else circumstances.devices_by_ref(connection)
    if not allowed:
        with context.store.write() as connection:
            log.append(connection, now, [(EntryKind.REFUSED, {"what": "usage", "reason": "gate_closed"})])
        raise EvidenceRefusedError(EvidenceProblem.GATE_CLOSED)
    read = read_list(path, mapping, today=today)
    if read.faults:
        return ListTaken(kind, faults=read.faults)
    named = [(row, known.get(row.worker or row.device)) for row in read.rows]
    rows = [(of[0], row) for row, of in named if of is not None and of[1] in allowed]
    unknown = sum(of is None for _, of in named)
    with context.store.write() as connection:
        _put(connection, kind, rows, mapping, catalogue, today)
        body: Body = {
            "feed": f"list-{kind.value.replace('_', '-')}",
            "verb": "taken_in",
            "outcome": "applied",
            "count": len(rows),
            "unknown": unknown,
            "digest": read.digest,
        }
        log.append(connection, now, [(EntryKind.USAGE_CHANGED, body)])
    return ListTaken(kind, len(rows), unknown, len(named) - len(rows) - unknown)


def _put(
    connection: Connection,
    kind: ListKind,
    rows: Sequence[tuple[int, ListRow]],
    mapping: ListMapping,
    catalogue: Catalogue,
    today: date,
) -> None:
    match kind:
        case ListKind.ROSTER:
            circumstances.put_duty_days(connection, [(of, row.day) for of, row in rows if row.day is not None])
        case ListKind.ABSENCE:
            spans = [(of, Span(row.first, row.last)) for of, row in rows if row.first is not None]
            circumstances.put_absences(connection, spans)
        case ListKind.SHARED_DEVICES:
            circumstances.put_shared_devices(connection, {of: (row.first, row.last) for of, row in rows}, today)
        case ListKind.PRESENCE:
            phones = _phones(rows, mapping, catalogue)
            circumstances.put_listed_phones(connection, list(phones.values()))


def _phones(
    rows: Sequence[tuple[int, ListRow]], mapping: ListMapping, catalogue: Catalogue
) -> Mapping[int, ListedPhone]:
    by_device: dict[int, list[ListRow]] = {}
    for of, row in rows:
        by_device.setdefault(of, []).append(row)
    found = {}
    for of, theirs in by_device.items():
        assert mapping.platform is not None, "the mapping was checked for it"
        channels = keep_channels(mapping.platform, [row.app for row in theirs if row.app], catalogue)
        managed = keep_channels(mapping.platform, [row.app for row in theirs if row.app and row.managed], catalogue)
        answers = {row.contacts_closed for row in theirs}
        found[of] = ListedPhone(
            of,
            max(row.day for row in theirs if row.day is not None),
            channels,
            managed,
            # Rows that contradict one another tell nothing.
            answers.pop() if len(answers) == 1 else None,
        )
    return found
