"""Tokens of programs: what each may do and when it was used last; an administrator ends one."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.problems import AccessRefusedError
from server.core.text import phrase
from server.render import page_names
from server.render.admin import tokens as tell
from server.render.refusals import at_page
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import Here, fill, here, notify
from server.work.admin import access


def show() -> ResponseReturnValue:
    """The list, and the form to end one."""
    return _page(EMPTY)


def end() -> ResponseReturnValue:
    """End it at once; who has it comes in no more."""
    at = here()
    filled = read_form(request.form, _inputs(at))
    if not filled.sound:
        return _page(filled), 400
    try:
        access.revoke_token(at.context, filled.values["name"])
    except AccessRefusedError as refused:
        return _page(filled.with_fault("name", at_page(refused.problem))), 409
    notify("token_ended")
    return redirect(url_for("tokens.show"), 303)


def _inputs(at: Here) -> tuple[Input, ...]:
    now = at.context.now()
    names = [row.name for row in access.list_tokens(at.context) if tell.in_force(row, now)]
    choices = tuple(Choice(name, name) for name in names)
    hint = phrase("Whatever uses it is refused from then on. A new one is made at the command: closeout token add")
    return (Input("name", phrase("Which token"), InputKind.CHOICE, choices=choices, hint=hint),)


def _page(filled: Filled) -> str:
    at = here()
    section = tell.tokens(access.list_tokens(at.context), at.context.now())
    inputs = _inputs(at)
    return fill(
        "tokens.html",
        page_names.TOKENS,
        section=section,
        inputs=inputs,
        filled=filled,
        any_in_force=bool(inputs[0].choices),
    )
