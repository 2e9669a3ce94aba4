"""Connections and places: what is connected, whether it works, what is missing; adding and changing by guided form.

A form's fields are those that the kind of connection declares (`mdm_adapters.options`); none is written down here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from mdm_adapters.options import ConnectionKind, Option, OptionFault, OptionKind, Sort, looks_secret
from mdm_adapters.port import Fault, PortError, Support, Trial
from server.core.problems import (
    ConnectionProblem,
    ConnectionSetupRefusedError,
    ListRefusedError,
    SubscriptionRefusedError,
)
from server.core.tables import Column, Kind, Mark, Row, Section
from server.core.text import Text, phrase
from server.render import page_names
from server.render.admin.connections import (
    NOT_THERE,
    OPTION_FAULTS,
    SORTS,
    TRIAL_ADVICE,
    fault_text,
    grants_for,
    own_words,
)
from server.render.refusals import at_page
from server.render.register.case_subscriptions import NOT_SUBSCRIBED, SEE_SERVICE, watch_section
from server.render.words import FAULTS
from server.store.admin import organisation
from server.store.admin.organisation import ConnectionRow
from server.store.removal import questions
from server.web.forms import Choice, Filled, Input, InputKind, missing, read_form
from server.web.request import fill, here, notify
from server.work.admin import connections, setup
from server.work.admin.connections import ConnectionLack, Lacking, Problem, Tried, Wanted, given_in_row
from server.work.admin.setup import mark_of
from server.work.register import case_subscriptions

_MOST_TEXT = 8 * 1024 * 1024
_OWN = "option_"
_TYPED = "password_"
_HANDED = "file_"
_DROPPED = "drop_"
LACKS: Mapping[ConnectionLack, tuple[Text, Text]] = {
    ConnectionLack.SECRET_GONE: (
        phrase("It cannot sign in: a secret or a certificate cannot be read, or they do not belong together"),
        phrase("Open Change and fill in password and keys again."),
    ),
    ConnectionLack.NOT_MEANT: (
        phrase("Some of its fields are not valid, so it is not used"),
        phrase("Open Change: the form says which field."),
    ),
    ConnectionLack.NO_PLACES: (
        phrase("No address book: nobody's contacts are read yet"),
        phrase("Import a list of address books, with this connection's name in it."),
    ),
    ConnectionLack.NO_GATE: (
        phrase("Address books of employers without DPIA and consent in force"),
        phrase(
            "Record the DPIA and the works council's consent under {page}. Until then they are not read.",
            page=page_names.GATES,
        ),
    ),
    ConnectionLack.NEVER_READ: (
        phrase("Address books that were never read"),
        phrase("They are read at the next round. If that lasts a day, see under {page}.", page=page_names.JOBS),
    ),
    ConnectionLack.FAILING: (
        phrase("Address books that cannot be read"),
        phrase("See below what failed at the last try."),
    ),
    ConnectionLack.NO_PHONES: (
        phrase("Its phones were not listed yet"),
        phrase("They are listed at the next round, or by: closeout device refresh"),
    ),
    ConnectionLack.PHONES_FAIL: (
        phrase("Its phones could not be listed"),
        phrase("Try it now: what fails says what to do."),
    ),
    ConnectionLack.NO_USAGE_GATE: (
        phrase("DPIA and consent for monitoring of phone use are not in force, so nothing is asked of it"),
        phrase(
            "Record the DPIA and the works council's consent under {page}, for monitoring of phone use.",
            page=page_names.GATES,
        ),
    ),
    ConnectionLack.NO_EVENTS_ADDRESS: (
        phrase("Notifications of changes do not arrive: this site has no https address yet"),
        phrase("Set CLOSEOUT_WEB_URL. Until then changes are found by asking."),
    ),
}
"""What is missing, and what to do about it."""
_BEGIN: Mapping[Sort, Text] = {
    Sort.STORE: phrase("Where contacts are kept that work phones synchronise with"),
    Sort.MANAGER: phrase("Who manages the phones (MDM)"),
    Sort.FEED: phrase("What provides usage data, and the case system's customer contacts"),
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
    kinds = at.site.kinds
    section = Section(
        "connections",
        phrase("What is connected"),
        columns=(
            Column("name", phrase("Connection")),
            Column("vendor", phrase("Kind")),
            Column("sort", phrase("What it is for"), Kind.CODE),
            Column("secret", phrase("Can sign in"), Kind.CODE),
            Column("places", phrase("Address books"), Kind.COUNT, phrase("has none")),
            Column("failing", phrase("Cannot be read"), Kind.COUNT, phrase("has none")),
            Column("looked", phrase("Last read"), Kind.INSTANT, phrase("never")),
        ),
        rows=tuple(
            (
                row.name,
                own_words(kinds[row.vendor].brand) if row.vendor in kinds else row.vendor,
                kinds[row.vendor].sort if row.vendor in kinds else None,
                Mark.YES if at.context.reaches(row.name) else Mark.NO,
                known[row.name] if _keeps_contacts(row) else None,
                failing[row.name] if _keeps_contacts(row) else None,
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
    """The first step: what is to be connected."""
    kinds = here().site.kinds.values()
    groups = [
        (
            sort,
            _BEGIN[sort],
            [(kind, own_words(kind.title), own_words(kind.about)) for kind in kinds if kind.sort is sort],
        )
        for sort in Sort
    ]
    return fill("connection_kinds.html", phrase("Add a connection"), groups=groups)


def fresh(vendor: str) -> ResponseReturnValue:
    """The second step: the fields of that kind."""
    return _form(_kind(vendor), None, Filled({}))


def add(vendor: str) -> ResponseReturnValue:
    """Make it."""
    return _save(_kind(vendor), None)


def one(name: str) -> ResponseReturnValue:
    """One connection: its state, what is missing, what the vendor can and cannot."""
    return _page(_found(name), None)


def edit(name: str) -> ResponseReturnValue:
    """The form to change it, with what is wrong with it as it is."""
    row = _found(name)
    kind = _kind(row.vendor)
    inputs = {each.name for each in _inputs(kind, row)}
    wrong = kind.faults_of(given_in_row(row))
    said = (
        (_input_name(kind.field(field), field), fault_text(kind.field(field), why, kind))
        for field, why in wrong.items()
    )
    return _form(kind, row, Filled({}, faults={field: text for field, text in said if field in inputs}))


def change(name: str) -> ResponseReturnValue:
    """Change it."""
    row = _found(name)
    return _save(_kind(row.vendor), row)


def attempt(name: str) -> ResponseReturnValue:
    """Try it now; a place to try with may be named, and is kept nowhere."""
    row = _found(name)
    field = _try_input(row)
    filled = read_form(request.form, [field] if field else [])
    if not filled.sound:
        return _page(row, None, filled), 400
    address = filled.values.get("address", "")
    kind = here().site.kinds[row.vendor]
    if address and kind.place is not None and (fault := kind.place.fault_of(address)) is not None:
        return _page(row, None, filled.with_fault("address", fault_text(kind.place, fault))), 400
    tried = connections.try_connection(here().context, name, address)
    return _page(row, tried if tried is not None else (), filled)


def remove(name: str) -> ResponseReturnValue:
    """Delete it, if nothing hangs on it."""
    at = here()
    row = _found(name)
    try:
        connections.remove_connection(at.context, at.site.secrets, at.site.kinds, name, request.form.get("seen", ""))
    except ConnectionSetupRefusedError as refused:
        return _page(row, None, refused=at_page(refused.problem)), 409
    notify("connection_removed")
    return redirect(url_for("connections.show"), 303)


def be_told(name: str) -> ResponseReturnValue:
    """Have its service tell of changes of cases."""
    row = _found(name)
    try:
        case_subscriptions.subscribe(here().context, name)
    except SubscriptionRefusedError as refused:
        return _page(row, None, not_told=(at_page(refused.problem),)), 409
    except PortError as error:
        return _page(row, None, not_told=(NOT_SUBSCRIBED, FAULTS[error.fault].what, SEE_SERVICE)), 409
    notify("cases_subscribed")
    return redirect(url_for("connections.one", name=name), 303)


def be_told_no_more(name: str) -> ResponseReturnValue:
    """End that; what it sends is refused from then on, whether it could be told or not."""
    row = _found(name)
    try:
        case_subscriptions.end(here().context, name)
    except SubscriptionRefusedError as refused:
        return _page(row, None, not_told=(at_page(refused.problem),)), 409
    notify("cases_unsubscribed")
    return redirect(url_for("connections.one", name=name), 303)


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
    except ListRefusedError as refused:
        return _places_page(fault=at_page(refused.problem), line=refused.line), 400
    done = phrase("Address books imported: {rows}, of which new: {new}.", rows=taken.rows, new=taken.new)
    if taken.moved:
        moved = phrase(
            "{count} address book changes hands: it was another worker's. Line of the file: {lines}.",
            many="{count} address books change hands: they were other workers'. Lines of the file: {lines}.",
            count=len(taken.moved),
            lines=taken.moved,
        )
        done = phrase("{what} {do}", what=done, do=moved)
    return _places_page(done=done)


# --- the form ---------------------------------------------------------------------------------------------------------


def _inputs(kind: ConnectionKind, row: ConnectionRow | None) -> Sequence[Input]:
    """The fields of a form for that kind, the seldom ones last."""
    name = Input(
        "name",
        phrase("Name"),
        longest=40,
        hint=phrase("A short name of your own, by which lists and reports know it. Letters, digits and hyphens."),
        example=kind.name,
    )
    given = {} if row is None else given_in_row(row)
    found = [*(() if row is not None else (name,))]
    for option in kind.shown:
        found += _inputs_of(option, given, new=row is None)
    return sorted(found, key=lambda each: each.seldom)


def _inputs_of(option: Option, given: Mapping[str, str], *, new: bool) -> Iterator[Input]:
    kept = bool(given.get(option.name))
    if option.kind in (OptionKind.KEY, OptionKind.PEM):
        yield from _file_inputs(option, kept=kept)
        return
    held = given.get(option.name, "") or next((given[o] for o in _SECOND.get(option.name, ()) if given.get(o)), "")
    yield Input(
        _input_name(option, option.name),
        own_words(option.label),
        _CONTROLS.get(option.kind, InputKind.LINE) if option.longest <= _LONG else InputKind.AREA,
        required=option.required,
        longest=option.longest,
        hint=own_words(option.explains),
        choices=tuple(Choice(each.value, own_words(each.label)) for each in option.choices),
        example="" if option.example == option.usual else option.example,
        seldom=option.seldom,
        held=held or option.usual if new else held or (option.default if option.choices else ""),
    )


def _file_inputs(option: Option, *, kept: bool) -> Iterator[Input]:
    label, hint = own_words(option.label), own_words(option.explains)
    if option.kind is OptionKind.KEY:
        yield Input(
            _input_name(option, option.name),
            label,
            InputKind.SECRET,
            required=option.required and not kept and not option.takes_key_file,
            longest=connections.MOST_SECRET,
            hint=phrase("{what} One is saved: leave this empty to keep it.", what=hint)
            if kept
            else phrase("{what} It is kept in a file that only this server reads.", what=hint),
            complete="new-password",
            seldom=option.seldom,
            instead=option.takes_key_file and not kept,
        )
    if option.kind is OptionKind.PEM or option.takes_key_file:
        yield Input(
            f"{_HANDED}{option.name}",
            phrase("Or the private key as a file") if option.takes_key_file else label,
            InputKind.FILE,
            required=False,
            hint=phrase("{what} One is kept: choose none to keep it.", what=hint)
            if kept and not option.takes_key_file
            else None
            if option.takes_key_file
            else hint,
            seldom=option.seldom,
            instead=option.takes_key_file and not kept,
        )
    if kept and not option.required:
        yield Input(
            f"{_DROPPED}{option.name}",
            phrase("Delete: {what}", what=label),
            InputKind.TICK,
            required=False,
            seldom=option.seldom,
        )


_LONG = 1_000
_CONTROLS = {OptionKind.LINK: InputKind.LINK, OptionKind.CHOICE: InputKind.CHOICE}
_SECOND = {"login": ("client_id",)}
"""Other names under which a field may be kept, which its form shows under the first."""


def _input_name(option: Option | None, name: str) -> str:
    """What a form calls a field."""
    if option is None or name in ("url", "login"):
        return name
    if option.kind is OptionKind.KEY:
        return "password" if name == "secret" else f"{_TYPED}{name}"
    return f"{_HANDED}{name}" if option.kind is OptionKind.PEM else f"{_OWN}{name}"


def _wanted(kind: ConnectionKind, name: str, filled: Filled) -> Wanted:
    """What was filled in. A field that the form did not have stands in it by the name it came under."""
    shown = [each for each in kind.shown if not _is_file(kind, each.name)]
    values = {each.name: _written(each, filled.values.get(_input_name(each, each.name), "")) for each in shown}
    known = {_input_name(each, each.name) for each in kind.shown}
    odd = [key for key in request.form if key.startswith((_OWN, _TYPED)) and key not in known]
    secrets = {
        each.name: request.form.get(_input_name(each, each.name), "")
        for each in kind.shown
        if each.kind is OptionKind.KEY
    }
    files = {key.removeprefix(_HANDED): _read(file) for key, file in request.files.items() if key.startswith(_HANDED)}
    dropped = frozenset(key.removeprefix(_DROPPED) for key in request.form if key.startswith(_DROPPED))
    return Wanted(
        name,
        values | dict.fromkeys(odd, "?"),
        {each: secret for each, secret in secrets.items() if secret},
        {each: raw for each, raw in files.items() if raw},
        dropped,
    )


def _written(option: Option, value: str) -> str:
    """A list may be pasted line by line."""
    return ", ".join(filter(None, re.split(r"[,\s]+", value))) if option.kind is OptionKind.LIST else value


def _read(file: FileStorage) -> bytes:
    raw: bytes = file.read(connections.MOST_FILE + 1)
    return raw


def _is_file(kind: ConnectionKind, name: str) -> bool:
    option = kind.field(name)
    return option is not None and option.kind in (OptionKind.KEY, OptionKind.PEM)


def _save(kind: ConnectionKind, row: ConnectionRow | None) -> ResponseReturnValue:
    at = here()
    filled = read_form(request.form, _inputs(kind, row))
    wanted = _wanted(kind, row.name if row is not None else filled.values["name"], filled)
    filled = _hushed(filled, wanted)
    if row is not None and request.form.get("seen", "") != mark_of(row):
        return _form(kind, row, filled, late=True), 409
    seen = None if row is None else mark_of(row)
    if not filled.sound:
        # What only the act can see is told at once as well.
        problems = connections.problems_with(at.context, kind, wanted, seen=seen)
        return _form(kind, row, *_told(kind, row, filled, problems)), 400
    try:
        problems = connections.save_connection(
            at.context,
            at.site.secrets,
            at.site.kinds,
            kind.name,
            wanted,
            seen=seen,
        )
    except ConnectionSetupRefusedError as refused:
        if refused.problem is not ConnectionProblem.CHANGED or row is None:
            return _form(kind, row, filled, fault=at_page(refused.problem)), 400
        return _form(kind, _found(row.name), filled, late=True), 409
    if problems:
        return _form(kind, row, *_told(kind, row, filled, problems)), 400
    notify("connection_put")
    return redirect(url_for("connections.one", name=wanted.name), 303)


def _told(
    kind: ConnectionKind, row: ConnectionRow | None, filled: Filled, problems: Mapping[str, Problem]
) -> tuple[Filled, Text | None]:
    """The same form with every fault beside its field; what stands beside no field is said above them all."""
    inputs = {each.name: each.label for each in _inputs(kind, row)}
    faults = dict(filled.faults)
    above: Text | None = None
    for field, problem in problems.items():
        option = kind.field(field)
        text = at_page(problem) if isinstance(problem, ConnectionProblem) else fault_text(option, problem, kind)
        named = _input_name(option, field)
        if field in _handed_over() and f"{_HANDED}{field}" in inputs:
            named = f"{_HANDED}{field}"
        if named in inputs:
            faults.setdefault(named, missing(inputs[named]) if problem is OptionFault.MISSING else text)
        else:
            above = text
    return replace(filled, faults=faults), above


def _handed_over() -> frozenset[str]:
    return frozenset(key.removeprefix(_HANDED) for key in request.files)


def _hushed(filled: Filled, wanted: Wanted) -> Filled:
    """The same without what may be a secret in a field that is none: it is not even shown again."""
    typed = [secret for secret in wanted.secrets.values() if len(secret) > 5]

    def tells(value: str) -> bool:
        return (
            looks_secret(value) or "@" in value.partition("://")[2].partition("/")[0] or any(s in value for s in typed)
        )

    slips = {name for name, value in filled.values.items() if not name.startswith("password") and tells(value)}
    faults = {name: OPTION_FAULTS[OptionFault.A_SECRET] for name in slips if looks_secret(filled.values[name])}
    values = {name: "" if name in slips else value for name, value in filled.values.items()}
    return replace(filled, values=values, faults={**filled.faults, **faults})


def _form(
    kind: ConnectionKind,
    row: ConnectionRow | None,
    filled: Filled,
    fault: Text | None = None,
    *,
    late: bool = False,
) -> str:
    title = (
        phrase("Connect: {what}", what=own_words(kind.brand)) if row is None else phrase("Change {name}", name=row.name)
    )
    inputs = _inputs(kind, row)
    more = [each for each in inputs if each.seldom]
    return fill(
        "connection_form.html",
        title,
        row=row,
        kind=kind,
        about=own_words(kind.about),
        inputs=inputs,
        first=[each for each in inputs if not each.seldom],
        more=more,
        open=any(each.name in filled.faults or each.held for each in more),
        filled=filled,
        late=late,
        differs=_differences(inputs, filled) if late else None,
        fault=fault,
        grants=_grants(kind),
        refilled=bool(filled.values) and any(each.control in (InputKind.SECRET, InputKind.FILE) for each in inputs),
        mark="" if row is None else mark_of(row),
    )


def _differences(inputs: Sequence[Input], filled: Filled) -> Section:
    """What is in force beside what somebody filled in who was later; secrets are in neither."""
    rows = [
        (each.label, each.held or None, filled.values.get(each.name) or None)
        for each in inputs
        if each.control not in (InputKind.SECRET, InputKind.FILE, InputKind.TICK)
    ]
    return Section(
        "differs",
        phrase("What differs"),
        columns=(
            Column("field", phrase("Field")),
            Column("now", phrase("In force now"), blank=phrase("empty")),
            Column("yours", phrase("Yours"), blank=phrase("empty")),
        ),
        rows=tuple(row for row in rows if row[1] != row[2]),
    )


# --- one connection ---------------------------------------------------------------------------------------------------


def _found(name: str) -> ConnectionRow:
    row = connections.find_connection(here().context, name)
    if row is None:
        abort(404)
    return row


def _kind(vendor: str) -> ConnectionKind:
    kind = here().site.kinds.get(vendor)
    if kind is None:
        abort(404)
    return kind


def _title(vendor: str) -> Text | str:
    kind = here().site.kinds.get(vendor)
    return vendor if kind is None else own_words(kind.title)


def _keeps_contacts(row: ConnectionRow) -> bool:
    kind = here().site.kinds.get(row.vendor)
    return kind is None or kind.sort is Sort.STORE


def _try_input(row: ConnectionRow) -> Input | None:
    """The place to try with; None: this kind has no places."""
    at = here()
    kind = at.site.kinds.get(row.vendor)
    if kind is None or kind.place is None:
        return None
    with at.context.store.read() as connection:
        known = organisation.addresses(connection, row.name)
    return Input(
        "address",
        own_words(kind.place.label),
        required=not known,
        longest=kind.place.longest,
        hint=phrase(
            "To try with: {what} Leave it empty to try the known address books.", what=own_words(kind.place.explains)
        )
        if known
        else phrase(
            "To try with, as there are no address books yet: {what} It is not kept.",
            what=own_words(kind.place.explains),
        ),
        example=kind.place.example,
    )


def _page(
    row: ConnectionRow,
    tried: Sequence[Tried] | None,
    filled: Filled | None = None,
    refused: Text | None = None,
    not_told: Sequence[Text] = (),
) -> str:
    at = here()
    kind = at.site.kinds.get(row.vendor)
    capabilities = connections.capabilities_of(at.context, row.name)
    with at.context.store.read() as connection:
        mine = [p for p in organisation.read_places(connection, at.context.today()) if p.connection == row.name]
    faults = Counter(Fault(place.fault) for place in mine if place.fault)
    missing = connections.lacking(at.context, row, kind)
    return fill(
        "connection.html",
        phrase("Connection {name}", name=row.name),
        row=row,
        kind=kind,
        vendor=_title(row.vendor),
        sort=None if kind is None else SORTS[kind.sort],
        works=at.context.reaches(row.name),
        places=len(mine) if _keeps_contacts(row) else None,
        events=f"{at.context.pages}/api/events/{row.name}" if connections.hears_events(at.context, row.name) else None,
        watch=_watch(row.name),
        not_told=not_told,
        mark=mark_of(row),
        trying=_try_input(row),
        filled=filled or Filled({}),
        was_tried=tried is not None,
        trials=_trials(kind, tried or ()),
        missing=_missing(missing),
        missing_links=[_where(each, row) for each in missing],
        refused=refused,
        faults=Section(
            "faults",
            phrase("What failed at the last try"),
            columns=(
                Column("fault", phrase("What"), Kind.CODE),
                Column("places", phrase("Address books"), Kind.COUNT),
                Column("advice", phrase("What to do"), Kind.ADVICE),
            ),
            rows=tuple((fault, count, fault) for fault, count in faults.most_common()),
            empty=phrase("Every address book could be read."),
        ),
        can=Section(
            "can",
            phrase("What this connection can do, and what not"),
            columns=(
                Column("capability", phrase("What"), Kind.CODE),
                Column("support", phrase("Can it"), Kind.CODE),
                Column("because", phrase("What is missing")),
            ),
            rows=tuple(
                (capability, answer.support, None if answer.support is Support.YES else own_words(answer.because))
                for capability, answer in capabilities.items()
            ),
            empty=phrase("No request is sent: its password cannot be read."),
        ),
        grants=() if kind is None else _grants(kind),
    )


def _watch(name: str) -> tuple[Section, bool] | None:
    """How notifications of its cases stand, and whether there is a subscription; None: it has none to make."""
    context = here().context
    found = case_subscriptions.state(context, name)
    if found.begun_at is None and not case_subscriptions.may_subscribe(context, name):
        return None
    section = watch_section(found.begun_at, found.heard_at, found.polled_at, found.missed, found.waiting)
    return section, found.begun_at is not None


def _grants(kind: ConnectionKind) -> Sequence[tuple[str, Text, bool]]:
    """What to allow at the vendor: its name there, what for, whether always."""
    return [(each.name, own_words(each.why), each.always) for each in kind.grants]


def _columns(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """The same without the columns in which nothing stands."""
    used = [at for at in range(len(columns)) if any(row[at] is not None for row in rows) or not rows]
    return tuple(columns[at] for at in used), tuple(tuple(row[at] for at in used) for row in rows)


def _missing(missing: Sequence[Lacking]) -> Section:
    rows: list[Row] = []
    for each in missing:
        if each.lack is not None:
            what, do = LACKS[each.lack]
            rows.append((what, each.count or None, do))
        elif each.field is not None:
            field = own_words(each.field.label)
            by_command = phrase("By command alone: {command}", command="closeout connection put --log-file")
            by_form = phrase("Fill in, if you want it: {field}.", field=field)
            rows.append(
                (own_words(each.field.without), None, by_command if each.field.kind is OptionKind.PATH else by_form)
            )
    columns, shown = _columns(
        (
            Column("what", phrase("What")),
            Column("places", phrase("Address books"), Kind.COUNT),
            Column("advice", phrase("What to do")),
        ),
        rows,
    )
    return Section(
        "missing", phrase("What is missing"), columns=columns, rows=shown, empty=phrase("Nothing is missing.")
    )


def _where(each: Lacking, row: ConnectionRow) -> str:
    """Where that is put right."""
    found = {
        ConnectionLack.NO_PLACES: "connections.places",
        ConnectionLack.NO_GATE: "gates.show",
        ConnectionLack.NO_USAGE_GATE: "gates.show",
        ConnectionLack.NEVER_READ: "jobs.show",
    }
    if each.lack in found:
        return url_for(found[each.lack])
    beyond = each.field is not None and each.field.kind is OptionKind.PATH
    if beyond or each.lack in (
        ConnectionLack.FAILING,
        ConnectionLack.PHONES_FAIL,
        ConnectionLack.NO_PHONES,
        ConnectionLack.NO_EVENTS_ADDRESS,
    ):
        return "#h-try"
    return url_for("connections.edit", name=row.name)


def _trials(kind: ConnectionKind | None, tried: Sequence[Tried]) -> Section:
    marks = {True: Mark.YES, False: Mark.NO, None: Mark.UNTRIED}
    columns, rows = _columns(
        (
            Column("place", phrase("Address book")),
            Column("what", phrase("What")),
            Column("ok", phrase("Works"), Kind.CODE),
            Column("fault", phrase("Why not")),
            Column("advice", phrase("What to do")),
        ),
        [
            (each.place, own_words(trial.what), marks[trial.ok], *_outcome(kind, trial))
            for each in tried
            for trial in each.trials
        ],
    )
    failed = sum(trial.ok is False for each in tried for trial in each.trials)
    told = phrase(
        "{count} fails; what to do is beside it.", many="{count} fail; what to do is beside each.", count=failed
    )
    return Section(
        "trials",
        phrase("What was tried just now"),
        paragraphs=(told if failed else phrase("Nothing fails."),) if rows else (),
        columns=columns,
        rows=rows,
        empty=phrase("No request is sent: its password cannot be read."),
    )


def _outcome(kind: ConnectionKind | None, trial: Trial) -> tuple[Text | None, Text | None]:
    """Why a trial failed and what to do; a right that may not have been given is named as the vendor names it."""
    fault = trial.fault
    if fault is None:
        return None, None
    grants = grants_for(kind, trial.what) if fault is Fault.FORBIDDEN else ()
    if grants:
        advice = phrase("Allow at the vendor, then try again: {grants}.", grants=tuple(each.name for each in grants))
    else:
        advice = TRIAL_ADVICE.get(fault, FAULTS[fault].do)
    elsewhere = fault is Fault.PLACE_GONE and kind is not None and kind.sort is not Sort.STORE
    return NOT_THERE if elsewhere else FAULTS[fault].what, advice


def _places_page(*, fault: Text | None = None, line: int | None = None, done: Text | None = None) -> str:
    at = here()
    with at.context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        rows = organisation.read_places(connection, at.context.today())
        unread = questions.counts_of_unread(connection)
    section = Section(
        "places",
        phrase("Address books"),
        columns=(
            Column("place", phrase("Address book")),
            Column("connection", phrase("Connection")),
            Column("devices", phrase("Phones"), Kind.COUNT),
            Column("gate", phrase("DPIA and consent in force"), Kind.CODE),
            Column("looked", phrase("Last read"), Kind.INSTANT, phrase("never")),
            Column("unread_fields", phrase("Unreadable numbers"), Kind.COUNT, phrase("unknown")),
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
                None if row.looked_at is None else unread.get(row.id, 0),
                Fault(row.fault) if row.fault else None,
                Fault(row.fault) if row.fault else None,
            )
            for row in rows
        ),
        empty=phrase("No address book is known."),
    )
    return fill("places.html", phrase("Address books"), section=section, fault=fault, line=line, done=done)
