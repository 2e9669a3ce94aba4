"""An installation of the demo organisation on a real CardDAV server, driven by the command alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server import app
from server.cli import run_command
from server.settings import read_settings
from server.sources.invented import Organisation, invent, write_export
from server.store import log
from server.store.admin import organisation as organisation_rows
from tests.cli.shell import Shell
from tests.demo import SERVICE, books, list_places
from tests.parts.dav import DavServer
from tests.store.fixtures import lay_tables


@dataclass(frozen=True)
class Told:
    """What one command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """Somebody at the command line of one installation."""

    organisation: Organisation
    server: DavServer
    folder: Path
    environ: dict[str, str]
    capture: Callable[[], Any] = field(repr=False)

    def say(self, *arguments: str) -> Told:
        self.capture()
        status = run_command(arguments, self.environ)
        said = self.capture()
        return Told(status, said.out, said.err)

    def must(self, *arguments: str) -> Told:
        told = self.say(*arguments)
        assert told.status == 0, (arguments, told.out, told.err)
        return told

    def set_up(self) -> None:
        lay_tables(f"sqlite:///{self.folder / 'installation' / 'closeout.db'}")
        secret = self.folder / "service.password"
        secret.write_text(self.server.password(SERVICE))
        secret.chmod(0o600)
        self.must("init", self.organisation.name, "--demo")
        self.must(
            *("connection", "put", "books", "--vendor", "carddav", "--url", self.server.url, "--login", SERVICE),
            *("--secret-file", str(secret), "--log-file", str(self.server.log_path)),
        )
        self.must("place", "import", str(list_places(self.organisation, self.server, self.folder)))

    def take_in(self) -> Told:
        exported = write_export(self.organisation, self.folder, "generic-en")
        return self.must("cases", "import", *map(str, exported), "--mapping", "generic-en")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    organisation = invent("tiny", seed=1, now=datetime.now(UTC))
    with books(organisation, tmp_path) as server:
        environ = {"CLOSEOUT_HOME": str(tmp_path / "installation"), "LANG": "en"}
        desk = Desk(organisation, server, tmp_path, environ, capsys.readouterr)
        desk.set_up()
        yield desk


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys.readouterr)
    lay_tables(f"sqlite:///{tmp_path / 'installation' / 'closeout.db'}")
    shell.must("init", "Invented organisation", "--demo")
    settings = read_settings(shell.environ)
    store = app.open_store(settings)
    log.watch_tables(store, app.read_keys(settings).sealer, app.system_clock)
    with store.write() as connection:
        employer = organisation_rows.employer_named(connection, "Invented employer")
        to = organisation_rows.put_connection(
            connection,
            {"name": "b", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
        for n in range(1, 8):
            worker = organisation_rows.put_worker(connection, f"worker-{n}", employer, "team-1")
            organisation_rows.put_place(
                connection, uid=f"place-{n}", connection_id=to, worker_id=worker, address=f"b-{n}",
                devices={f"device-{n}": ""},
            )  # fmt: skip
    store.close()
    return shell
