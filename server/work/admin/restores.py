"""The end of a restore: two people say what was lost with it, and from there log and heads agree again.

A database is known to be older than it was by the newest signed head, which lies outside of it; what `backup restore`
put back says so itself in its log. Until two people have
said what lies between, no head is signed and nothing is removed: a hold that was set since is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.identity.reading import identifiers_in
from server.core.log.checkpoints import Checkpoint
from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.naming import plain_name, says_something
from server.core.problems import RestoreProblem, RestoreRefusedError
from server.store import log
from server.store.admin import accounts
from server.store.database import Connection
from server.work.admin import log_checkpoints
from server.work.admin.access import Person
from server.work.context import Context

MAY_SAY = frozenset(
    {Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.DATA_PROTECTION_OFFICER, Role.INDEPENDENT_OFFICER}
)
"""Two of these, in two roles: whoever restored it does not vouch alone for what is gone."""
ASKS_FOR = timedelta(days=3)
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Restore:
    """A database that is older than it was.

    size: entries it holds; of one that a command put back, those of the backup. lost: heads that do not fit it.
    subject: what people speak of: size and root (hex) of the newest head that is lost, else of the backup.
    """

    size: int
    newest_at: datetime | None
    lost: tuple[Checkpoint, ...]
    subject: tuple[int, str]

    @property
    def entries(self) -> int:
        """Entries of the log that are known to be gone, at least."""
        sizes = [each.size for each in self.lost]
        return max(0, max(sizes, default=0) - min(self.size, *sizes)) if sizes else 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one person's word came to. done: two have said it. open_accounts, open_tokens: to be looked at again."""

    restore: Restore
    done: bool
    open_accounts: Sequence[str] = ()
    open_tokens: Sequence[str] = ()


def find_restore(context: Context) -> Restore | None:
    """The restore that nobody has accepted yet; None: log and heads agree. RestoreRefusedError: DAMAGED."""
    lost = log_checkpoints.heads_that_do_not_fit(context, context.checkpoint_file)
    if lost is None:
        raise RestoreRefusedError(RestoreProblem.DAMAGED)
    with context.store.read() as connection:
        put_back = log_checkpoints.put_back_openly(connection)
        if not lost and put_back is None:
            return None
        size = log.head(connection).size if put_back is None else put_back.seq
        newest = log.read_from(connection, max(0, size - 1), 1)
    last = max(lost, key=lambda each: each.size, default=None)
    if last is not None:
        subject = last.size, last.root.hex()
    else:
        subject = size, str(put_back.body["root"]) if put_back else ""
    return Restore(size, newest[0].at if newest else None, tuple(lost), subject)


def say(context: Context, person: Person, what: str) -> Accepted:
    """One person's word about what was lost; the second one's, in another role, accepts it. RestoreRefusedError."""
    if person.role not in MAY_SAY:
        raise RestoreRefusedError(RestoreProblem.NOT_CLEARED)
    what = sentence(what)
    restore = find_restore(context)
    if restore is None:
        raise RestoreRefusedError(RestoreProblem.NOT_RESTORED)
    by = context.keys.sealer.hash(person.uid, "restore.by").hex()
    size, root = restore.subject
    body: Body = {"size": size, "root": root, "digest": by, "actor_role": person.role.value}
    now = context.now()
    with context.store.write() as connection:
        asked = _asked(connection, restore.subject, now)
        if asked is not None and asked["digest"] == by:
            raise RestoreRefusedError(RestoreProblem.OWN)
        if asked is not None and asked["actor_role"] == person.role.value:
            raise RestoreRefusedError(RestoreProblem.SAME_ROLE)
        done = asked is not None
        if done:
            body = {**body, "heads": [log_checkpoints.mark_of(each) for each in restore.lost]}
            accounts.end_all_sessions(connection)
        log.append(connection, now, [(EntryKind.RESTORE_ACCEPTED, {**body, "verb": "accepted" if done else "said"})])
        log.append_restricted(connection, now, context.keys.sealer, [f"restore said by {person.uid}: {what}"])
        names, tokens = accounts.still_open(connection, now) if done else ((), ())
    if done:
        log_checkpoints.write_checkpoint(context, because=log_checkpoints.Because.RESTORE_ACCEPTED)
    return Accepted(restore, done, names, tokens)


def sentence(what: str) -> str:
    """What a person said, if it says something and names nobody; RestoreRefusedError."""
    what = plain_name(what)
    if not says_something(what):
        raise RestoreRefusedError(RestoreProblem.SAYS_NOTHING)
    if len(what) > _LONGEST:
        raise RestoreRefusedError(RestoreProblem.TEXT_TOO_LONG)
    if identifiers_in(Field(FieldKind.TEXT, what)):
        raise RestoreRefusedError(RestoreProblem.IDENTIFIER_IN_TEXT)
    return what


def _asked(connection: Connection, subject: tuple[int, str], now: datetime) -> Body | None:
    """The word of the first person about this very loss, if it is not too old."""
    said = [
        entry.body
        for entry in log.of_kind(connection, EntryKind.RESTORE_ACCEPTED)
        if entry.body["verb"] == "said" and entry.at > now - ASKS_FOR
        and (entry.body["size"], entry.body["root"]) == subject
    ]  # fmt: skip
    return said[-1] if said else None
