"""What a worker is asked once a case is finally closed: numbers saved where nobody can look, and how to take them out.

No text here asks for messages, conversations or lists of calls to be deleted: of a case that nobody here may know of
they have to stay (decision 0004), so of every case they are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import StatedAnswer, StatedPlace
from server.core.text import Text, phrase
from server.render.words import STATED_ANSWERS, STATED_PLACES
from server.web.request import fill, here, notify
from server.work.removal import attestations


@dataclass(frozen=True, slots=True)
class HowTo:
    """How to take a saved number out of one place. android None: it is the same there. note: what is left alone."""

    iphone: Text
    android: Text | None = None
    note: Text | None = None


HOW_TO: Mapping[StatedPlace, HowTo] = {
    StatedPlace.PHONE_BOOK: HowTo(
        phrase(
            "Open Contacts and choose Lists, at the top left. Look in every list but that of your work account, such "
            "as On My iPhone. Open the contact, choose Edit, and Delete Contact at the bottom."
        ),
        phrase(
            "Open Contacts and choose the account at the top; on a Samsung phone: the menu, then which contacts are "
            "shown. Choose the phone itself. Open the contact, then the menu, and delete the contact."
        ),
    ),
    StatedPlace.SIM: HowTo(
        phrase(
            "An iPhone saves no numbers on the SIM card and does not show what is on it. Was the card in another phone "
            "before, and can you not look? Then choose that it cannot be done."
        ),
        phrase(
            "Open Contacts and choose SIM as the account at the top, or in the menu. No such choice? Then nothing is "
            "saved there. Else open the contact, then the menu, and delete the contact."
        ),
    ),
    StatedPlace.CALL_LIST: HowTo(
        phrase("Open Phone, then Favourites, and Edit. Take out the name."),
        phrase("Open Phone, then Favourites. Hold the name and take it out of the favourites, and out of speed dial."),
        phrase("Only the names that you saved. Leave the list of calls itself as it is."),
    ),
    StatedPlace.WHATSAPP: HowTo(
        phrase(
            "Open WhatsApp and begin a new chat, so that you see your contacts. Open the contact, choose the name at "
            "the top, then Edit, and Delete Contact at the bottom."
        ),
        phrase(
            "Open WhatsApp and begin a new chat, so that you see your contacts. Open the contact, choose the name at "
            "the top, then the three dots, and the contact in the address book or Edit. Delete the contact there."
        ),
        phrase("Only the saved contact. The conversation stays, with the number above it: leave it as it is."),
    ),
    StatedPlace.PERSONAL_CLOUD: HowTo(
        phrase(
            "Open Contacts and choose Lists. Look in the lists of accounts of your own, such as iCloud or Gmail, and "
            "delete the contact there. Other devices with that account follow."
        ),
        phrase(
            "Open Contacts and choose your own account at the top, such as that of Google or Samsung, and delete the "
            "contact there. Other devices with that account follow."
        ),
    ),
    StatedPlace.PAPER: HowTo(
        phrase(
            "A notebook, a diary, a note at your desk or in your bag. What belongs in the case file goes there; a "
            "loose number goes into the container for confidential paper."
        ),
    ),
}
"""For each place, in the words of the phones' own menus of 2026."""
_PLACE = "p-"


def show() -> ResponseReturnValue:
    """The questions, and what was answered."""
    return _page()


def stated() -> ResponseReturnValue:
    """Keep what is stated; what is left open stays a question."""
    at = here()
    answers = {
        StatedPlace(name.removeprefix(_PLACE)): StatedAnswer(value)
        for name, value in request.form.items()
        if name.startswith(_PLACE) and name.removeprefix(_PLACE) in set(StatedPlace) and value in set(StatedAnswer)
    }
    chosen = frozenset(request.form.getlist("case"))
    if not answers or not chosen:
        why = phrase("Choose at least one case, and an answer for at least one place.")
        return _page(why=why, chosen=chosen, answers=answers), 400
    kept = attestations.state(at.context, at.signed_in, chosen, answers)
    notify("stated" if kept else "stated_nothing")
    return redirect(url_for("phone.show"), 303)


def _page(
    *,
    why: Text | None = None,
    chosen: frozenset[str] | None = None,
    answers: Mapping[StatedPlace, StatedAnswer] | None = None,
) -> str:
    at = here()
    own = attestations.read_own(at.context, at.signed_in)
    if own is None:
        abort(404)
    picked = chosen if chosen is not None else frozenset(each.id for each in own.asked if not each.again)
    return fill(
        "saved_numbers.html",
        phrase("Numbers saved elsewhere"),
        own=own,
        why=why,
        places=_places(own.places),
        choices=tuple(STATED_ANSWERS.items()),
        picked=picked,
        given=answers or {},
    )


def _places(places: Sequence[StatedPlace]) -> Sequence[tuple[StatedPlace, Text, HowTo]]:
    return [(place, STATED_PLACES[place], HOW_TO[place]) for place in places]
