"""Profiles for phones: rendered for each with what it has of its own, pushed on order; no wording, no SQL.

What is pushed is never kept: a profile may hold a phone's password, and is made anew from its files each time. The
same profile has the same command, so that a push that was cut off is taken up and not done twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from mdm_adapters.phones import AskState, Phone, PhoneCapability, PhoneProfile, ProfileKind
from mdm_adapters.port import Fault, Support
from server.core.log.entries import EntryKind
from server.core.model import Role
from server.core.phones.profile import Assigned, BlankOwner, Template, render
from server.store import log
from server.store.phones import managed
from server.store.phones.managed import KnownPhone
from server.work.context import Context


class ProfileLack(StrEnum):
    """Why there is no profile for a phone."""

    NOT_ASSIGNED = "not_assigned"
    """No profile of that kind is given to phones of this connection and platform."""
    NO_VALUES = "no_values"
    """What all phones have in common is not filled in."""
    NOTHING_OF_ITS_OWN = "nothing_of_its_own"
    """The file of phones has no line with all that this phone needs."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The profiles of an installation. templates: by the name that assignments use. owns: what each phone of a file
    has of its own, by our id of the phone or its manager's.
    """

    assignments: Sequence[Assigned]
    templates: Mapping[str, Template]
    owns: Callable[[str], Mapping[str, Mapping[str, str]]] = field(repr=False)
    language: str = "en"

    def made_for(
        self, connection: str, kind: ProfileKind, phone: Phone, uid: str
    ) -> Sequence[PhoneProfile] | ProfileLack:
        """The profiles of this kind for a phone, or why there is none."""
        found = [
            (each, self.templates[each.template])
            for each in self.assignments
            if each.connection == connection and each.template in self.templates
        ]
        fitting = [
            (each, template)
            for each, template in found
            if template.head.kind is kind and template.head.platform is phone.platform
        ]
        if not fitting:
            return ProfileLack.NOT_ASSIGNED
        made = [self._made(each, template, phone, uid) for each, template in fitting]
        lacking = [each for each in made if isinstance(each, ProfileLack)]
        return lacking[0] if lacking else [each for each in made if isinstance(each, PhoneProfile)]

    def _made(self, assigned: Assigned, template: Template, phone: Phone, uid: str) -> PhoneProfile | ProfileLack:
        if template.lacks(assigned.values, BlankOwner.ALL):
            return ProfileLack.NO_VALUES
        owns = self.owns(assigned.phones) if assigned.phones else {}
        own = owns.get(uid.lower()) or owns.get(phone.ref.lower()) or {}
        if template.lacks(own, BlankOwner.PHONE):
            return ProfileLack.NOTHING_OF_ITS_OWN
        values: dict[str, object] = {key: own[key] for key in own if key in template.blanks}
        common = {key for key, blank in template.blanks.items() if blank.of is BlankOwner.ALL}
        values |= {key: value for key, value in assigned.values.items() if key in common}
        return render(template, values, phone=uid, language=self.language)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What pushing came to: phones by how far it came, by why there was nothing to push, and the faults met."""

    states: Counter[AskState] = field(default_factory=Counter)
    lacks: Counter[ProfileLack] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)


def account_for(shelf: Shelf, connection: str, phone: Phone, uid: str) -> PhoneProfile | None:
    """The managed contacts account rendered for one phone; None: it cannot be rendered here."""
    made = shelf.made_for(connection, ProfileKind.CONTACT_ACCOUNT, phone, uid)
    return None if isinstance(made, ProfileLack) or not made else made[0]


def known_phones(context: Context, connection: str, uids: Sequence[str]) -> Sequence[KnownPhone]:
    """The phones of a connection that may be asked anything, or those of them with these ids."""
    with context.store.read() as reading:
        found = managed.askable_phones(reading, context.keys.sealer, connection, context.today())
    return [each for each in found if not uids or each.uid in uids]


def can_push(context: Context, connection: str) -> bool:
    """Whether the manager puts profiles on phones; False also if there is no such manager."""
    mdm = context.mdms.get(connection)
    return mdm is not None and mdm.capabilities()[PhoneCapability.PUSH_PROFILE].support is not Support.NO


def push(
    context: Context, shelf: Shelf, connection: str, kind: ProfileKind, found: Sequence[KnownPhone], role: Role
) -> Pushed:
    """Put the profiles of a kind on these phones. One after the other, each logged; a phone that fails stops none.

    An account that replaces one may make the phone drop what it has, so a phone under a hold is left waiting.
    """
    total = Pushed()
    mdm = context.mdms[connection]
    with context.store.read() as reading:
        held = managed.held_among(reading, [each.id for each in found]) if kind is ProfileKind.CONTACT_ACCOUNT else ()
    for at, each in enumerate(found):
        context.progress(at, len(found))
        made = shelf.made_for(connection, kind, each.phone, each.uid)
        if isinstance(made, ProfileLack):
            total.lacks[made] += 1
            continue
        for profile in made:
            state, fault = AskState.WAITING, None
            if each.id not in held:
                ask = mdm.push(each.phone, profile, _command(context, each, profile))
                state, fault = ask.state, None if ask.error is None else ask.error.fault
            total.states[state] += 1
            if fault is not None:
                total.faults[fault] += 1
            _note(context, each, state, fault, role)
    return total


def _command(context: Context, each: KnownPhone, profile: PhoneProfile) -> str:
    """The same for the same profile on the same phone; keyed, since a password may be in the profile."""
    text = f"{each.uid} {profile.identifier} {profile.body.hex()}"
    return str(UUID(bytes=context.keys.sealer.hash(text, "profile.command")[:16], version=4))


def _note(context: Context, each: KnownPhone, state: AskState, fault: Fault | None, role: Role) -> None:
    body = {
        "phone": each.uid,
        "what": "push",
        "outcome": state.value,
        "fault": None if fault is None else fault.value,
        "actor_role": role.value,
    }
    with context.store.write() as writing:
        log.append(writing, context.now(), [(EntryKind.PHONE_ASKED, body)])
