"""Start: an empty installation leads its first administrator to the demo or through the gate, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.admin.gates import Gate
from server.core.model import GateScope, Role
from server.core.problems import SetupProblem, SetupRefusedError
from server.core.reports.changes import NOT_RECORDED, consent_told, dpia_told
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.render.words import GATE_SCOPES
from server.store import pages
from server.store.admin import organisation
from server.store.removal import orders
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import fill, here, notify
from server.work.admin import setup

_INPUTS = (
    Input(
        "employer",
        phrase("Employer"),
        hint=phrase("The employer whose workers' address books may be read. Record this for each employer."),
    ),
    Input(
        "scope",
        phrase("What it is for"),
        InputKind.CHOICE,
        choices=tuple(Choice(scope.value, GATE_SCOPES[scope]) for scope in GateScope),
        hint=phrase(
            "Consent to removing contacts is no consent to monitoring of phone use (staff monitoring "
            "system, art. 27(1)(l) WOR)."
        ),
    ),
    Input("dpia", phrase("Reference or location of the DPIA (data protection impact assessment)")),
    Input("dpia_version", phrase("Version of the DPIA"), longest=40),
    Input("dpia_on", phrase("Date of the DPIA"), InputKind.DAY),
    Input(
        "advice",
        phrase("Advice of the data protection officer"),
        hint=phrase("Reference or location of the advice on this DPIA (GDPR 35(2))."),
    ),
    Input("consent", phrase("Works council's consent decision (reference)")),
    Input("consent_on", phrase("Day of that decision"), InputKind.DAY),
    Input("purpose", phrase("What the contacts are read for"), InputKind.AREA, longest=300),
    Input("review", phrase("Day on which it is reviewed"), InputKind.DAY),
    Input("until", phrase("Last day on which it holds"), InputKind.DAY),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way in. command: what to type on the server, where a page cannot do it: it starts a service.
    roles: whose step it is.
    """

    what: Text
    why: Text
    done: bool
    link: str | None = None
    command: str = ""
    roles: frozenset[Role] = frozenset({Role.IT_ADMINISTRATOR})


def show() -> ResponseReturnValue:
    """How far one is, and what comes next."""
    at = here()
    stages = _stages()
    return fill(
        "start.html",
        phrase("Set-up"),
        stages=stages,
        next=next((stage for stage in stages if not stage.done), None),
        nothing=not any(stage.done for stage in stages),
        demo=at.organisation.demo,
    )


def gates() -> ResponseReturnValue:
    """The gates that were recorded, and the form for another."""
    return _gate_page(EMPTY)


def record() -> ResponseReturnValue:
    """Record DPIA and consent for an employer."""
    at = here()
    filled = read_form(request.form, _INPUTS)
    if not filled.sound:
        return _gate_page(filled), 400
    values, days = filled.values, filled.days
    gate = Gate(
        employer=values["employer"],
        dpia=values["dpia"],
        consent=values["consent"],
        purpose=values["purpose"],
        review_on=days["review"],
        ends_on=days["until"],
        scope=GateScope(values["scope"]),
        dpia_version=values["dpia_version"],
        dpia_on=days["dpia_on"],
        advice=values["advice"],
        consent_on=days["consent_on"],
    )
    with at.context.store.read() as connection:
        known = organisation.gates(connection)
    if gate in known:
        notify("gate_recorded")
        return redirect(url_for("gates.show"), 303)
    try:
        setup.record_gate(at.context, gate, at.role.value)
    except SetupRefusedError as refused:
        field = refused.field or ("review" if refused.problem is SetupProblem.REVIEW_AFTER_END else "until")
        return _gate_page(filled.with_fault(field, at_page(refused.problem))), 400
    notify("gate_recorded")
    return redirect(url_for("gates.show"), 303)


def _stages() -> Sequence[Stage]:
    at = here()
    with at.context.store.read() as connection:
        gated = [
            gate
            for gate in organisation.gates(connection)
            if gate.ends_on >= at.context.today() and gate.scope is GateScope.REMOVAL
        ]
        connections = organisation.read_connections(connection)
        places, looked = pages.place_steps(connection)
        systems = organisation.case_systems(connection)
        decided = orders.counts_by_state(connection)
    demo = at.organisation.demo
    gate = Stage(
        phrase("Record DPIA and consent"),
        phrase(
            "No real contact is read before a DPIA and the works council's consent are recorded, for each employer."
        ),
        bool(gated),
        url_for("gates.show"),
        roles=frozenset({Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER}),
    )
    return (
        *(() if demo else (gate,)),
        Stage(
            phrase("Connect a contact server"),
            phrase("The server that work phones synchronise their contacts with."),
            bool(connections),
            url_for("connections.new"),
        ),
        Stage(
            phrase("Say where contacts can be"),
            phrase("A list of address books, with their workers and phones."),
            places,
            url_for("connections.places"),
        ),
        Stage(
            phrase("Import the case register"),
            phrase("An export of the case system; a field mapping says how to read it."),
            any(read_at is not None for _, read_at in systems),
            url_for("case_import.show"),
        ),
        Stage(
            phrase("Look, and remove nothing"),
            phrase("The first pass only reports: what would go, what would stay, and why."),
            looked,
            command="closeout look && closeout plan",
        ),
        Stage(
            phrase("Start the background worker"),
            phrase("It reads, decides, removes and verifies, round after round. Large removals wait for two people."),
            bool(decided),
            command="closeout engine",
        ),
    )


def _gate_page(filled: Filled) -> str:
    at = here()
    with at.context.store.read() as connection:
        rows = organisation.gates(connection)
    section = Section(
        "gates",
        phrase("Recorded before"),
        columns=(
            Column("employer", phrase("Employer")),
            Column("scope", phrase("What it is for"), Kind.CODE),
            Column("dpia", phrase("DPIA")),
            Column("advice", phrase("Advice of the data protection officer"), blank=NOT_RECORDED),
            Column("consent", phrase("Works council's consent")),
            Column("review", phrase("Review"), Kind.DATE),
            Column("until", phrase("Until"), Kind.DATE),
            Column("stands", phrase("State")),
        ),
        rows=tuple(
            (
                row.employer,
                row.scope,
                dpia_told(row.dpia, row.dpia_version, row.dpia_on),
                row.advice or None,
                consent_told(row.consent, row.consent_on),
                row.review_on,
                row.ends_on,
                _stands(row, at.context.today()),
            )
            for row in rows
        ),
        empty=phrase("No DPIA and consent are recorded yet."),
    )
    return fill("gates.html", phrase("DPIA and consent"), inputs=_INPUTS, filled=filled, section=section)


def _stands(row: Gate, today: date) -> Text:
    if row.ends_on < today:
        return phrase("Expired: its last day is over")
    return phrase("In force, review due now") if row.review_on <= today else phrase("Open")
