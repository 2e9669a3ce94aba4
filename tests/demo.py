"""`make demo`: the whole story on the invented organisation `tiny`, a real CardDAV server and a simulated MDM system.

`make pages` tells it too, and then serves the pages until it is stopped.

What is simulated: the phones. Five of the eight fetch their book with their own login, three no longer do. And their
MDM system: a simulator of Microsoft Intune that is held to its published contract. The bill of the operator, the
customer contacts and the screen time of apps are invented files in the layouts of the shipped mappings.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.progress import track

from mdm_adapters.phones import ProfileKind
from server.cli import run_command
from server.core.days import AMSTERDAM
from server.core.model import Phase
from server.core.text import Period
from server.sources.invented import Organisation, invent, write_export
from server.sources.invented.usage import invent_usage, write_bill, write_contact_moments
from tests.demo_people import act
from tests.gates import gate_record
from tests.parts.dav import DavServer
from tests.parts.radicale import Right, radicale_server
from tests.vendors.intune import IntuneCloud
from tests.vendors.intune_member import IntunePhones
from tests.vendors.serving import served

SEED = 1
OUTPUT = Path("demo-output")
USAGE_DAYS = 90
SATURDAY = 5
SERVICE = "service"
_PATIENCE = 120.0
"""Seconds that a server may take for a whole book at once."""
console = Console(stderr=True, highlight=False)


class DemoFailedError(Exception):
    """A step did not end as it must; the message says which."""


def main() -> int:
    """Tell the story; 0 if every step ended as it must."""
    begun = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    organisation = invent("tiny", seed=SEED, now=datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="closeout-demo-") as name:
        folder = Path(name)
        cloud = IntuneCloud()
        with books(organisation, folder) as server, served(cloud) as url:
            fleet = IntunePhones(cloud, url)
            environ = dict(os.environ) | {"CLOSEOUT_HOME": str(folder / "installation")}
            try:
                _tell(organisation, server, fleet, folder, environ)
                _let_people_act(environ)
            except DemoFailedError as error:
                console.print(f"[bold red]demo failed:[/] {error}")
                return 1
            if "pages" in sys.argv[1:]:
                run_command(("serve",), environ)
    console.print(f"\n[dim]{time.monotonic() - begun:.0f} s; the server and its folder are gone again.[/]")
    return 0


def day_of(organisation: Organisation) -> date:
    """Its today, which begins an hour or two before that of UTC."""
    return organisation.now.astimezone(AMSTERDAM).date()


def _tell(
    organisation: Organisation, server: DavServer, fleet: IntunePhones, folder: Path, environ: dict[str, str]
) -> None:
    def say(*arguments: str, must: int = 0) -> None:
        console.print(f"\n[bold cyan]$ closeout {' '.join(_shown(each, folder) for each in arguments)}[/]")
        status = run_command(arguments, environ)
        if status != must:
            raise DemoFailedError(f"closeout {arguments[0]} ended with {status}")

    secret = folder / "service.password"
    secret.write_text(server.password(SERVICE))
    secret.chmod(0o600)
    exported = write_export(organisation, folder, "generic-en")
    say("init", organisation.name, "--demo")
    write_policy(folder / "installation" / "policy.yaml")
    say(
        *("connection", "put", "books", "--vendor", "carddav", "--url", server.url, "--login", SERVICE),
        *("--secret-file", str(secret), "--log-file", str(server.log_path)),
    )
    say("place", "import", str(list_places(organisation, server, folder)))
    phones = enrol(organisation, fleet)
    connect_fleet(organisation, fleet, folder, say)
    say("place", "check")
    say("cases", "import", *map(str, exported), "--mapping", "generic-en")
    # A run begins with a look at every place; without one there is nothing to plan on.
    say("look")
    say("--as", "privacy_officer", "plan")
    say("run")
    say("verify")
    # Each phone of these workers was asked, too, to synchronise and to say how it is configured (step 7b).
    let_phones_fetch(organisation, server)
    for ref in phones:
        fleet.act(ref)
    say("device", "refresh")
    say("--as", "privacy_officer", "device", "list")
    say("--as", "privacy_officer", "device", "show", first_phone(environ))
    say("verify")
    say("--as", "privacy_officer", "report", "removals", "--out", str(OUTPUT))
    _tell_of_usage(organisation, folder, say)
    console.print(
        "\n[bold]A closed case is opened again. What was removed stays in the case file, and may be saved anew:[/]"
    )
    say("cases", "import", *open_again(exported, folder))
    console.print("\n[bold]A second pass finds nothing more to remove:[/]")
    say("run")
    console.print(
        "\n[bold]Other cases are closed. With those of today that is more than half of all contacts, so a person "
        "has to let it go:[/]"
    )
    say("cases", "import", *close_more(organisation, exported, folder))
    say("run")
    console.print("\n[bold]A reasoned exception, and what an employer's works council agreed to:[/]")
    _decide(organisation, say)
    say("log", "verify")
    console.print(
        "\n[bold]Of cards that hold more than a name beside a client's number their worker is asked first, on My "
        "phone. Until that is answered somebody has to act, and doctor says so:[/]"
    )
    say("doctor", must=1)


def _decide(organisation: Organisation, say: Callable[..., None]) -> None:
    """What supervisors and privacy officers record at the command; at the pages they can as well."""
    until = (day_of(organisation) + timedelta(days=60)).isoformat()
    life = next(each for each in organisation.plot.lives if each.phase(organisation.now) is Phase.INVESTIGATION)
    say(
        *("--as", "work_supervisor", "deviation", "add", "--case", life.number, "--worker", life.assignments[0].worker),
        *("--tier", "consult", "--reason", "Handover talks go on.", "--decided-by", "head of unit 1", "--until", until),
    )
    say(
        *gate_record(dpia="DPIA 1", consent="Consent 1"),
        *("--purpose", "Contacts leave work phones once their case is closed.", "--review", until, "--until", until),
    )


def _let_people_act(environ: dict[str, str]) -> None:
    """What is done at the pages; then none that somebody opens is empty."""
    console.print("\n[bold]At the pages: reports are made, another policy is proposed, a hold is set.[/]")
    told = sorted(OUTPUT.glob("channels-*.json"), key=lambda each: each.stat().st_mtime)[-1]
    first, last = (date.fromisoformat(each) for each in re.findall(r"\d{4}-\d\d-\d\d", told.name))
    if empty := act(environ, Period(first, last)):
        raise DemoFailedError(f"pages with nothing on them: {', '.join(empty)}")


def _tell_of_usage(organisation: Organisation, folder: Path, say: Callable[..., None]) -> None:
    """Which channels are used, from three feeds; who signed for business use, and how sure the share is."""
    console.print("\n[bold]Usage: that phones were used, never what was said. Three feeds, all invented:[/]")
    calls = invent_usage(organisation, days=USAGE_DAYS)
    until = day_of(organisation) - timedelta(days=1)
    period = f"{until - timedelta(days=USAGE_DAYS)}..{until}"
    for file, mapping in (
        (write_bill(organisation, calls, folder), "invented-telecom-bill"),
        (write_contact_moments(calls, folder), "contact-moments"),
        (write_screen_time(organisation, folder, until), "app-screen-time"),
    ):
        say("usage", "import", str(file), "--mapping", mapping, "--period", period)
    say("--as", "privacy_officer", "declaration", "import", str(write_declarations(organisation, folder, until)))
    say("--as", "privacy_officer", "declaration", "list")
    console.print("\n[bold]WhatsApp beside the approved channels, and how sure each declared share is:[/]")
    for report in ("channels", "declarations"):
        say("--as", "privacy_officer", "report", report, "--out", str(OUTPUT))
    say("--as", "privacy_officer", "finding", "desk")


def write_screen_time(organisation: Organisation, folder: Path, until: date) -> Path:
    """Minutes of each app, as device management counts them; every second phone uses WhatsApp, less each week."""
    file = folder / "screen-time.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(["Device", "Date", "App id", "Foreground seconds"])
        for nth, device in enumerate(organisation.devices):
            for back in range(USAGE_DAYS, 0, -1):
                day = until - timedelta(days=back)
                if day.weekday() < SATURDAY:
                    writer.writerow([device.ref, day, "com.microsoft.teams", 1500 + 60 * nth])
                    writer.writerow([device.ref, day, "com.whatsapp", 10 * back if nth % 2 else 0])
    return file


def write_declarations(organisation: Organisation, folder: Path, until: date) -> Path:
    """Five workers signed, three of them with the employer's signature; the others did not."""
    signed, held = until - timedelta(days=60), until - timedelta(days=70)
    lines = ["device,worker,text,signed_on,countersigned_on,countersigned_by,held_from,loan_agreement"]
    for nth, device in enumerate(organisation.devices[:5]):
        counter = f"{signed},head of unit 1" if nth % 2 == 0 else ","
        lines.append(f"{device.ref},{device.worker},gebruiksverklaring-1,{signed},{counter},{held},loan {nth}")
    file = folder / "declarations.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def _shown(argument: str, folder: Path) -> str:
    text = argument.replace(f"{folder}/", "")
    return f"'{text}'" if re.search(r"\s", text) else text


def enrol(organisation: Organisation, fleet: IntunePhones) -> list[str]:
    """The organisation's phones at the simulated MDM system, two of them with WhatsApp; one is linked to no worker."""
    refs = [fleet.enrol(f"{device.ref}@org.example", silent=device.silent) for device in organisation.devices]
    fleet.enrol("unlisted@org.example")
    # A profile keeps other apps from reading the managed contacts; the last phone has not been in touch since.
    fleet.mdm.push(next(iter(fleet.mdm.list_phones())), fleet.profile(ProfileKind.PROTECTION), str(uuid4()))
    for ref in refs[:-1]:
        fleet.act(ref)
    for ref in refs[:2]:
        fleet.install(ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")
    return refs


def first_phone(environ: dict[str, str]) -> str:
    """Our id of the first phone at the MDM system that is somebody's."""
    told = StringIO()
    with redirect_stdout(told):
        run_command(("--json", "--as", "privacy_officer", "device", "list"), environ)
    sections = {each["key"]: each["rows"] for each in json.loads(told.getvalue())["sections"]}
    return next(str(row["phone"]) for row in sections["managed_phones"] if row.get("worker"))


def connect_fleet(organisation: Organisation, fleet: IntunePhones, folder: Path, say: Callable[..., None]) -> None:
    """The connection to the MDM system, and the list that says whose each phone is."""
    console.print("\n[bold]Phones are managed by an MDM system: here a simulator of Microsoft Intune.[/]")
    secret = folder / "fleet.secret"
    secret.write_text(fleet.connection.secret)
    secret.chmod(0o600)
    options = [f"--option={name}={value}" for name, value in fleet.connection.options.items()]
    where = ("--url", fleet.connection.url, "--secret-file", str(secret))
    say("connection", "put", "intune-simulator", "--vendor", "intune", *where, *options)
    file = folder / "phones.csv"
    lines = [
        f"{device.ref};{device.worker};Invented employer;Invented team;own;intune-simulator;{device.ref}@org.example"
        for device in organisation.devices
    ]
    file.write_text("\n".join(["device;worker;employer;team;use;connection;phone", *lines]), encoding="utf-8")
    say("device", "import", str(file))


def open_again(exported: Sequence[Path], folder: Path) -> list[str]:
    """The same export, made later, in which the first case that was finally closed is being investigated again."""

    def reopen(cases: str) -> str:
        return re.sub(r"^(\d+),closed,([^,]*),[^,\n]+,", r"\1,investigation,\2,,", cases, count=1, flags=re.MULTILINE)

    return _made_later(exported, folder / "opened-again", reopen)


def close_more(organisation: Organisation, exported: Sequence[Path], folder: Path) -> list[str]:
    """The same export, made later still: cases that were worked on are finally closed, and were three weeks ago."""
    closed_on = (day_of(organisation) - timedelta(days=21)).isoformat()

    def close(cases: str) -> str:
        worked_on = r"^(\d+),(?:investigation|conditions and follow-up|transfer pending),([^,]*),,"
        return re.sub(worked_on, rf"\1,closed,\2,{closed_on},", cases, flags=re.MULTILINE)

    return _made_later(exported, folder / "closed-since", close)


def _made_later(exported: Sequence[Path], folder: Path, change: Callable[[str], str]) -> list[str]:
    """What `cases import` is given: copies of an export with other cases, whose time is that of their files."""
    folder.mkdir()
    files = []
    for file in exported:
        text = file.read_text("utf-8")
        files.append(folder / file.name)
        files[-1].write_text(change(text) if file.name.startswith("cases") else text, "utf-8")
    mapping = folder / "made-when-written.yaml"
    shipped = (Path(__file__).parents[1] / "agent_policies/sources/generic-en.yaml").read_text("utf-8")
    mapping.write_text(
        re.sub(r"^time_of_export:.*\n  in_file_name.*\n", "time_of_export: modified\n", shipped, flags=re.M)
    )
    return [*map(str, files), "--mapping", str(mapping)]


def write_policy(file: Path) -> None:
    """The policy that is shipped, but that more than half of all contacts in a day wait for a person."""
    shipped = (Path(__file__).parents[1] / "agent_policies/veilig-thuis.yaml").read_text("utf-8")
    file.write_text(shipped.replace("max_share: 0.9", "max_share: 0.5"), "utf-8")


@contextmanager
def books(organisation: Organisation, folder: Path) -> Iterator[DavServer]:
    """A Radicale with every worker's book in it; each phone has a login of its own that may read that book only."""
    logins = {SERVICE: "an invented password"} | {each.ref: f"password of {each.ref}" for each in organisation.devices}
    rights = [Right(SERVICE, write=True)] + [Right(each.ref, _book(each.worker)) for each in organisation.devices]
    with radicale_server(folder / "radicale", logins=logins, rights=rights) as server:
        client = replace(server.client(), patience=_PATIENCE)
        workers = track(organisation.workers, "Filling a real CardDAV server", console=console, transient=True)
        for worker in workers:
            cards = (_with_uid(card.decode(), number) for number, card in enumerate(organisation.books[worker.ref]))
            filled = client.request(
                "PUT", f"/{_book(worker.ref)}/", "".join(cards).encode(), {"Content-Type": "text/vcard; charset=utf-8"}
            )
            if filled.status != 201:
                raise DemoFailedError(f"the CardDAV server did not take a book ({filled.status})")
        yield server


def _with_uid(card: str, number: int) -> str:
    """Radicale takes no card without a UID, and names the file after it, which it then refuses if it holds a colon."""
    card = card.replace("\nUID:urn:uuid:", "\nUID:")
    return card if "\nUID:" in card else card.replace("END:VCARD", f"UID:demo-{number}\r\nEND:VCARD")


def list_places(organisation: Organisation, server: DavServer, folder: Path) -> Path:
    file = folder / "places.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(["worker", "employer", "team", "connection", "address", "devices", "logins"])
        for worker in organisation.workers:
            phones = _phones(organisation, worker.ref)
            writer.writerow(
                [
                    *(worker.ref, "Invented employer", "Invented team", "books", server.book_url(_book(worker.ref))),
                    *(" ".join(phones), " ".join(phones)),
                ]
            )
    return file


def let_phones_fetch(organisation: Organisation, server: DavServer) -> None:
    """What a phone does at its next sync: list the book with its own login. The silent ones do not."""
    for device in organisation.devices:
        if not device.silent:
            client = server.client(device.ref, user_agent="stand-in phone")
            client.names(_book(device.worker))
    silent = sum(device.silent for device in organisation.devices)
    console.print(
        f"\n[bold]{len(organisation.devices) - silent} of {len(organisation.devices)} phones synchronise now; "
        f"{silent} no longer do.[/]"
    )


def _phones(organisation: Organisation, worker: str) -> Sequence[str]:
    return [device.ref for device in organisation.devices if device.worker == worker]


def _book(worker: str) -> str:
    return f"{SERVICE}/{worker}"


if __name__ == "__main__":
    sys.exit(main())
