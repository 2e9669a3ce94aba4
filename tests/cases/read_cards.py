"""What a card comes to: its shape, the governed numbers seen in it, what cannot be read, and what a cut takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mdm_adapters.port import Field, Reading, Rest
from mdm_adapters.vcard import Delete, Trim, judge, plan_cut, read_card
from server.core.identity.reading import registered
from server.core.identity.tokens import Tokeniser, tokens_of_fields

KEY = Tokeniser(b"the key of the cases, 32 bytes up")


def read(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """given: `governed`, numbers and addresses; `rest`, what the worker said (goes, stays)."""
    card = read_card(path.read_bytes())
    if card is None:
        return {"shape": "unreadable"}
    names = {KEY.token(each): number for number in given["governed"] for each in registered(number)}
    readings = _readings(card.fields, names)
    judged = judge(card, readings)
    if judged is None:
        return {"shape": "private"}
    plan = plan_cut(card, readings, judged.tokens, Rest(given.get("rest", "unsaid")))
    found: dict[str, Any] = {"shape": judged.shape.value, "holds": sorted(names[token] for token in judged.tokens)}
    if judged.unread:
        found["unread"] = len(judged.unread)
        found["may_be"] = sorted({names[token] for each in judged.unread for token in each.may_be})
    if isinstance(plan, Trim):
        left = set(card.body.decode().splitlines()) - set(plan.body.decode().splitlines())
        found["cut"] = sorted(left)
    elif isinstance(plan, Delete):
        found["goes"] = "whole"
    return found


def _readings(fields: Sequence[Field], names: dict[Any, str]) -> list[Reading]:
    held = tokens_of_fields(fields, KEY)
    return [each.reading(names, mark=field.text.encode()) for field, each in zip(fields, held, strict=True)]
