"""What the tests of sources share: writing an export by hand and reading what it tells."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from server.sources.case_file import open_export, read
from server.sources.mapping import load_mapping, parse_mapping

STAMP = "20250304-0600"
SMALL = """
system: small
mode: {mode}
time_of_export: {{in_file_name: "%Y%m%d-%H%M"}}
dates: ["%d-%m-%Y", "%d-%m-%Y %H:%M"]
case_number_pattern: "[0-9]{{6}}"
each_case_needs_client: {needs_client}
ignore: [Team]
words:
  phases: {{triage: [Triage], investigation: [Onderzoek], monitoring: [Monitoring], closed: [Gesloten]}}
  classes: {{client: [Cliënt], reporter: [Melder], professional: [Huisarts], colleague: [Collega]}}
  yes: [ja]
  no: [nee]
files:
  - name: cases
    case_number: [Zaak]
    case:
      phase: [Fase]
      opened_on: [Start]
      closed_at: [Afgerond]
      recorded: {{headers: [Vastgelegd], optional: true}}
    contact:
      person: [Persoon]
      class: [Soort]
      values: [[Telefoon]]
    assignment: {{worker: [Medewerker], from: [Vanaf], until: [Tot]}}
"""
HEADER = "Zaak;Fase;Start;Afgerond;Persoon;Soort;Telefoon;Medewerker;Vanaf;Tot"
SOUND = "204117;Onderzoek;06-01-2025;;A;Cliënt;06-12345601;worker-01;06-01-2025;"


def small(mode="full", *, needs_client=False):
    return parse_mapping(SMALL.format(mode=mode, needs_client=str(needs_client).lower()), "small.yaml")


@dataclass
class Told:
    """What reading an export told."""

    rows: list
    faults: list
    count: int
    header: object

    @property
    def problems(self):
        return [(fault.problem.value, fault.line, fault.field) for fault in self.faults]


def tell(paths, mapping):
    if isinstance(mapping, str):
        mapping = load_mapping(mapping)
    export = open_export([Path(path) for path in paths], mapping)
    batches = list(read(export))
    faults = [fault for batch in batches for fault in batch.faults]
    for fault in faults:
        assert fault.advice(), fault  # every fault can be told, with all its hints
    return Told(
        [row for batch in batches for row in batch.rows],
        faults,
        sum(batch.fault_count for batch in batches),
        export.header,
    )


@pytest.fixture
def lay(tmp_path):
    """Writes lines (or bytes) as an export file and returns its path."""

    def write(*lines, name=f"cases-{STAMP}.csv", header=HEADER, encoding="utf-8"):
        path = tmp_path / name
        raw = lines[0] if lines and isinstance(lines[0], bytes) else "\r\n".join([header, *lines, ""]).encode(encoding)
        path.write_bytes(raw)
        return path

    return write
