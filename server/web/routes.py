"""Every way in, in one literal table: what it is called, where it is, who may; what is not here does not exist."""

from __future__ import annotations

from server.core.model import CLEARED_FOR_CASES, CLEARED_FOR_HOLDS, Role
from server.render import page_names
from server.web import theme
from server.web.pages import api
from server.web.pages.admin import connections, home, keys, retention, sign_in, start, tokens, your_account, your_role
from server.web.pages.phones import devices, events
from server.web.pages.register import api_v1, monitoring, team
from server.web.pages.removal import (
    deviations,
    findings,
    hold_desk,
    jobs,
    my_phone,
    pauses,
    plans,
    policies,
    removals,
    reviews,
)
from server.web.pages.reports import client_desk, health, inquiry_desk, library, log, overview
from server.web.pages.usage import by_name, channels, declarations, own_declaration
from server.web.route import Route
from server.work.admin import retention as retention_work
from server.work.admin.access import Scope
from server.work.reports import client_questions

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
"""Of the reports they have those that are for the line: which ones stands in `server.work.reports.catalogue`."""

ROUTES: tuple[Route, ...] = (
    Route("look.style", "/look-<version>.css", theme.show_style, OPEN),
    Route("look.icon", "/icon.svg", theme.show_icon, OPEN),
    Route("health.alive", "/alive", api.alive, OPEN),
    Route("sign_in.show", "/sign-in", sign_in.show, OPEN),
    Route("sign_in.enter", "/sign-in", sign_in.enter, OPEN, "POST", limited=True),
    Route("sign_in.pick", "/sign-in/pick", sign_in.pick, OPEN, "POST"),
    Route("sign_in.away", "/sign-in/provider", sign_in.away, OPEN, "POST"),
    Route("sign_in.back", "/sign-in/provider", sign_in.back, OPEN),
    Route("sign_in.signed_out", "/sign-in/provider/logout", sign_in.signed_out, OPEN, "POST", events=True),
    Route("sign_in.framed_out", "/sign-in/provider/logged-out", sign_in.framed_out, OPEN, events=True),
    Route("sign_in.speak", "/language", sign_in.speak, OPEN, "POST"),
    Route("api.status", "/api/status", api.status, Scope.STATUS),
    Route("api.metrics", "/metrics", api.metrics, Scope.METRICS),
    Route("api_v1.manual", "/api/v1", api_v1.manual, OPEN),
    Route("api_v1.describe", "/api/v1/openapi.json", api_v1.describe, OPEN),
    Route("api_v1.find_case", "/api/v1/cases:find", api_v1.find_case, Scope.CASES, "POST"),
    Route("api_v1.put_case", "/api/v1/cases/<case>", api_v1.put_case, Scope.CASES, "PUT"),
    Route("api_v1.put_many", "/api/v1/cases:batch", api_v1.put_many, Scope.CASES, "POST"),
    Route("api_v1.show_change", "/api/v1/changes/<change>", api_v1.show_change, Scope.CASES),
    Route("api_v1.show_outcome", "/api/v1/outcomes/<case>", api_v1.show_outcome, Scope.OUTCOMES),
    Route("api_v1.status", "/api/v1/status", api.status, Scope.STATUS),
    Route("events.hear", "/api/events/<connection>", events.hear, OPEN, "POST", events=True),
    Route("sign_in.leave", "/sign-out", sign_in.leave, EVERYONE, "POST"),
    Route("sign_in.take_role", "/role", sign_in.take_role, EVERYONE, "POST"),
    Route("sign_in.prove", "/prove", sign_in.prove, EVERYONE),
    Route("sign_in.proven", "/prove", sign_in.proven, EVERYONE, "POST", limited=True),
    Route("sign_in.again", "/again", sign_in.again, EVERYONE),
    Route("your_account.show", "/your-account", your_account.show, EVERYONE, fresh=True),
    Route("your_account.choose", "/your-account", your_account.choose, EVERYONE, "POST", fresh=True, limited=True),
    Route("home.go", "/", home.go, EVERYONE),
    Route("your_role.show", "/your-role", your_role.show, frozenset(your_role.DUTIES), menu=page_names.YOUR_ROLE),
    Route("team.show", "/team", team.show, SUPERVISOR, menu=page_names.MY_TEAM),
    Route("team.consult", "/team", team.consult, SUPERVISOR, "POST"),
    Route("team.answer", "/team/closures", team.answer, SUPERVISOR, "POST", fresh=True),
    Route("team.withdraw", "/team/closures/withdrawn", team.withdraw, SUPERVISOR, "POST"),
    Route("team.name_deputy", "/team/deputy", team.name_deputy, SUPERVISOR, "POST", fresh=True),
    Route("team.end_deputy", "/team/deputy/ended", team.end_deputy, SUPERVISOR, "POST"),
    Route("monitoring.show", "/team/monitoring", monitoring.show, SUPERVISOR),
    Route("monitoring.one", "/team/monitoring/<key>", monitoring.one, SUPERVISOR),
    Route("monitoring.change", "/team/monitoring/<key>", monitoring.change, SUPERVISOR, "POST", fresh=True),
    Route(
        "monitoring.withdraw", "/team/monitoring/<key>/withdrawn", monitoring.withdraw, SUPERVISOR, "POST", fresh=True
    ),
    Route("overview.show", "/overview", overview.show, FIGURES, menu=page_names.OVERVIEW),
    Route("removals.show", "/removals", removals.show, PRIVACY | AUDIT, menu=page_names.REMOVALS),
    Route("removals.search", "/removals", removals.search, PRIVACY, "POST", costly=True),
    Route("removals.path", "/removals/<order>", removals.path, PRIVACY | AUDIT),
    Route("findings.show", "/findings", findings.show, PRIVACY | AUDIT, menu=page_names.FINDINGS),
    Route("findings.divide", "/findings/divide", findings.divide, PRIVACY, "POST"),
    Route("findings.rows", "/findings/list", findings.rows, PRIVACY | AUDIT),
    Route("findings.act", "/findings/list", findings.act, PRIVACY, "POST"),
    Route("findings.one", "/findings/<uid>", findings.one, PRIVACY | AUDIT),
    Route("findings.act_on_one", "/findings/<uid>", findings.act_on_one, PRIVACY, "POST"),
    Route("reviews.show", "/reviews", reviews.show, PRIVACY | AUDIT, menu=page_names.REVIEWS),
    Route("reviews.one", "/reviews/<uid>", reviews.one, PRIVACY | AUDIT),
    Route("reviews.answer", "/reviews/<uid>", reviews.answer, PRIVACY, "POST"),
    Route("channels.show", "/channels", channels.show, PRIVACY | AUDIT, menu=page_names.CHANNELS),
    Route("channels.ask", "/channels", channels.ask, PRIVACY | AUDIT, "POST", costly=True),
    Route("declarations.show", "/declarations", declarations.show, PRIVACY | AUDIT, menu=page_names.DECLARATIONS),
    Route("declarations.look_over", "/declarations/look-over", declarations.look_over, PRIVACY, "POST", costly=True),
    Route("declarations.check", "/declarations/check", declarations.check, PRIVACY, "POST"),
    Route("declarations.one", "/declarations/<holding>", declarations.one, PRIVACY),
    Route("declarations.sign", "/declarations/<holding>/signed", declarations.sign, PRIVACY, "POST"),
    Route(
        "declarations.countersign", "/declarations/<holding>/countersigned", declarations.countersign, PRIVACY, "POST"
    ),
    Route("declarations.end", "/declarations/<holding>/ended", declarations.end, PRIVACY, "POST"),
    Route("declarations.answer", "/declarations/<holding>/answered", declarations.answer, PRIVACY, "POST"),
    Route("declarations.talk", "/declarations/<holding>/talked", declarations.talk, PRIVACY, "POST"),
    Route(
        "by_name.show",
        "/contacts-by-name",
        by_name.show,
        CLEARED_FOR_CASES,
        menu=page_names.CONTACTS_BY_NAME,
        elsewhere=PRIVACY,
    ),
    Route("by_name.ask", "/contacts-by-name", by_name.ask, CLEARED_FOR_CASES, "POST", fresh=True),
    Route("by_name.one", "/contacts-by-name/<uid>", by_name.one, CLEARED_FOR_CASES),
    Route("by_name.decide", "/contacts-by-name/<uid>/decide", by_name.decide, CLEARED_FOR_CASES, "POST", fresh=True),
    Route(
        "by_name.look", "/contacts-by-name/<uid>/look", by_name.look, CLEARED_FOR_CASES, "POST", fresh=True, costly=True
    ),
    Route("holds.show", "/holds", hold_desk.show, CLEARED_FOR_HOLDS, menu=page_names.HOLDS, hidden=True),
    Route("holds.check", "/holds/check", hold_desk.check, CLEARED_FOR_HOLDS, "POST", hidden=True),
    Route("holds.put", "/holds", hold_desk.put, CLEARED_FOR_HOLDS, "POST", fresh=True, hidden=True),
    Route("holds.end", "/holds/<uid>/ended", hold_desk.end, CLEARED_FOR_HOLDS, "POST", fresh=True, hidden=True),
    Route("holds.review", "/holds/<uid>/reviewed", hold_desk.review, CLEARED_FOR_HOLDS, "POST", hidden=True),
    Route(
        "inquiries.show",
        "/inquiries",
        inquiry_desk.show,
        CLEARED_FOR_HOLDS,
        menu=page_names.INQUIRIES,
        hidden=True,
    ),
    Route("inquiries.record", "/inquiries", inquiry_desk.record, CLEARED_FOR_HOLDS, "POST", fresh=True, hidden=True),
    Route("inquiries.one", "/inquiries/<uid>", inquiry_desk.one, CLEARED_FOR_HOLDS, hidden=True),
    Route(
        "inquiries.decide",
        "/inquiries/<uid>/decided",
        inquiry_desk.decide,
        CLEARED_FOR_HOLDS,
        "POST",
        fresh=True,
        hidden=True,
    ),
    Route("inquiries.end", "/inquiries/<uid>/ended", inquiry_desk.end, CLEARED_FOR_HOLDS, "POST", hidden=True),
    Route(
        "inquiries.ask", "/inquiries/<uid>/asked", inquiry_desk.ask, CLEARED_FOR_HOLDS, "POST", fresh=True, hidden=True
    ),
    Route(
        "inquiries.decide_ask",
        "/inquiries/<uid>/asked/<ask>/decided",
        inquiry_desk.decide_ask,
        CLEARED_FOR_HOLDS,
        "POST",
        fresh=True,
        hidden=True,
    ),
    Route(
        "inquiries.answer",
        "/inquiries/<uid>/asked/<ask>/answer",
        inquiry_desk.answer,
        CLEARED_FOR_HOLDS,
        "POST",
        fresh=True,
        costly=True,
        hidden=True,
    ),
    Route(
        "client_questions.show",
        "/client-questions",
        client_desk.show,
        client_questions.MAY_ANSWER,
        menu=page_names.CLIENT_QUESTIONS,
    ),
    Route(
        "client_questions.ask",
        "/client-questions/answered",
        client_desk.ask,
        client_questions.MAY_ANSWER,
        "POST",
        fresh=True,
        costly=True,
    ),
    Route("client_questions.take", "/client-questions/letter", client_desk.take, client_questions.MAY_ANSWER, "POST"),
    Route("deviations.show", "/deviations", deviations.show, PRIVACY | AUDIT, menu=page_names.DEVIATIONS),
    Route("phone.show", "/my-phone", my_phone.show, WORKER, menu=page_names.MY_PHONE),
    Route("own_declaration.show", "/my-declaration", own_declaration.show, WORKER, menu=page_names.MY_DECLARATION),
    Route("own_declaration.sign", "/my-declaration/signed", own_declaration.sign, WORKER, "POST"),
    Route("own_declaration.contest", "/my-declaration/said", own_declaration.contest, WORKER, "POST"),
    Route("phone.extract", "/my-phone/extract", my_phone.extract, WORKER, costly=True),
    Route("phone.keep", "/my-phone/keep/<item>", my_phone.keep, WORKER),
    Route("phone.questions", "/my-phone/questions", my_phone.questions, WORKER),
    Route("phone.answered", "/my-phone/questions", my_phone.answered, WORKER, "POST"),
    Route("phone.ask_back", "/my-phone/ask-back", my_phone.ask_back, WORKER, "POST"),
    Route("phone.kept", "/my-phone/keep/<item>", my_phone.kept, WORKER, "POST"),
    Route("jobs.show", "/jobs", jobs.show, IT, menu=page_names.JOBS),
    Route("pauses.show", "/pauses", pauses.show, IT | PRIVACY | AUDIT),
    Route("pauses.pause", "/pauses", pauses.pause, IT, "POST"),
    Route("pauses.one", "/pauses/<uid>", pauses.one, IT | PRIVACY | AUDIT),
    Route("pauses.prolong", "/pauses/<uid>/longer", pauses.prolong, IT, "POST"),
    Route("pauses.resume", "/pauses/<uid>/ended", pauses.resume, IT, "POST", fresh=True),
    Route("connections.show", "/connections", connections.show, IT, menu=page_names.CONNECTIONS),
    Route("connections.new", "/connections/new", connections.new, IT),
    Route("connections.fresh", "/connections/new/<vendor>", connections.fresh, IT, fresh=True),
    Route("connections.add", "/connections/new/<vendor>", connections.add, IT, "POST", fresh=True),
    Route("connections.one", "/connections/at/<name>", connections.one, IT),
    Route("connections.edit", "/connections/at/<name>/change", connections.edit, IT, fresh=True),
    Route("connections.change", "/connections/at/<name>/change", connections.change, IT, "POST", fresh=True),
    Route("connections.remove", "/connections/at/<name>/remove", connections.remove, IT, "POST", fresh=True),
    Route("connections.attempt", "/connections/at/<name>/try", connections.attempt, IT, "POST", costly=True),
    Route("connections.be_told", "/connections/at/<name>/told", connections.be_told, IT, "POST", fresh=True),
    Route(
        "connections.be_told_no_more",
        "/connections/at/<name>/told/ended",
        connections.be_told_no_more,
        IT,
        "POST",
        fresh=True,
    ),
    Route("connections.places", "/places", connections.places, IT),
    Route("connections.take_places", "/places", connections.take_places, IT, "POST", costly=True),
    Route("devices.show", "/devices", devices.show, IT | PRIVACY, menu=page_names.DEVICES),
    Route("devices.one", "/devices/<uid>", devices.one, IT | PRIVACY),
    Route("devices.answer", "/devices/proposals/<uid>", devices.answer, PRIVACY, "POST", fresh=True),
    Route("plans.show", "/plans", plans.show, PRIVACY | IT | AUDIT, menu=page_names.PLANS),
    Route("plans.one", "/plans/<uid>", plans.one, PRIVACY | IT | AUDIT),
    Route("plans.ask", "/plans/<uid>/ask", plans.ask, PRIVACY | IT, "POST", fresh=True),
    Route("plans.decide", "/plans/<uid>/decide", plans.decide, PRIVACY | IT, "POST", fresh=True),
    Route("policies.show", "/policies", policies.show, PRIVACY | IT | AUDIT, menu=page_names.POLICY),
    Route("policies.draft", "/policies/draft", policies.draft, PRIVACY | IT),
    Route("policies.check", "/policies/draft", policies.check, PRIVACY | IT, "POST", costly=True),
    Route("policies.propose", "/policies/propose", policies.propose, PRIVACY | IT, "POST", fresh=True),
    Route("policies.compare_two", "/policies/compare", policies.compare_two, PRIVACY | IT | AUDIT, costly=True),
    Route("policies.explained", "/policies/explained", policies.explained, PRIVACY, "POST", costly=True),
    Route("policies.one", "/policies/at/<uid>", policies.one, PRIVACY | IT | AUDIT),
    Route("policies.count", "/policies/at/<uid>/count", policies.count, PRIVACY | IT, "POST", costly=True),
    Route("policies.decide", "/policies/at/<uid>/decide", policies.decide, PRIVACY | IT, "POST", fresh=True),
    Route(
        "retention.show",
        "/retention",
        retention.show,
        retention_work.MAY_SEE,
        menu=page_names.RETENTION,
        elsewhere=IT,
    ),
    Route("reports.show", "/reports", library.show, REPORTS | LINE, menu=page_names.REPORTS),
    Route("reports.ask", "/reports", library.ask, REPORTS | LINE, "POST", costly=True),
    Route("reports.one", "/reports/<uid>", library.one, REPORTS | LINE),
    Route("reports.read", "/reports/<uid>/page", library.read, REPORTS | LINE, costly=True),
    Route("reports.take", "/reports/<uid>/file.<kind>", library.take, REPORTS | LINE, costly=True),
    Route("log.show", "/log", log.show, REPORTS, menu=page_names.LOG),
    Route("log.check", "/log", log.check, REPORTS, "POST", costly=True),
    Route("keys.show", "/keys", keys.show, IT, menu=page_names.KEYS),
    Route("tokens.show", "/tokens", tokens.show, IT),
    Route("tokens.end", "/tokens", tokens.end, IT, "POST"),
    Route("health.show", "/health", health.show, IT, menu=page_names.HEALTH),
    Route("start.show", "/start", start.show, IT | PRIVACY, menu=page_names.START),
    Route("gates.show", "/gates", start.gates, IT | PRIVACY, menu=page_names.GATES),
    Route("gates.record", "/gates", start.record, IT | PRIVACY, "POST", fresh=True),
)
