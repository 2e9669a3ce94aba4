"""Phones as tables: coverage by team, silence by age, what managers cannot see, one phone; decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from mdm_adapters.phones import Aspect, PhoneCapability
from mdm_adapters.port import CapabilityAnswer, Fault, Support
from server.core.phones.exposure import Facts, Push, SeenApp, ways_on
from server.core.tables import Column, Kind, Mark, Row, Section
from server.core.text import Text, phrase
from server.render.phone_words import DEVICE_USES, PLATFORMS, PUSHES
from server.store.phones.pages import AppLine, AskLine, PhoneLine, TeamCover

_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)

HIDING_HAS_A_PRICE = phrase(
    "Hiding the managed contacts from WhatsApp keeps clients' numbers out of it. It also pushes workers to save the "
    "numbers elsewhere, where nothing can be removed. Give them a secure channel in which clients can be found, first."
)
NO_MANAGER_READS_CONTACTS = phrase(
    "No MDM can read or remove a contact on a phone. This page shows how the phone is configured."
)


def cover(teams: Sequence[TeamCover]) -> Section:
    """Workers and devices by employer and team; counts only."""
    return Section(
        "cover",
        phrase("Who has a phone, and which phones are managed"),
        paragraphs=(
            phrase("A worker without a phone here may still have one: a phone that was never reported is not counted."),
        ),
        columns=(
            Column("employer", phrase("Employer")),
            Column("team", phrase("Team")),
            Column("workers", phrase("Workers"), Kind.COUNT),
            Column("without", phrase("Without a phone"), Kind.COUNT),
            Column("one", phrase("With one"), Kind.COUNT),
            Column("several", phrase("With two or more"), Kind.COUNT),
            Column("devices", phrase("Phones"), Kind.COUNT),
            Column("shared", phrase("Shared, at a desk"), Kind.COUNT),
            Column("loan", phrase("On loan"), Kind.COUNT),
            Column("unmanaged", phrase("Not enrolled in MDM"), Kind.COUNT),
        ),
        rows=tuple(
            (
                each.employer,
                each.team,
                each.workers,
                each.without,
                each.one,
                each.several,
                each.devices,
                each.shared,
                each.loan,
                each.unmanaged,
            )
            for each in teams
        ),
        empty=phrase("No worker is known yet."),
    )


def silence(lines: Sequence[PhoneLine], now: datetime) -> Section:
    """Phones by manager and by when they were last in touch with it."""
    rows: list[Row] = []
    for name in sorted({each.connection for each in lines}):
        mine = [each for each in lines if each.connection == name]
        ages = Counter(_age(each.seen_at, now) for each in mine)
        nobody = sum(each.worker is None for each in mine)
        rows.append((name, len(mine), *(ages[age] for age in ("week", "month", "older", "never")), nobody))
    return Section(
        "silence",
        phrase("Last check-in of phones with the MDM"),
        paragraphs=(phrase("A check-in with an MDM is no synchronising of contacts."),),
        columns=(
            Column("connection", phrase("Connection")),
            Column("phones", phrase("Phones"), Kind.COUNT),
            Column("week", phrase("Within 7 days"), Kind.COUNT),
            Column("month", phrase("7 to 30 days ago"), Kind.COUNT),
            Column("older", phrase("Longer ago"), Kind.COUNT),
            Column("never", phrase("Not reported"), Kind.COUNT),
            Column("nobody", phrase("Not linked to a worker"), Kind.COUNT),
        ),
        rows=tuple(rows),
        empty=phrase("No MDM has reported a phone."),
    )


def _age(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never"
    return "week" if now - at <= _WEEK else "month" if now - at <= _MONTH else "older"


def limits(managers: Mapping[str, Mapping[PhoneCapability, CapabilityAnswer]], *, whole: bool = False) -> Section:
    """What each manager cannot, or only in part, and why (whole: what it can as well)."""
    return Section(
        "manager_limits",
        phrase("What each MDM can do") if whole else phrase("What each MDM cannot see or do"),
        columns=(
            Column("connection", phrase("Connection")),
            Column("capability", phrase("Capability"), Kind.CODE),
            Column("support", phrase("Support"), Kind.CODE),
            Column("because", phrase("Reason")),
        ),
        rows=tuple(
            (name, capability, answer.support, _why(answer.because))
            for name, answers in sorted(managers.items())
            for capability, answer in answers.items()
            if whole or answer.support is not Support.YES
        ),
        empty=phrase("No MDM is connected: nothing is known of any phone's settings."),
    )


def listing(lines: Sequence[PhoneLine], *, cleared: bool) -> Section:
    """Every phone at a manager; worker and device for those cleared."""
    who = (Column("worker", phrase("Worker")), Column("device", phrase("Phone"))) if cleared else ()
    return Section(
        "managed_phones",
        phrase("Managed devices (MDM)"),
        columns=(
            Column("phone", phrase("Phone code")),
            *who,
            Column("connection", phrase("Connection")),
            Column("platform", phrase("Kind"), Kind.CODE),
            Column("use", phrase("Use"), Kind.CODE),
            Column("matched", phrase("Linked to a worker"), Kind.CODE),
            Column("seen", phrase("Last check-in"), Kind.INSTANT, blank=phrase("Not reported")),
        ),
        rows=tuple(
            (
                each.uid,
                *((each.worker, each.device) if cleared else ()),
                each.connection,
                each.platform,
                each.use,
                Mark.YES if each.worker else Mark.NO,
                each.seen_at,
            )
            for each in lines
        ),
        empty=phrase("No MDM has reported a phone."),
    )


def ways(facts: Facts, apps: Sequence[AppLine]) -> Section:
    """Where a number can be saved on one phone, whether that is closed, and what should be pushed."""
    seen = {each.app: SeenApp(each.presence, each.managed, each.told_at) for each in apps}
    found = ways_on(facts, seen)
    return Section(
        "ways",
        phrase("Where can a number be saved on this phone?"),
        paragraphs=(NO_MANAGER_READS_CONTACTS,),
        columns=(
            Column("way", phrase("Where"), Kind.CODE),
            Column("standing", phrase("State"), Kind.CODE),
            Column("told", phrase("Reported"), Kind.INSTANT, blank=phrase("Not reported")),
            Column("push", phrase("What to do")),
        ),
        rows=tuple((each.way, each.standing, each.told_at, _push(each.push)) for each in found),
        notes=(HIDING_HAS_A_PRICE,),
    )


def _push(push: Push | None) -> Text | None:
    return None if push is None else PUSHES[push]


def aspects(facts: Facts) -> Section:
    """What the phone told last of each aspect."""
    return Section(
        "aspects",
        phrase("What the phone reported"),
        columns=(
            Column("aspect", phrase("Setting"), Kind.CODE),
            Column("holds", phrase("In force"), Kind.CODE, blank=phrase("Not known")),
            Column("told", phrase("Reported"), Kind.INSTANT, blank=phrase("Not reported")),
        ),
        rows=tuple((aspect, *_told(facts.get(aspect))) for aspect in Aspect),
    )


def _told(fact: tuple[bool | None, datetime] | None) -> tuple[Mark | None, datetime | None]:
    if fact is None:
        return None, None
    holds, at = fact
    return (None if holds is None else Mark.YES if holds else Mark.NO), at


def watched(apps: Sequence[AppLine]) -> Section:
    """Watched apps on one phone; no other app is ever asked about."""
    return Section(
        "watched_apps",
        phrase("Monitored apps"),
        paragraphs=(phrase("No other app is ever asked about, and of these only whether they are there."),),
        columns=(
            Column("app", phrase("App")),
            Column("presence", phrase("Seen"), Kind.CODE),
            Column("managed", phrase("Managed"), Kind.CODE, blank=phrase("Not known")),
            Column("by_name", phrase("Recognised by its name alone"), Kind.CODE),
            Column("told", phrase("Reported"), Kind.INSTANT, blank=phrase("Not reported")),
        ),
        rows=tuple(
            (
                each.app,
                each.presence,
                None if each.managed is None else Mark.YES if each.managed else Mark.NO,
                Mark.YES if each.by_name else Mark.NO,
                each.told_at,
            )
            for each in apps
        ),
        empty=phrase("Nothing was reported about any of them."),
    )


def asks(lines: Sequence[AskLine]) -> Section:
    """What was asked of one phone lately."""
    return Section(
        "asks",
        phrase("What was requested of it"),
        columns=(
            Column("what", phrase("What"), Kind.CODE),
            Column("state", phrase("How far"), Kind.CODE),
            Column("made", phrase("Called for"), Kind.INSTANT),
            Column("asked", phrase("Asked"), Kind.INSTANT, blank=phrase("Not yet")),
            Column("ended", phrase("Ended"), Kind.INSTANT, blank=phrase("Not yet")),
            Column("fault", phrase("What went wrong"), Kind.CODE),
        ),
        rows=tuple(
            (
                each.what,
                each.state,
                each.made_at,
                each.asked_at,
                each.ended_at,
                Fault(each.fault) if each.fault in set(Fault) else None,
            )
            for each in lines
        ),
        empty=phrase("Nothing was requested of it."),
    )


def asks_for_removal(asked: Sequence[tuple[str, AskLine]]) -> Section:
    """What was asked of phones because of one removal; that is no proof of it."""
    return Section(
        "asked_of_phones",
        phrase("What was requested of phones because of it"),
        paragraphs=(
            phrase(
                "One request to a phone stands for all removals of that moment. What a phone answers proves "
                "nothing yet."
            ),
        ),
        columns=(
            Column("phone", phrase("Phone")),
            Column("what", phrase("What"), Kind.CODE),
            Column("state", phrase("How far"), Kind.CODE),
            Column("asked", phrase("Asked"), Kind.INSTANT, blank=phrase("Not yet")),
            Column("ended", phrase("Ended"), Kind.INSTANT, blank=phrase("Not yet")),
        ),
        rows=tuple((uid, line.what, line.state, line.asked_at, line.ended_at) for uid, line in asked),
        empty=phrase("Nothing yet, or no MDM manages these phones."),
    )


def whose(line: PhoneLine, *, cleared: bool) -> Section:
    """Whose a phone is and of what kind, as far as the reader may know."""
    rows: list[Row] = [
        (phrase("Kind"), PLATFORMS[line.platform]),
        (phrase("Use"), DEVICE_USES[line.use] if line.use else None),
        (phrase("The organisation's"), _yes(line.owned)),
        (phrase("Supervised"), _yes(line.supervised)),
        (phrase("User enrolment"), _yes(line.user_enrolled)),
        (phrase("Compliant"), _yes(line.compliant)),
    ]
    if cleared:
        rows = [(phrase("Worker"), line.worker), (phrase("Phone"), line.device), *rows]
    return Section(
        "whose",
        phrase("The phone"),
        columns=(
            Column("what", phrase("What")),
            Column("value", phrase("Value"), blank=phrase("Not known")),
        ),
        rows=tuple(rows),
        notes=() if line.seen_at is None else (phrase("Last check-in with the MDM: {at}.", at=line.seen_at),),
    )


def _yes(holds: bool | None) -> Text | None:
    return None if holds is None else phrase("Yes") if holds else phrase("No")


def _why(because: str) -> Text | None:
    return Text(because) if because else None
