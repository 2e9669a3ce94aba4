"""Serves a WSGI app on loopback over HTTP/1.1 with kept connections, plain or TLS; an app may also drop its caller."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class DropError(Exception):
    """Raised by an app: the connection is closed without an answer."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is no news."""


@contextmanager
def served(app: Callable[..., Any], *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address (no slash at the end) at which the app answers, for as long as the block lasts."""
    server = _Server(("127.0.0.1", 0), _handler(app))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(app: Callable[..., Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 64 * 1024

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            path, _, query = self.path.partition("?")
            environ: dict[str, Any] = {
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "RAW_URI": self.path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(length),
                "SERVER_PROTOCOL": self.protocol_version,
                "wsgi.url_scheme": "https" if isinstance(self.connection, ssl.SSLSocket) else "http",
                "wsgi.input": io.BytesIO(self.rfile.read(length)),
                "HTTP_HOST": self.headers.get("Host", ""),
            }
            for name, value in self.headers.items():
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
            try:
                body = b"".join(app(environ, self._start))
            except DropError:
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(2)
                return
            status, headers = self._answer
            with suppress(OSError):
                self.send_response_only(int(status.split(" ")[0]))
                for name, value in headers:
                    self.send_header(name, value)
                if not status.startswith("204"):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

        def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
            self._answer = status, headers

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._any
            raise AttributeError(name)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
