"""The letter to a client who asked whether their number is gone, in plain words; as parts for a page, or as a text.

There are three: it is needed; something is gone; we say nothing. The last is the same whoever asks and whatever the
reason, word for word. No letter holds the number, a name, a case or a worker.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from server.core.model import Level
from server.core.reports.client_answer import ClientAnswer, StoreAnswer, ToldClient
from server.core.text import Text, phrase
from server.render.words import Words

WIDE = 78

_TITLE = phrase("Your question about your number or address")
_NEEDED = (
    phrase("We still need your number or address."),
    phrase(
        "A file of yours is open with us, or we keep in touch with you after it. As long as that is so, your number or "
        "address can stand on the phones of the people who work with you. It is taken off again when they no longer "
        "need it."
    ),
)
_GONE = phrase("This is what we can say of the contact lists on our servers, from which our work phones get theirs:")
_SOME_LEFT = phrase(
    "Where it says that we cannot say anything, it was mostly never there. It can also be that we cannot read a list "
    "just now, that something is not finished, or that a rule wants it to stay for some time. We write the same in all "
    "these cases."
)
_NEITHER = (
    phrase("We cannot tell you whether it does."),
    phrase(
        "We give this answer whenever we cannot say something for certain, and always in these words: to people whose "
        "number we do not know, where it is not sure who asks, where a list cannot be read just now, where something "
        "is not finished, or where a rule wants a number to stay for some time. So it does not mean that we know you "
        "or your number, and it does not mean that we do not."
    ),
    phrase("We do so for people's safety: an answer to the wrong person can bring somebody into danger."),
)
_HOW: Mapping[bool, Text] = {
    False: phrase("It was removed. After that all contact lists there were read in full, and it was in none of them."),
    True: phrase(
        "It was removed. After that all contact lists there were read in full, and it was in none of them. The phone "
        "concerned has fetched its contacts again since."
    ),
}
_ALWAYS = (
    phrase(
        "What we cannot see: what a phone keeps by itself, such as its own contact list, calls, messages and apps. "
        "Your details can also stand in a file; this letter is not about that."
    ),
    phrase(
        "You can ask again at any time. You can also ask which data we have of you, or ask us to erase them (articles "
        "15 and 17 of the GDPR); this letter does not answer such a request."
    ),
    phrase(
        "Do you not agree with this answer? Then you can turn to our data protection officer, to the Dutch data "
        "protection authority (Autoriteit Persoonsgegevens) or to a court."
    ),
)


@dataclass(frozen=True, slots=True)
class ClientLetter:
    """A letter in one language. items: a store and what is said of it."""

    language: str
    title: str
    before: tuple[str, ...]
    items: tuple[tuple[str, str], ...]
    after: tuple[str, ...]
    reference: str


def letter_of(
    answer: ClientAnswer, words: Words, brands: Mapping[str, str], *, organisation: str, on: date, uid: str
) -> ClientLetter:
    """The letter. brands: what people call each store; uid: the reference of the question."""
    say = words.say
    opening = phrase(
        "You asked {organisation} whether your telephone number or e-mail address still stands in the contact lists of "
        "our work phones. This is our answer of {day}.",
        organisation=organisation,
        day=on,
    )
    body = {ToldClient.NEEDED: _NEEDED, ToldClient.GONE: (_GONE,), ToldClient.NEITHER: _NEITHER}[answer.told]
    gone = answer.told is ToldClient.GONE
    left = gone and any(each.told is ToldClient.NEITHER for each in answer.stores)
    return ClientLetter(
        words.language,
        say(_TITLE),
        tuple(map(say, (opening, *body))),
        tuple((brands.get(each.store, each.store), _of_store(each, words)) for each in answer.stores if gone),
        tuple(map(say, (*((_SOME_LEFT,) if left else ()), *_receipts(answer), *_ALWAYS))),
        say(phrase("Reference: {uid}", uid=uid)),
    )


def _of_store(store: StoreAnswer, words: Words) -> str:
    if store.told is not ToldClient.GONE or store.on is None:
        return words.say(phrase("we cannot say anything."))
    further = store.level not in (None, Level.ORDERED, Level.STORE_REMOVED)
    since = words.say(phrase("gone, known since {day}.", day=store.on))
    return f"{since} {words.say(_HOW[further])}"


def _receipts(answer: ClientAnswer) -> Sequence[Text]:
    ids = tuple(each for store in answer.stores for each in store.receipts)
    if not ids:
        return ()
    return (
        phrase(
            "You can ask for a receipt of it, which anybody can check without asking us. Its number: {ids}.",
            ids=", ".join(ids),
        ),
    )


def as_text(letter: ClientLetter) -> str:
    """The same as a plain text, for a letter paper of one's own."""
    blocks = [letter.title, *map(_wrapped, letter.before)]
    blocks += [textwrap.fill(f"- {store}: {said}", WIDE, subsequent_indent="  ") for store, said in letter.items]
    blocks += [*map(_wrapped, letter.after), letter.reference]
    return "\n\n".join(blocks) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDE)
