"""How notifications of cases stand, in words, for pages and the command; no act and no request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mdm_adapters.port import Fault
from server.core.problems import SubscriptionProblem
from server.core.register.watching import WatchLack
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.refusals import at_command
from server.render.words import FAULTS

LACKS: Mapping[WatchLack, Text] = {
    WatchLack.NOT_MADE: phrase(
        "Nothing is subscribed to, so closures wait for the next poll. Run: closeout cases subscribe CONNECTION"
    ),
    WatchLack.NO_ADDRESS: at_command(SubscriptionProblem.NO_ADDRESS),
    WatchLack.NOT_THERE: phrase(
        "The service knows this subscription no more, or sends it elsewhere. Run: closeout cases subscribe CONNECTION"
    ),
    WatchLack.NOT_ANSWERED: phrase("The Notificaties API could not be asked for the subscription."),
    WatchLack.NOT_READ_BACK: phrase("Cases that notifications told of could not be read. They are asked for again."),
    WatchLack.STOPPED: phrase(
        "Far more cases would close than usual, so some were not closed. Look into the case system. If it is right: "
        "closeout cases poll CONNECTION --confirm"
    ),
    WatchLack.NOT_POLLED: phrase(
        "No poll for two days: nobody knows whether notifications were lost. Let a timer run: closeout cases poll "
        "CONNECTION"
    ),
}
"""What keeps notifications from being relied on, and what to do."""

NOT_SUBSCRIBED = phrase("The service made no subscription.")
SEE_SERVICE = phrase(
    "See that it reaches this site at its https address, that its channel is called zaken and that the application may "
    "subscribe (notificaties.consumeren)."
)


def lack_text(lack: WatchLack, fault: Fault | None) -> Text:
    """The same, with why where that is known."""
    if fault is None:
        return LACKS[lack]
    return phrase("{what} {why}", what=LACKS[lack], why=FAULTS[fault].what)


def watch_section(
    begun_at: datetime | None, heard_at: datetime | None, polled_at: datetime | None, missed: int, waiting: int
) -> Section:
    """How a subscription stands; begun_at None: there is none."""
    rows = (
        (phrase("Subscribed since"), begun_at, None),
        (phrase("Last notification"), heard_at, None),
        (phrase("Cases waiting to be read"), None, waiting),
        (phrase("Last poll of all cases"), polled_at, None),
        (phrase("Changes that no notification told of, found by a poll"), None, missed),
    )
    return Section(
        "case_watch",
        phrase("Notifications of cases"),
        columns=(
            Column("what", phrase("What")),
            Column("at", phrase("When"), Kind.INSTANT, phrase("never")),
            Column("count", phrase("How many"), Kind.COUNT, phrase("none")),
        ),
        rows=rows if begun_at is not None else (),
        empty=phrase("Nothing is subscribed to."),
    )
