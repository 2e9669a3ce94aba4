"""A client asks whether their number is gone: that they asked is kept and logged, the number and the answer are not.

Every question costs the same statements and writes the same rows, whatever is known of the number and whether or not
there is a hold: neither is looked up before the question is written down.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mdm_adapters.port import Field, FieldKind, Token
from server.core.client_question_record import ASKS_A_DAY, KEPT, ClientQuestion, ClientQuestions
from server.core.days import AMSTERDAM
from server.core.identity.reading import identifiers_in, read_registered
from server.core.identity.tokens import Tokeniser
from server.core.inquiry_record import is_apart
from server.core.model import Role
from server.core.problems import ClientQuestionProblem, ClientQuestionRefusedError
from server.core.reports.client_answer import (
    ClientAnswer,
    ClientAsker,
    IdentityCheck,
    SafeChannel,
    StoreRead,
    answer_of,
    read_people,
    stores_read,
)
from server.store import client_question_list, log
from server.store.database import Connection
from server.store.reports import client_question_facts
from server.work.admin.access import Person
from server.work.context import Context
from server.work.reports.inquiries import who_takes_part

MAY_ANSWER = frozenset({Role.PRIVACY_OFFICER})
"""They know case numbers already and see no hold: an answer tells them little that is new, and gives no hold away."""
LONGEST_ABOUT = 254
LONGEST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class AskedByClient:
    """What the front office fills in. about: the number or address, of which nothing is kept. people: which persons of
    which cases whoever asks is, as the case file says, one a line; empty: there is no file of them.
    """

    about: str = field(repr=False)
    check: IdentityCheck
    channel: SafeChannel
    people: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AnsweredClient:
    """uid: the reference of the question, in the log and in the letter."""

    uid: str
    at: datetime
    answer: ClientAnswer


def ask(context: Context, person: Person, asked: AskedByClient) -> AnsweredClient:
    """Write down that somebody asked, then answer. Raises ClientQuestionRefusedError, before anything is looked up."""
    _require_role(context, person)
    token = _read_number(asked.about, context.keys.tokeniser)
    people = _read_people(asked.people)
    now = context.now()
    with context.store.write() as connection:
        before = _readable(client_question_list.read_to_change(connection, context.keys.sealer))
        if before.by_on(person.uid, _same_day(now)) >= ASKS_A_DAY:
            raise ClientQuestionRefusedError(ClientQuestionProblem.ENOUGH_TODAY)
        made = ClientQuestion(uuid.uuid4().hex[:12], person.uid, person.role.value, now, asked.check, asked.channel)
        client_question_list.write(connection, context.keys.sealer, before.add(made))
        about = " ".join(sorted(people)) or "none"
        said = f"client question {made.uid}: {asked.check.value} {asked.channel.value}, as person of case {about}"
        _note(context, connection, person, said)
    with context.store.read() as connection:
        who = who_takes_part(context, connection, person)
        facts = client_question_facts.facts_of(connection, token)
    apart = any(is_apart(each, who) for each in facts.workers)
    return AnsweredClient(made.uid, now, answer_of(facts, ClientAsker(asked.check, people, apart), context.policy, now))


def list_questions(context: Context, person: Person) -> Sequence[ClientQuestion]:
    """That clients asked, newest first; not what about, nor what they were told. Raises ClientQuestionRefusedError."""
    _require_role(context, person)
    now = context.now()
    with context.store.read() as connection:
        found = _readable(client_question_list.read(connection, context.keys.sealer))
    return [each for each in reversed(found.asked) if now - each.at <= KEPT]


def readable_stores(context: Context) -> Sequence[StoreRead]:
    """Of which address books something can be said today, whoever asks about whatever."""
    with context.store.read() as connection:
        books = client_question_facts.books_read(connection)
    return stores_read(books, context.policy, context.now())


def also_at_work(context: Context, person: Person) -> bool:
    """Whether who answers also works with clients, or leads people: of these they can tell nobody anything."""
    with context.store.read() as connection:
        who = who_takes_part(context, connection, person)
    return who.worker is not None or who.leads is None or bool(who.leads)


def _read_number(text: str, tokeniser: Tokeniser) -> Token:
    kind = FieldKind.EMAIL if "@" in text else FieldKind.PHONE
    found, unreadable = read_registered(text[:LONGEST_ABOUT], kind)
    tokens = set(tokeniser.tokens(found))
    if unreadable or len(tokens) != 1 or len(text) > LONGEST_ABOUT:
        raise ClientQuestionRefusedError(ClientQuestionProblem.NOT_ONE_NUMBER, field="number")
    return tokens.pop()


def _read_people(text: str) -> frozenset[str]:
    if any(identifiers_in(Field(FieldKind.TEXT, line)) for line in text.splitlines()):
        raise ClientQuestionRefusedError(ClientQuestionProblem.IDENTIFIER_IN_TEXT, field="people")
    people = read_people(text) if len(text) <= LONGEST_PEOPLE else None
    if people is None:
        raise ClientQuestionRefusedError(ClientQuestionProblem.NO_PERSON_OF_CASE, field="people")
    return people


def _require_role(context: Context, person: Person) -> None:
    if person.role in MAY_ANSWER:
        return
    with context.store.write() as connection:
        _note(context, connection, person, "refused client question")
    raise ClientQuestionRefusedError(ClientQuestionProblem.NOT_CLEARED)


def _readable(found: ClientQuestions | None) -> ClientQuestions:
    if found is None:
        raise ClientQuestionRefusedError(ClientQuestionProblem.UNREADABLE)
    return found


def _same_day(now: datetime) -> Callable[[datetime], bool]:
    today = now.astimezone(AMSTERDAM).date()
    return lambda at: at.astimezone(AMSTERDAM).date() == today


def _note(context: Context, connection: Connection, person: Person, what: str) -> None:
    said = f"{what}; by {person.uid} as {person.role.value}"
    log.append_restricted(connection, context.now(), context.keys.sealer, [said])
