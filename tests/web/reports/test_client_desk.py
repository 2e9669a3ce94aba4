"""A client's question on pages: what is told as a letter, on paper and as a text, and what the page never holds."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import select

from server.core.identity.reading import registered
from server.core.model import Role
from server.core.reports.client_answer import contact_of
from server.sources.invented import invent
from server.store.schema import base
from server.web.drafts import open_draft
from server.work.admin import access
from server.work.removal import deviations_and_holds
from server.work.removal.sync import look_at_all
from tests.web.conftest import Browser
from tests.web.town import KEYS, NOW, Town

STRANGE = "06-87654321"
PAGE, ANSWERED = "/client-questions", "/client-questions/answered"
NOTHING = "We cannot tell you whether it does."


def numbers(town: Town) -> dict[str, tuple[str, str]]:
    """Of a removal proven, of an open case, and of a hold: a number, and its person of its case. Everything is read."""
    invented = invent("tiny", seed=1, now=NOW)
    of_token = {
        KEYS.tokeniser.token(found): each
        for life in invented.plot.lives
        for who in life.people
        for each in who.identifiers
        for found in registered(each)[:1]
    }
    query = (
        select(base.identifier.c.token, base.cases.c.number, base.cases.c.phase, base.link.c.person)
        .join(base.link, base.link.c.identifier_id == base.identifier.c.id)
        .join(base.cases, base.cases.c.id == base.link.c.case_id)
        .where(base.link.c["class"] == "client")
        .order_by(base.identifier.c.id)
    )
    done = select(base.orders.c.identifier_id).where(base.orders.c.settled_at.is_not(None))
    there = select(base.sighting.c.identifier_id).where(base.sighting.c.presence != "absent")
    found = {}
    with town.store.read() as connection:
        known = {tuple(row[:1]): row for row in connection.execute(query)}
        several = [row.token for row in connection.execute(query)]
        sound = query.where(base.identifier.c.id.in_(done), base.identifier.c.id.not_in(there))
        for name, which in (
            ("gone", sound.where(base.cases.c.phase == "closed")),
            ("open", query.where(base.cases.c.phase == "investigation")),
            ("there", query.where(base.cases.c.phase == "closed", base.identifier.c.id.in_(there))),
        ):
            row = next(
                row for row in connection.execute(which) if several.count(row.token) == 1 and row.token in of_token
            )
            found[name] = (of_token[row.token], contact_of(row.number, row.person))
    assert known
    return found


def answer(browser: Browser, number: str, people: str = "", **changes: str):
    given = {"check": "identity_document", "channel": "channel_post", "language": "en"}
    return browser.post(ANSWERED, page=PAGE, number=number, people=people, **{**given, **changes})


def letter(page: str) -> str:
    """What the letter says, without what is drawn or of the day."""
    (found,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
    said = unescape(re.sub(r"<[^>]+>", " ", found))
    return re.sub(r"Reference: [0-9a-f]{12}", "", re.sub(r"\s+", " ", said)).strip()


def test_a_client_gets_one_of_three_letters_and_no_other_tells_why(town, enter):
    look_at_all(town.context, full=True)
    asked, officer = numbers(town), enter(Role.PRIVACY_OFFICER)
    told = {name: letter(answer(officer, *of).text) for name, of in asked.items()}
    assert "It was removed. After that all contact lists there were read in full" in told["gone"]
    assert "gone, known since" in told["gone"]
    assert "We still need your number or address." in told["open"]
    same = [
        told["there"],
        letter(answer(officer, STRANGE).text),
        letter(answer(officer, asked["gone"][0], check="identity_failed").text),
        letter(answer(officer, asked["open"][0], asked["gone"][1]).text),
        letter(answer(officer, asked["gone"][0]).text),
    ]
    assert NOTHING in same[0]
    assert set(same) == {same[0]}


def test_a_letter_says_the_same_while_a_hold_stands_that_it_says_of_a_number_that_nobody_knows(town, enter):
    number, person = numbers(town)["there"]
    officer = enter(Role.PRIVACY_OFFICER)
    before = letter(answer(officer, number, person).text)
    given = {"worker": None, "case": None, "reason": "invented reason", "wait": lambda: False}
    deviations_and_holds.set_hold(town.context, Role.INVESTIGATOR, **given)
    assert letter(answer(officer, number, person).text) == before == letter(answer(officer, STRANGE).text)


def test_the_letter_comes_as_a_text_in_its_own_language_and_asks_nothing_again(town, enter):
    look_at_all(town.context, full=True)
    number, person = numbers(town)["gone"]
    officer, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    page = answer(officer, number, person, language="nl").text
    assert '<article class="sheet letter" lang="nl">' in page
    (sealed,) = re.findall(r'name="letter" value="([^"]+)"', page)
    sent = officer.post("/client-questions/letter", page=PAGE, letter=sealed)
    assert (sent.mimetype, sent.headers["Content-Disposition"]) == ("text/plain", 'attachment; filename="letter.txt"')
    assert " ".join(sent.text.replace("- ", "").split()) in " ".join(letter_words(page).replace("- ", "").split())
    assert max(map(len, sent.text.splitlines())) <= 80
    assert officer.get("/client-questions").text.count("identity document that you saw") >= 1
    for browser, what in ((other, sealed), (officer, sealed[:-8]), (officer, "")):
        refused = browser.post("/client-questions/letter", page=PAGE, letter=what)
        assert (refused.status_code, "Ask again to get it." in refused.text) == (400, True)
    token = officer.token("/client-questions")
    town.clock.pass_(minutes=29)
    assert officer.post("/client-questions/letter", token=token, letter=sealed).status_code == 200
    town.clock.pass_(minutes=2)
    token = officer.token("/client-questions")
    assert officer.post("/client-questions/letter", token=token, letter=sealed).status_code == 400


def letter_words(page: str) -> str:
    (found,) = re.findall(r"<article.*?</article>", page, re.DOTALL)
    return unescape(re.sub(r"</strong>: ", ": ", re.sub(r"<(?!/strong)[^>]+>", "", found)).replace("</strong>", ""))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": "none"}, "number"),
        ({"number": f"{STRANGE}, 06-12345601"}, "number"),
        ({"people": "somebody"}, "people"),
        ({"people": f"{STRANGE}-A"}, "people"),
        ({"check": "no such"}, "check"),
        ({"check": ""}, "check"),
        ({"channel": ""}, "channel"),
        ({"language": "fy"}, "language"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_the_number_is_not_shown_again(enter, changes, field):
    given = {"number": STRANGE, "check": "identity_document", "channel": "channel_post", "language": "en", **changes}
    refused = enter(Role.PRIVACY_OFFICER).post(ANSWERED, page=PAGE, **given)
    assert (refused.status_code, f'id="fault-{field}"' in refused.text) == (400, True)
    if "people" not in changes:
        assert "87654321" not in refused.text


def test_no_number_stays_in_a_draft_when_the_session_ends(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    token = officer.token("/client-questions")
    town.clock.pass_(minutes=45)
    over = officer.post(ANSWERED, token=token, number=STRANGE, people="100001-A", check="identity_known")
    assert (over.status_code, "87654321" in over.text) == (403, False)
    (draft,) = re.findall(r'name="draft" value="([^"]+)"', over.text)
    opened = open_draft(town.context, access.demo_account(town.context, Role.PRIVACY_OFFICER).uid, draft)
    assert opened is not None
    assert dict(opened.fields) == {"people": "100001-A", "check": "identity_known"}


def test_who_works_with_clients_too_is_told_so_at_the_form(town, enter):
    notice = "Your account also works with clients or leads people."
    assert notice not in enter(Role.PRIVACY_OFFICER).get("/client-questions").text
    row = access.demo_account(town.context, Role.PRIVACY_OFFICER, nth=3)
    access.link_account(town.context, str(row.name), "worker-02")
    assert notice in enter(Role.PRIVACY_OFFICER, nth=3).get("/client-questions").text


@pytest.mark.parametrize("role", [Role.IT_ADMINISTRATOR, Role.INDEPENDENT_OFFICER, Role.WORK_SUPERVISOR, Role.AUDITOR])
def test_nobody_else_has_the_page(enter, role):
    assert enter(role).get("/client-questions").status_code == 403
