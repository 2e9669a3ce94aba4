"""Usage feeds: rows per second at the door beside pandas, and how long reports over a year of roll-ups take.

Both sides read the same itemised bill of an invented operator and come to the same totals by counterparty. Ours also
checks every cell, tokenises every number, tells its faults by line and writes daily and monthly sums to SQLite; pandas
has plain numbers in a plain dictionary. Run: `python -m tests.benchmarks.bench_usage [ROWS]`.
"""

from __future__ import annotations

import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from server.core.identity.reading import registered
from server.core.identity.tokens import Tokeniser
from server.core.model import ContactClass, Phase, Role
from server.core.policy.model import Policy
from server.core.usage.channel_catalogue import check_catalogue
from server.core.usage.evidence_rules import check_evidence
from server.core.usage.model import Confidence, Counterparty, Direction, Profile, Quantity, Use
from server.sources.usage_mapping import load_usage_mapping
from server.store.admin import organisation
from server.store.database import Store
from server.store.register.cases import ExportPart, apply, staging
from server.store.schema.usage import usage_day, usage_kind
from server.store.seal import Sealer
from server.store.usage import ingest, months
from server.store.usage import subjects as usage_subjects
from server.store.usage.subjects import KindKey
from server.work.admin import setup
from server.work.context import Context, Keys
from server.work.usage import declarations, feeds
from tests.benchmarks.memory import peak_megabytes

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DEVICES = 2_000
CLIENTS = 40_000
ROWS_A_DAY = 28
POLICIES = Path(__file__).parents[2] / "agent_policies"
KEYS = Keys(Tokeniser(b"t" * 32), Sealer(b"s" * 32), Ed25519PrivateKey.from_private_bytes(b"k" * 32))
POLICY = Policy(
    version="bench",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=False,
    former_number_days=365,
    tombstone_days=365,
    max_removals=1000,
    max_share=1.0,
    max_closures_factor=10.0,
)
PEER = """
import json, sys, time
import pandas
from tests.benchmarks.memory import peak_megabytes
bill, index, out = sys.argv[1:4]
start = time.process_time()
known = json.load(open(index))
frame = pandas.read_csv(bill, sep=";", header=0, names=["device", "at", "number", "direction", "seconds"], dtype=str)
frame["day"] = pandas.to_datetime(frame["at"]).dt.date
frame["seconds"] = frame["seconds"].astype("int64")
digits = frame["number"].str.replace(r"[^0-9+]", "", regex=True).str.replace(r"^(00|\\+)31", "0", regex=True)
frame["party"] = digits.map(known).fillna("unknown")
by = frame.groupby(["device", "day", "party", "direction"])["seconds"].agg(["count", "sum"])
totals = by.groupby("party").sum()
seconds = time.process_time() - start
json.dump({"totals": {party: [int(row["count"]), int(row["sum"])] for party, row in totals.iterrows()},
           "seconds": seconds, "megabytes": peak_megabytes(),
           "version": pandas.__version__}, open(out, "w"))
"""
OURS = "import sys; from tests.benchmarks.bench_usage import ingest_here; ingest_here(*sys.argv[1:3])"


def client_number(n: int) -> str:
    """The nth client's number: 06-1xxx xxxx."""
    return f"061{n * 7919 % 10_000_000:07}"


def lay(folder: Path) -> Context:
    """A demo organisation of 2,000 devices in twenty teams, with a register of 40,000 clients."""
    context = open_context(folder)
    setup.found(context, "Invented organisation", demo=True)
    with context.store.write() as connection:
        employer = organisation.employer_named(connection, "Invented employer")
        to = organisation.put_connection(
            connection,
            {"name": "b", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
        for n in range(DEVICES):
            worker = organisation.put_worker(connection, f"worker-{n}", employer, f"team-{n % 20}")
            organisation.put_place(
                connection, uid=f"place-{n}", connection_id=to, worker_id=worker, address=f"b-{n}",
                devices={f"device-{n}": ""},
            )  # fmt: skip
    parts = frozenset({ExportPart.CASES, ExportPart.CONTACTS, ExportPart.DIRECTORY})
    with staging(context.store, "bench", full=True, parts=parts) as staged:
        ago = NOW - timedelta(days=500)
        for start in range(0, CLIENTS, 5_000):
            numbers = range(start, start + 5_000)
            staged.add(
                ExportPart.CASES,
                [
                    {"number": f"{n:06}", "phase": (Phase.CLOSED if n % 2 else Phase.TRIAGE).value, "opened_on": None,
                     "closed_at": ago if n % 2 else None, "recorded": True}
                    for n in numbers
                ],
            )  # fmt: skip
            staged.add(ExportPart.CONTACTS, [_link(f"{n:06}", client_number(n)) for n in numbers])
        staged.add(
            ExportPart.DIRECTORY,
            [
                {"token": bytes(_token(f"0655{n:06}")), "verified": True, "class": ContactClass.COLLEAGUE.value}
                for n in range(DEVICES)
            ],
        )
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin():
            apply(connection, staged, now=NOW, as_of=NOW, digest="0", rows=CLIENTS)
    return context


def open_context(folder: Path) -> Context:
    """The context of the organisation in this folder."""
    store = Store(f"sqlite:///{folder / 'closeout.db'}")
    return Context(store, lambda: NOW, KEYS, POLICY, {}, {}, folder / "heads.txt")


def _token(number: str) -> bytes:
    (found,) = registered(number)
    return KEYS.tokeniser.token(found)


def _link(case: str, number: str) -> dict[str, object]:
    return {"number": case, "token": bytes(_token(number)), "verified": True, "person": "A",
            "class": ContactClass.CLIENT.value, "linked": True, "former_since": None}  # fmt: skip


def write_bill(file: Path, rows: int) -> None:
    """A bill of 28 rows for each device and day, as 23 million a year come to: 30% clients, 20% former clients, 30%
    colleagues, the rest numbers nobody knows.
    """
    dice = random.Random(7)
    span = max(1, rows // (DEVICES * ROWS_A_DAY))
    days = [(date(2025, 10, 1) + timedelta(days=n)).isoformat() for n in range(span)]
    with file.open("w", encoding="utf-8") as out:
        out.write("Toestel;Datum en tijd;Ander nummer;Richting;Duur in seconden\n")
        for n in range(rows):
            pick = dice.random()
            client = dice.randrange(CLIENTS // 2) * 2
            if pick < 0.3:
                number = client_number(client)
            elif pick < 0.5:
                number = client_number(client + 1)
            elif pick < 0.8:
                number = f"0655{dice.randrange(DEVICES):06}"
            else:
                number = f"064{dice.randrange(10**7):07}"
            if n % 3 == 0:
                number = f"+31 {number[1]} {number[2:]}"
            elif n % 3 == 1:
                number = f"{number[:2]}-{number[2:]}"
            stamp = f"{days[n * span // rows]} {8 + n % 12:02}:{n % 60:02}:00"
            out.write(f"device-{dice.randrange(DEVICES)};{stamp};{number};{'in' if n % 2 else 'uit'};{10 + n % 900}\n")


def ingest_here(folder: str, bill: str) -> None:
    """In a process of its own, so that its memory can be told: take the bill in and print what it cost."""
    context = open_context(Path(folder))
    catalogue = check_catalogue((POLICIES / "channels/veilig-thuis.yaml").read_text("utf-8"), "c").catalogue
    rules = check_evidence((POLICIES / "evidence/veilig-thuis.yaml").read_text("utf-8"), "e").rules
    assert catalogue is not None
    assert rules is not None
    start = time.process_time()
    taken = feeds.take_in_usage(
        context, [Path(bill)], load_usage_mapping("invented-telecom-bill"), catalogue, rules,
        period=(date(2025, 1, 1), date(2026, 1, 4)),
    )  # fmt: skip
    seconds = time.process_time() - start
    totals: dict[str, list[int]] = {}
    with context.store.read() as connection:
        for party, quantity, amount in connection.execute(
            select(usage_kind.c.counterparty, usage_kind.c.quantity, func.sum(usage_day.c.amount))
            .join(usage_kind, usage_kind.c.id == usage_day.c.kind_id)
            .group_by(usage_kind.c.counterparty, usage_kind.c.quantity)
        ):
            totals.setdefault(party, [0, 0])[quantity == Quantity.MINUTES] = int(amount)
    print(json.dumps({"rows": taken.rows, "seconds": seconds, "totals": totals,  # noqa: T201  read by the caller
                      "megabytes": peak_megabytes()}))  # fmt: skip
    context.store.close()


def _ingest(folder: Path, rows: int) -> dict[str, object]:
    context = lay(folder)
    context.store.close()
    bill = folder / "bill.csv"
    write_bill(bill, rows)
    index = {client_number(n): ("former_client" if n % 2 else "client") for n in range(CLIENTS)}
    index |= {f"0655{n:06}": "colleague" for n in range(DEVICES)}
    (folder / "index.json").write_text(json.dumps(index))
    ours = json.loads(
        subprocess.run([sys.executable, "-c", OURS, str(folder), str(bill)], check=True, capture_output=True).stdout
    )
    found: dict[str, object] = {
        "rows": ours["rows"],
        "ours_per_second": round(ours["rows"] / ours["seconds"]),
        "ours_megabytes": ours["megabytes"],
    }
    try:
        subprocess.run([sys.executable, "-c", "import pandas"], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return found | {"peer": "pandas is not installed (extra bench)"}
    out = folder / "peer.json"
    subprocess.run([sys.executable, "-c", PEER, str(bill), str(folder / "index.json"), str(out)], check=True)
    peer = json.loads(out.read_text())
    return found | {
        "peer": f"pandas {peer['version']}: read_csv, map, groupby",
        "peer_per_second": round(rows / peer["seconds"]),
        "peer_megabytes": peer["megabytes"],
        "same_totals": peer["totals"] == ours["totals"],
    }


def _year(folder: Path) -> dict[str, object]:
    """A year of 2,000 devices in roll-ups, as 23 million rows leave it; then the quarter's reports."""
    context = lay(folder)
    parties = list(Counterparty)
    with context.store.write() as connection:
        known = usage_subjects.subjects(connection, "device", NOW.date(), "observation")
        subjects = [each.id for each in known.values()]
        keys = [
            KindKey(quantity, Confidence.MEASURED, Profile.WHOLE,
                    Use.UNCLASSIFIED if party is Counterparty.UNKNOWN else Use.BUSINESS, channel, party, direction)
            for quantity in (Quantity.CALLS, Quantity.MINUTES)
            for channel in ("phone", "whatsapp")
            for party in parties
            for direction in (Direction.IN, Direction.OUT)
        ]  # fmt: skip
        ids = usage_subjects.kind_ids(connection, keys)
        feed = ingest.feed_named(connection, "bench", "device", 50)
    dice = random.Random(3)
    numbers = list(ids.values())
    rows = 0
    for month in range(12):
        first, last = months.bounds(months.month_of(date(2025, 1, 1)) + month)
        with ingest.staging(context.store) as staged:
            for ordinal in range(first.toordinal(), last.toordinal() + 1):
                if date.fromordinal(ordinal).weekday() > 4:
                    continue
                sums = [
                    (ordinal, subject, kind, dice.randrange(1, 900), 0)
                    for subject in subjects
                    for kind in dice.sample(numbers, 6)
                ]
                rows += len(sums)
                staged.add(sums)
            connection = staged.connection.execution_options(closeout_write=True)
            with connection.begin():
                run = ingest.NewRun(f"run-{month}", f"{month}", 0, 0, 0, 0, 0)
                ingest.apply(connection, feed, run, Confidence.MEASURED, whole_days=True, now=NOW, period=(first, last))
    catalogue = check_catalogue((POLICIES / "channels/veilig-thuis.yaml").read_text("utf-8"), "c").catalogue
    rules = check_evidence((POLICIES / "evidence/veilig-thuis.yaml").read_text("utf-8"), "e").rules
    assert catalogue is not None
    assert rules is not None
    quarter = date(2025, 10, 1), date(2025, 12, 31)
    start = time.process_time()
    feeds.channel_report(context, catalogue, rules, Role.PRIVACY_OFFICER, *quarter)
    report = time.process_time() - start
    start = time.process_time()
    outcomes = declarations.outcomes(context, rules, *quarter)
    weighed = time.process_time() - start
    context.store.close()
    return {
        "daily_roll_ups": rows,
        "channel_report_seconds": round(report, 2),
        "outcomes_seconds": round(weighed, 2),
        "outcomes": len(outcomes),
    }


def run(rows: int = 5_000_000) -> dict[str, object]:
    """Rows and seconds of processor time on one core, and memory."""
    with tempfile.TemporaryDirectory(prefix="closeout-bench-") as name:
        (Path(name) / "a").mkdir()
        (Path(name) / "b").mkdir()
        return {
            "name": "usage feeds at the door, and reports over a year of roll-ups",
            "unit": "rows per second of one core; seconds for reports",
            **_ingest(Path(name) / "a", rows),
            **_year(Path(name) / "b"),
            "python": platform.python_version(),
        }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(int, sys.argv[1:2])), indent=2) + "\n")
