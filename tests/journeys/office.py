"""An installation on real CardDAV servers, worked through the command as people do; no test lives here."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from sqlalchemy import Row, create_engine, text

from server.cli import run_command
from server.core.identity.reading import registered
from server.core.identity.tokens import Tokeniser
from server.core.log.entries import LogEntry, read_entry
from tests.parts.dav import DavServer
from tests.store.fixtures import lay_tables


class Office:
    """One installation. `say` runs a command and gives its answer; `ask` reads rows past the product."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.environ = {"CLOSEOUT_HOME": str(folder / "installation"), "CLOSEOUT_DATABASE": database_url}

    def say(self, *arguments: str, role: str = "", status: int = 0) -> Mapping[str, Any]:
        """The command's answer in JSON; it must end with this status."""
        out = io.StringIO()
        with redirect_stdout(out):
            ended = run_command(["--json", *(("--as", role) if role else ()), *arguments], self.environ)
        assert ended == status, (arguments, ended, out.getvalue())
        answer: Mapping[str, Any] = json.loads(out.getvalue())
        return answer

    def set_up(self, server: DavServer, places: Path, export: Sequence[Path], *, login: str, log: bool) -> None:
        """Everything up to the first look."""
        secret = self.folder / "secret"
        secret.write_text(server.password(login) if login else "")
        secret.chmod(0o600)
        lay_tables(self.database_url)
        self.say("init", "Invented organisation", "--demo")
        self.say(
            *("connection", "put", "books", "--vendor", "carddav", "--url", server.url),
            *(("--login", login, "--secret-file", str(secret)) if login else ()),
            *(("--log-file", str(server.log_path)) if log else ()),
        )
        self.say("place", "import", str(places))
        if export:
            self.say("cases", "import", *map(str, export), "--mapping", "generic-en")

    def ask(self, query: str) -> Sequence[Row[Any]]:
        """Rows, by SQL."""
        engine = create_engine(self.database_url)
        with engine.connect() as connection:
            rows = connection.execute(text(query)).all()
        engine.dispose()
        return rows

    def log(self) -> Iterator[LogEntry]:
        for row in self.ask("SELECT canonical FROM log_entry ORDER BY seq"):
            yield read_entry(bytes(row.canonical))

    def tokens(self, identifier: str) -> frozenset[bytes]:
        """The tokens of an identifier under this installation's key."""
        key = self.folder / "installation" / "keys" / "identifier.key"
        return frozenset(bytes(Tokeniser(key.read_bytes()).token(each)) for each in registered(identifier))

    def figures(self, folder: Path) -> Mapping[str, Any]:
        """The figures of a removal report made now."""
        self.say("report", "removals", "--out", str(folder), role="privacy_officer")
        (file,) = folder.glob("*.json")
        report = json.loads(file.read_text())
        return {figure["key"]: figure["value"] for figure in report["figures"]}
