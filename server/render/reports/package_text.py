"""The page of words that lies in every evidence package, in both languages: what is in it, and how it is checked."""

from __future__ import annotations

from server.core.log.packages import ANSWERS, CUSTODY, ENTRIES, HEAD, MANIFEST, OPENINGS, RECEIPTS, REPORTS, STAMP
from server.core.text import Text, phrase
from server.render.words import Words

LANGUAGES = ("en", "nl")
_CHECK = (
    phrase("Believe nothing in here before it is checked. Get two things by another way than this package: the program "
           "verify_package.py with verify_receipt.py beside it, and the public key of the organisation's log."),
    phrase("Then, with Python 3.8 or newer: python3 verify_package.py KEY package.zip"),
)  # fmt: skip
_FILES = (
    (MANIFEST, phrase("for whom it is, on what legal basis and why; every other file with its SHA-256; signed with the "
                      "key of the log")),
    (STAMP, phrase("the answer of a time-stamp authority (RFC 3161) about manifest.json, if one was asked: openssl ts "
                   "-verify -in manifest.tsr -data manifest.json -CAfile AUTHORITY")),
    (HEAD, phrase("the signed checkpoint of the log that all is proven against, with witnesses' signatures")),
    (ENTRIES, phrase("lines of the log with their audit paths. A line of the kind restricted shows nothing, and is "
                     "nothing out of the ordinary: somebody reading a report makes one")),
    (CUSTODY, phrase("who asked for this package and who confirmed it, by role, when, and in which line of the log")),
    (RECEIPTS, phrase("receipts of verified removals; of what has none nothing follows")),
    (REPORTS, phrase("reports as they were made, and the same to be read")),
)  # fmt: skip
_FILES_OF_RESTRICTED = (
    (OPENINGS, phrase("what stands behind some of the restricted lines, and the keys that prove it")),
    (ANSWERS, phrase("answers of inquiries, signed")),
)
_RESTRICTED = phrase(
    "This package may hold what nobody else in the organisation is told. Do not speak of it to those it concerns, nor "
    "to others there than those who handed it over."
)
_WITHIN = phrase("What is in it:")
_HANDED_ON = phrase("Write down each time you hand it on: to whom, by whom, when, and the SHA-256 of the file.")


def read_me(*, restricted: bool) -> str:
    """The text, in both languages."""
    return "\n".join(_in(Words(language), restricted=restricted) for language in LANGUAGES)


def _in(words: Words, *, restricted: bool) -> str:
    files = (*_FILES, *(_FILES_OF_RESTRICTED if restricted else ()))
    first: tuple[Text, ...] = (*_CHECK, *((_RESTRICTED,) if restricted else ()), _WITHIN)
    lines = [words.say(each) for each in first]
    lines += [f"  {name}: {words.say(told)}" for name, told in files]
    return "\n".join([*lines, words.say(_HANDED_ON), ""])
