"""Every way in, in one literal table: what it is called, where it is, who may; what is not here does not exist."""

from __future__ import annotations

from server.core.model import Role
from server.core.reports.table import phrase
from server.web import look
from server.web.pages import (
    api,
    channels,
    connections,
    declarations,
    deviations,
    devices,
    events,
    findings,
    health,
    home,
    jobs,
    keys,
    log,
    overview,
    own_declaration,
    pauses,
    phone,
    plans,
    policies,
    removals,
    reports,
    sign_in,
    start,
    team,
    your_role,
)
from server.web.table import Route
from server.work.access import Scope

OPEN = None
EVERYONE = frozenset(Role) - {Role.CASE_SYSTEM}
PRIVACY = frozenset({Role.PRIVACY_OFFICER})
IT = frozenset({Role.IT_ADMINISTRATOR})
SUPERVISOR = frozenset({Role.WORK_SUPERVISOR})
WORKER = frozenset({Role.WORKER})
AUDIT = frozenset({Role.DATA_PROTECTION_OFFICER, Role.AUDITOR})
"""They read what others do, without case numbers and workers, and act on nothing."""
FIGURES = PRIVACY | AUDIT | {Role.LINE_MANAGER, Role.WORK_SUPERVISOR}
"""They see counts of the whole organisation."""
REPORTS = PRIVACY | IT | AUDIT | {Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR}
LINE = frozenset({Role.LINE_MANAGER, Role.WORK_SUPERVISOR})
"""Of the reports they have those that are for the line: which ones stands in `server.work.reports`."""

ROUTES: tuple[Route, ...] = (
    Route("look.style", "/look-<version>.css", look.show_style, OPEN),
    Route("look.icon", "/icon.svg", look.show_icon, OPEN),
    Route("health.alive", "/alive", api.alive, OPEN),
    Route("sign_in.show", "/sign-in", sign_in.show, OPEN),
    Route("sign_in.enter", "/sign-in", sign_in.enter, OPEN, "POST", limited=True),
    Route("sign_in.pick", "/sign-in/pick", sign_in.pick, OPEN, "POST"),
    Route("sign_in.away", "/sign-in/provider", sign_in.away, OPEN, "POST"),
    Route("sign_in.back", "/sign-in/provider", sign_in.back, OPEN),
    Route("sign_in.speak", "/language", sign_in.speak, OPEN, "POST"),
    Route("api.status", "/api/status", api.status, Scope.STATUS),
    Route("events.hear", "/api/events/<connection>", events.hear, OPEN, "POST", events=True),
    Route("sign_in.leave", "/sign-out", sign_in.leave, EVERYONE, "POST"),
    Route("sign_in.take_role", "/role", sign_in.take_role, EVERYONE, "POST"),
    Route("sign_in.prove", "/prove", sign_in.prove, EVERYONE),
    Route("sign_in.proven", "/prove", sign_in.proven, EVERYONE, "POST", limited=True),
    Route("sign_in.again", "/again", sign_in.again, EVERYONE),
    Route("home.go", "/", home.go, EVERYONE),
    Route("your_role.show", "/your-role", your_role.show, frozenset(your_role.DUTIES), menu=phrase("Your role")),
    Route("team.show", "/team", team.show, SUPERVISOR, menu=phrase("My team")),
    Route("team.consult", "/team", team.consult, SUPERVISOR, "POST"),
    Route("team.answer", "/team/closures", team.answer, SUPERVISOR, "POST", fresh=True),
    Route("team.withdraw", "/team/closures/withdrawn", team.withdraw, SUPERVISOR, "POST"),
    Route("team.name_deputy", "/team/deputy", team.name_deputy, SUPERVISOR, "POST", fresh=True),
    Route("team.end_deputy", "/team/deputy/ended", team.end_deputy, SUPERVISOR, "POST"),
    Route("overview.show", "/overview", overview.show, FIGURES, menu=phrase("Overview")),
    Route("removals.show", "/removals", removals.show, PRIVACY | AUDIT, menu=phrase("Removals")),
    Route("removals.search", "/removals", removals.search, PRIVACY, "POST"),
    Route("removals.path", "/removals/<order>", removals.path, PRIVACY | AUDIT),
    Route("findings.show", "/findings", findings.show, PRIVACY | AUDIT, menu=phrase("Questions")),
    Route("findings.one", "/findings/<uid>", findings.one, PRIVACY | AUDIT),
    Route("findings.close", "/findings/<uid>", findings.close, PRIVACY, "POST"),
    Route("channels.show", "/channels", channels.show, PRIVACY | AUDIT, menu=phrase("Channels")),
    Route("channels.ask", "/channels", channels.ask, PRIVACY | AUDIT, "POST"),
    Route("declarations.show", "/declarations", declarations.show, PRIVACY | AUDIT, menu=phrase("Declarations")),
    Route("declarations.look_over", "/declarations/look-over", declarations.look_over, PRIVACY, "POST"),
    Route("declarations.check", "/declarations/check", declarations.check, PRIVACY, "POST"),
    Route("declarations.one", "/declarations/<holding>", declarations.one, PRIVACY),
    Route("declarations.sign", "/declarations/<holding>/signed", declarations.sign, PRIVACY, "POST"),
    Route(
        "declarations.countersign", "/declarations/<holding>/countersigned", declarations.countersign, PRIVACY, "POST"
    ),
    Route("declarations.end", "/declarations/<holding>/ended", declarations.end, PRIVACY, "POST"),
    Route("declarations.talk", "/declarations/<holding>/talked", declarations.talk, PRIVACY, "POST"),
    Route("deviations.show", "/deviations", deviations.show, PRIVACY | AUDIT, menu=phrase("Deviations")),
    Route("phone.show", "/my-phone", phone.show, WORKER, menu=phrase("My phone")),
    Route("own_declaration.show", "/my-declaration", own_declaration.show, WORKER, menu=phrase("My declaration")),
    Route("own_declaration.sign", "/my-declaration/signed", own_declaration.sign, WORKER, "POST"),
    Route("own_declaration.contest", "/my-declaration/said", own_declaration.contest, WORKER, "POST"),
    Route("phone.extract", "/my-phone/extract", phone.extract, WORKER),
    Route("phone.keep", "/my-phone/keep/<item>", phone.keep, WORKER),
    Route("phone.kept", "/my-phone/keep/<item>", phone.kept, WORKER, "POST"),
    Route("jobs.show", "/jobs", jobs.show, IT, menu=phrase("Jobs")),
    Route("pauses.show", "/pauses", pauses.show, IT | PRIVACY | AUDIT),
    Route("pauses.pause", "/pauses", pauses.pause, IT, "POST"),
    Route("pauses.one", "/pauses/<uid>", pauses.one, IT | PRIVACY | AUDIT),
    Route("pauses.prolong", "/pauses/<uid>/longer", pauses.prolong, IT, "POST"),
    Route("pauses.resume", "/pauses/<uid>/ended", pauses.resume, IT, "POST", fresh=True),
    Route("connections.show", "/connections", connections.show, IT, menu=phrase("Connections")),
    Route("connections.new", "/connections/new", connections.new, IT),
    Route("connections.fresh", "/connections/new/<vendor>", connections.fresh, IT, fresh=True),
    Route("connections.add", "/connections/new/<vendor>", connections.add, IT, "POST", fresh=True),
    Route("connections.one", "/connections/at/<name>", connections.one, IT),
    Route("connections.edit", "/connections/at/<name>/change", connections.edit, IT, fresh=True),
    Route("connections.change", "/connections/at/<name>/change", connections.change, IT, "POST", fresh=True),
    Route("connections.remove", "/connections/at/<name>/remove", connections.remove, IT, "POST", fresh=True),
    Route("connections.attempt", "/connections/at/<name>/try", connections.attempt, IT, "POST"),
    Route("connections.places", "/places", connections.places, IT),
    Route("connections.take_places", "/places", connections.take_places, IT, "POST"),
    Route("devices.show", "/devices", devices.show, IT | PRIVACY, menu=phrase("Devices")),
    Route("devices.one", "/devices/<uid>", devices.one, IT | PRIVACY),
    Route("devices.answer", "/devices/proposals/<uid>", devices.answer, PRIVACY, "POST", fresh=True),
    Route("plans.show", "/plans", plans.show, PRIVACY | IT | AUDIT, menu=phrase("Plans")),
    Route("plans.one", "/plans/<uid>", plans.one, PRIVACY | IT | AUDIT),
    Route("plans.ask", "/plans/<uid>/ask", plans.ask, PRIVACY | IT, "POST", fresh=True),
    Route("plans.decide", "/plans/<uid>/decide", plans.decide, PRIVACY | IT, "POST", fresh=True),
    Route("policies.show", "/policies", policies.show, PRIVACY | IT | AUDIT, menu=phrase("Policy")),
    Route("policies.draft", "/policies/draft", policies.draft, PRIVACY | IT),
    Route("policies.check", "/policies/draft", policies.check, PRIVACY | IT, "POST"),
    Route("policies.propose", "/policies/propose", policies.propose, PRIVACY | IT, "POST", fresh=True),
    Route("policies.compare_two", "/policies/compare", policies.compare_two, PRIVACY | IT | AUDIT),
    Route("policies.explained", "/policies/explained", policies.explained, PRIVACY, "POST"),
    Route("policies.one", "/policies/at/<uid>", policies.one, PRIVACY | IT | AUDIT),
    Route("policies.count", "/policies/at/<uid>/count", policies.count, PRIVACY | IT, "POST"),
    Route("policies.decide", "/policies/at/<uid>/decide", policies.decide, PRIVACY | IT, "POST", fresh=True),
    Route("reports.show", "/reports", reports.show, REPORTS | LINE, menu=phrase("Reports")),
    Route("reports.ask", "/reports", reports.ask, REPORTS | LINE, "POST"),
    Route("reports.one", "/reports/<uid>", reports.one, REPORTS | LINE),
    Route("reports.read", "/reports/<uid>/page", reports.read, REPORTS | LINE),
    Route("reports.take", "/reports/<uid>/file.<kind>", reports.take, REPORTS | LINE),
    Route("log.show", "/log", log.show, REPORTS, menu=phrase("Log")),
    Route("log.check", "/log", log.check, REPORTS, "POST"),
    Route("keys.show", "/keys", keys.show, IT, menu=phrase("Keys")),
    Route("health.show", "/health", health.show, IT, menu=phrase("Health")),
    Route("start.show", "/start", start.show, IT | PRIVACY, menu=phrase("Start")),
    Route("gates.show", "/gates", start.gates, IT | PRIVACY, menu=phrase("Gates")),
    Route("gates.record", "/gates", start.record, IT | PRIVACY, "POST", fresh=True),
)
