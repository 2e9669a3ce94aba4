"""A client asks whether their number is gone: the form for it, the answer as a letter, and that others asked before.

The number is in the form that is sent and nowhere else: no address, page, draft or cookie has it. The letter is made
again from what its page carries, sealed for the account, so that taking it as a file asks nothing a second time.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from flask import make_response, request
from flask.typing import ResponseReturnValue

from server.core.client_question_record import ASKS_A_DAY, ClientQuestion
from server.core.model import Level
from server.core.problems import ClientQuestionProblem, ClientQuestionRefusedError
from server.core.reports.client_answer import (
    ClientAnswer,
    IdentityCheck,
    SafeChannel,
    StoreAnswer,
    StoreRead,
    ToldClient,
)
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.core.workdays import local_day
from server.render import page_names
from server.render.admin.connections import own_words
from server.render.refusals import at_page
from server.render.reports.client_letter import ClientLetter, as_text, letter_of
from server.render.words import IDENTITY_CHECKS, SAFE_CHANNELS, Words
from server.store.seal import SealBrokenError
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import Here, fill, here
from server.work.reports import client_questions
from server.work.reports.client_questions import LONGEST_ABOUT, LONGEST_PEOPLE, AskedByClient

_LETTER_KEPT = timedelta(minutes=30)
_LONGEST_LETTER = 20_000
_NONE = Choice("", phrase("Choose one"))
"""Nothing is chosen for anybody: what is clicked through in a hurry would be a check that was not done."""
_CHECK = Input(
    "check",
    phrase("How you made sure who asks"),
    InputKind.CHOICE,
    choices=(_NONE, *(Choice(each.value, IDENTITY_CHECKS[each]) for each in IdentityCheck)),
    hint=phrase("Make no copy of a document and note no number of one. In doubt say so here: then nothing is told."),
)
_CHANNEL = Input(
    "channel",
    phrase("Safe channel for the answer"),
    InputKind.CHOICE,
    choices=(_NONE, *(Choice(each.value, SAFE_CHANNELS[each]) for each in SafeChannel)),
    hint=phrase("One that the case file calls safe, and not one that whoever asks proposes today."),
)
_PEOPLE = Input(
    "people",
    phrase("Who they are in which case"),
    InputKind.AREA,
    required=False,
    longest=LONGEST_PEOPLE,
    hint=phrase(
        "From the case file: one a line, the case number, a hyphen and the code of the person. All their cases, and "
        "those alone. Empty, if there is no file of them."
    ),
    example="100001-B",
)
_NUMBER = Input(
    "number",
    phrase("The number or address they ask about"),
    longest=LONGEST_ABOUT,
    hint=phrase("One telephone number or e-mail address. It is compared and kept nowhere."),
)
_LANGUAGE = Input(
    "language",
    phrase("Language of the letter"),
    InputKind.CHOICE,
    choices=(Choice("nl", "Nederlands"), Choice("en", "English")),
)
INPUTS = (_CHECK, _CHANNEL, _PEOPLE, _NUMBER, _LANGUAGE)


def show() -> ResponseReturnValue:
    """The form, and that others asked before."""
    return _page(EMPTY)


def ask() -> ResponseReturnValue:
    """Answer. Sent as a form, so that no link, reload or history asks by itself."""
    at = here()
    filled = read_form(request.form, INPUTS)
    shown = replace(filled, values={**filled.values, _NUMBER.name: ""})
    if not filled.sound:
        return _page(shown), 400
    values = filled.values
    asked = AskedByClient(
        values["number"], IdentityCheck(values["check"]), SafeChannel(values["channel"]), values["people"]
    )
    try:
        answered = client_questions.ask(at.context, at.signed_in, asked)
    except ClientQuestionRefusedError as refused:
        return _page(shown.with_fault(refused.field or "number", at_page(refused.problem))), 400
    letter = _letter(at, answered.answer, values["language"], answered.at, answered.uid)
    sealed = _seal(at, answered.answer, values["language"], answered.at, answered.uid)
    return fill("client_answer.html", phrase("Answer for a client"), letter=letter, sealed=sealed)


def take() -> ResponseReturnValue:
    """The letter of an answer as a file."""
    at = here()
    letter = _open(at, request.form.get("letter", ""))
    if letter is None:
        return _page(EMPTY, why=at_page(ClientQuestionProblem.LETTER_OVER)), 400
    sent = make_response(as_text(letter))
    sent.content_type = "text/plain; charset=utf-8"
    sent.headers["Content-Disposition"] = 'attachment; filename="letter.txt"'
    return sent


# --- the letter ---------------------------------------------------------------------------------------------------


def _letter(at: Here, answer: ClientAnswer, language: str, on: datetime, uid: str) -> ClientLetter:
    words = Words(language)
    return letter_of(
        answer,
        words,
        _brands(at, words),
        organisation=at.organisation.name,
        on=local_day(on),
        uid=uid,
    )


def _brands(at: Here, words: Words) -> Mapping[str, str]:
    return {name: words.say(own_words(kind.brand)) for name, kind in at.site.kinds.items()}


def _place(at: Here) -> str:
    return f"web.client_letter.{at.signed_in.uid}"


def _seal(at: Here, answer: ClientAnswer, language: str, on: datetime, uid: str) -> str:
    stores = [
        [each.store, each.told.value, each.on and each.on.isoformat(), each.level and each.level.value, each.receipts]
        for each in answer.stores
    ]
    text = json.dumps([on.isoformat(), language, uid, stores])
    return base64.urlsafe_b64encode(at.context.keys.sealer.seal(text, _place(at))).decode()


def _open(at: Here, sealed: str) -> ClientLetter | None:
    """The letter that this account had; None: it is none of theirs, or too old."""
    try:
        raw = base64.urlsafe_b64decode(sealed[:_LONGEST_LETTER])
        on, language, uid, stores = json.loads(at.context.keys.sealer.open(raw, _place(at)))
    except (SealBrokenError, binascii.Error, ValueError):
        return None
    asked_at = datetime.fromisoformat(on)
    if at.context.now() - asked_at > _LETTER_KEPT:
        return None
    answer = ClientAnswer(tuple(_store(*each) for each in stores))
    return _letter(at, answer, language, asked_at, uid)


def _store(store: str, told: str, day: str | None, level: str | None, receipts: Sequence[str]) -> StoreAnswer:
    on, how = day and date.fromisoformat(day), level and Level(level)
    return StoreAnswer(store, ToldClient(told), on or None, how or None, tuple(receipts))


# --- the page -----------------------------------------------------------------------------------------------------


def _page(filled: Filled, *, why: Text | None = None) -> str:
    at = here()
    rows: Sequence[ClientQuestion] = ()
    try:
        rows = client_questions.list_questions(at.context, at.signed_in)
    except ClientQuestionRefusedError as refused:
        why = at_page(refused.problem)
    return fill(
        "client_questions.html",
        page_names.CLIENT_QUESTIONS,
        why=why,
        at_work=client_questions.also_at_work(at.context, at.signed_in),
        inputs=INPUTS,
        filled=filled,
        stores=_stores(at, client_questions.readable_stores(at.context)),
        asked=_asked(rows, at.signed_in.uid),
        a_day=ASKS_A_DAY,
    )


def _stores(at: Here, stores: Sequence[StoreRead]) -> Section:
    brands = _brands(at, at.words)
    return Section(
        "stores",
        phrase("Of what something can be said now"),
        columns=(
            Column("store", phrase("Server")),
            Column("books", phrase("Address books"), Kind.COUNT),
            Column("unread", phrase("Cannot be read now"), Kind.COUNT),
        ),
        rows=tuple((brands.get(each.store, each.store), each.books, each.unread) for each in stores),
        notes=(
            phrase("As long as one address book of a server cannot be read, no number is told to be gone from it."),
        ),
        empty=phrase("No address books are connected yet."),
    )


def _asked(rows: Sequence[ClientQuestion], who: str) -> Section:
    return Section(
        "client-questions",
        phrase("Questions that were answered"),
        columns=(
            Column("at", phrase("When"), Kind.INSTANT),
            Column("reference", phrase("Reference")),
            Column("check", phrase("Who asked was made sure by"), Kind.CODE),
            Column("channel", phrase("Safe channel"), Kind.CODE),
            Column("own", phrase("Answered by you"), Kind.CODE),
        ),
        rows=tuple(
            (each.at, each.uid, each.check, each.channel, Mark.YES if each.by == who else Mark.NO) for each in rows
        ),
        notes=(phrase("Neither the number nor the answer is kept. Put the letter into the case file."),),
        empty=phrase("Nobody has asked yet."),
    )
