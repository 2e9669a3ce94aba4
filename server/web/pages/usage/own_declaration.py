"""My declaration: the text and signing it, one's own figures before anybody else's eyes, and what one says of them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.problems import EvidenceRefusedError
from server.core.reports.declarations import FAIR_USE
from server.core.text import Text, phrase
from server.core.usage.evidence_rules import EvidenceRules, SignedText
from server.core.usage.intervals import percent
from server.core.usage.model import Quantity
from server.render.refusals import at_page
from server.render.usage.signed_text import lay_out_text
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.pages.usage.declarations import beside
from server.web.request import fill, here, notify
from server.work.usage import own_declaration

_ALL = "all"
_ABOUT: Mapping[Quantity, Text] = {
    Quantity.CALLS: phrase("Calls"),
    Quantity.MINUTES: phrase("Minutes of calling"),
    Quantity.MEGABYTES: phrase("Mobile data"),
    Quantity.MESSAGES: phrase("Messages"),
    Quantity.SCREEN_MINUTES: phrase("Minutes on screen"),
    Quantity.CONTACTS: phrase("Recorded contacts"),
}


def show() -> ResponseReturnValue:
    """The page."""
    return _page()


def sign() -> ResponseReturnValue:
    """Sign what was read, for one phone of one's own."""
    at = here()
    filled = read_form(request.form, ())
    if request.form.get("read") != "yes":
        return _page(signing=filled.with_fault("read", phrase("Say that you have read the text."))), 400
    try:
        own_declaration.sign_own(
            at.context,
            at.context.evidence(),
            at.signed_in,
            request.form.get("device", ""),
            _language(),
            request.form.get("version", ""),
        )
    except EvidenceRefusedError as refused:
        return _page(signing=filled.with_fault("read", at_page(refused.problem))), 409
    notify("signature_recorded")
    return redirect(url_for("own_declaration.show"), 303)


def contest() -> ResponseReturnValue:
    """Explain or contest a figure of one's own."""
    at = here()
    inputs = _inputs(at.context.evidence())
    filled = read_form(request.form, inputs)
    if not filled.sound:
        return _page(said=filled), 400
    about = filled.values["about"]
    try:
        own_declaration.contest_own(
            at.context,
            at.signed_in,
            request.form.get("device", ""),
            None if about == _ALL else Quantity(about),
            filled.values["said"],
        )
    except EvidenceRefusedError as refused:
        return _page(said=filled.with_fault("said", at_page(refused.problem))), 409
    notify("contest_recorded")
    return redirect(url_for("own_declaration.show"), 303)


def _page(*, signing: Filled = EMPTY, said: Filled = EMPTY) -> str:
    at = here()
    rules = at.context.evidence()
    own = own_declaration.read_own(at.context, rules, at.signed_in)
    if own is None:
        abort(404)
    text = own_declaration.text_to_sign(at.context, rules)
    return fill(
        "own_declaration.html",
        phrase("My declaration"),
        own=[(each, [beside(one, rules.declarations.threshold) for one in each.evidence]) for each in own],
        fair_use=FAIR_USE,
        text=None if text is None else lay_out_text(_words(text)),
        version="" if text is None else text.version.version,
        threshold=percent(rules.declarations.threshold),
        inputs=_inputs(rules),
        signing=signing,
        said=said,
        days=rules.worker_first_days,
        today=at.context.today(),
    )


def _inputs(rules: EvidenceRules) -> tuple[Input, ...]:
    quantities = sorted(rules.declarations.quantities)
    return (
        Input(
            "about",
            phrase("What it is about"),
            InputKind.CHOICE,
            choices=(
                Choice(_ALL, phrase("Everything about this phone")),
                *(Choice(each.value, _ABOUT[each]) for each in quantities),
            ),
        ),
        Input(
            "said",
            phrase("What you want to say"),
            InputKind.AREA,
            longest=2_000,
            hint=phrase("The privacy officer can read it. Leave out clients' names and numbers."),
        ),
    )


def _language() -> str:
    return here().words.language


def _words(text: SignedText) -> str:
    return text.texts.get(_language()) or next(iter(text.texts.values()))
