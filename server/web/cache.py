"""Figures over the whole organisation, counted once a minute at most, whoever asks; never anything of one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from flask import Flask, current_app, request

from server.web.request import here

_KEY = "closeout.memo"
_FOR = timedelta(minutes=1)
T = TypeVar("T")


@dataclass(slots=True)
class _Memo:
    locks: defaultdict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))
    held: dict[str, tuple[datetime, Any]] = field(default_factory=dict)


def set_up_memo(app: Flask) -> None:
    """An empty memory; every act that a person does here empties it again, so that they see what it changed."""
    app.extensions[_KEY] = _Memo()

    @app.before_request
    def forget() -> None:
        if request.method == "POST":
            app.extensions[_KEY].held.clear()


def counted(name: str, count: Callable[[], T]) -> tuple[datetime, T]:
    """What `count` gives, at most a minute old, and when it was counted."""
    memo: _Memo = current_app.extensions[_KEY]
    now = here().context.now()
    with memo.locks[name]:
        kept = memo.held.get(name)
        if kept is not None and timedelta() <= now - kept[0] < _FOR:
            return kept
        made = (now, count())
        memo.held[name] = made
        return made
