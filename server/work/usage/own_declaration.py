"""A worker and their own declaration: what they sign, their figures before anybody else's eyes, what they say of them.

Nobody acts here for somebody else: every act takes the person who is signed in, and reaches their own devices alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.model import Role
from server.core.problems import EvidenceProblem, EvidenceRefusedError
from server.core.text import Period
from server.core.usage.declarations import DeclarationState, Evidence, SignedHow
from server.core.usage.evidence_rules import EvidenceRules, SignedText
from server.core.usage.model import Quantity
from server.store.admin import spells
from server.store.usage import declarations as store
from server.store.usage.months import month_of
from server.work.admin.access import Person
from server.work.context import Context
from server.work.usage import declaration_status, declarations
from server.work.usage.declaration_status import Paper

_TO_SIGN = frozenset(DeclarationState) - {DeclarationState.VALID, DeclarationState.NOT_COUNTERSIGNED}


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """One device of one's own: the paper, and what evidence says beside it over the last three whole months."""

    paper: Paper
    period: Period
    evidence: tuple[Evidence, ...]

    @property
    def to_sign(self) -> bool:
        """Whether a signature is asked for."""
        return self.paper.standing.state in _TO_SIGN


def read_own(context: Context, rules: EvidenceRules, person: Person) -> Sequence[OwnDevice] | None:
    """The devices of who is signed in, in order; None if no worker belongs to the account. That their figures were seen
    is remembered: from then on others may see them too.
    """
    if person.worker is None:
        return None
    with context.store.write() as connection:
        spells.note(connection, context.today())
    own = [each for each in declaration_status.read_papers(context, rules) if each.device.worker == person.worker]
    found = [OwnDevice(each, *declaration_status.own_evidence(context, rules, each.device.device)) for each in own]
    with context.store.write() as connection:
        for each in found:
            store.note_seen(connection, each.paper.device.device, person.worker, month_of(each.period.last))
    return found


def text_to_sign(context: Context, rules: EvidenceRules) -> SignedText | None:
    """The text in force today; None: there is none."""
    return rules.text_in_force(context.today())


def sign_own(context: Context, rules: EvidenceRules, person: Person, device: str, language: str, version: str) -> str:
    """Sign for a device of one's own, after signing in; returns the id.

    version: what the person read. If another text has come in force since, nothing is signed. Raises
    EvidenceRefusedError.
    """
    text = text_to_sign(context, rules)
    if text is None or text.version.version != version:
        raise EvidenceRefusedError(EvidenceProblem.UNKNOWN_TEXT)
    return declarations.sign(
        context,
        rules,
        Role.WORKER,
        device=_own(context, person, device),
        how=SignedHow.OWN_PAGE,
        language=language,
        worker=person.worker,
    )


def contest_own(context: Context, person: Person, device: str, quantity: Quantity | None, said: str) -> str:
    """Explain or contest a figure of one's own; it stands beside the outcome from now on. Returns the id."""
    return declarations.contest(context, Role.WORKER, _own(context, person, device), quantity, said)


def _own(context: Context, person: Person, device: str) -> str:
    with context.store.read() as connection:
        named = store.device_names(connection)
    if any(each.device_ref == device and each.worker == person.worker for each in named.values()):
        return device
    raise EvidenceRefusedError(EvidenceProblem.NOT_THE_HOLDER)
