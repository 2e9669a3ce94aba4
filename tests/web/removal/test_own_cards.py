"""What a worker is asked of their own cards, on the page: shown from the book itself, answered in one form."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from mdm_adapters.port import Fault, Rest, Unreachable
from server.core.model import Role
from server.store.schema import base
from server.work.removal.sync import look_at_all

_NOTE = b"NOTE:sleutel onder de mat\r\n"
_ODD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Loodgieter 1\r\nTEL:1234567 of zo 89\r\nEND:VCARD\r\n"


@pytest.fixture
def asked(town):
    """worker-01 wrote a note into each card of theirs, and a number that nobody can read into another."""
    for vendor in town.vendors.values():
        book = vendor.books.get("worker-01")
        if book is not None:
            for ref, (_, body) in list(book.cards.items()):
                book.put(ref, body.replace(b"END:VCARD", _NOTE + b"END:VCARD"))
            book.put("odd.vcf", _ODD)
    look_at_all(town.context, full=True)
    return town


def questions(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, value in re.findall(r'name="q-([a-z0-9-]+)" value="([a-z_]+)"', text):
        found.setdefault(name, set()).add(value)
    return found


def test_a_worker_sees_their_cards_as_they_are_and_answers_in_one_form(asked, enter):
    browser = enter(Role.WORKER)
    assert "What we ask you" in browser.get("/my-phone").text
    page = browser.get("/my-phone/questions").text
    found = questions(page)
    about_cards = [each for each, values in found.items() if values == {"goes", "stays"}]
    (about_field,) = (each for each, values in found.items() if values == {"not_a_clients"})

    assert about_cards
    assert "sleutel onder de mat" in page
    assert ("Loodgieter 1" in page, "1234567 of zo 89" in page) == (True, True)

    said = {f"q-{about_cards[0]}": "goes", f"q-{about_field}": "not_a_clients", "q-nobodys": "goes"}
    answer = browser.post("/my-phone/questions", **said)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my-phone")
    assert "Recorded. What you said is done at the next round." in browser.get("/my-phone").text
    left = set(questions(browser.get("/my-phone/questions").text))
    assert left == found.keys() - {about_cards[0], about_field}
    with asked.store.read() as connection:
        rests = connection.execute(select(base.entry.c.rest)).scalars().all()
    assert [rest for rest in rests if rest != Rest.UNSAID] == [Rest.GOES]


def test_nobody_else_sees_a_question(asked, enter):
    other = enter(Role.WORKER, worker="worker-03")
    for path in ("/my-phone", "/my-phone/questions"):
        assert "Loodgieter 1" not in other.get(path).text
    assert enter(Role.PRIVACY_OFFICER).get("/my-phone/questions").status_code == 403


def test_an_answer_that_there_is_not_changes_nothing(asked, enter):
    browser = enter(Role.WORKER)
    token = browser.token("/my-phone/questions")
    (one, *_) = questions(browser.get("/my-phone/questions").text)
    browser.post("/my-phone/questions", token=token, **{f"q-{one}": "whatever"})
    assert "Nothing was chosen, so nothing was recorded." in browser.get("/my-phone").text


def test_a_book_that_cannot_be_read_is_told_and_its_questions_stay(asked, enter):
    browser = enter(Role.WORKER)
    before = questions(browser.get("/my-phone/questions").text)
    for vendor in asked.vendors.values():
        vendor.fail_before.append(Unreachable(Fault.TIMED_OUT))
    page = browser.get("/my-phone/questions").text
    assert "Your address book could not be read just now" in page
    assert questions(page) == before
