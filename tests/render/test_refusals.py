"""Every problem there is has its sentence, once; that it is translated is tested in tests/house/test_texts.py."""

from __future__ import annotations

from collections import Counter

import pytest

from server.core.problems import Problem
from server.core.text import Text
from server.render.refusals import REFUSALS, Sentence, at_command, at_page

SETS = Problem.__subclasses__()


@pytest.mark.parametrize("problems", SETS, ids=lambda each: each.__name__)
def test_every_problem_has_its_sentence_for_the_command_and_for_pages(problems: type[Problem]) -> None:
    assert dict.fromkeys(problems) == dict.fromkeys(REFUSALS[problems])
    assert all(isinstance(say(problem), Text) for problem in problems for say in (at_command, at_page))


def test_there_are_no_other_sets_and_members_of_two_keep_their_own_sentences() -> None:
    assert set(REFUSALS) == set(SETS)
    changed = {each: at_page(member) for each in SETS for member in each if member.value == "changed"}
    assert len({said.message for said in changed.values()}) == len(changed) == 2


def test_no_sentence_is_written_for_two_places_where_it_is_the_same() -> None:
    assert [
        problem
        for table in REFUSALS.values()
        for problem, said in table.items()
        if isinstance(said, Sentence) and said.command == said.page
    ] == []


def test_no_sentence_is_written_twice() -> None:
    written = [
        said
        for table in REFUSALS.values()
        for each in table.values()
        for said in ((each.command, each.page) if isinstance(each, Sentence) else (each,))
    ]
    apart = Counter(said.message for said in {id(each): each for each in written}.values())
    assert [message for message, count in apart.items() if count > 1] == []
