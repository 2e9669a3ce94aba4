"""What somebody had filled in when their session ended, sealed into the page until they are back; nothing is stored.

The browser carries it, sealed with our key and bound to the account: whoever else signs in there cannot open it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from werkzeug.datastructures import MultiDict

from server.store.seal import SealBrokenError
from server.work.context import Context

_LONGEST = 32_000
_KEPT = timedelta(hours=12)
_NEVER_KEPT = frozenset({"csrf_token", "code", "draft", "number", "numbers", "letter"})
"""What is of the moment, and numbers and addresses that somebody asks about, of which nothing is kept anywhere."""
_SECRET = "password"  # noqa: S105 - how the name of every field with a secret begins


@dataclass(frozen=True, slots=True)
class FormDraft:
    """A form that was not taken in. path: where it was sent."""

    path: str
    fields: tuple[tuple[str, str], ...]


def seal_draft(context: Context, uid: str, path: str, form: MultiDict[str, str]) -> str:
    """The form, sealed for that account; empty if there is nothing to keep or too much."""
    fields = [
        (name, value)
        for name, value in form.items(multi=True)
        if name not in _NEVER_KEPT and not name.startswith(_SECRET)
    ]
    text = json.dumps([context.now().isoformat(), path, fields], ensure_ascii=False)
    if not fields or len(text) > _LONGEST:
        return ""
    return base64.urlsafe_b64encode(context.keys.sealer.seal(text, _place(uid))).decode()


def open_draft(context: Context, uid: str, sealed: str) -> FormDraft | None:
    """What that account had filled in; None if it is none of theirs, too old, or nothing."""
    if not sealed or len(sealed) > 4 * _LONGEST:
        return None
    try:
        text = context.keys.sealer.open(base64.urlsafe_b64decode(sealed), _place(uid))
        at, path, fields = json.loads(text)
    except (SealBrokenError, binascii.Error, ValueError):
        return None
    if context.now() - datetime.fromisoformat(at) > _KEPT:
        return None
    return FormDraft(path, tuple((name, value) for name, value in _pairs(fields)))


def _pairs(fields: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in fields]


def _place(uid: str) -> str:
    return f"web.draft.{uid}"
