"""Answers of `closeout receipt`: what was issued, and what receipts are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from server.core.log.receipts import TOLD, ProvenRemoval, ReceiptFault
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import Reason
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.work.reports.receipts import Issued, WantedReceipts

FAULTS: Mapping[ReceiptFault, Text] = {
    ReceiptFault.NOT_A_RECEIPT: phrase("It is no receipt, or it was changed."),
    ReceiptFault.NOT_OF_THIS_LOG: phrase("Its checkpoint is not signed by the key that was given."),
    ReceiptFault.HEAD_CHANGED: phrase("Its checkpoint was changed after it was signed."),
    ReceiptFault.NOT_IN_LOG: phrase("What it shows is not in the log that its checkpoint was signed for."),
    ReceiptFault.NO_REMOVAL: phrase("What it shows is no proof of one removal."),
    ReceiptFault.WORDS_CHANGED: phrase("Its words are not those that are in the log."),
    ReceiptFault.COSIGNATURE_FALSE: phrase("A signature in the name of a witness is not by that witness."),
    ReceiptFault.NOT_COSIGNED: phrase("Not enough of the witnesses given have cosigned its checkpoint."),
}


def issued(made: Issued, folder: Path, wanted: WantedReceipts, key: str) -> Answer:
    """How many receipts were written, and how others check them."""
    if not made.count:
        return Answer(
            ok=False,
            title=phrase("There is nothing to give a receipt of."),
            lines=(phrase("What is postponed, unknown or not verified yet has none."),),
            key="no_receipt",
        )
    lines = [phrase("Receipts: {count}. Entries of the checkpoint: {size}.", count=made.count,
                    size=made.size)]  # fmt: skip
    if wanted.sample is not None:
        lines.append(phrase("Drawn from {population} with the seed {seed}.", population=made.population,
                            seed=made.seed))  # fmt: skip
    return Answer(
        ok=True,
        title=phrase("The receipts are written into {folder}.", folder=str(folder)),
        lines=tuple(lines),
        what_next=(
            phrase("Elsewhere: closeout receipt verify FILE --key KEY, or python3 verify_receipt.py KEY FILE"),
            phrase("Public key of the log: {key}", key=key),
            phrase("Hand it over by two ways: whoever changes it on the way could show another log."),
        ),
        key="receipts_issued",
    )


def verified(
    found: Sequence[tuple[str, ProvenRemoval | ReceiptFault]],
    policy: WitnessPolicy,
    language: str,
    *,
    opened: bool | None = None,
) -> Answer:
    """What each receipt proves, or why it is not believed. opened: whether what opens one fitted; None: not given."""
    good = [each for _, each in found if isinstance(each, ProvenRemoval)]
    bad = [(name, FAULTS[each]) for name, each in found if isinstance(each, ReceiptFault)]
    sections = [
        Section("not_believed", phrase("Not accepted"), columns=(Column("file", phrase("File")),
                Column("fault", phrase("Why"))), rows=tuple(bad))] if bad else []  # fmt: skip
    if good:
        sections.append(_proven([(name, each) for name, each in found if isinstance(each, ProvenRemoval)]))
    whole = not bad and opened is not False
    return Answer(
        ok=whole,
        title=phrase("Receipts that prove a removal: {good} of {all}.", good=len(good), all=len(found)),
        lines=(*_said(good, language), *_beside(opened, policy)),
        sections=tuple(sections),
        key="receipts_proven" if whole else "receipts_not_proven",
    )


def _said(good: Sequence[ProvenRemoval], language: str) -> Sequence[Text]:
    """What the receipts say in words, each once: the very words that the log vouches for."""
    told = [each.statement[language][name] for each in good for name in TOLD]
    return [Text(what) for what in dict.fromkeys(told)]


def _beside(opened: bool | None, policy: WitnessPolicy) -> Sequence[Text]:
    lines = []
    if not policy.witnesses:
        lines.append(phrase("No witnesses were given: that the log shows everybody the same was not checked."))
    if opened is not None:
        lines.append(phrase("One of them is about the contact that was opened.") if opened
                     else phrase("None of them is about the contact that was opened."))  # fmt: skip
    return lines


def _proven(found: Sequence[tuple[str, ProvenRemoval]]) -> Section:
    rows: list[tuple[Value, ...]] = []
    for name, each in found:
        rows += [
            (name, at, level, _reason(each.rule), each.policy, ", ".join(each.cosigned), each.head.size)
            for level, at in each.levels
        ]
    return Section(
        "proven",
        phrase("Verified"),
        columns=(
            Column("file", phrase("File")),
            Column("at", phrase("When"), Kind.INSTANT),
            Column("level", phrase("How we know"), Kind.CODE),
            Column("rule", phrase("Why it had to go"), Kind.CODE),
            Column("policy", phrase("Policy")),
            Column("cosigned", phrase("Cosigned by")),
            Column("entries", phrase("Entries of the checkpoint"), Kind.COUNT),
        ),
        rows=tuple(rows),
    )


def _reason(rule: str) -> Value:
    """The rule as people are told it; of a later version its word."""
    with suppress(ValueError):
        return Reason(rule)
    return rule


def about(opens: bool, opening: Path | None) -> Answer:
    """Whether a receipt is about a contact."""
    if not opens:
        return Answer(ok=False, title=phrase("This receipt is about another contact."), key="other_contact")
    lines = () if opening is None else (
        phrase("What shows that to others lies in {file}: hand it only to those who may know whose contact it is.",
               file=opening.name),)  # fmt: skip
    return Answer(ok=True, title=phrase("This receipt is about that contact."), lines=lines, key="this_contact")
