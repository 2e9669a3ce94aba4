"""Health: everything a running installation needs, and what to do about what is not well."""

from __future__ import annotations

from collections.abc import Mapping

from flask import url_for
from flask.typing import ResponseReturnValue

from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.render import page_names
from server.web.request import fill, here
from server.web.table_view import arrange
from server.work.reports import health
from server.work.reports.health import Examined, Ill, Part

PARTS: Mapping[Part, Text] = {
    Part.CLOCK: phrase("Clock"),
    Part.CONNECTION: phrase("Connection"),
    Part.GATES: phrase("DPIA and consent"),
    Part.GATE_REVIEW: phrase("Review of DPIA and consent"),
    Part.REGISTER: phrase("Case register"),
    Part.PLACES: phrase("Address books"),
    Part.ENGINE: phrase("Background worker"),
    Part.FEED: phrase("Usage feed"),
    Part.CONTACTS: phrase("Named access"),
    Part.PLANS: phrase("Approvals"),
    Part.PEOPLE: phrase("Removals that wait for a person"),
    Part.OVERDUE: phrase("Removals open for more than three days"),
    Part.PAUSE: phrase("Pause"),
    Part.LOG: phrase("Log"),
}
REMEDIES: Mapping[Ill, Text] = {
    Ill.CLOCK_BACK: phrase("It is behind what is already written here. Set the machine's time (NTP)."),
    Ill.NO_SECRET: phrase("Its password cannot be read. Type it again on the page of the connection."),
    Ill.GATE_MISSING: phrase(
        "Some address books belong to employers without DPIA and consent and are not read. Record them under {page}.",
        page=page_names.GATES,
    ),
    Ill.REVIEW_DUE: phrase("The review is overdue. Review it and record it again under {page}.", page=page_names.GATES),
    Ill.REGISTER_STALE: phrase("It is too old to decide on. Import a new export with: closeout cases import"),
    Ill.REGISTER_NONE: phrase("No register was imported yet: closeout cases import"),
    Ill.PLACES_FAIL: phrase("Some address books cannot be read. See why under {page}.", page=page_names.CONNECTIONS),
    Ill.PLACES_NONE: phrase("No address book is known yet. Import a list under {page}.", page=page_names.CONNECTIONS),
    Ill.ENGINE_SILENT: phrase("No address book was read for days. Start the background worker with: closeout engine"),
    Ill.FEED_SILENT: phrase("It reported nothing about the last two months. Import or ask for it, or withdraw it."),
    Ill.KEPT_WITHOUT_CONSENT: phrase(
        "They are kept and the rules for usage data name no consent any more. The next import, or "
        "closeout notify, deletes them."
    ),
    Ill.PLANS_WAIT: phrase("A large removal awaits approval. See it under {page}.", page=page_names.PLANS),
    Ill.PEOPLE_WAITED_FOR: phrase(
        "Somebody has to decide or to mend something. See them under {page}, stuck.", page=page_names.REMOVALS
    ),
    Ill.ORDERS_OVERDUE: phrase("Something holds them up. See the oldest under {page}, open.", page=page_names.REMOVALS),
    Ill.PAUSED: phrase(
        "No removal begins until it is resumed or its time is over. See {page}.", page=page_names.PAUSES
    ),
    Ill.HEADS_GONE: phrase(
        "The file of signed checkpoints is gone. Restore it from its copy, or: closeout log mend-heads"
    ),
    Ill.HEADS_UNREADABLE: phrase(
        "The file of signed checkpoints cannot be read. Give this account the right to, or restore it."
    ),
    Ill.HEADS_OLD: phrase(
        "Much came after the last signed checkpoint. The background worker and this server sign it; is "
        "one of them running?"
    ),
    Ill.LOG_SHORTER: phrase(
        "The log is shorter than a signed checkpoint says. Keep it as it is, and have it investigated."
    ),
    Ill.WITNESSED_OTHERWISE: phrase(
        "A witness saw another history of this log: an older copy was put back, or it was changed."
    ),
}


WHERE: Mapping[Ill, str] = {
    Ill.PLACES_FAIL: "connections.show",
    Ill.PLACES_NONE: "connections.places",
    Ill.PLANS_WAIT: "plans.show",
    Ill.PEOPLE_WAITED_FOR: "jobs.show",
    Ill.ORDERS_OVERDUE: "jobs.show",
    Ill.PAUSED: "pauses.show",
    Ill.LOG_SHORTER: "log.show",
    Ill.WITNESSED_OTHERWISE: "log.show",
}
"""The page on which each is seen to, of those that have one for an administrator."""


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    results = health.examine(at.context)
    ill = sum(each.ill is not None for each in results)
    section = Section(
        "examinations",
        phrase("What was read"),
        columns=(
            Column("what", phrase("What")),
            Column("well", phrase("OK"), Kind.CODE),
            Column("count", phrase("How many"), Kind.COUNT),
            Column("since", phrase("Last sign"), Kind.INSTANT),
            Column("remedy", phrase("What to do")),
        ),
        rows=tuple(
            (
                _what(each),
                Mark.NO if each.ill else Mark.YES,
                each.count,
                each.since,
                REMEDIES[each.ill] if each.ill else None,
            )
            for each in results
        ),
    )
    lead = (
        phrase("{count} thing needs attention.", many="{count} things need attention.", count=ill)
        if ill
        else phrase("No problems found.")
    )
    links = [url_for(WHERE[each.ill]) if each.ill is not None and each.ill in WHERE else None for each in results]
    return fill("list.html", phrase("System status"), lead=lead, section=arrange(section, links))


def _what(each: Examined) -> Text:
    if each.name is None:
        return PARTS[each.part]
    return phrase("{part}: {name}", part=PARTS[each.part], name=each.name)
