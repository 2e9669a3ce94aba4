"""The evidence file: text to rules about declarations, channels and disclosure; no file is opened here, no clock asked.

One file says what an organisation decided about evidence of use. The texts that workers sign are files of their own
(`server.core.usage.declaration_text`) and are put beside it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, ValidationError

from server.core.policy.document import PolicyFault
from server.core.policy.faults import Remark, tell_form, tell_value
from server.core.policy.schema import Day, Part, Slug
from server.core.policy.yaml_lines import read_lines
from server.core.usage.channels import ChannelRules, Corridor
from server.core.usage.declaration_text import DeclarationText
from server.core.usage.declarations import DeclarationRules, TextVersion
from server.core.usage.intervals import Sampling
from server.core.usage.model import COUNTED_IN, Confidence, Counterparty, Quantity

_LOOSE = Field(strict=False)
_Part = Annotated[float, Field(ge=0, le=1)]


class _Head(Part):
    name: Slug
    version: str = Field(min_length=1, max_length=20)
    dated: Day
    review_on: Day


class _Declarations(Part):
    quantities: list[Annotated[Quantity, _LOOSE]] = Field(min_length=1)
    accepted: list[Annotated[Confidence, _LOOSE]] = Field(min_length=1)
    threshold: float = Field(gt=0, lt=1)
    widest_interval: float = Field(default=0.20, gt=0, le=1)
    min_days: int = Field(ge=1, le=366)
    min_volume: dict[Annotated[Quantity, _LOOSE], int]
    max_absence_days: int = Field(ge=0, le=366)
    validity_months: int = Field(ge=1, le=120)
    reminders_before: list[int]
    reminders_after: list[int]
    countersigned: bool
    check_months: int = Field(ge=1, le=60)
    conversation_months: int = Field(ge=1, le=60)
    worker_first_days: int = Field(default=14, ge=0, le=366)


class _Sampling(Part):
    z: float = Field(ge=0, le=10)
    design_effect: float = Field(ge=1, le=1000)


class _CorridorPart(Part):
    low: _Part
    high: _Part


class _Channels(Part):
    corridors: dict[Annotated[Counterparty, _LOOSE], _CorridorPart] = Field(default={})
    min_change: _Part
    max_coverage_change: _Part


class _ClientContacts(Part):
    """Contacts for which no reason is known. consent: where the works council's consent to looking is kept."""

    consent: str | None
    grace_days: int = Field(ge=0, le=366)
    reopening_days: int = Field(ge=0, le=366)
    first_planned_months: int = Field(ge=1, le=24)


class _Disclosure(Part):
    smallest_group: int = Field(ge=2, le=1000)


class _File(Part):
    evidence: _Head
    declarations: _Declarations
    sampling: _Sampling
    channels: _Channels
    client_contacts: _ClientContacts
    disclosure: _Disclosure


@dataclass(frozen=True, slots=True)
class SignedText:
    """A version of the text in both languages: title, an empty line and body, whose digest is what was signed."""

    version: TextVersion
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EvidenceRules:
    """All that the file decided. smallest_group: figures about fewer people are withheld. first_planned_months: how
    long after its beginning the first planned contact of the monitoring phase is. worker_first_days: for so long after
    the end of a month nobody but the worker sees figures of it, unless the worker has seen them.
    """

    version: str
    declarations: DeclarationRules
    channels: ChannelRules
    smallest_group: int
    first_planned_months: int
    worker_first_days: int
    texts: tuple[SignedText, ...]

    def text_in_force(self, day: date) -> SignedText | None:
        """The newest text that may be signed on that day."""
        valid = [
            each
            for each in self.texts
            if each.version.valid_from <= day
            and (each.version.obsolete_from is None or day < each.version.obsolete_from)
        ]
        return max(valid, key=lambda each: each.version.valid_from, default=None)


@dataclass(frozen=True, slots=True)
class CheckedEvidence:
    """What an evidence file came to: the rules, or None and all faults in the order of the file."""

    rules: EvidenceRules | None
    faults: tuple[PolicyFault, ...]


def signed_texts(texts: Iterable[DeclarationText]) -> tuple[SignedText, ...]:
    """Sound texts, in any order, as versions with their languages."""
    versions: dict[str, TextVersion] = {}
    words: dict[str, dict[str, str]] = {}
    for text in texts:
        versions[text.version.version] = text.version
        words.setdefault(text.version.version, {})[text.language.value] = f"{text.title}\n\n{text.body}"
    return tuple(SignedText(versions[each], words[each]) for each in sorted(versions))


def check_evidence(text: str, file: str, texts: Iterable[DeclarationText] = ()) -> CheckedEvidence:
    """The rules from their text. file: base name, for faults. texts: those to sign, sound and complete.

    Nothing is raised: all faults come back at once.
    """
    lines = read_lines(text)
    told = [(fault.line, tell_form(fault)) for fault in lines.faults]
    content: _File | None = None
    if lines.readable:
        try:
            content = _File.model_validate(lines.value)
        except ValidationError as error:
            remarks: list[Remark] = [tell_value(each) for each in error.errors(include_url=False)]
            told += [(lines.line(remark.where), remark) for remark in remarks]
    faults = [
        PolicyFault(file, line, ".".join(map(str, remark.where)), remark.problem, remark.fix) for line, remark in told
    ]
    return CheckedEvidence(None if faults or content is None else _build(content, texts), tuple(faults))


def _build(content: _File, texts: Iterable[DeclarationText]) -> EvidenceRules:
    version = f"{content.evidence.name} {content.evidence.version}"
    said = content.declarations
    sampling = Sampling(Decimal(str(content.sampling.z)), Decimal(str(content.sampling.design_effect)))
    contacts = content.client_contacts
    return EvidenceRules(
        version=version,
        declarations=DeclarationRules(
            version=version,
            quantities=frozenset(said.quantities),
            accepted=frozenset(said.accepted),
            min_days=said.min_days,
            min_volume={
                quantity: said.min_volume.get(quantity, 1) * COUNTED_IN[quantity] for quantity in said.quantities
            },
            max_absence_days=said.max_absence_days,
            sampling=sampling,
            validity_months=said.validity_months,
            reminders_before=tuple(said.reminders_before),
            reminders_after=tuple(said.reminders_after),
            countersigned=said.countersigned,
            check_months=said.check_months,
            conversation_months=said.conversation_months,
            threshold=Decimal(str(said.threshold)),
            widest=Decimal(str(said.widest_interval)),
        ),
        channels=ChannelRules(
            version=version,
            corridors={
                party: Corridor(Decimal(str(each.low)), Decimal(str(each.high)))
                for party, each in content.channels.corridors.items()
            },
            min_change=Decimal(str(content.channels.min_change)),
            max_coverage_change=Decimal(str(content.channels.max_coverage_change)),
            sampling=sampling,
            consent=contacts.consent,
            grace_days=contacts.grace_days,
            reopening_days=contacts.reopening_days,
        ),
        smallest_group=content.disclosure.smallest_group,
        first_planned_months=contacts.first_planned_months,
        worker_first_days=said.worker_first_days,
        texts=signed_texts(texts),
    )
