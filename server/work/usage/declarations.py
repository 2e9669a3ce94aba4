"""Declarations: signed, countersigned, ended, taken in as a list, checked; and the outcomes that stand beside them.

A finding here is about the paper: it is there, or not. Nothing here acts on an outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mdm_adapters.port import Field, FieldKind
from server.core.identity.reading import identifiers_in
from server.core.log.entries import Body, EntryKind
from server.core.model import ABOUT_DECLARATIONS, CLEARED_FOR_CASES, FindingKind, Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.reports import declarations as declarations_report
from server.core.reports.controls import with_annex
from server.core.reports.declarations import CheckFacts, DeclarationFacts
from server.core.reports.disclosure import Atom, Cell, Key, Release, Table, protect
from server.core.reports.document import Report, digest
from server.core.reports.removals import View
from server.core.reports.vintages import LEAST_COUNT, LEAST_MARGIN
from server.core.text import Period
from server.core.usage import declarations as core
from server.core.usage.channels import days_told
from server.core.usage.counterparties import NEVER, Days, Held, holder_on, whose, without
from server.core.usage.declarations import (
    Cause,
    Checked,
    Circumstances,
    Contest,
    DeclarationFinding,
    DeclarationState,
    Evidence,
    PeriodicCheck,
    SignedHow,
    Standing,
    UsageOutcome,
)
from server.core.usage.evidence_rules import EvidenceRules
from server.core.usage.model import Quantity
from server.core.workdays import add_months
from server.sources.written_lists import NotOneRowError, read_written_list
from server.store import findings, log
from server.store.admin import organisation, spells
from server.store.database import Connection
from server.store.findings import NewFinding
from server.store.usage import circumstances, declarations, subjects, sums, undo
from server.store.usage import months as usage_months
from server.store.usage.declarations import CheckRow, ContestRow, DeviceNames, NewDeclaration, TextChangedError
from server.work.context import Context
from server.work.usage.feeds import whole_months

_KINDS: Mapping[DeclarationState, FindingKind] = {
    DeclarationState.MISSING: FindingKind.DECLARATION_MISSING,
    DeclarationState.REVOKED: FindingKind.DECLARATION_MISSING,
    DeclarationState.EXPIRED: FindingKind.DECLARATION_EXPIRED,
    DeclarationState.OBSOLETE_TEXT: FindingKind.DECLARATION_OBSOLETE,
    DeclarationState.DEVICE_CHANGED: FindingKind.DECLARATION_OTHER_DEVICE,
    DeclarationState.NOT_COUNTERSIGNED: FindingKind.DECLARATION_NOT_COUNTERSIGNED,
}
_COLUMNS = (
    "device", "worker", "text", "language", "signed_on", "countersigned_on", "countersigned_by", "held_from",
    "loan_agreement", "loan_agreement_on",
)  # fmt: skip
_NEEDED = ("device", "worker", "text", "signed_on")
_LONGEST_LIST = 100_000
_LONGEST_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Listed:
    """How one device stands, with the names that a reader may need."""

    device: DeviceNames
    standing: Standing
    declaration: str | None
    conversation: date | None
    """The last one that was recorded about this device; None: none was."""
    conversation_due: date


@dataclass(frozen=True, slots=True)
class Imported:
    """What a list of signatures came to."""

    rows: int
    new: int


def sign(
    context: Context,
    rules: EvidenceRules,
    role: Role,
    *,
    device: str,
    how: SignedHow,
    language: str,
    signed_on: date | None = None,
    scan_digest: str | None = None,
    loan_agreement: str | None = None,
    worker: int | None = None,
) -> str:
    """Record a signature for a device by its present holder, under the text in force that day; returns its id.

    scan_digest: SHA-256 of the scan, needed for paper. loan_agreement: a reference, signed the same day. worker: who
    must have the device; None: whoever has it.
    """
    today = context.today()
    day = signed_on or today
    text = rules.text_in_force(day)
    if day > today:
        raise EvidenceRefusedError(EvidenceProblem.IN_FUTURE)
    if text is None or language not in text.texts:
        raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_TEXT)
    if how is SignedHow.PAPER and not scan_digest:
        raise EvidenceRefusedError(EvidenceProblem.SCAN_NEEDED)
    with context.store.write() as connection:
        named = _prepare(context, connection, rules)
        of = _device(named, device)
        if worker is not None and of.worker != worker:
            raise EvidenceRefusedError(EvidenceProblem.NOT_THE_HOLDER)
        uid = declarations.sign(
            connection,
            NewDeclaration(
                of.device, of.worker, text.version.version, language, day, how, _until(day, rules), scan_digest
            ),
            context.now(),
        )
        if loan_agreement is not None:
            declarations.put_loan_agreement(connection, of.device, of.worker, loan_agreement, day)
        if uid is None:
            uid = declarations.declaration_ids(connection)[of.device, of.worker, day]
        body: Body = {"declaration": uid, "verb": "signed", "what": how.value, "version": text.version.version,
                      "actor_role": role.value}  # fmt: skip
        log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])
    return uid


def countersign(context: Context, role: Role, uid: str, by: str) -> None:
    """Sign for the employer. by: a neutral reference of who signed."""
    _check_text(by)
    with context.store.write() as connection:
        if not declarations.countersign(connection, uid, context.today(), by):
            raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_DECLARATION)
        _note(context, connection, uid, "countersigned", role)


def revoke(context: Context, role: Role, uid: str) -> None:
    """End a signature, as on return of the device."""
    with context.store.write() as connection:
        if not declarations.revoke(connection, uid, context.today()):
            raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_DECLARATION)
        _note(context, connection, uid, "revoked", role)


def import_list(context: Context, rules: EvidenceRules, role: Role, text: str) -> Imported:
    """Take in a list of signatures, all of it or nothing; one that is there already changes nothing."""
    rows = _read_list(text)
    known = {each.version.version for each in rules.texts}
    new = 0
    with context.store.write() as connection:
        named = _prepare(context, connection, rules)
        for line, row in rows:
            of = _device(named, row["device"], line)
            if of.worker_ref != row["worker"]:
                raise EvidenceRefusedError(EvidenceProblem.NOT_THE_HOLDER, line=line)
            signed_on = _date(row["signed_on"], line)
            if signed_on > context.today():
                raise EvidenceRefusedError(EvidenceProblem.IN_FUTURE, line=line)
            if row["text"] not in known:
                raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_TEXT, line=line)
            counter = _date(row["countersigned_on"], line) if row["countersigned_on"] else None
            made = declarations.sign(
                connection,
                NewDeclaration(
                    of.device,
                    of.worker,
                    row["text"],
                    row["language"] or "nl",
                    signed_on,
                    SignedHow.IMPORTED,
                    _until(signed_on, rules),
                    countersigned_on=counter,
                    countersigned_by=(row["countersigned_by"] or "employer") if counter else None,
                ),
                context.now(),
            )
            new += made is not None
            if row["held_from"]:
                spells.hold_since(connection, of.device, of.worker, _date(row["held_from"], line))
            if row["loan_agreement"]:
                on = _date(row["loan_agreement_on"] or row["signed_on"], line)
                declarations.put_loan_agreement(connection, of.device, of.worker, row["loan_agreement"], on)
        body: Body = {"verb": "list_imported", "count": len(rows), "actor_role": role.value}
        log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])
    return Imported(len(rows), new)


def list_declarations(context: Context, rules: EvidenceRules) -> Sequence[Listed]:
    """How every device in use stands, in the order of devices; opens and closes the findings about them."""
    now = context.now()
    with context.store.write() as connection:
        named = _prepare(context, connection, rules)
        standings = _standings(context, connection, rules)
        ids = declarations.declaration_ids(connection)
        talks = declarations.last_conversations(connection)
        running = {
            (each.device, each.worker): each for each in declarations.read_holdings(connection, running_only=True)
        }
        wanted = [new for found in core.find(standings) for new in _findings(found)]
        opened = findings.open_findings(connection, wanted, now)
        still = {f"{each.kind.value} {each.subject}" for each in wanted}
        closed = declarations.close_answered(connection, ABOUT_DECLARATIONS, still, now)
        if opened or closed:
            body: Body = {"what": "declarations", "verb": "looked_over", "count": opened}
            log.append(connection, now, [(EntryKind.FINDING, body)])
    found = []
    for each in standings:
        paper, talked = each.declaration, talks.get((each.worker, each.device))
        uid = None if paper is None else ids.get((each.device, each.worker, paper.signed_on))
        due = core.conversation_due_on(talked, running[each.device, each.worker], rules.declarations)
        found.append(Listed(named[each.device], each, uid, talked, due))
    return found


def outcomes(context: Context, rules: EvidenceRules, first: date, last: date) -> tuple[Evidence, ...]:
    """What evidence says of each device over whole months; read by nobody but who is meant to see it.

    A device is measurable in a quantity if some feed told anything of that in the year up to the end of the period.
    Days on which its worker was away are not measured.
    """
    period = Period(first, last)
    with context.store.read() as connection:
        facts = _facts(connection, period)
        chosen = {device: facts.pieces(device, period) for device in facts.devices}
        months = usage_months.month_of(first), usage_months.month_of(last)
        totals = sums.totals_on(connection, {device: days for device, (days, _) in chosen.items()}, *months)
    around = [
        Circumstances(
            device,
            facts.workers(device, period),
            facts.sources.get(device, frozenset()),
            device in facts.shared,
            left_out=away,
        )
        for device, (_, away) in chosen.items()
    ]
    return core.weigh(around, totals, rules.declarations, facts.contests)


_WINDOWS = (3, 6, 12)
"""Months that are looked at for one worker and phone: the first that hold enough, so that part-time work is told."""


def holder_outcomes(
    context: Context, rules: EvidenceRules, device: int, worker: int, last: int
) -> tuple[Period, tuple[Evidence, ...]]:
    """What evidence says of one device while this worker had it, up to a month; and over which days that is.

    Of the last three months; where they hold too little, of six, or of a year. What was before the phone came to this
    worker is another's and is not in it.
    """
    for months in _WINDOWS:
        period = Period(usage_months.bounds(last - months + 1)[0], usage_months.bounds(last)[1])
        with context.store.read() as connection:
            facts = _facts(connection, period)
            held = [each for each in facts.held.get(device, ()) if each.worker == worker]
            days, away = facts.pieces(device, period, worker)
            totals = sums.totals_on(connection, {device: days}, last - months + 1, last)
        begun = min((each.days[0] for each in held), default=period.last.toordinal() + 1)
        handed_out = date.fromordinal(begun) if begun > period.first.toordinal() else None
        around = Circumstances(
            device,
            1,
            facts.sources.get(device, frozenset()),
            device in facts.shared,
            left_out=away,
            handed_out=handed_out,
            whole_year=months == _WINDOWS[-1] and handed_out is None and facts.told_throughout,
        )
        contests = [each for each in facts.contests if holder_on(held, each.on.toordinal()) == worker]
        found = core.weigh([around], totals, rules.declarations, contests)
        if handed_out is not None or not any(each.is_short for each in found):
            break
    since = period.first if handed_out is None else min(handed_out, period.last)
    return Period(since, period.last), found


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the register knows of devices around a period. told_throughout: feeds tell of nearly all of its days."""

    devices: Sequence[int]
    held: Mapping[int, Sequence[Held]]
    sources: Mapping[int, frozenset[Quantity]]
    away: Mapping[int, Sequence[Days]]
    shared: frozenset[int]
    contests: Sequence[Contest]
    told_throughout: bool

    def pieces(self, device: int, period: Period, worker: int | None = None) -> tuple[Sequence[Days], int]:
        """The days of a device that are measured, and on how many its worker was away. worker: theirs alone."""
        span = period.first.toordinal(), period.last.toordinal()
        found: list[Days] = []
        away = 0
        for days, holder in whose(self.held.get(device, ()), span):
            if worker is None or holder == worker:
                left = without(days, self.away.get(holder or 0, ()))
                away += days[1] - days[0] + 1 - sum(last - first + 1 for first, last in left)
                found += left
        return found, away

    def workers(self, device: int, period: Period) -> int:
        """How many workers had it."""
        first, last = period.first.toordinal(), period.last.toordinal()
        return len(
            {each.worker for each in self.held.get(device, ()) if each.days[0] <= last and first <= each.days[1]}
        )


def _facts(connection: Connection, period: Period) -> _Facts:
    month = usage_months.month_of(period.last)
    told = days_told(sums.days_of_devices(connection), period)
    away = {
        worker: [(span.first.toordinal(), NEVER if span.last is None else span.last.toordinal()) for span in spans]
        for worker, spans in circumstances.absences(connection).items()
    }
    return _Facts(
        devices=sorted(declarations.device_names(connection)),
        held=subjects.holders(connection),
        sources=sums.measured_quantities(connection, month - 11, month),
        away=away,
        shared=circumstances.shared_devices(connection, period.first, period.last),
        contests=declarations.read_contests(connection),
        told_throughout=told.part * 10 >= told.whole * 9,
    )


def record_conversation(context: Context, rules: EvidenceRules, role: Role, device: str, on: date) -> bool:
    """Record that worker and manager talked; False if that talk was recorded already."""
    if on > context.today():
        raise EvidenceRefusedError(EvidenceProblem.IN_FUTURE)
    with context.store.write() as connection:
        of = _device(_prepare(context, connection, rules), device)
        new = declarations.add_conversation(connection, of.device, of.worker, on, context.now(), role.value)
        if new:
            body: Body = {"verb": "recorded", "what": "conversation", "actor_role": role.value}
            log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])
    return new


def contest(context: Context, role: Role, device: str, quantity: Quantity | None, said: str) -> str:
    """Keep what the worker says of a figure: sealed, and shown to be there beside the outcome from now on."""
    if len(said) > _LONGEST_TEXT:
        raise EvidenceRefusedError(EvidenceProblem.BAD_LIST)
    with context.store.write() as connection:
        of = _device(declarations.device_names(connection), device)
        uid = declarations.add_contest(
            connection, context.keys.sealer, of_device=of.device, quantity=quantity, on=context.today(), said=said
        )
        body: Body = {"verb": "recorded", "what": "contest", "actor_role": role.value}
        log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])
    return uid


def answer_contest(context: Context, role: Role, uid: str) -> None:
    """Record that a person answered what a worker said of a figure; not what was answered."""
    with context.store.write() as connection:
        if not declarations.answer_contest(connection, uid, context.today()):
            raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_CONTEST)
        body: Body = {"verb": "answered", "what": "contest", "actor_role": role.value}
        log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])


def read_contests(context: Context, role: Role) -> Sequence[ContestRow]:
    """What workers wrote of figures, for who is cleared to read it; the look is in the log, restricted."""
    if role not in CLEARED_FOR_CASES:
        raise EvidenceRefusedError(EvidenceProblem.NOT_CLEARED)
    with context.store.write() as connection:
        said = f"what workers wrote of their figures, read as {role.value}"
        log.append_restricted(connection, context.now(), context.keys.sealer, [said])
        return declarations.open_contests(connection, context.keys.sealer)


def check(context: Context, rules: EvidenceRules, role: Role, *, size: int, seed: str) -> tuple[str, PeriodicCheck]:
    """The periodic check of BIO2 8.01.02: a sample that nobody picked, how each stands, written down."""
    _check_text(seed)
    today = context.today()
    with context.store.write() as connection:
        _prepare(context, connection, rules)
        standings = {each.device: each for each in _standings(context, connection, rules)}
        talks = declarations.last_conversations(connection)
        drawn = core.draw(standings, size, seed)
        sample = tuple(
            Checked(
                standings[device].worker,
                device,
                standings[device].state,
                talks.get((standings[device].worker, device)),
            )
            for device in drawn
        )
        made = PeriodicCheck(today, 0, len(standings), seed, sample)
        loans = {(device, standings[device].worker): standings[device].loan_agreement for device in drawn}
        uid = declarations.add_check(connection, made, role.value, rules.version, loans)
        body: Body = {"declaration": uid, "verb": "checked", "what": "periodic_check", "count": len(sample),
                      "actor_role": role.value}  # fmt: skip
        log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])
    return uid, made


_REPORT = "declarations"


def report(context: Context, rules: EvidenceRules, role: Role, first: date, last: date) -> Report:
    """The report on declarations over whole months: counts only, held against what was shown before."""
    period = whole_months(first, last)
    listed = list_declarations(context, rules)
    found = outcomes(context, rules, period.first, period.last)
    today, now = context.today(), context.now()
    with context.store.read() as connection:
        everyone = sums.all_workers(connection)
        released = declarations.read_releases(connection, context.keys.sealer, _REPORT)
        name = organisation.read_installation(connection).name
        checks = declarations.read_checks(connection)
        runs = sums.read_runs(connection)
    holders = frozenset(each.device.worker for each in listed) or everyone
    span, on = (period.first.isoformat(), period.last.isoformat()), today.isoformat()
    counts = _count(listed, found, span, on)
    table = _table({key: Cell(count, holders) for key, count in counts.items()})
    known = _known(table, "devices")
    least = max(rules.smallest_group, LEAST_COUNT)
    safe = protect(table, rules.smallest_group, [*released, known], least=least, margin=LEAST_MARGIN)
    outcomes_of = sorted({(Quantity(key[3]), UsageOutcome(key[4])) for key in counts if key[0] == "evidence"})
    causes_of = sorted({(Quantity(key[3]), Cause(key[5])) for key in counts if key[0] == "evidence" and key[5]})

    def shown(*key: str) -> int | None:
        return safe.shown.get(key)

    made = declarations_report.build(
        DeclarationFacts(
            organisation=name,
            period=period,
            made_at=now,
            policies=(rules.version,),
            view=View.OPAQUE,
            devices=len(listed),
            states={state: shown("state", on, state.value) for state in DeclarationState},
            loan_agreements=shown("loan", on, "yes"),
            outcomes={key: shown("outcome", *span, *map(str, key)) for key in outcomes_of},
            causes={key: shown("cause", *span, *map(str, key)) for key in causes_of},
            contested=shown("contested", *span, "yes"),
            talked=shown("talked", on, "yes"),
            measured={
                quantity: shown("measured", *span, quantity.value) if listed else 0
                for quantity in sorted(rules.declarations.quantities)
            },
            checks=tuple(_check_facts(each, rules.smallest_group) for each in checks),
            check_due=core.check_due_on(max((each.on for each in checks), default=None), rules.declarations),
            smallest_group=rules.smallest_group,
            replaced=_replaced(runs, period),
        )
    )
    made = with_annex(made, context.controls())
    with context.store.write() as connection:
        declarations.remember_release(connection, context.keys.sealer, _REPORT, safe.release, now)
        undo.forget(connection)
        body: Body = {"report": _REPORT, "digest": digest(made), "actor_role": role.value}
        log.append(connection, now, [(EntryKind.REPORT_MADE, body)])
    return made


def _replaced(runs: Iterable[sums.RunRow], period: Period) -> Mapping[str, int]:
    """Of each feed on how many days a file took the place of what another had said."""
    spans: dict[str, list[tuple[date, date]]] = {}
    for run in runs:
        if run.replaced_sums and not run.withdrawn and run.first and run.last:
            spans.setdefault(run.feed, []).append((run.first, run.last))
    return {feed: days_told(each, period).part for feed, each in spans.items()}


def _count(
    listed: Sequence[Listed], found: Sequence[Evidence], span: tuple[str, str], on: str
) -> Mapping[tuple[str, ...], int]:
    """The smallest things that are counted. Each device is in one of each sort, so that parts add up to all devices."""
    counts: Counter[tuple[str, ...]] = Counter({("state", on, state.value): 0 for state in DeclarationState})
    for sort in (("loan", on), ("talked", on), ("contested", *span)):
        counts.update({(*sort, answer): 0 for answer in ("yes", "no")})
    for each in listed:
        talked = each.conversation is not None and each.conversation_due.isoformat() > on
        counts["state", on, each.standing.state.value] += 1
        counts["loan", on, "yes" if each.standing.loan_agreement else "no"] += 1
        counts["talked", on, "yes" if talked else "no"] += 1
    for told in found:
        cause = str(told.causes[0]) if told.causes else ""
        seen = "told" if told.confidence is not None else "untold"
        counts["evidence", *span, told.quantity.value, told.outcome.value, cause, seen] += 1
        counts["contested", *span, "yes" if told.contested else "no"] += 1
    return counts


def _table(cells: Mapping[Atom, Cell]) -> Table:
    """Figures as sums of the smallest things: outcomes, causes and coverage are of the same devices."""
    figures: dict[Key, set[Atom]] = {}
    for atom in cells:
        assert isinstance(atom, tuple)
        if atom[0] != "evidence":
            figures.setdefault(atom, set()).add(atom)
            continue
        _, first, last, quantity, outcome, cause, seen = atom
        figures.setdefault(("outcome", first, last, quantity, outcome), set()).add(atom)
        if cause:
            figures.setdefault(("cause", first, last, quantity, cause), set()).add(atom)
        measured = figures.setdefault(("measured", first, last, quantity), set())
        if seen == "told":
            measured.add(atom)
    return Table(cells, {key: frozenset(atoms) for key, atoms in figures.items()})


def _known(table: Table, name: str) -> Release:
    """What a reader knows anyhow: how many devices there are, which is what each sort of parts adds up to."""
    wholes: dict[Key, set[Atom]] = {}
    for atom in table.atoms:
        assert isinstance(atom, tuple)
        sort = atom[:4] if atom[0] == "evidence" else atom[:-1]
        wholes.setdefault((name, *sort), set()).add(atom)
    return Release(table.atoms, {key: frozenset(atoms) for key, atoms in wholes.items()}, {})


def _check_facts(check: CheckRow, smallest: int) -> CheckFacts:
    """A check as it may be shown: neither those with a valid paper nor those without may be few."""
    whole, valid = sum(check.states.values()), check.states.get(DeclarationState.VALID, 0)
    few = any(0 < part < smallest for part in (valid, whole - valid))
    return CheckFacts(check.on, check.population, whole, None if few else valid)


# --- parts ----------------------------------------------------------------------------------------------------------


def _prepare(context: Context, connection: Connection, rules: EvidenceRules) -> Mapping[int, DeviceNames]:
    """Texts and holdings as they are now, before anything is said of them."""
    try:
        declarations.put_texts(connection, [(each.version, each.texts) for each in rules.texts])
    except TextChangedError:
        raise EvidenceRefusedError(EvidenceProblem.TEXT_CHANGED) from None
    spells.note(connection, context.today())
    return declarations.device_names(connection)


def standings(context: Context, connection: Connection, rules: EvidenceRules) -> list[Standing]:
    """How every holding that runs stands today, with texts and holdings brought up to date first."""
    _prepare(context, connection, rules)
    return _standings(context, connection, rules)


def _standings(context: Context, connection: Connection, rules: EvidenceRules) -> list[Standing]:
    signed: dict[int, list[core.Declaration]] = {}
    for each in declarations.read_declarations(connection):
        signed.setdefault(each.worker, []).append(each)
    texts = declarations.read_texts(connection)
    return [
        core.stand(holding, signed.get(holding.worker, ()), texts, rules.declarations, context.today())
        for holding in declarations.read_holdings(connection, running_only=True)
    ]


def _findings(found: DeclarationFinding) -> Sequence[NewFinding]:
    subject = f"holding-{found.device}-{found.worker}"
    kinds = [_KINDS[found.state]] if found.state in _KINDS else []
    if not found.loan_agreement:
        kinds.append(FindingKind.LOAN_AGREEMENT_MISSING)
    return [NewFinding(kind, subject=subject, worker=found.worker) for kind in kinds]


def _device(named: Mapping[int, DeviceNames], ref: str, line: int | None = None) -> DeviceNames:
    found = next((each for each in named.values() if each.device_ref == ref), None)
    if found is None:
        raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_DEVICE, line=line)
    return found


def _until(day: date, rules: EvidenceRules) -> date:
    return add_months(day, rules.declarations.validity_months) - timedelta(days=1)


def _note(context: Context, connection: Connection, uid: str, verb: str, role: Role) -> None:
    body: Body = {"declaration": uid, "verb": verb, "actor_role": role.value}
    log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])


def _check_text(text: str) -> None:
    if len(text) > 100 or identifiers_in(Field(FieldKind.TEXT, text)):
        raise EvidenceRefusedError(EvidenceProblem.BAD_LIST)


def _date(text: str, line: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise EvidenceRefusedError(EvidenceProblem.BAD_LIST, line=line) from None


def _read_list(text: str) -> list[tuple[int, dict[str, str]]]:
    try:
        found = read_written_list(text)
    except NotOneRowError as error:
        raise EvidenceRefusedError(EvidenceProblem.BAD_LIST, line=error.line) from None
    if set(found.header) - set(_COLUMNS) or not set(_NEEDED) <= set(found.header):
        raise EvidenceRefusedError(EvidenceProblem.BAD_LIST, line=1)
    rows: list[tuple[int, dict[str, str]]] = []
    for line, row in found.rows():
        values = {name: row.get(name, "").strip() for name in _COLUMNS}
        if not all(values[name] for name in _NEEDED) or len(rows) >= _LONGEST_LIST:
            raise EvidenceRefusedError(EvidenceProblem.BAD_LIST, line=line)
        rows.append((line, values))
    if not rows:
        raise EvidenceRefusedError(EvidenceProblem.BAD_LIST, line=1)
    return rows
