"""A real Xandikos, which asks nobody who they are and keeps its books in git; no pytest here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.parts import PartMissingError
from tests.parts.dav import DavServer


@contextmanager
def xandikos_server(folder: Path) -> Iterator[DavServer]:
    """Run Xandikos in `folder` (made if absent) for as long as the block lasts.

    Books are made below its `home`, `user/contacts`. The log is `folder/xandikos.log` and shows no requests.
    Raises PartMissingError where Xandikos is not installed.
    """
    if find_spec("xandikos") is None:
        raise PartMissingError("Xandikos cannot be had here: the package is not installed (extra: dev)")
    store, state = folder.resolve() / "store", folder.resolve() / "state"
    store.mkdir(parents=True, exist_ok=True)
    server = DavServer(
        folder=folder,
        log_path=folder / "xandikos.log",
        home="user/contacts",
        command=lambda port: (
            *(sys.executable, "-m", "xandikos"),
            *("serve", "--directory", str(store), "--defaults", "--state-dir", str(state)),
            *("--no-detect-systemd", "--listen-address", "127.0.0.1", "--port", str(port)),
        ),
        ready="Listening on",
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()
