"""On a restored database that nobody has accepted the pages show signing in, what is to be done, and nothing else."""

from __future__ import annotations

import pytest

from server.core.log.checkpoints import Checkpoint, sign_checkpoint
from server.core.model import CLEARED_FOR_HOLDS, Role
from server.store import log
from server.store.admin import organisation
from server.web.routes import ROUTES
from server.work.admin import access, log_checkpoints


def sign_ahead(town, by: int) -> None:
    """A head of ours over so many entries more than this database has: what was signed before it was restored."""
    with town.store.read() as connection:
        size = log.head(connection).size
        origin = f"closeout/{organisation.read_installation(connection).uid}"
    note = sign_checkpoint(Checkpoint(origin, size + by, b"\1" * 32), town.context.keys.signer, origin)
    with town.context.checkpoint_file.open("a") as heads:
        heads.write(note + "\n")


@pytest.mark.parametrize("role", [Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR, Role.INDEPENDENT_OFFICER])
def test_nobody_sees_a_page_of_a_restored_database(town, enter, role):
    person = enter(role)
    assert person.get("/", follow_redirects=True).status_code == 200
    sign_ahead(town, 5)
    pages = [route for route in ROUTES if route.access and route.method == "GET" and "<" not in route.path]
    seen = {
        route.path: person.get(route.path)
        for route in pages
        if route.name.partition(".")[0] not in ("sign_in", "log") and not isinstance(route.access, access.Scope)
    }
    assert len(seen) > 10
    shown = [answer for answer in seen.values() if answer.status_code == 503]
    otherwise = {path: answer.status_code for path, answer in seen.items() if answer.status_code not in (303, 403, 503)}
    hidden = {} if role in CLEARED_FOR_HOLDS else dict.fromkeys(("/holds", "/inquiries"), 404)
    assert otherwise == hidden, "there is no such address, for them"
    assert len(shown) > 2, "also once our own refusals have made the log longer than that head"
    assert all("accept-restore" in answer.text for answer in shown)


def test_programs_are_told_nothing_of_it_and_people_can_come_in(town, enter, stranger):
    person = enter(Role.PRIVACY_OFFICER)
    token = access.make_token(town.context, "monitoring", [access.Scope.STATUS], days=30)
    sign_ahead(town, 5)
    answer = stranger.get("/api/status", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, set(answer.json)) == (503, {"error", "number"})
    assert stranger.get("/sign-in").status_code == 200
    assert person.get("/again").status_code in (200, 303)


def test_a_head_of_another_history_of_the_same_size_is_as_one_that_is_ahead(town, enter):
    person = enter(Role.PRIVACY_OFFICER)
    sign_ahead(town, 0)
    assert log_checkpoints.is_refused(town.context)
    assert (person.get("/removals").status_code, person.get("/log").status_code) == (503, 200)
