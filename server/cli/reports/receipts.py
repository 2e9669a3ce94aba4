"""`closeout receipt`: receipts of proven removals are issued, checked without an installation, and opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from server.cli.answers import receipts as tell
from server.cli.answers.refusals import refusals
from server.cli.published_keys import read_log_key, read_witnesses
from server.cli.session import DAY, FILE, Session, with_session
from server.core.days import AMSTERDAM
from server.core.log import receipts as core
from server.core.log.checkpoints import parse_verifier_key
from server.core.log.receipts import BadReceipt, ProvenRemoval, ReceiptChecker, ReceiptFault
from server.core.log.witness_policy import WitnessPolicy
from server.core.text import phrase
from server.work.admin import log_checkpoints
from server.work.reports import receipts
from server.work.reports.counted import SeedRefusedError
from server.work.reports.receipts import WantedReceipts

_LARGEST = 1 << 19


@click.command("issue")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--item", "items", multiple=True, help="Contact code, or the code of an order; several times.")
@click.option("--case", "of_case", is_flag=True, help="Of one case; its number is asked for.")
@click.option("--sample", type=click.IntRange(1), help="So many, drawn from all.")
@click.option("--seed", help="The inspector's seed for the sample; without one, the checkpoint of the log.")
@click.option("--from", "first", type=DAY, help="Of a sample: verified from that day on.")
@click.option("--until", "last", type=DAY, help="Of a sample: verified up to the end of that day.")
@with_session
def receipt_issue(
    session: Session,
    folder: Path,
    items: tuple[str, ...],
    sample: int | None,
    seed: str | None,
    first: datetime | None,
    last: datetime | None,
    *,
    of_case: bool,
) -> None:
    """Write receipts of verified removals: of contact codes, of one closed case, or a sample that nobody picks.

    FOLDER is made, readable by you alone, and must not be there yet; without a receipt it is not made. They name no
    person, case, phone or address book. What is postponed, unknown or not verified yet has no receipt.
    """
    if bool(items) + of_case + (sample is not None) != 1:
        raise click.UsageError("name one of --item, --case and --sample")
    if sample is None and (seed, first, last) != (None, None, None):
        raise click.UsageError("--seed, --from and --until belong to --sample")
    case = session.ask(phrase("Case number"), hidden=True) if of_case else None
    wanted = WantedReceipts(
        ids=items,
        case=case,
        sample=sample,
        seed=seed,
        since=None if first is None else first.replace(tzinfo=AMSTERDAM),
        until=None if last is None else (last + timedelta(days=1)).replace(tzinfo=AMSTERDAM),
    )
    if folder.exists():
        session.fail("folder_there", phrase("That folder is there already; nothing was written."))
    with session.context() as context, refusals(session):
        session.require_sound_log(context)
        try:
            issued = receipts.issue(context, session.role(context), wanted, _into(folder))
        except SeedRefusedError:
            session.fail("bad_seed", phrase("A seed is a word of small letters, digits and hyphens."))
        except BadReceipt:
            session.fail(
                "log_not_sound",
                phrase("The log is not what its checkpoints were signed for."),
                phrase("See what is wrong: closeout log verify"),
            )
        key = log_checkpoints.verifier_key(context)
    session.answer(tell.issued(issued, folder, wanted, key))


def _into(folder: Path) -> Callable[[str, str], None]:
    def put(order: str, text: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / f"receipt-{order}.json", text)

    return put


def _write(file: Path, text: str) -> None:
    """A new file, for its owner alone; FileExistsError."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


@click.command("verify")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--key", required=True, help="Public key of the log, as closeout log key shows it there.")
@click.option("--witnesses", type=FILE, help="File that names its witnesses and how many are enough.")
@click.option("--opening", type=FILE, help="What shows whose contact one of them is about.")
@with_session
def receipt_verify(
    session: Session, files: tuple[Path, ...], key: str, witnesses: Path | None, opening: Path | None
) -> None:
    """Check receipts with public keys alone; needs no installation.

    Get the key from the organisation by another way than the receipts: all trust in them rests on it.
    """
    log_key, policy = read_log_key(session, key), read_witnesses(session, witnesses)
    checker = ReceiptChecker(log_key, policy)
    found: list[tuple[str, ProvenRemoval | ReceiptFault]] = [(file.name, _check(file, checker)) for file in files]
    opened = _opened(opening, [each for _, each in found])
    session.answer(tell.verified(found, policy, session.words.language, opened=opened))


def _check(file: Path, checker: ReceiptChecker) -> ProvenRemoval | ReceiptFault:
    try:
        return checker.check(core.read_receipt(_read(file)))
    except BadReceipt as bad:
        return bad.fault


def _read(file: Path) -> str:
    """Its text; what is none, or too long, is no receipt either."""
    with file.open("rb") as opened:
        return opened.read(_LARGEST).decode("utf-8", "replace")


def _opened(opening: Path | None, found: Sequence[ProvenRemoval | ReceiptFault]) -> bool | None:
    """Whether it opens one of them; None: there is none."""
    if opening is None:
        return None
    try:
        read = core.read_opening(_read(opening))
    except ValueError:
        return False
    return any(isinstance(each, ProvenRemoval) and read.opens(each) for each in found)


@click.command("about")
@click.argument("file", type=FILE)
@click.option("--opening", type=click.Path(path_type=Path), help="Write what shows it to others into this new file.")
@with_session
def receipt_about(session: Session, file: Path, opening: Path | None) -> None:
    """Say whether a receipt is about a number or address, which is asked for; for those cleared for cases.

    What --opening writes shows of this receipt alone, to whoever has it, that it is about that contact.
    """
    contact = session.ask(phrase("Number or address"), hidden=True)
    with session.context() as context, refusals(session):
        role = session.role(context)
        key = parse_verifier_key(log_checkpoints.verifier_key(context))
        removal = _check(file, ReceiptChecker(key, WitnessPolicy()))
        if isinstance(removal, ReceiptFault):
            session.answer(tell.verified([(file.name, removal)], WitnessPolicy(), session.words.language))
        opens = receipts.open_contact(context, role, removal, contact)
    if opens is not None and opening is not None:
        try:
            _write(opening, core.write_opening(opens))
        except FileExistsError:
            session.fail("file_there", phrase("There is such a file already: {file}", file=opening.name))
    session.answer(tell.about(opens is not None, opening))
