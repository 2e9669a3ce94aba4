"""`closeout log export` and `log verify-files`: the log as files, and their check with public keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from server.cli.answers.refusals import refusals
from server.cli.published_keys import read_log_key, read_witnesses
from server.cli.session import FILE, Session, with_session
from server.core.log.published import Published, check_published
from server.core.log.witness_policy import WitnessPolicy
from server.core.text import phrase
from server.render.answers import Answer
from server.work.admin import log_checkpoints, log_export

_LONGEST_LINE = 1 << 20


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@with_session
def export(session: Session, folder: Path) -> None:
    """Write the open log and its signed checkpoints as files, for whoever verifies it elsewhere.

    FOLDER is made, and must not be there yet. It names no worker, client, case or hold. The public key is not in it:
    hand that over by another way.
    """
    with session.context() as context, refusals(session):
        try:
            written = log_export.export(context, session.role(context), folder)
        except FileExistsError:
            session.fail("folder_there", phrase("That folder is there already; nothing was written."))
    session.answer(
        Answer(
            ok=True,
            title=phrase("The log is written into {folder}.", folder=str(folder)),
            lines=(
                phrase(
                    "Entries: {entries}. Signed checkpoints: {heads}.", entries=written.entries, heads=written.heads
                ),
            ),
            what_next=(phrase("Elsewhere: closeout log verify-files FOLDER --key KEY --witnesses FILE"),),
            key="log_exported",
        )
    )


@click.command("verify-files")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", required=True, help="Public key of the log, as closeout log key shows it there.")
@click.option("--witnesses", type=FILE, help="File that names its witnesses and how many are enough.")
@click.option(
    "--heads", type=FILE, multiple=True, help="More signed checkpoints: a copy that you kept, or a witness's."
)
@with_session
def verify_files(session: Session, folder: Path, key: str, witnesses: Path | None, heads: tuple[Path, ...]) -> None:
    """Verify a log that was handed over as files with public keys alone; needs no installation.

    FOLDER is what closeout log export wrote.
    """
    log_key, policy = read_log_key(session, key), read_witnesses(session, witnesses)
    if not (folder / log_export.ENTRIES).exists():
        session.fail("no_entries", phrase("There is no file of entries in that folder."))
    notes = [note for file in (folder / log_export.HEADS, *heads) for note in log_checkpoints.read_notes(file)]
    with (folder / log_export.ENTRIES).open("rb") as file:
        found = check_published(_lines(file), notes, log_key, policy)
    session.answer(_told(found, policy))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_LONGEST_LINE):
        yield line.removesuffix(b"\n")


def _told(found: Published, policy: WitnessPolicy) -> Answer:
    lines = [
        phrase(
            "Entries: {size}. Signed checkpoints: {checkpoints}. Signed up to entry {anchored}.",
            size=found.size,
            checkpoints=found.heads,
            anchored=found.anchored,
        )
    ]
    if found.bad:
        lines.append(phrase("Checkpoints or cosignatures that the keys given did not sign: {bad}.", bad=found.bad))
    if policy.witnesses:
        lines.append(
            phrase("Not enough witnesses have cosigned a checkpoint.")
            if found.cosigned is None
            else phrase("Enough witnesses have cosigned the log up to entry {entry}.", entry=found.cosigned)
        )
    if found.anchored < found.size:
        lines.append(phrase("What came after the last signed checkpoint is not signed yet."))
    return Answer(
        ok=found.sound,
        title=phrase("The log is intact.")
        if found.sound
        else phrase("The log is not what its checkpoints were signed for."),
        lines=tuple(lines),
        key="log_sound" if found.sound else "log_not_sound",
    )
