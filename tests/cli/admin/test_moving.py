"""An installation moves to PostgreSQL by command: its address stands in a file, and what comes after runs there."""

from __future__ import annotations

import pytest

from tests.cli.shell import Shell
from tests.parts.postgres import Postgres
from tests.store.fixtures import migrate

pytestmark = pytest.mark.parts


def test_everything_goes_on_at_the_new_address_and_nothing_at_the_old(shell: Shell, postgres: Postgres):
    url = postgres.fresh_database(postgres.make_template("migrated", migrate))
    address = shell.folder / "database.url"
    address.write_text(f"{url}\n")
    told = shell.must("move", "--to", str(address))
    assert (told["key"], told["title"]) == (
        "moved",
        "The installation is moved. The old database takes nothing any more.",
    )
    for arguments in (("status",), ("run",), ("account", "list")):
        assert shell.say(*arguments)[1]["key"] == "database_moved"
    assert shell.say("move", "--to", str(address))[1]["key"] == "moved_already"
    shell.environ["CLOSEOUT_DATABASE_FILE"] = str(address)
    assert shell.must("log", "verify", "--restricted")["key"] == "log_sound"
    doctor = {row["what"]: row["remedy"] for row in shell.say("doctor")[1]["sections"][0]["rows"]}
    assert {doctor[name] for name in ("Database", "Log", "Records compared with the log")} == {None}
    assert shell.must("run")["ok"]
    assert shell.say("move", "--to", str(address))[1]["key"] == "not_embedded"
    postgres.drop_database(url)
