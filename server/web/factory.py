"""Makes the web application from the table of routes; every route of Flask's own making is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect

from server.core.model import Role
from server.web import error_pages, oidc, theme
from server.web.authorise import LARGEST_FORM, asker, on_csrf_error, stand_guard
from server.web.cache import set_up_memo
from server.web.config import Site
from server.web.headers import add_headers
from server.web.navigation import arrange
from server.web.pages.admin.sign_in import sign_in_page
from server.web.request import MENU, here
from server.web.route import Route
from server.web.routes import ROUTES
from server.work.admin.access import Scope
from server.work.context import Context
from server.work.reports.metrics import KEPT, KeptMetrics

_LARGEST_UPLOAD = 16 * 1024 * 1024
_MOST_FIELDS = 200

# Both tell in every request's line what was asked for; we log faults only.
logging.getLogger("flask_wtf.csrf").setLevel(logging.WARNING)
logging.getLogger("flask-limiter").setLevel(logging.ERROR)


def create_app(site: Site, make_context: Callable[[], Context]) -> Flask:
    """The application. make_context: called for each request, with the policy and the connections of that moment."""
    app = Flask("server.web", static_folder=None)
    app.config.update(
        SECRET_KEY=site.secret,
        SESSION_COOKIE_NAME="__Host-closeout-form" if site.secure else "closeout-form",
        SESSION_COOKIE_SECURE=site.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        TRUSTED_HOSTS=[urlsplit(site.url).hostname],
        MAX_CONTENT_LENGTH=_LARGEST_UPLOAD,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM,
        MAX_FORM_PARTS=_MOST_FIELDS,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_STORAGE_URI="memory://",
    )
    error_pages.handle(app, site)
    stand_guard(app, site, make_context, {route.name: route for route in ROUTES}, sign_in_page)
    forms = CSRFProtect(app)
    app.register_error_handler(CSRFError, on_csrf_error)
    limiter = Limiter(get_remote_address, app=app)
    for route in ROUTES:
        view = route.view
        if route.limited:
            view = limiter.limit(site.sign_in_rate, key_func=_who_tries)(view)
            view = limiter.limit(site.sign_in_rate_name, key_func=_whom_they_try)(view)
        if route.events:
            view = forms.exempt(limiter.limit(site.event_rate, deduct_when=_is_unproven)(view))
        if isinstance(route.access, Scope):
            view = forms.exempt(view)  # a token is shown by a program, and never by a browser on somebody's behalf
        app.add_url_rule(route.path, route.name, view, methods=[route.method], provide_automatic_options=False)
    app.extensions[MENU] = {
        role: arrange(
            role,
            [
                (route.name, route.menu)
                for route in ROUTES
                if route.menu and role in _roles(route) and role not in route.elsewhere
            ],
        )
        for role in Role
    }
    app.extensions[KEPT] = KeptMetrics(make_context)
    set_up_memo(app)
    oidc.connect(app, site)
    add_headers(app, site)
    theme.set_up_templates(app)
    return app


def _roles(route: Route) -> frozenset[Role]:
    return route.access if isinstance(route.access, frozenset) else frozenset()


def _is_unproven(answer: Response) -> bool:
    """Whether an event counts for the rate: a case service may tell of a thousand cases at once, once it is proven."""
    return answer.status_code != 204


def _who_tries() -> str:
    """Who tries to sign in; a known device by itself, whoever else asks from the same address."""
    who = asker()
    return f"{who.way} {who.known_by}" if here().person is None else here().signed_in.uid


def _whom_they_try() -> str:
    """Who tries, and whom to be: nobody is kept out by what somebody else tries."""
    return f"{request.form.get('name', '').strip().lower()[:64]} {_who_tries()}"
