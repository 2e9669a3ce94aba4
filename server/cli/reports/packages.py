"""`closeout package`: evidence packages asked for, confirmed and made; checked and opened without an installation."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from server.cli.answers import packages as tell
from server.cli.answers.refusals import refusals
from server.cli.published_keys import read_log_key, read_witnesses
from server.cli.session import DAY, FILE, Session, with_session
from server.core.days import AMSTERDAM
from server.core.log.packages import BadPackageError
from server.core.model import CLEARED_FOR_CASES
from server.core.package_record import Addressee, PackageBasis, PackageChoice
from server.core.text import phrase
from server.settings import read_text_file
from server.work.reports import packages, time_stamps
from server.work.reports.packages import PackageRead, WantedPackage

_LINES = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")
_by = click.option("--by", "name", required=True, help="Account of who does it: its name or id, in the role of --as.")
_answers = click.option(
    "--answer", "answers", multiple=True, type=FILE, help="A signed answer of an inquiry; repeatable."
)


@click.command("ask")
@_by
@click.option("--second", required=True, help="Account of who is to confirm it: its name or id.")
@click.option("--to", "recipients", required=True, type=FILE, help="File with the addressee's public keys (age1...).")
@click.option(
    "--item", "items", multiple=True, help="Receipts of a contact code or of the code of an order; repeatable."
)
@click.option("--case", "of_case", is_flag=True, help="Receipts of one case; its number is asked for.")
@click.option("--sample", type=click.IntRange(1), help="Receipts: so many, drawn from all.")
@click.option("--seed", help="The addressee's seed for the sample; without one, the checkpoint of the log.")
@click.option("--from", "first", type=DAY, help="Of a sample: verified from that day on.")
@click.option("--until", "last", type=DAY, help="Of a sample: verified up to the end of that day.")
@click.option("--report", "reports", multiple=True, help="A report as it was made, by its id; repeatable.")
@click.option("--lines", help="Lines of the log: a number, or the first and the last one (12-40).")
@click.option(
    "--open",
    "opened",
    multiple=True,
    type=click.IntRange(0),
    help="Restricted line to open, for who may read it; repeatable.",
)
@_answers
@click.option("--mandate", help="Id of the inquiry that it belongs to; an investigator names one.")
@with_session
def package_ask(
    session: Session,
    name: str,
    second: str,
    recipients: Path,
    items: tuple[str, ...],
    sample: int | None,
    seed: str | None,
    first: datetime | None,
    last: datetime | None,
    reports: tuple[str, ...],
    lines: str | None,
    opened: tuple[int, ...],
    answers: tuple[Path, ...],
    mandate: str | None,
    *,
    of_case: bool,
) -> None:
    """Ask for an evidence package; asks for whom, on what legal basis and why. A second person confirms it.

    Choose receipts (--item, --case or --sample), reports and lines of the log. Restricted lines are opened only for who
    may read them.
    """
    if bool(items) + of_case + (sample is not None) > 1:
        raise click.UsageError("name one of --item, --case and --sample")
    if sample is None and (seed, first, last) != (None, None, None):
        raise click.UsageError("--seed, --from and --until belong to --sample")
    span = _read_lines(lines)
    addressee = _one_of(session, Addressee, phrase("For whom ({choices})", choices=", ".join(Addressee)))
    basis = _one_of(session, PackageBasis, phrase("Legal basis ({choices})", choices=", ".join(PackageBasis)))
    purpose = session.ask(phrase("What it is for, in a sentence without names or numbers"))
    case = session.ask(phrase("Case number"), hidden=True) if of_case else None
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        digests = tuple(packages.digest_of_answer(context, read_text_file(each)) for each in answers)
        choice = PackageChoice(
            ids=items,
            case=case,
            sample=sample,
            seed=seed,
            since=None if first is None else first.replace(tzinfo=AMSTERDAM).isoformat(),
            until=None if last is None else (last + timedelta(days=1)).replace(tzinfo=AMSTERDAM).isoformat(),
            reports=reports,
            first=span[0],
            last=span[1],
            opened=tuple(sorted(set(opened))),
            answers=digests,
        )
        wanted = WantedPackage(
            *(second, addressee, basis, purpose, read_text_file(recipients), choice),
            language=session.words.language,
            mandate=mandate,
        )
        made = packages.ask(context, person, wanted)
    session.answer(tell.asked(made))


def _read_lines(text: str | None) -> tuple[int, int] | tuple[None, None]:
    if text is None:
        return None, None
    found = _LINES.fullmatch(text)
    if found is None:
        raise click.UsageError("--lines takes a number, or two with a hyphen between")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise click.UsageError("the last line lies before the first")
    return first, last


def _one_of(session: Session, kind: Any, question: Any) -> Any:
    """A member of a closed set, as a person types it; never an argument, which others can read."""
    said = session.ask(question).strip()
    try:
        return kind(said)
    except ValueError:
        session.fail(
            "unknown_word", phrase("That is none of the words to choose from: {choices}", choices=", ".join(kind))
        )


@click.command("list")
@_by
@with_session
def package_list(session: Session, name: str) -> None:
    """Show the requests for evidence packages that an account asked for, or is to confirm."""
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        found = packages.list_requests(context, person)
    session.answer(tell.listed(found))


@click.command("show")
@click.argument("uid", metavar="ID")
@_by
@with_session
def package_show(session: Session, uid: str, name: str) -> None:
    """Show one request: for whom, on what basis, why, what goes into it, and to whose keys it is sealed."""
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        request = packages.find_request(context, person, uid)
        cleared = person.role in CLEARED_FOR_CASES
        standing = request.standing(context.now())
    session.answer(tell.shown(request, standing, cleared=cleared))


@click.command("confirm")
@click.argument("uid", metavar="ID")
@_by
@with_session
def package_confirm(session: Session, uid: str, name: str) -> None:
    """Confirm what another person asked for; then it can be made."""
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        request = packages.decide(context, person, uid, granted=True)
    session.answer(tell.confirmed(request))


@click.command("refuse")
@click.argument("uid", metavar="ID")
@_by
@with_session
def package_refuse(session: Session, uid: str, name: str) -> None:
    """Refuse what another person asked for, or withdraw what you asked for yourself."""
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        packages.decide(context, person, uid, granted=False)
    session.answer(tell.refused())


@click.command("make")
@click.argument("uid", metavar="ID")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_by
@_answers
@click.option("--no-time-stamp", "plain", is_flag=True, help="Ask no time-stamp authority, though one is set up.")
@with_session
def package_make(
    session: Session, uid: str, folder: Path, name: str, answers: tuple[Path, ...], *, plain: bool
) -> None:
    """Make a confirmed package in a folder, sealed so that only its addressee opens it.

    Made again it is the same, but for the time-stamp. That it was made stands in the log, with the file's SHA-256.
    """
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        session.require_sound_log(context)
        texts = [read_text_file(each) for each in answers]
        made = packages.make(context, person, uid, folder, answers=texts, stamp=not plain)
        key = packages.key_of(context)
    session.answer(tell.made(made, key))


_key = click.option("--key", required=True, help="Public key of the log, as closeout log key shows it there.")
_witnesses = click.option("--witnesses", type=FILE, help="File that names its witnesses and how many are enough.")
_identity = click.option(
    "--identity", type=FILE, help="File with the private key, as age-keygen writes it. Default: it is asked for."
)
_stamps = click.option("--time-stamps", "authorities", type=FILE, help="Certificates (PEM) of time-stamp authorities "
                       "to trust.")  # fmt: skip


@click.command("verify")
@click.argument("file", type=FILE)
@_key
@_witnesses
@_identity
@_stamps
@with_session
def package_verify(
    session: Session, file: Path, key: str, witnesses: Path | None, identity: Path | None, authorities: Path | None
) -> None:
    """Check an evidence package with public keys alone; needs no installation.

    Get the key from the organisation by another way than the package: all trust in it rests on it.
    """
    found = _read(session, file, key, witnesses, identity, authorities)
    session.answer(tell.verified(found, session.words.language, witnesses=witnesses is not None))


@click.command("open")
@click.argument("file", type=FILE)
@click.argument("folder", type=click.Path(path_type=Path))
@_key
@_witnesses
@_identity
@_stamps
@with_session
def package_open(
    session: Session,
    file: Path,
    folder: Path,
    key: str,
    witnesses: Path | None,
    identity: Path | None,
    authorities: Path | None,
) -> None:
    """Check an evidence package and write its files into a new folder; nothing is left there unless it is believed."""
    if folder.exists():
        session.fail("folder_there", phrase("That folder is there already; nothing was written."))
    found = _read(session, file, key, witnesses, identity, authorities, folder)
    session.answer(tell.verified(found, session.words.language, witnesses=witnesses is not None, folder=folder))


def _read(
    session: Session,
    file: Path,
    key: str,
    witnesses: Path | None,
    identity: Path | None,
    authorities: Path | None,
    into: Path | None = None,
) -> PackageRead:
    log_key, policy = read_log_key(session, key), read_witnesses(session, witnesses)
    roots = _roots(session, authorities)
    private = ""
    if packages.is_sealed(file):
        private = (
            session.ask(phrase("Private key (AGE-SECRET-KEY-1...)"), hidden=True)
            if identity is None
            else read_text_file(identity)
        )
    done = False
    try:
        with refusals(session):
            found = packages.read_package(file, private, log_key, policy, roots, into)
        done = True
    except BadPackageError as bad:
        session.answer(tell.not_believed(bad))
    finally:
        if into is not None and not done:
            shutil.rmtree(into, ignore_errors=True)
    return found


def _roots(session: Session, file: Path | None) -> list[x509.Certificate]:
    if file is None:
        return []
    try:
        return list(time_stamps.read_roots(file.read_bytes()))
    except ValueError:
        session.fail("bad_certificates", phrase("There is no certificate (PEM) in {file}.", file=file.name))
