"""Microsoft 365 with others' clients: MSAL signs in at the simulator, O365 reads and writes beside our adapter."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.port import Cut, Denied, Fault, Outcome, Place, Shape
from mdm_adapters.registry import STORES
from tests.parts.certificates import Signed, signed
from tests.vendors.graph import App, GraphCloud, Tenant
from tests.vendors.register import Register, token
from tests.vendors.serving import served

CLIENT = "06-1234 5601"
PRIVATE = "06-8765 4301"
ADDRESS = "worker-1@org.example"
ONLY_CLIENT = Register(CLIENT)


@pytest.fixture(scope="module")
def server_pair(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def app_pair(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed(tmp_path_factory.mktemp("app"), "app.example", rsa=True)


@pytest.fixture
def tenant(cloud: GraphCloud, app_pair: Signed) -> Tenant:
    made = cloud.add_tenant("tenant-1", App("client-1", "service-secret", app_pair.parsed))
    made.add_mailbox(ADDRESS)
    return made


@pytest.fixture
def url(cloud: GraphCloud, tenant: Tenant, server_pair: Signed) -> Iterator[str]:
    """Where the simulator answers over TLS."""
    context = server_pair.context()
    with served(cloud, tls=context) as address:
        yield address


def connection(url: str, server_pair: Signed, secret: str, **options: str) -> Connection:
    told = {"tenant": "tenant-1", "client_id": "client-1", "authority": url, **options}
    return Connection(
        f"{url}/v1.0",
        secret=secret,
        ca_file=str(server_pair.authority),
        options=told,
        limits=HttpLimits(5.0, 10.0, 30.0),
    )


# --- our own way in, by certificate


@pytest.mark.contract
def test_a_certificate_signs_in_as_a_secret_does(
    cloud: GraphCloud, tenant: Tenant, url: str, server_pair: Signed, app_pair: Signed
) -> None:
    tenant.apps["client-1"].secret = ""
    tenant.mailboxes[ADDRESS].add({"mobilePhone": CLIENT})
    told = connection(url, server_pair, app_pair.key.read_text(), certificate=str(app_pair.certificate))

    look = STORES["graph"](told).look(Place("place-1", ADDRESS), ONLY_CLIENT)

    assert [entry.shape for entry in look.entries] == [Shape.WHOLE]
    assert cloud.signed_in["client-1"] == 1


@pytest.mark.contract
def test_a_certificate_that_the_tenant_does_not_know_is_denied(
    tenant: Tenant, url: str, server_pair: Signed, tmp_path: Path
) -> None:
    other = signed(tmp_path / "other", "other.example", rsa=True)
    told = connection(url, server_pair, other.key.read_text(), certificate=str(other.certificate))

    with pytest.raises(Denied) as raised:
        STORES["graph"](told).look(Place("place-1", ADDRESS), ONLY_CLIENT)

    assert raised.value.fault is Fault.WRONG_CREDENTIALS


@pytest.mark.contract
def test_a_key_that_does_not_fit_its_certificate_is_refused_at_once(
    app_pair: Signed, server_pair: Signed, tmp_path: Path
) -> None:
    other = signed(tmp_path / "other", "other.example", rsa=True)
    cases = [
        (other.key.read_text(), app_pair.certificate),
        (server_pair.key.read_text(), server_pair.certificate),  # no RSA key
        ("canary, no key at all", app_pair.certificate),
        (app_pair.key.read_text(), app_pair.key),
        (app_pair.key.read_text(), tmp_path / "canary-missing.pem"),
    ]
    for secret, certificate in cases:
        told = connection("https://graph.example", server_pair, secret, certificate=str(certificate))
        with pytest.raises(ValueError) as raised:
            STORES["graph"](told)
        assert "canary" not in str(raised.value)


# --- others' clients

msal = pytest.importorskip("msal", reason="msal is not installed: its sign-in cannot be compared")
O365 = pytest.importorskip("O365", reason="O365 is not installed: its reading cannot be compared")


def signed_in(url: str, server_pair: Signed, credential: object) -> dict[str, Any]:
    """What MSAL was answered."""
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(server_pair.authority)
        app = msal.ConfidentialClientApplication(
            "client-1",
            client_credential=credential,
            authority=f"{url}/tenant-1",
            instance_discovery=False,
            http_client=session,
        )
        found: dict[str, Any] = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
        return found


@pytest.mark.integration
def test_msal_signs_in_by_secret_and_by_certificate(url: str, server_pair: Signed, app_pair: Signed) -> None:
    certificate = {"private_key": app_pair.key.read_text(), "public_certificate": app_pair.certificate.read_text()}

    answers = [signed_in(url, server_pair, each) for each in ("service-secret", certificate, "wrong")]

    assert ["access_token" in answer for answer in answers] == [True, True, False]
    assert [answer["expires_in"] for answer in answers[:2]] == [3599, 3599]
    assert answers[2]["error"] == "invalid_client"


@pytest.fixture
def book(url: str, server_pair: Signed) -> Iterator[Any]:
    """The contacts of the mailbox as O365 sees them, signed in by MSAL."""

    class Here(O365.MSGraphProtocol):  # type: ignore[misc, name-defined]
        _protocol_url = f"{url}/"

    account = O365.Account(
        ("client-1", "service-secret"),
        auth_flow_type="credentials",
        tenant_id="tenant-1",
        protocol=Here(),
        main_resource=ADDRESS,
        verify_ssl=str(server_pair.authority),
        token_backend=importlib.import_module("O365.utils.token").MemoryTokenBackend(),
    )
    account.con.session = account.con.get_session(load_token=False)
    account.con.session.trust_env = False
    account.con.update_session_auth_header(signed_in(url, server_pair, "service-secret")["access_token"])
    yield account.address_book()
    account.con.session.close()


def written(folder: Any, name: str, mobile: str, **more: Any) -> str:
    contact = folder.new_contact()
    contact.name, contact.mobile_phone = name, mobile
    for prop, value in more.items():
        setattr(contact, prop, value)
    assert contact.save()
    return str(contact.object_id)


@pytest.mark.integration
def test_what_o365_writes_is_seen_and_what_we_remove_it_sees_no_more(book: Any, url: str, server_pair: Signed) -> None:
    store = STORES["graph"](connection(url, server_pair, "service-secret"))
    place = Place("place-1", ADDRESS)
    made = book.create_child_folder("Team").folder_id
    team = importlib.import_module("O365.address_book").ContactFolder(parent=book, __cloud_data__={"id": made})
    whole = written(team, "Contact 1", CLIENT)
    mixed = written(book, "Contact 2", CLIENT, home_phones=PRIVATE)
    private = written(book, "Contact 3", PRIVATE)

    look = store.look(place, ONLY_CLIENT)
    shapes = {entry.ref: entry.shape for entry in look.entries}
    cuts = [Cut(each.ref, each.version, each.tokens, each.shape is Shape.WHOLE) for each in look.entries]
    receipts = dict(zip(shapes, store.remove(place, cuts, ONLY_CLIENT), strict=True))

    assert shapes == {whole: Shape.WHOLE, mixed: Shape.MIXED}
    assert {ref: each.outcome for ref, each in receipts.items()} == {whole: Outcome.REMOVED, mixed: Outcome.TRIMMED}
    assert list(team.get_contacts()) == []
    left = {each.object_id: (each.mobile_phone, each.home_phones) for each in book.get_contacts()}
    assert left == {mixed: (None, [PRIVATE]), private: (PRIVATE, [])}


@pytest.mark.integration
def test_what_o365_changes_and_deletes_meanwhile_is_told(book: Any, url: str, server_pair: Signed) -> None:
    store = STORES["graph"](connection(url, server_pair, "service-secret"))
    place = Place("place-1", ADDRESS)
    refs = [written(book, f"Contact {number}", CLIENT) for number in range(2)]
    look = store.look(place, ONLY_CLIENT)
    theirs = {each.object_id: each for each in book.get_contacts()}
    theirs[refs[0]].home_phones = PRIVATE
    assert theirs[refs[0]].save()
    assert theirs[refs[1]].delete()

    cuts = {entry.ref: Cut(entry.ref, entry.version, frozenset({token(CLIENT)}), True) for entry in look.entries}
    receipts = store.remove(place, [cuts[ref] for ref in refs], ONLY_CLIENT)
    after = store.look(place, ONLY_CLIENT, cursor=look.cursor)

    assert [receipt.outcome for receipt in receipts] == [Outcome.CHANGED, Outcome.ALREADY_GONE]
    assert ({each.ref: each.shape for each in after.entries}, after.gone) == ({refs[0]: Shape.MIXED}, {refs[1]})
