"""A text that workers sign, as it is shown: title, headings, paragraphs and lists; the little Markdown that it uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a part of a text is."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Block:
    """One part: of a list its items, of anything else one line of text."""

    kind: BlockKind
    lines: tuple[str, ...]


def lay_out_text(words: str) -> Sequence[Block]:
    """The parts of a text in order; the first paragraph is its title. Every word of it is in exactly one part."""
    found: list[Block] = []
    for part in words.split("\n\n"):
        lines = [line.strip() for line in part.strip().split("\n") if line.strip()]
        if not lines:
            continue
        if not found:
            found.append(Block(BlockKind.TITLE, (" ".join(lines),)))
        elif lines[0].startswith("## "):
            found.append(Block(BlockKind.HEADING, (lines[0].removeprefix("## "),)))
            if len(lines) > 1:
                found.append(Block(BlockKind.PARAGRAPH, (" ".join(lines[1:]),)))
        elif lines[0].startswith("- "):
            items: list[str] = []
            for line in lines:
                if line.startswith("- "):
                    items.append(line.removeprefix("- "))
                else:
                    items[-1] += f" {line}"
            found.append(Block(BlockKind.LIST, tuple(items)))
        else:
            found.append(Block(BlockKind.PARAGRAPH, (" ".join(lines),)))
    return found
