"""The answer to a question of an inquiry: a table with its limits in words, and plain values for a signed file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from server.core.inquiry_record import LedgerAsk, LedgerQuestion, Mandate
from server.core.reports.ledger import LedgerAnswer, LedgerRow, closed_on, spans
from server.core.tables import Column, Kind, Mark, Row, Section
from server.core.text import Text, phrase
from server.core.workdays import local_day
from server.render import page_names

FORMAT = 1


def answer_section(answer: LedgerAnswer, question: LedgerQuestion) -> Section:
    """One row for each contact in each case, in the order of the list, or of cases."""
    listed = question is LedgerQuestion.NUMBERS
    columns = (
        *((Column("line", phrase("Line of the list"), Kind.COUNT),) if listed else ()),
        Column("case", phrase("Case")),
        Column("person", phrase("Person in the case"), blank=phrase("not known")),
        Column("number", phrase("The number in the register"), Kind.CODE),
        Column("phase", phrase("The case now"), Kind.CODE),
        Column("closed", phrase("Finally closed"), Kind.DATE, blank=phrase("not confirmed")),
        Column("worked", phrase("The worker was assigned to it"), Kind.CODE),
        Column("state", phrase("In the worker's address books"), Kind.CODE),
        Column("first", phrase("First seen there"), Kind.DATE, blank=phrase("never")),
        Column("until", phrase("Not seen there since"), Kind.DATE, blank=phrase("still there, or never was")),
        Column("proven", phrase("Removal proven"), Kind.DATE, blank=phrase("no removal")),
        Column("level", phrase("How proven"), Kind.CODE, blank=phrase("no removal")),
    )
    several = len({row.facts.system for row in answer.rows}) > 1
    return Section(
        "ledger",
        phrase("Whose they are, and what became of them")
        if listed
        else phrase("Former clients whose contacts were in these address books"),
        columns=columns,
        rows=tuple(_row(row, listed=listed, several=several) for row in answer.rows),
        notes=tuple(limits(answer, question)),
        empty=phrase("There are none."),
    )


def _row(row: LedgerRow, *, listed: bool, several: bool) -> Row:
    facts, books = row.facts, row.books
    return (
        *((row.line,) if listed else ()),
        f"{facts.case} ({facts.system})" if several else facts.case,
        facts.person or None,
        facts.number,
        facts.phase,
        closed_on(facts),
        Mark.YES if facts.worked else Mark.NO,
        books.state,
        _day(books.first_at),
        _day(books.until),
        _day(books.settled_at),
        books.level,
    )


def limits(answer: LedgerAnswer, question: LedgerQuestion) -> Sequence[Text]:
    """What an answer does not say, as far as it matters for this one."""
    found = []
    if question is LedgerQuestion.NUMBERS:
        found.append(phrase("Lines of the list: {lines}.", lines=answer.lines))
        if answer.staying:
            found.append(phrase("Numbers of colleagues and partners, on lines: {lines}.", lines=spans(answer.staying)))
        if answer.not_known:
            found.append(
                phrase(
                    "Not known here, on lines: {lines}. No case names or named them as far back as this is kept.",
                    lines=spans(answer.not_known),
                )
            )
        if answer.unreadable:
            found.append(phrase("Without a number or address, on lines: {lines}.", lines=spans(answer.unreadable)))
    elif answer.running:
        found.append(
            phrase("Clients of running cases of the worker's own, who are not listed: {count}.", count=answer.running)
        )
    found.append(phrase("Address books that this is about: {count}.", count=answer.books))
    if answer.unread:
        found.append(phrase("Never read in full, so nothing is known of them: {count}.", count=answer.unread))
    found += [
        phrase(
            "Seen are the address books that closeout reads, since it reads them. Not seen is what a phone keeps "
            "elsewhere: its own contact list, call history, messages and apps."
        ),
        phrase("Removals are told of for as long as the policy keeps them; see {page}.", page=page_names.RETENTION),
        phrase("That a contact was in a book says nothing of what was done with it. Ask first, and hear both sides."),
    ]
    return found


def answer_told(mandate: Mandate, ask: LedgerAsk, answer: LedgerAnswer, at: datetime) -> Mapping[str, Any]:
    """The same in plain values, for a file: codes and days, no number and nobody's account."""
    return {
        "format": FORMAT,
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "mandate": {
            "id": mandate.uid,
            "requester": mandate.requester,
            "worker": mandate.worker_ref,
            "phone": mandate.device_ref,
            "first": mandate.first.isoformat(),
            "last": mandate.last.isoformat(),
        },
        "question": {"id": ask.uid, "kind": ask.question.value, "lines": ask.lines},
        "books": {"count": answer.books, "never_read": answer.unread},
        "lines": {
            "staying": list(answer.staying),
            "not_known": list(answer.not_known),
            "unreadable": list(answer.unreadable),
        },
        "running_not_listed": answer.running,
        "rows": [_told(row) for row in answer.rows],
    }


def _told(row: LedgerRow) -> Mapping[str, Any]:
    facts, books = row.facts, row.books
    return {
        "line": row.line,
        "case": facts.case,
        "system": facts.system,
        "person": facts.person or None,
        "class": _code(facts.contact_class),
        "number": _code(facts.number),
        "phase": _code(facts.phase),
        "closed": _spelt(closed_on(facts)),
        "worked": facts.worked,
        "works": facts.works,
        "state": _code(books.state),
        "first": _spelt(_day(books.first_at)),
        "until": _spelt(_day(books.until)),
        "proven": _spelt(_day(books.settled_at)),
        "level": _code(books.level),
        "phones": books.phones,
    }


def _code(value: StrEnum | None) -> str | None:
    return None if value is None else value.value


def _spelt(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(at: datetime | None) -> date | None:
    return None if at is None else local_day(at)
