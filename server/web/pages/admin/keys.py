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
        phrase("Nothing is recognised any more: take in the register anew and look at every place again."),
    ),
    KeyUse.SEALING: (
        phrase("Seals what is kept of cards, reports and codes"),
        phrase(
            "Reports made before cannot be opened, local accounts need new codes, and every place is looked at anew."
        ),
    ),
    KeyUse.SIGNING: (
        phrase("Signs the head of the log"),
        phrase(
            "What was signed stays checkable with the public key; new heads need a new key, which the log must say."
        ),
    ),
}
_KEEP: tuple[tuple[Text, Text, Text], ...] = (
    (
        phrase("The database"),
        phrase("Every day"),
        phrase("It holds tokens, orders, proofs and the log. Without the keys a copy of it says little."),
    ),
    (
        phrase("The three keys"),
        phrase("Once, and after each change"),
        phrase("Apart from the database and under other hands: whoever has both can work out who is in it."),
    ),
    (
        phrase("The file of signed heads"),
        phrase("Every day, where nobody can overwrite it"),
        phrase("By it alone it is seen that the end of the log was cut off."),
    ),
    (
        phrase("The policy, the rules about evidence, the channels and the settings"),
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
        paragraphs=(phrase("A print tells nothing of its key. After a restore the same prints must stand here."),),
        columns=(
            Column("use", phrase("What it does")),
            Column("print", phrase("Print")),
            Column("loss", phrase("If it is lost")),
        ),
        rows=tuple(
            (USES[each.use][0], _grouped(each.print), USES[each.use][1]) for each in keys.read_prints(at.context)
        ),
        notes=(phrase("Where the key files lie stands in the settings: closeout doctor --settings"),),
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
        notes=(
            phrase("How to make a copy and how to restore one stands in the manual of deploy/. Try it twice a year."),
        ),
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
