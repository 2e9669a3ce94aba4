"""The door of the witness that is shipped: c2sp.org/tlog-witness over HTTP, without pages, accounts or sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from server.core.log.witness_protocol import LONGEST_REQUEST, SIZE_TYPE
from server.work.admin.witnessing import Witness, WitnessReply

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SAID = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Entity",
    503: "Service Unavailable",
}
_ADD, _NEWEST = "/add-checkpoint", "/checkpoint"


def make_door(witness: Witness, say: Callable[[str], None]) -> WSGIApplication:
    """The application. say: takes a line about what a known log signed, and nothing of anybody else."""

    def door(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        reply = _answer(witness, environ)
        if reply.told:
            say(reply.told)
        kind = SIZE_TYPE if reply.names_size else "text/plain; charset=utf-8"
        headers = [("Content-Type", kind), ("Content-Length", str(len(reply.body))), ("Cache-Control", "no-store")]
        start(f"{reply.status} {_SAID[reply.status]}", headers)
        return [reply.body]

    return door


def _answer(witness: Witness, environ: WSGIEnvironment) -> WitnessReply:
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if path == _ADD:
        if method != "POST":
            return WitnessReply(405)
        body = environ["wsgi.input"].read(LONGEST_REQUEST + 1)
        return witness.add_checkpoint(body) if len(body) <= LONGEST_REQUEST else WitnessReply(413)
    if path.endswith(_NEWEST):
        if method != "GET":
            return WitnessReply(405)
        note = witness.newest_note(path[1 : -len(_NEWEST)])
        return WitnessReply(404) if note is None else WitnessReply(200, note)
    return WitnessReply(404)
