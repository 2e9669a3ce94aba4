"""The commands and their options, each a few lines: one act, one answer; wording of answers is in `tell`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.admin import backups, web
from server.cli.faults import HeadUnsignedError
from server.cli.phones import devices, profiles
from server.cli.register import closures
from server.cli.removal import reviews
from server.cli.reports import reports
from server.cli.session import Call, Session, make_session
from server.cli.speech import TellsKinds
from server.cli.usage import evidence, feeds
from server.core.model import GateScope, Role, Tier
from server.core.text import Text, phrase
from server.settings import read_text_file

if TYPE_CHECKING:
    from server.store.database import Store

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])
with_session = click.make_pass_decorator(Session)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="closeout", prog_name="closeout")
@click.option("--home", type=click.Path(path_type=Path), help="Folder of the installation (or CLOSEOUT_HOME).")
@click.option("--json", is_flag=True, help="Answer in JSON, for programs.")
@click.option("--language", type=click.Choice(["en", "nl"]), help="Language of answers and of this help.")
@click.option(
    "--as",
    "role",
    type=click.Choice([str(role) for role in Role]),
    help="The role in which you ask; it decides what you see.",
)
@click.pass_context
def closeout(context: click.Context, home: Path | None, json: bool, language: str | None, role: str | None) -> None:
    """Removes client contact details from work phones after case closure, proves it, and says what it cannot see.

    Begin with: closeout init NAME, gate record, connection put, place import, cases import, plan, run, verify, report
    removals. Each command has its own help.
    """
    call = context.obj if isinstance(context.obj, Call) else Call({})
    call.session = context.obj = make_session(call.environ, home=home, json=json, language=language, role=role)


@closeout.command()
@click.argument("name")
@click.option("--demo", is_flag=True, help="An invented organisation: only servers on this machine, no gate.")
@with_session
def init(session: Session, name: str, demo: bool) -> None:
    """Make a new installation: tables, keys readable by you alone, an empty log."""
    from server import app
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.work.admin import log_checkpoints, setup

    with _new_store(session) as store:
        app.make_keys(session.settings)
        context = app.make_bare_context(session.settings, store, app.read_keys(session.settings))
        with tell_removal.refusals(session):
            setup.found(context, name, demo=demo)
        try:
            log_checkpoints.write_checkpoint(context)
        except OSError as error:
            raise HeadUnsignedError from error
        verifier = log_checkpoints.verifier_key(context)
    session.answer(tell_setup.founded(session.settings, verifier, demo=demo))


@contextmanager
def _new_store(session: Session) -> Iterator[Store]:
    """The database of an installation that is not there yet; where there is one, nothing is made or changed."""
    from server import app
    from server.store.admin import organisation
    from server.store.database import StoreProblem, StoreUnavailableError

    app.make_home(session.settings)
    store = session.open_store()
    try:
        try:
            store.check()
        except StoreUnavailableError as fault:
            if fault.problem is not StoreProblem.EMPTY:
                raise
            heads = session.settings.checkpoint_file
            if heads.exists() and heads.stat().st_size:
                session.database_gone()
        else:
            with store.read() as connection:
                there = organisation.has_installation(connection)
            if there:
                session.fail("already_there", phrase("There is an installation here already; it is left as it is."))
        yield store
    finally:
        store.close()


@closeout.command()
@with_session
def update(session: Session) -> None:
    """Bring the tables to this version of closeout, after an update; make a backup first."""
    from server.cli.answers import setup as tell_setup

    session.answer(tell_setup.updated(session.bring_up_to_date()))


@closeout.group()
def gate() -> None:
    """What must be recorded before anybody's contacts are read: DPIA and works-council consent."""


@gate.command("record")
@click.option("--employer", required=True, help="The employer whose workers it is about.")
@click.option("--dpia", required=True, help="Where the data protection impact assessment is kept.")
@click.option("--consent", required=True, help="Where the consent of that employer's works council is kept.")
@click.option("--purpose", required=True, help="What the contacts are read for.")
@click.option("--review", required=True, type=_DAY, help="Day on which it is reviewed (2026-12-31).")
@click.option("--until", required=True, type=_DAY, help="Last day on which it holds.")
@click.option(
    "--scope",
    type=click.Choice([str(scope) for scope in GateScope]),
    default=GateScope.REMOVAL.value,
    show_default=True,
    help="What it opens: contacts to remove, or how phones are used.",
)
@with_session
def gate_record(
    session: Session,
    employer: str,
    dpia: str,
    consent: str,
    purpose: str,
    review: datetime,
    until: datetime,
    scope: str,
) -> None:
    """Record that an employer's workers' books or usage may be read, until when, and on what ground."""
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.store.admin.organisation import Gate
    from server.work.admin import setup

    with session.context() as context, tell_removal.refusals(session):
        role = session.role(context)
        gate = Gate(employer, dpia, consent, purpose, review.date(), until.date(), GateScope(scope))
        setup.record_gate(context, gate, role.value)
        answer = tell_setup.gate_recorded(employer, until.date())
    session.answer(answer)


@gate.command("list")
@with_session
def gate_list(session: Session) -> None:
    """Show the gates that stand open today."""
    from server.cli.answers import setup as tell_setup
    from server.work.admin import setup

    with session.context() as context:
        answer = tell_setup.gates(setup.gates_in_force(context, context.today()))
    session.answer(answer)


@closeout.group()
def connection() -> None:
    """The contact stores, the managers of phones and the feeds: where they are and how to sign in."""


@connection.command("put", cls=TellsKinds)
@click.argument("name")
@click.option("--vendor", required=True, help="Which kind: see closeout connection kinds.")
@click.option("--url", required=True, help="Address of the server, with https.")
@click.option("--login", default="", help="Service login of the store.")
@click.option("--secret-file", default="", help="File that holds the password, readable by you alone.")
@click.option("--ca-file", help="PEM of the authority that signed the server's certificate.")
@click.option("--log-file", help="The store's own log on this machine, to see phones fetching (Radicale, level info).")
@click.option(
    "--option",
    "options",
    multiple=True,
    help="What only this vendor needs, as name=value; repeatable. For each kind: closeout connection kinds VENDOR.",
)
@with_session
def connection_put(
    session: Session,
    name: str,
    vendor: str,
    url: str,
    login: str,
    secret_file: str,
    ca_file: str | None,
    log_file: str | None,
    options: tuple[str, ...],
) -> None:
    """Make or change a connection to a contact store, to a manager of phones, or to a feed."""
    from server import app
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.work.admin import setup

    with session.context() as context, tell_removal.refusals(session):
        setup.put_connection(
            context,
            name=name,
            vendor=vendor,
            base_url=url,
            login=login,
            secret_file=str(Path(secret_file).absolute()) if secret_file else "",
            kinds=app.KINDS,
            ca_file=ca_file,
            log_file=str(Path(log_file).absolute()) if log_file else None,
            options=app.with_whole_paths(vendor, _pairs(options)) if options else None,
        )
    session.answer(tell_setup.connection_put(name, app.KINDS[vendor]))


@connection.command("remove")
@click.argument("name")
@with_session
def connection_remove(session: Session, name: str) -> None:
    """Take a connection away that no place, phone or pause is known by; its files stay where they are."""
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.work.admin import setup

    with session.context() as context, tell_removal.refusals(session):
        setup.remove_connection(context, name)
    session.answer(tell_setup.connection_removed(name))


@connection.command("list")
@with_session
def connection_list(session: Session) -> None:
    """Show every connection, and whether it can sign in."""
    from server import app
    from server.cli.answers import setup as tell_setup
    from server.store.admin import organisation

    with session.context() as context:
        with context.store.read() as opened:
            rows = organisation.read_connections(opened)
        reached = {row.name for row in rows if context.reaches(row.name)}
    session.answer(tell_setup.connections(rows, app.KINDS, reached))


@connection.command("kinds")
@click.argument("vendor", required=False)
@with_session
def connection_kinds(session: Session, vendor: str | None) -> None:
    """Show what can be connected; with VENDOR, every field of it and what to allow there."""
    from server import app
    from server.cli.answers import setup as tell_setup

    session.answer(tell_setup.connection_kinds(app.KINDS, vendor))


@connection.command("schema")
def connection_schema() -> None:
    """Print the JSON Schema of a connection: every kind with its fields."""
    from json import dumps

    from mdm_adapters.options import schema_of
    from server import app

    click.echo(dumps(schema_of(app.KINDS), indent=2))


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    """name=value, each once."""
    pairs = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name or name in pairs:
            raise click.BadParameter("name=value, each name once", param_hint="--option")
        pairs[name] = value
    return pairs


@closeout.group()
def cases() -> None:
    """The case register: who is a client of what, and who works on it."""


@cases.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", required=True, help="How to read it: a shipped name (generic-en) or a file of your own.")
@click.option("--partial", is_flag=True, help="Take the sound rows although others have faults.")
@click.option("--confirm", is_flag=True, help="You have seen why the breaker stopped this export, and mean it.")
@with_session
def cases_import(session: Session, files: tuple[Path, ...], mapping: str, partial: bool, confirm: bool) -> None:
    """Take in an export of the case system: all of it, or nothing and why."""
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.sources.case_file import open_export
    from server.sources.mapping import MappingRefused, load_mapping
    from server.work.register import intake

    try:
        chosen = load_mapping(Path(mapping) if Path(mapping).suffix else mapping)
    except MappingRefused as refused:
        session.answer(tell_removal.mapping_faults(refused))
    with session.context(phrase("Reading the export")) as context:
        taken = intake.take_in(context, open_export(files, chosen), partial=partial, confirmed=confirm)
    session.answer(tell_setup.taken_in(taken))


@closeout.group()
def place() -> None:
    """Where contacts can be: one address book of one worker, with the phones that read it."""


@place.command("import")
@click.argument("file", type=_FILE)
@with_session
def place_import(session: Session, file: Path) -> None:
    """Take in a list of places: CSV with worker, employer, team, connection, address, devices, logins."""
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.work.admin import setup

    text = read_text_file(file, utf16=True)
    with session.context() as context, tell_removal.refusals(session):
        taken = setup.import_places(context, text)
    session.answer(tell_setup.places_taken(taken))


@place.command("list")
@with_session
def place_list(session: Session) -> None:
    """Show every place: when it was read, and why it could not be."""
    from server.cli.answers import setup as tell_setup
    from server.store.admin import organisation

    with session.context() as context:
        role = session.role(context)
        with context.store.read() as opened:
            demo = organisation.read_installation(opened).demo
            rows = organisation.read_places(opened, context.today())
    session.answer(tell_setup.places(rows, role, demo=demo))


@place.command("check")
@with_session
def place_check(session: Session) -> None:
    """Try every place without reading what is in it: sign-in, rights, protocol, and what the vendor can prove.

    Managers of phones are tried as well, without asking anything of a phone.
    """
    from server.cli.answers import devices as tell_devices
    from server.cli.answers import setup as tell_setup
    from server.work.admin import setup
    from server.work.phones import managers as phones

    with session.context(phrase("Trying places")) as context:
        role = session.role(context)
        checked = setup.check_places(context)
        managers = phones.check_managers(context)
    session.answer(tell_devices.with_managers(tell_setup.checked(checked, role), managers))


@closeout.group()
def hold() -> None:
    """Nothing may be removed: silent to everyone who is not cleared for it."""


@hold.command("set")
@click.option("--worker", help="Hold all that this worker has.")
@click.option("--case", help="Hold all contacts of this case, with everyone.")
@click.option("--case-system", help="The case system of that case, where two of them use the number.")
@click.option("--everything", is_flag=True, help="Hold everything.")
@click.option("--reason", required=True, help="Why; sealed, without names or numbers.")
@click.option("--patience", default=30.0, show_default=True, help="Seconds to wait for calls that had already left.")
@with_session
def hold_set(
    session: Session,
    worker: str | None,
    case: str | None,
    case_system: str | None,
    everything: bool,
    reason: str,
    patience: float,
) -> None:
    """Set a hold, and wait until nothing that it covers is still under way."""
    from server.cli.answers import people as tell_people
    from server.cli.answers import removal as tell_removal
    from server.work.removal import holds_and_findings

    if sum((worker is not None, case is not None, everything)) != 1:
        raise click.UsageError("--worker, --case, --everything: exactly one of them")
    with session.context() as context, tell_removal.refusals(session):
        role = session.role(context)
        result = holds_and_findings.set_hold(
            context,
            role,
            worker=worker,
            case=case,
            system=case_system,
            reason=reason,
            wait=tell_removal.patience(context, patience),
        )
    session.answer(tell_people.hold_set(result))


@hold.command("release")
@click.argument("hold_id")
@with_session
def hold_release(session: Session, hold_id: str) -> None:
    """End a hold; what it covered is decided again at the next pass."""
    from server.cli.answers import people as tell_people
    from server.cli.answers import removal as tell_removal
    from server.work.removal import holds_and_findings

    with session.context() as context, tell_removal.refusals(session):
        holds_and_findings.release_hold(context, session.role(context), hold_id)
    session.answer(tell_people.hold_released())


@hold.command("list")
@with_session
def hold_list(session: Session) -> None:
    """Show holds, to those cleared for them."""
    from server.cli.answers import people as tell_people
    from server.cli.answers import removal as tell_removal
    from server.work.removal import holds_and_findings

    with session.context() as context, tell_removal.refusals(session):
        rows = holds_and_findings.list_holds(context, session.role(context))
    session.answer(tell_people.holds(rows))


@closeout.group()
def deviation() -> None:
    """A reasoned exception: a worker keeps a contact longer, until a day."""


@deviation.command("add")
@click.option("--case", required=True, help="Case number.")
@click.option("--case-system", help="The case system of that case, where two of them use the number.")
@click.option("--worker", required=True, help="The worker's reference.")
@click.option("--tier", required=True, type=click.Choice([str(tier) for tier in Tier]), help="Whose decision it is.")
@click.option("--reason", required=True, help="Why, without names or numbers.")
@click.option("--decided-by", required=True, help="Role or body that decided.")
@click.option("--until", required=True, type=_DAY, help="Last day on which it holds.")
@with_session
def deviation_add(
    session: Session,
    case: str,
    case_system: str | None,
    worker: str,
    tier: str,
    reason: str,
    decided_by: str,
    until: datetime,
) -> None:
    """Record a deviation; it outranks monitoring and closure while it holds."""
    from server.cli.answers import people as tell_people
    from server.cli.answers import removal as tell_removal
    from server.work.removal import holds_and_findings

    with session.context() as context, tell_removal.refusals(session):
        uid = holds_and_findings.add_deviation(
            context,
            case=case,
            system=case_system,
            worker=worker,
            tier=Tier(tier),
            reason=reason,
            decided_by=decided_by,
            until_day=until.date(),
        )
    session.answer(tell_people.deviation_added(uid))


@deviation.command("list")
@with_session
def deviation_list(session: Session) -> None:
    """Show the deviations in force."""
    from server.cli.answers import people as tell_people
    from server.work.removal import holds_and_findings

    with session.context() as context:
        role = session.role(context)
        rows = holds_and_findings.list_deviations(context)
    session.answer(tell_people.deviations(rows, role))


@closeout.group()
def finding() -> None:
    """Questions that only a person can answer."""


@finding.command("list")
@with_session
def finding_list(session: Session) -> None:
    """Show open findings, oldest first."""
    from server.cli.answers import people as tell_people
    from server.work.removal import holds_and_findings

    with session.context() as context:
        role = session.role(context)
        rows = holds_and_findings.list_findings(context, role)
    session.answer(tell_people.findings(rows, role))


@finding.command("close")
@click.argument("finding_id")
@click.option("--conclusion", required=True, help="What you concluded, without names or numbers.")
@with_session
def finding_close(session: Session, finding_id: str, conclusion: str) -> None:
    """Close a finding with what you concluded; what waited for it goes on."""
    from server.cli.answers import people as tell_people
    from server.cli.answers import removal as tell_removal
    from server.work.removal import holds_and_findings

    with session.context() as context, tell_removal.refusals(session):
        row = holds_and_findings.close_finding(context, finding_id, conclusion)
    session.answer(tell_people.finding_closed(row))


@closeout.command()
@click.option("--full", is_flag=True, help="Read every place in full, not only what changed.")
@with_session
def look(session: Session, full: bool) -> None:
    """Read every place and remember what is there of ours; decides and removes nothing."""
    from server.cli.answers import removal as tell_removal
    from server.work.removal import sync

    with session.context(phrase("Looking")) as context:
        looked = sync.look_at_all(context, full=full, at_once=session.settings.at_once)
    session.answer(tell_removal.looked_at(looked))


@closeout.command()
@with_session
def plan(session: Session) -> None:
    """Show what a run would do, line by line with reasons; changes nothing."""
    from server.cli.answers import removal as tell_removal
    from server.work.removal import plan as planning

    with session.context(phrase("Deciding")) as context:
        role = session.role(context)
        passed = planning.rehearse(context, role)
        answer = tell_removal.rehearsed(context, passed, role)
    session.answer(answer)


@closeout.command()
@click.argument("plan_id", required=False)
@with_session
def release(session: Session, plan_id: str | None) -> None:
    """Release a plan that waits because it is above a limit; without an id, show the plans that wait."""
    from server.cli.answers import removal as tell_removal
    from server.work.removal import plan as planning

    with session.context() as context, tell_removal.refusals(session):
        role = session.role(context)
        if plan_id is None:
            answer = tell_removal.waiting(planning.waiting(context))
        else:
            answer = tell_removal.released(planning.release(context, plan_id, role))
    session.answer(answer)


@closeout.command()
@click.option("--full", is_flag=True, help="Read every place in full and decide every contact again.")
@with_session
def run(session: Session, full: bool) -> None:
    """Read the places, decide what is due, and remove what must go; `verify` then proves it."""
    from server.cli.answers import removal as tell_removal
    from server.work.removal import engine, pauses

    with session.context(phrase("Working")) as context:
        session.require_no_restore(context)
        result = engine.run_once(context, full=full, at_once=session.settings.at_once)
        paused = pauses.in_force(context)
    session.answer(tell_removal.ran(result, paused))


@closeout.command()
@click.option("--connection", "name", help="Only this contact store or manager of phones. Default: everything.")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True, help="After so long it goes on.")
@click.option("--reason", required=True, help="Why, in a sentence without names or numbers.")
@click.option("--longer", is_flag=True, help="It is paused: let it last so many hours from now.")
@click.option("--patience", default=30.0, show_default=True, help="Seconds to wait for calls that had already left.")
@with_session
def pause(session: Session, name: str | None, hours: int, reason: str, longer: bool, patience: float) -> None:
    """Let no removal begin, of anything or at one connection; reading and deciding go on.

    It ends with `resume`, or by itself after so many hours.
    """
    from server.cli.answers import pauses as tell_pauses
    from server.cli.answers import removal as tell_removal
    from server.work.removal import pauses

    with session.context() as context, tell_pauses.refusals(session):
        actor = pauses.Actor(session.account, session.role(context))
        if longer:
            row = pauses.find_scope(context, name)
            row = pauses.prolong(context, actor, row.uid, seen=pauses.stamp_of(row), reason=reason, hours=hours)
            answer = tell_pauses.prolonged(row)
        else:
            wait = tell_removal.patience(context, patience)
            answer = tell_pauses.paused(
                pauses.pause(context, actor, connection_name=name, reason=reason, hours=hours, wait=wait)
            )
    session.answer(answer)


@closeout.command()
@click.option("--connection", "name", help="The one that is paused by itself. Default: the pause of everything.")
@with_session
def resume(session: Session, name: str | None) -> None:
    """End a pause: what waited is decided again, and goes."""
    from server.cli.answers import pauses as tell_pauses
    from server.work.removal import pauses

    with session.context() as context, tell_pauses.refusals(session):
        row = pauses.resume_scope(context, pauses.Actor(session.account, session.role(context)), name)
        left = pauses.in_force(context)
    session.answer(tell_pauses.resumed(row, left))


@closeout.command()
@with_session
def verify(session: Session) -> None:
    """Look again at every place where something was removed; only this settles an order."""
    from server.cli.answers import removal as tell_removal
    from server.work.removal import verify as verification

    with session.context(phrase("Looking again")) as context:
        result = verification.verify(context, at_once=session.settings.at_once)
    session.answer(tell_removal.verified(result))


@closeout.command()
@click.option("--once", is_flag=True, help="One round, then stop.")
@click.option("--every", default=30.0, show_default=True, help="Seconds between rounds when nothing is due.")
@with_session
def engine(session: Session, once: bool, every: float) -> None:
    """Keep working until stopped: read, decide, remove, verify, round after round.

    On PostgreSQL any number of engines, on as many machines, share the work.
    """
    from server import app
    from server.cli.admin.notify import tell_all
    from server.cli.answers import removal as tell_removal
    from server.cli.removal.rounds import go_round
    from server.work.removal import many_machines

    def say(text: str) -> None:
        click.echo(text, err=True)

    with session.context() as context:
        session.require_no_restore(context)
        if context.store.is_sqlite:
            rounds = go_round(context, session.settings, once=once, every=every, say=say)
        else:
            try:
                policies = app.PolicyInForce(session.settings)
                rounds = many_machines.run(
                    context,
                    at_once=session.settings.at_once,
                    every=every,
                    once=once,
                    say=say,
                    in_force=lambda: policies.in_force().policy,
                    tell=None if once else lambda context: tell_all(context, session.settings, say),
                )
            except many_machines.EngineMissingError:
                session.fail(
                    "engine_missing",
                    phrase("On PostgreSQL the engine needs procrastinate, which is not installed."),
                    phrase("Install it with: pip install 'closeout[scale]'"),
                )
    session.answer(tell_removal.engine_stopped(rounds))


@closeout.command()
@with_session
def status(session: Session) -> None:
    """Show how many orders stand where, what waits for a person, and what failed."""
    from server.cli.answers import removal as tell_removal

    with session.context() as context:
        answer = tell_removal.status(context)
    session.answer(answer)


@closeout.group()
def log() -> None:
    """The transparency log: what was done, so that no edit goes unseen."""


@log.command("verify")
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="File of signed heads. Default: of this installation."
)
@with_session
def log_verify(session: Session, checkpoint: Path | None) -> None:
    """Read the whole log and hold it against signed heads kept outside the database."""
    from server.cli.answers import removal as tell_removal
    from server.work.admin import log_checkpoints

    file = checkpoint or session.settings.checkpoint_file
    if not file.exists():
        session.fail(
            "no_checkpoints", phrase("There is no such checkpoint file."), phrase("Name a copy with --checkpoint.")
        )
    with session.context() as context:
        checked = log_checkpoints.check_log(context, file)
    session.answer(tell_removal.log_checked(checked))


@closeout.group()
def policy() -> None:
    """The policy: what the organisation decided, as a file."""


@policy.command("check")
@click.argument("file", required=False, type=_FILE)
@with_session
def policy_check(session: Session, file: Path | None) -> None:
    """Tell all faults of a policy file at once, with line and fix; without a file, of the one in force."""
    from server import app
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.store.database import StoreUnavailableError
    from server.store.register import cases as register

    chosen = file or app.policy_file(session.settings)
    try:
        checked = app.check_policy(chosen)
    except app.PolicyRefused:
        session.fail("policy_unreadable", phrase("The policy file cannot be read: {file}", file=chosen.name))
    lines: tuple[Text, ...] = ()
    store = app.open_store(session.settings)
    try:
        store.check()
        with store.read() as connection:
            lines = tell_removal.unplanned(register.unplanned_monitoring(connection))
    except StoreUnavailableError:
        pass  # a policy can be written before there is an installation
    finally:
        store.close()
    session.answer(tell_setup.policy_checked(checked, app.system_clock().date(), lines))


@policy.command("test")
@click.argument("file", required=False, type=_FILE)
@with_session
def policy_test(session: Session, file: Path | None) -> None:
    """Run the examples that a policy carries, each at its own moment."""
    from server import app
    from server.cli.answers import setup as tell_setup

    chosen = file or app.policy_file(session.settings)
    try:
        checked = app.check_policy(chosen)
    except app.PolicyRefused:
        session.fail("policy_unreadable", phrase("The policy file cannot be read: {file}", file=chosen.name))
    session.answer(tell_setup.policy_tested(checked, session.words.language))


@policy.command("explain")
@click.argument("case")
@click.argument("worker")
@with_session
def policy_explain(session: Session, case: str, worker: str) -> None:
    """Say which rule decided about a case's contacts with a worker, and why; for those cleared for cases."""
    from server import app
    from server.cli.answers import removal as tell_removal
    from server.cli.answers import setup as tell_setup
    from server.work.removal import plan as planning

    with session.context() as context, tell_removal.refusals(session):
        role = session.role(context)
        facts = planning.facts_of(context, role, case=case, worker=worker)
        answer = tell_setup.explained(
            facts, app.read_policy(session.settings), role, context.now(), session.words.language
        )
    session.answer(answer)


@policy.command("schema")
def policy_schema() -> None:
    """Print the JSON Schema of a policy, for editors."""
    from server.core.policy.schema import json_schema

    click.echo(json_schema(), nl=False)


@closeout.command()
@click.option("--settings", "show_settings", is_flag=True, help="List every setting and what it means.")
@with_session
def doctor(session: Session, show_settings: bool) -> None:
    """Check keys, database, clock, gates, policy and places, and say what to do about each fault."""
    from server.cli import examine
    from server.cli.answers import setup as tell_setup

    if show_settings:
        session.answer(tell_setup.settings_manual())
    session.answer(examine.examine(session))


backups.add_to(closeout)
closures.add_to(closeout)
devices.add_to(closeout)
evidence.add_to(closeout)
feeds.add_to(evidence.usage)
profiles.add_to(closeout)
reports.add_to(closeout)
reviews.add_to(closeout)
web.add_to(closeout)
