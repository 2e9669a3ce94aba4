"""The open log as files, for whoever verifies it elsewhere with public keys alone; handing it on is an entry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.store import log
from server.work.admin import log_checkpoints
from server.work.admin.log_witnesses import cosigned_file
from server.work.context import Context

MAY_EXPORT = frozenset(
    {
        Role.AUDITOR,
        Role.DATA_PROTECTION_OFFICER,
        Role.PRIVACY_OFFICER,
        Role.INDEPENDENT_OFFICER,
        Role.INVESTIGATOR,
    }
)
"""The open log names no worker, client, case or hold; it counts what was done."""
ENTRIES, HEADS = "entries.jsonl", "heads.txt"


@dataclass(frozen=True, slots=True)
class Exported:
    """How many entries and how many signed heads were written."""

    entries: int
    heads: int


def export(context: Context, role: Role, folder: Path) -> Exported:
    """Write entries, one a line in their one form, and heads with their cosignatures, into a folder that is made.

    Raises DecisionRefusedError (NOT_CLEARED), and OSError, FileExistsError among them.
    """
    if role not in MAY_EXPORT:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    folder.mkdir(parents=True)
    # The heads first: what is signed meanwhile would else be of entries that were not read.
    file = context.checkpoint_file
    notes = [note for each in (file, cosigned_file(file)) for note in log_checkpoints.read_notes(each)]
    count = 0
    with context.store.read() as connection, (folder / ENTRIES).open("wb") as out:
        for _seq, text, _leaf in log.entries(connection):
            out.write(text + b"\n")
            count += 1
    (folder / HEADS).write_text("".join(note + "\n" for note in notes), encoding="utf-8")
    with context.store.write() as connection:
        body: Body = {"what": "log_exported", "count": count, "actor_role": role.value}
        log.append(connection, context.now(), [(EntryKind.READ, body)])
    return Exported(count, len(notes))
