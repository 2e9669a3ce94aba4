"""The main tasks of each role in a real browser, and every page under axe, in both languages, schemes and widths.

Pictures of pages with faults, and with PICTURES=1 of every page, are kept in `test-artefacts/pages/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest
from sqlalchemy import select

from server.core.model import Role
from server.store.admin import accounts
from server.store.schema import base
from server.web.routes import ROUTES
from server.work.admin import access
from server.work.removal import plan, policy_changes
from server.work.reports import library
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.browser import chromium, picture
from tests.parts.process import free_port
from tests.parts.waitress_thread import served
from tests.web.conftest import own_account
from tests.web.removal.test_policies import LONGER, VERSION
from tests.web.test_every_form import confirm_a_closure
from tests.web.town import PASSWORD, Town

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]

ARTEFACTS = Path(__file__).parents[2] / "test-artefacts" / "pages"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 700}
LOOKS = [
    (Role.PRIVACY_OFFICER, "en", "light", WIDE),
    (Role.PRIVACY_OFFICER, "nl", "dark", NARROW),
    (Role.IT_ADMINISTRATOR, "nl", "light", NARROW),
    (Role.IT_ADMINISTRATOR, "en", "dark", WIDE),
    (Role.WORKER, "nl", "light", NARROW),
    (Role.WORKER, "en", "dark", WIDE),
    (Role.WORK_SUPERVISOR, "nl", "dark", NARROW),
    (Role.WORK_SUPERVISOR, "en", "light", WIDE),
    (Role.LINE_MANAGER, "nl", "light", NARROW),
    (Role.LINE_MANAGER, "en", "dark", WIDE),
    (Role.INDEPENDENT_OFFICER, "nl", "dark", NARROW),
    (Role.INDEPENDENT_OFFICER, "en", "light", WIDE),
    (Role.INVESTIGATOR, "nl", "light", WIDE),
    (Role.INVESTIGATOR, "en", "dark", NARROW),
    (Role.DATA_PROTECTION_OFFICER, "nl", "dark", WIDE),
    (Role.AUDITOR, "en", "light", NARROW),
]
"""Each page in each language, scheme and width; a window of 320 is one of 1280 at four times the size (WCAG 1.4.10)."""
OBJECTS = {
    Role.PRIVACY_OFFICER: {
        "removal": ("/removals", "tbody a"),
        "findings-of-a-kind": ("/findings", "tbody a"),
        "finding": ("/findings/list", "tbody a"),
        "plan": ("/plans", "tbody a"),
        "declaration": ("/declarations", "tbody a"),
        "policy-proposal": ("/policies", "tbody a"),
        "report": ("/reports", "main button.main"),
    },
    Role.IT_ADMINISTRATOR: {
        "connection": ("/connections", "tbody a"),
        "connection-form": ("/connections/new", "main .kinds a"),
        "plan": ("/plans", "tbody a"),
    },
    Role.WORKER: {"keep": ("/my-phone", ".items a")},
}


@pytest.fixture(scope="module")
def _browser() -> Iterator[object]:
    try:
        with chromium() as browser:
            yield browser
    except PartMissingError as missing:
        part_missing(str(missing))


@dataclass
class Live:
    """The town's pages on a port of this machine; faults: what browsers complained of."""

    url: str
    faults: list[str]


@contextmanager
def serving(town: Town, **changes: object) -> Iterator[str]:
    port = free_port()
    url = f"http://localhost:{port}"
    with served(town.make_app(url=url, **changes), port):
        yield url


@pytest.fixture
def live(town: Town) -> Iterator[Live]:
    with serving(town, picker=True) as url:
        yield Live(url, [])


@pytest.fixture
def open_page(_browser, live: Live) -> Iterator[Callable[..., object]]:
    """Opens a window; whatever it asks of another host, or logs as an error, ends up in `live.faults`."""
    contexts = []

    def make(language: str = "en", scheme: str = "light", size: dict[str, int] = WIDE):
        context = _browser.new_context(
            base_url=live.url, locale="nl-NL" if language == "nl" else "en-GB", color_scheme=scheme, viewport=size
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        host = urlsplit(live.url).netloc
        page.on("request", lambda asked: urlsplit(asked.url).netloc == host or live.faults.append(asked.url))
        page.on("console", lambda said: said.type != "error" or live.faults.append(said.text))
        return page

    yield make
    for context in contexts:
        context.close()


def expect(what):
    """Playwright's assertions that wait; it is no part of the product, so it may not be there."""
    from playwright.sync_api import expect as expect_of  # noqa: PLC0415

    return expect_of(what)


def go(page, act: Callable[[], None]):
    """Do what leads to another page, and be there: a click by itself waits for nothing that it sets off."""
    left = page.url
    act()
    page.wait_for_url(lambda url: url != left)
    return page


def come_in(page, role: str):
    page.goto("/sign-in")
    return go(page, page.get_by_role("button", name=role, exact=True).click)


def follow(page, name: str, *, exact: bool = False):
    """Take a link; one that stands in a group of the menu is seen once the group is open."""
    link = page.get_by_role("link", name=name, exact=exact).first
    for group in page.locator("nav.menu summary").all():
        if link.count():
            break
        group.click()
    return go(page, link.click)


def read_the_report(page):
    """Read what was asked for; where it takes a while, see how far it is until it is made, as a person does."""
    for _ in range(100):
        if page.get_by_role("progressbar").count() == 0:
            break
        page.reload()
    return follow(page, "Read the report")


def expect_heading(page, text: str) -> None:
    expect(page.locator("h1")).to_have_text(text)


def expect_text(page, text: str) -> None:
    expect(page.get_by_text(text)).to_be_visible()


def refused(page, live: Live, *paths: str) -> list[int]:
    """How each of these pages answers who may not have it; that the browser complains of it is no fault."""
    found = [page.goto(path).status for path in paths]
    live.faults[:] = [fault for fault in live.faults if "403" not in fault]
    return found


def menu_of(page) -> list[str]:
    return [each.strip() for each in page.locator("nav.menu a").all_inner_texts()]


def buttons(page) -> set[str]:
    """What can be pressed on the page itself."""
    return {each.strip() for each in page.locator("main button:visible").all_inner_texts()}


def cases_in(town: Town, text: str) -> set[str]:
    """Case numbers of the register that stand in a text."""
    with town.store.read() as connection:
        numbers = set(connection.execute(select(base.cases.c.number)).scalars())
    return (numbers - {"123456"}) & set(re.findall(r"[0-9A-Za-z-]+", text))  # which a policy shows as an example


def named_on(town: Town, text: str) -> set[str]:
    """Case numbers, workers and devices that stand in a text."""
    with town.store.read() as connection:
        refs = set(connection.execute(select(base.worker.c.ref)).scalars())
        refs |= set(connection.execute(select(base.device.c.ref)).scalars())
    return cases_in(town, text) | {ref for ref in refs if ref in text}


def every_page(page) -> Iterator[str]:
    """Each page of the menu, opened in turn; its name."""
    for link in [each.get_attribute("href") for each in page.locator("nav.menu a").all()]:
        page.goto(link)
        yield link


def ordered_away(town: Town, case: str) -> int:
    """How many contacts of a case are to go because it is finally closed."""
    with town.store.read() as connection:
        return len(
            connection.execute(
                select(base.orders.c.id)
                .join(base.cases, base.cases.c.id == base.orders.c.case_id)
                .where(base.cases.c.number == case, base.orders.c.reason == "finally_closed")
                .where(base.orders.c.state != "stopped")
            ).all()
        )


def leaves(told: object) -> list[object]:
    """Every value of an answer in JSON."""
    if isinstance(told, dict):
        return [leaf for each in told.values() for leaf in leaves(each)]
    if isinstance(told, list):
        return [leaf for each in told for leaf in leaves(each)]
    return [told]


# --- main tasks ---------------------------------------------------------------------------------------------------


def test_a_newcomer_understands_in_five_clicks_what_was_removed_what_not_and_why(open_page, live):
    page = open_page()
    page.goto("/")
    go(page, page.get_by_role("button", name="Privacy officer", exact=True).click)
    expect_heading(page, "Overview")
    follow(page, "Reports")
    go(page, page.get_by_role("button", name="Make the report").click)
    read_the_report(page)
    expect_heading(page, "What was removed, what was not, and why")
    for part in ("Removed", "Not removed: postponed", "Not removed: a person decides", "What this product cannot see"):
        expect(page.get_by_role("heading", name=part).first).to_be_visible()
    assert live.faults == []


def test_a_privacy_officer_follows_a_removal_to_its_proof(open_page, live):
    page = come_in(open_page(), "Privacy officer")
    follow(page, "Verified removed, in 90 days")
    page.get_by_label("How we know", exact=True).select_option("device_synced")
    go(page, page.get_by_role("button", name="Show").first.click)
    go(page, page.locator("tbody a").first.click)
    expect(
        page.get_by_role("heading", name="The whole address book was read again. It was no longer in it.")
    ).to_be_visible()
    assert live.faults == []


def stops_before(page, button) -> int:
    """How often one presses Tab, from the top of the page, to be on a button."""
    button.evaluate("each => { each.dataset.main = '1'; }")
    page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    page.locator("a.skip").focus()
    for nth in range(1, 60):
        if page.evaluate("document.activeElement.dataset.main === '1'"):
            return nth
        page.keyboard.press("Tab")
    return 60


def test_a_privacy_officer_divides_the_days_work_in_two_clicks_and_closes_what_is_alike_at_once(town, open_page, live):
    access.demo_account(town.context, Role.PRIVACY_OFFICER, nth=2)
    page = come_in(open_page(), "Privacy officer")
    follow(page, "Findings", exact=True)
    divide = page.get_by_role("button", name=re.compile("^Divide "))
    assert stops_before(page, divide) < 40
    divide.click()
    expect(page.locator(".notice").first).to_contain_text("divided.")
    expect(page.locator("#desk, .part").last).not_to_contain_text("Unassigned")
    go(page, page.locator("tbody a").first.click)
    close = page.get_by_role("button", name="Close with this conclusion")
    assert stops_before(page, close) < 40
    many = page.locator("tbody tr").count()
    page.locator("tbody input[type=checkbox]").first.check()
    page.get_by_label("Outcome").select_option("put_right")
    page.get_by_label("What you concluded").fill("Agreed with the work supervisor.")
    close.click()
    expect_text(page, "The finding is closed, with your conclusion.")
    expect(page.locator("tbody tr")).to_have_count(many - 1)
    page.get_by_label(re.compile("of this kind$")).check()
    page.get_by_label("Outcome").select_option("put_right")
    page.get_by_label("What you concluded").fill("All of them were one mistake.")
    page.get_by_role("button", name="Close with this conclusion").click()
    expect(page.locator(".notice").first).to_contain_text("closed, with your conclusion.")
    assert live.faults == []


def test_a_plan_is_released_by_two_people_in_two_browsers(open_page, live):
    one = come_in(open_page(), "Privacy officer")
    follow(one, "1 large removal awaits approval.")
    go(one, one.locator("tbody a").first.click)
    one.get_by_role("button", name="I looked at it: ask for approval").click()
    expect_text(one, "You asked for approval of this plan. A second person has to approve.")
    expect(one.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    other = come_in(open_page(), "Privacy officer, a second person")
    other.goto(one.url)
    other.get_by_role("button", name="Approve", exact=True).click()
    expect_text(other, "The plan is approved. The background worker carries it out.")
    assert live.faults == []


def test_an_administrator_sees_what_is_stuck_and_adds_a_connection(open_page, live):
    page = come_in(open_page(), "IT administrator")
    stuck = page.get_by_role("table", name="Stuck: these cannot go on by")
    expect(stuck.get_by_text("The server knows the account, but does not allow this")).to_be_visible()
    follow(page, "Connections")
    follow(page, "Add a connection")
    follow(page, "CardDAV: Radicale")
    page.get_by_label("Name", exact=True).fill("books-3")
    page.get_by_label("Address of the server").fill("http://127.0.0.1:5232/")
    page.get_by_label("Service account").fill("service")
    page.get_by_label("Its password").fill("an invented password")
    go(page, page.get_by_role("button", name="Save").click)
    expect_text(page, "The connection is saved.")
    follow(page, "Back to all connections")
    go(page, page.locator("tbody a").first.click)
    page.get_by_role("button", name="Try it now").click()
    expect(page.get_by_role("heading", name="What was tried just now")).to_be_visible()
    assert live.faults == []


def test_a_worker_keeps_a_number_longer_on_their_phone(open_page, live):
    page = open_page("nl", "light", NARROW)
    page.goto("/")
    go(page, page.get_by_role("button", name="Bekijk mijn telefoon").click)
    expect_heading(page, "Mijn telefoon")
    follow(page, "Langer bewaren")
    page.get_by_label("Waarom je het langer nodig hebt").fill("De overdracht duurt langer.")
    page.get_by_label("Tot en met welke dag").fill("31-03-2026")
    go(page, page.get_by_role("button", name="Opslaan").click)
    expect_text(page, "Vastgelegd.")
    assert live.faults == []


def test_a_worker_knows_what_goes_and_why_within_one_screen(open_page, live):
    page = open_page("nl", "light", {"width": 390, "height": 844})
    page.goto("/")
    go(page, page.get_by_role("button", name="Bekijk mijn telefoon").click)
    goes = page.locator(".glance li").first
    expect(goes).to_contain_text("Wat weggaat: ")
    expect(goes).to_contain_text("De zaak is definitief afgesloten.")
    box = page.locator(".glance").bounding_box()
    assert box["y"] + box["height"] <= 844
    assert live.faults == []


def test_an_empty_form_is_told_above_it_and_at_each_field_in_the_readers_language(open_page, live):
    page = come_in(open_page("nl", "light", NARROW), "Privacy officer")
    page.goto("/gates")
    page.get_by_label("Datum van de DPIA").fill("gisteren")
    page.get_by_role("button", name="Leg DPIA en instemming vast").click()
    expect(page).to_have_title("Fout: DPIA en instemming · closeout")
    expect(page.locator(".faults")).to_be_focused()
    wrong = page.locator("[aria-invalid=true]")
    told = [page.locator(f"#fault-{each.get_attribute('name')}").inner_text() for each in wrong.all()]
    assert told[:2] == [
        "Vul ‘Werkgever’ in.",
        "Vul ‘Kenmerk of vindplaats van de DPIA (gegevensbeschermingseffectbeoordeling)’ in.",
    ]
    assert "Schrijf een bestaande dag als dag, maand en jaar, zoals 31-12-2026." in told
    assert page.locator(".faults li").count() == len(told) == 10
    page.get_by_role("link", name="Vul ‘Werkgever’ in.").click()
    expect(page.get_by_label("Werkgever")).to_be_focused()
    expect(page.get_by_label("Datum van de DPIA")).to_have_value("gisteren")
    live.faults[:] = [fault for fault in live.faults if "400" not in fault]
    assert live.faults == []


def test_a_policy_is_proposed_by_one_and_put_in_force_by_another(town, open_page, live):
    admin = come_in(open_page(), "IT administrator")
    follow(admin, "Policy", exact=True)
    follow(admin, "Check and propose a change")
    text = admin.get_by_label("The text of the policy")
    text.fill(LONGER)
    admin.get_by_role("button", name="Check it").click()
    expect(admin.get_by_role("heading", name="What is decided differently")).to_be_visible()
    admin.get_by_label("Why it should be in force").fill("Handovers take four weeks.")
    go(admin, admin.get_by_role("button", name="Propose it").click)
    expect_text(admin, "The policy is proposed. A second person has to put it in force.")
    admin.get_by_role("button", name="Count it on the real register").click()
    expect(admin.locator("#counts tbody tr").first).to_be_visible()
    officer = come_in(open_page(), "Privacy officer")
    officer.goto(admin.url.partition("#")[0])
    officer.get_by_role("button", name="Put it in force").click()
    expect_text(officer, "The policy is in force.")
    assert town.policy_in_force().policy.grace_days == 28
    assert live.faults == []


def test_a_privacy_officer_records_a_conversation_beside_a_declaration(open_page, live):
    page = come_in(open_page(), "Privacy officer")
    follow(page, "Declarations")
    go(page, page.locator("tbody a").first.click)
    page.get_by_label("Day of the conversation").fill("2026-03-16")
    page.get_by_role("button", name="Record the conversation").click()
    expect_text(page, "The conversation is recorded.")
    assert live.faults == []


def test_a_work_supervisor_records_a_deviation_for_a_case_that_waits(open_page, live):
    page = come_in(open_page(), "Work supervisor")
    case, worker = page.locator("#closures tbody tr").first.locator("th, td").all_inner_texts()[:2]
    page.get_by_label("Case number", exact=True).fill(case.strip())
    page.get_by_label("Worker", exact=True).fill(worker.strip())
    page.get_by_label("What you talked over, and why it may stay").fill("Handed over in April.")
    page.get_by_label("Until which day").fill("2026-04-30")
    page.get_by_role("button", name="Record the deviation").click()
    expect_text(page, "The deviation is recorded.")
    assert live.faults == []


def test_an_auditor_makes_a_report_without_case_numbers(open_page, live):
    page = come_in(open_page(), "Auditor")
    follow(page, "Reports")
    go(page, page.get_by_role("button", name="Make the report").click)
    read_the_report(page)
    expect_text(page, "Without case numbers and workers")
    assert live.faults == []


def test_a_work_supervisor_confirms_a_closure_and_its_contacts_are_ordered_away_after_the_grace(town, open_page, live):
    page = come_in(open_page(), "Work supervisor")
    box = page.locator("#closures input[type=checkbox]").first
    case = page.locator(f"label[for='{box.get_attribute('id')}']").inner_text().strip()
    page.get_by_label(case, exact=True).check()
    page.get_by_label("Day on which the final closure was confirmed in writing").fill("2026-03-10")
    page.get_by_role("button", name="Confirmed in writing on that day").click()
    expect_text(page, "Recorded for 1 case. Its contacts go after the waiting period")
    row = page.locator("#confirmed tbody tr").filter(has_text=case)
    expect(row).to_contain_text("10 Mar 2026")
    expect(page.locator("#closures").get_by_text(case, exact=True)).to_have_count(0)
    plan.make_plan(town.context)
    assert ordered_away(town, case) == 0
    town.clock.pass_(days=8)
    plan.make_plan(town.context)
    assert ordered_away(town, case) > 0
    # What was ordered in the meantime and is not gone yet stays, once it is withdrawn. The session ended by then.
    page = come_in(open_page(), "Work supervisor")
    page.locator("#confirmed tbody tr").filter(has_text=case).get_by_role("button", name="Withdraw").click()
    expect_text(page, "Confirmation withdrawn. No contacts had been removed because of it.")
    plan.make_plan(town.context)
    assert ordered_away(town, case) == 0
    assert refused(page, live, "/removals", "/findings", "/plans", "/log", "/jobs", "/keys", "/my-phone") == [403] * 7
    assert live.faults == []


def test_a_work_supervisor_says_not_yet_and_is_told_what_is_missing(open_page, live):
    page = come_in(open_page(), "Work supervisor")
    page.get_by_role("button", name="Not yet").click()
    expect_text(page, "Choose at least one case.")
    live.faults[:] = [fault for fault in live.faults if "400" not in fault]
    page.locator("#closures input[type=checkbox]").first.check()
    page.get_by_role("button", name="Not yet").click()
    expect_text(page, "Recorded for 1 case: not yet. Nothing is removed.")
    expect(page.locator("#closures")).to_contain_text("Not yet, said 17 Mar 2026")
    assert live.faults == []


def test_a_data_protection_officer_audits_and_never_approves(town, open_page, live):
    page = come_in(open_page(), "Data protection officer (DPO)")
    expect_heading(page, "Overview")
    follow(page, "Approvals", exact=True)
    go(page, page.locator("tbody a").first.click)
    expect_text(page, "Your role reads along and decides nothing here.")
    assert buttons(page) == set()
    follow(page, "Findings", exact=True)
    expect_text(page, "Your role reads along. A privacy officer looks into findings and closes them.")
    go(page, page.locator("tbody a").first.click)
    go(page, page.locator("tbody a").first.click)
    expect_text(page, "Your role reads along. A privacy officer looks into findings and closes them.")
    assert buttons(page) == set()
    follow(page, "Log", exact=True)
    page.get_by_role("button", name="Verify the whole log now").click()
    expect_text(page, "The log is intact.")
    assert {path: found for path in every_page(page) if (found := cases_in(town, page.content()))} == {}
    assert refused(page, live, "/connections", "/keys", "/gates", "/team", "/my-phone", "/policies/draft") == [403] * 6
    assert live.faults == []


def test_an_independent_officer_is_told_what_the_role_can_do_and_reads_a_report_with_case_numbers(
    town, open_page, live
):
    page = come_in(open_page(), "Independent officer")
    expect_heading(page, "Your role")
    expect_text(page, "What this version cannot do for you yet")
    assert menu_of(page) == ["Your role", "Named access", "Holds", "Inquiries", "Retention", "Reports", "Log"]
    follow(page, "Make and read a removal report")
    go(page, page.get_by_role("button", name="Make the report").click)
    read_the_report(page)
    assert cases_in(town, page.content()) != set()
    assert refused(page, live, "/overview", "/removals", "/plans", "/findings", "/declarations", "/team") == [403] * 6
    assert live.faults == []


def test_an_investigator_sets_a_hold_after_a_look_at_what_it_stops_and_checks_the_log(open_page, live):
    page = come_in(open_page(), "Investigator")
    expect_heading(page, "Your role")
    follow(page, "Keep something from being removed")
    expect_heading(page, "Holds")
    page.get_by_label("Which worker or case").fill("worker-02")
    page.get_by_label("Requested by").select_option("The police")
    page.get_by_label("Why").fill("An inquiry that was asked for.")
    page.get_by_role("button", name="Look what it would stop").click()
    expect_text(page, "Nothing is set yet.")
    page.get_by_role("button", name="Set the hold").click()
    expect_text(page, "It is in force: from now on nothing that it covers is removed.")
    page.get_by_role("button", name="Say that it may end").click()
    expect_text(page, "You said that it may end.")
    page.goto("/your-role")
    follow(page, "Check the log")
    page.get_by_role("button", name="Verify the whole log now").click()
    expect_text(page, "The log is intact.")
    assert refused(page, live, "/overview", "/removals", "/plans", "/findings", "/declarations", "/team") == [403] * 6
    assert live.faults == []


def test_a_line_manager_sees_sums_and_makes_a_report_of_sums(town, open_page, live):
    page = come_in(open_page(), "Line manager")
    expect_heading(page, "Overview")
    assert menu_of(page) == ["Overview", "Reports"]
    assert not named_on(town, page.content())
    follow(page, "Reports", exact=True)
    assert page.get_by_label("Report", exact=True).locator("option").count() == 2
    page.get_by_role("button", name="Make the report").click()
    expect(page.locator("#fault-last")).to_contain_text("For your role reports are over whole months that are over.")
    live.faults[:] = [fault for fault in live.faults if "400" not in fault]
    town.clock.pass_(days=31)
    page = come_in(open_page(), "Line manager")
    follow(page, "Reports", exact=True)
    go(page, page.get_by_role("button", name="Make the report").click)
    read_the_report(page)
    assert not named_on(town, page.content())
    nowhere = (
        "/removals",
        "/findings",
        "/plans",
        "/log",
        "/declarations",
        "/channels",
        "/devices",
        "/policies",
        "/team",
    )
    assert refused(page, live, *nowhere) == [403] * len(nowhere)
    assert live.faults == []


def test_an_auditor_reads_everything_and_changes_nothing(town, open_page, live):
    page = come_in(open_page(), "Auditor")
    for path in every_page(page):
        assert cases_in(town, page.content()) == set(), path
        made = {each for each in buttons(page) if not each.startswith("Make ")}
        assert made <= {"Verify the whole log now", "Show"}, path
    assert refused(page, live, "/connections", "/keys", "/gates", "/team", "/my-phone", "/devices") == [403] * 6
    assert live.faults == []


def test_a_case_system_is_a_program_with_a_token_and_has_no_page(town, open_page, live):
    secret = access.make_token(town.context, "case-system-1", [access.Scope.STATUS], days=30)
    page = open_page()
    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Case system")).to_have_count(0)
    shown = {"Authorization": f"Bearer {secret}"}
    assert page.request.get("/api/status").status == 401
    answer = page.request.get("/api/status", headers=shown)
    assert answer.status == 200
    assert not named_on(town, answer.text())
    assert set(map(type, leaves(answer.json()))) <= {int, str, bool, type(None)}
    for path in ("/overview", "/removals", "/team"):
        sent = page.request.get(path, headers=shown, max_redirects=0)
        assert (sent.status, urlsplit(sent.headers["location"]).path) == (302, "/sign-in"), path
    access.revoke_token(town.context, "case-system-1")
    assert page.request.get("/api/status", headers=shown).status == 401
    assert live.faults == []


def test_a_local_account_signs_in_with_password_and_code_and_out_again(town, open_page, live):
    factors = own_account(town, "officer-1", [Role.PRIVACY_OFFICER])
    with serving(town) as url:
        page = open_page()
        live.url = url
        page.goto(url)
        page.get_by_role("textbox", name="Name").fill("officer-1")
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("textbox", name="Code of six digits").fill(pyotp.TOTP(factors.secret).at(town.clock.now))
        go(page, lambda: page.keyboard.press("Enter"))
        expect_heading(page, "Overview")
        page.locator("details.me summary").click()
        go(page, page.get_by_role("button", name="Sign out").click)
        expect_text(page, "You are signed out.")
        page.context.close()


def test_the_pages_are_walked_with_the_keyboard_alone(open_page, live):
    page = come_in(open_page(), "Privacy officer")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    go(page, lambda: page.keyboard.press("Enter"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.goto("/overview")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 30)"))
        visible = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return e === document.body || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2); })()"
        )
        assert visible, seen[-1]
        if page.evaluate("document.activeElement === document.body"):
            break
    assert {"Overview", "Removals", "Findings", "The same as a table"} <= set(seen)
    page.locator("details.me summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert live.faults == []


# --- every page ---------------------------------------------------------------------------------------------------


def person(town: Town, row: accounts.AccountRow) -> access.Person:
    """Who that account is once signed in."""
    found = access.find_person(town.context, access.begin_session(town.context, row), limits=access.SignInLimits())
    assert isinstance(found, access.Person)
    return found


def pages_of(page, role: Role) -> Iterator[str]:
    """Opens every page of a role, one after the other, those of single objects too; gives each a name."""
    page.goto("/sign-in")
    go(page, page.locator(f"button[value={role.value}]").click)
    for route in ROUTES:
        own = isinstance(route.access, frozenset) and role in route.access and route.method == "GET"
        if (
            own
            and "<" not in route.path
            and route.name not in ("home.go", "sign_in.again", "sign_in.prove", "phone.extract", "phone.saved_numbers")
        ):
            page.goto(route.path)
            yield route.name.replace("_", "-").replace(".", "-")
    for name, (path, way) in OBJECTS.get(role, {}).items():
        page.goto(path)
        go(page, page.locator(way).first.click)
        yield name
    page.locator("details.me summary").click()
    expect(page.locator("button.out")).to_be_visible()
    yield "menu"


MOST_STOPS = 40
STOPS = """() => {
  const act = document.querySelector('main button.main, main a.main');
  const stops = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
  return act ? [...document.querySelectorAll(stops)].filter(each => each.checkVisibility()).indexOf(act) : 0;
}"""
"""How often one presses Tab, from the top of the page, before its main act."""
ROWS_OF_MENU = "() => new Set([...document.querySelectorAll('nav.menu > ul > li')].map(each => each.offsetTop)).size"


def violations(page, axe: str) -> list[dict]:
    """What axe finds wrong, in full; what it finds right it need not describe, which takes as long as finding it."""
    return page.evaluate(
        f"(tags) => {{ {axe}; return axe.run("
        "{runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']}).then(found => found.violations) }",
        LEVELS,
    )


def examine(page, axe: str) -> list[str]:
    """What axe finds, as lines. Of long tables the first rows stand for those after them: each costs as much."""
    page.evaluate("document.querySelectorAll('tbody').forEach(b => [...b.rows].slice(5).forEach(row => row.remove()))")
    page.evaluate("document.querySelectorAll('details.tools').forEach(each => { each.open = true; })")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in violations(page, axe)
        for node in each["nodes"]
    ]


@pytest.fixture(scope="module")
def axe() -> str:
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        part_missing("axe-playwright-python is not installed: pages cannot be examined")
    return (Path(found.origin).parent / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize(
    ("role", "language", "scheme", "size"), LOOKS, ids=[f"{role}-{a}-{b}-{size['width']}" for role, a, b, size in LOOKS]
)
def test_axe_finds_nothing_no_page_is_wider_than_its_window_and_none_asks_elsewhere(
    town, open_page, live, axe, role, language, scheme, size
):
    if role is Role.PRIVACY_OFFICER:
        day = date(2026, 2, 28)
        library.ask_for(town.context, Role.AUDITOR, "channels", day, day, wait=30)
        other = access.demo_account(town.context, Role.PRIVACY_OFFICER, nth=2)
        policy_changes.propose(
            town.context, person(town, other), town.shelf, LONGER, "Handovers take four weeks.", VERSION
        )
    if role is Role.WORK_SUPERVISOR:
        confirm_a_closure(town)
        access.demo_account(town.context, Role.WORK_SUPERVISOR, nth=2)
    page = open_page(language, scheme, size)
    folder = ARTEFACTS / f"{language}-{scheme}-{size['width']}"
    wrong: dict[str, list[str]] = {}
    if role is Role.WORKER:
        page.goto("/sign-in")
        wrong["sign-in"] = examine(page, axe)
        picture(page, folder / "sign-in.png")
        page.goto("/nowhere")
        wrong["fault"] = examine(page, axe)
        live.faults[:] = [fault for fault in live.faults if "404" not in fault]
    for name in pages_of(page, role):
        picture(page, folder / f"{role.value}-{name}.png")
        faults = [f"{stops} tab stops before its main act" for stops in [page.evaluate(STOPS)] if stops >= MOST_STOPS]
        if size == WIDE and page.evaluate(ROWS_OF_MENU) > 1:
            faults.append("its menu takes more than one row")
        faults += examine(page, axe)
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            faults.append("wider than its window")
        if page.locator("html").get_attribute("lang") != language:
            faults.append("in another language")
        if faults:
            picture(page, folder / f"{role.value}-{name}-wrong.png", wrong=True)
            wrong[name] = faults
    assert {name: faults for name, faults in wrong.items() if faults} == {}
    assert live.faults == []


def test_the_first_page_is_small(open_page, live):
    page = come_in(open_page(), "Privacy officer")
    page.wait_for_load_state("load")
    sizes = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map(each => each.decodedBodySize)"
    )
    assert 0 < sum(sizes) <= 120_000
    assert re.match(r"http://localhost:\d+/overview", page.url)
