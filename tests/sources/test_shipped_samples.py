"""Every shipped mapping reads the sample beside it, written as its vendor writes, to the sums a person counts."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from server.sources import klant
from server.sources.feeds import FEEDS
from server.sources.usage_file import OpenUsage, open_usage, read_usage
from server.sources.usage_mapping import UsageMapping, load_usage_mapping, shipped_usage

TODAY = date(2026, 11, 30)
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))
WEEK = (date(2026, 10, 22), date(2026, 10, 28))
USAGE = Path(__file__).parents[2] / "agent_policies" / "sources" / "usage"
SAMPLES = USAGE / "samples"
PULLED_ONLY = frozenset({"teams-activity", "teams-calls"})
"""Asked for, and never a file: their exports have mappings of their own."""
RIGHT: Mapping[str, tuple[int, str]] = {
    "invented-telecom-bill": (0, """
        device-1 2026-10-01 phone in calls 1
        device-1 2026-10-01 phone in minutes 90
        device-1 2026-10-01 phone out calls 1
        device-1 2026-10-01 phone out minutes 60
        device-2 2026-10-31 phone out calls 1
        device-2 2026-10-31 phone out minutes 30
        """),
    "invented-mobile-bill": (5, """
        device-1 2026-10-01 phone in calls 1
        device-1 2026-10-01 phone in minutes 3840
        device-1 2026-10-01 phone out calls 1
        device-1 2026-10-01 phone out minutes 271
        device-1 2026-10-01 sms out messages 1
        device-1 2026-10-02 data out megabytes 1280500000
        device-2 2026-10-03 phone out calls 2
        device-2 2026-10-03 phone out minutes 659
        device-2 2026-10-31 data out megabytes 12500000
        device-2 2026-10-31 sms in messages 1
        """),
    "invented-cdr": (4, """
        device-1 2026-10-01 phone in calls 1
        device-1 2026-10-01 phone in minutes 120
        device-1 2026-10-01 phone out calls 1
        device-1 2026-10-01 phone out minutes 60
        device-1 2026-10-03 phone in calls 1
        device-1 2026-10-03 phone in minutes 30
        device-1 2026-10-05 phone in calls 1
        device-1 2026-10-05 phone in minutes 300
        device-2 2026-10-06 phone out calls 1
        device-2 2026-10-06 phone out minutes 600
        device-2 2026-10-31 phone out calls 1
        device-2 2026-10-31 phone out minutes 45
        """),
    "invented-portal-workbook": (0, """
        device-1 2026-10-03 phone out calls 1
        device-1 2026-10-03 phone out minutes 80
        device-1 2026-10-04 phone in calls 1
        device-1 2026-10-04 phone in minutes 45
        device-2 2026-10-31 phone in calls 1
        device-2 2026-10-31 phone in minutes 120
        """),
    "teams-activity-export": (1, """
        3F2A90C1D7E84B5EA1C6D2F00B9E7A44 2026-10-28 teams unknown messages 5
        worker-1 2026-10-28 teams unknown calls 4
        worker-1 2026-10-28 teams unknown messages 42
        worker-1 2026-10-28 teams unknown minutes 3900
        worker-2 2026-10-28 teams unknown calls 1
        worker-2 2026-10-28 teams unknown messages 7
        worker-2 2026-10-28 teams unknown minutes 120
        """),
    "teams-calls-export": (4, """
        worker-1 2026-10-01 phone out calls 1
        worker-1 2026-10-01 phone out minutes 90
        worker-1 2026-10-03 phone in calls 1
        worker-1 2026-10-03 phone in minutes 60
        worker-2 2026-10-07 phone out calls 1
        worker-2 2026-10-07 phone out minutes 120
        """),
    "soti-call-log": (1, """
        device-1 2026-10-01 phone out calls 1
        device-1 2026-10-01 phone out minutes 120
        device-1 2026-10-03 phone in calls 1
        device-1 2026-10-03 phone in minutes 61
        device-2 2026-10-03 phone out calls 1
        device-2 2026-10-03 phone out minutes 45
        """),
    "soti-screen-samples": (0, """
        device-1 2026-10-01 com.microsoft.teams unknown screen_minutes 300
        device-1 2026-10-01 com.whatsapp unknown screen_minutes 600
        device-1 2026-10-02 org.example.game unknown screen_minutes 300
        device-2 2026-10-02 com.whatsapp unknown screen_minutes 300
        """),
    "knox-screen-time": (1, """
        device-1 2026-10-01 com.microsoft.teams unknown screen_minutes 1200
        device-1 2026-10-01 com.whatsapp unknown screen_minutes 600
        device-1 2026-10-01 org.example.game unknown screen_minutes 90
        device-1 2026-10-02 com.whatsapp unknown screen_minutes 30
        """),
    "app-screen-time": (0, """
        device-1 2026-10-01 com.microsoft.teams unknown screen_minutes 1200
        device-1 2026-10-01 com.whatsapp unknown screen_minutes 600
        device-1 2026-10-01 org.example.game unknown screen_minutes 90
        device-2 2026-10-02 com.whatsapp unknown screen_minutes 30
        """),
    "gateway-log": (1, """
        device-1 2026-10-01 whatsapp in megabytes 250700
        device-1 2026-10-01 whatsapp out megabytes 1500
        device-1 2026-10-02 - in megabytes 20
        device-1 2026-10-02 - out megabytes 10
        device-1 2026-10-02 teams in megabytes 4000
        device-1 2026-10-02 teams out megabytes 2000
        device-2 2026-10-02 - in megabytes 9000
        device-2 2026-10-02 - out megabytes 100
        """),
    "invented-messenger-admin": (0, """
        3f2a90c1 2026-10-03 zorgmessenger in messages 2
        3f2a90c1 2026-10-03 zorgmessenger out messages 2
        worker-1 2026-10-01 zorgmessenger in messages 6
        worker-1 2026-10-01 zorgmessenger out messages 5
        worker-2 2026-10-02 zorgmessenger in messages 3
        """),
    "contact-moments": (0, """
        worker-1 2026-10-01 telefonisch in contacts 1
        worker-1 2026-10-01 telefonisch out contacts 1
        worker-2 2026-10-31 whatsapp out contacts 1
        """),
    "self-report": (0, """
        worker-1 2026-10-01 whatsapp out messages 42
        worker-2 2026-10-02 sms in messages 2
        """),
    "open-klant": (0, """
        worker-1 2026-10-01 telefonisch in contacts 1
        worker-1 2026-10-02 telefonisch out contacts 1
        worker-2 2026-10-05 e-mail out contacts 1
        """),
    "zgw-klantcontact": (0, """
        - 2026-10-02 balie unknown contacts 1
        - 2026-10-02 telefonisch unknown contacts 1
        """),
}  # fmt: skip
"""Of each mapping how many lines are left out, and whose, when, through what, who began, what and how much: in seconds
and bytes. Counted by hand.
"""


def samples(name: str) -> list[Path]:
    """The files of a mapping; more than one: pages."""
    return sorted(file for file in SAMPLES.iterdir() if re.fullmatch(rf"{name}(-20\d\d.*)?", file.stem))


def opened(name: str) -> tuple[OpenUsage, UsageMapping]:
    mapping = load_usage_mapping(name)
    period = None if re.search(r"20\d\d", samples(name)[0].stem) else WEEK if "activity" in name else OCTOBER
    if FEEDS.keys() & {name}:
        return klant.open_export(samples(name), mapping, today=TODAY, period=period), mapping
    return open_usage(samples(name), mapping, today=TODAY, period=period), mapping


def counted(name: str) -> tuple[int, list[str]]:
    feed, mapping = opened(name)
    sums: Counter[str] = Counter()
    passed = 0
    for batch in read_usage(feed):
        assert [(fault.line, fault.field, fault.problem) for fault in batch.faults] == []
        passed += batch.passed
        for row in batch.rows:
            for amount, value in zip(mapping.amounts, row.amounts, strict=True):
                through = amount.channel or row.app or row.channel or "-"
                began = amount.direction or row.direction
                key = f"{row.subject} {date.fromordinal(row.day)} {through} {began} {amount.quantity}"
                sums[key] += value
    return passed, sorted(f"{key} {value}" for key, value in sums.items() if value)


@pytest.mark.parametrize("name", sorted(set(shipped_usage()) - PULLED_ONLY))
def test_a_sample_comes_to_what_a_careful_person_counts(name: str):
    passed, right = RIGHT[name]
    assert counted(name) == (passed, right.strip().replace("        ", "").splitlines())


@pytest.mark.parametrize("name", sorted(set(shipped_usage()) - PULLED_ONLY))
def test_a_sample_says_of_which_days_it_is_or_asks(name: str):
    feed, _ = opened(name)
    assert feed.speaks_for == (WEEK if name == "teams-activity-export" else OCTOBER)


# --- the same counted in another way, by what the vendor says of its columns ------------------------------------------


def rows_of(name: str, delimiter: str = ",") -> list[dict[str, str]]:
    with samples(name)[0].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def seconds_of(clock: str) -> int:
    hours, minutes, seconds = map(int, clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def mobile_bill() -> dict[str, int]:
    """What the operator itself adds up at the foot of the bill."""
    foot = dict(re.findall(r"^Totaal (\w+);.*?([\d:.,]+);$", samples("invented-mobile-bill")[0].read_text(), re.M))
    data = foot["data"].replace(".", "").replace(",", ".")
    return {"minutes": seconds_of(foot["gesprekken"]), "megabytes": int(float(data) * 1_000_000)}


def cdr() -> dict[str, int]:
    """One answered call for each id, as long as its first leg, voicemail left out."""
    calls = {row["call_id"]: int(row["duration_s"]) for row in reversed(rows_of("invented-cdr"))
             if row["cause"] == "normal" and row["b_party"] != "1233"}  # fmt: skip
    return {"calls": len(calls), "minutes": sum(calls.values())}


def portal() -> dict[str, int]:
    """What the operator adds up on the other sheet."""
    sheet = openpyxl.load_workbook(samples("invented-portal-workbook")[0])["Totals"]
    lines = [row for row in sheet.iter_rows(min_row=2, values_only=True) if row[0]]
    return {"calls": sum(int(str(row[1])) for row in lines), "minutes": sum(int(str(row[2])) for row in lines)}


def teams_activity() -> dict[str, int]:
    rows = rows_of("teams-activity-export")
    clock = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
    spoken = [clock.fullmatch(row["Audio Duration"]) for row in rows]
    return {
        "messages": sum(int(row["Team Chat Message Count"]) + int(row["Private Chat Message Count"]) for row in rows),
        "calls": sum(int(row["Call Count"]) for row in rows),
        "minutes": sum(int(f[1] or 0) * 3600 + int(f[2] or 0) * 60 + int(f[3] or 0) for f in spoken if f),
    }


def teams_calls() -> dict[str, int]:
    """Connected calls by start and end, of the two kinds that a user has."""
    lengths = [
        (datetime.fromisoformat(row["End Time"]) - datetime.fromisoformat(row["Start Time"])).seconds
        for row in rows_of("teams-calls-export")
        if row["Call Type"] in ("user_in", "user_out")
    ]
    return {"calls": sum(each > 0 for each in lengths), "minutes": sum(lengths)}


def soti_calls() -> dict[str, int]:
    found = [each for each in json.loads(samples("soti-call-log")[0].read_text()) if each["Status"] == "Answered"]
    return {"calls": len(found), "minutes": sum(each["Duration"] for each in found)}


def soti_screen() -> dict[str, int]:
    return {"screen_minutes": 300 * len(json.loads(samples("soti-screen-samples")[0].read_text()))}


def knox() -> dict[str, int]:
    bodies: dict[str, Any] = {}
    for line in samples("knox-screen-time")[0].read_text().splitlines():
        body = json.loads(line)
        bodies[body["eventId"]] = body["data"].get("appUsage", [])
    return {"screen_minutes": sum(each["screenTimeSeconds"] for apps in bodies.values() for each in apps)}


def gateway() -> dict[str, int]:
    return {"megabytes": sum(int(row["bytes_in"]) + int(row["bytes_out"]) for row in rows_of("gateway-log"))}


def messenger() -> dict[str, int]:
    rows = rows_of("invented-messenger-admin", ";")
    return {"messages": sum(int(row["Verzonden berichten"]) + int(row["Ontvangen berichten"]) for row in rows)}


def open_klant() -> dict[str, int]:
    pages = [json.loads(file.read_text())["results"] for file in samples("open-klant")]
    return {"contacts": len({each["uuid"] for page in pages for each in page if each["indicatieContactGelukt"]})}


OTHERWISE: Mapping[str, Callable[[], dict[str, int]]] = {
    "invented-mobile-bill": mobile_bill,
    "invented-cdr": cdr,
    "invented-portal-workbook": portal,
    "teams-activity-export": teams_activity,
    "teams-calls-export": teams_calls,
    "soti-call-log": soti_calls,
    "soti-screen-samples": soti_screen,
    "knox-screen-time": knox,
    "gateway-log": gateway,
    "invented-messenger-admin": messenger,
    "open-klant": open_klant,
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_way_of_counting_comes_to_the_same_totals(name: str):
    totals: Counter[str] = Counter()
    for line in counted(name)[1]:
        *_, quantity, value = line.split()
        totals[quantity] += int(value)
    other = OTHERWISE[name]()
    assert {quantity: totals[quantity] for quantity in other} == other


def test_days_are_those_of_amsterdam_by_another_reckoning():
    zone = ZoneInfo("Europe/Amsterdam")
    days = {
        datetime.fromisoformat(row["start_utc"]).astimezone(zone).date().isoformat() for row in rows_of("invented-cdr")
    }
    assert {line.split()[1] for line in counted("invented-cdr")[1]} <= days


# --- what must not go in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "faults"),
    [
        ("teams-activity-export", "Yes,7", "Yes,30", ["unknown_condition"] * 4),
        ("teams-calls-export", ",user_in,", ",hunt_group_in,", ["unknown_condition"]),
        ("invented-mobile-bill", ";SMS;", ";MMS;", ["unknown_condition"] * 2),
        ("invented-cdr", ",busy,", ",normal,", []),
        ("invented-cdr", ",no answer,", ",unheard of,", ["unknown_condition"]),
        ("soti-call-log", '"Outgoing"', '"Sideways"', ["unknown_direction"] * 2),
        ("knox-screen-time", '"appUsage"', '"apps"', ["no_rows"]),
        ("knox-screen-time", '{"eventId": "e-1"', '{"eventId": "e-1', ["not_json"]),
        ("gateway-log", ",250000", ",-250000", ["negative_amount"]),
    ],
)
def test_what_a_vendor_changes_is_a_fault_and_not_left_out_in_silence(
    tmp_path: Path, name: str, old: str, new: str, faults: list[str]
):
    (sample,) = samples(name)
    file = tmp_path / sample.name
    file.write_text(sample.read_text("utf-8").replace(old, new), "utf-8")
    period = None if "2026" in sample.stem else WEEK if "activity" in name else OCTOBER
    feed = open_usage([file], load_usage_mapping(name), today=TODAY, period=period)
    assert [fault.problem.value for batch in read_usage(feed) for fault in batch.faults] == faults


def test_names_in_json_are_never_even_parsed(tmp_path: Path):
    (sample,) = samples("soti-call-log")
    feed = open_usage([sample], load_usage_mapping("soti-call-log"), today=TODAY, period=OCTOBER)
    assert "ContactName" in sample.read_text()
    assert not any("Name" in cell or "CallPhoneNumber" in cell for part in feed.parts for cell in part.table.rows[0])
    assert feed.dropped == ()


FOR_THE_WHOLE_FILE = ("two\nlines", "\x00", '"')
"""What may break more than its own line."""
SPOILT = ("", "@", "1.280", "-60", "31-02-2026", "2025-10-01", "x" * 5_000, "=1+1", "12:75:99", *FOR_THE_WHOLE_FILE)
TEXTS = [name for name in RIGHT if name != "invented-cdr" and samples(name)[0].suffix == ".csv"]
"""Samples of which each line stands for itself."""
HEADER_AT = {"invented-mobile-bill": 4}
"""The header's line, from 0, where it is not the first."""


def lines_of(file: Path, name: str) -> tuple[set[tuple[Any, ...]], set[str]]:
    """The rows of a file, each with its line, and what is wrong with it."""
    period = None if "2026" in file.stem else WEEK if "activity" in name else OCTOBER
    feed = open_usage([file], load_usage_mapping(name), today=TODAY, period=period)
    found = list(read_usage(feed))
    return {tuple(row) for batch in found for row in batch.rows}, {
        fault.problem.value for batch in found for fault in batch.faults
    }


@pytest.mark.parametrize("name", TEXTS)
def test_a_spoilt_cell_touches_its_own_line_and_no_other(tmp_path: Path, name: str):
    (sample,) = samples(name)
    lines = sample.read_text("utf-8").splitlines()
    delimiter = ";" if ";" in lines[0] else ","
    head = HEADER_AT.get(name, 0)
    right, _ = lines_of(sample, name)
    dice = random.Random(name)
    for _ in range(40):
        at, spoilt = dice.randrange(head + 1, len(lines)), dice.choice(SPOILT)
        cells = lines[at].split(delimiter)
        cells[dice.randrange(len(cells))] = spoilt
        file = tmp_path / sample.name
        file.write_text("\n".join([*lines[:at], delimiter.join(cells), *lines[at + 1 :], ""]), "utf-8")
        rows, faults = lines_of(file, name)
        others = {row for row in right if row[0] != at + 1}
        if spoilt in FOR_THE_WHOLE_FILE:
            assert faults or {row[1:] for row in rows} >= {row[1:] for row in others}
        else:
            assert {row for row in rows if row[0] != at + 1} == others, (spoilt, faults)


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_without_one_of_its_columns_or_with_one_twice_gives_no_row_or_the_same(tmp_path: Path, name: str):
    (sample,) = samples(name)
    lines = sample.read_text("utf-8").splitlines()
    delimiter = ";" if ";" in lines[0] else ","
    head = HEADER_AT.get(name, 0)
    right, _ = lines_of(sample, name)
    for at in range(len(lines[head].split(delimiter))):
        for keep in (False, True):
            changed = [line.split(delimiter) for line in lines[head:]]
            for cells in changed:
                cells[at : at + 1] = [cells[at]] * 2 if keep else []
            file = tmp_path / sample.name
            text = [*lines[:head], *map(delimiter.join, changed), ""]
            file.write_text("\n".join(text), "utf-8")
            rows, faults = lines_of(file, name)
            assert (rows, faults) == (right, set()) or (not rows and faults) or _lacks_a_choice(name, rows, right)


def _lacks_a_choice(name: str, rows: set[tuple[Any, ...]], right: set[tuple[Any, ...]]) -> bool:
    """Whether what is gone is a column that a mapping says may be missing, and only what it said is gone."""
    optional = any(column.optional for _, column in load_usage_mapping(name).fields)
    return optional and {row[0] for row in rows} == {row[0] for row in right}


@pytest.mark.parametrize("name", ["soti-call-log", "soti-screen-samples", "knox-screen-time"])
@pytest.mark.parametrize("spoilt", [None, [], {}, "", "x", -1, 10**30, True, 1e400, {"a": {"b": []}}])
def test_whatever_stands_in_a_field_of_json_is_a_fault_or_left_out_and_never_raises(
    tmp_path: Path, name: str, spoilt: object
):
    (sample,) = samples(name)
    text = sample.read_text("utf-8")
    right, _ = lines_of(sample, name)
    for field in set(re.findall(r'"(\w+)": ', text)):
        file = tmp_path / sample.name
        value = json.dumps(spoilt)
        file.write_text(re.sub(rf'"{field}": ("[^"]*"|-?\d+|true|false|null)', f'"{field}": {value}', text, count=1))
        rows, faults = lines_of(file, name)
        assert faults or len(rows) <= len(right)
