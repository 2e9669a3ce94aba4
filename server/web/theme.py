"""How pages look: the environment of templates, the one style sheet, the icon; no page's content.

The style sheet is the report's own followed by the pages', so that page and report are one family. It is served from
here under an address that changes with it, so that browsers may keep it for ever.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, make_response
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from jinja2 import StrictUndefined
from markupsafe import Markup

from server.core.text import Share
from server.render.charts import bars_section, draw_bars, draw_stacks
from server.render.html import RIGHT, TEMPLATES, cell, heading, lay_out
from server.web.dates import LONGEST_DAY, typed_day
from server.web.forms import missing
from server.web.table_view import arrange, counted, told_of_files

_STATIC = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"


@lru_cache(maxsize=1)
def style() -> bytes:
    """The style sheet."""
    report = (TEMPLATES / "report.css").read_text("utf-8")
    return (report + (_STATIC / "pages.css").read_text("utf-8")).encode()


@lru_cache(maxsize=1)
def style_address() -> str:
    """Where this version of it is."""
    return f"/look-{hashlib.sha256(style()).hexdigest()[:12]}.css"


def show_style(version: str) -> ResponseReturnValue:
    """The style sheet; of whatever version was asked for there is only this one."""
    answer = make_response(style())
    answer.content_type = "text/css; charset=utf-8"
    answer.headers["Cache-Control"] = _FOR_EVER if version in style_address() else "no-cache"
    return answer


def show_icon() -> Response:
    """The icon."""
    answer = make_response((_STATIC / "icon.svg").read_bytes())
    answer.content_type = "image/svg+xml"
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer


def set_up_templates(app: Flask) -> None:
    """What every template may use."""
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.globals.update(
        style_address=style_address(),
        lay_out=lay_out,
        cell=cell,
        heading=heading,
        right=RIGHT,
        Share=Share,
        token=_token,
        draw_bars=draw_bars,
        draw_stacks=draw_stacks,
        bars_section=bars_section,
        arrange=arrange,
        counted=counted,
        told_of_files=told_of_files,
        empty_said=missing,
        typed_day=typed_day,
        longest_day=LONGEST_DAY,
    )


def _token() -> Markup:
    """The hidden field by which a form shows that it is ours (CSRF)."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
