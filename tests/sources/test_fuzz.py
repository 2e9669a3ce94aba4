"""Exports by grammar and by chance: a damaged file gives what stands on its lines or a fault about them, no more.

The oracle shares nothing with the reader: each value told must stand, letter for letter, on the line that it is told
of, and a line that tells nothing must be blank or within a fault. The short form runs with all tests, the long one in
`make campaigns`.
"""

from __future__ import annotations

from random import Random

from server.sources.case_file import open_export, read
from server.sources.mapping import parse_mapping
from server.sources.rows import Problem
from server.sources.tables import MAX_RECORD_LINES
from tests.sources.conftest import HEADER, SMALL, STAMP
from tests.sources.test_one_line_one_row import told_of

MAPPING = parse_mapping(SMALL.format(mode="changes", needs_client="false"), "small.yaml")
PHASES = ["Triage", "Onderzoek", "Gesloten", "triage", "ONDERZOEK", "Onbekend"]
DAYS = ["06-01-2025", "6-1-2025", "31-02-2025", "", "gisteren"]
PIECES = [
    b'"',
    b'""',
    b";",
    b";;",
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b"\x81",
    b"\t",
    b"=1+1",
    b"'",
    b" ",
    "\u2028".encode(),
]


ENDS = {Problem.WRONG_ENCODING, Problem.NUL_BYTE, Problem.OPEN_QUOTE, Problem.LINE_TOO_LONG}
"""After these nothing of the file is taken for what it says."""


def an_export(dice: Random) -> list[str]:
    """Lines of an export, most of them sound: each of a case, a number and a worker of its own."""
    lines = []
    for number in range(dice.randint(1, 8)):
        cells = [
            *(str(200_000 + number), dice.choice(PHASES), dice.choice(DAYS), "", dice.choice(["A", "B", ""]), "Cliënt"),
            *(f"06-1234{5000 + number}", f"worker-{number}", dice.choice(DAYS), ""),
        ]
        lines.append(";".join(f'"{cell}"' if dice.random() < 0.2 else cell for cell in cells))
    return [HEADER, *lines]


def damaged(dice: Random, raw: bytes) -> bytes:
    made = bytearray(raw)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(5):
            case 0:
                del made[at : at + dice.choice([1, 2, 30])]
            case 1:
                made[at:at] = made[at : at + dice.choice([1, 10, 90])]
            case 2:
                made[at : at + 1] = dice.choice(PIECES)
            case 3:
                made[at:at] = dice.choice(PIECES)
            case _:
                made[at:at] = bytes([dice.randrange(256)])
    return bytes(made)


def bare(text: str) -> str:
    return text.replace('"', "")


def test_a_damaged_export_tells_what_stands_on_its_lines_or_a_fault_about_them(tmp_path, draws):
    path = tmp_path / f"cases-{STAMP}.csv"
    for dice in draws(150):
        for _ in range(5):
            raw = damaged(dice, dice.choice(["\r\n", "\n"]).join([*an_export(dice), ""]).encode())
            path.write_bytes(raw)
            said, faults = told_of([path], MAPPING)
            ended = {fault.problem for batch in read(open_export([path], MAPPING)) for fault in batch.faults} & ENDS
            lines = raw.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
            refused = ended or (faults and not said)  # for what its header is
            cases = {case for told in said.values() for case, _ in told}
            head = next((at for at, line in enumerate(lines, start=1) if bare(line).strip("; \t")), 1)
            for at, line in enumerate(lines[head:], start=head + 1):
                tells = bare(line).strip("; \t")
                known = at in said or tells.split(";")[0] in cases  # what was told once is not told again
                assert refused or not tells or known or any(at in fault for fault in faults), (raw, at)
            for at, told in said.items():
                here = bare(" ".join(lines[at - 1 : at + MAX_RECORD_LINES]))
                for case, what in told:
                    assert bare(case or "") in here, (raw, at, case)
                    assert bare(what or "") in here, (raw, at, what)
