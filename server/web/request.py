"""What one request knows of itself: who asks, in which role and language, and how a template is filled; no route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import current_app, g, render_template, session

from server.core.model import Role
from server.core.reports.document import REPORT_ONLY
from server.core.tables import Kind
from server.core.text import Text, phrase
from server.render import page_names
from server.render.words import Words
from server.store.admin import organisation
from server.store.admin.accounts import TokenRow
from server.web.config import Site
from server.web.navigation import MenuEntry
from server.work.admin.access import Person
from server.work.context import Context

MENU = "closeout.menu"
"""Where the application keeps the menus."""


@dataclass(slots=True)
class Here:
    """One request. person None: a stranger. token: the session's, as the browser sent it. program: whose token a
    program showed.
    """

    site: Site
    context: Context
    words: Words
    person: Person | None
    token: str
    program: TokenRow | None = None
    _organisation: organisation.Installation | None = field(default=None, repr=False)

    @property
    def signed_in(self) -> Person:
        """Who asks; only behind the guard."""
        if self.person is None:
            raise RuntimeError("this page is not behind the guard")
        return self.person

    @property
    def role(self) -> Role:
        """The role of who asks."""
        return self.signed_in.role

    @property
    def organisation(self) -> organisation.Installation:
        """Whose installation this is."""
        if self._organisation is None:
            with self.context.store.read() as connection:
                self._organisation = organisation.read_installation(connection)
        return self._organisation


def here() -> Here:
    """This request."""
    found: Here = g.here
    return found


def menu(role: Role) -> Sequence[MenuEntry]:
    """The menu of a role."""
    found: Mapping[Role, Sequence[MenuEntry]] = current_app.extensions[MENU]
    return found.get(role, ())


def fill(template: str, title: Text, **values: Any) -> str:
    """A page in the reader's language. title: its heading and the window's."""
    at = here()
    return render_template(
        template,
        title=title,
        here=at,
        menu=() if at.person is None else menu(at.person.role),
        words=at.words,
        say=at.words.say,
        write=at.words.write,
        ADVICE=Kind.ADVICE,
        notices=[_notice(kind, at.words) for kind in session.pop("notices", [])],
        _=_translate(at.words),
        names=page_names,
        report_only=REPORT_ONLY,
        **values,
    )


def notify(key: str, **params: str | int) -> None:
    """Say something on the next page this person sees. key: of `NOTICES`."""
    session["notices"] = [*session.get("notices", []), [key, params]]


NOTICES: Mapping[str, Text] = {
    "signed_out": phrase("You are signed out."),
    "token_ended": phrase("The token is ended."),
    "ended": phrase("You were signed out because nothing happened for a while. Sign in to go on."),
    "tries_failed": phrase(
        "{count} try to sign in as you went wrong since the last time. If that was not you, tell your administrator.",
        many="{count} tries to sign in as you went wrong since the last time. If that was not you, tell your "
        "administrator.",
        count=0,
    ),
    "factors_chosen": phrase("Password and codes are yours alone from now on."),
    "role_taken": phrase("You are now working in another role."),
    "review_answered": phrase("It is recorded. The contact is decided again at the next round."),
    "findings_closed": phrase(
        "The finding is closed, with your conclusion.",
        many="{count} findings are closed, with your conclusion.",
        count=0,
    ),
    "findings_given": phrase("{count} finding is assigned.", many="{count} findings are assigned.", count=0),
    "findings_divided": phrase("{count} finding is divided.", many="{count} findings are divided.", count=0),
    "findings_left": phrase(
        "{count} stays as it was: it is about the one who would get it.",
        many="{count} stay as they were: they are about the one who would get them.",
        count=0,
    ),
    "findings_put_off": phrase("{count} finding is set aside.", many="{count} findings are set aside.", count=0),
    "nobody_chosen": phrase("Nobody was chosen, so nothing was divided."),
    "release_asked": phrase("You asked for approval of this plan. A second person has to approve."),
    "release_granted": phrase("The plan is approved. The background worker carries it out."),
    "release_refused": phrase("The plan is not approved. Approval can be asked for again."),
    "release_withdrawn": phrase("Your request is withdrawn."),
    "connection_put": phrase("The connection is saved."),
    "connection_removed": phrase("The connection is deleted."),
    "cases_subscribed": phrase("The service tells of changes of cases from now on."),
    "cases_unsubscribed": phrase("The subscription was ended."),
    "gate_recorded": phrase("DPIA and consent are recorded."),
    "policy_asked": phrase("The policy is proposed. A second person has to put it in force."),
    "policy_known": phrase("This very version is proposed already: here it is."),
    "policy_granted": phrase("The policy is in force."),
    "policy_refused": phrase("The policy is not put in force."),
    "policy_withdrawn": phrase("Your proposal is withdrawn."),
    "report_asked": phrase("The report is being made, or made already."),
    "deputy_named": phrase("They stand in for you."),
    "deputy_ended": phrase("Nobody stands in by that any more."),
    "plan_changed": phrase("The plan is changed. Its contacts are decided again at the next round."),
    "plan_change_withdrawn": phrase("The change is no longer in force. Contacts are decided again at the next round."),
    "closures_confirmed": phrase(
        "Recorded for {count} case. Its contacts go after the waiting period, unless something else lets them stay.",
        many="Recorded for {count} cases. Their contacts go after the waiting period, unless something else "
        "lets them stay.",
        count=0,
    ),
    "closures_not_yet": phrase(
        "Recorded for {count} case: not yet. Nothing is removed.",
        many="Recorded for {count} cases: not yet. Nothing is removed.",
        count=0,
    ),
    "closure_withdrawn": phrase("Confirmation withdrawn. No contacts had been removed because of it."),
    "closure_corrected": phrase(
        "The confirmation is no longer in force. {count} contact had been removed by then and stays "
        "removed. Whoever needs it again takes it from the case file.",
        many="The confirmation is no longer in force. {count} contacts had been removed by then and stay "
        "removed. Whoever needs them again takes them from the case file.",
        count=0,
    ),
    "closure_leaving": phrase(
        "A server was being asked to remove {count} contact at that very moment. That cannot be undone.",
        many="A server was being asked to remove {count} contacts at that very moment. That cannot be undone.",
        count=0,
    ),
    "deviation_recorded": phrase("The deviation is recorded."),
    "looked_over": phrase("All declarations were checked; see {page} for what is missing.", page=page_names.FINDINGS),
    "check_recorded": phrase("The review is recorded."),
    "signature_recorded": phrase("The signature is recorded."),
    "countersigned": phrase("It is recorded that the employer signed."),
    "declaration_ended": phrase("The declaration is ended."),
    "conversation_recorded": phrase("The conversation is recorded."),
    "contest_answered": phrase("It is recorded that it was answered."),
    "contest_recorded": phrase(
        "What you wrote is recorded. The figure is marked, and the privacy officer will answer."
    ),
    "repush_released": phrase("Approved: the phones are asked as soon as the background worker runs."),
    "repush_refused": phrase("Refused: nothing is asked of these phones."),
    "view_asked": phrase("Asked. A second person has to approve within three days."),
    "view_granted": phrase("Approved. You two can look for a day."),
    "view_refused": phrase("Not approved."),
    "hold_set": phrase("It is in force: from now on nothing that it covers is removed."),
    "hold_set_late": phrase(
        "It is in force, and came too late for some: {left} may still be on their way, {accepted} had been accepted by "
        "a store, of {unknown} it is not known.",
        left=0,
        accepted=0,
        unknown=0,
    ),
    "hold_may_end": phrase("Recorded. It holds until a second person says so within three days."),
    "hold_ended": phrase("It has ended. What it covered is decided again."),
    "hold_reviewed": phrase("Recorded. It stays, and you are reminded on that day."),
    "mandate_recorded": phrase("Recorded. The second person has to put it in force within three days."),
    "mandate_in_force": phrase("The inquiry is in force. You two can ask under it."),
    "mandate_refused": phrase("The inquiry is not put in force."),
    "mandate_withdrawn": phrase("The inquiry is withdrawn."),
    "mandate_ended": phrase("The inquiry is ended. Nothing is asked or answered under it any more."),
    "ledger_asked": phrase("Asked. The other of you two has to approve within three days."),
    "view_withdrawn": phrase("Your request is withdrawn."),
    "paused": phrase("Paused: no removal begins there."),
    "pause_longer": phrase("The pause lasts longer."),
    "resumed": phrase("Resumed. The background worker carries out what waited."),
    "asked_back": phrase(
        "Asked. What your open cases need, and closeout took away itself, comes back within a few minutes under case "
        "number and person code. What does not come back, for whatever reason, stands in the case file."
    ),
    "stated": phrase("Recorded, as what you state. Thank you."),
    "stated_nothing": phrase("Nothing was recorded: these cases are asked about no more."),
    "answered": phrase("Recorded. What you said is done at the next round."),
    "answered_nothing": phrase("Nothing was chosen, so nothing was recorded."),
    "kept": phrase("Recorded. The contact stays until the day you named."),
}
"""What a page can say about what was just done. The cookie carries the key, not the sentence."""


def _notice(kept: list[Any], words: Words) -> str:
    key, params = kept
    text = NOTICES.get(key)
    return "" if text is None else words.say(replace(text, params=tuple(sorted(params.items()))))


def _translate(words: Words) -> Callable[..., str]:
    def _(message: str, **params: Any) -> str:
        return words.say(phrase(message, **params))

    return _
