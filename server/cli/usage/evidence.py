"""The commands about evidence of use: feeds, declarations, their reports; wording of answers is in `answers.usage`."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from server.cli.answers.refusals import refusals
from server.cli.session import DAY, FILE, Session, with_session
from server.core.text import phrase
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.declarations import SignedHow
from server.core.usage.evidence_rules import EvidenceRules
from server.settings import read_text_file
from server.sources.file_period import Days, days_in
from server.sources.usage_mapping import LateRows
from server.work.context import Context

if TYPE_CHECKING:
    from server.sources.lists import ListMapping
    from server.store.usage.by_name import Who


class DayRange(click.ParamType[Days]):
    """Days as 2026-10-01..2026-10-31, or a month as 2026-10."""

    name = "FIRST..LAST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Days:
        """The first and last day."""
        # A range holds two days, each of which would be a period by itself.
        forms = ("%Y-%m-%d..%Y-%m-%d",) if ".." in str(value) else ("%Y-%m-%d", "%Y-%m")
        found = days_in(str(value), forms)
        whole = [days for days in found if re.fullmatch(r"[\d.-]+", str(value))]
        if len(whole) != 1:
            self.fail("write it as 2026-10-01..2026-10-31", param, ctx)
        return whole[0]


_PERIOD = DayRange()


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", required=True, help="How to read it: a shipped name (contact-moments) or your own file.")
@click.option("--partial", is_flag=True, help="Import the valid rows although others have faults.")
@click.option("--destroy", is_flag=True, help="Delete the files when all of them were imported without a fault.")
@click.option("--period", type=_PERIOD, help="Of which days the files are, where they do not say it: FIRST..LAST.")
@click.option("--parts", is_flag=True, help="The files are parts of one, and together all there is of those days.")
@click.option("--late-rows", type=click.Choice([str(each) for each in LateRows]),
              help="What rows of other days are. Default: what the mapping says.")  # fmt: skip
@click.option("--confirm", help="The word that was shown with what the files would replace.")
@with_session
def usage_import(
    session: Session,
    files: tuple[Path, ...],
    mapping: str,
    partial: bool,
    destroy: bool,
    period: Days | None,
    parts: bool,
    late_rows: str | None,
    confirm: str | None,
) -> None:
    """Import files of one feed, classified and summed as they are read; or a list (roster, absence, apps on phones)."""
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import usage as tell_usage
    from server.sources.lists import load_list_mapping
    from server.sources.mapping import MappingRefused
    from server.sources.usage_mapping import load_usage_mapping
    from server.work.usage import feeds, pulls

    named = Path(mapping) if Path(mapping).suffix else mapping
    try:
        of_list = load_list_mapping(named)
        if of_list is not None:
            _import_list(session, files, of_list, destroy=destroy)
        chosen = load_usage_mapping(named)
    except MappingRefused as refused:
        session.answer(tell_removal.mapping_faults(refused))
    if late_rows is not None:
        chosen = chosen.model_copy(update={"late_rows": LateRows(late_rows)})
    rules, catalogue = read_rules(session), read_catalogue(session)
    with session.context(phrase("Reading the feed")) as context, refusals(session):
        as_json = chosen.records is None and all(file.suffix.lower() == ".json" for file in files)
        take_in = pulls.take_in_moments if as_json else feeds.take_in_usage
        taken = take_in(
            context, files, chosen, catalogue, rules, partial=partial, period=period, parts=parts, confirmed=confirm
        )
    done = taken.outcome in (feeds.UsageOutcome.APPLIED, feeds.UsageOutcome.KNOWN) and not taken.fault_count
    if destroy and done:
        for file in dict.fromkeys(files):
            file.unlink()
    session.answer(tell_usage.taken_in(taken, destroyed=destroy and done))


def _import_list(session: Session, files: tuple[Path, ...], mapping: ListMapping, *, destroy: bool) -> NoReturn:
    """A roster, absences, shared devices or apps on phones: one file, all of it or nothing."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import rosters

    if len(files) != 1:
        raise click.UsageError("a list is one file")
    catalogue = read_catalogue(session)
    with session.context(phrase("Reading the list")) as context, refusals(session):
        taken = rosters.take_in_list(context, files[0], mapping, catalogue)
    if destroy and not taken.faults:
        files[0].unlink()
    session.answer(tell_usage.list_taken(taken, destroyed=destroy and not taken.faults))


@click.command("withdraw")
@click.argument("feed")
@click.option("--file", "file", help="Only what came with one file: its id in `closeout usage list`.")
@click.option("--period", type=_PERIOD, help="Only these days: FIRST..LAST.")
@with_session
def usage_withdraw(session: Session, feed: str, file: str | None, period: Days | None) -> None:
    """Take the sums of a feed out again: all of them, those of one file, or of some days."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import feeds

    with session.context() as context, refusals(session):
        gone = feeds.withdraw_usage(context, feed, file=file, period=period)
    session.answer(tell_usage.withdrawn(feed, gone))


@click.command("undo")
@click.argument("feed")
@with_session
def usage_undo(session: Session, feed: str) -> None:
    """Take the newest file of a feed back, and put in again what it replaced: until a report is made."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import feeds

    with session.context() as context, refusals(session):
        done = feeds.undo_usage(context, feed)
    session.answer(tell_usage.undone(feed, done))


@click.command("list")
@with_session
def usage_list(session: Session) -> None:
    """Show the files and answers that figures rest on, and how much of them could not be placed."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import feeds

    with session.context() as context:
        rows = feeds.list_usage(context)
    session.answer(tell_usage.runs(rows))


@click.command("ask")
@click.option("--from", "first", required=True, type=DAY, help="First day.")
@click.option("--until", "last", required=True, type=DAY, help="Last day.")
@click.option("--reason", required=True, help="Why, in a sentence without names or numbers.")
@with_session
def contacts_ask(session: Session, first: datetime, last: datetime, reason: str) -> None:
    """Ask to see them; a second person approves within three days."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import by_name

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        who = _who(session, context)
        uid = by_name.ask(context, rules, who, reason=reason, first=first.date(), last=last.date())
    session.answer(tell_usage.view_asked(uid))


@click.command("grant")
@click.argument("view_id")
@with_session
def contacts_grant(session: Session, view_id: str) -> None:
    """Approve what another person asked for, and show it to both of you; once."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import by_name

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        found = by_name.grant(context, rules, view_id, _who(session, context))
    session.answer(tell_usage.view_granted(found))


@click.command("refuse")
@click.argument("view_id")
@with_session
def contacts_refuse(session: Session, view_id: str) -> None:
    """Refuse it, or withdraw your own request."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import by_name

    with session.context() as context, refusals(session):
        by_name.refuse(context, view_id, _who(session, context))
    session.answer(tell_usage.changed())


@click.command("sign")
@click.option("--device", required=True, help="The phone's reference.")
@click.option("--how", type=click.Choice([str(how) for how in SignedHow]), default="paper", show_default=True,
              help="The way it was signed.")  # fmt: skip
@click.option("--on", "day", type=DAY, help="Day of the signature. Default: today.")
@click.option("--text-language", default="nl", show_default=True, help="Language in which the text was read.")
@click.option("--scan", type=FILE, help="The scan of a paper; its hash (SHA-256) is kept, the scan is not.")
@click.option("--loan-agreement", help="Reference of the loan agreement that was signed with it.")
@with_session
def declaration_sign(
    session: Session,
    device: str,
    how: str,
    day: datetime | None,
    text_language: str,
    scan: Path | None,
    loan_agreement: str | None,
) -> None:
    """Record that the worker who has a phone signed the text in force."""
    import hashlib

    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        uid = declarations.sign(
            context,
            rules,
            session.role(context),
            device=device,
            how=SignedHow(how),
            language=text_language,
            signed_on=day.date() if day else None,
            scan_digest=None if scan is None else hashlib.sha256(scan.read_bytes()).hexdigest(),
            loan_agreement=loan_agreement,
        )
    session.answer(tell_usage.signed(uid))


@click.command("countersign")
@click.argument("declaration_id")
@click.option("--by", required=True, help="Who signs for the employer: a reference, no name.")
@with_session
def declaration_countersign(session: Session, declaration_id: str, by: str) -> None:
    """Record that the employer signed too."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    with session.context() as context, refusals(session):
        declarations.countersign(context, session.role(context), declaration_id, by)
    session.answer(tell_usage.changed())


@click.command("revoke")
@click.argument("declaration_id")
@with_session
def declaration_revoke(session: Session, declaration_id: str) -> None:
    """End a declaration, as when the phone is handed in."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    with session.context() as context, refusals(session):
        declarations.revoke(context, session.role(context), declaration_id)
    session.answer(tell_usage.changed())


@click.command("import")
@click.argument("file", type=FILE)
@with_session
def declaration_import(session: Session, file: Path) -> None:
    """Import a list of signatures: CSV with device, worker, text, signed_on and more."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    rules = read_rules(session)
    text = read_text_file(file, utf16=True)
    with session.context() as context, refusals(session):
        taken = declarations.import_list(context, rules, session.role(context), text)
    session.answer(tell_usage.imported(taken))


@click.command("list")
@with_session
def declaration_list(session: Session) -> None:
    """Show the state of the declaration for each phone; opens findings about missing papers."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        role = session.role(context)
        rows = declarations.list_declarations(context, rules)
    session.answer(tell_usage.listed(rows, role))


@click.command("conversation")
@click.option("--device", required=True, help="The phone's reference.")
@click.option("--on", "day", required=True, type=DAY, help="Day of the conversation.")
@with_session
def declaration_conversation(session: Session, device: str, day: datetime) -> None:
    """Record that worker and manager talked about the use of the phone; not what was said."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        declarations.record_conversation(context, rules, session.role(context), device, day.date())
    session.answer(tell_usage.changed())


@click.command("contests")
@with_session
def declaration_contests(session: Session) -> None:
    """Show what workers wrote about their figures; for those cleared to read it, and the access is logged."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    with session.context() as context, refusals(session):
        rows = declarations.read_contests(context, session.role(context))
    session.answer(tell_usage.contests(rows))


@click.command("answer")
@click.argument("contest_id")
@with_session
def declaration_answer(session: Session, contest_id: str) -> None:
    """Record that you answered what a worker wrote about a figure; not what you answered."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    with session.context() as context, refusals(session):
        declarations.answer_contest(context, session.role(context), contest_id)
    session.answer(tell_usage.changed())


@click.command("remind")
@with_session
def declaration_remind(session: Session) -> None:
    """Mail every worker whose declaration is to be signed or runs out; meant for once a day."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import reminders

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        found = reminders.remind(context, rules, language=session.words.language)
    session.answer(tell_usage.reminded(found))


@click.command("check")
@click.option("--sample", "size", default=20, show_default=True, help="How many phones to sample.")
@click.option("--seed", required=True, help="Seed for the sample, so that it can be drawn again.")
@with_session
def declaration_check(session: Session, size: int, seed: str) -> None:
    """Do and record the periodic review: a sample of phones, and the state of each."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    rules = read_rules(session)
    with session.context() as context, refusals(session):
        uid, made = declarations.check(context, rules, session.role(context), size=size, seed=seed)
    session.answer(tell_usage.checked(uid, made))


@click.command("outcomes")
@click.option("--from", "first", type=DAY, help="A day in the first month. Default: three months ago.")
@click.option("--until", "last", type=DAY, help="A day in the last month. Default: last month.")
@with_session
def declaration_outcomes(session: Session, first: datetime | None, last: datetime | None) -> None:
    """Show what usage data says of business use, in counts; whose it is, is not shown here."""
    from server.cli.answers import usage as tell_usage
    from server.work.usage import declarations

    rules = read_rules(session)
    with session.context(phrase("Gathering facts")) as context, refusals(session):
        begin, end = _months(context, first, last)
        made = declarations.report(context, rules, session.role(context), begin, end)
    session.answer(tell_usage.outcomes(made))


def _months(context: Context, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    end = last.date() if last else context.today().replace(day=1) - timedelta(days=1)
    begin = first.date() if first else (end.replace(day=1) - timedelta(days=40)).replace(day=1)
    if begin > end:
        raise click.UsageError("--from lies after --until")
    return begin, end


def read_rules(session: Session) -> EvidenceRules:
    """The rules about evidence in force; ends with an answer if their file has faults."""
    from server import app

    try:
        return app.read_evidence(session.settings)
    except app.PolicyRefused as refused:
        session.fail(
            "evidence_fault",
            phrase("The rules for usage data have faults, so nothing may run: {file}", file=refused.file),
        )


def read_catalogue(session: Session) -> Catalogue:
    """The channel catalogue in force; ends with an answer if its file has faults."""
    from server import app

    try:
        return app.read_catalogue(session.settings)
    except app.PolicyRefused as refused:
        session.fail(
            "catalogue_fault",
            phrase("The channel catalogue has faults, so nothing may run: {file}", file=refused.file),
        )


def _who(session: Session, context: Context) -> Who:
    """Who signed in at this terminal, as at the pages; else the account on this machine."""
    from server.store.usage.by_name import Who
    from server.work.usage import by_name

    role, person = session.role(context), session.person(context)
    return Who(session.account, role) if person is None else by_name.at_pages(replace(person, role=role))
