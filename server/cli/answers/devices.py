"""What acts about devices and managed phones came to, as answers; whose a phone is, is for those cleared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from server.core.phones.exposure import Facts
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.phones import tables
from server.store.phones.lists import FetchesTaken
from server.store.phones.pages import AppLine, AskLine, PhoneLine
from server.store.phones.repush import RepushRow
from server.work.phones.device_lists import DevicesTaken
from server.work.phones.managers import Enforced, ManagerChecked, Refreshed


def devices_taken(taken: DevicesTaken) -> Answer:
    """After `device import`."""
    return Answer(
        ok=True,
        title=phrase(
            "Phones imported: {count} line; new phones named: {new}.",
            many="Phones imported: {count} lines; new phones named: {new}.",
            count=taken.rows,
            new=taken.new,
        ),
        lines=(phrase("Enrolled phones that are now linked to a worker: {count}.", count=taken.matched),),
        what_next=(phrase("See what MDM systems report with: closeout device refresh"),),
        key="devices_taken",
    )


def fetches_taken(taken: FetchesTaken) -> Answer:
    """After `device stats`."""
    lines = [
        phrase(
            "New confirmations that a phone synchronised after a verified removal: {count}.", count=len(taken.raised)
        )
    ]
    if taken.unknown:
        lines.append(
            phrase(
                "Rows of a mailbox or phone that is not known here, or of which two could be meant: {count}.",
                count=taken.unknown,
            )
        )
    return Answer(
        ok=True,
        title=phrase(
            "Read {count} row; of known phones: {matched}.",
            many="Read {count} rows; of known phones: {matched}.",
            count=taken.rows,
            matched=taken.matched,
        ),
        lines=tuple(lines),
        what_next=(phrase("Say what Exchange calls a phone with: closeout device import"),) if taken.unknown else (),
        key="fetches_taken",
    )


def refreshed(rows: Sequence[Refreshed], enforced: Enforced) -> Answer:
    """After `device refresh`."""
    section = Section(
        "refreshed",
        phrase("MDM systems"),
        columns=(
            Column("connection", phrase("Connection")),
            Column("listed", phrase("Phones"), Kind.COUNT),
            Column("new", phrase("New"), Kind.COUNT),
            Column("left", phrase("Left"), Kind.COUNT),
            Column("matched", phrase("Linked to a worker"), Kind.COUNT),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.connection,
                *(
                    (row.inventory.listed, row.inventory.new, row.inventory.left)
                    if row.inventory
                    else (None, None, None)
                ),
                row.inventory.matched if row.inventory else None,
                row.fault,
            )
            for row in rows
        ),
        empty=phrase("No MDM is connected."),
    )
    asked = Section(
        "asked",
        phrase("What was requested of phones"),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("state", phrase("How far"), Kind.CODE),
            Column("count", phrase("Phones"), Kind.COUNT),
        ),
        rows=tuple((what, state, count) for (what, state), count in sorted(enforced.asked.items())),
        empty=phrase("Nothing was requested of it."),
    )
    failed = [row for row in rows if row.fault is not None]
    title = (
        phrase(
            "{count} MDM could not be read in full.",
            many="{count} MDMs could not be read in full.",
            count=len(failed),
        )
        if failed
        else phrase("Every MDM was read.")
    )
    return Answer(
        ok=not failed, title=title, sections=(section, asked), key="refresh_failed" if failed else "refreshed"
    )


def devices(sections: Sequence[Section]) -> Answer:
    """After `device list`."""
    return Answer(
        ok=True,
        title=phrase("Phones and coverage"),
        lines=(tables.NO_MANAGER_READS_CONTACTS,),
        sections=tuple(sections),
        key="devices",
    )


def device(
    line: PhoneLine,
    facts: Facts,
    apps: Sequence[AppLine],
    asks: Sequence[AskLine],
    *,
    cleared: bool,
) -> Answer:
    """After `device show`."""
    return Answer(
        ok=True,
        title=phrase("Phone {uid}", uid=line.uid),
        sections=(
            tables.ways(facts, apps),
            tables.aspects(facts),
            tables.watched(apps),
            tables.asks(asks),
            tables.whose(line, cleared=cleared),
        ),
        key="device",
    )


def repushes(rows: Sequence[RepushRow]) -> Answer:
    """After `device repush`."""
    section = Section(
        "repushes",
        phrase("Phones that stopped syncing"),
        paragraphs=(
            phrase(
                "Their managed contacts account is removed and added again, so that the phone syncs a cleaned "
                "address book. Nothing else on the phone is changed. Somebody approves it before it is done."
            ),
        ),
        columns=(
            Column("proposal", phrase("Proposal")),
            Column("made", phrase("Made"), Kind.INSTANT),
            Column("phones", phrase("Phones"), Kind.COUNT),
            Column("released", phrase("Approved"), Kind.INSTANT, blank=phrase("Not yet")),
            Column("refused", phrase("Refused"), Kind.INSTANT, blank=phrase("No")),
            Column("gone", phrase("Account verified gone"), Kind.COUNT),
            Column("back", phrase("Account back"), Kind.COUNT),
        ),
        rows=tuple(
            (row.uid, row.made_at, row.phones, row.released_at, row.refused_at, row.gone, row.back) for row in rows
        ),
        empty=phrase("No phone is proposed. The policy says after how many days without syncing one is."),
    )
    waits = [row for row in rows if row.released_at is None and row.refused_at is None]
    return Answer(
        ok=True,
        title=phrase("Proposals awaiting approval: {count}.", count=len(waits)),
        sections=(section,),
        what_next=(phrase("Approve one with: closeout device repush --release ID"),) if waits else (),
        key="repushes",
    )


def repush_answered(count: int, *, grant: bool) -> Answer:
    """After a proposal was released or refused."""
    title = (
        phrase(
            "Approved: {count} phone is asked, as soon as the background worker runs.",
            many="Approved: {count} phones are asked, as soon as the background worker runs.",
            count=count,
        )
        if grant
        else phrase("Refused: nothing is asked of these phones.")
    )
    return Answer(ok=True, title=title, key="repush_released" if grant else "repush_refused")


def managers(rows: Sequence[ManagerChecked]) -> tuple[Section, ...]:
    """For `place check`: each MDM system tried, and what it can."""
    if not rows:
        return ()
    trials = Section(
        "manager_trials",
        phrase("What was tried at MDM systems"),
        columns=(
            Column("connection", phrase("Connection")),
            Column("what", phrase("What")),
            Column("works", phrase("Works"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.connection,
                _tried(trial.what),
                Mark.UNTRIED if trial.ok is None else Mark.YES if trial.ok else Mark.NO,
                trial.fault,
            )
            for row in rows
            for trial in row.trials
        ),
        notes=tuple(
            phrase(
                "{name}: {count} phone is known; not linked to a worker: {nobody}.",
                many="{name}: {count} phones are known; not linked to a worker: {nobody}.",
                name=row.connection,
                count=row.phones,
                nobody=row.unmatched,
            )
            for row in rows
        ),
    )
    return trials, tables.limits({row.connection: row.capabilities for row in rows}, whole=True)


def _tried(what: str) -> Text:
    return Text(what)


def with_managers(answer: Answer, rows: Sequence[ManagerChecked]) -> Answer:
    """The answer of `place check`, with the MDM systems in it."""
    failing = [row.connection for row in rows if any(trial.ok is False for trial in row.trials)]
    if not failing:
        return replace(answer, sections=(*answer.sections, *managers(rows)))
    said = phrase("MDM systems that cannot be used: {count}.", count=len(failing))
    lines = (*answer.lines, said)
    key = answer.key if not answer.ok else "managers_fail"
    title = answer.title if not answer.ok else said
    return replace(answer, ok=False, title=title, lines=lines, sections=(*answer.sections, *managers(rows)), key=key)
