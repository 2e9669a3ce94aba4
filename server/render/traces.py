"""Where an error was raised, without a word of what it says: its message may hold what somebody typed."""

from __future__ import annotations

import traceback


def where_raised(error: BaseException) -> str:
    """The kind of an error and the last places in our code that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{file}:{frame.lineno}" for frame in frames if (file := _ours(frame.filename)) is not None]
    return f"{type(error).__name__} at {' > '.join(places[-4:]) or 'a library'}"


def _ours(file: str) -> str | None:
    for room in ("/server/", "/mdm_adapters/"):
        _, found, rest = file.rpartition(room)
        if found and "/site-packages/" not in rest:
            return rest if room == "/server/" else f"mdm_adapters/{rest}"
    return None
