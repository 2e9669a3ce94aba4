"""An installation moves from the embedded database to a server: every row, compared, and never in two places at once.

Whoever stops it, at any point, has either the old database as it was or the new one whole; the move begun again ends
it. Nobody writes meanwhile: the old database is locked, and afterwards it takes no row any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.core.log.audit import audit
from server.core.problems import MoveProblem, MoveRefusedError
from server.store import log
from server.store.admin import backup_copies, moving
from server.store.admin.moving import TargetState
from server.store.database import Connection, Store, newest_revision


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved. size, root: the head of the log in both, root in hex."""

    tables: int
    rows: int
    size: int
    root: str


def move(source: Store, url: str) -> Moved:
    """Move to the empty PostgreSQL database at this address, or end a move to it that was broken off.

    Raises MoveRefusedError, StoreUnavailableError (of either; StoreOtherVersionError where an update comes first).
    """
    if not source.is_sqlite:
        raise MoveRefusedError(MoveProblem.NOT_EMBEDDED)
    target = Store(url)
    try:
        if target.is_sqlite:
            raise MoveRefusedError(MoveProblem.NOT_A_SERVER)
        if moving.is_moved(source):
            return _finish(source, target)
        source.check()
        _make_room(target)
        with source.write() as old:
            done = _copy(old, target)
            moving.mark_moved(old)
        _name(target)
        target.take_stock(done.rows)
        return done
    finally:
        target.close()


def _make_room(target: Store) -> None:
    match moving.target_state(target):
        case TargetState.EMPTY:
            pass
        case TargetState.UNFINISHED:
            with target.read() as connection:
                fresh = target.revision(connection) == newest_revision()
            if fresh:
                return  # made, and nothing copied: what is in the tables is replaced
            backup_copies.empty(target)
        case _:
            raise MoveRefusedError(MoveProblem.PLACE_TAKEN)
    target.migrate()


def _copy(old: Connection, target: Store) -> Moved:
    """All rows in one transaction, kept only if they are the same."""
    with target.write() as new:
        moving.forget_revision(new)
        moving.copy_rows(old, new)
        return _compare(old, new)


def _compare(old: Connection, new: Connection) -> Moved:
    contents = moving.contents(old)
    head = log.head(old)
    verdict = audit(log.entries(new), ())
    same_log = log.head(new) == head and (verdict.size, verdict.root) == (head.size, head.root())
    if contents != moving.contents(new) or not same_log:
        raise MoveRefusedError(MoveProblem.DIFFERS)
    return Moved(len(contents), sum(count for count, _ in contents.values()), head.size, head.root().hex())


def _finish(source: Store, target: Store) -> Moved:
    """The old database was marked: what is at this address must be its copy."""
    if moving.target_state(target) is not TargetState.UNFINISHED:
        raise MoveRefusedError(MoveProblem.MOVED_ALREADY)
    with source.read() as old, target.read() as new:
        done = _compare(old, new)
    _name(target)
    target.take_stock(done.rows)
    return done


def _name(target: Store) -> None:
    with target.write() as new:
        backup_copies.name_revision(new, newest_revision())
