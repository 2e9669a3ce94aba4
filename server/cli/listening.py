"""One door (WSGI) at an address of this machine until a signal stops it, and why an address cannot be had; no page."""

from __future__ import annotations

import errno
import signal
from collections.abc import Mapping
from socket import socket
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import close_all

from server.cli.session import Session
from server.core.text import Text, phrase

UNSERVED: Mapping[str, tuple[Text, Text]] = {
    "port_used": (
        phrase("Something else serves this address already, so the pages are not served."),
        phrase("Stop it (another closeout serve?), or choose another port with --listen."),
    ),
    "port_denied": (
        phrase("This account may not serve on that port."),
        phrase("Choose a port above 1023, and put a proxy before it."),
    ),
    "not_our_address": (
        phrase("That is no address of this machine."),
        phrase("Listen on 127.0.0.1 behind a proxy, or on an address that this machine has."),
    ),
    "bad_listen": (
        phrase("The address to listen on is not valid."),
        phrase("Give address and port, as in 127.0.0.1:8080."),
    ),
}
"""Why nothing listens there, and what to do."""
_BY_ERROR: Mapping[int, str] = {
    errno.EADDRINUSE: "port_used",
    errno.EACCES: "port_denied",
    errno.EADDRNOTAVAIL: "not_our_address",
}


def check_listen(session: Session, listen: str) -> None:
    """End the command if that is no address and port."""
    port = listen.rpartition(":")[2]
    if not port.isdecimal() or not 0 < int(port) < 65536:
        session.fail("bad_listen", *UNSERVED["bad_listen"])


def open_door(session: Session, door: Any, listen: str, **how: Any) -> Any:
    """A server that listens there and runs until SIGTERM or SIGINT; ends the command if it cannot be had.

    how: settings of Waitress.
    """
    opened: dict[int, socket] = {}  # what the server opened before a port was refused: it leaves that open
    try:
        server = create_server(door, map=opened, listen=listen, ident=None, clear_untrusted_proxy_headers=True, **how)
    except OSError as error:
        close_all(opened, ignore_all=True)
        key = _BY_ERROR.get(error.errno or 0, "bad_listen")
        session.fail(key, *UNSERVED[key])
    except ValueError:
        session.fail("bad_listen", *UNSERVED["bad_listen"])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    return server


def run_until_stopped(server: Any) -> None:
    """Serve until a signal."""
    try:
        server.run()
    except SystemExit:
        pass
    finally:
        server.close()


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit
