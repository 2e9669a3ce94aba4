"""The repair of the file of signed heads, where it was lost or torn: said by a person, and entered in the log.

The file is evidence only as far as nobody begins it anew in silence. What can still be read of it is kept, what cannot
is put aside beside it, and an entry says how many heads the log rests on from there. Whatever was signed and is gone
vouches for nothing any more, unless a copy of it lies elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.problems import HeadsProblem, HeadsRefusedError
from server.store import log
from server.work.admin import log_checkpoints
from server.work.admin.log_checkpoints import Because, Standing
from server.work.context import Context

MAY_MEND = frozenset({Role.IT_ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Mended:
    """kept: heads that could still be read. aside: where what was there lies now; None: there was nothing."""

    kept: int
    aside: Path | None


def mend_heads(context: Context, role: Role) -> Mended:
    """Keep what can be read of the file of heads, put the rest aside, and sign the log's head from there.

    Raises HeadsRefusedError, and OSError where the file cannot be written; then nothing else was done.
    """
    if role not in MAY_MEND:
        raise HeadsRefusedError(HeadsProblem.NOT_CLEARED)
    notes, whole = log_checkpoints.sound_notes(context)
    standing = log_checkpoints.standing(context)
    if standing in (Standing.BEHIND, Standing.CHANGED):
        raise HeadsRefusedError(HeadsProblem.DOES_NOT_FIT)
    if whole and notes:
        raise HeadsRefusedError(HeadsProblem.NOTHING_TO_MEND)
    if log_checkpoints.heads_that_do_not_fit(context, context.checkpoint_file) != []:
        raise HeadsRefusedError(HeadsProblem.DOES_NOT_FIT)
    with context.store.read() as connection:
        if log_checkpoints.put_back_openly(connection) is not None:
            raise HeadsRefusedError(HeadsProblem.DOES_NOT_FIT)
    now = context.now()
    file = context.checkpoint_file
    aside = file.with_name(f"{file.name}.{now:%Y%m%dT%H%M%SZ}") if file.exists() else None
    log_checkpoints.replace_notes(context, notes, aside)
    body: Body = {"what": "heads_mended", "count": len(notes), "actor_role": role.value}
    with context.store.write() as connection:
        log.append(connection, now, [(EntryKind.CHECKPOINT_MADE, body)])
    log_checkpoints.write_checkpoint(context, because=Because.HEADS_MENDED)
    return Mended(len(notes), aside)
