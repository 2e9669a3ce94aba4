"""The log as people read it: the open one for who audits, what stands behind restricted entries for cleared eyes.

Each reading is itself an entry, of the restricted bodies a restricted one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from server.core.log.entries import Body, EntryKind, LogEntry, Scalar, read_entry
from server.core.model import CLEARED_FOR_HOLDS, Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import log
from server.store.database import Connection
from server.work.context import Context

MAY_READ = frozenset(
    {
        Role.AUDITOR,
        Role.DATA_PROTECTION_OFFICER,
        Role.PRIVACY_OFFICER,
        Role.INDEPENDENT_OFFICER,
        Role.INVESTIGATOR,
    }
)
"""The open log names no worker, client, case or hold."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries. since: from then on; until: before then. about: a word that one of their fields says, as an
    order's id or a token. most: the newest so many.
    """

    kind: EntryKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    about: str | None = None
    most: int = 100

    @property
    def everything(self) -> bool:
        """Whether every entry fits, so that the newest are those at the end."""
        return all(each is None for each in (self.kind, self.since, self.until, self.about))


@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """entries: in order. matching: how many there are. bodies: what restricted ones say, None for one that does not
    open; empty unless they were asked for.
    """

    entries: tuple[LogEntry, ...]
    matching: int
    bodies: Mapping[int, str | None] = field(default_factory=dict, repr=False)


def read_log(context: Context, role: Role, wanted: LogFilter, *, restricted: bool = False) -> LogExcerpt:
    """Entries of the log. restricted: with what stands behind restricted ones. DecisionRefusedError: NOT_CLEARED."""
    allowed = CLEARED_FOR_HOLDS if restricted else MAY_READ
    now = context.now()
    if role not in allowed:
        with context.store.write() as connection:
            body: Body = {"what": "log", "actor_role": role.value}
            log.append(connection, now, [(EntryKind.REFUSED, body)])
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    newest: deque[LogEntry] = deque(maxlen=max(1, min(wanted.most, MOST)))
    matching = 0
    bodies: dict[int, str | None] = {}
    with context.store.read() as connection:
        if wanted.everything:
            matching = log.head(connection).size
            first = max(0, matching - (newest.maxlen or 0))
            newest.extend(log.read_from(connection, first, matching - first))
        else:
            for entry in _matching(connection, wanted):
                newest.append(entry)
                matching += 1
        if restricted:
            numbers = [each.seq for each in newest if each.kind is EntryKind.RESTRICTED]
            bodies = dict(log.open_bodies(connection, context.keys.sealer, numbers))
    with context.store.write() as connection:
        if restricted:
            log.append_restricted(connection, now, context.keys.sealer, [f"log_read {role.value} {len(bodies)}"])
        else:
            read: Body = {"what": "log", "count": len(newest), "actor_role": role.value}
            log.append(connection, now, [(EntryKind.READ, read)])
    return LogExcerpt(tuple(newest), matching, bodies)


def _matching(connection: Connection, wanted: LogFilter) -> Iterator[LogEntry]:
    # Most entries are passed over by a look at their bytes; only what is left is read as JSON.
    kind = None if wanted.kind is None else f'"kind":"{wanted.kind.value}",'.encode()
    about = None if wanted.about is None else f'"{wanted.about}"'.encode()
    for _seq, text, _leaf in log.entries(connection):
        if (kind is not None and kind not in text) or (about is not None and about not in text):
            continue
        entry = read_entry(text)
        if wanted.kind not in (None, entry.kind) or not _says(entry, wanted.about):
            continue
        if (wanted.since is None or entry.at >= wanted.since) and (wanted.until is None or entry.at < wanted.until):
            yield entry


def _says(entry: LogEntry, about: str | None) -> bool:
    if about is None:
        return True
    values: list[Scalar] = []
    for value in entry.body.values():
        values += value if isinstance(value, tuple) else [value]  # type: ignore[list-item]
    return about in values
