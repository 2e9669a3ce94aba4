"""What every vendor declares of its connections holds together, and the one reader refuses what is not valid."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mdm_adapters.http import Connection, given_in
from mdm_adapters.options import ConnectionKind, Option, OptionFault, OptionKind, looks_secret, origin_of, schema_of
from server.app import KINDS
from tests.web.test_bad_input import HOSTILE

ROOT = Path(__file__).parents[2]
EVERY = [pytest.param(kind, id=name) for name, kind in KINDS.items()]
SOUND = {
    OptionKind.KEY: "/etc/closeout/a.key",
    OptionKind.PEM: "/etc/closeout/a.pem",
    OptionKind.PATH: "/var/log/radicale.log",
}
KEY = "-----BEGIN PRIVATE KEY-----"
ENTRA = "abc8Q~" + "x" * 34
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"


def filled(kind: ConnectionKind) -> dict[str, str]:
    """Every field with its own example."""
    values = {
        each.name: SOUND.get(each.kind) or (each.choices[0].value if each.choices else each.example)
        for each in kind.fields
    }
    return {name: value for name, value in values.items() if value}


@pytest.mark.parametrize("kind", EVERY)
def test_its_own_examples_and_defaults_can_be_meant(kind: ConnectionKind) -> None:
    assert kind.faults_of(filled(kind)) == {}
    assert [each.name for each in kind.fields if each.default and each.fault_of(each.default)] == []
    assert [each.name for each in kind.shown if each.kind not in SOUND and not each.choices and not each.example] == []


@pytest.mark.parametrize("kind", EVERY)
def test_it_names_each_field_once_and_nothing_that_is_not_there(kind: ConnectionKind) -> None:
    names = [each.name for each in kind.fields]
    named = {name for each in kind.fields for name in (*each.needs, each.sends, each.same_as) if name}
    assert len(set(names)) == len(names)
    assert named <= set(names)
    assert {each.kind for each in kind.fields if each.sends} <= {OptionKind.LINK}
    assert [each.name for each in kind.fields if each.kind is OptionKind.LINK and not each.sends] == []


@pytest.mark.parametrize("kind", EVERY)
def test_a_trial_that_a_permission_names_is_one_that_is_made(kind: ConnectionKind) -> None:
    code = "".join(
        each.read_text("utf-8") for room in ("mdm_adapters", "server/sources") for each in (ROOT / room).glob("*.py")
    )
    assert [
        trial
        for each in kind.grants
        for trial in each.trials
        if f'"{trial}"' not in re.sub(r"Grant\(.*?\n        \)", "", code, flags=re.DOTALL)
    ] == []


@pytest.mark.parametrize("kind", EVERY)
def test_without_what_is_needed_it_cannot_be_meant(kind: ConnectionKind) -> None:
    needed = {each.name for each in kind.fields if each.required}
    assert kind.faults_of({}) == dict.fromkeys(needed, OptionFault.MISSING)
    with pytest.raises(ValueError, match="missing"):
        given_in(kind, Connection(""))


@pytest.mark.parametrize("kind", EVERY)
def test_a_name_that_it_does_not_declare_is_refused_and_not_repeated(kind: ConnectionKind) -> None:
    assert kind.faults_of(filled(kind) | {"canary": "1"}) == {"canary": OptionFault.UNKNOWN}
    with pytest.raises(ValueError) as raised:
        given_in(kind, Connection("https://a.example", "login", "secret", options={"canary": "canary"}))
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("secret", [KEY, ENTRA, JWT], ids=["key", "entra", "token"])
def test_a_secret_in_a_field_that_is_none_is_seen(kind: ConnectionKind, secret: str) -> None:
    assert looks_secret(f"x {secret}")
    for each in kind.fields:
        if each.kind not in SOUND:
            assert each.fault_of(secret) in (OptionFault.A_SECRET, OptionFault.TOO_LONG), each.name


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_hostile_is_an_address_a_number_a_choice_or_hidden(kind: ConnectionKind, hostile: str) -> None:
    for each in kind.fields:
        fault = each.fault_of(hostile)
        odd = bool(re.search("[<>'\"{}|/ ]", hostile))
        strict = each.kind in (OptionKind.LINK, OptionKind.NUMBER, OptionKind.CHOICE) or (each.pattern and odd)
        assert fault is not None or not strict or not hostile, each.name
        assert fault is not None or not re.search("[\x00-\x1f\u202e\u200b]", hostile)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://dav.example.org", None),
        ("https://dav.example.org:8443/base/", None),
        ("http://127.0.0.1:5232/", None),
        ("http://[::1]:5232/", None),
        ("http://dav.example.org", OptionFault.NOT_ENCRYPTED),
        ("http://127.0.0.1.example.org/", OptionFault.NOT_ENCRYPTED),
        ("file:///etc/passwd", OptionFault.NOT_AN_ADDRESS),
        ("javascript:alert(1)", OptionFault.NOT_AN_ADDRESS),
        ("ftp://dav.example.org", OptionFault.NOT_AN_ADDRESS),
        ("dav.example.org", OptionFault.NOT_AN_ADDRESS),
        ("https://", OptionFault.NOT_AN_ADDRESS),
        ("https://dav.example.org:99999", OptionFault.NOT_AN_ADDRESS),
        ("https://dav.example.org/?key=value", OptionFault.NOT_AN_ADDRESS),
        ("https://dav.example.org/#part", OptionFault.NOT_AN_ADDRESS),
        ("https://a:b@dav.example.org", OptionFault.LOGIN_IN_ADDRESS),
        ("https://a@dav.example.org", OptionFault.LOGIN_IN_ADDRESS),
        ("https://dav.example.org\\@other.example/", OptionFault.LOGIN_IN_ADDRESS),
        ("https://dav.example.org/\u202egro", OptionFault.HIDDEN_SIGNS),
        ("https://dav.example.org/\n", OptionFault.HIDDEN_SIGNS),
        ("https://dav.example.org/" + "x" * 500, OptionFault.TOO_LONG),
    ],
)
def test_an_address_is_one_of_a_server_and_nothing_more(address: str, fault: OptionFault | None) -> None:
    assert KINDS["carddav"].url.fault_of(address) == fault
    if fault is None:
        assert origin_of(address) is not None


def test_a_field_that_means_nothing_without_another_says_so() -> None:
    nano = KINDS["nanomdm"]
    given = {"url": "https://mdm.example.org", "secret": "/a", "ddm_url": "https://ddm.example.org"}
    assert nano.faults_of(given) == {"ddm_url": OptionFault.NEEDS_ANOTHER}
    assert nano.faults_of(given | {"ddm_key_file": "/b"}) == {}


def test_a_second_name_of_the_login_counts_as_the_login() -> None:
    told = Connection("https://graph.example/v1.0", secret="s", options={"tenant": "t", "client_id": "c"})
    given = given_in(KINDS["graph"], told)
    assert (given["login"], given["delete"], given["authority"]) == (
        "c",
        "permanent",
        "https://login.microsoftonline.com",
    )


def test_a_field_is_read_with_its_default_whoever_reads_it() -> None:
    field = Option("word", "Word", "A word.", default="usual")
    kind = replace(KINDS["carddav"], own=(field,))
    assert given_in(kind, Connection("https://a.example"))["word"] == "usual"
    assert given_in(kind, Connection("https://a.example", options={"word": "other"}))["word"] == "other"


# --- the schema says the same -----------------------------------------------------------------------------------------


def test_the_schema_takes_what_the_reader_takes_and_refuses_what_it_refuses() -> None:
    schema = schema_of(KINDS)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name, kind in KINDS.items():
        sound = filled(kind)
        assert validator.is_valid({"vendor": name, "fields": sound}), name
        wrong = [
            sound | {"canary": "1"},
            {},
            *(
                {k: v for k, v in sound.items() if k != each.name and k != "client_id"}
                for each in kind.fields
                if each.required
            ),
        ]
        for each in kind.fields:
            wrong += [sound | {each.name: "\x00" * 200}] if each.pattern or each.choices else []
        for given in wrong:
            assert kind.faults_of(given), (name, given)
            assert not validator.is_valid({"vendor": name, "fields": given}), (name, given)
    assert not validator.is_valid({"vendor": "fax", "fields": {}})
