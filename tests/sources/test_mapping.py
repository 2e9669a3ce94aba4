"""A mapping tells all that is wrong with it at once, with lines; the manual's example works as it stands."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.model import ContactClass, Phase
from server.sources.mapping import MappingRefused, load_mapping, normal, parse_mapping, shipped, time_in_name
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Mode
from tests.sources.conftest import SMALL, tell

MANUAL = Path(__file__).parents[2] / "agent_policies" / "README.md"


def faults_of(text):
    with pytest.raises(MappingRefused) as refused:
        parse_mapping(text, "ours.yaml", lambda _: SMALL.format(mode="full", needs_client="false"))
    return [(fault.line, fault.where) for fault in refused.value.faults]


def small_with(old, new):
    text = SMALL.format(mode="full", needs_client="false")
    assert old in text
    return text.replace(old, new)


def test_the_shipped_mappings_are_sound_and_cover_every_phase_and_class():
    assert shipped() == ("generic-en", "veilig-thuis-changes", "veilig-thuis-csv")
    for name in shipped():
        mapping = load_mapping(name)
        assert set(mapping.words.phases) == set(Phase)
        assert set(mapping.words.classes) == set(ContactClass)
        assert mapping.name == name


def test_a_transferred_case_is_not_a_closed_one():
    for name in ("generic-en", "veilig-thuis-csv"):
        words = {normal(word): phase for phase, words in load_mapping(name).words.phases.items() for word in words}
        assert words.get(normal("Overgedragen"), words.get("transferred")) is Phase.TRANSFER_PENDING


def test_the_manual_s_example_reads_its_own_export(tmp_path):
    blocks = re.findall(r"```(csv|yaml)\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    export = next(text for kind, text in blocks if kind == "csv")
    path = tmp_path / "export-20250301-0600.csv"
    path.write_text(export, encoding="utf-8")
    told = tell([path], parse_mapping(next(text for kind, text in blocks if kind == "yaml"), "our-system.yaml"))
    amsterdam = ZoneInfo("Europe/Amsterdam")

    def at(*day):
        return datetime(*day, tzinfo=amsterdam).astimezone(UTC)

    assert told.faults == []
    assert told.header.as_of == at(2025, 3, 1, 6)
    assert told.rows == [
        CaseRow(2, "204117", Phase.INVESTIGATION, date(2025, 1, 6)),
        ContactRow(2, "204117", "A", ContactClass.CLIENT, "06-12345601"),
        AssignmentRow(2, "204117", "worker-01", "", at(2025, 1, 6)),
        ContactRow(3, "204117", "B", ContactClass.CLIENT, "+31 6 1234 5602"),
        AssignmentRow(3, "204117", "worker-02", "", at(2025, 1, 6), at(2025, 2, 2)),
        CaseRow(4, "204118", Phase.CLOSED, date(2024, 3, 4), at(2024, 10, 1)),
        ContactRow(4, "204118", "A", ContactClass.CLIENT, "0612345603"),
        AssignmentRow(4, "204118", "worker-01", "", at(2024, 3, 4)),
        ContactRow(5, None, None, ContactClass.PROFESSIONAL, "020-1230001"),
    ]


def test_every_key_stands_in_the_manual():
    manual = MANUAL.read_text(encoding="utf-8")
    schema = load_mapping("generic-en").model_json_schema()
    keys = set(schema["properties"]) - {"name"}
    for part in ("FileKind", "CaseColumns", "ContactColumns", "AssignmentColumns", "MomentColumns", "Column"):
        keys |= set(schema["$defs"][part]["properties"])
    assert [key for key in sorted(keys - {"headers"}) if f"`{key}`" not in manual and f"{key}:" not in manual] == []


def test_all_faults_are_told_at_once_with_their_lines():
    text = dedent("""\
        system: ours
        mode: sometimes
        time_zone: Europe/Nowhere
        dates: ["%d-%m-%y"]
        colour: blue
        case_number_pattern: "["
        words:
          phases: {triage: [Triage], closed: [Triage], nonsense: [x]}
          classes: {client: [1]}
          yes: [ja]
          no: [Ja]
        files:
          - name: cases
            case_number: [Zaak]
            case:
              opened_on: [Zaak]
          - name: cases
            case_number: []
            contact: {class: [Soort]}
        """)
    assert faults_of(text) == [
        (2, "mode"),
        (3, "time_zone"),
        (4, "dates.0"),
        (5, "colour"),
        (6, "case_number_pattern"),
        (8, "words.phases.nonsense"),
        (8, "words.phases.closed.0"),
        (9, "words.classes.client.0"),
        (11, "words.no.0"),
        (15, "files.0.case.phase"),
        (16, "files.0.case.opened_on"),
        (17, "files.1.name"),
        (18, "files.1.case_number"),
        (19, "files.1.contact.values"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [("system: [ours", 1), ("system: ours\nsystem: theirs\n", 2), ("- one\n- two\n", 1), ("", 1)],
)
def test_what_is_no_sound_yaml_is_told_with_its_line(text, line):
    assert [where for _, where in faults_of(text)] == ["(file)"]
    assert faults_of(text)[0][0] in {line, None}


def test_yes_and_no_are_words_here():
    mapping = parse_mapping(small_with("yes: [ja]\n  no: [nee]", "yes: [yes, on]\n  no: [no, off]"), "ours.yaml")
    assert (mapping.words.yes, mapping.words.no) == (["yes", "on"], ["no", "off"])


def test_aliases_that_unfold_without_end_are_refused():
    lines = ['a0: &a0 ["x", "x"]'] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    assert faults_of("\n".join(lines)) == [(1, "(file)")]


def test_a_mapping_that_extends_another_takes_all_but_what_it_says_itself():
    changes, full = load_mapping("veilig-thuis-changes"), load_mapping("veilig-thuis-csv")
    assert (changes.mode, full.mode) == (Mode.CHANGES, Mode.FULL)
    assert changes.model_copy(update={"mode": Mode.FULL, "name": full.name}) == full


def test_a_fault_in_what_is_extended_is_told_of_the_file_it_stands_in():
    with pytest.raises(MappingRefused) as refused:
        parse_mapping("extends: base\nmode: x\n", "ours.yaml", lambda _: small_with("dates: [", "dates: [3, "))
    assert [(fault.file, fault.line, fault.where) for fault in refused.value.faults] == [
        ("base.yaml", 5, "dates.0"),
        ("ours.yaml", 2, "mode"),
    ]


def test_a_mapping_on_disk_may_extend_one_beside_it_or_a_shipped_one(tmp_path):
    (tmp_path / "base.yaml").write_text(SMALL.format(mode="full", needs_client="false"), encoding="utf-8")
    (tmp_path / "near.yaml").write_text("extends: base\nsystem: near\n", encoding="utf-8")
    (tmp_path / "far.yaml").write_text("extends: generic-en\nsystem: far\n", encoding="utf-8")
    assert load_mapping(tmp_path / "near.yaml").dates == ["%d-%m-%Y", "%d-%m-%Y %H:%M"]
    assert load_mapping(tmp_path / "far.yaml").files == load_mapping("generic-en").files


def test_a_mapping_that_does_not_exist_says_which_do():
    with pytest.raises(MappingRefused, match="generic-en"):
        load_mapping("nonsense")
    with pytest.raises(MappingRefused, match="cannot be opened"):
        load_mapping("nonsense.yaml")


def test_a_class_that_is_always_the_same_must_be_one_of_the_words():
    unknown = small_with("class: [Soort]", "class: {always: Buurvrouw}")
    assert faults_of(unknown) == [(24, "files.0.contact.class.always")]
    mapping = parse_mapping(small_with("class: [Soort]", "class: {always: cliënt}"), "ours.yaml")
    assert mapping.files[0].contact.contact_class.always == "cliënt"


@given(st.text())
def test_no_text_makes_the_parser_of_mappings_fall_over(text):
    with pytest.raises(MappingRefused):
        parse_mapping(text, "ours.yaml")


@pytest.mark.parametrize(
    ("form", "name", "expected"),
    [
        ("%Y%m%d-%H%M", "zaken-20250301-0600.csv", datetime(2025, 3, 1, 5, tzinfo=UTC)),
        ("%Y-%m-%d", "export 2025-07-01 final.csv", datetime(2025, 6, 30, 22, tzinfo=UTC)),
        ("%Y%m%dT%H%M%S%z", "20250301T060000+0000.csv", datetime(2025, 3, 1, 6, tzinfo=UTC)),
        ("%Y%m%d-%H%M", "zaken-20259901-0600.csv", None),
        ("%Y%m%d-%H%M", "zaken.csv", None),
        ("%Y%m%d", "zaken-12025030199.csv", None),
    ],
)
def test_the_time_of_export_is_read_from_the_name_of_the_file(form, name, expected):
    assert time_in_name(form, name, ZoneInfo("Europe/Amsterdam")) == expected
