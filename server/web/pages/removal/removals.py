"""Removals: the list with its filters, how long it took, and one item's way from closure to proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.days import midnight
from server.core.model import CLEARED_FOR_CASES, Level, Reason, State
from server.core.policy.model import ConfirmedBy
from server.core.removal.plan import item_id
from server.core.reports.cards import CARDS_REMOVED, CARDS_TRIMMED, cells_of, say_cards
from server.core.reports.tally import TOOK
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Share, Text, phrase
from server.render.charts import Bar, Bars, summarise_bars
from server.render.phones import tables
from server.store import pages
from server.store.pages import InTime, OrderFilter, OrderLine, OrderPath
from server.store.phones import pages as phone_pages
from server.web.cache import counted
from server.web.long_lists import REMOVED_FOR, asked_day, orders_shown
from server.web.request import Here, fill, here
from server.web.table_view import stay
from server.work.admin.access import note_read
from server.work.reports.removal_report import PASSING, StoreLimits, limits_of

_DAYS = 90
_MOST_OF_A_CASE = 1_000
_LEVELS = (Level.STORE_REMOVED, Level.DEVICE_SYNCED, Level.DEVICE_ATTESTED, Level.CONTAINER_REMOVED)
STANDS: Mapping[str, Text] = {
    "done": phrase("Removed"),
    "open": phrase("Under way"),
    "stuck": phrase("Stuck"),
}


@dataclass(frozen=True, slots=True)
class ListAsked:
    """What a list of removals is asked for, as the address says it."""

    stand: str
    chosen: OrderFilter

    def address(self) -> dict[str, str]:
        """The same as parameters of an address; no case number, which a browser's history must not keep."""
        chosen = self.chosen
        given = {
            "stand": self.stand,
            "reason": chosen.reason or "",
            "level": chosen.level or "",
            "since": request.args.get("since", "") if chosen.since else "",
            "until": request.args.get("until", "") if chosen.until else "",
        }
        return {name: str(value) for name, value in given.items() if value}


def show() -> ResponseReturnValue:
    """The list."""
    at = here()
    asked = _asked()
    stay(**asked.address())
    cleared = at.role in CLEARED_FOR_CASES
    if cleared:
        note_read(at.context, at.signed_in, "removals")
    when, (levels, chart) = counted("removals", lambda: _figures(at))
    return fill(
        "removals.html",
        phrase("Removals"),
        when=when,
        asked=asked,
        stands=STANDS,
        reasons=REMOVED_FOR,
        levels=_LEVELS,
        evidence=levels,
        chart_=chart,
        list=orders_shown(
            asked.chosen,
            "proven_at" if asked.chosen.settled else "planned_at",
            lambda rows: _section(rows, asked, cleared=cleared),
            falling=True,
            link=lambda line: url_for("removals.path", order=line.id),
        ),
        cleared=cleared,
    )


def search() -> ResponseReturnValue:
    """The list for one case number; by form, so that the number stands in no address."""
    at = here()
    number = request.form.get("case", "").strip()[:64]
    if not number:
        return redirect(url_for("removals.show"), 303)
    chosen = [OrderFilter(settled=settled, case=number) for settled in (False, True)]
    note_read(at.context, at.signed_in, "removals of a case")
    sections, links = [], []
    for each in chosen:
        asked = ListAsked("done" if each.settled else "open", each)
        with at.context.store.read() as connection:
            rows = pages.list_orders(connection, each, passing=PASSING, limit=_MOST_OF_A_CASE)
        sections.append(replace(_section(rows, asked, cleared=True), key=f"removals-{asked.stand}"))
        links.append([url_for("removals.path", order=row.id) for row in rows])
    return fill(
        "removals_of_case.html",
        phrase("Removals of one case"),
        number=number,
        sections=list(zip(sections, links, strict=True)),
    )


def path(order: str) -> ResponseReturnValue:
    """One item's way."""
    at = here()
    with at.context.store.read() as connection:
        found = pages.order_path(connection, order)
        asks = phone_pages.asks_for_order(connection, order)
    if found is None:
        abort(404)
    cleared = at.role in CLEARED_FOR_CASES
    if cleared:
        note_read(at.context, at.signed_in, "a removal")
    return fill(
        "removal.html",
        phrase("One removal, from closure to proof"),
        found=found,
        item=item_id(found.line.place, found.line.token),
        steps=_steps(found, limits_of(at.context, found.line.connection)),
        phones=_phones(found),
        asks=tables.asks_for_removal(asks),
        cleared=cleared,
    )


def _asked() -> ListAsked:
    given = request.args
    stand = given.get("stand", "done")
    stand = stand if stand in STANDS else "done"
    reason, level = given.get("reason", ""), given.get("level", "")
    since, until = asked_day("since"), asked_day("until")
    return ListAsked(
        stand,
        OrderFilter(
            settled=stand == "done",
            stuck=stand == "stuck",
            reason=Reason(reason) if reason in set(REMOVED_FOR) else None,
            level=Level(level) if level in set(_LEVELS) and stand == "done" else None,
            since=midnight(since) if since else None,
            until=midnight(until + timedelta(days=1)) if until else None,
        ),
    )


def _section(rows: Sequence[OrderLine], asked: ListAsked, *, cleared: bool) -> Section:
    who = (Column("case", phrase("Case number")), Column("worker", phrase("Worker"))) if cleared else ()
    if asked.chosen.settled:
        columns = (
            Column("level", phrase("How we know"), Kind.CODE, choose=False),
            Column("synced", phrase("Phones that synchronised it"), Kind.SHARE),
            CARDS_REMOVED,
            CARDS_TRIMMED,
            Column("proven_at", phrase("Removal verified"), Kind.INSTANT),
        )
    else:
        columns = (
            Column("state", phrase("What happens next"), Kind.CODE),
            Column("why", phrase("What went wrong"), Kind.CODE),
            CARDS_REMOVED,
            CARDS_TRIMMED,
            Column("planned_at", phrase("Scheduled"), Kind.INSTANT),
        )

    def tail(line: OrderLine) -> Row:
        if asked.chosen.settled:
            reached = Level.DEVICE_SYNCED if 0 < line.devices <= line.synced else line.level
            share = Share(min(line.synced, line.devices), line.devices)
            return reached, share, *cells_of(line.cards), line.settled_at
        why = line.fault or (line.outcome if line.state is State.PERSON else None)
        return line.state, why, *cells_of(line.cards), line.planned_at

    return Section(
        "removals",
        STANDS[asked.stand],
        columns=(
            Column("item", phrase("Contact code")),
            *who,
            Column("reason", phrase("Why it had to go"), Kind.CODE, choose=False),
            *columns,
        ),
        rows=tuple(
            (
                item_id(line.place, line.token),
                *((line.case, line.worker) if cleared else ()),
                line.reason,
                *tail(line),
            )
            for line in rows
        ),
        empty=phrase("No results."),
    )


def _figures(at: Here) -> tuple[Section, Bars]:
    now = at.context.now()
    since = now - timedelta(days=_DAYS)
    with at.context.store.read() as connection:
        counts = pages.count_by_level(connection, since)
        copies = pages.count_copies(connection, since)
        took = pages.removed_in_time(
            connection, since, now + timedelta(microseconds=1), at.context.policy.grace_days + 1
        )
    levels = Section(
        "evidence",
        phrase("How we know, over the last 90 days"),
        paragraphs=(
            phrase("Each level is counted by itself, in its own unit. A lower one is never shown as a higher one."),
        ),
        columns=(
            Column("level", phrase("Level"), Kind.CODE),
            Column("meaning", phrase("What it means"), Kind.ADVICE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
            Column("copies", phrase("Copies on phones"), Kind.SHARE),
        ),
        rows=tuple(
            (
                level,
                level,
                sum(books for books, _ in counts.values()) if level is Level.STORE_REMOVED else None,
                None if level is Level.STORE_REMOVED else Share(min(counts.get(level, (0, 0))[1], copies), copies),
            )
            for level in _LEVELS
        ),
    )
    return levels, time_to_zero(at, took)


def time_to_zero(at: Here, took: InTime) -> Bars:
    """How long it took, as a chart."""
    bars = tuple(Bar(label, count) for label, count in zip(TOOK, took.classes, strict=True))
    return Bars(
        "time-to-zero",
        phrase("From the closure of a case to the verified removal, over the last 90 days"),
        phrase("Within"),
        phrase("Contacts in address books"),
        bars,
        summarise_bars(bars),
        phrase(
            (
                "The waiting period is {count} day after a closure. Without a date of closure in the register: "
                "{unknown}."
            ),
            many=(
                "The waiting period is {count} days after a closure. Without a date of closure in the register: "
                "{unknown}."
            ),
            count=at.context.policy.grace_days,
            unknown=took.undated,
        ),
    )


_CLOSED: Mapping[ConfirmedBy, Text] = {
    ConfirmedBy.REGISTER: phrase("The case was finally closed"),
    ConfirmedBy.WORK_SUPERVISOR: phrase("The case was finally closed, as a work supervisor confirmed"),
}


@dataclass(frozen=True, slots=True)
class OrderStep:
    """One stop on the way. at None: not reached, or not told."""

    what: Text
    at: datetime | None
    more: tuple[Text, ...] = ()
    reached: bool = True


def _steps(found: OrderPath, limits: StoreLimits) -> Sequence[OrderStep]:
    line = found.line
    steps = []
    if found.closed_by is not None and line.reason is Reason.FINALLY_CLOSED:
        steps.append(OrderStep(_CLOSED[found.closed_by], None))
    released: tuple[Text, ...] = ()
    if found.held_back is not None:
        released = (
            phrase("The plan was above a limit of the policy and was approved {when}.", when=found.released_at)
            if found.released_at is not None
            else phrase("The plan is above a limit of the policy and awaits approval."),
        )
    steps.append(OrderStep(phrase("Scheduled: {reason}", reason=line.reason), line.planned_at, released))
    tries = (
        *(
            (phrase("{count} call failed.", many="{count} calls failed.", count=line.attempts),)
            if line.attempts
            else ()
        ),
        *((phrase("It did not work: {fault}.", fault=line.fault),) if line.fault else ()),
    )
    steps.append(
        OrderStep(
            phrase("The server was asked"),
            found.called_at,
            tries,
            reached=found.called_at is not None,
        )
    )
    steps.append(
        OrderStep(
            phrase("The server answered: {outcome}", outcome=line.outcome)
            if line.outcome
            else phrase("The server answered"),
            found.accepted_at,
            (
                *((say_cards(line.cards),) if line.cards else ()),
                phrase("The server's answer is not proof. Only reading the whole address book again is."),
            ),
            reached=line.outcome is not None,
        )
    )
    kept: tuple[Text, ...] = ()
    if found.recoverable:
        kept = (phrase("The server says that it keeps a copy that can come back. It is removed, not erased."),)
    elif limits.retained:
        kept = (
            phrase(
                "Removed from the server. A copy may remain there under the server's own retention or litigation hold."
            ),
        )
    because = limits.keeps
    if kept and because:
        kept = (*kept, Text(because))
    steps.append(
        OrderStep(
            phrase("The whole address book was read again. It was no longer in it."),
            line.settled_at,
            kept,
            reached=line.settled_at is not None,
        )
    )
    fetched = [phone for phone in found.phones if phone.level is not None]
    steps.append(
        OrderStep(
            phrase("Phones that synchronised it: {share}", share=Share(len(fetched), line.devices)),
            max((phone.at for phone in fetched if phone.at is not None), default=None),
            _unfetched(limits) if len(fetched) < line.devices else (),
            reached=bool(fetched),
        )
    )
    if found.watched_until is not None:
        steps.append(
            OrderStep(
                phrase("Watched until {when}, so that it is noticed if it comes back", when=found.watched_until), None
            )
        )
    return steps


def _unfetched(limits: StoreLimits) -> tuple[Text, ...]:
    copy = phrase("A phone that was not seen to synchronise may still hold a copy.")
    if not limits.mute:
        return (copy,)
    return (copy, phrase("This server does not record when which phone synchronised."))


def _phones(found: OrderPath) -> Section:
    return Section(
        "phones",
        phrase("The phones that synchronise with this address book"),
        columns=(
            Column("phone", phrase("Phone")),
            Column("level", phrase("How we know"), Kind.CODE, phrase("Not seen to synchronise since")),
            Column("at", phrase("When"), Kind.INSTANT),
        ),
        rows=tuple((phone.device, phone.level, phone.at) for phone in found.phones),
        empty=phrase("No phones are known that synchronise with it."),
    )
