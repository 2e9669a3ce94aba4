"""Connections from the choice of a kind to a trial that went well, in a real browser, with simulated vendors.

With PICTURES=1 pictures of each step are kept in `test-artefacts/connections/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.app import KINDS
from tests.parts import browser
from tests.vendors.graph import GraphCloud
from tests.vendors.intune_member import GROUP, intune_phones
from tests.vendors.members import GraphMember
from tests.vendors.serving import served
from tests.web.admin.test_connections import Reaching, reaching  # noqa: F401 - a fixture
from tests.web.test_browser import (
    NARROW,
    WIDE,
    Live,
    _browser,  # noqa: F401 - a fixture
    axe,  # noqa: F401 - a fixture
    come_in,
    examine,
    expect,
    expect_text,
    follow,
    go,
    open_page,  # noqa: F401 - a fixture
    serving,
)

pytestmark = [pytest.mark.parts, pytest.mark.xdist_group("browser")]

ARTEFACTS = Path(__file__).parents[3] / "test-artefacts" / "connections"


@pytest.fixture
def live(reaching: Reaching) -> Iterator[Live]:  # noqa: F811 - the fixture
    with serving(reaching, picker=True) as url:
        yield Live(url, [])


def picture(page, name: str) -> None:
    browser.picture(page, ARTEFACTS / f"{name}.png")


def outcomes(page) -> list[str]:
    return [each.strip() for each in page.locator("#trials tbody td.k-code").all_inner_texts()]


def test_a_manager_of_phones_is_connected_by_its_guided_form_and_tried(open_page, live, axe):  # noqa: F811
    with intune_phones() as fleet:
        url = fleet.connection.url.removesuffix("/v1.0")
        page = come_in(open_page("en", "light", WIDE), "IT administrator")
        follow(page, "Connections")
        follow(page, "Add a connection")
        picture(page, "kinds-en-1280")
        follow(page, "Microsoft Intune")
        picture(page, "intune-form-en-1280")
        assert examine(page, axe) == []
        page.get_by_label("Name", exact=True).fill("fleet")
        page.get_by_label("Address of Graph").fill(f"{url}/v1.0")
        page.get_by_label("Application (client) ID").fill("client-1")
        page.get_by_label("Client secret, or the private key").fill("service-secret")
        page.get_by_label("Directory (tenant) ID").fill("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x")
        page.get_by_label("Group whose phones get our profiles").fill("the group of phones")
        page.get_by_text("Seldom needed").click()
        page.get_by_label("Where to sign in").fill(url)
        page.get_by_role("button", name="Save").click()
        expect_text(page, "There is a problem")
        live.faults[:] = [fault for fault in live.faults if "400" not in fault]
        expect(page.locator(".fault")).to_have_count(2)
        expect(page.get_by_label("Directory (tenant) ID")).to_have_value("")
        picture(page, "intune-faults-en-1280")
        assert examine(page, axe) == []
        page.get_by_label("Directory (tenant) ID").fill(fleet.tenant.name)
        page.get_by_label("Group whose phones get our profiles").fill(GROUP)
        page.get_by_label("Client secret, or the private key").fill("service-secret")
        go(page, page.get_by_role("button", name="Save").click)
        expect_text(page, "The connection is saved.")
        page.get_by_role("button", name="Try it now").click()
        expect(page.get_by_role("heading", name="What was tried just now")).to_be_visible()
        assert outcomes(page) == ["Yes", "Yes", "Yes", "Yes", "Yes", "Not tried"]
        picture(page, "intune-tried-en-1280")
        assert examine(page, axe) == []
        follow(page, "Change it")
        picture(page, "intune-change-en-1280")
        assert examine(page, axe) == []
    assert live.faults == []


def test_a_store_with_options_is_connected_on_a_phone_in_dutch(open_page, live, axe):  # noqa: F811
    cloud = GraphCloud()
    with served(cloud) as url:
        member = GraphMember(cloud, url, 1)
        page = open_page("nl", "dark", NARROW)
        come_in(page, "IT-beheerder")
        page.goto("/connections/new")
        picture(page, "kinds-nl-320")
        assert examine(page, axe) == []
        follow(page, "Microsoft 365: contacten in postvakken")
        picture(page, "graph-form-nl-320")
        assert examine(page, axe) == []
        page.get_by_label("Naam", exact=True).fill("post")
        page.get_by_label("Adres van Graph").fill(f"{url}/v1.0")
        page.get_by_label("Toepassings-ID").fill("client-1")
        page.get_by_label("Clientgeheim, of").fill("service-secret")
        page.get_by_label("Directory-ID").fill(member.tenant.name)
        page.get_by_label("Hoe een contact wordt verwijderd").select_option("soft")
        page.get_by_text("Zelden nodig").click()
        page.get_by_label("Waar aan te melden").fill(url)
        go(page, page.get_by_role("button", name="Opslaan").click)
        expect_text(page, "De verbinding is bewaard.")
        page.get_by_label("Postvak").fill(member.mailbox.address)
        page.get_by_role("button", name="Probeer nu").click()
        expect(page.get_by_role("heading", name="Wat zojuist is geprobeerd")).to_be_visible()
        assert outcomes(page) == ["Ja", "Ja", "Ja", "Ja", "Ja", "Niet geprobeerd"]
        picture(page, "graph-tried-nl-320")
        assert examine(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        page.get_by_role("button", name="Verbinding verwijderen").click()
        expect_text(page, "De verbinding is verwijderd.")
        member.store.close()
    assert live.faults == []


@pytest.mark.parametrize(("language", "scheme", "size"), [("nl", "light", NARROW), ("en", "dark", WIDE)])
def test_axe_finds_nothing_on_any_form_and_none_is_wider_than_its_window(
    open_page,  # noqa: F811
    live,
    axe,  # noqa: F811
    language,
    scheme,
    size,
):
    page = open_page(language, scheme, size)
    come_in(page, "IT-beheerder" if language == "nl" else "IT administrator")
    wrong = {}
    for name in KINDS:
        page.goto(f"/connections/new/{name}")
        if page.locator("details.seldom").count():
            page.locator("details.seldom summary").click()
        picture(page, f"form-{name}-{language}-{size['width']}")
        faults = examine(page, axe)
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            faults.append("wider than its window")
        wrong |= {name: faults} if faults else {}
    assert wrong == {}
    assert live.faults == []
