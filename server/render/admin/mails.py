"""What we mail, as a closed set of letters; a letter says that something is there and where, and nothing about anybody.

No letter has a parameter besides the address of a page of ours: what is not in the words below cannot be in a mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.core.text import Text, phrase
from server.render.words import Words

_PAGE = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9_-]+)*/?")


class LetterKind(StrEnum):
    """Everything that we ever mail."""

    REPORT_READY = "report_ready"
    DECLARATION_TO_SIGN = "declaration_to_sign"
    DECLARATION_RUNS_OUT = "declaration_runs_out"
    DECLARATIONS_DUE = "declarations_due"
    """To whoever keeps the register: some declarations ask for attention."""
    STATEMENT_ASKED = "statement_asked"
    """To a worker: a question on their own page waits for an answer."""


_LETTERS: Mapping[LetterKind, tuple[Text, Text]] = {
    LetterKind.REPORT_READY: (
        phrase("A report is ready"),
        phrase("A report that is made at fixed times is ready for you."),
    ),
    LetterKind.DECLARATION_TO_SIGN: (
        phrase("Please read and sign the declaration for your work phone"),
        phrase("There is no signed declaration for your work phone yet. Reading and signing it takes a minute."),
    ),
    LetterKind.DECLARATION_RUNS_OUT: (
        phrase("Your declaration for your work phone runs out soon"),
        phrase("Please read and sign it again. It takes a minute."),
    ),
    LetterKind.DECLARATIONS_DUE: (
        phrase("Some declarations ask for attention"),
        phrase("In the register of declarations something needs your attention."),
    ),
    LetterKind.STATEMENT_ASKED: (
        phrase("A question about your work phone is waiting"),
        phrase("On your own page is a question about your work phone that you have not answered yet."),
    ),
}
"""Subject and first sentence of each."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail without a recipient, in one language. Made by `write_letter` only."""

    subject: str
    body: str
    language: str


def write_letter(kind: LetterKind, words: Words, page: str) -> Letter:
    """The letter, with the page where the rest is. ValueError: that is no plain address."""
    if _PAGE.fullmatch(page) is None:
        raise ValueError("a letter names a page by its plain address")
    subject, first = (words.say(each) for each in _LETTERS[kind])
    lines = (
        first,
        words.say(phrase("You find it here, after signing in:")),
        page,
        words.say(phrase("This mail holds no details about anybody, and none can be sent back: answers are not read.")),
    )
    return Letter(subject, "\n\n".join(lines) + "\n", words.language)
