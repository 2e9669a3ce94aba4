"""What a command answers, as text for people and as JSON for programs; no command and no decision lives here."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text as Styled

from server.core.tables import Section
from server.core.text import Text, phrase
from server.render.structured import dump, section_json
from server.render.terminal import section_parts, written
from server.render.words import Words


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one command.

    ok: whether what was asked was done; the exit status follows it. title: that in one sentence. lines: more sentences.
    sections: tables, of the same kind as in reports. what_next: what the reader can do now. key: names the answer for
    programs ("gate_missing"), in no language.
    """

    ok: bool
    title: Text
    sections: tuple[Section, ...] = ()
    lines: tuple[Text, ...] = ()
    what_next: tuple[Text, ...] = ()
    key: str = ""


def as_text(answer: Answer, words: Words, width: int | None = None, *, styled: bool = False) -> str:
    """For people. width None: not a terminal, so a row is a line and nothing is wrapped."""
    title = words.say(answer.title)
    if not answer.ok:
        # The word carries the meaning; colour only repeats it.
        title = words.say(phrase("Not done: {what}", what=title))
    parts: list[RenderableType] = [Styled(title, "bold" if answer.ok else "bold red")]
    parts += [Styled(words.say(line)) for line in answer.lines]
    for section in answer.sections:
        parts += ["", *section_parts(section, words, width)]
    if answer.what_next:
        parts += ["", Styled(words.say(phrase("What you can do now:")), "bold")]
        parts += [Padding(Styled(f"- {words.say(step)}"), (0, 0, 0, 2)) for step in answer.what_next]
    return written(Group(*parts), width, styled=styled)


def as_json(answer: Answer, words: Words) -> str:
    """For programs: the same, typed, with codes that do not depend on the language."""
    return dump(
        {
            "ok": answer.ok,
            "key": answer.key,
            "language": words.language,
            "title": words.say(answer.title),
            "lines": [words.say(line) for line in answer.lines],
            "sections": [section_json(section, words) for section in answer.sections],
            "what_next": [words.say(step) for step in answer.what_next],
        }
    )
