"""Answers of `closeout package`: what was asked for, made and handed over, and what a package is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from server.cli.answers.receipts import FAULTS as RECEIPT_FAULTS
from server.core.log.packages import BadPackageError, PackageFault
from server.core.log.receipts import TOLD
from server.core.model import Role
from server.core.package_record import Addressee, PackageBasis, PackageRequest, PackageStanding
from server.core.tables import Column, Kind, Section, Value
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.work.reports.packages import PackageMade, PackageRead

_FAULTS: Mapping[PackageFault, Text] = {
    PackageFault.NOT_A_PACKAGE: phrase("It is no evidence package, or it was changed."),
    PackageFault.UNSAFE: phrase("A file in it has a name, a size or a packing that no evidence package has."),
    PackageFault.NOT_OF_THIS_LOG: phrase("It is not signed by the key that was given."),
    PackageFault.MANIFEST_CHANGED: phrase("Its manifest was changed after it was signed."),
    PackageFault.FILES_DIFFER: phrase("A file is missing, is one too many, or is not what the manifest says."),
    PackageFault.HEAD_CHANGED: phrase("Its checkpoint was changed after it was signed."),
    PackageFault.COSIGNATURE_FALSE: phrase("A signature in the name of a witness is not by that witness."),
    PackageFault.NOT_COSIGNED: phrase("Not enough of the witnesses given have cosigned its checkpoint."),
    PackageFault.NOT_IN_LOG: phrase("What it shows is not in the log that its checkpoint was signed for."),
    PackageFault.OPENING_FALSE: phrase("What it shows behind a restricted line is not what stands there."),
    PackageFault.CUSTODY_FALSE: phrase("Who asked for it and who confirmed it is not what the log says."),
    PackageFault.REPORT_FALSE: phrase("A report is not the one that the log says was made."),
    PackageFault.RECEIPT_FALSE: phrase("A receipt in it proves nothing."),
    PackageFault.ANSWER_FALSE: phrase("An answer in it is not signed by the key that was given, or was changed."),
    PackageFault.STAMP_FALSE: phrase("Its time-stamp is of something else, or by an authority that was not given."),
    PackageFault.STAMP_MISSING: phrase("It has no time-stamp."),
}


def asked(request: PackageRequest) -> Answer:
    """What is to be done next, by whom."""
    return Answer(
        ok=True,
        title=phrase("The package is asked for: {id}", id=request.uid),
        lines=(phrase("It waits three days for the second person."),),
        what_next=(phrase("The second person: closeout --as ROLE package confirm ID --by ACCOUNT"),),
        key="package_asked",
    )


def listed(found: Sequence[tuple[PackageRequest, PackageStanding]]) -> Answer:
    """The requests of one person."""
    return Answer(
        ok=True,
        title=phrase("Evidence packages that you asked for or are to confirm: {count}.", count=len(found)),
        sections=(_requests(found),),
        key="packages",
    )


def _requests(found: Sequence[tuple[PackageRequest, PackageStanding]]) -> Section:
    return Section(
        "packages",
        phrase("Evidence packages"),
        columns=(
            Column("id", phrase("Id")),
            Column("at", phrase("Asked"), Kind.INSTANT),
            Column("addressee", phrase("Addressee"), Kind.CODE),
            Column("basis", phrase("Legal basis"), Kind.CODE),
            Column("standing", phrase("State"), Kind.CODE),
            Column("made", phrase("Made so often"), Kind.COUNT),
        ),
        rows=tuple(
            (each.uid, each.asked.at, Addressee(each.addressee), PackageBasis(each.basis), standing, len(each.made))
            for each, standing in found
        ),
        empty=phrase("None."),
    )


def shown(request: PackageRequest, standing: PackageStanding, *, cleared: bool) -> Answer:
    """One request. cleared: who reads it may see a case number."""
    return Answer(
        ok=True,
        title=phrase("Evidence package {id}", id=request.uid),
        lines=(
            phrase("What it is for: {purpose}", purpose=request.purpose),
            *_chosen(request, cleared=cleared),
            phrase("Sealed to the public keys: {keys}", keys=", ".join(request.recipients)),
        ),
        sections=(_requests([(request, standing)]),),
        key="package",
    )


def _chosen(request: PackageRequest, *, cleared: bool) -> Sequence[Text]:
    choice = request.choice
    lines = []
    if choice.ids:
        lines.append(phrase("Receipts of these codes: {codes}", codes=", ".join(choice.ids)))
    if choice.case is not None:
        lines.append(phrase("Receipts of one case: {case}", case=choice.case if cleared else "-"))
    if choice.sample is not None:
        lines.append(phrase("Receipts drawn from all: {count}, seed: {seed}", count=choice.sample,
                            seed=choice.seed or "-"))  # fmt: skip
    if choice.reports:
        lines.append(phrase("Reports: {ids}", ids=", ".join(choice.reports)))
    if choice.first is not None and choice.last is not None:
        lines.append(phrase("Lines of the log: {first} to {last}", first=choice.first, last=choice.last))
    if choice.opened:
        lines.append(phrase("Restricted lines that are opened: {lines}", lines=", ".join(map(str, choice.opened))))
    if choice.answers:
        lines.append(phrase("Signed answers of inquiries: {count}", count=len(choice.answers)))
    return lines


def confirmed(request: PackageRequest) -> Answer:
    """That it can be made now."""
    return Answer(
        ok=True,
        title=phrase("The package is confirmed: {id}", id=request.uid),
        what_next=(phrase("Within 30 days, either of you: closeout --as ROLE package make ID FOLDER --by ACCOUNT"),),
        key="package_confirmed",
    )


def refused() -> Answer:
    """That it cannot."""
    return Answer(ok=True, title=phrase("The package is refused or withdrawn; it is not made."), key="package_refused")


def made(package: PackageMade, key: str) -> Answer:
    """Where it is, by what it is known again, and how its addressee checks it."""
    told = package.manifest
    lines = [
        phrase("SHA-256: {digest}", digest=package.digest),
        phrase("SHA-256 of its manifest, the same each time: {digest}", digest=package.manifest_digest),
        phrase("Receipts: {count}. Entries of the checkpoint: {size}.", count=told.receipts, size=told.size),
        phrase("A time-stamp authority vouches for when.") if package.stamped
        else phrase("No time-stamp authority was asked."),
    ]  # fmt: skip
    return Answer(
        ok=True,
        title=phrase("The package is made: {file}", file=package.file.name),
        lines=tuple(lines),
        what_next=(
            phrase("There: closeout package verify FILE --key KEY, or age --decrypt and python3 verify_package.py"),
            phrase("Public key of the log: {key}", key=key),
            phrase("Hand it over by two ways: whoever changes it on the way could show another log."),
            phrase("Write down to whom you hand it, when and how, with the SHA-256 of the file."),
        ),
        key="package_made",
    )


def not_believed(bad: BadPackageError) -> Answer:
    """Why."""
    lines = [phrase("In the file: {file}", file=bad.member)] if bad.member else []
    if bad.receipt is not None:
        lines.append(RECEIPT_FAULTS[bad.receipt])
    return Answer(ok=False, title=_FAULTS[bad.fault], lines=tuple(lines), key=f"package_{bad.fault.value}")


def verified(found: PackageRead, language: str, *, witnesses: bool, folder: Path | None = None) -> Answer:
    """What a package that is believed holds. folder: where its files lie now."""
    package, told = found.package, found.package.manifest
    lines = [
        phrase("What it is for: {purpose}", purpose=told.purpose),
        phrase("Receipts that prove a removal: {good} of {all}.", good=len(found.removals), all=told.receipts),
        phrase("Lines of the log: {count}. Restricted ones that are opened: {opened}.", count=package.entries,
               opened=len(package.opened)),
        phrase("SHA-256 of its manifest, the same each time: {digest}", digest=package.digest),
    ]  # fmt: skip
    if told.population:
        lines.append(
            phrase("Drawn from {population} with the seed {seed}.", population=told.population, seed=told.seed)
        )
    said = [each.statement[language][name] for each in found.removals for name in TOLD]
    lines += [Text(what) for what in dict.fromkeys(said)]
    lines += _beside(found, witnesses=witnesses)
    if folder is not None:
        lines.append(phrase("Its files are written into {folder}.", folder=str(folder)))
    return Answer(
        ok=True,
        title=phrase("The package is what was signed, and all in it holds against the log."),
        lines=tuple(lines),
        sections=(_handled(found), *_opened(found), *_reports(found)),
        key="package_proven",
    )


def _beside(found: PackageRead, *, witnesses: bool) -> Sequence[Text]:
    lines = []
    if found.stamped_at is not None:
        lines.append(phrase("A time-stamp authority saw it at {moment}.", moment=found.stamped_at))
    elif found.has_stamp:
        lines.append(phrase("It has a time-stamp, which was not looked at: name its authority with --time-stamps."))
    if not witnesses:
        lines.append(phrase("No witnesses were given: that the log shows everybody the same was not checked."))
    if found.package.manifest.restricted:
        lines.append(phrase("It may hold what nobody else in the organisation is told. Do not speak of it to those it "
                            "concerns."))  # fmt: skip
    return lines


def _handled(found: PackageRead) -> Section:
    told = found.package.manifest
    rows = [(each.verb, _role(each.role), each.at, each.line) for each in found.package.custody]
    return Section(
        "custody",
        phrase("Who had it"),
        columns=(
            Column("verb", phrase("What was done")),
            Column("role", phrase("By"), Kind.CODE),
            Column("at", phrase("When")),
            Column("line", phrase("Line of the log"), Kind.COUNT),
        ),
        rows=tuple(rows),
        notes=(
            phrase("For: {addressee}. Legal basis: {basis}.", addressee=_known(Addressee, told.addressee),
                   basis=_known(PackageBasis, told.basis)),
        ),
    )  # fmt: skip


def _role(word: str) -> Value:
    return Role(word) if word in {*Role} else None


def _known(kind: type[StrEnum], word: str) -> str:
    """The member of a closed set; of a later version its word."""
    return kind(word) if word in {*kind} else word


def _opened(found: PackageRead) -> Sequence[Section]:
    if not found.package.opened:
        return ()
    rows = [(seq, body.partition("\nstate ")[0].strip()) for seq, body in found.package.opened]
    return (
        Section(
            "opened",
            phrase("What stands behind restricted lines"),
            columns=(Column("line", phrase("Line of the log"), Kind.COUNT), Column("said", phrase("It says"))),
            rows=tuple(rows),
        ),
    )


def _reports(found: PackageRead) -> Sequence[Section]:
    reports = found.package.manifest.reports
    if not reports:
        return ()
    blank = phrase("The log does not say that it was made.")
    return (
        Section(
            "reports",
            phrase("Reports as they were made"),
            columns=(
                Column("file", phrase("File")),
                Column("line", phrase("Line of the log"), Kind.COUNT, blank=blank),
            ),
            rows=tuple((each.name, each.line) for each in reports),
        ),
    )
