"""The doctor: does what a run needs and says of each fault what to do; what it writes, it takes away again."""

from __future__ import annotations

import errno
import shutil
import stat
import tempfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from mdm_adapters.port import PortError
from server import app
from server.cli.answers.removal import POLICY_EDITED, RECORDS_DIFFER
from server.cli.faults import KEYS, OTHER_VERSION, STORE
from server.cli.session import Session
from server.core.log.witness_policy import BadWitnessPolicy
from server.core.log.witness_protocol import WitnessFault
from server.core.model import Role
from server.core.policy.document import standing
from server.core.problems import MailProblem
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.render.admin.log_check import PUT_BACK, say_findings_differ, say_removals_differ
from server.render.answers import Answer
from server.render.refusals import at_command
from server.render.register.case_subscriptions import lack_text
from server.settings import FileUnreadableError, Settings, read_text_file, secret_files
from server.store.admin import moving, organisation
from server.store.database import Store, StoreOtherVersionError, StoreProblem, StoreUnavailableError
from server.work.admin import backups, log_checkpoints, log_witnesses, table_checks
from server.work.admin import keys as custody
from server.work.context import Context, Keys
from server.work.mail import MailFailedError
from server.work.register import case_subscriptions
from server.work.reports import health
from server.work.reports.health import Ill, Part

_LEAST_ROOM = 64 * 1024 * 1024
"""Bytes: less than a first look may need for its journal."""
_PROBE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing looked at. remedy: what to do; None: it is well."""

    what: Text
    remedy: Text | None = None


def examine(session: Session) -> Answer:
    """Every examination, in the order in which faults should be mended."""
    results = list(examinations(session))
    ill = [each for each in results if each.remedy is not None]
    section = Section(
        "examinations",
        phrase("What was read"),
        columns=(
            Column("what", phrase("What")),
            Column("well", phrase("OK"), Kind.CODE),
            Column("remedy", phrase("What to do")),
        ),
        rows=tuple((each.what, Mark.NO if each.remedy else Mark.YES, each.remedy) for each in results),
    )
    title = (
        phrase("{count} thing needs attention.", many="{count} things need attention.", count=len(ill))
        if ill
        else phrase("No problems found.")
    )
    return Answer(ok=not ill, title=title, sections=(section,), key="ill" if ill else "well")


def examinations(session: Session) -> Iterator[Examination]:
    """Each thing that is looked at, as it is looked at."""
    settings = session.settings
    keys = yield from _keys(settings)
    yield from _folders(settings)
    yield from _secrets(session)
    yield from _roles(settings)
    yield from _rules(settings)
    yield Examination(phrase("Mail"), _mail_remedy(settings))
    yield Examination(phrase("Where the log is forwarded to"), _outlet_remedy(settings))
    yield Examination(phrase("Witnesses of the log (independent log servers)"), _witnesses_remedy(settings))
    if settings.heartbeat_url:
        yield Examination(phrase("Heartbeat"), _heartbeat_remedy(settings))
    if settings.time_stamp_url:
        yield Examination(phrase("Time-stamp authority"), _time_stamps_remedy(settings))
    yield Examination(phrase("Schedule of reports"), _schedule_remedy(settings))
    try:
        store = session.open_store()
    except StoreUnavailableError as fault:
        yield Examination(phrase("Database"), _store_remedy(fault))
        return
    try:
        yield from _database(session, store, keys)
    except StoreUnavailableError as fault:
        yield Examination(phrase("Database"), _store_remedy(fault))
    finally:
        store.close()


# --- files and folders --------------------------------------------------------------------------------------------


def _keys(settings: Settings) -> Generator[Examination, None, Keys | None]:
    """Each key is read and made a key of; returned are all three, None if one of them cannot be used."""
    names = (phrase("Identifier key"), phrase("Sealing key"), phrase("Signing key"))
    well = True
    for what, (file, make) in zip(names, app.key_makers(settings).items(), strict=True):
        remedy = None
        try:
            app.read_key(file, make)
        except app.KeyFault as fault:
            said = KEYS[fault.problem.value]
            remedy = phrase("{what}. {do}", what=replace(said.what, params=(("file", fault.file),)), do=said.do)
            well = False
        yield Examination(what, remedy)
    return app.read_keys(settings) if well else None


def _folders(settings: Settings) -> Iterator[Examination]:
    """Something is written where a run writes, and taken away again."""
    folders = dict.fromkeys(file.parent.absolute() for file in _written_to(settings))
    for folder in folders:
        yield Examination(phrase("Folder {name}", name=folder.name or str(folder)), _folder_remedy(folder))


def _written_to(settings: Settings) -> Iterator[Path]:
    yield settings.home / "any"
    yield settings.checkpoint_file
    if settings.database.startswith("sqlite:///"):
        yield Path(settings.database.removeprefix("sqlite:///").partition("?")[0])


def _folder_remedy(folder: Path) -> Text | None:
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            left = _PROBE
            while left:
                left -= file.write(bytes(left))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return phrase("Nothing more can be written there: its disk is full. Make room.")
        return phrase("Nothing can be written there. Let it belong to this account, and see that its disk is there.")
    little = phrase("Its disk is nearly full: {count} MB are free. Make room.", count=free // 1_000_000)
    return little if free < _LEAST_ROOM else None


def _secrets(session: Session) -> Iterator[Examination]:
    """Files that hold a secret are read, and nobody else may read them, nor look into the installation's folder."""
    home = session.settings.home
    if home.is_dir() and stat.S_IMODE(home.stat().st_mode) & 0o077:
        remedy = phrase("Others on this machine can look into it. Run: chmod 700 on it.")
        yield Examination(phrase("Folder of the installation"), remedy)
    folder = home / "secrets"
    files = [*secret_files(session.environ), *(sorted(folder.iterdir()) if folder.is_dir() else ())]
    for file in files:
        wrong = _secret_remedy(file)
        if wrong is not None:
            yield Examination(phrase("Secret {name}", name=file.name), wrong)


def _secret_remedy(file: Path) -> Text | None:
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o007:
            return phrase("Everybody on this machine can read it. Run: chmod 600 on it, and change the secret.")
        read_text_file(file)
    except OSError:
        return phrase("This account cannot read it.")
    except FileUnreadableError:
        return phrase("This account cannot read it, or it is no text.")
    return None


def _roles(settings: Settings) -> Iterator[Examination]:
    """Every line of the files of roles means something."""
    used = [(phrase("Roles at the command line"), settings.roles_file)]
    if settings.oidc_issuer:
        used.append((phrase("Roles of the identity provider"), settings.oidc_roles_file))
    for what, file in used:
        if not file.exists():
            continue
        try:
            text = read_text_file(file)
        except FileUnreadableError:
            yield Examination(what, phrase("It cannot be read, or is no text: {file}", file=file.name))
            continue
        wrong = [line for line, each in enumerate(text.splitlines(), 1) if not _means_roles(each)]
        remedy = phrase(
            "Line {line} means nothing: `name: role, role`, with roles as in closeout --help.",
            line=min(wrong, default=0),
        )
        yield Examination(what, remedy if wrong else None)


def _means_roles(line: str) -> bool:
    if not line.strip() or line.lstrip().startswith("#"):
        return True
    name, colon, roles = line.rpartition(":")
    named = [each.strip() for each in roles.split(",")]
    return bool(colon and name.strip() and all(each in set(Role) for each in named))


def _rules(settings: Settings) -> Iterator[Examination]:
    """Each file of rules is read as whoever needs it would."""
    try:
        document = app.read_policy(settings)
    except app.PolicyRefused:
        yield Examination(phrase("Policy"), phrase("It has faults. See them all with: closeout policy check"))
    else:
        remarks = standing(document, app.system_clock().date())
        remedy = remarks[0].problem if remarks else None
        yield Examination(phrase("Policy {version}", version=document.policy.version), remedy)
    for what, read in (
        (phrase("Rules of evidence"), app.read_evidence),
        (phrase("Channel catalogue"), app.read_catalogue),
        (phrase("Requirements that reports touch"), app.read_control_mapping),
        (phrase("Profiles for phones"), app.read_profiles),
    ):
        try:
            read(settings)
        except app.PolicyRefused as refused:
            yield Examination(what, phrase("This file has faults or cannot be read: {file}", file=refused.file))


def _mail_remedy(settings: Settings) -> Text | None:
    try:
        app.check_mail(settings)
    except MailFailedError as failed:
        return at_command(failed.problem)
    return None


def _witnesses_remedy(settings: Settings) -> Text | None:
    """The file that names them; how each stands is examined with the log."""
    file = settings.witnesses_file.name
    try:
        app.read_witnesses(settings)
    except BadWitnessPolicy as bad:
        return phrase("Line {line} of {file} is not valid, so no witness is asked.", line=bad.line, file=file)
    except FileUnreadableError:
        return phrase("{file} cannot be read, so no witness is asked.", file=file)
    except app.WitnessAddressError as bad:
        return phrase("The address of {name} in {file} is none, or has no TLS. No witness is asked.",
                      name=bad.name, file=file)  # fmt: skip
    return None


def _witnesses(context: Context) -> Iterator[Examination]:
    """Each is asked now; one that is gone stops nothing, and is told."""
    log_witnesses.tend(context, again=True)
    for each in log_witnesses.standings(context):
        what = phrase("Witness of the log: {name}", name=each.name)
        if each.stops:
            do = phrase(
                "It saw another history: nothing is removed until two people have said why. See: closeout log verify"
            )
        elif each.fault is WitnessFault.GONE:
            do = phrase("It does not answer. Ask its administrator; removals go on.")
        elif each.fault is WitnessFault.UNKNOWN_LOG:
            do = phrase("It does not know this log. Give its administrator the key: closeout log key")
        elif each.fault is not None:
            do = phrase(
                "It no longer cosigns since another history was explained. Its administrator lets it begin again."
            )
        else:
            do = None
        yield Examination(what, do)


def _outlet_remedy(settings: Settings) -> Text | None:
    try:
        app.outlets(settings)
    except app.OutletRefused as refused:
        return phrase("This setting is not valid: {setting}", setting=refused.setting)
    return None


def _heartbeat_remedy(settings: Settings) -> Text | None:
    """It is asked now, as an engine does after each round."""
    try:
        app.check_heartbeat(settings)()
    except app.OutletRefused as refused:
        return phrase("This setting is not valid: {setting}", setting=refused.setting)
    except PortError:
        return phrase(
            "The monitor of the heartbeat does not answer, so it will say that no background worker runs. "
            "Work goes on without it."
        )
    return None


def _time_stamps_remedy(settings: Settings) -> Text | None:
    """It is not asked here: each answer of an authority may cost."""
    try:
        app.check_time_stamps(settings)
    except app.OutletRefused as refused:
        return phrase("This setting is not valid: {setting}", setting=refused.setting)
    return None


def _schedule_remedy(settings: Settings) -> Text | None:
    try:
        asked = app.read_schedule_file(settings)
    except app.PolicyRefused as refused:
        return phrase("The schedule has faults, so nothing was made: {file}", file=refused.file)
    return (
        at_command(MailProblem.NOT_SET) if (asked.reports or asked.declarations) and not settings.mail_server else None
    )


# --- the database and what is in it -------------------------------------------------------------------------------


def _store_remedy(fault: StoreUnavailableError) -> Text:
    said = OTHER_VERSION[fault.newer] if isinstance(fault, StoreOtherVersionError) else STORE[fault.problem.value]
    return phrase("{what} {do}", what=said.what, do=said.do)


def _database(session: Session, store: Store, keys: Keys | None) -> Iterator[Examination]:
    try:
        store.check()
    except StoreUnavailableError as fault:
        if fault.problem is StoreProblem.EMPTY and session.parts_there():
            yield Examination(
                phrase("Database"),
                phrase("It is gone, while keys or signed checkpoints are here. See that its disk is there and that "
                "CLOSEOUT_DATABASE is right, or restore the backup."),
            )  # fmt: skip
            return
        raise
    store.probe()
    with store.read() as connection:
        if moving.missing_tables(connection):
            raise StoreUnavailableError(StoreProblem.DAMAGED)
    yield Examination(phrase("Database"))
    if keys is None:
        return
    try:
        policy = app.read_policy(session.settings).policy
    except app.PolicyRefused:
        return
    context = app.make_context(session.settings, store, keys, policy=policy)
    other = phrase("They belong to another installation: restore the right ones. Never make new keys.")
    same = custody.fits(context)
    yield Examination(phrase("Keys and database belong together"), None if same else other)
    if same:
        yield Examination(phrase("What is encrypted can be read"), None if custody.opens(context) else SEALED_OTHERWISE)
        yield from _inside(session, context)


SEALED_OTHERWISE = phrase("It was encrypted with another key: restore the sealing key of this installation.")


_BACKUP_OLD = timedelta(days=2)


def _inside(session: Session, context: Context) -> Iterator[Examination]:
    records = table_checks.compare(context)
    differ = POLICY_EDITED if records.only_policy else RECORDS_DIFFER
    yield Examination(phrase("Records compared with the log"), None if records.sound else differ)
    for each in health.examine(context):
        if each.part is Part.LOG and each.ill is not Ill.HEADS_UNREADABLE:
            yield _log(session, context)
            yield from _witnesses(context)
        elif each.ill is not None or each.part not in _TOLD_WHEN_ILL:
            what = _name(each)
            yield Examination(what, None if each.ill is None else _remedy(each))
    if (made := backups.newest_made(context)) is not None:
        old = phrase("The newest was made on {moment}. See why none was made since: journalctl -u closeout-backup",
                     moment=made)  # fmt: skip
        yield Examination(phrase("Backup of the database"), old if context.now() - made > _BACKUP_OLD else None)
    with context.store.read() as connection:
        rows = organisation.read_connections(connection)
    for row in rows:
        if row.secret_file and (remedy := _secret_remedy(Path(row.secret_file))) is not None:
            yield Examination(phrase("Secret of {name}", name=row.name), remedy)
        if case_subscriptions.may_subscribe(context, row.name):
            lack = case_subscriptions.lack_of(context, row.name)
            yield Examination(
                phrase("Notifications of cases: {name}", name=row.name), None if lack is None else lack_text(*lack)
            )


_TOLD_WHEN_ILL = frozenset({Part.PAUSE, Part.PLANS, Part.PEOPLE, Part.OVERDUE})


def _name(each: health.Examined) -> Text:
    if each.name is not None:
        return phrase("{part}: {name}", part=PARTS[each.part], name=each.name)
    if each.part is Part.PLACES:
        return phrase("Address books: {count}", count=each.count or 0)
    return PARTS[each.part]


def _remedy(each: health.Examined) -> Text:
    remedy = REMEDIES[each.ill] if each.ill is not None else phrase("No problems found.")
    return replace(remedy, params=(("count", each.count or 0),)) if remedy.params else remedy


def _log(session: Session, context: Context) -> Examination:
    """The whole log is read and held to its signed heads."""
    standing_ = health.log_standing(context)
    if standing_.signed is None:
        there = log_checkpoints.has_notes(session.settings.checkpoint_file)
        other = phrase(
            "No signed checkpoint is by this signing key. Restore the key, or the file of checkpoints, from its copy."
        )
        return Examination(phrase("Log"), other if there else REMEDIES[Ill.HEADS_GONE])
    checked = log_checkpoints.check_log(context, session.settings.checkpoint_file, restricted=True)
    changed = phrase("It was changed, or its file of checkpoints was. See: closeout log verify")
    torn = phrase(
        "Part of the file of signed checkpoints cannot be read. Restore it from its copy, or: closeout log mend-heads"
    )
    ill = torn if checked.bad and not checked.faults else changed
    if checked.put_back and not checked.faults and not checked.bad:
        ill = PUT_BACK
    if checked.sound and checked.removals:
        ill = say_removals_differ(len(checked.removals))
    elif checked.sound and checked.findings:
        ill = say_findings_differ(len(checked.findings))
    return Examination(phrase("Log"), ill if checked.recorded_otherwise or not checked.sound else None)


PARTS: Mapping[Part, Text] = {
    Part.CLOCK: phrase("Clock"),
    Part.CONNECTION: phrase("Connection"),
    Part.GATES: phrase("DPIA and consent"),
    Part.GATE_REVIEW: phrase("Review of DPIA and consent"),
    Part.REGISTER: phrase("Case system"),
    Part.PLACES: phrase("Address books"),
    Part.ENGINE: phrase("Background worker"),
    Part.FEED: phrase("Usage feed"),
    Part.CONTACTS: phrase("Named access"),
    Part.PLANS: phrase("Approvals"),
    Part.PEOPLE: phrase("Removals that wait for a person"),
    Part.OVERDUE: phrase("Removals open for more than three days"),
    Part.PAUSE: phrase("Pause"),
    Part.LOG: phrase("Log"),
}
REMEDIES: Mapping[Ill, Text] = {
    Ill.CLOCK_BACK: phrase("It is behind what is already written here. Set the machine's time (NTP)."),
    Ill.NO_SECRET: phrase("Its secret cannot be read. Check the file that the connection names."),
    Ill.GATE_MISSING: phrase(
        "{count} address book belongs to an employer without DPIA and consent, and is not read: closeout gate record",
        many="{count} address books belong to employers without DPIA and consent, and are not read: closeout "
        "gate record",
        count=0,
    ),
    Ill.REVIEW_DUE: phrase("The review is overdue. Review it and record it again with: closeout gate record"),
    Ill.REGISTER_STALE: phrase("It is too old to decide on. Import a new export with: closeout cases import"),
    Ill.REGISTER_NONE: phrase("No register was imported yet: closeout cases import"),
    Ill.PLACES_FAIL: phrase(
        "{count} cannot be read. See why with: closeout place check",
        many="{count} cannot be read. See why with: closeout place check",
        count=0,
    ),
    Ill.PLACES_NONE: phrase("No address book is known yet: closeout place import"),
    Ill.ENGINE_SILENT: phrase("No address book was read for days. Start the background worker with: closeout engine"),
    Ill.FEED_SILENT: phrase("It reported nothing about the last two months. Import or ask for it, or withdraw it."),
    Ill.KEPT_WITHOUT_CONSENT: phrase(
        "They are kept and the rules for usage data name no consent any more. The next import, or "
        "closeout notify, deletes them."
    ),
    Ill.PLANS_WAIT: phrase(
        "{count} large removal is above a limit and awaits approval. See it with: closeout release",
        many="{count} large removals are above a limit and await approval. See them with: closeout release",
        count=0,
    ),
    Ill.PEOPLE_WAITED_FOR: phrase(
        "{count} order waits until somebody decides or mends something. See: closeout finding list",
        many="{count} orders wait until somebody decides or mends something. See: closeout finding list",
        count=0,
    ),
    Ill.ORDERS_OVERDUE: phrase(
        "Something holds up {count} order. See: closeout status, closeout place check",
        many="Something holds up {count} orders. See: closeout status, closeout place check",
        count=0,
    ),
    Ill.PAUSED: phrase("No removal begins until it is resumed or its time is over. Resume with: closeout resume"),
    Ill.HEADS_GONE: phrase(
        "The file of signed checkpoints is gone. Restore it from its copy, or: closeout log mend-heads"
    ),
    Ill.HEADS_UNREADABLE: phrase(
        "The file of signed checkpoints cannot be read. Give this account the right to, or restore it."
    ),
    Ill.HEADS_OLD: phrase(
        "Much came after the last signed checkpoint. The background worker and this server sign it; is "
        "one of them running?"
    ),
    Ill.LOG_SHORTER: phrase(
        "The log is shorter than a signed checkpoint says. Keep it as it is, and have it investigated."
    ),
    Ill.WITNESSED_OTHERWISE: phrase(
        "A witness saw another history of this log: an older copy was put back, or it was changed."
    ),
}
