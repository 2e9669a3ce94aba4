"""The template for translators has every sentence of the program, with its plural and the places that say it."""

from __future__ import annotations

from tests.house.test_texts import key_of, places
from tests.template import template


def test_the_template_has_every_sentence_and_where_it_stands() -> None:
    entries = {key_of(each): each.locations for each in template() if each.id}
    assert set(entries) == set(places()) - {("", "", "")}
    nowhere = {said for said, where in entries.items() if not where}
    assert nowhere == {said for said, where in places().items() if said[0] and not any("/" in each for each in where)}
