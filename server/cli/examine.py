"""The doctor: looks at everything an installation needs and says of each fault what to do; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from server import app
from server.cli.notify import MAIL_PROBLEMS
from server.cli.session import Session
from server.core.policy.document import standing
from server.core.reports.table import Column, Kind, Mark, Section, Text, phrase
from server.render.answers import Answer
from server.settings import Settings
from server.store import organisation
from server.store.database import Store, StoreOtherVersionError, StoreUnavailableError
from server.store.organisation import Gate
from server.store.pauses import in_force as read_pauses
from server.work import ledger, setup
from server.work.context import Context
from server.work.mail import MailFailedError

_CLOCK_MAY_GO_BACK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing looked at. remedy: what to do; None: it is well."""

    what: Text
    remedy: Text | None = None


def examine(session: Session) -> Answer:
    """Every examination, in the order in which faults should be mended."""
    results = list(_examine(session))
    ill = [each for each in results if each.remedy is not None]
    section = Section(
        "examinations",
        phrase("What was looked at"),
        columns=(
            Column("what", phrase("What")),
            Column("well", phrase("Well"), Kind.CODE),
            Column("remedy", phrase("What to do")),
        ),
        rows=tuple((each.what, Mark.NO if each.remedy else Mark.YES, each.remedy) for each in results),
    )
    title = phrase("{count} things need attention.", count=len(ill)) if ill else phrase("All is well.")
    return Answer(ok=not ill, title=title, sections=(section,), key="ill" if ill else "well")


def _examine(session: Session) -> Iterator[Examined]:
    settings = session.settings
    for what, file in (
        (phrase("Identifier key"), settings.identifier_key_file),
        (phrase("Sealing key"), settings.sealing_key_file),
        (phrase("Signing key"), settings.signing_key_file),
    ):
        yield Examined(what, _key_remedy(file))
    yield Examined(phrase("Mail"), _mail_remedy(settings))
    yield Examined(phrase("Where the log is passed on to"), _outlet_remedy(settings))
    yield Examined(phrase("Schedule of reports"), _schedule_remedy(settings))
    store = app.open_store(settings)
    try:
        yield from _database(session, store)
    finally:
        store.close()


def _mail_remedy(settings: Settings) -> Text | None:
    try:
        app.check_mail(settings)
    except MailFailedError as failed:
        return MAIL_PROBLEMS[failed.problem.value]
    return None


def _outlet_remedy(settings: Settings) -> Text | None:
    try:
        app.outlets(settings)
    except app.OutletRefused as refused:
        return phrase("This setting cannot be meant: {setting}", setting=refused.setting)
    return None


def _schedule_remedy(settings: Settings) -> Text | None:
    try:
        asked = app.read_schedule_file(settings)
    except app.PolicyRefused as refused:
        return phrase("The schedule has faults, so nothing was made: {file}", file=refused.file)
    return MAIL_PROBLEMS["not_set"] if (asked.reports or asked.declarations) and not settings.mail_server else None


def _database(session: Session, store: Store) -> Iterator[Examined]:
    try:
        store.check()
    except StoreOtherVersionError as found:
        newer = phrase("A newer version of closeout made its tables: install that version again.")
        older = phrase("Its tables are of an older version: make a backup, then run: closeout update")
        yield Examined(phrase("Database"), newer if found.newer else older)
        return
    except StoreUnavailableError:
        yield Examined(
            phrase("Database"),
            phrase("It does not answer or has no tables. Check its address (CLOSEOUT_DATABASE), or run: closeout init"),
        )
        return
    yield Examined(phrase("Database"))
    yield from _policy(session)
    try:
        keys = app.read_keys(session.settings)
    except app.KeyFault:
        return
    with store.read() as connection:
        same = organisation.read_installation(connection).key_check == setup.key_check(keys)
    other = phrase("They belong to another installation: restore the right ones. Never make new keys.")
    yield Examined(phrase("Keys and database belong together"), None if same else other)
    if same:
        yield from _inside(session, store)


def _policy(session: Session) -> Iterator[Examined]:
    try:
        document = app.read_policy(session.settings)
    except app.PolicyRefused:
        yield Examined(phrase("Policy"), phrase("It has faults. See them all with: closeout policy check"))
        return
    remarks = standing(document, app.system_clock().date())
    yield Examined(phrase("Policy {version}", version=document.policy.version), remarks[0].problem if remarks else None)


def _inside(session: Session, store: Store) -> Iterator[Examined]:
    settings = session.settings
    context = app.make_context(settings, store, app.read_keys(settings), policy=app.read_policy(settings).policy)
    now = context.now()
    with store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, context.today())
        connections = organisation.read_connections(connection)
        systems = organisation.case_systems(connection)
        gates = [gate for gate, _ in organisation.gates(connection)]
        newest = organisation.newest_instant(connection)
        pauses = read_pauses(connection, now)
    back = newest is not None and newest - now > _CLOCK_MAY_GO_BACK
    yield Examined(
        phrase("Clock"),
        phrase("It is behind what is already written here. Set the machine's time (NTP).") if back else None,
    )
    for row in connections:
        missing = not context.reaches(row.name)
        remedy = phrase("Its secret cannot be read. Check the file that the connection names.")
        yield Examined(phrase("Connection {name}", name=row.name), remedy if missing else None)
    if not demo:
        yield from _gates(context.today(), gates, closed=sum(not place.gated for place in places))
    stale = timedelta(hours=context.policy.staleness_hours)
    for name, read_at in systems:
        old = read_at is None or now - read_at > stale
        remedy = phrase("Its register is too old to decide on. Import a new export with: closeout cases import")
        yield Examined(phrase("Case system {name}", name=name), remedy if old else None)
    if not systems:
        yield Examined(phrase("Case system"), phrase("No register was taken in yet: closeout cases import"))
    for pause in pauses:
        yield Examined(
            phrase("Pause") if pause.connection is None else phrase("Pause of {name}", name=pause.connection),
            phrase("No removal begins since {since}, until {until}. Resume with: closeout resume",
                   since=pause.set_at, until=pause.ends_at),
        )  # fmt: skip
    failed = [place for place in places if place.fault]
    remedy = phrase("{count} cannot be read. See why with: closeout place check", count=len(failed))
    yield Examined(phrase("Places: {count}", count=len(places)), remedy if failed else None)
    if not places:
        yield Examined(phrase("Places"), phrase("No place is known yet: closeout place import"))
    yield _log(session, context)


def _gates(today: date, gates: Sequence[Gate], *, closed: int) -> Iterator[Examined]:
    late = [gate for gate in gates if gate.ends_on >= today > gate.review_on]
    for gate in late:
        yield Examined(
            phrase("Gate of {employer}", employer=gate.employer),
            phrase("Its review is due since {day}. Review it and record it anew.", day=gate.review_on),
        )
    remedy = phrase(
        "{count} places belong to employers without one, and are not read: closeout gate record", count=closed
    )
    yield Examined(phrase("Gates"), remedy if closed else None)


def _log(session: Session, context: Context) -> Examined:
    file = session.settings.checkpoint_file
    if not file.exists():
        return Examined(phrase("Log"), phrase("The file of signed heads is gone. Restore it from its copy."))
    checked = ledger.check_log(context, file)
    changed = phrase("It was changed, or its file of heads was. See: closeout log verify")
    return Examined(phrase("Log"), None if checked.sound else changed)


def _key_remedy(file: Path) -> Text | None:
    if not file.exists():
        return phrase("{file} is not there. Restore it from its backup; never make a new one.", file=file.name)
    if file.stat().st_mode & 0o077:
        return phrase("Others can read {file}. Run: chmod 600", file=file.name)
    if not os.access(file, os.R_OK):
        return phrase("This account cannot read {file}.", file=file.name)
    return None
