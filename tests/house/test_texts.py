"""Every sentence that people may read is a literal with a translation, in neutral words; no rendering here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from server.cli.commands import closeout
from server.cli.lazy import help_texts
from server.core.reports.controls import read_controls
from server.core.text import Text
from server.render import page_names
from server.settings import MANUAL
from server.sources.rows import ADVICE

ROOT = Path(__file__).parents[2]
TRANSLATED = ("nl",)
"""English is what stands in the code."""
LANGUAGES = ("en", *TRANSLATED)

SAYERS = {
    "server": {"phrase": 0, "Text": 0, "_": 0, "said": 0, "Trial": 0},
    "mdm_adapters": {"partly": 0, "no": 0, "Trial": 0, "_try": 1, "said": 0},
}
"""What takes a sentence, and which argument that is; `no`, `partly` and `Trial` are the port's."""

SAYS_TABLES = {ROOT / f"server/cli/{each}.py" for each in ("lazy", "answers/removal", "answers/setup", "answers/usage")}
"""Say what stands in a table elsewhere, so not a literal: the help of the command, and the tables below."""

CONTROLS = read_controls((ROOT / "agent_policies/controls/mapping.yaml").read_text("utf-8"))

TABLES = (
    *ADVICE.values(),
    *MANUAL.values(),
    *(text.message for each in (CONTROLS.controls if CONTROLS else ()) for text in (each.asks, each.shows)),
)
"""Sentences that stand in tables of rooms which cannot know `phrase`, or need not."""

IN_TEMPLATES = re.compile(r'\b_\(\s*"([^"]+)"(?:, many="([^"]+)")?(?:, sense="([^"]+)")?')

HANDED_ON = {"message", "because", "what", "sentence"}
"""A parameter of this name is a sentence that stands as a literal where the function is called."""

JUDGING = re.compile(
    r"\b(violat\w*|offen[cd]\w*|culprit\w*|guilt\w*|suspect\w*|suspici\w*|perpetrat\w*|victim\w*|abus\w*|fraud\w*|"
    r"misconduct|wrongdo\w*|illegal\w*|caught|breach\w*|"
    r"overtred\w*|dader\w*|verdacht\w*|verdenk\w*|schuldig\w*|pleger\w*|slachtoffer\w*|misbruik\w*|fraude\w*|"
    r"betrapt|illegaal|illegale|misdraging\w*|schending\w*)\b",
    re.IGNORECASE,
)
PROMISING = re.compile(
    r"\b(prevented|guarantee\w*|is safe|are safe|100 ?%|fully removed|completely removed|"
    r"gegarandeerd|garandeer\w*|is veilig|zijn veilig|volledig verwijderd|helemaal verwijderd)\b",
    re.IGNORECASE,
)
WIPING = re.compile(r"\b(wis|wissen|gewist|wist|wipe\w*|wiping)\b", re.IGNORECASE)
_MESSAGES_GO = re.compile(
    r"\b(delet\w+|remov\w+|clear\w*|eras\w+|verwijder\w*|wis\w*|weghal\w*|haal\w*|leeg\w*)\b[^.:]*"
    r"\b(messages?|chats?|conversations?|call lists?|lists? of calls|berichten?|gesprek\w*|bellijst\w*|oproep\w*)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(no|never|not|nothing|geen|niet|nooit|niets)\b", re.IGNORECASE)


def asks_for_messages_to_go(text: str) -> bool:
    """Whether a sentence of it asks for messages, conversations or a call list to be deleted."""
    return any(
        _MESSAGES_GO.search(sentence) is not None and _NEGATED.search(sentence) is None
        for sentence in re.split(r"[.:;?]", text)
    )


Said = tuple[str, str, str]
"""A sentence, its plural or "", and its sense or "": what a translation is of."""


def sentences_in(path: Path, sayers: dict[str, int]) -> Iterator[tuple[Said, str]]:
    """Each call of a sayer, with its file and line."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in sayers or len(node.args) <= sayers[name]:
            continue
        first = node.args[sayers[name]]
        if isinstance(first, ast.Name) and first.id in HANDED_ON:
            continue
        if path in SAYS_TABLES and not isinstance(first, ast.Constant):
            continue
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        assert isinstance(first, ast.Constant), f"{where}: {name}() takes a literal"
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        many = given.get("many")
        assert many is None or isinstance(many, ast.Constant), f"{where}: many takes a literal"
        sense = given.get("sense")
        assert sense is None or isinstance(sense, ast.Constant), f"{where}: sense takes a literal"
        texts = [str(each.value) if isinstance(each, ast.Constant) else "" for each in (many, sense)]
        yield (str(first.value), texts[0], texts[1]), where


@lru_cache
def places() -> dict[Said, list[str]]:
    """Every sentence, and where it is said."""
    found: dict[Said, list[str]] = {}
    for room, sayers in SAYERS.items():
        for path in sorted((ROOT / room).rglob("*.py")):
            for said_here, where in sentences_in(path, sayers):
                found.setdefault(said_here, []).append(where)
    for path in sorted((ROOT / "server").rglob("templates/**/*.html")):
        for match in IN_TEMPLATES.finditer(path.read_text("utf-8")):
            found.setdefault((match[1], match[2] or "", match[3] or ""), []).append(str(path.relative_to(ROOT)))
    for sentence in TABLES:
        found.setdefault((sentence, "", ""), []).append("a table")
    for sentence in help_texts(closeout):
        found.setdefault((sentence, "", ""), []).append("the help of closeout")
    return found


@lru_cache
def sentences() -> dict[Said, str]:
    """Every sentence, and where it is said first."""
    return {each: where[0] for each, where in places().items()}


def key_of(message: Message) -> Said:
    """What an entry of a catalogue is of."""
    one, many = message.id if isinstance(message.id, tuple) else (message.id, "")
    return str(one), str(many), message.context or ""


@lru_cache
def catalogue(language: str) -> Catalog:
    with (ROOT / "server/translations" / language / "LC_MESSAGES/closeout.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def said(language: str) -> Iterator[str]:
    """Everything that language can say."""
    if language not in TRANSLATED:
        for one, many, _ in sentences():
            yield from (one, many)
        return
    for message in catalogue(language):
        for part in (message.id, message.string):
            yield from part if isinstance(part, tuple | list) else [part]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_in_the_code_stands_in_the_catalogue(language: str) -> None:
    have = {key_of(message) for message in catalogue(language)}
    missing = {f"{where}: {text[0]}" for text, where in sentences().items() if text not in have}
    assert missing == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_catalogue_keeps_a_sentence_that_nobody_says(language: str) -> None:
    have = {key_of(message) for message in catalogue(language)}
    assert {text[0] for text in have - set(sentences())} - {""} == set()


ONE_MEANING = Path(__file__).parent / "one_meaning.txt"


def test_a_word_that_is_said_in_several_places_was_found_to_mean_one_thing_in_all_of_them() -> None:
    """One word or two have no sentence around them: "Holds" was a column of settings in English, and the orders to
    preserve evidence in Dutch. Whoever says such a word again looks whether it means the same, and adds it to the list,
    or gives it a sense of its own."""
    decided = ONE_MEANING.read_text("utf-8").splitlines()
    again = {
        sentence
        for (sentence, _, sense), where in places().items()
        if len(sentence.split()) <= 2 and len(where) > 1 and not sense
    }
    assert again - set(decided) == set(), "said in several places: does it mean the same in all of them?"
    assert decided == sorted(set(decided)), "in order, and each once"


def test_no_sentence_types_the_name_of_a_page_that_may_be_called_otherwise() -> None:
    """They take it from `server.render.page_names`, as the menu does."""
    names = [value.message for value in vars(page_names).values() if isinstance(value, Text)]
    typed = re.compile(rf"\b(under|[Ss]ee|at the page) ({'|'.join(names)})\b")
    assert [each for each, _, _ in sentences() if typed.search(each)] == []
    dutch = [str(each.string) for name in names for each in catalogue("nl") if key_of(each) == (name, "", "")]
    in_dutch = re.compile(rf"\b(onder|bij|Zie) ({'|'.join(dutch)})\b")
    assert [text for text in said("nl") if in_dutch.search(str(text))] == []


HOLD_IS_NAMED = {
    "server/cli/admin/backups.py",  # who restored a backup asks the independent officer, whether there is one or not
    "server/cli/answers/backups.py",  # the same, right after it was restored
    "server/cli/answers/removal.py",  # what a run looks at right before each call, the same whether there is one or not
    "server/cli/answers/people.py",
    "server/cli/removal/holds.py",
    "server/render/hold_table.py",
    "server/web/pages/admin/your_role.py",
    "server/web/templates/holds.html",
    "server/render/page_names.py",
    "a table",
    "the help of closeout",
}


def test_a_hold_is_named_where_those_who_may_know_of_it_look_and_nowhere_else() -> None:
    dutch = {key_of(each): " ".join(_strings(each.string)) for each in catalogue("nl")}
    where = {
        place.split(":")[0]
        for each, at in places().items()
        for place in at
        if re.search("bewaaropdracht", dutch.get(each, ""), re.IGNORECASE)
    }
    assert where == HOLD_IS_NAMED


def test_every_sentence_has_a_dutch_translation() -> None:
    def parts(string: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
        return (string,) if isinstance(string, str) else tuple(string)

    bare = [message.id for message in catalogue("nl") if message.id and not all(parts(message.string))]
    assert bare == []


def test_no_dutch_translation_is_marked_as_doubtful() -> None:
    assert [message.id for message in catalogue("nl") if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_in_the_same_parameters(language: str) -> None:
    def blanks(part: object) -> set[str]:
        return set(re.findall(r"{(\w*)}", str(part)))

    wrong = [
        message.id
        for message in catalogue(language)
        if message.id and any(_strings(message.string)) and blanks(message.id) != blanks(message.string)
    ]
    assert wrong == []


def _strings(string: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words", [JUDGING, PROMISING, WIPING], ids=["judges", "promises", "wipes"])
def test_no_sentence_judges_a_person_or_promises_safety_or_speaks_of_wiping(
    language: str, words: re.Pattern[str]
) -> None:
    assert [sentence for sentence in said(language) if words.search(sentence)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_asks_anybody_to_delete_messages_conversations_or_a_call_list(language: str) -> None:
    """A hold may stand on them, and nobody is to learn on whose: so it is asked of none."""
    assert [sentence for sentence in said(language) if asks_for_messages_to_go(sentence)] == []


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Delete the messages of case 123456.", True),
        ("Clear the chat after each call.", True),
        ("Take out the number. Then remove this conversation", True),
        ("Verwijder daarna de berichten.", True),
        ("Haal het gesprek weg uit WhatsApp.", True),
        ("Wis de bellijst.", True),
        ("Delete no messages, no conversations and no call list.", False),
        ("Verwijder geen berichten: alleen het contact.", False),
        ("Only the saved contact. The conversation stays.", False),
    ],
)
def test_such_a_sentence_would_be_found(text: str, asks: bool) -> None:
    assert asks_for_messages_to_go(text) is asks
