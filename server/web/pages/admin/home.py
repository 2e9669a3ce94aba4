"""The first page: where each role begins."""

from __future__ import annotations

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue

from server.store.admin import organisation
from server.web.request import here, menu


def go() -> ResponseReturnValue:
    """To the first page of the menu of whoever asks; of an empty installation, to its first steps."""
    at = here()
    entries = [name for entry in menu(at.role) for name, _ in entry.links]
    if not entries:
        abort(403)
    if "start.show" in entries:
        with at.context.store.read() as connection:
            if not organisation.read_connections(connection):
                return redirect(url_for("start.show"), 303)
    return redirect(url_for(entries[0]), 303)
