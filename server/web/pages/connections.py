"""Connections and places: what is connected, whether it works, what it cannot do; adding and changing by form."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from mdm_adapters.port import Fault, Support
from server.core.reports.table import Column, Kind, Mark, Section, Text, phrase
from server.store import organisation
from server.store.organisation import ConnectionRow
from server.web.forms import Choice, Control, Filled, Input, read_form
from server.web.here import fill, here, notify
from server.web.refusals import REFUSALS
from server.work import connections, setup
from server.work.connections import ConnectionProblem, Tried
from server.work.setup import SetupRefusedError

_MOST_TEXT = 8 * 1024 * 1024
_VENDORS: Mapping[str, Text] = {
    "carddav": phrase("CardDAV: Radicale, Xandikos, Nextcloud, iCloud for work and others"),
    "graph": phrase("Microsoft 365: contacts through Graph"),
    "intune": phrase("Microsoft Intune: phones, through Graph"),
    "nanomdm": phrase("NanoMDM: iPhones, with KMFDDM beside it"),
    "jamf": phrase("Jamf Pro: iPhones"),
}
PROBLEMS: Mapping[ConnectionProblem, tuple[str, Text]] = {
    ConnectionProblem.NOT_AN_ADDRESS: (
        "url",
        phrase("This is no address of a server. Such as: https://dav.example.org"),
    ),
    ConnectionProblem.NOT_ENCRYPTED: ("url", phrase("Begin it with https: the password would travel in clear.")),
    ConnectionProblem.PASSWORD_AGAIN: (
        "password",
        phrase("The address or the login changed, so type the password again: the old one is sent to nobody else."),
    ),
    ConnectionProblem.BAD_NAME: ("name", phrase("Use letters, digits and hyphens, at most 40.")),
    ConnectionProblem.NAME_TAKEN: ("name", phrase("There is a connection of that name. Change it on its own page.")),
}


def show() -> ResponseReturnValue:
    """All connections and how their places are."""
    at = here()
    with at.context.store.read() as connection:
        rows = organisation.read_connections(connection)
        places = organisation.read_places(connection, at.context.today())
    known = Counter(place.connection for place in places)
    failing = Counter(place.connection for place in places if place.fault)
    looked = {
        row.name: max((p.looked_at for p in places if p.connection == row.name and p.looked_at), default=None)
        for row in rows
    }
    section = Section(
        "connections",
        phrase("What is connected"),
        columns=(
            Column("name", phrase("Connection")),
            Column("vendor", phrase("Kind")),
            Column("secret", phrase("Can sign in"), Kind.CODE),
            Column("places", phrase("Places"), Kind.COUNT),
            Column("failing", phrase("Cannot be read"), Kind.COUNT),
            Column("looked", phrase("Last read"), Kind.INSTANT, phrase("never")),
        ),
        rows=tuple(
            (
                row.name,
                row.vendor,
                Mark.YES if at.context.reaches(row.name) else Mark.NO,
                known[row.name],
                failing[row.name],
                looked[row.name],
            )
            for row in rows
        ),
        empty=phrase("Nothing is connected yet."),
    )
    return fill(
        "connections.html",
        phrase("Connections"),
        section=section,
        links=[url_for("connections.one", name=row.name) for row in rows],
        places=len(places),
    )


def new() -> ResponseReturnValue:
    """The form for another one."""
    return _form(None, Filled({}))


def add() -> ResponseReturnValue:
    """Make it."""
    return _save(None)


def one(name: str) -> ResponseReturnValue:
    """One connection: its state, what the vendor can and cannot, and the form to change it."""
    return _page(_found(name), None)


def change(name: str) -> ResponseReturnValue:
    """Change it."""
    return _save(_found(name))


def attempt(name: str) -> ResponseReturnValue:
    """Try it now."""
    row = _found(name)
    tried = connections.try_connection(here().context, name)
    return _page(row, tried if tried is not None else ())


def places() -> ResponseReturnValue:
    """Every place by its opaque id, and the form to take in a list."""
    return _places_page()


def take_places() -> ResponseReturnValue:
    """Take in a list of places: all of it, or nothing and why."""
    at = here()
    file = request.files.get("file")
    raw = file.read(_MOST_TEXT + 1) if file is not None else b""
    if not raw or len(raw) > _MOST_TEXT:
        return _places_page(fault=phrase("Choose a CSV file of at most 8 MB.")), 400
    try:
        taken = setup.import_places(at.context, raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _places_page(fault=phrase("The file is not UTF-8 text. Save it as CSV UTF-8.")), 400
    except SetupRefusedError as refused:
        return _places_page(fault=REFUSALS[refused.problem], line=refused.line), 400
    return _places_page(done=phrase("Places taken in: {rows}, of which {new} are new.", rows=taken.rows, new=taken.new))


def _inputs(row: ConnectionRow | None) -> Sequence[Input]:
    vendors = here().site.kinds
    name = Input(
        "name", phrase("Name"), longest=40, hint=phrase("A short name of your own, such as: books. Letters and digits.")
    )
    return (
        *((name,) if row is None else ()),
        Input(
            "vendor",
            phrase("Kind of store"),
            Control.CHOICE,
            choices=tuple(Choice(each, _VENDORS.get(each, each)) for each in vendors),
        ),
        Input(
            "url",
            phrase("Address of the server"),
            Control.LINK,
            longest=500,
            hint=phrase("As its administrator gives it, such as: https://dav.example.org"),
        ),
        Input(
            "login",
            phrase("Service login"),
            required=False,
            hint=phrase("One login that may read and remove in all the books. Not a person's own."),
        ),
        Input(
            "password",
            phrase("Its password"),
            Control.SECRET,
            required=False,
            longest=1_000,
            hint=phrase("Kept in a file that only this server reads. Leave it empty to keep the one that is there."),
            complete="new-password",
        ),
    )


def _save(row: ConnectionRow | None) -> ResponseReturnValue:
    at = here()
    filled = read_form(request.form, _inputs(row))
    if row is not None and request.form.get("seen", _mark(row)) != _mark(row):
        return _form(row, filled, late=True), 409
    if not filled.sound:
        return _form(row, filled), 400
    name = row.name if row is not None else filled.values["name"]
    try:
        problem = connections.save_connection(
            at.context,
            at.site.secrets,
            name=name,
            vendor=filled.values["vendor"],
            base_url=filled.values["url"],
            login=filled.values["login"],
            password=filled.values["password"],
            kinds=at.site.kinds,
            new=row is None,
        )
    except SetupRefusedError as refused:
        return _form(row, filled.with_fault("url", REFUSALS[refused.problem])), 400
    if problem is not None:
        return _form(row, filled.with_fault(*PROBLEMS[problem])), 400
    notify("connection_put")
    return redirect(url_for("connections.one", name=name), 303)


def _found(name: str) -> ConnectionRow:
    row = connections.find_connection(here().context, name)
    if row is None:
        abort(404)
    return row


def _mark(row: ConnectionRow) -> str:
    """What a form began with, so that two who change the same connection are not silent about it."""
    return hashlib.sha256(f"{row.vendor}\n{row.base_url}\n{row.login}\n{row.secret_file}".encode()).hexdigest()[:16]


def _form(row: ConnectionRow | None, filled: Filled, *, late: bool = False) -> str:
    title = phrase("Add a connection") if row is None else phrase("Change {name}", name=row.name)
    held = {} if row is None else {"vendor": row.vendor, "url": row.base_url, "login": row.login}
    return fill(
        "connection_form.html",
        title,
        row=row,
        inputs=_inputs(row),
        filled=filled,
        held=held,
        late=late,
        mark="" if row is None else _mark(row),
    )


def _page(row: ConnectionRow, tried: Sequence[Tried] | None) -> str:
    at = here()
    capabilities = connections.capabilities_of(at.context, row.name)
    with at.context.store.read() as connection:
        mine = [p for p in organisation.read_places(connection, at.context.today()) if p.connection == row.name]
    faults = Counter(Fault(place.fault) for place in mine if place.fault)
    return fill(
        "connection.html",
        phrase("Connection {name}", name=row.name),
        row=row,
        works=at.context.reaches(row.name),
        places=len(mine),
        inputs=_inputs(row),
        held={"vendor": row.vendor, "url": row.base_url, "login": row.login},
        filled=Filled({}),
        mark=_mark(row),
        was_tried=tried is not None,
        trials=_trials(tried or ()),
        faults=Section(
            "faults",
            phrase("What failed at the last try"),
            columns=(
                Column("fault", phrase("What"), Kind.CODE),
                Column("places", phrase("Places"), Kind.COUNT),
                Column("advice", phrase("What to do"), Kind.ADVICE),
            ),
            rows=tuple((fault, count, fault) for fault, count in faults.most_common()),
            empty=phrase("Every place could be read."),
        ),
        can=Section(
            "can",
            phrase("What this store can, and what it cannot"),
            columns=(
                Column("capability", phrase("What"), Kind.CODE),
                Column("support", phrase("Can it"), Kind.CODE),
                Column("because", phrase("What is missing")),
            ),
            rows=tuple(
                (capability, answer.support, None if answer.support is Support.YES else _said(answer.because))
                for capability, answer in capabilities.items()
            ),
            empty=phrase("It cannot be asked: its password cannot be read."),
        ),
    )


def _trials(tried: Sequence[Tried]) -> Section:
    marks = {True: Mark.YES, False: Mark.NO, None: Mark.UNTRIED}
    return Section(
        "trials",
        phrase("What was tried just now"),
        columns=(
            Column("place", phrase("Place")),
            Column("what", phrase("What")),
            Column("ok", phrase("Works"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (each.place or "-", _tried(trial.what), marks[trial.ok], trial.fault)
            for each in tried
            for trial in each.trials
        ),
        empty=phrase("It cannot be asked: its password cannot be read."),
    )


def _said(because: str) -> Text:
    """A sentence of the adapter's, which the catalogue has."""
    return Text(because)


def _tried(what: str) -> Text:
    """A sentence of the adapter's, which the catalogue has."""
    return Text(what)


def _places_page(*, fault: Text | None = None, line: int | None = None, done: Text | None = None) -> str:
    at = here()
    with at.context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        rows = organisation.read_places(connection, at.context.today())
    section = Section(
        "places",
        phrase("Places"),
        columns=(
            Column("place", phrase("Place")),
            Column("connection", phrase("Connection")),
            Column("devices", phrase("Phones"), Kind.COUNT),
            Column("gate", phrase("Gate open"), Kind.CODE),
            Column("looked", phrase("Last read"), Kind.INSTANT, phrase("never")),
            Column("fault", phrase("Why not"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (
                row.uid,
                row.connection,
                row.devices,
                Mark.YES if demo or row.gated else Mark.NO,
                row.looked_at,
                Fault(row.fault) if row.fault else None,
                Fault(row.fault) if row.fault else None,
            )
            for row in rows
        ),
        empty=phrase("No place is known."),
    )
    return fill("places.html", phrase("Places"), section=section, fault=fault, line=line, done=done)
