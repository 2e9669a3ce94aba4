"""A report as PDF, for paper and for readers that speak (PDF/UA-1, ISO 14289-1: tagged, titled); no other format.

typst sets the page from our own template. All that a report says is handed over as data, never as markup, so nothing in
it can become part of how the page is made. Only typst's own fonts are used and the instant is the report's: same facts,
same bytes, on every machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache

import typst

from server.core.reports.controls import KEY as REQUIREMENTS
from server.core.reports.document import Figure, Report, digest
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Share, phrase
from server.render.drawn import draw, pictures, tell
from server.render.html import PARTS, RIGHT, TEMPLATES, part_of
from server.render.words import Words

MOST_ROWS = 400
"""Of one table: nobody reads more on paper, and the workbook, the CSV and the JSON have them all."""
_WIDE_FROM = 7
"""From so many columns on, a table that has no room on an upright page stands on pages of its own, turned."""
_NARROW, _WIDEST = 5, 60
"""Least and most letters that a column is made for."""
_LONGEST_WORD = 22
_BOLD = 1.18
"""How much wider a letter of a heading is."""
_ROOM = {False: 116, True: 196}
"""Letters beside each other on an upright page and on a turned one, a little less than there are."""
_GAP = 2
"""What stands between columns, in letters."""
_WHOLE = frozenset({Kind.INSTANT, Kind.DATE, Kind.SHARE})
_SHORT = (24, 18, 12, 0)
"""Text up to so many letters stays on one line, the more the better as long as all columns still have room."""
_TOGETHER = {False: 24, True: 15}
"""A table of so few lines is not broken over two pages."""
_ACROSS = 3
"""Key figures beside each other."""

_UNPRINTABLE = re.compile(
    "[^\n -~\u00a0-\u0377\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u04ff\u1e00-\u1eff"
    "\u2010-\u2027\u2030-\u2040\u20a0-\u20bf\u2190-\u21ff\u25a0-\u25ff\ufffd]"
)
"""What typst's own fonts have no sign for; PDF/UA allows no sign that is not there."""


def report_pdf(report: Report, words: Words, *, most: int = MOST_ROWS) -> bytes:
    """The whole report. most: rows of one table; what is left out is said, and where it is to be found."""
    told = {
        "language": words.language,
        "title": words.say(report.title),
        "organisation": words.write(report.organisation),
        "period": words.write(report.period),
        "facts": [
            [words.say(phrase("Made")), words.write(report.made_at)],
            [words.say(phrase("Policy")), ", ".join(map(words.write, report.policies)) or words.say(phrase("None"))],
            [words.say(phrase("View")), words.write(report.view)],
        ],
        "caveat": words.say(report.caveat),
        "across": _ACROSS,
        "figures": [_figure(figure, words) for figure in report.figures],
        "sections": [
            _section(section, words, most, turned=turned) | {"part": part, "under": under, "own_again": own_again}
            for section, turned, (part, under, own_again) in zip(
                report.body, _turn(report.body, words, most), _parts(report.body, words), strict=True
            )
        ],
        "digest": digest(report),
        "say": {
            "figures": words.say(phrase("In short")),
            "contents": words.say(phrase("In this report")),
            "digest": words.say(phrase("Hash (SHA-256)")),
            "page": words.say(phrase("Page {page} of {pages}", page="#", pages="@")),
            "compare": words.say(
                phrase(
                    "The hash (SHA-256) belongs to the facts of this report, in every language and format. Compare "
                    "it with the one in the log."
                )
            ),
            "times": words.say(phrase("All times are those of Amsterdam.")),
        },
    }
    made_of = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", json.dumps(told, ensure_ascii=False))
    pdf = typst.compile(
        _template(),
        format="pdf",
        sys_inputs={"report": made_of},
        pdf_standards="ua-1",
        ignore_system_fonts=True,
        timestamp=int(report.made_at.timestamp()),
    )
    if not isinstance(pdf, bytes):
        raise TypeError("a report is one document")
    return pdf


@lru_cache(maxsize=1)
def _template() -> bytes:
    return (TEMPLATES / "report.typ").read_bytes()


def _figure(figure: Figure, words: Words) -> dict[str, str]:
    value = figure.value
    of = words.say(phrase("of {whole}", whole=value.whole)) if isinstance(value, Share) else ""
    return {
        "value": words.count(value.part if isinstance(value, Share) else value),
        "of": of,
        "label": words.say(figure.label),
        "coverage": words.say(figure.coverage),
    }


def _section(section: Section, words: Words, most: int, *, turned: bool) -> dict[str, object]:
    shown = section.rows[:most]
    rows = [_row(row, section.columns, words) for row in shown]
    totals = _row(section.totals, section.columns, words) if section.totals else []
    headings = [words.say(column.heading) for column in section.columns]
    room = _ROOM[turned] - _GAP * len(headings)
    widths = _widths(headings, rows, section.columns, room)
    share, measure = _measure(sum(widths) + _GAP * len(widths), turned=turned)
    # What is left over is shared out, so columns are wider than they need be.
    set_wide = [int(width * room * share) // (sum(widths) or 1) for width in widths]
    lines = sum(_lines(row, set_wide) for row in ([round(len(each) * _BOLD) * "x" for each in headings], *rows))
    more = ""
    if len(shown) < len(section.rows):
        more = words.say(
            phrase(
                "The first {shown} of {all} lines are here. The workbook, the CSV and the JSON of this report "
                "hold them all.",
                shown=len(shown),
                all=len(section.rows),
            )
        )
    return {
        "heading": words.say(section.heading),
        "paragraphs": [words.say(paragraph) for paragraph in section.paragraphs],
        "pictures": [
            {"name": each.name(words), "svg": draw(each, words, paper=True), "told": tell(each, words)}
            for each in pictures(section)
        ],
        "columns": [
            {
                "heading": heading,
                "right": column.kind in RIGHT,
                # Addresses of our own list of requirements; an address in data is text and stays text.
                "link": section.key == REQUIREMENTS and column.key == "source",
                "width": width + _GAP,
                # A word that fits is not divided, and a name never is.
                "whole": _is_data(section, at) or all(len(word) <= width for row in rows for word in row[at].split()),
                "whole_heading": all(len(word) * _BOLD <= width + 1 for word in heading.split()),
            }
            for at, (column, heading, width) in enumerate(zip(section.columns, headings, widths, strict=True))
        ],
        "measure": measure,
        "together": lines + len(section.notes) <= _TOGETHER[turned],
        "rows": rows,
        "totals": totals,
        "notes": [words.say(note) for note in section.notes],
        "empty": words.say(section.empty),
        "more": more,
        "turned": turned,
    }


def _turn(sections: Sequence[Section], words: Words, most: int) -> list[bool]:
    """Which sections stand on turned pages: from the first wide one to the last, so that the paper is turned once, and
    with them the whole part that they are in.
    """
    wide = [at for at, section in enumerate(sections) if _is_wide(section, words, most)]
    parts = [part_of(section) for section in sections]
    turned = [bool(wide) and wide[0] <= at <= wide[-1] for at in range(len(sections))]
    with_wide = {part for part, is_turned in zip(parts, turned, strict=True) if part and is_turned}
    return [is_turned or part in with_wide for part, is_turned in zip(parts, turned, strict=True)]


def _row(row: Row, columns: Sequence[Column], words: Words) -> list[str]:
    return [words.cell(value, column) or "–" for value, column in zip(row, columns, strict=True)]


def _is_wide(section: Section, words: Words, most: int) -> bool:
    if len(section.columns) < _WIDE_FROM or not section.rows:
        return False
    headings = [words.say(column.heading) for column in section.columns]
    rows = [_row(row, section.columns, words) for row in section.rows[:most]]
    return sum(_narrowest(headings, rows, section.columns, _SHORT[0])) + _GAP * len(headings) > _ROOM[False]


def _parts(sections: Sequence[Section], words: Words) -> list[tuple[str, bool, bool]]:
    """For each section the title of the part that begins with it, if one does, whether it stands in a part, and whether
    it is the first after one.
    """
    found: list[tuple[str, bool, bool]] = []
    last = ""
    for section in sections:
        part = part_of(section)
        found.append((words.say(PARTS[part]) if part and part != last else "", bool(part), bool(last) and not part))
        last = part
    return found


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[Column], room: int) -> list[int]:
    """How wide each column is, in letters of all there is room for: its longest word first, then what is left over is
    shared by how much more text there is.
    """
    least: list[int] = []
    for short in _SHORT:
        least = _narrowest(headings, rows, columns, short)
        if sum(least) <= room:
            break
    longest = [max((len(row[at]) for row in rows), default=0) for at in range(len(columns))]
    wished = [max(low, min(long, _WIDEST)) for low, long in zip(least, longest, strict=True)]
    left = max(0, room - sum(least))
    more = sum(wished) - sum(least) or 1
    return [at + min(wish - at, left * (wish - at) // more) for at, wish in zip(least, wished, strict=True)]


def _narrowest(
    headings: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[Column], short: int
) -> list[int]:
    """How narrow each column may be: a date or a short name over two lines is hard to read, a sentence is not."""
    found = []
    for at, (heading, column) in enumerate(zip(headings, columns, strict=True)):
        texts = [row[at] for row in rows]
        word = max((len(word) for text in texts for word in text.split()), default=0)
        head = max((round(len(word) * _BOLD) for word in heading.split()), default=0)
        longest = max(map(len, texts), default=0)
        # A heading stands on two lines where there is room, else on three.
        folded = round(len(heading) * _BOLD) // (2 if short else 3) + 1
        unbroken = max(longest if column.kind in _WHOLE or longest <= short else 0, folded)
        found.append(max(_NARROW, min(max(word, head), _LONGEST_WORD), min(unbroken, max(short, _LONGEST_WORD))))
    return found


def _measure(letters: int, *, turned: bool) -> tuple[float, str]:
    """How much of the page a table takes that needs so many letters, and that as a length: the eye loses the line from
    a label to a number that is far away.
    """
    room = _ROOM[turned]
    for least, measure in ((_ROOM[False] * 0.5, "105mm"), (_ROOM[False], "170mm")):
        if letters <= least and (turned or measure != "170mm"):
            return max(least, letters) / room, measure
    return 1.0, "100%"


def _lines(row: Sequence[str], widths: Sequence[int]) -> int:
    """How many lines a row takes, or a few more."""
    return max((-(-len(text) // max(width, 1)) for text, width in zip(row, widths, strict=True)), default=1)


def _is_data(section: Section, at: int) -> bool:
    """Whether a column holds names and numbers, which are not hyphenated."""
    kinds = {type(row[at]) for row in section.rows}
    return kinds <= {str, type(None)}
