"""The shipped policies, the manual of their language and the schema for editors agree with the language itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from server.core.model import ContactClass, Decision, Phase, Reason
from server.core.policy.examples import links_of
from server.core.policy.load import CheckedPolicy, check
from server.core.policy.schema import (
    MAY_BE_LEFT_OUT,
    RULE_OF,
    RULES,
    Example,
    ExampleLink,
    Head,
    PolicyFile,
    Rule,
    json_schema,
)
from server.core.policy.yaml_lines import read_lines
from server.core.removal.need import decide
from server.core.removal.plan import held_back
from tests.house.test_texts import JUDGING, PROMISING, WIPING, asks_for_messages_to_go

FOLDER = Path(__file__).parents[2] / "agent_policies"
POLICIES = sorted(FOLDER.glob("*.yaml"))
MANUAL = (FOLDER / "README.md").read_text(encoding="utf-8")
SCHEMA = FOLDER / "policy.schema.json"
COMMAND = (
    "python -c \"from server.core.policy.schema import json_schema; print(json_schema(), end='')\" "
    "> agent_policies/policy.schema.json"
)
GIVEN_BY_A_SOURCE = {("monitoring", "planned_months")}
"""The only numbers that a document gives: monitoring after 3 and 12 months at least."""
_CHECKED: dict[str, CheckedPolicy] = {}


def checked(path: Path) -> CheckedPolicy:
    if path.name not in _CHECKED:
        _CHECKED[path.name] = check(path.read_text(encoding="utf-8"), path.name)
    return _CHECKED[path.name]


def content_of(path: Path) -> PolicyFile:
    document = checked(path).document
    assert document is not None
    return document.content


@pytest.fixture(params=POLICIES, ids=lambda path: path.stem)
def policy(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_two_policies_are_shipped() -> None:
    assert [path.name for path in POLICIES] == ["care-provider.yaml", "veilig-thuis.yaml"]


def test_a_shipped_policy_has_no_fault_and_no_warning(policy: Path) -> None:
    told = [
        (each.line, each.where, each.problem.message) for each in (*checked(policy).faults, *checked(policy).warnings)
    ]
    assert told == []


def test_a_shipped_policy_shows_each_of_its_answers(policy: Path) -> None:
    """Monitoring is off for the care provider, so nothing is monitored in its examples."""
    content = content_of(policy)
    shown = {example.expect.reason for example in content.examples}
    monitoring = {reason for reason, rule in RULE_OF.items() if rule == "monitoring"}
    off = set() if content.rules.monitoring.planned_months else monitoring
    rules_shown = {RULE_OF.get(reason) for reason in shown}
    assert {RULE_OF[reason] for reason in set(RULE_OF) - off} <= rules_shown


def test_the_policy_of_a_veilig_thuis_organisation_shows_every_answer_there_is() -> None:
    examples = content_of(FOLDER / "veilig-thuis.yaml").examples
    assert {example.expect.reason for example in examples} == set(Reason)
    assert {example.expect.decision for example in examples} == set(Decision)


def test_every_number_that_no_source_gives_is_said_to_be_assumed(policy: Path) -> None:
    content = content_of(policy)
    unsaid = [
        (name, parameter)
        for name, rule in content.rules.each()
        for parameter in rule.parameters()
        if parameter not in rule.assumed
        and _counts(getattr(rule, parameter))
        and (name, parameter) not in GIVEN_BY_A_SOURCE
    ]
    assert unsaid == []


def _counts(value: Any) -> bool:
    if isinstance(value, list):
        return any(_counts(each) for each in value)
    if isinstance(value, str):
        return any(char.isdigit() for char in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_the_two_shipped_policies_decide_differently() -> None:
    """Nothing is hard-wired: every example of one, decided by the other, and some come out another way."""
    documents = [checked(path).document for path in POLICIES]
    care, safe = (document for document in documents if document is not None)
    other = [
        (
            each.says.en,
            decide(links_of(each), care.policy, each.now, each.first_seen or each.now, held=each.held).decision,
        )
        for each in safe.content.examples
    ]
    same = [(each.says.en, each.expect.decision) for each in safe.content.examples]
    assert {ours for ours, theirs in zip(other, same, strict=True) if ours != theirs} >= {
        ("With a register of four days ago a person decides.", Decision.REMOVE),
        ("Fourteen days after the final closure it goes.", Decision.DEFER),
        ("Two weeks before the planned contact the number may be there.", Decision.REMOVE_REPROVISIONABLE),
    }


def test_the_limits_of_the_shipped_policy_let_the_first_run_of_a_small_organisation_go() -> None:
    """The demo organisation has some hundred governed contacts, of which well over half are stale."""
    document = checked(FOLDER / "veilig-thuis.yaml").document
    assert document is not None
    assert held_back(180, 220, document.policy) is None
    assert held_back(5_001, 100_000, document.policy) is not None
    assert held_back(91, 100, document.policy) is not None


def test_nothing_is_put_on_phones(policy: Path) -> None:
    assert content_of(policy).rules.provisioning.mode == "off"


@pytest.mark.parametrize("words", ["nl", "en"])
def test_what_a_policy_says_to_people_judges_nobody(policy: Path, words: str) -> None:
    content = content_of(policy)
    said = [
        *(rule.why.in_language(words) for _name, rule in content.rules.each()),
        *(example.says.in_language(words) for example in content.examples),
        *(source.note.in_language(words) for source in content.sources.values() if source.note),
    ]
    assert [each for each in said for tone in (JUDGING, PROMISING, WIPING) if tone.search(each)] == []
    assert [each for each in said if asks_for_messages_to_go(each)] == []


# --- the schema for editors ------------------------------------------------------------------------------------------


def test_the_schema_for_editors_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == json_schema(), f"make it again: {COMMAND}"


def test_the_schema_accepts_the_shipped_policies_and_refuses_what_the_language_refuses(policy: Path) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    plain = read_lines(policy.read_text(encoding="utf-8")).value
    assert list(validator.iter_errors(plain)) == []
    for break_it in (
        lambda rules: rules.pop("grace"),
        lambda rules: rules["grace"].update(days="14"),
        lambda rules: rules["grace"].update(days=-1),
        lambda rules: rules["grace"].update(unknown=1),
        lambda rules: rules["grace"].pop("strictness"),
        lambda rules: rules["classes_that_stay"]["classes"].append("client"),
        lambda rules: rules["provisioning"].update(mode="on"),
    ):
        broken = json.loads(json.dumps(plain))
        break_it(broken["rules"])
        assert list(validator.iter_errors(broken)), break_it


def test_every_key_tells_editors_what_it_means() -> None:
    def silent(schema: Any, path: str) -> list[str]:
        found = []
        for name, part in schema.get("properties", {}).items():
            described = "description" in part or "$ref" in part or "anyOf" in part
            found += [] if described else [f"{path}.{name}"]
        return found

    definitions = json.loads(json_schema())["$defs"]
    assert [key for name, part in definitions.items() for key in silent(part, name)] == []


def test_a_shipped_policy_names_the_schema_where_editors_look_for_it(policy: Path) -> None:
    first = policy.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA.name}"


# --- the manual ------------------------------------------------------------------------------------------------------


def rows_of(heading: str, *, nth: int = 0) -> list[list[str]]:
    """The cells of the nth table under a heading of the manual, without its head."""
    section = MANUAL.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|\n ").split(" | ")] for row in tables[nth].splitlines()[2:]]


def words_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_rule_has_one_row_in_the_manual_with_its_parameters_and_no_row_has_no_rule() -> None:
    rows = [(words_in(name)[0], tuple(words_in(parameters))) for name, parameters, *_rest in rows_of("The rules")]
    assert rows == [(name, rule.parameters()) for name, rule in (RULES | MAY_BE_LEFT_OUT).items()]


def test_every_row_of_the_manual_says_what_a_rule_means_and_where_it_comes_from() -> None:
    for row in rows_of("The rules"):
        assert len(row) == 4, row
        assert all(len(cell) > 15 for cell in row[2:]), row


def test_the_manual_names_every_key_of_a_policy_of_a_rule_and_of_an_example() -> None:
    top = [words_in(row[0])[0] for row in rows_of("What stands in the file", nth=0)]
    assert top == list(PolicyFile.model_fields)
    about_rules = [words_in(row[0])[0] for row in rows_of("What stands in the file", nth=1)]
    assert about_rules == list(Rule.model_fields)
    links = [words_in(row[0])[0] for row in rows_of("Writing examples", nth=0)]
    assert links == [info.alias or name for name, info in ExampleLink.model_fields.items()]
    assert [key for key in (*Head.model_fields, *Example.model_fields) if f"`{key}`" not in MANUAL] == []


def test_the_manual_names_every_class_phase_decision_and_reason() -> None:
    outcomes = {words_in(row[0])[0]: words_in(row[1]) for row in rows_of("Writing examples", nth=1)}
    assert set(outcomes) == set(Decision)
    assert {reason for reasons in outcomes.values() for reason in reasons} == set(Reason)
    keys = {words_in(row[0])[0]: words_in(row[1]) for row in rows_of("Writing examples", nth=0)}
    assert (keys["class"], keys["phase"]) == (list(ContactClass), list(Phase))


def test_the_example_in_the_manual_holds_for_the_shipped_policy() -> None:
    example = re.search(r"```yml\n(  - says:.*?)```", MANUAL, re.DOTALL)
    assert example is not None
    text = (FOLDER / "veilig-thuis.yaml").read_text(encoding="utf-8")
    result = check(text[: text.index("examples:")] + "examples:\n" + example[1], "manual.yaml")
    assert (result.faults, [each.holds for each in result.examples]) == ((), [True])


def test_the_version_that_the_manual_shows_is_the_shipped_one() -> None:
    document = checked(FOLDER / "veilig-thuis.yaml").document
    assert document is not None
    assert f"`{document.policy.version}`" in MANUAL
