"""What people see when something goes wrong: what it is, what they can do, and nothing of what they asked or of us.

The log gets the kind of error and where in our code it happened; never its message, which may hold what was typed.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping

from flask import Flask, g, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from server.core.problems import ApiProblem, PushRefusedError, RefusedError
from server.core.text import phrase
from server.render.traces import where_raised
from server.render.words import Advice, Words
from server.sources.pushed import BodyRefused
from server.store.database import StoreUnavailableError
from server.web.config import Site, asked_language
from server.web.problem_json import OF_STATUS, is_api, of_body, of_refused, problem

_log = logging.getLogger(__name__)

FAULTS: Mapping[int, Advice] = {
    400: Advice(
        phrase("This cannot be read"),
        phrase(
            "Go back, reload the page, and send it again. If it keeps happening, tell your administrator what you did."
        ),
    ),
    403: Advice(
        phrase("This is not for your role"),
        phrase("Go to the first page. If you have several roles, take the right one under your name, top right."),
    ),
    404: Advice(
        phrase("This page is not there"),
        phrase("It may never have existed, or what it was about is gone, or you are not allowed to see it."),
    ),
    405: Advice(phrase("This cannot be done so"), phrase("Go to the page it belongs to, and do it there.")),
    413: Advice(phrase("This is too large"), phrase("Send at most 16 MB at once, and less text in one field.")),
    429: Advice(
        phrase("Too many tries"),
        phrase("Wait a quarter of an hour. If you forgot your password, ask your administrator."),
    ),
    500: Advice(
        phrase("Something went wrong here"),
        phrase("Nothing was saved. Try again. If it keeps happening, give your administrator the number below."),
    ),
    503: Advice(
        phrase("Something we need does not answer"),
        phrase("Try again in a minute. If it keeps happening, give your administrator the number below."),
    ),
}

TOO_MUCH_AT_ONCE = Advice(
    phrase("Too much was asked for at once"),
    phrase(
        "Reports, counts and files take much of the server. Wait a minute and ask again; what you had is still there."
    ),
)
"""The same status as for too many tries, for somebody who is signed in."""
MALWARE = Advice(
    phrase("The file was not imported: the scanner found malware in it"),
    phrase("Do not open it. Tell your administrator where it came from."),
)
NOT_SCANNED = Advice(
    phrase("The file was not imported: the malware scanner does not answer"),
    phrase(
        "Try again in a minute. If it keeps happening, tell your administrator: the scanner has to run "
        "before files are read."
    ),
)

RESTORED = Advice(
    phrase("This database does not fit what was signed: a backup was restored, or it was changed"),
    phrase(
        "What was recorded since is not in it, so nothing is shown and nothing removed until two people have said what "
        "was lost, on the server: closeout backup accept-restore"
    ),
)
"""Instead of every page but those to sign in and out."""


def handle(app: Flask, site: Site) -> None:
    """Give every error of this app a page (or, to programs, a line of JSON)."""

    def show(error: HTTPException) -> ResponseReturnValue:
        code = error.code or 500
        if code < 400 and error.response is not None:
            return error.get_response()
        answer = make_response(fault_page(site, code if code in FAULTS else 400 if code < 500 else 500))
        if isinstance(error, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return answer

    def show_any(error: Exception) -> ResponseReturnValue:
        number = secrets.token_hex(4)
        _log.error("fault %s: %s", number, where_raised(error), extra={"number": number})
        return fault_page(site, 503 if isinstance(error, StoreUnavailableError) else 500, number)

    def show_refused(error: RefusedError) -> ResponseReturnValue:
        return fault_page(site, 404 if error.problem.value in ("not_found", "unknown_case", "unknown_worker") else 400)

    app.register_error_handler(HTTPException, show)
    app.register_error_handler(RefusedError, show_refused)
    app.register_error_handler(PushRefusedError, lambda refused: of_refused(_words(site), refused))
    app.register_error_handler(BodyRefused, lambda refused: of_body(_words(site), refused))
    app.register_error_handler(Exception, show_any)


def _words(site: Site) -> Words:
    found = g.get("here")
    return found.words if found is not None else Words(asked_language(request.accept_languages) or site.language)


def fault_page(site: Site, code: int, number: str = "", *, advice: Advice | None = None) -> ResponseReturnValue:
    """The page of a fault. number: by which the log's line is found. advice: other than what the code alone says."""
    words = _words(site)
    if is_api(request.path):
        restored = advice is RESTORED
        return problem(
            words, ApiProblem.RESTORED if restored else OF_STATUS.get(code, ApiProblem.NOT_JSON), number=number
        )
    advice = advice or FAULTS[code]
    if request.path.startswith("/api/"):
        return jsonify(error=advice.what.message, number=number), code
    return make_response(
        render_template(
            "fault.html",
            words=words,
            what=words.say(advice.what),
            do=words.say(advice.do),
            number=number,
            _=lambda message, **params: words.say(phrase(message, **params)),
        ),
        code,
    )
