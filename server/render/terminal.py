"""Reports and tables as lines of text for a terminal or a pipe; no other format.

With a width, lines are wrapped to it, and a table that does not fit is written as blocks, a line for each cell. With
none (a pipe, a file), every row is one line and nothing is wrapped, so that other programs can search in it. Colour
only on request; no meaning hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from server.core.reports.document import Report, digest
from server.core.tables import Kind, Section
from server.core.text import phrase
from server.render.words import Words

_NARROWEST = 12
"""A column of text that gets fewer characters than this cannot be read: then blocks are better."""
_UNBOUND = 100_000
_RIGHT = frozenset({Kind.COUNT, Kind.SHARE})


def report_text(report: Report, words: Words, *, width: int | None = None, styled: bool = False) -> str:
    """The whole report. width: in characters, None: as wide as it comes. styled: with escape codes for colour."""
    facts = Table.grid(padding=(0, 2))
    for label, value in (
        (phrase("Organisation"), report.organisation),
        (phrase("Period"), report.period),
        (phrase("Made"), report.made_at),
        (phrase("View"), report.view),
        (phrase("Policy"), report.policies),
        (phrase("Hash (SHA-256)"), f"sha256:{digest(report)}"),
    ):
        facts.add_row(Styled(words.say(label), "dim"), Styled(words.write(value)))
    figures = Table.grid(padding=(0, 2))
    figures.add_column(justify="right")
    for figure in report.figures:
        figures.add_row(
            Styled(words.write(figure.value), "bold"),
            Styled(words.say(figure.label)),
            Styled(words.say(figure.coverage), "dim"),
        )
    parts: list[RenderableType] = [Styled(words.say(report.title), "bold"), "", facts, ""]
    parts += [Styled(words.say(report.caveat)), "", figures]
    for section in report.body:
        parts += ["", *section_parts(section, words, width)]
    return written(Group(*parts), width, styled=styled)


def section_parts(section: Section, words: Words, width: int | None) -> Iterator[RenderableType]:
    """A section as parts that `written` takes."""
    yield Styled(words.say(section.heading), "bold")
    for paragraph in section.paragraphs:
        yield Styled(words.say(paragraph), "dim")
    if section.columns and not section.rows:
        yield Padding(Styled(words.say(section.empty)), (0, 0, 0, 2))
    elif section.columns:
        cells = _cells(section, words)
        yield _blocks(cells) if width is not None and not _fits(cells, width) else _table(section, cells)
    for note in section.notes:
        yield Padding(Styled(f"- {words.say(note)}"), (0, 0, 0, 2))


def written(part: RenderableType, width: int | None, *, styled: bool = False) -> str:
    """What a part looks like, without blanks at the ends of lines."""
    console = Console(
        file=StringIO(),
        width=_UNBOUND if width is None else width,
        force_terminal=styled,
        color_system="standard" if styled else None,
        no_color=not styled,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _cells(section: Section, words: Words) -> list[list[str]]:
    """The headings, then every row and the totals, as people read them, each cell on one line."""
    rows = (*section.rows, *([section.totals] if section.totals else []))
    return [
        [words.say(column.heading) for column in section.columns],
        *(
            [
                words.cell(value, column).replace("\n", " ").replace("\t", " ")
                for column, value in zip(section.columns, row, strict=True)
            ]
            for row in rows
        ),
    ]


def _fits(cells: list[list[str]], width: int) -> bool:
    """Whether every column can have its whole text, or at least enough of the line to be read."""
    needed = 0
    for column in zip(*cells, strict=True):
        longest = max(map(len, column))
        word = max(len(word) for cell in column for word in [*cell.split(), ""])
        needed += min(longest, max(word, _NARROWEST)) + 2
    return needed <= width


def _table(section: Section, cells: list[list[str]]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", safe_box=True)
    for column, heading in zip(section.columns, cells[0], strict=True):
        table.add_column(Styled(heading), justify="right" if column.kind in _RIGHT else "left", overflow="fold")
    for number, row in enumerate(cells[1:]):
        total = number >= len(section.rows)
        table.add_row(*(Styled(cell, "bold" if total else "") for cell in row))
    return Padding(table, (0, 0, 0, 2))


def _blocks(cells: list[list[str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(min_width=min(max(map(len, cells[0])), 24))
    grid.add_column(overflow="fold")
    for row in cells[1:]:
        for heading, cell in zip(cells[0], row, strict=True):
            if cell:
                grid.add_row(Styled(heading, "dim"), Styled(cell))
        grid.add_row("", "")
    return Padding(grid, (0, 0, 0, 2))
