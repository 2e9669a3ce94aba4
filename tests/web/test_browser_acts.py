"""Pausing, and seeing contacts by name, in a real browser: the walk of each, and axe on the pages that it leads to.

Pictures are kept with those of the other pages.
"""

from __future__ import annotations

from datetime import date

import pytest

from server.core.model import Role
from server.work.removal import pauses
from server.work.removal.pauses import Actor
from server.work.usage import by_name
from tests.parts.browser import picture
from tests.web.test_browser import (
    ARTEFACTS,
    NARROW,
    WIDE,
    _browser,
    axe,
    come_in,
    examine,
    expect,
    expect_heading,
    expect_text,
    follow,
    go,
    live,
    open_page,
    person,
)
from tests.web.test_every_form import inquire
from tests.web.town import Town, known_account, tell_of_a_contact
from tests.web.usage.test_by_name import case_of

__all__ = ["_browser", "axe", "live", "open_page"]

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]

WHY = "The mail server is moved."
LOOKS = [("en", "light", WIDE), ("nl", "dark", NARROW)]


def look_at(page, axe: str, name: str, size: dict[str, int]) -> list[str]:
    """What is wrong with the page that is open; a picture of it is kept where pictures are asked for."""
    picture(page, ARTEFACTS / f"{name}.png")
    wide = page.evaluate("document.documentElement.scrollWidth") > size["width"]
    return [*examine(page, axe), *(["wider than its window"] if wide else [])]


def test_an_administrator_pauses_the_privacy_officer_sees_it_and_it_is_resumed(town, open_page, live):
    admin = come_in(open_page(), "IT administrator")
    follow(admin, "Pause removals")
    admin.get_by_label("What to pause").select_option("books")
    admin.get_by_label("For how long").select_option("72")
    admin.get_by_label("Why", exact=True).fill(WHY)
    go(admin, admin.get_by_role("button", name="Pause", exact=True).click)
    expect_heading(admin, "Paused: books")
    officer = come_in(open_page(), "Privacy officer")
    expect_text(officer, WHY)
    follow(officer, "Look at the pause of books")
    expect(officer.get_by_role("button", name="Resume")).to_have_count(0)
    go(admin, admin.get_by_role("button", name="Resume", exact=True).click)
    expect_text(admin, "Resumed. The background worker carries out what waited.")
    assert pauses.in_force(town.context) == []
    assert live.faults == []


def test_contacts_are_seen_by_name_by_two_people_in_two_browsers(town, open_page, live, axe):
    town.consent = "consent-1"
    tell_of_a_contact(town, "worker-02", case_of(town)[0], date(2026, 2, 10))
    known_account(town, Role.PRIVACY_OFFICER, "worker-03")
    known_account(town, Role.INDEPENDENT_OFFICER, "worker-05")
    one = come_in(open_page(), "Privacy officer")
    follow(one, "Channels")
    follow(one, "Contacts without a known reason, by name")
    one.get_by_label("First day").fill("2026-02-01")
    one.get_by_label("Last day").fill("2026-02-28")
    one.get_by_label("Why you need to see them").fill("An inquiry that the officers agreed on.")
    go(one, one.get_by_role("button", name="Ask a second person").click)
    expect(one.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    other = open_page("nl", "dark", NARROW)
    other.goto("/sign-in")
    go(other, other.locator("button[value=independent_officer]").first.click)
    other.goto(one.url)
    other.get_by_role("button", name="Goedkeuren", exact=True).click()
    expect_text(other, "Goedgekeurd. U kunt met z'n tweeën een dag lang kijken.")
    one.reload()
    for page, button, size in ((one, "Show them by name", WIDE), (other, "Toon ze op naam", NARROW)):
        go(page, page.get_by_role("button", name=button).click)
        expect(page.get_by_text("worker-02")).to_be_visible()
        assert look_at(page, axe, f"by-name-facts-{size['width']}", size) == []
    assert live.faults == []


@pytest.mark.parametrize(("language", "scheme", "size"), LOOKS)
def test_axe_finds_nothing_on_the_pages_of_a_pause(town, open_page, live, axe, language, scheme, size):
    actor = Actor("admin-1", Role.IT_ADMINISTRATOR)
    over = pauses.pause(town.context, actor, connection_name=None, reason=WHY, hours=1).row
    pauses.resume(town.context, actor, over.uid, seen=pauses.stamp_of(over))
    row = pauses.pause(town.context, actor, connection_name="books", reason=WHY, hours=24).row
    found = {}
    for role, paths in (
        (Role.IT_ADMINISTRATOR, ("/jobs", "/health", "/pauses", f"/pauses/{row.uid}", f"/pauses/{over.uid}")),
        (Role.PRIVACY_OFFICER, ("/overview", "/pauses", f"/pauses/{row.uid}")),
    ):
        page = open_page(language, scheme, size)
        page.goto("/sign-in")
        go(page, page.locator(f"button[value={role.value}]").first.click)
        for nth, path in enumerate(paths):
            page.goto(path)
            found[role, path] = look_at(
                page, axe, f"{language}-{scheme}-{size['width']}/{role.value}-pause-{nth}", size
            )
    assert {where: faults for where, faults in found.items() if faults} == {}
    assert live.faults == []


@pytest.mark.parametrize(("language", "scheme", "size"), LOOKS)
def test_axe_finds_nothing_on_the_pages_of_contacts_by_name(town: Town, open_page, live, axe, language, scheme, size):
    town.consent = "consent-1"
    who = {
        role: by_name.at_pages(person(town, known_account(town, role, worker)))
        for role, worker in ((Role.INDEPENDENT_OFFICER, "worker-05"), (Role.PRIVACY_OFFICER, "worker-03"))
    }
    paths = ["/contacts-by-name"]
    for act in ("waits", "granted", "refused"):
        uid = by_name.ask(
            town.context,
            town.evidence_rules(),
            who[Role.INDEPENDENT_OFFICER],
            reason=f"It {act}.",
            first=date(2026, 2, 1),
            last=date(2026, 2, 28),
        )
        if act == "granted":
            by_name.allow(town.context, town.evidence_rules(), uid, who[Role.PRIVACY_OFFICER])
        if act == "refused":
            by_name.refuse(town.context, uid, who[Role.PRIVACY_OFFICER])
        paths.append(f"/contacts-by-name/{uid}")
    page = open_page(language, scheme, size)
    page.goto("/sign-in")
    go(page, page.locator(f"button[value={Role.PRIVACY_OFFICER.value}]").first.click)
    found = {}
    for nth, path in enumerate(paths):
        page.goto(path)
        found[nth] = look_at(page, axe, f"{language}-{scheme}-{size['width']}/by-name-{nth}", size)
    assert {nth: faults for nth, faults in found.items() if faults} == {}
    assert live.faults == []


@pytest.mark.parametrize(("language", "scheme", "size"), LOOKS)
def test_axe_finds_nothing_on_the_pages_of_an_inquiry(town: Town, open_page, live, axe, language, scheme, size):
    inquire(town)
    page = open_page(language, scheme, size)
    page.goto("/sign-in")
    go(page, page.locator(f"button[value={Role.INVESTIGATOR.value}]").first.click)
    page.goto("/inquiries")
    links = [each.get_attribute("href") for each in page.locator("tbody a").all()]
    found = {}
    for nth, path in enumerate(("/inquiries", *links)):
        page.goto(path)
        found[nth] = look_at(page, axe, f"{language}-{scheme}-{size['width']}/inquiry-{nth}", size)
    go(page, page.locator("form[action$=answer] button.main").click)
    expect(page.locator("tbody tr").first).to_be_visible()
    found["answer"] = look_at(page, axe, f"{language}-{scheme}-{size['width']}/inquiry-answer", size)
    assert {nth: faults for nth, faults in found.items() if faults} == {}
    assert live.faults == []


@pytest.mark.parametrize(("language", "scheme", "size"), LOOKS)
def test_axe_finds_nothing_on_the_question_of_a_client_and_its_letter(
    town: Town, open_page, live, axe, language, scheme, size
):
    page = open_page(language, scheme, size)
    page.goto("/sign-in")
    go(page, page.locator(f"button[value={Role.PRIVACY_OFFICER.value}]").first.click)
    page.goto("/client-questions")
    found = {"form": look_at(page, axe, f"{language}-{scheme}-{size['width']}/client-question", size)}
    page.locator("#f-check").select_option("identity_document")
    page.locator("#f-channel").select_option("channel_post")
    page.locator("#f-number").fill("06-87654321")
    page.locator("#f-language").select_option("nl")
    go(page, page.locator("form.sheet button.main").click)
    found["letter"] = look_at(page, axe, f"{language}-{scheme}-{size['width']}/client-letter", size)
    expect(page.locator("article.letter")).to_have_attribute("lang", "nl")
    page.emulate_media(media="print")
    expect(page.locator("article.letter")).to_be_visible()
    assert not any(page.locator(each).first.is_visible() for each in ("h1", ".lead", "footer", "button"))
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert live.faults == []
