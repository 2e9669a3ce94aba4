"""The commands of connections: what can be connected, what each says, what is refused, and how one goes away."""

from __future__ import annotations

import json

from click.testing import CliRunner
from jsonschema import Draft202012Validator

from server.app import KINDS
from server.cli.commands import closeout
from tests.cli.phones.test_devices import section
from tests.cli.shell import Shell

CANARY = "canary-Xq7"
GRAPH = ("connection", "put", "mail", "--vendor", "graph", "--url", "http://127.0.0.1:9/v1.0", "--secret-file", "a.key")
OPTIONS = ("--login", "client-1", "--option", "tenant=organisation.example", "--option", "authority=http://127.0.0.1:9")


def test_every_kind_is_listed_and_each_field_of_it_is_told(shell: Shell) -> None:
    assert [row["vendor"] for row in section(shell.must("connection", "kinds"), "kinds")] == list(KINDS)
    for name, kind in KINDS.items():
        told = shell.must("connection", "kinds", name)
        assert [row["name"] for row in section(told, "fields")] == [each.name for each in kind.fields]
        assert [row["grant"] for row in section(told, "grants")] == [each.name for each in kind.grants]
    assert shell.say("connection", "kinds", "fax") == (1, shell.say("connection", "kinds", "fax")[1])
    assert shell.say("connection", "kinds", "fax")[1]["key"] == "unknown_vendor"


def test_the_help_of_put_names_every_option_of_every_kind() -> None:
    said = CliRunner().invoke(closeout, ["connection", "put", "--help"], obj={}).output
    end = said.partition("What --option may name")[2]
    assert [
        name for name, kind in KINDS.items() if name not in end or any(each.name not in end for each in kind.own)
    ] == []


def test_the_schema_is_printed_and_is_one() -> None:
    said = CliRunner().invoke(closeout, ["connection", "schema"], obj={})
    Draft202012Validator.check_schema(json.loads(said.output))


def test_what_cannot_be_meant_is_refused_with_every_field_and_an_unknown_name_is_not_repeated(shell: Shell) -> None:
    status, told = shell.say(
        *GRAPH, "--option", f"{CANARY}=1", "--option", "delete=never", "--option", "authority=ftp://x"
    )
    assert (status, told["key"], CANARY in json.dumps(told)) == (1, "wrong_fields", False)
    assert {row["field"]: row["fault"]["code"] for row in section(told, "faults")} == {
        "?": "unknown",
        "authority": "not_an_address",
        "delete": "not_a_choice",
        "login": "missing",
        "tenant": "missing",
    }
    assert section(shell.must("connection", "list"), "connections")[0]["name"] == "b"


def test_a_demo_reaches_no_address_beyond_this_machine_not_even_the_usual_one(shell: Shell) -> None:
    status, told = shell.say(*GRAPH, "--login", "client-1", "--option", "tenant=organisation.example")
    assert (status, told["key"]) == (1, "demo_not_loopback")


def test_options_stay_until_they_are_said_anew_and_go_with_their_vendor(shell: Shell) -> None:
    shell.must(*GRAPH, *OPTIONS)
    again = [each for each in (*GRAPH, "--login", "client-2") if each]
    shell.must(*again)
    shell.must("connection", "put", "mail", "--vendor", "carddav", "--url", "http://127.0.0.1:9/")
    rows = section(shell.must("connection", "list"), "connections")
    assert [(row["name"], row["vendor"]) for row in rows] == [("b", "memory"), ("mail", "carddav")]


def test_a_connection_is_taken_away_unless_a_place_is_known_by_it(shell: Shell) -> None:
    shell.must(*GRAPH, *OPTIONS)
    assert shell.must("connection", "remove", "mail")["key"] == "connection_removed"
    assert [shell.say("connection", "remove", name)[1]["key"] for name in ("mail", "b")] == [
        "unknown_connection",
        "in_use",
    ]
