"""Every change at a connection, a place, a list, an account or a token says who asked for it, and by which way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from server.app import KINDS
from server.core.log.entries import EntryKind
from server.core.model import Role
from server.store import log
from server.work.admin import access, setup
from server.work.context import AskedBy, Context, WayIn
from server.work.phones import device_lists
from tests.gates import whole_gate
from tests.web.town import PASSWORD, QUICK
from tests.work.world import World

ANNA = AskedBy("account-1", Role.IT_ADMINISTRATOR, WayIn.PAGE)
PLACES = "worker;employer;connection;address\nworker-1;Invented employer;books;/new/\n"
DEVICES = "device;worker;employer\ndevice-9;worker-1;Invented employer\n"
GATE = whole_gate("Invented employer", date(2999, 1, 1), date(2999, 2, 1))


def put(context: Context) -> None:
    setup.put_connection(
        context,
        kinds=KINDS,
        name="more",
        vendor="carddav",
        base_url="https://127.0.0.1:9/",
        login="service",
        secret_file="",
        ca_file=None,
        log_file=None,
    )


def remove(context: Context) -> None:
    put(replace(context, asked_by=None))
    setup.remove_connection(context, "more")


OPEN: dict[str, tuple[Callable[[Context], object], EntryKind, str]] = {
    "a connection": (put, EntryKind.PLACE_CHANGED, "connection_put more"),
    "a connection that is taken away": (remove, EntryKind.PLACE_CHANGED, "connection_removed more"),
    "places": (lambda context: setup.import_places(context, PLACES), EntryKind.PLACE_CHANGED, "places_imported 1"),
    "devices": (
        lambda context: device_lists.import_devices(context, DEVICES),
        EntryKind.PLACE_CHANGED,
        "devices_imported 1",
    ),
    "clearance": (lambda context: setup.record_gate(context, GATE, "somebody"), EntryKind.GATE_RECORDED, "gate "),
}
SEALED: dict[str, Callable[[Context], object]] = {
    "account_added": lambda context: access.add_account(context, "new-1", PASSWORD, [Role.AUDITOR], hasher=QUICK),
    "account_disabled": lambda context: (
        access.add_account(replace(context, asked_by=None), "new-2", PASSWORD, [Role.AUDITOR], hasher=QUICK),
        access.disable_account(context, "new-2"),
    ),
    "token_made": lambda context: access.make_token(context, "monitoring", [access.Scope.STATUS], days=7),
}


def sealed(world: World) -> list[str]:
    """What stands behind the restricted entries, oldest first."""
    with world.context.store.read() as connection:
        rows = [seq for seq, _ in log.bodies(connection)]
        return [text or "" for _, text in log.open_bodies(connection, world.context.keys.sealer, rows)]


@pytest.mark.parametrize("what", OPEN)
def test_the_open_log_names_the_role_and_the_sealed_part_the_account_and_the_way_in(world, what):
    act, kind, said = OPEN[what]
    act(replace(world.context, asked_by=ANNA))
    assert world.logged(kind)[-1]["actor_role"] == "it_administrator"
    assert sealed(world)[-1].startswith(said)
    assert sealed(world)[-1].endswith(" by account-1 as it_administrator through page")


@pytest.mark.parametrize("what", SEALED)
def test_what_is_done_to_accounts_and_tokens_says_in_the_sealed_part_who_did_it(world, what):
    SEALED[what](replace(world.context, asked_by=ANNA))
    assert sealed(world)[-1].startswith(what)
    assert sealed(world)[-1].endswith(" by account-1 as it_administrator through page")


def test_no_account_stands_in_the_open_log(world):
    for act, _, _ in OPEN.values():
        act(replace(world.context, asked_by=ANNA))
    with world.context.store.read() as connection:
        assert not [text for _, text, _ in log.entries(connection) if b"account-1" in text]


def test_what_nobody_asked_for_says_no_role(world):
    setup.import_places(replace(world.context, asked_by=None), PLACES)
    assert "actor_role" not in world.logged(EntryKind.PLACE_CHANGED)[-1]
