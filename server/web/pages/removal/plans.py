"""Plans above a limit: what they would remove, who asked for their release, and the second person's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES, Role
from server.core.removal.approvals import ReleaseOutcome
from server.core.removal.plan import item_id
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import UNDECIDED
from server.store import pages
from server.store.pages import OrderFilter, OrderLine, PlanLine
from server.web.long_lists import REMOVED_FOR, orders_shown
from server.web.request import fill, here, notify
from server.work.admin import access
from server.work.removal import approval

LIMITS: Mapping[str, Text] = {
    "max_removals": phrase("More removals than the policy lets go at once"),
    "max_share": phrase("A larger share of all contacts than the policy lets go at once"),
}
_MAY_ASK = frozenset({Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER})
_MAY_GRANT = frozenset({Role.PRIVACY_OFFICER})


def show() -> ResponseReturnValue:
    """Those that wait, then those that were released."""
    at = here()
    with at.context.store.read() as connection:
        rows = pages.list_plans(connection)
    section = Section(
        "plans",
        phrase("Large removals: plans above a limit of the policy"),
        columns=(
            Column("plan", phrase("Plan")),
            Column("made", phrase("Made"), Kind.INSTANT),
            Column("removals", phrase("Removals"), Kind.COUNT),
            Column("waiting", phrase("Waiting"), Kind.COUNT),
            Column("limit", phrase("Why it waits")),
            Column("asked", phrase("Approval asked"), Kind.INSTANT, phrase("No")),
            Column("released", phrase("Approved"), Kind.INSTANT, phrase("No")),
        ),
        rows=tuple(
            (row.uid, row.made_at, row.removals, row.waiting, _limit(row), row.asked_at, row.released_at)
            for row in rows
        ),
        empty=phrase("No large removal awaits approval."),
    )
    return fill(
        "plans.html", phrase("Approvals"), section=section, links=[url_for("plans.one", uid=r.uid) for r in rows]
    )


def one(uid: str) -> ResponseReturnValue:
    """One plan with every item of it."""
    return _page(_found(uid))


def ask(uid: str) -> ResponseReturnValue:
    """Ask that it be released."""
    at = here()
    answered = approval.ask_release(at.context, at.signed_in, uid, request.form.get("digest", ""))
    return _after(uid, answered)


def decide(uid: str) -> ResponseReturnValue:
    """Grant or refuse what another person asked for; withdraw what one asked for oneself."""
    at = here()
    wanted = request.form.get("act", "")
    if wanted not in ("grant", "refuse"):
        abort(400)
    grant = wanted == "grant"
    if grant and at.role not in _MAY_GRANT:
        abort(403)
    answered = approval.decide_release(at.context, at.signed_in, uid, request.form.get("digest", ""), grant=grant)
    return _after(uid, answered)


def _after(uid: str, answered: ReleaseOutcome) -> ResponseReturnValue:
    if answered in UNDECIDED:
        return _page(_found(uid), answered), 409
    notify(answered.value)
    return redirect(url_for("plans.one", uid=uid), 303)


def _limit(row: PlanLine) -> Text | str:
    return LIMITS.get(row.limit, row.limit)


def _found(uid: str) -> PlanLine:
    with here().context.store.read() as connection:
        rows = pages.list_plans(connection, uid=uid)
    if not rows:
        abort(404)
    return rows[0]


def _page(found: PlanLine, answered: ReleaseOutcome | None = None) -> str:
    at = here()
    cleared = at.role in CLEARED_FOR_CASES
    if cleared:
        access.note_read(at.context, at.signed_in, "a plan")
    person = at.signed_in
    asked = found.asked_by is not None and found.ends_at is not None and at.context.now() < found.ends_at
    own = asked and found.asked_by == person.account
    waits = found.released_at is None and found.waiting > 0
    return fill(
        "plan.html",
        phrase("A large removal"),
        found=found,
        section=orders_shown(
            OrderFilter(settled=False, plan=found.uid),
            None,
            lambda rows: _items(rows, cleared=cleared),
            falling=True,
            reasons=REMOVED_FOR,
        ),
        why=UNDECIDED.get(answered) if answered else None,
        asked=asked,
        own=own,
        may_ask=waits and not asked and person.role in _MAY_ASK,
        may_grant=waits and asked and not own and person.role in _MAY_GRANT,
        waits=waits,
        limit=_limit(found),
    )


def _items(rows: Sequence[OrderLine], *, cleared: bool) -> Section:
    who = (Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()
    return Section(
        "items",
        phrase("What it would remove"),
        columns=(
            Column("item", phrase("Contact code")),
            *who,
            Column("place", phrase("Address book")),
            Column("reason", phrase("Why it has to go"), Kind.CODE),
            Column("state", phrase("What happens next"), Kind.CODE),
        ),
        rows=tuple(
            (
                item_id(line.place, line.token),
                *((line.case, line.worker) if cleared else ()),
                line.place,
                line.reason,
                line.state,
            )
            for line in rows
        ),
        empty=phrase("Nothing of it is open any more."),
    )
