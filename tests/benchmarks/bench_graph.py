"""Microsoft 365 at size: how long 1,000 mailboxes take until nothing is left to remove, and what an idle pass costs.

The simulator runs in a process of its own, keeps Graph's quotas (4 at a time and 10,000 in ten minutes for each
mailbox), lets every wave of requests take its latency, and fails a share of them. Ours is the whole engine at full
durability: orders, holds checked before each call, receipts, log, and a full look as proof. Bound: the seconds that the
simulator took over its answers (its latency, and on a busy machine more than that), over as many mailboxes at once as
ours works on; no schedule of those requests is quicker. The peer is a bare loop with `requests` that believes every
answer: it lists, deletes by number, asks again after the wait it is told, and checks nothing.
Goals: at most 1.15 times the bound, nothing lost, nothing reported that is not so; idle 150 mailboxes a second of one
processor; 200 MB. Run: `python -m tests.benchmarks.bench_graph [MAILBOXES]`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import requests

from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.registry import KINDS, STORES
from server.core.model import ContactClass, Phase, Role, State
from server.sources.case_file import open_export
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Row
from server.sources.writing import write_rows
from server.store.removal import orders
from server.work.admin import setup
from server.work.context import Context
from server.work.register import intake
from server.work.removal import deviations_and_holds, engine, plan, sync, verify
from tests.benchmarks.ground import MAPPING, context_on, shipped_policy, spending
from tests.benchmarks.memory import peak_megabytes
from tests.vendors.graph import App, GraphCloud, Mailbox, weather
from tests.vendors.serving import served

MAILBOXES = 1_000
CARDS = 5
PRIVATE = 10
HELD = 50
"""Of so many mailboxes one is under litigation hold at the vendor; and of so many workers one more under ours."""
AT_ONCE = 16
"""Mailboxes worked on side by side (the setting `at_once`); more is quicker, as long as one processor keeps up."""
LATENCY = 0.2
"""Seconds for a wave of up to four requests at one mailbox; Graph's own are rarely quicker."""
IDLE_PASSES = 3
_OURS = "import sys; from tests.benchmarks.bench_graph import work_here; work_here(sys.argv[1], int(sys.argv[2]))"
_PEER = "import sys; from tests.benchmarks.bench_graph import peer_here; peer_here(sys.argv[1], int(sys.argv[2]))"
_CLOUD = "import sys; from tests.benchmarks.bench_graph import cloud_here; cloud_here(int(sys.argv[1]))"


def run(mailboxes: int = MAILBOXES) -> dict[str, Any]:
    """Ours and the peer's, each on a cloud of its own and in a process of its own."""
    with Cloud(mailboxes) as cloud:
        ours = _in_process(_OURS, cloud.url, mailboxes)
        left = cloud.ask("count")
        idle = _in_process(_OURS.replace("work_here", "idle_here"), cloud.url, mailboxes)
    with Cloud(mailboxes) as cloud:
        peer = _in_process(_PEER, cloud.url, mailboxes)
        peer_left = cloud.ask("count")
    held = mailboxes // HELD * CARDS
    return {
        "name": "removals in Microsoft 365 mailboxes, and idle passes over them",
        "goal": "1.15 times the bound, none lost, none falsely told; 150 idle mailboxes per processor second; 200 MB",
        "mailboxes": mailboxes,
        "removals": mailboxes * CARDS,
        "latency_seconds": LATENCY,
        "mailboxes_at_once": AT_ONCE,
        **ours,
        "lost": left["governed"] - held,
        "falsely_reported": max(0, ours["done"] - left["purged"]),
        "held_and_still_there": left["held"],
        "private_contacts_touched": left["private_missing"],
        **{f"idle_{name}": value for name, value in idle.items()},
        "peer": "a bare loop with requests, as many mailboxes at once, believing every answer",
        **{f"peer_{name}": value for name, value in peer.items()},
        "peer_left": peer_left["governed"],
        "peer_took_what_was_held": held - peer_left["held"],
    }


def _in_process(code: str, url: str, mailboxes: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code, url, str(mailboxes)], stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# --- the cloud, in its process


class Cloud:
    """A simulated Microsoft 365 in a process of its own; asked over its standard input."""

    def __init__(self, mailboxes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLOUD, str(mailboxes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = ""

    def __enter__(self) -> Self:
        self.url = str(self._read()["url"])
        return self

    def __exit__(self, *why: object) -> None:
        self._process.communicate("quit\n")

    def ask(self, what: str) -> dict[str, Any]:
        """What it has counted."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


class _Counting(GraphCloud):
    """Counts waves; `/control` sets the weather and tells the counts to whoever measures."""

    def __init__(self) -> None:
        super().__init__()
        self.waves, self.served = 0, 0.0
        self.remembers = False

    def __call__(self, environ: Any, start: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith("/control/"):
            begun = time.perf_counter()
            try:
                return super().__call__(environ, start)
            finally:
                with self._lock:
                    self.served += time.perf_counter() - begun
        if path.endswith("/storm"):
            self.latency, self.troubles = LATENCY, [weather(1)]
        elif path.endswith("/calm"):
            self.latency, self.troubles = 0.0, []
        start("200 OK", [("Content-Type", "application/json")])
        told = {"waves": self.waves, "served": self.served, "peak": max(self.peak.values(), default=0)}
        return [json.dumps(told).encode()]

    @contextmanager
    def _at_once(self, mailbox: str, count: int) -> Iterator[int]:
        with super()._at_once(mailbox, count) as allowed:
            self.waves += 1
            yield allowed


def cloud_here(mailboxes: int) -> None:
    """The simulator, until it is told to quit."""
    cloud = _Counting()
    tenant = cloud.add_tenant("tenant-1", App("client-1", "service-secret"))
    boxes = []
    for number in range(_all(mailboxes)):
        box = tenant.add_mailbox(_address(number))
        box.hold = number % HELD == 0
        for card in range(CARDS):
            box.add({"displayName": f"Contact {card}", "mobilePhone": _number(number, card)})
        for card in range(PRIVATE):
            box.add({"displayName": f"Private {card}", "mobilePhone": f"06-8765 {card:04}"})
        boxes.append(box)
    with served(cloud) as url:
        _say({"url": url})
        for line in sys.stdin:
            if line.strip() == "quit":
                return
            _say(_counted(boxes, mailboxes))


def _counted(boxes: Sequence[Mailbox], mailboxes: int) -> dict[str, int]:
    def governed(box: Mailbox) -> int:
        return sum(str(each.data["displayName"]).startswith("Contact") for each in box.contacts.values())

    return {
        "governed": sum(map(governed, boxes)),
        "held": sum(map(governed, boxes[mailboxes:])),
        "purged": sum(len(box.purges) for box in boxes),
        "private_missing": sum(PRIVATE + governed(box) - len(box.contacts) for box in boxes),
    }


def _all(mailboxes: int) -> int:
    return mailboxes + mailboxes // HELD


def _address(number: int) -> str:
    return f"worker-{number:04}@org.example"


def _number(box: int, card: int) -> str:
    return f"06-1{box:04}{card:03}"


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _control(url: str, what: str) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False
        found: dict[str, Any] = session.get(f"{url}/control/{what}", timeout=30).json()
        return found


# --- ours, in its process


def _context(url: str, folder: Path) -> Context:
    told = {"tenant": "tenant-1", "client_id": "client-1", "authority": url}
    connection = Connection(f"{url}/v1.0", secret="service-secret", options=told, limits=HttpLimits(patience=20.0))
    context = context_on(
        f"sqlite:///{folder / 'closeout.db'}",
        vendor=STORES["graph"](connection),
        policy=shipped_policy(limits=False),
        now=lambda: datetime.now(UTC),
    )
    return replace(context, checkpoint_file=folder / "heads.txt")


def _install(context: Context, url: str, mailboxes: int, folder: Path) -> None:
    context.store.migrate()
    setup.found(context, "Invented organisation", demo=True)
    setup.put_connection(
        context,
        name="books",
        vendor="graph",
        base_url=f"{url}/v1.0",
        login="client-1",
        secret_file="",
        kinds=KINDS,
    )
    places = [
        f"worker-{number:04};Invented employer;Invented team;books;{_address(number)};device-{number:04}"
        for number in range(_all(mailboxes))
    ]
    setup.import_places(context, "\n".join(["worker;employer;team;connection;address;devices", *places]))
    mapping = load_mapping(MAPPING)
    now = context.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    intake.take_in(context, open_export(write_rows(_register(mailboxes, now), mapping, folder, now), mapping))


def _register(mailboxes: int, now: datetime) -> Sequence[Row]:
    since = datetime(2024, 1, 9, 8, tzinfo=UTC)
    rows: list[Row] = []
    for number in range(_all(mailboxes)):
        for card in range(CARDS):
            case = f"{number + 1000:04}{card:02}"
            rows += [
                CaseRow(0, case, Phase.CLOSED, date(2024, 1, 9), now - timedelta(days=90), True),
                ContactRow(0, case, "A", ContactClass.CLIENT, _number(number, card), None, True),
                AssignmentRow(0, case, f"worker-{number:04}", "case worker", since),
            ]
    return rows


def _open(context: Context) -> int:
    with context.store.read() as connection:
        counts = orders.counts_by_state(connection)
    return sum(counts.get(state, 0) for state in (State.READY, State.CALLING, State.CHECKING, State.WAITING))


def work_here(url: str, mailboxes: int) -> None:
    """From a plan to nothing left: print what it took."""
    with tempfile.TemporaryDirectory(prefix="closeout-graph-") as name:
        folder = Path(name)
        context = _context(url, folder)
        _install(context, url, mailboxes, folder)
        with spending() as first:
            sync.look_at_all(context, full=True, at_once=AT_ONCE)
        made = plan.make_plan(context, full=True)
        for number in range(mailboxes, _all(mailboxes)):
            deviations_and_holds.set_hold(
                context,
                Role.INDEPENDENT_OFFICER,
                worker=f"worker-{number:04}",
                case=None,
                reason="Benchmark.",
                wait=lambda: False,
            )
        before = _control(url, "storm")
        rounds = 0
        with _Waited() as waited, spending() as spent:
            while _open(context):
                engine.carry_on(context, at_once=AT_ONCE)
                verify.verify(context, at_once=AT_ONCE)
                rounds += 1
                _wait(context)
        after = _control(url, "calm")
        with context.store.read() as connection:
            done = orders.counts_by_state(connection).get(State.DONE, 0)
        context.store.close()
    waves = after["waves"] - before["waves"]
    bound = (after["served"] - before["served"]) / AT_ONCE
    _say(
        {
            "orders": made.orders,
            "done": done,
            "rounds": rounds,
            "seconds_to_zero": round(spent.wall, 1),
            "bound_seconds": round(bound, 1),
            "times_the_bound": round(spent.wall / bound, 2),
            "bound_by_latency_alone_seconds": round(waves * LATENCY / AT_ONCE, 1),
            "kept_waiting_for_a_processor_seconds": round(waited.seconds / AT_ONCE, 1),
            "waves_per_mailbox": round(waves / mailboxes, 1),
            "processor_seconds": round(spent.cpu, 1),
            "first_look_processor_seconds": round(first.cpu, 1),
            "most_at_once_in_a_mailbox": after["peak"],
            "megabytes": peak_megabytes(),
        }
    )


class _Waited:
    """Seconds that threads of this process stood ready and had no processor: what others on the machine take away."""

    def __init__(self) -> None:
        self._by_thread: dict[str, int] = {}
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """So far, of all threads together; 0 where the system does not tell."""
        return sum(self._by_thread.values()) / 1e9

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            with suppress(OSError):
                for each in Path("/proc/self/task").iterdir():
                    with suppress(OSError):
                        self._by_thread[each.name] = int((each / "schedstat").read_text().split()[1])


def _wait(context: Context) -> None:
    """Until the next order is due, as the engine does between its rounds."""
    with context.store.read() as connection:
        due = orders.next_due(connection)
    if due is not None:
        time.sleep(max(0.0, (due - context.now()).total_seconds()))


def idle_here(url: str, mailboxes: int) -> None:
    """Passes over mailboxes in which nothing happened: print what they cost."""
    with tempfile.TemporaryDirectory(prefix="closeout-graph-") as name:
        folder = Path(name)
        context = _context(url, folder)
        _install(context, url, mailboxes, folder)
        sync.look_at_all(context, full=True, at_once=AT_ONCE)
        passes = []
        for _ in range(IDLE_PASSES):
            with spending() as spent:
                looked = sync.look_at_all(context, at_once=4)
            assert not any(each.full or each.fault for each in looked)
            passes.append(spent)
        context.store.close()
    best = min(each.cpu for each in passes)
    _say(
        {
            "mailboxes_per_processor_second": round(len(looked) / best),
            "mailboxes_per_second": round(len(looked) / min(each.wall for each in passes)),
            "megabytes": peak_megabytes(),
        }
    )


# --- the peer, in its process


@dataclass
class _Bare:
    """What the bare loop counts."""

    deleted: int = 0
    calls: int = 0


def peer_here(url: str, mailboxes: int) -> None:
    """List, match by number, delete, believe: print what it took."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": "service-secret",
        "scope": "https://graph.microsoft.com/.default",
    }
    with requests.Session() as session:
        session.trust_env = False
        token = session.post(f"{url}/tenant-1/oauth2/v2.0/token", data=form, timeout=30).json()["access_token"]
    before = _control(url, "storm")
    tally = _Bare()

    def ask(session: requests.Session, method: str, address: str) -> requests.Response:
        for tried in range(8):
            tally.calls += 1
            answer = session.request(method, address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
            if answer.status_code not in (429, 503):
                return answer
            time.sleep(float(answer.headers.get("Retry-After", 2**tried)))
        raise AssertionError("eight times in vain")

    def empty(numbers: range) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in numbers:
                base = f"{url}/v1.0/users/{_address(number)}/contacts"
                found = ask(session, "GET", f"{base}?$select=id,mobilePhone&$top=100").json()["value"]
                wanted = {_number(number, card) for card in range(CARDS)}
                for each in found:
                    if each["mobilePhone"] in wanted:
                        assert ask(session, "POST", f"{base}/{each['id']}/permanentDelete").status_code == 204
                        tally.deleted += 1

    everything = _all(mailboxes)
    shares = [range(start, everything, AT_ONCE) for start in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool, spending() as spent:
        list(pool.map(empty, shares))
    after = _control(url, "calm")
    bound = (after["served"] - before["served"]) / AT_ONCE
    _say(
        {
            "seconds": round(spent.wall, 1),
            "times_its_bound": round(spent.wall / bound, 2),
            "processor_seconds": round(spent.cpu, 1),
            "deleted": tally.deleted,
            "calls": tally.calls,
            "megabytes": peak_megabytes(),
        }
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(int, sys.argv[1:2])), indent=2) + "\n")
