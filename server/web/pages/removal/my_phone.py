"""My phone: what of clients is in a worker's own address book, why it stays or goes, in plain words; only their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import Decision, Reason, Tier
from server.core.problems import DecisionProblem, DecisionRefusedError, Problem
from server.core.removal.plan import item_id
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.render.structured import dump, section_json
from server.web.dates import last_day
from server.web.forms import EMPTY, Filled, Input, InputKind, read_form
from server.web.request import fill, here, notify
from server.work.removal import attestations, my_phone, own_cards, putting
from server.work.removal.attestations import OwnAttestations
from server.work.removal.my_phone import MyItem, MyPhone
from server.work.removal.own_cards import CardAnswer

PLAIN: Mapping[Reason, Text] = {
    Reason.NOT_IN_REGISTER: phrase("This is private. We leave it alone."),
    Reason.CLASS_STAYS: phrase("Numbers of people you work with are no clients' numbers. They stay."),
    Reason.REGISTER_STALE: phrase("We have no recent data about your cases. Nothing happens until we have."),
    Reason.LINK_UNKNOWN: phrase("We do not know whether this number belongs to the case. Somebody looks at it."),
    Reason.FORMER_NUMBER: phrase("This is an old number of the client. Somebody looks at whose it is now."),
    Reason.DEVIATION: phrase("You chose to keep this longer, by yourself or after consultation."),
    Reason.ASSIGNED: phrase("You work on this case and it is open."),
    Reason.MONITORING_WINDOW: phrase("A planned contact moment is near."),
    Reason.MONITORING_OUTSIDE: phrase("The case is in its monitoring phase and no planned contact moment is near."),
    Reason.PLAN_UNKNOWN: phrase(
        "The case is in its monitoring phase, and we do not know when contact is planned. Somebody looks at it."
    ),
    Reason.NOT_RECORDED: phrase("First the contact has to be recorded in the case file. Then it goes."),
    Reason.CLOSURE_UNCONFIRMED: phrase("The case looks closed, but nobody confirmed it. Somebody looks at it."),
    Reason.FINALLY_CLOSED: phrase("The case is finally closed."),
    Reason.NO_LONGER_ASSIGNED: phrase("You do not work on this case any more."),
    Reason.NEVER_ASSIGNED: phrase("You were never on this case."),
    Reason.DEFERRED: phrase("This number goes later. For now it may stay."),
}
"""Why, to the worker, in plain words. A deferral has one sentence, whatever its cause."""

_GROUPS = (
    ("stays", phrase("What stays, and why"), frozenset({Decision.KEEP})),
    ("goes", phrase("What will go"), frozenset({Decision.REMOVE, Decision.REMOVE_REPROVISIONABLE})),
    ("later", phrase("Will go later"), frozenset({Decision.DEFER})),
    ("asked", phrase("Needs a check first"), frozenset({Decision.REVIEW, None})),
)
_NOTICE = ("goes", phrase("What may go"), frozenset({Decision.DEFER}))
"""Where the policy gives notice: one group for all that goes, now or later, so that nothing tells when or whether."""
_EXPLAINED: Mapping[str, Text] = {
    "stays": phrase("You may have these numbers in your work phone."),
    "goes": phrase("These numbers go from your work address book at the next round, within a day or so."),
    "later": phrase("These numbers go later. You need do nothing."),
    "asked": phrase("Somebody has to look at this first. Until then the number stays."),
}
_NOTICED = phrase(
    "Your work gives no reason for these numbers any more. They may go from your work address book without another "
    "word. Do you still need one? Then keep it longer, and say why."
)
_WOULD_GO = phrase("By the rules these numbers would go. For now nothing is removed.")
_MAY_GO = phrase("By the policy it may go.")
_ANSWERS: Mapping[bool, tuple[tuple[CardAnswer, Text], ...]] = {
    False: (
        (CardAnswer.GOES, phrase("Remove it: all of it is about the client")),
        (CardAnswer.STAYS, phrase("This is mine: take out the client's number, leave the rest")),
    ),
    True: ((CardAnswer.NOT_A_CLIENTS, phrase("This is right as it is, and no client's number")),),
}
"""What can be said of a card, and of a field that cannot be read."""
_REASON = Input(
    "reason",
    phrase("Why you need it longer"),
    InputKind.AREA,
    longest=300,
    hint=phrase("In a sentence, without names or numbers. Your work supervisor and the privacy officer can read it."),
)
_UNTIL = Input("until", phrase("Up to and including which day"), InputKind.DAY)
_KEEP = (_REASON, _UNTIL)
_MOST_SHOWN = 200
"""Of what went, a page at a time; the file of one's own has them all."""


@dataclass(frozen=True, slots=True)
class CaseContacts:
    """Contacts of one case with one reason. persons: who in it. keep: the item by which they are kept longer."""

    case: str | None
    reason: Reason | None
    persons: tuple[str, ...]
    count: int
    kept_until: date | None
    keep: str | None
    items: tuple[str, ...]
    ours: int = 0
    """Of these, contacts that closeout put back."""


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    mine = _mine(_MOST_SHOWN)
    explained = {**_EXPLAINED, **({"goes": _NOTICED} if mine.notice else {})}
    if at.context.policy.report_only:
        explained |= {"goes": _WOULD_GO, "later": _WOULD_GO}
    groups = [
        (key, heading, explained[key], _cards([item for item in mine.items if item.decision in decisions]))
        for key, heading, decisions in _groups(mine)
    ]
    return fill(
        "phone.html",
        phrase("My phone"),
        mine=mine,
        groups=groups,
        glance=[_at_a_glance(*group) for group in sorted(groups, key=lambda group: group[0] != "goes") if group[3]],
        plain={**PLAIN, **({Reason.DEFERRED: _MAY_GO} if mine.notice else {})},
        may_keep=mine.longest_days is not None,
        most=_MOST_SHOWN,
        removed=_removed(mine),
        removed_all=mine.removed_count,
        questions=own_cards.count_questions(at.context, at.signed_in),
        elsewhere=attestations.read_own(at.context, at.signed_in),
    )


def _at_a_glance(
    key: str, heading: Text, _explained: Text, cards: Sequence[CaseContacts]
) -> tuple[str, Text, int, Sequence[Reason]]:
    """How many there are of a group and why, in the order of how often: read before anything is scrolled."""
    why = Counter[Reason]()
    for card in cards:
        if card.reason is not None:
            why[card.reason] += card.count
    return key, heading, sum(card.count for card in cards), [reason for reason, _ in why.most_common()]


def questions() -> ResponseReturnValue:
    """What is asked about one's own cards, as they are now; nothing of them is kept."""
    at = here()
    shown = own_cards.show_questions(at.context, at.signed_in)
    if not shown.asked:
        return redirect(url_for("phone.show"), 303)
    return fill("questions.html", phrase("Questions about your address book"), shown=shown, answers=_ANSWERS)


def answered() -> ResponseReturnValue:
    """Keep what was said; what was left open stays a question."""
    at = here()
    said = {
        name.removeprefix("q-"): CardAnswer(value)
        for name, value in request.form.items()
        if name.startswith("q-") and value in set(CardAnswer)
    }
    kept = own_cards.answer(at.context, at.signed_in, said)
    notify("answered" if kept else "answered_nothing")
    return redirect(url_for("phone.show"), 303)


def ask_back() -> ResponseReturnValue:
    """Ask for what one needs again. The answer is always the same: what is not put back, and why, it does not say."""
    at = here()
    if not putting.ask(at.context, at.signed_in):
        abort(404)
    notify("asked_back")
    return redirect(url_for("phone.show"), 303)


def keep(item: str) -> ResponseReturnValue:
    """The form to keep a contact longer."""
    mine = _mine()
    return _keep_page(mine, _item(mine, item), EMPTY)


def kept(item: str) -> ResponseReturnValue:
    """Keep it, with a reason and a last day."""
    at = here()
    mine = _mine()
    if any(each.id == item and each.kept_until is not None for each in mine.items):
        notify("kept")
        return redirect(url_for("phone.show"), 303)
    found = _item(mine, item)
    filled = read_form(request.form, _KEEP)
    if not filled.sound:
        return _keep_page(mine, found, filled), 400
    try:
        my_phone.keep(at.context, at.signed_in, found, filled.values["reason"], filled.days["until"])
    except DecisionRefusedError as refused:
        field = "reason" if "text" in refused.problem.value else "until"
        return _keep_page(mine, found, filled.with_fault(field, _refused(refused.problem, _last_day(mine)))), 400
    notify("kept")
    return redirect(url_for("phone.show"), 303)


def extract() -> ResponseReturnValue:
    """Everything kept about this worker's phone, as a file of their own."""
    at = here()
    mine = _mine(None)
    words = at.words
    document: dict[str, object] = {
        "worker": mine.worker,
        "made_at": at.context.now().isoformat(),
        "sections": [
            section_json(section, words)
            for section in (
                *(_items(mine), _removed(mine), _deviations(mine)),
                _stated(attestations.read_own(at.context, at.signed_in)),
            )
        ],
        "phones": [phone.ref for phone in mine.phones if not phone.book],
        "address_books": [phone.ref for phone in mine.phones if phone.book],
        "not_in_here": words.say(
            phrase(
                "Numbers and names are not kept here, so they are not in this file either. For what others wrote about "
                "your work, ask the privacy officer."
            )
        ),
    }
    answer = make_response(dump(document))
    answer.content_type = "application/json"
    answer.headers["Content-Disposition"] = f'attachment; filename="my-phone-{at.context.today()}.json"'
    return answer


def _groups(mine: MyPhone) -> Sequence[tuple[str, Text, frozenset[Decision | None]]]:
    if not mine.notice:
        return _GROUPS
    stays, *_goes_and_later, asked = _GROUPS
    return stays, _NOTICE, asked


def _cards(items: Sequence[MyItem]) -> Sequence[CaseContacts]:
    """One card for all that one case says of one's book for one reason; colleagues and partners share one."""
    held: dict[tuple[str, Reason | None, date | None], list[MyItem]] = {}
    for item in items:
        case = "" if item.reason is Reason.CLASS_STAYS else item.case or item.id
        held.setdefault((case, item.reason, item.kept_until), []).append(item)
    return [
        CaseContacts(
            case=some[0].case if case else None,
            reason=reason,
            persons=tuple(dict.fromkeys(item.person for item in some if item.person)) if case else (),
            count=len(some),
            kept_until=until,
            keep=next((item.id for item in some if my_phone.may_keep(item)), None),
            items=tuple(item.id for item in some),
            ours=sum(item.ours for item in some),
        )
        for (case, reason, until), some in held.items()
    ]


def _mine(most_removed: int | None = 0) -> MyPhone:
    at = here()
    mine = my_phone.read_own(at.context, at.signed_in, most_removed=most_removed)
    if mine is None:
        abort(404)
    return mine


def _item(mine: MyPhone, wanted: str) -> MyItem:
    """One of one's own items that may be kept longer; whatever is not, is not there."""
    found = [item for item in mine.items if item.id == wanted and my_phone.may_keep(item)]
    if not found or mine.longest_days is None:
        abort(404)
    return found[0]


def _last_day(mine: MyPhone) -> date:
    """Up to which day a worker may keep a contact alone."""
    return here().context.today() + timedelta(days=mine.longest_days or 0)


def _refused(problem: Problem, last: date) -> Text:
    if problem is not DecisionProblem.TOO_LONG:
        return at_page(problem)
    if my_phone.is_longer_for_others(here().context):
        return phrase("By yourself up to and including {day}. Need longer? Ask your work supervisor.", day=last)
    return phrase("Up to and including {day}: the policy lets nobody keep it longer.", day=last)


def _keep_page(mine: MyPhone, item: MyItem, filled: Filled) -> str:
    return fill(
        "keep.html",
        phrase("Keep a contact longer"),
        item=item,
        inputs=_KEEP,
        filled=filled,
        last=_last_day(mine),
    )


def _items(mine: MyPhone) -> Section:
    return Section(
        "items",
        phrase("Contacts of clients in your work address book"),
        columns=(
            Column("item", phrase("Contact code")),
            Column("case", phrase("Case number")),
            Column("person", phrase("Person in the case")),
            Column("decision", phrase("Decision"), Kind.CODE),
            Column("reason", phrase("Why"), Kind.CODE),
        ),
        rows=tuple((item.id, item.case, item.person, item.decision, item.reason) for item in mine.items),
    )


def _removed(mine: MyPhone) -> Section:
    return Section(
        "removed",
        phrase("What was removed in the last year"),
        columns=(
            Column("item", phrase("Contact code")),
            Column("case", phrase("Case number")),
            Column("reason", phrase("Why it had to go"), Kind.CODE),
            Column("settled", phrase("Removal verified"), Kind.INSTANT),
        ),
        rows=tuple((item_id(row.place, row.token), row.case, row.reason, row.settled_at) for row in mine.removed),
        empty=phrase("Nothing was removed."),
    )


def _deviations(mine: MyPhone) -> Section:
    return Section(
        "deviations",
        phrase("Kept longer"),
        columns=(
            Column("case", phrase("Case number")),
            Column("tier", phrase("Whose decision"), Kind.CODE),
            Column("reason", phrase("Why")),
            Column("until", phrase("Last day"), Kind.DATE),
        ),
        rows=tuple((row.case, Tier(row.tier), row.reason, last_day(row.until_at)) for row in mine.deviations),
    )


def _stated(own: OwnAttestations | None) -> Section:
    return Section(
        "stated",
        phrase("What you stated of numbers saved elsewhere"),
        columns=(
            Column("case", phrase("Case number")),
            Column("place", phrase("Where it is saved"), Kind.CODE),
            Column("answer", phrase("What you stated"), Kind.CODE),
            Column("said_at", phrase("When"), Kind.INSTANT),
        ),
        rows=() if own is None else tuple((each.case, each.place, each.answer, each.at) for each in own.stated),
    )
