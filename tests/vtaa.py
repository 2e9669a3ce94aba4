"""`make vtaa`: the main job at full size, told by the command: a first run over 130 phones, and a normal day after it.

An invented organisation of the size of DOMAIN 17 (45,000 cases, 130 books of some 1,900 cards) on a real Radicale.
Another pair of eyes then reads every book and holds it against a second reading of the rules. What is simulated: the
phones, of which a tenth stays silent. `python -m tests.vtaa 0.1` takes a tenth of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unicodedata import normalize

from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from server.app import SHIPPED_POLICY, check_policy
from server.cli import run_command
from server.core.model import REMOVALS
from server.sources.invented import Organisation, day_after, invent, truth, write_export
from tests.demo import SERVICE, books, let_phones_fetch, list_places
from tests.parts.dav import DavServer

SEED = 1
OUTPUT = Path("demo-output")
FULL, CHANGES = "veilig-thuis-csv", "veilig-thuis-changes"
_DIGITS = 9
"""The end of a number, by which it is known in every spelling."""
Numbers = dict[str, set[str]]
"""The ends of numbers, by worker."""
console = Console(stderr=True, highlight=False)


class NotAsItMust(Exception):
    """A step did not end as it must; the message says which."""


class Story:
    """One installation, worked through the command; remembers what each step took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = dict(os.environ) | {"CLOSEOUT_HOME": str(folder / "installation")}
        self.steps: list[tuple[str, float, str]] = []

    def say(self, step: str, *arguments: str) -> None:
        """Give a command as a person would; what it answers is shown."""
        told = " ".join(each.replace(f"{self.folder}/", "") for each in arguments)
        console.print(f"\n[bold cyan]$ closeout {told}[/]")
        with self.step(step):
            status = run_command(arguments, self.environ)
        if status:
            raise NotAsItMust(f"closeout {told} ended with {status}")

    def ask(self, *arguments: str) -> Mapping[str, Any]:
        """What a program is answered."""
        out = StringIO()
        with redirect_stdout(out):
            run_command(("--json", *arguments), self.environ)
        answer: Mapping[str, Any] = json.loads(out.getvalue())
        return answer

    @contextmanager
    def step(self, name: str, figure: str = "") -> Iterator[None]:
        """Something that takes its time."""
        begun = time.monotonic()
        yield
        self.steps.append((name, time.monotonic() - begun, figure))

    def states(self) -> Mapping[str, int]:
        """Orders by what happens next with them."""
        (section,) = (each for each in self.ask("status")["sections"] if each["key"] == "orders")
        return {row["state"]["code"]: row["count"] for row in section["rows"]}

    def table(self) -> Table:
        """The figures."""
        table = Table("step", Column("seconds", justify="right"), "figure", title="vtaa")
        for name, seconds, figure in self.steps:
            table.add_row(name, f"{seconds:.1f}", figure)
        return table


def main() -> int:
    """Run it; 0 if every step ended as it must and nothing is left that had to go."""
    factor = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    OUTPUT.mkdir(exist_ok=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="closeout-vtaa-") as name:
        story = Story(Path(name))
        console.print("[bold]Inventing an organisation of the size that is known of one of 25 ...[/]")
        with story.step("invent the organisation"):
            yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
            organisation = invent("vtaa", seed=SEED, now=yesterday, factor=factor)
        try:
            filling = time.monotonic()
            with books(organisation, story.folder) as server:
                story.steps.append(("fill the CardDAV server", time.monotonic() - filling, ""))
                tell(story, organisation, server)
        except NotAsItMust as wrong:
            console.print(f"[bold red]vtaa failed:[/] {wrong}")
            return 1
        finally:
            console.print(story.table())
    console.print(f"[dim]{time.monotonic() - begun:.0f} s; the server and its folder are gone again.[/]")
    return 0


def tell(story: Story, organisation: Organisation, server: DavServer) -> None:
    """The first run, and the day after it."""
    folder = story.folder
    secret = folder / "service.password"
    secret.write_text(server.password(SERVICE))
    secret.chmod(0o600)
    exports = folder / "exports"
    exports.mkdir()
    with story.step("read every book with other eyes"):
        before = {worker.ref: numbers_of(server, worker.ref) for worker in organisation.workers}
    ever: Numbers = {}
    story.say("make an installation", "init", organisation.name, "--demo")
    story.say(
        *("connect", "connection", "put", "books", "--vendor", "carddav", "--url", server.url, "--login", SERVICE),
        *("--secret-file", str(secret), "--log-file", str(server.log_path)),
    )
    story.say("import the places", "place", "import", str(list_places(organisation, server, folder)))
    first = write_export(organisation, exports, FULL)
    story.say("import the register", "cases", "import", *map(str, first), "--mapping", FULL)
    story.say("read every book", "look")
    story.say("decide; above a limit it waits", "run")
    for plan in waiting(story):
        story.say("release it", "release", plan)
    story.say("carry it out", "run")
    story.say("prove it by another look", "verify")
    with story.step("phones fetch their books"):
        let_phones_fetch(organisation, server)
    story.say("hear which phones fetched", "verify")
    story.say("report", "--as", "privacy_officer", "report", "removals", "--out", str(OUTPUT))
    see_for_yourself(story, organisation, server, before, ever)

    console.print("\n[bold]A normal day later:[/]")
    day = day_after(organisation)
    changes = write_export(day.organisation, exports, CHANGES, cases=day.changed)
    story.say(
        *(f"import a day's changes ({day.closed} closures)", "cases", "import", *map(str, changes)),
        *("--mapping", CHANGES),
    )
    story.say("a day's round", "run")
    story.say("prove it by another look", "verify")
    see_for_yourself(story, day.organisation, server, before, ever)
    story.say("check the log", "log", "verify")


def waiting(story: Story) -> list[str]:
    """Plans above a limit."""
    return [row["plan"] for section in story.ask("release")["sections"] for row in section["rows"]]


def see_for_yourself(
    story: Story, organisation: Organisation, server: DavServer, before: Numbers, ever: Numbers
) -> None:
    """Hold every book against a second reading of the rules.

    Only what a person must decide may still be there, and of what was there `before` only what had to go at some
    moment (`ever`, which grows) may be gone.
    """
    open_orders = {state: count for state, count in story.states().items() if state not in ("done", "stopped")}
    for_a_person = open_orders.pop("person", 0)
    if open_orders:
        raise NotAsItMust(f"orders are not at their end: {open_orders}")
    document = check_policy(SHIPPED_POLICY).document
    assert document is not None
    rules = document.policy
    with story.step("another pair of eyes"):
        decided = truth(
            organisation,
            datetime.now(UTC),
            rules.grace_days,
            rules.monitoring_window_days,
            require_recorded=rules.require_recorded,
            former_number_days=rules.former_number_days,
            first_seen=datetime.now(UTC),
        )
        must_go: dict[str, set[str]] = {}
        desks, either = desks_of(organisation), desks_of(organisation, only=False)
        for (worker, identifier), decision in decided.items():
            if decision not in REMOVALS or "@" in identifier:
                continue
            ever.setdefault(worker, set()).add(identifier[-_DIGITS:])
            if identifier[-_DIGITS:] not in desks:
                must_go.setdefault(worker, set()).add(identifier[-_DIGITS:])
        left = lost = 0
        for worker in track(organisation.workers, "Reading every book", console=console, transient=True):
            there = numbers_of(server, worker.ref)
            left += len(must_go.get(worker.ref, set()) & there)
            lost += len(before[worker.ref] - there - ever.get(worker.ref, set()) - either)
    had_to_go = sum(map(len, must_go.values()))
    console.print(
        f"\n[bold]{had_to_go - left} of {had_to_go} numbers that must go are gone; {left} wait for a person.[/]"
    )
    if left > for_a_person:
        raise NotAsItMust(f"{left} numbers are still there, and only {for_a_person} orders wait for a person")
    if lost:
        raise NotAsItMust(f"{lost} numbers that may stay are gone")


def desks_of(organisation: Organisation, *, only: bool = True) -> set[str]:
    """Numbers that the register has with an extension only: it governs that desk, not the number.

    only False: those it has both ways, too. One case may then speak of a desk where the other reading sees the number.
    """
    ends: dict[bool, set[str]] = {True: set(), False: set()}
    for row in organisation.contacts:
        number, extension, _ = row.value.partition(" ext.")
        end = re.sub(r"\D", "", number)[-_DIGITS:]
        is_desk = bool(extension) and not end.startswith("6")  # behind a mobile number there are no desks
        ends[is_desk].add(end)
    return ends[True] - ends[False] if only else ends[True]


def numbers_of(server: DavServer, worker: str) -> set[str]:
    """The ends of all numbers in a worker's book, as another client reads it."""
    book = replace(server.client(), patience=60.0).request("GET", f"/{SERVICE}/{worker}/").body.decode()
    return set(_ends(book))


def _ends(book: str) -> Iterator[str]:
    # NFKC: a number in full-width digits is one, too
    for line in normalize("NFKC", book.replace("\r\n ", "")).splitlines():
        if re.match(r"(?:[\w-]+\.)?(?:TEL|NOTE)\b", line):
            for number in re.findall(r"[+(]?\d[\d ().-]{7,}\d", line):
                yield re.sub(r"\D", "", number)[-_DIGITS:]


if __name__ == "__main__":
    sys.exit(main())
