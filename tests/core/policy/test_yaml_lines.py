"""YAML 1.2 with lines: what words become, and everything that is wrong told at once."""

from __future__ import annotations

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.policy.yaml_lines import MAX_CHARACTERS, Unsound, YamlFault, read_lines


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("off", "off"),
        ("yes", "yes"),
        ("22:30", "22:30"),
        ("2026-03-01", "2026-03-01"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("=", "="),
        ("<<", "<<"),
        ("012", 12),
        ("-3", -3),
        ("0.9", 0.9),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ('"3"', "3"),
        ("'true'", "true"),
        ("|-\n  7", "7"),
    ],
)
def test_only_the_words_of_the_core_schema_become_anything_but_text(written: str, meant: object) -> None:
    value = read_lines(f"key: {written}\n").value["key"]
    assert (type(value), value) == (type(meant), meant)


def test_a_directive_for_yaml_1_1_changes_nothing() -> None:
    assert read_lines("%YAML 1.1\n---\nkey: NO\ntime: 22:30\n").value == {"key": "NO", "time": "22:30"}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert read_lines('1: a\nyes: b\ntrue: c\nnull: d\n"no": e\n').value == {
        "1": "a",
        "yes": "b",
        "true": "c",
        "null": "d",
        "no": "e",
    }


def test_every_repeated_key_is_told_and_the_first_is_read() -> None:
    lines = read_lines("a: 1\nb:\n  c: 2\n  c: 3\na: 4\na: 5\n")
    assert lines.value == {"a": 1, "b": {"c": 2}}
    assert lines.faults == (
        YamlFault(Unsound.TWICE, 4, ("b", "c"), "c", 3),
        YamlFault(Unsound.TWICE, 5, ("a",), "a", 1),
        YamlFault(Unsound.TWICE, 6, ("a",), "a", 1),
    )
    assert lines.readable


@pytest.mark.parametrize("written", ["!!python/object:os.system x", "!secret x", "!!binary aGk=", "!!set {a}"])
def test_a_tag_is_told(written: str) -> None:
    assert [(fault.kind, fault.line) for fault in read_lines(f"\nkey: {written}\n").faults] == [(Unsound.TAG, 2)]


def test_a_key_that_is_no_text_is_told() -> None:
    assert [(fault.kind, fault.line) for fault in read_lines("a: 1\n? [b]\n: 2\n").faults] == [(Unsound.TAG, 2)]


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("", Unsound.NOT_KEYS, 1),
        ("- one", Unsound.NOT_KEYS, 1),
        ("just words", Unsound.NOT_KEYS, 1),
        ("a: 1\nb: [", Unsound.NOT_YAML, 2),
        ("a: *nowhere", Unsound.NOT_YAML, 1),
        ("a: 1\n\tb: 2", Unsound.NOT_YAML, 2),
        ("a: 1\n---\nb: 2", Unsound.NOT_YAML, 2),
        ("a: \x00", Unsound.NOT_YAML, None),
        ("a: &a [*a]", Unsound.TOO_LARGE, 1),
        ("a: " + "[" * 60 + "]" * 60, Unsound.TOO_LARGE, 1),
        ("#" * (MAX_CHARACTERS + 1), Unsound.TOO_LARGE, None),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, kind: Unsound, line: int | None) -> None:
    lines = read_lines(text)
    assert [(fault.kind, fault.line) for fault in lines.faults] == [(kind, line)]
    assert (lines.value, lines.readable) == ({}, False)


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_CHARACTERS,
        "[" * 2_000 + "]" * 2_000,
        "{a: " * (MAX_CHARACTERS // 4),
        "{" + "a," * (MAX_CHARACTERS // 2 - 1) + "}",
        "- " * (MAX_CHARACTERS // 2),
        "a: &a [x]\n" + "".join(f"k{nth}: [*a, *a, *a, *a]\n" for nth in range(5_000)),
    ],
    ids=["lists", "closed-lists", "mappings", "keys", "items", "aliases"],
)
def test_a_text_of_brackets_is_refused_before_it_is_read_to_its_end(text: str) -> None:
    begun = process_time()
    assert [(fault.kind, fault.line) for fault in read_lines(text).faults] == [(Unsound.TOO_LARGE, 1)]
    assert process_time() - begun < 3  # seconds of the processor; read whole they took up to thirteen


def test_aliases_that_unfold_without_end_are_refused() -> None:
    text = 'a0: &a0 ["x", "x"]\n' + "".join(
        f"a{nth}: &a{nth} [*a{nth - 1}, *a{nth - 1}, *a{nth - 1}]\n" for nth in range(1, 30)
    )
    assert [fault.kind for fault in read_lines(text).faults] == [Unsound.TOO_LARGE]


def test_the_line_of_a_place_is_its_own_or_that_of_the_nearest_above() -> None:
    lines = read_lines("a:\n  - b: 1\n    c:\n      d: 2\n  - e\n")
    places = [("a",), ("a", 0), ("a", 0, "c", "d"), ("a", 1), ("a", 0, "c", "missing", "deeper"), ("nowhere",), ()]
    assert [lines.line(place) for place in places] == [1, 2, 4, 5, 3, None, None]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="ascii", exclude_categories=["C"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), plain, min_size=1, max_size=4))
def test_json_reads_as_itself(value: dict[str, object]) -> None:
    lines = read_lines(json.dumps(value))
    assert (lines.value, lines.faults) == (value, ())


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    lines = read_lines(text)
    assert lines.readable or lines.faults


@pytest.mark.parametrize("written", ["1e999", "9" * 30, "9" * 400 + ".0", ".inf"])
def test_a_number_beyond_counting_is_text(written: str) -> None:
    assert read_lines(f"key: {written}\n").value == {"key": written}
