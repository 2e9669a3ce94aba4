"""Keys and backups: which keys there are, how a copy is known again, what to keep where, and what its loss costs."""

from __future__ import annotations

from collections.abc import Mapping

from flask.typing import ResponseReturnValue

from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.web.request import fill, here
from server.work.admin import keys
from server.work.admin.keys import KeyUse
from server.work.reports import health

USES: Mapping[KeyUse, tuple[Text, Text]] = {
    KeyUse.IDENTIFIER: (
        phrase("Recognises contacts"),
        phrase("Nothing is recognised any more: import the register again and read every address book again."),
    ),
    KeyUse.SEALING: (
        phrase("Seals what is kept of cards, reports and codes"),
        phrase(
            "Reports made before cannot be opened, local accounts need new codes, and every address book is read again."
        ),
    ),
    KeyUse.SIGNING: (
        phrase("Signs the checkpoints of the log"),
        phrase(
            "What was signed can still be verified with the public key; new checkpoints need a new key, "
            "which the log must record."
        ),
    ),
}
_KEEP: tuple[tuple[Text, Text, Text], ...] = (
    (
        phrase("The database"),
        phrase("Every day"),
        phrase(
            "It holds pseudonyms, orders, verified removals and the log. Without the keys a copy of it says little."
        ),
    ),
    (
        phrase("The three keys"),
        phrase("Once, and after each change"),
        phrase("Keep them apart from the database, with somebody else: whoever has both can find out who is in it."),
    ),
    (
        phrase("The file of signed checkpoints"),
        phrase("Every day, where nobody can overwrite it"),
        phrase("Only this file shows that the end of the log was cut off."),
    ),
    (
        phrase("The policy, the rules for usage data, the channels and the settings"),
        phrase("After each change"),
        phrase("They say what was decided, and why."),
    ),
    (
        phrase("The passwords of connections"),
        phrase("Not at all"),
        phrase("Type them again after a restore: a copy would be one more place to lose them."),
    ),
)


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    prints = Section(
        "keys",
        phrase("Keys in use"),
        paragraphs=(
            phrase("A fingerprint does not reveal its key. After a restore you must see the same fingerprints here."),
        ),
        columns=(
            Column("use", phrase("What it does")),
            Column("print", phrase("Fingerprint")),
            Column("loss", phrase("If it is lost")),
        ),
        rows=tuple(
            (USES[each.use][0], _grouped(each.print), USES[each.use][1]) for each in keys.read_prints(at.context)
        ),
        notes=(phrase("Where the key files are is in the settings: closeout doctor --settings"),),
    )
    backups = Section(
        "backups",
        phrase("What to keep, and how"),
        columns=(
            Column("what", phrase("What")),
            Column("when", phrase("When")),
            Column("why", phrase("What to know")),
        ),
        rows=_KEEP,
        notes=(phrase("How to make a copy and how to restore one is in the manual in deploy/. Try it twice a year."),),
    )
    standing = health.log_standing(at.context)
    return fill(
        "keys.html",
        phrase("Keys and backups"),
        fits=Mark.YES if keys.fits(at.context) else Mark.NO,
        standing=standing,
        prints=prints,
        backups=backups,
        CODE=Kind.CODE,
    )


def _grouped(digits: str) -> str:
    """In fours, as people compare them."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
