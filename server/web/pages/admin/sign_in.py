"""The door: signing in and out, proving again who one is, taking another role, choosing a language."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from flask import abort, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from server.core.model import Role
from server.core.problems import AccessRefusedError
from server.core.text import Text, phrase
from server.render.sentences import LANGUAGES
from server.store import pages
from server.store.admin.accounts import AccountRow
from server.web import oidc
from server.web.authorise import (
    DRAFT_KEY,
    asker,
    device_cookie,
    is_fresh,
    keep_device,
    safe_next,
    start_session,
    stop_session,
)
from server.web.drafts import FormDraft, open_draft
from server.web.forms import EMPTY, Filled, Input, InputKind, read_form
from server.web.headers import origin
from server.web.request import fill, here, notify
from server.work.admin import access
from server.work.admin.access import AtProvider, Factors, Person

_log = logging.getLogger(__name__)

_NAME = Input("name", phrase("Name"), complete="username", longest=64)
_PASSWORD = Input(
    "password", phrase("Password"), InputKind.SECRET, complete="current-password", longest=access.LONGEST_PASSWORD
)
_CODE = Input(
    "code",
    phrase("Code of six digits"),
    complete="one-time-code",
    longest=12,
    hint=phrase("From the app on your phone that shows codes."),
)
_ENTER = (_NAME, _PASSWORD, _CODE)
_PROVE = (_PASSWORD, _CODE)
_WRONG = phrase(
    "The name, the password or the code is not right, or the code was used before. After several wrong tries you have "
    "to wait some hours, unless you are at a device that you signed in from before. Wait for a new code and try again."
)
_NOT_IN: Mapping[oidc.Refusal, Text] = {
    oidc.Refusal.UNSOUND: phrase("Your organisation's sign-in did not let you in. Try again."),
    oidc.Refusal.OVERAGE: phrase(
        "You are in more groups than your organisation's sign-in can tell us. Ask your administrator to give roles of "
        "this application (app roles) instead of groups, or to tell us only the groups of this application."
    ),
    oidc.Refusal.UNREADABLE: phrase(
        "Your organisation's sign-in told your roles in a form that cannot be read here. Ask your administrator to set "
        "which claim holds them."
    ),
    oidc.Refusal.NOT_PROVEN: phrase(
        "Your organisation's sign-in did not ask you again who you are, or did not tell us when it did. Try again, and "
        "sign in there with your own hands. If that does not help, ask your administrator to have it tell us "
        "(auth_time)."
    ),
}
_PICKED = tuple(role for role in Role if role not in (Role.CASE_SYSTEM, Role.WORKER))
_SECOND = (Role.PRIVACY_OFFICER,)
"""Roles of which a demo has two persons, since some acts need a second one."""


def show() -> ResponseReturnValue:
    """The page to sign in on."""
    if here().person is not None:
        return redirect(url_for("home.go"), 303)
    return sign_in_page()


def sign_in_page(draft: str = "", *, filled: Filled = EMPTY, fault: Text | None = None) -> str:
    """draft: what somebody had filled in when their session ended, sealed for them."""
    at = here()
    workers: list[str] = []
    if at.site.picker:
        with at.context.store.read() as connection:
            workers = list(pages.some_workers(connection))
    return fill(
        "sign_in.html",
        phrase("Sign in"),
        inputs=_ENTER,
        filled=filled,
        fault=fault,
        draft=draft or request.form.get("draft", ""),
        kept=bool(draft),
        following=request.values.get("next", ""),
        provider=at.site.provider is not None,
        picked=_PICKED if at.site.picker else (),
        second=_SECOND,
        workers=workers,
    )


def enter() -> ResponseReturnValue:
    """Name, password and code."""
    at = here()
    filled = read_form(request.form, _ENTER)
    if not filled.sound:
        return sign_in_page(filled=filled), 400
    values = filled.values
    row = access.check_factors(
        at.context,
        values["name"],
        values["password"],
        values["code"],
        asker=asker(),
        hasher=at.site.hasher,
    )
    if row is None:
        return sign_in_page(filled=filled, fault=_WRONG), 403
    answer = make_response(_come_in(row))
    if row.failures:
        notify("tries_failed", count=row.failures)
    return keep_device(answer, at.site, access.remember_device(at.context, row, device_cookie()))


def pick() -> ResponseReturnValue:
    """In a demo: a role, and for a worker which one."""
    at = here()
    if not at.site.picker:
        abort(404)
    wanted, _, nth = request.form.get("role", "").partition(".")
    worker = request.form.get("worker") or None
    if wanted not in {*_PICKED, Role.WORKER} or nth not in ("", "2") or (worker is None) != (wanted != Role.WORKER):
        abort(400)
    try:
        row = access.demo_account(at.context, Role(wanted), nth=int(nth or 1), worker=worker)
    except AccessRefusedError:
        abort(400)
    return _come_in(row)


def away() -> ResponseReturnValue:
    """Off to the identity provider."""
    following = safe_next(request.form.get("next", "/"))
    return oidc.send_away(following, draft=request.form.get("draft", ""), prove=False)


def back() -> ResponseReturnValue:
    """Back from the identity provider, with an answer or a refusal."""
    at = here()
    answer = oidc.take_back()
    if isinstance(answer, oidc.Refusal):
        if at.person is not None and answer is oidc.Refusal.NOT_PROVEN:
            return _prove_page(EMPTY, fault=_NOT_IN[answer]), 403
        return sign_in_page(fault=_NOT_IN[answer]), 403
    row = access.provided(at.context, answer.issuer, answer.subject, answer.roles, answer.worker)
    if row is None:
        return sign_in_page(
            fault=phrase(
                "You are known, but you have no role here. Ask your administrator to give your account a role "
                "for this application."
            )
        ), 403
    if answer.prove:
        person = at.person
        if person is None or person.uid != row.uid:
            return sign_in_page(fault=phrase("That was another account. Sign in again.")), 403
        return _proven(person, answer.following, at=answer.there.proven_at)
    return _come_in(row, there=answer.there, following=answer.following, draft=answer.draft)


def signed_out() -> ResponseReturnValue:
    """The identity provider tells us, and no browser, that somebody signed out there (Back-Channel Logout)."""
    at = here()
    if at.site.provider is None:
        abort(404)
    told = oidc.read_logout(request.form.get("logout_token", ""))
    taken = told is not None and access.sign_out_there(
        at.context,
        at.site.provider.issuer,
        subject=told.subject,
        session=told.session,
        once=(told.key, told.ends_at),
    )
    if not taken:
        return make_response({"error": "invalid_request"}, 400)
    return make_response("", 200)


def framed_out() -> ResponseReturnValue:
    """The same by a frame in the browser (Front-Channel Logout), which brings no cookie of ours: by the session's name.

    Only who signed in with the provider in that session knows that name. The answer is the same whether there was one.
    """
    at = here()
    if at.site.provider is None:
        abort(404)
    session_there = request.args.get("sid", "")
    if request.args.get("iss", "").rstrip("/") == at.site.provider.issuer.rstrip("/") and session_there:
        access.sign_out_there(at.context, at.site.provider.issuer, subject=None, session=session_there)
    answer = make_response("", 200)
    answer.headers["Content-Security-Policy"] = f"default-src 'none'; frame-ancestors {origin(at.site.provider.issuer)}"
    return answer


def prove() -> ResponseReturnValue:
    """Ask again who somebody is, before an act that two people are needed for."""
    at = here()
    if is_fresh(at):
        return _after_proof()
    return _prove_page(EMPTY)


def proven() -> ResponseReturnValue:
    """The proof."""
    at = here()
    person = at.signed_in
    if person.factors is Factors.PROVIDER:
        return oidc.send_away(request.form.get("next", ""), draft="", prove=True)
    if person.factors is Factors.LOCAL:
        filled = read_form(request.form, _PROVE)
        if not filled.sound:
            return _prove_page(filled), 400
        row = access.check_factors(
            at.context,
            person.name or "",
            filled.values["password"],
            filled.values["code"],
            asker=asker(),
            hasher=at.site.hasher,
        )
        if row is None:
            return _prove_page(filled, fault=_WRONG), 403
    return _proven(person)


def again() -> ResponseReturnValue:
    """What was filled in before and not taken in: to be sent again."""
    at = here()
    draft = open_draft(at.context, at.signed_in.uid, session.pop(DRAFT_KEY, ""))
    return redirect(url_for("home.go"), 303) if draft is None else _again_page(draft)


def leave() -> ResponseReturnValue:
    """Sign out, at the identity provider too."""
    at = here()
    person = at.signed_in
    hint = access.hint_of(at.context, person)
    access.end_session(at.context, at.token)
    language = at.words.language
    session.clear()
    session["language"] = language
    notify("signed_out")
    onward = oidc.leave_there(hint) if person.factors is Factors.PROVIDER else None
    answer = stop_session(make_response(redirect(onward or url_for("sign_in.show"), 303)), at.site)
    # Whoever comes to this browser next finds no page by going back. Not "cookies": the language and the notice go on.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def take_role() -> ResponseReturnValue:
    """Act in another of one's roles."""
    at = here()
    wanted = request.form.get("role", "")
    role = Role(wanted) if wanted in set(Role) else None
    token = None if role is None else access.change_role(at.context, at.token, at.signed_in, role)
    if token is None:
        abort(403)
    notify("role_taken")
    return start_session(make_response(redirect(url_for("home.go"), 303)), at.site, token)


def speak() -> ResponseReturnValue:
    """Another language, remembered for whoever is signed in."""
    at = here()
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    session["language"] = language
    if at.person is not None:
        access.set_language(at.context, at.person, language)
    following = request.form.get("next", "/")
    return redirect(url_for("sign_in.show") if at.person is None else safe_next(following), 303)


def _come_in(
    row: AccountRow, *, there: AtProvider | None = None, following: str | None = None, draft: str | None = None
) -> ResponseReturnValue:
    """Begin a session under a new key, forgetting all that the browser brought (session fixation)."""
    at = here()
    if not row.roles:
        abort(403)
    following = safe_next(request.form.get("next", "/") if following is None else following)
    sealed = request.form.get("draft", "") if draft is None else draft
    token = access.begin_session(at.context, row, limits=at.site.limits, there=there)
    if at.token:
        access.end_session(at.context, at.token)
    language = row.language or at.words.language
    session.clear()
    g.pop("csrf_token", None)
    session["language"] = language
    kept = open_draft(at.context, row.uid, sealed)
    answer = redirect(following, 303) if kept is None else _again_page(kept)
    return start_session(make_response(answer), at.site, token)


def _proven(person: Person, following: str | None = None, *, at: datetime | None = None) -> ResponseReturnValue:
    asked = here()
    token = access.prove_again(asked.context, asked.token, person, at=at)
    return start_session(make_response(_after_proof(following)), asked.site, token)


def _after_proof(following: str | None = None) -> ResponseReturnValue:
    """To what was filled in before, or to the page that asked for the proof."""
    wanted = request.values.get("next", "") if following is None else following
    return redirect(safe_next(wanted) if wanted else url_for("sign_in.again"), 303)


def _prove_page(filled: Filled, fault: Text | None = None) -> str:
    at = here()
    return fill(
        "prove.html",
        phrase("Show again that it is you"),
        inputs=_PROVE if at.signed_in.factors is Factors.LOCAL else (),
        filled=filled,
        fault=fault,
        following=request.values.get("next", ""),
    )


def _again_page(draft: FormDraft) -> str:
    return fill("again.html", phrase("Send it again"), draft=draft)
