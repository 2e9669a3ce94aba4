"""What acts about profiles came to, as answers: sentences and tables, no act; nothing that is in a profile is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdm_adapters.phones import AskState, ProfileKind
from server.core.phones.asks import AskStanding
from server.core.policy.document import PolicyFault
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.phone_words import ASK_STANDINGS
from server.work.context import Context
from server.work.phones import profiles
from server.work.phones.profiles import ProfileLack, Pushed, Shelf

LACKS: Mapping[ProfileLack, Text] = {
    ProfileLack.NOT_ASSIGNED: phrase("profiles.yaml gives no such profile to phones of this MDM."),
    ProfileLack.NO_VALUES: phrase("A value that all phones share is not filled in, in profiles.yaml."),
    ProfileLack.NOTHING_OF_ITS_OWN: phrase("The file of phones has no line with all that this phone needs."),
}
"""Why there is no profile for a phone, and where to mend it."""

KINDS: Mapping[ProfileKind, Text] = {
    ProfileKind.CONTACT_ACCOUNT: phrase("Managed contacts account"),
    ProfileKind.PROTECTION: phrase("Restrictions"),
}

_STATES: Mapping[AskState, AskStanding] = {
    AskState.ACCEPTED: AskStanding.ACCEPTED,
    AskState.WAITING: AskStanding.WAITING,
    AskState.DONE: AskStanding.DONE,
    AskState.FAILED: AskStanding.FAILED,
    AskState.UNKNOWN: AskStanding.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class ProfileReach:
    """A kind of profile at a manager: of how many phones it can be made, and of how many not, by why."""

    connection: str
    kind: ProfileKind
    made: int
    lacks: Counter[ProfileLack]


def reach(context: Context, shelf: Shelf) -> Sequence[ProfileReach]:
    """For how many phones the profiles can be made."""
    found = []
    for name in sorted({each.connection for each in shelf.assignments}):
        known = profiles.known_phones(context, name, ())
        for kind in ProfileKind:
            made = [shelf.made_for(name, kind, each.phone, each.uid) for each in known]
            lacks = Counter(each for each in made if isinstance(each, ProfileLack))
            found.append(ProfileReach(name, kind, len(made) - lacks.total(), lacks))
    return found


def reached(rows: Sequence[ProfileReach]) -> Answer:
    """After `profile check` without a file, all being sound."""
    section = Section(
        "profiles",
        phrase("Phones for which a profile can be made"),
        columns=(
            Column("connection", phrase("Connection")),
            Column("profile", phrase("Profile")),
            Column("phones", phrase("Phones"), Kind.COUNT),
            Column("not", phrase("Not"), Kind.COUNT),
            Column("why", phrase("Why not")),
        ),
        rows=tuple(
            (
                row.connection,
                KINDS[row.kind],
                row.made,
                row.lacks.total(),
                LACKS[row.lacks.most_common(1)[0][0]] if row.lacks else None,
            )
            for row in rows
        ),
        empty=phrase("No profile is given to phones of any MDM."),
    )
    return Answer(ok=True, title=phrase("The profiles are valid."), sections=(section,), key="profiles_sound")


def template_checked(file: str, faults: Sequence[PolicyFault]) -> Answer:
    """After `profile check`: every fault, with line and fix."""
    if not faults:
        return Answer(ok=True, title=phrase("This profile is valid: {file}", file=file), key="profile_sound")
    section = Section(
        "faults",
        phrase("Faults"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("where", phrase("Where")),
            Column("problem", phrase("What")),
            Column("fix", phrase("What to do")),
        ),
        rows=tuple((each.file, each.line, each.where, each.problem, each.fix) for each in faults),
    )
    title = phrase(
        "A profile cannot be used: {count} fault.", many="A profile cannot be used: {count} faults.", count=len(faults)
    )
    return Answer(ok=False, title=title, sections=(section,), key="profile_faults")


def rendered(files: Sequence[str]) -> Answer:
    """After `profile render`."""
    return Answer(
        ok=True,
        title=phrase("Written: {files}", files=", ".join(files)),
        lines=(phrase("It may hold a password of this phone. Remove it once you have looked at it."),),
        key="profile_rendered",
    )


def pushed(result: Pushed, count: int, *, missing: int) -> Answer:
    """After `profile push`: counts of phones, and what is to be mended."""
    section = Section(
        "pushed",
        phrase("Phones by how far it came"),
        columns=(
            Column("state", phrase("How far")),
            Column("phones", phrase("Phones"), Kind.COUNT),
        ),
        rows=(
            *((ASK_STANDINGS[_STATES[state]], number) for state, number in sorted(result.states.items())),
            *((LACKS[lack], number) for lack, number in sorted(result.lacks.items())),
        ),
        empty=phrase("No phone of that MDM may be asked anything."),
    )
    faults = Section(
        "faults",
        phrase("What went wrong"),
        columns=(Column("advice", phrase("What to do"), Kind.ADVICE), Column("phones", phrase("Phones"), Kind.COUNT)),
        rows=tuple(sorted(result.faults.items())),
    )
    lines = [phrase("Pending is not done: the phone reports on it later. See: closeout device show")]
    if missing > 0:
        lines.append(phrase("Phones that are not known here, or are without DPIA and consent: {count}", count=missing))
    good = not result.faults and not result.lacks and missing <= 0
    return Answer(
        ok=good,
        title=phrase(
            "Profiles sent to {count} phone.",
            many="Profiles sent to {count} phones.",
            count=count - result.lacks.total(),
        ),
        lines=tuple(lines),
        sections=(section, *((faults,) if result.faults else ())),
        key="profiles_pushed",
    )
