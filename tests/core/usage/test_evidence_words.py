"""What the evidence part says of people is neutral: closed sets, catalogue and texts; nothing else is tested here."""

from __future__ import annotations

import re
from enum import StrEnum
from importlib import resources
from types import ModuleType

import pytest

from server.core.usage import channel_catalogue, channels, declarations, model
from tests.house.test_texts import JUDGING, PROMISING, WIPING

MODULES = (model, declarations, channels, channel_catalogue)
PATTERNS = pytest.mark.parametrize("words", [JUDGING, PROMISING, WIPING], ids=["judges", "promises", "wipes"])
RANKING = re.compile(r"\b(rank|score|worst|best|top|leader\w*|offen\w*|fail\w*|pass)\b")


def values(module: ModuleType) -> list[str]:
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, StrEnum)]
    return [member.value.replace("_", " ") for kind in kinds for member in kind]


@PATTERNS
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_value_judges_a_person(module: ModuleType, words: re.Pattern[str]) -> None:
    assert values(module)
    assert [value for value in values(module) if words.search(value) or RANKING.search(value)] == []


@PATTERNS
def test_the_catalogue_judges_nobody(words: re.Pattern[str]) -> None:
    text = (resources.files("agent_policies") / "channels" / "veilig-thuis.yaml").read_text("utf-8")
    assert words.findall(text) == []
