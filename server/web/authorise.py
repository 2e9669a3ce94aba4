"""Stands before every page: nobody comes in but by the table of routes; a stranger is shown the door, kindly.

What somebody had filled in when their session ended, or when an act asks for a fresh proof, is handed back to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from limits import parse, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from server.core.admin.sign_in_tries import LONGEST_DEVICE, Asker, KnownBy
from server.core.problems import ApiProblem
from server.render.sentences import LANGUAGES
from server.render.words import Words
from server.web.config import Site, asked_language, is_loopback
from server.web.drafts import seal_draft
from server.web.error_pages import MALWARE, NOT_SCANNED, RESTORED, TOO_MUCH_AT_ONCE, fault_page
from server.web.problem_json import is_api, problem
from server.web.request import Here, here, notify
from server.web.route import Route
from server.work.admin import access, log_checkpoints
from server.work.admin.access import Over, Person
from server.work.admin.scanning import ScanVerdict
from server.work.context import AskedBy, Context, WayIn

TOKEN_COOKIE = "closeout"  # noqa: S105 - a cookie's name
DRAFT_KEY = "draft"
LARGEST_FORM = 256 * 1024
_LONGEST_KEPT_IN_COOKIE = 2_000


def cookie_name(site: Site) -> str:
    """Bound to this host alone where there is TLS (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{TOKEN_COOKIE}" if site.secure else TOKEN_COOKIE


def stand_guard(
    app: Flask,
    site: Site,
    make_context: Callable[[], Context],
    routes: Mapping[str, Route],
    show_door: Callable[[str], str],
) -> None:
    """Let nothing through that `routes` (by endpoint) does not allow; must be registered before anything else is.

    show_door: the page to sign in on, with what somebody had filled in (sealed).
    """
    counted, noted, costly = (
        FixedWindowRateLimiter(MemoryStorage()),
        parse(site.refusal_rate),
        parse_many(site.costly_rate),
    )

    @app.before_request
    def come_in() -> ResponseReturnValue | None:
        if request.mimetype != "multipart/form-data":
            # The library bounds each part of an upload; a plain form it would read whole.
            request.max_content_length = LARGEST_FORM
        context = make_context()
        token = request.cookies.get(cookie_name(site), "")
        found = access.find_person(context, token, limits=site.limits) if token else None
        person = found if isinstance(found, Person) else None
        context = _asked_by(context, person)
        g.here = Here(site, context, Words(_language(site, person)), person, token)
        route = routes.get(request.endpoint or "")
        if route is None or _is_hidden(route, found):
            _nowhere(route, routes)
            return None
        if site.picker and not is_loopback(request.remote_addr or ""):
            abort(403)
        if route.access is None:
            return None
        if isinstance(route.access, access.Scope):
            return _program(context, route.access)
        if person is None:
            return _stranger(context, site, found, show_door)
        if person.role not in route.access:
            endpoint = request.endpoint or "-"
            if counted.hit(noted, person.uid, endpoint):  # what comes after says nothing new, and would fill the log
                access.note_refusal(context, person, endpoint)
            abort(403)
        first = _first(person, route)
        if first is not None:
            return first
        over = (route.costly or _asks_for_file()) and not all(counted.hit(each, person.uid) for each in costly)
        if over and counted.hit(noted, person.uid, "costly"):
            access.note_refusal(context, person, "too_much_at_once")
        return fault_page(site, 429, advice=TOO_MUCH_AT_ONCE) if over else _scanned(context, site, person)

    _shut_while_refused(app, site, routes)


def _asked_by(context: Context, person: Person | None) -> Context:
    """With whose acts these are, for the log."""
    if person is None:
        return context
    return replace(context, asked_by=AskedBy(person.uid, person.role, WayIn.PAGE))


def _is_hidden(route: Route, found: Person | access.Over | None) -> bool:
    """Whether who asks is not to learn that there is such an address; whose session is over is asked to sign in again
    where they may be there.
    """
    if not route.hidden or not isinstance(route.access, frozenset):
        return False
    roles = {found.role} if isinstance(found, Person) else set() if found is None else set(found.roles)
    return not roles & route.access


def _nowhere(route: Route | None, routes: Mapping[str, Route]) -> None:
    """What is answered where there is nothing, or nothing for who asks, whatever they send to it."""
    first = request.path.split("/")[1]
    if route is not None or any(each.hidden and each.path.split("/")[1] == first for each in routes.values()):
        abort(404)
    if request.routing_exception is None:
        abort(403)


def _shut_while_refused(app: Flask, site: Site, routes: Mapping[str, Route]) -> None:
    """Show nothing of a database that does not fit what was signed, but signing in and the page of the log."""

    @app.before_request
    def shut() -> ResponseReturnValue | None:
        route = routes.get(request.endpoint or "")
        if route is None or route.access is None or route.name.partition(".")[0] in ("sign_in", "log"):
            return None
        by_program = isinstance(route.access, access.Scope)
        refused = log_checkpoints.was_refused if by_program else log_checkpoints.is_refused
        return fault_page(site, 503, advice=RESTORED) if refused(here().context) else None


def _first(person: Person, route: Route) -> ResponseReturnValue | None:
    """What somebody has to do before this page of their role; None: nothing."""
    if person.handed_out and route.name.partition(".")[0] not in ("sign_in", "your_account"):
        return redirect(url_for("your_account.show"), 303)
    return ask_for_proof() if route.fresh and not is_fresh(here()) else None


def is_fresh(at: Here) -> bool:
    """Whether this person proved lately enough who they are for an act that needs it."""
    proven_at = at.signed_in.proven_at
    return proven_at is not None and at.context.now() - proven_at < at.site.limits.proof


def _scanned(context: Context, site: Site, person: Person) -> ResponseReturnValue | None:
    """Show each file that came along to the scanner, where there is one; None: nothing stands against them."""
    if site.scanner is None or request.mimetype != "multipart/form-data":
        return None
    for file in chain.from_iterable(request.files.listvalues()):
        verdict = site.scanner.scan(file.stream.read())
        file.stream.seek(0)
        if verdict is ScanVerdict.CLEAN:
            continue
        access.note_refusal(context, person, f"file_{verdict}")
        found = verdict is ScanVerdict.MALWARE
        return fault_page(site, 422 if found else 503, advice=MALWARE if found else NOT_SCANNED)
    return None


def _asks_for_file() -> bool:
    """Whether a table is asked for whole, as a file (`table_view`)."""
    return any(name == "file" or name.endswith(".file") for name in request.args)


def ask_for_proof() -> ResponseReturnValue:
    """Off to prove it, with what they had filled in; then it can be sent again.

    A password that was filled in is not kept: then it goes back to the page itself, to be filled in again.
    """
    at = here()
    if request.method == "POST" and not request.form.get("password"):
        keep_draft(seal_draft(at.context, at.signed_in.uid, request.path, request.form))
        return redirect(url_for("sign_in.prove"), 303)
    return redirect(url_for("sign_in.prove", next=request.path), 303)


def keep_draft(draft: str) -> None:
    """Keep it in the form cookie until they are back."""
    if draft and len(draft) <= _LONGEST_KEPT_IN_COOKIE:
        session[DRAFT_KEY] = draft


def start_session(response: Response, site: Site, token: str) -> Response:
    """Hand the browser what it signs in with from now on."""
    response.set_cookie(
        cookie_name(site), token, secure=site.secure, httponly=True, samesite="Lax", path="/", max_age=None
    )
    return response


def stop_session(response: Response, site: Site) -> Response:
    """Let the browser forget it."""
    response.delete_cookie(cookie_name(site), secure=site.secure, httponly=True, samesite="Lax", path="/")
    return response


def asker() -> Asker:
    """Who tries to prove who they are: whoever is signed in, a device that is known, or somebody at an address."""
    at = here()
    if at.person is not None:
        return Asker(KnownBy.SESSION)
    name = request.form.get("name", "")
    return access.who_asks(at.context, name, device_cookie(), request.remote_addr or "")


def device_cookie() -> str:
    """What this browser keeps of those who signed in from it."""
    return request.cookies.get(_device_cookie_name(here().site), "")


def keep_device(response: Response, site: Site, value: str) -> Response:
    """Let the browser be known the next time. It signs nobody in, and stays when they sign out."""
    response.set_cookie(
        _device_cookie_name(site),
        value,
        secure=site.secure,
        httponly=True,
        samesite="Lax",
        path="/",
        max_age=LONGEST_DEVICE,
    )
    return response


def _device_cookie_name(site: Site) -> str:
    return f"{cookie_name(site)}-device"


def safe_next(wanted: str) -> str:
    """Where to go after signing in: a page of ours that can be asked for, or the first page; never another site."""
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    if "\\" in wanted or any(sign < " " for sign in wanted) or len(wanted) > 1_000:
        return "/"
    try:
        endpoint, _ = current_app.url_map.bind("localhost").match(parts.path, method="GET")
    except (HTTPException, RequestRedirect):
        return "/"
    return "/" if str(endpoint).startswith("sign_in.") else wanted


def on_csrf_error(_error: CSRFError) -> ResponseReturnValue:
    """A form with a token of another session: sent from a tab that was left open is sent again by a click."""
    at = here()
    own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if own and at.person is not None:
        keep_draft(seal_draft(at.context, at.person.uid, request.path, request.form))
        return redirect(url_for("sign_in.again"), 303)
    if own and request.endpoint in ("sign_in.enter", "sign_in.pick", "sign_in.leave", "sign_in.speak"):
        return redirect(url_for("sign_in.show"), 303)
    return fault_page(at.site, 400)


def _stranger(
    context: Context, site: Site, found: Over | Person | None, show_door: Callable[[str], str]
) -> ResponseReturnValue:
    if request.method in ("GET", "HEAD"):
        if isinstance(found, Over):
            notify("ended")
        wanted = request.full_path.rstrip("?")
        door = url_for("sign_in.show") if wanted == "/" else url_for("sign_in.show", next=wanted)
        return stop_session(make_response(redirect(door)), site)
    if not isinstance(found, Over):
        abort(403)
    draft = seal_draft(context, found.uid, request.path, request.form)
    return stop_session(make_response(show_door(draft), 403), site)


def _program(context: Context, scope: access.Scope) -> ResponseReturnValue | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    program = access.find_token(context, token.strip()) if kind.lower() == "bearer" else None
    if program is not None and access.may(program, scope):
        here().program = program
        return None
    if is_api(request.path):
        return problem(here().words, ApiProblem.UNAUTHORISED if program is None else ApiProblem.OTHER_SCOPE)
    refused = make_response({"error": "unauthorised"}, 401)
    refused.headers["WWW-Authenticate"] = 'Bearer realm="closeout"'
    return refused


def _language(site: Site, person: Person | None) -> str:
    if person is not None and person.language in LANGUAGES:
        return str(person.language)
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    return asked_language(request.accept_languages) or site.language
