"""The guided form of connections: from the choice of a kind to a trial; what is refused, hushed, stale, taken away."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from mdm_adapters.options import ConnectionKind, OptionKind
from mdm_adapters.port import Fault, Trial
from server import app as root
from server.core.model import Role
from server.core.problems import ConnectionProblem, ConnectionSetupRefusedError
from server.settings import read_settings
from server.store.admin import organisation
from server.work.admin import access, connections, setup
from server.work.admin.connections import Wanted
from server.work.context import Context
from tests.vendors.intune_member import GROUP, intune_phones
from tests.vendors.klant import BASE, Klant
from tests.vendors.nano_member import nano_phones
from tests.vendors.nanomdm import API_KEY, EVENTS_KEY
from tests.vendors.phone_members import Trouble
from tests.vendors.serving import served
from tests.web.conftest import Browser
from tests.web.town import KEYS, PASSWORD, POLICY, QUICK, Town

NEW = "/connections/new/carddav"
CANARY = "canary-Xq7-not-a-word"
KEY_HEAD = "-----BEGIN PRIVATE KEY-----"


def rows_of(town: Town):
    with town.store.read() as connection:
        return organisation.read_connections(connection)


def row_of(town: Town, name: str):
    return next(row for row in rows_of(town) if row.name == name)


def seen(browser: Browser, name: str) -> str:
    """The mark of a connection as its form shows it."""
    return re.search(r'name="seen" value="([^"]+)"', browser.get(f"/connections/at/{name}/change").text)[1]


def words_of(text: str) -> str:
    """A page as a reader has it."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


class Reaching(Town):
    """A town whose connections reach what they say, as in an installation."""

    @property
    def context(self) -> Context:
        settings = read_settings({}, home=self.folder)
        return root.make_context(settings, self.store, KEYS, policy=POLICY, clock=self.clock)


@pytest.fixture
def reaching(town: Town) -> Iterator[Reaching]:
    made = Reaching(town.folder, town.url, town.clock, {})
    yield made
    made.close()


def admin_of(town: Town) -> Browser:
    row = access.demo_account(town.context, Role.IT_ADMINISTRATOR)
    return Browser(town.make_app()).sign_in_as(town, row)


def intune_form(url: str, tenant: str, **changes: object) -> dict[str, object]:
    return {
        "name": "fleet",
        "url": f"{url}/v1.0",
        "login": "client-1",
        "password": "service-secret",
        "option_tenant": tenant,
        "option_authority": url,
        "option_group": GROUP,
        "option_probe": "",
    } | changes


def connection_form(**changes):
    return {
        "name": "books-3",
        "url": "http://127.0.0.1:5232/",
        "login": "service",
        "password": "an invented password",
    } | changes


def test_a_connection_is_added_and_its_password_lies_in_a_file_of_the_server_alone(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    answer = browser.post(NEW, **connection_form())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections/at/books-3")
    (file,) = (town.folder / "secrets").iterdir()
    assert file.read_text() == "an invented password"
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert "an invented password" not in browser.get("/connections/at/books-3").text
    assert str(file) not in browser.get("/connections/at/books-3").text


def test_a_new_password_replaces_the_file(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    browser.post(NEW, **connection_form())
    changed = connection_form(password="another invented password")
    changed |= {"seen": seen(browser, "books-3")}
    assert browser.post("/connections/at/books-3/change", **changed).status_code == 303
    (file,) = (town.folder / "secrets").iterdir()
    assert file.read_text() == "another invented password"


def test_two_who_change_a_connection_are_told_and_nothing_is_overwritten(enter):
    one, other = enter(Role.IT_ADMINISTRATOR), enter(Role.IT_ADMINISTRATOR, nth=2)
    path = "/connections/at/books/change"
    begun = seen(one, "books")
    first = connection_form(url="http://127.0.0.1:5233/", seen=begun)
    assert one.post(path, **first).status_code == 303
    late = other.post(path, **connection_form(url="http://127.0.0.1:5234/", seen=begun))
    assert late.status_code == 409
    assert "in force now is http://127.0.0.1:5233/" in late.text
    assert "http://127.0.0.1:5233/ http://127.0.0.1:5234/" in words_of(late.text)
    assert 'value="http://127.0.0.1:5234/"' in late.text
    assert "5233" in one.get(path).text
    fresh = re.search(r'name="seen" value="([^"]+)"', late.text)[1]
    assert other.post(path, **connection_form(url="http://127.0.0.1:5234/", seen=fresh)).status_code == 303


def test_a_password_is_not_sent_to_another_server_than_it_was_given_for(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    browser.post(NEW, **connection_form())
    for other in ({"url": "http://127.0.0.1:9999/"}, {"login": "somebody"}, {"url": "http://localhost:5232/"}):
        form = connection_form(password="", seen=seen(browser, "books-3"), **other)
        answer = browser.post("/connections/at/books-3/change", **form)
        assert (answer.status_code, "type the secret again" in answer.text) == (400, True)
    same = connection_form(password="", seen=seen(browser, "books-3"))
    assert browser.post("/connections/at/books-3/change", **same).status_code == 303
    assert [file.read_text() for file in (town.folder / "secrets").iterdir()] == ["an invented password"]


UNSOUND = {
    "an address without TLS": {"url": "http://dav.example.org"},
    "no address": {"url": "dav.example.org"},
    "an address with a login": {"url": "https://a:b@dav.example.org"},
    "a file": {"url": "file:///etc/passwd"},
    "a port that is none": {"url": "https://dav.example.org:99999"},
    "a name with a slash": {"name": "../books"},
    "no name": {"name": ""},
    "a name that is taken": {"name": "books"},
    "an address with a key in it": {"url": "https://dav.example.org/?key=1"},
    "a name with a mark that turns text around": {"name": "books\u202e"},
    "a name of signs that are no letters": {"name": "'; DROP TABLE--"},
    "an address longer than any": {"url": "https://dav.example.org/" + "x" * 2_000},
    "control characters in the login": {"login": "ser\x07vice"},
    "control characters in the password": {"password": "pass\x00word"},
    "a password longer than any": {"password": "x" * 2_000},
    "a field of another kind": {"option_tenant": "organisation.example"},
    "a field of no kind": {"option_canary": "1"},
    "a secret of no kind": {"password_canary": "1"},
    "the file of another": {"option_secret_file": "/etc/shadow"},
    "a key in the login": {"login": KEY_HEAD},
    "the password in the login": {"login": "service an invented password"},
    "the password in the name": {"name": "anInventedOne", "password": "anInventedOne"},
    "the password in the address": {"url": "http://127.0.0.1:5232/secret99/", "password": "secret99"},
    "a server beyond this machine in a demo": {"url": "https://dav.example.org"},
}


@pytest.mark.parametrize("wrong", UNSOUND.values(), ids=UNSOUND.keys())
def test_a_connection_is_not_saved_with(town, enter, wrong):
    browser = enter(Role.IT_ADMINISTRATOR)
    answer = browser.post(NEW, **connection_form(**wrong))
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert "an invented password" not in answer.text
    assert [row.name for row in rows_of(town)] == ["books", "books-2"]
    assert not list(town.folder.glob("secrets/*"))


# --- from the choice to a trial ---------------------------------------------------------------------------------------


def test_the_first_step_offers_every_kind_and_each_leads_to_its_form(enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    links = re.findall(r'href="(/connections/new/[^"]+)"', browser.get("/connections/new").text)
    assert links == [f"/connections/new/{name}" for name in root.KINDS]
    assert {browser.get(link).status_code for link in links} == {200}
    assert browser.get("/connections/new/fax").status_code == 404


@pytest.mark.parametrize("kind", [pytest.param(kind, id=name) for name, kind in root.KINDS.items()])
def test_a_form_has_the_fields_that_its_kind_declares_and_no_other(enter, kind: ConnectionKind):
    text = enter(Role.IT_ADMINISTRATOR).get(f"/connections/new/{kind.name}").text
    form = re.search(r'<form [^>]*class="sheet narrow".*?</form>', text, re.DOTALL)[0]
    fields = set(re.findall(r'<(?:input|select|textarea) [^>]*name="(\w+)"', form)) - {"csrf_token"}
    own = {each.name: each for each in kind.shown if each.name not in ("url", "login", "secret")}
    prefixes = {OptionKind.KEY: "password_", OptionKind.PEM: "file_"}
    expected = {"name", "url", *(f"{prefixes.get(each.kind, 'option_')}{name}" for name, each in own.items())}
    expected |= {"login"} if kind.login else set()
    expected |= {"password"} if kind.secret else set()
    expected |= {"file_secret"} if kind.secret and kind.secret.takes_key_file else set()
    assert fields == expected
    said = words_of(text)
    for each in kind.shown:
        assert each.label in said, each.name
        assert each.explains in said or each.takes_key_file, each.name
    assert [grant.name for grant in kind.grants if grant.name not in said] == []


def test_intune_is_connected_tried_and_says_what_it_can_and_what_is_missing(reaching):
    browser = admin_of(reaching)
    with intune_phones() as fleet:
        url = fleet.connection.url.removesuffix("/v1.0")
        answer = browser.post("/connections/new/intune", **intune_form(url, fleet.tenant.name))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/connections/at/fleet")
        page = words_of(browser.get("/connections/at/fleet").text)
        assert "Yes: its secrets can be read" in page
        assert "Intune takes a profile from a whole group, never from one phone" in page
        assert "Its phones were not listed yet" in page
        assert "Fill in, if you want it: A mailbox that must be refused." in page
        assert "No phone is given a profile" not in page
        tried = words_of(browser.post("/connections/at/fleet/try", page="/connections/at/fleet").text)
        for trial in ("Microsoft signs the application in", "Intune lists phones", "Intune says which apps it found"):
            assert f"{trial} Yes" in tried, trial
        fleet.trouble(Trouble.FORBIDDEN)
        refused = words_of(browser.post("/connections/at/fleet/try", page="/connections/at/fleet").text)
        assert "Allow at the vendor, then try again: DeviceManagementManagedDevices.Read.All." in refused
        fleet.trouble(None)
    row = row_of(reaching, "fleet")
    assert dict(row.options) == {"tenant": fleet.tenant.name, "authority": url, "group": GROUP}
    assert Path(row.secret_file).read_text() == "service-secret"


def test_nanomdm_is_connected_with_the_key_of_its_events_in_a_file_of_its_own(reaching):
    browser = admin_of(reaching)
    with nano_phones() as fleet:
        form = {"name": "apple", "url": fleet.url, "login": "", "password": API_KEY, "option_ddm_url": "",
                "password_events_key_file": EVENTS_KEY.decode(), "option_topic": fleet.options["topic"]}  # fmt: skip
        assert browser.post("/connections/new/nanomdm", **form).status_code == 303
        tried = words_of(browser.post("/connections/at/apple/try", page="/connections/at/apple").text)
        assert "There is a key for the events of phones Yes" in tried
        assert "http" in re.search(r"Send its events to (\S+/api/events/apple)", tried)[1]
    row = row_of(reaching, "apple")
    assert sorted(file.read_text() for file in (reaching.folder / "secrets").iterdir()) == sorted(
        [API_KEY, EVENTS_KEY.decode()]
    )
    assert row.options["events_key_file"].startswith(str(reaching.folder))
    alone = browser.post("/connections/new/nanomdm", **form | {"name": "b", "option_ddm_url": "http://127.0.0.1:1/"})
    assert (alone.status_code, "This means nothing without: API key of KMFDDM." in words_of(alone.text)) == (400, True)


def test_open_klant_is_connected_and_tried(reaching):
    browser = admin_of(reaching)
    service = Klant()
    with served(service) as url:
        form = {"name": "moments", "url": url + BASE, "password": service.token, "option_case_id": ""}
        assert browser.post("/connections/new/open-klant", **form).status_code == 303
        tried = browser.post("/connections/at/moments/try", page="/connections/at/moments")
        assert "What was tried just now" in tried.text
        assert 'class="faults"' not in tried.text


def test_a_store_without_places_is_tried_with_one_that_is_typed_and_kept_nowhere(reaching):
    browser = admin_of(reaching)
    browser.post(NEW, **connection_form(url="http://127.0.0.1:9/"))
    path = "/connections/at/books-3"
    assert browser.post(f"{path}/try", page=path).status_code == 400
    tried = browser.post(f"{path}/try", page=path, address=f"/{CANARY}/")
    assert (tried.status_code, "There is no connection with the server" in tried.text) == (200, True)
    assert CANARY not in browser.get(path).text
    assert CANARY.encode() not in b"".join(file.read_bytes() for file in reaching.folder.rglob("*") if file.is_file())


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["name", "url", "login", "option_tenant", "option_group", "option_probe"])
@pytest.mark.parametrize("secret", [f"{KEY_HEAD} {CANARY}", "abc8Q~" + CANARY + "x" * 20])
def test_a_secret_in_any_other_field_is_not_kept_nor_shown_nor_logged(town, enter, caplog, field, secret):
    browser = enter(Role.IT_ADMINISTRATOR)
    form = intune_form("http://127.0.0.1:9", "organisation.example") | {field: secret}
    answer = browser.post("/connections/new/intune", **form)
    assert (answer.status_code, CANARY in answer.text) == (400, False)
    assert CANARY not in caplog.text
    assert CANARY.encode() not in b"".join(file.read_bytes() for file in town.folder.rglob("*") if file.is_file())


def test_a_login_in_an_address_is_not_shown_again(enter):
    answer = enter(Role.IT_ADMINISTRATOR).post(
        NEW, **connection_form(url=f"https://{CANARY}:{CANARY}@dav.example.org/")
    )
    assert (answer.status_code, CANARY in answer.text) == (400, False)
    assert "Leave the user name and the password out of the address" in answer.text


def pem_pair() -> tuple[bytes, bytes]:
    made = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("closeout.example", key_type=trustme.KeyType.RSA)
    return made.cert_chain_pems[0].bytes(), made.private_key_pem.bytes()


def test_an_application_signs_in_by_a_certificate_and_its_key_that_were_handed_over(reaching):
    browser = admin_of(reaching)
    certificate, key = pem_pair()
    form = intune_form("http://127.0.0.1:9", "organisation.example", password="")

    def files() -> dict[str, object]:
        return {"file_secret": (io.BytesIO(key), "a.key"), "file_certificate": (io.BytesIO(certificate), "a.pem")}

    assert browser.post("/connections/new/intune", **form | files()).status_code == 303
    row = row_of(reaching, "fleet")
    assert sorted(file.read_bytes() for file in (reaching.folder / "secrets").iterdir()) == sorted([certificate, key])
    assert {oct(file.stat().st_mode & 0o777) for file in (reaching.folder / "secrets").iterdir()} == {"0o600"}
    assert "Yes: its secrets can be read" in browser.get("/connections/at/fleet").text
    form |= {"seen": seen(browser, "fleet"), "password": "service-secret", "drop_certificate": "1"}
    assert browser.post("/connections/at/fleet/change", **form).status_code == 303
    assert "certificate" not in row_of(reaching, "fleet").options
    assert [file.read_bytes() for file in (reaching.folder / "secrets").iterdir()] == [b"service-secret"]
    assert row_of(reaching, "fleet").secret_file != row.secret_file


def test_what_is_no_key_and_no_certificate_is_refused_and_leaves_no_file(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    certificate, key = pem_pair()
    form = intune_form("http://127.0.0.1:9", "organisation.example")
    for handed, said in (
        ({"file_certificate": key}, "This is a secret in a field that is none."),
        ({"file_certificate": b"\x00\xff"}, "This is no certificate in PEM."),
        ({"file_certificate": b"x" * 40_000}, "This file is too large"),
        ({"file_secret": key}, "Type the secret, or choose its file; not both."),
        ({"file_secret": certificate, "password": ""}, "This is no private key without a password"),
        ({"file_secret": b"", "password": ""}, "Fill in “"),
        ({"file_canary": certificate}, "This kind of connection has no field of that name."),
    ):
        sent = {name: (io.BytesIO(raw), "a.pem") if isinstance(raw, bytes) else raw for name, raw in handed.items()}
        answer = browser.post("/connections/new/intune", **form | sent)
        assert (answer.status_code, said in words_of(answer.text)) == (400, True), said
    assert not list(town.folder.glob("secrets/*"))


def test_a_secret_goes_to_no_other_address_than_it_was_given_for(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    form = intune_form("http://127.0.0.1:9", "organisation.example")
    assert browser.post("/connections/new/intune", **form).status_code == 303
    kept = form | {"password": "", "seen": seen(browser, "fleet")}
    for changed in (
        {"option_authority": "http://127.0.0.1:10"},
        {"option_authority": ""},
        {"url": "http://localhost:9"},
    ):
        answer = browser.post("/connections/at/fleet/change", **kept | changed)
        assert answer.status_code == 400, changed
    assert browser.post("/connections/at/fleet/change", **kept | {"option_group": ""}).status_code == 303
    assert "group" not in row_of(town, "fleet").options


def test_the_key_of_an_address_that_is_emptied_goes_with_it(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    form = {"name": "apple", "url": "http://127.0.0.1:9", "login": "", "password": "key of the api",
            "option_ddm_url": "http://127.0.0.1:10", "password_ddm_key_file": "key of the other"}  # fmt: skip
    assert browser.post("/connections/new/nanomdm", **form).status_code == 303
    assert len(list(town.folder.glob("secrets/*"))) == 2
    form |= {"password": "", "password_ddm_key_file": "", "option_ddm_url": "", "seen": seen(browser, "apple")}
    assert browser.post("/connections/at/apple/change", **form).status_code == 303
    assert [file.read_text() for file in town.folder.glob("secrets/*")] == ["key of the api"]
    assert row_of(town, "apple").options == {}


def test_what_a_command_set_and_no_form_shows_stays(town, enter):
    setup.put_connection(
        town.context, name="old", vendor="graph", base_url="http://127.0.0.1:9", login="", secret_file="/no/such/file",
        kinds=root.KINDS, options={"tenant": "organisation.example", "client_id": "client-1",
                                   "authority": "http://127.0.0.1:9"},
    )  # fmt: skip
    browser = enter(Role.IT_ADMINISTRATOR)
    text = browser.get("/connections/at/old/change").text
    assert 'value="client-1"' in text
    assert "/no/such/file" not in text
    form = {
        "url": "http://127.0.0.1:9",
        "login": "client-1",
        "option_tenant": "organisation.example",
        "option_authority": "http://127.0.0.1:9",
        "option_delete": "soft",
        "seen": seen(browser, "old"),
    }
    assert browser.post("/connections/at/old/change", **form).status_code == 303
    row = row_of(town, "old")
    assert (row.login, row.secret_file, dict(row.options)) == (
        "client-1",
        "/no/such/file",
        {"tenant": "organisation.example", "authority": "http://127.0.0.1:9", "delete": "soft"},
    )
    assert "It cannot sign in" in browser.get("/connections/at/old").text


# --- two at once, and away again --------------------------------------------------------------------------------------


def test_what_two_make_under_one_name_is_the_first_ones(town, enter):
    one, other = enter(Role.IT_ADMINISTRATOR), enter(Role.IT_ADMINISTRATOR, nth=2)
    token = other.token(NEW)
    assert one.post(NEW, **connection_form()).status_code == 303
    late = other.post(NEW, token=token, **connection_form(url="http://127.0.0.1:5299/"))
    assert (late.status_code, "There is a connection of that name" in late.text) == (400, True)
    assert row_of(town, "books-3").base_url == "http://127.0.0.1:5232/"


def test_who_was_quicker_between_a_look_and_the_writing_is_not_overwritten_either(town):
    begun = setup.mark_of(row_of(town, "books"))
    setup.put_connection(
        town.context, name="books", vendor="carddav", base_url="http://127.0.0.1:5233/", login="service",
        secret_file="", kinds=root.KINDS,
    )  # fmt: skip
    late = Wanted("books", {"url": "http://127.0.0.1:5234/", "login": "service"}, {"secret": "an invented password"})
    with pytest.raises(ConnectionSetupRefusedError) as refused:
        connections.save_connection(town.context, town.folder / "secrets", root.KINDS, "carddav", late, seen=begun)
    assert refused.value.problem is ConnectionProblem.CHANGED
    assert row_of(town, "books").base_url == "http://127.0.0.1:5233/"
    assert not list(town.folder.glob("secrets/*"))


def test_a_second_click_makes_no_second_connection_and_is_no_fault(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    assert [browser.post(NEW, **connection_form()).status_code for _ in range(2)] == [303, 303]
    assert len(list(town.folder.glob("secrets/*"))) == 1
    assert browser.post(NEW, **connection_form(password="another invented one")).status_code == 400


def test_phones_that_enrolled_before_may_be_pasted_line_by_line(town, enter):
    form = {
        "name": "apple",
        "url": "http://127.0.0.1:9",
        "password": "key of the api",
        "option_phones": "a-1\r\nb-2,c-3\n",
    }
    assert enter(Role.IT_ADMINISTRATOR).post("/connections/new/nanomdm", **form).status_code == 303
    assert row_of(town, "apple").options == {"phones": "a-1, b-2, c-3"}


def test_what_is_wrong_with_the_connection_as_a_whole_is_not_tried_at_each_place(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    store = town.vendors["books"]
    store.check = lambda place: (
        store.calls.append(("check", place.address))
        or (Trial("The address book answers", ok=False, fault=Fault.TIMED_OUT),)
    )
    store.calls.clear()
    browser.post("/connections/at/books/try", page="/connections/at/books")
    assert len(store.calls) == 1


def test_a_connection_is_taken_away_with_its_secrets_while_nothing_hangs_on_it(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    browser.post(NEW, **connection_form())
    path = "/connections/at/books-3"
    assert browser.post(f"{path}/remove", page=path, seen="").status_code == 409
    assert browser.post(f"{path}/remove", page=path, seen=seen(browser, "books-3")).status_code == 303
    assert [row.name for row in rows_of(town)] == ["books", "books-2"]
    assert not list(town.folder.glob("secrets/*"))
    assert browser.post(f"{path}/remove", page="/connections").status_code == 404


def test_a_connection_with_places_is_not_taken_away(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    answer = browser.post("/connections/at/books/remove", page="/connections/at/books", seen=seen(browser, "books"))
    assert (answer.status_code, "so it cannot be deleted" in answer.text) == (409, True)
    assert [row.name for row in rows_of(town)] == ["books", "books-2"]


def test_what_is_missing_is_said_with_where_it_is_put_right(empty_town):
    context = empty_town.context
    common = {"login": "service", "secret_file": "", "kinds": root.KINDS}
    setup.put_connection(context, name="books", vendor="carddav", base_url="https://dav.example.org", **common)
    setup.put_connection(context, name="more", vendor="carddav", base_url="https://dav.example.org", **common)
    key = empty_town.folder / "a.key"
    key.write_text("key")
    for name, vendor in (("moments", "open-klant"), ("apple", "nanomdm")):
        more = common | {"login": "", "secret_file": str(key)}
        setup.put_connection(context, name=name, vendor=vendor, base_url="https://a.example.org", **more)
    setup.import_places(context, "worker;employer;connection;address\nworker-1;Employer 1;books;/a/\n")
    access.add_account(context, "admin-1", PASSWORD, [Role.IT_ADMINISTRATOR], hasher=QUICK)
    town = Reaching(empty_town.folder, empty_town.url, empty_town.clock, {})
    browser = Browser(town.make_app()).sign_in_as(town, access.list_accounts(context)[0])

    def missing(name: str) -> dict[str, str]:
        text = browser.get(f"/connections/at/{name}").text
        part = re.search(r'id="missing".*?</section>', text, re.DOTALL)[0]
        links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', part.partition("<tbody")[2])
        return {html.unescape(what): link for link, what in links}

    no_log = {"No phone is seen to synchronise what was removed: that takes the log of Radicale.": "#h-try"}
    assert missing("books") == no_log | {
        "Address books of employers without DPIA and consent in force": "/gates",
        "Address books that were never read": "/jobs",
    }
    assert missing("more") == no_log | {"No address book: nobody's contacts are read yet": "/places"}
    assert missing("moments") == {
        "DPIA and consent for monitoring of phone use are not in force, so nothing is asked of it": "/gates"
    }
    assert missing("apple") == {
        "Its phones were not listed yet": "#h-try",
        "No answer of a phone is received, so nothing is known of any.": "/connections/at/apple/change",
        "The test does not see whether push notifications reach phones.": "/connections/at/apple/change",
    }
    key.unlink()
    assert "It cannot sign in: a secret or a certificate cannot be read, or they do not belong together" in missing(
        "apple"
    )
    town.close()


def test_a_connection_that_an_older_version_let_in_says_which_field_is_wrong(town, enter):
    with town.store.write() as connection:
        organisation.put_connection(
            connection,
            {"name": "old", "vendor": "intune", "base_url": "http://127.0.0.1:9", "login": "client-1", "demo": True,
             "secret_file": "/no/such/file", "options": '{"tenant": "a b", "colour": "blue"}'},
        )  # fmt: skip
    browser = enter(Role.IT_ADMINISTRATOR)
    assert "Some of its fields are not valid" in browser.get("/connections/at/old").text
    text = browser.get("/connections/at/old/change").text
    assert "This does not have the form that it must have" in text
    form = intune_form("http://127.0.0.1:9", "organisation.example", seen=seen(browser, "old"))
    assert browser.post("/connections/at/old/change", **form).status_code == 303
    assert "colour" not in row_of(town, "old").options
