"""What asking a Zaken API which cases run came to, and how notifications of it stand, as answers."""

from __future__ import annotations

from mdm_adapters.port import Fault
from server.core.register.watching import WatchLack
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.register.case_subscriptions import NOT_SUBSCRIBED, SEE_SERVICE, lack_text, watch_section
from server.render.words import FAULTS
from server.work.register.case_subscriptions import WatchState
from server.work.register.zaken import CasesPolled, NotificationGap, ZaakOutcome


def no_zaken() -> Answer:
    """A name under which no Zaken API is connected."""
    return Answer(
        ok=False,
        title=phrase(
            "No Zaken API is connected under that name, its secret cannot be read, or its case system is not said."
        ),
        what_next=(
            phrase(
                "Make a connection of the kind zgw-klantcontact whose address ends with /zaken/api/v1, with its option "
                "case_system; see how with: closeout connection kinds"
            ),
        ),
        key="no_zaken",
    )


def polled(came: CasesPolled) -> Answer:
    """After `cases poll`."""
    told = came.outcomes
    lines: tuple[Text, ...] = (
        phrase("Cases there: {listed}. Known here: {known}.", listed=came.listed, known=came.known),
        phrase(
            "Newly closed: {closed}. Reopened: {reopened}.",
            closed=told[ZaakOutcome.CLOSED],
            reopened=told[ZaakOutcome.REOPENED],
        ),
    )
    if told[ZaakOutcome.GONE]:
        lines += (
            phrase(
                "{count} case is not there any more: its contacts stay, and a person is asked about them.",
                many="{count} cases are not there any more: their contacts stay, and a person is asked about them.",
                count=told[ZaakOutcome.GONE],
            ),
        )
    if came.gap is not None:
        lines += (_gap(came.gap),)
    if told[ZaakOutcome.UNCLEAR]:
        lines += (
            phrase(
                "End date and status of {count} case contradict each other, or its number is there twice: it stays "
                "as it was.",
                many="End date and status of {count} cases contradict each other, or their numbers are there twice: "
                "they stay as they were.",
                count=told[ZaakOutcome.UNCLEAR],
            ),
        )
    if came.fault is not None:
        return Answer(
            ok=False,
            title=phrase("The service did not answer to the end. What it told until then was taken in."),
            lines=(FAULTS[came.fault].what, *lines),
            what_next=(phrase("Check address, token and rights with who runs the service, and ask again."),),
            key="poll_failed",
        )
    if told[ZaakOutcome.STOPPED]:
        return Answer(
            ok=False,
            title=phrase(
                "{count} case was not closed: far more would close than usual.",
                many="{count} cases were not closed: far more would close than usual.",
                count=told[ZaakOutcome.STOPPED],
            ),
            lines=lines,
            what_next=(phrase("Look into the case system. If it is right, ask again with: --confirm"),),
            key="poll_stopped",
        )
    if told[ZaakOutcome.MISSING]:
        return Answer(
            ok=False,
            title=phrase(
                "{count} case that was there is not shown any more. Nothing was changed about it.",
                many="{count} cases that were there are not shown any more. Nothing was changed about them.",
                count=told[ZaakOutcome.MISSING],
            ),
            lines=lines,
            what_next=(
                phrase(
                    "See whether the application may still read all kinds of cases. If they were deleted, ask again "
                    "with: --confirm"
                ),
            ),
            key="poll_missing",
        )
    return Answer(ok=True, title=phrase("The register says which of these cases run."), lines=lines, key="polled")


def _gap(gap: NotificationGap) -> Text:
    """How much notifications had not told of."""
    if gap.heard_at is None:
        return phrase("No notification has come yet. Changes that none told of: {count}.", count=gap.missed)
    return phrase(
        "Changes that no notification told of: {count}. The last one came on {moment}.",
        count=gap.missed,
        moment=gap.heard_at,
    )


def subscribed(connection: str) -> Answer:
    """After `cases subscribe`."""
    return Answer(
        ok=True,
        title=phrase("The service tells of changes of cases from now on."),
        what_next=(
            phrase("Let a timer run once a day, for what was lost: closeout cases poll {name}", name=connection),
        ),
        key="subscribed",
    )


def not_subscribed(fault: Fault) -> Answer:
    """Where the service did not do it."""
    return Answer(
        ok=False,
        title=NOT_SUBSCRIBED,
        lines=(FAULTS[fault].what,),
        what_next=(SEE_SERVICE,),
        key="not_subscribed_there",
    )


def unsubscribed(fault: Fault | None) -> Answer:
    """After `cases subscribe --end`."""
    told = (
        phrase("The service could not be told: {why} What it sends is refused all the same.", why=FAULTS[fault].what)
        if fault is not None
        else phrase("Closures wait for the next poll from now on.")
    )
    return Answer(ok=True, title=phrase("The subscription was ended."), lines=(told,), key="unsubscribed")


def watched(state: WatchState, lack: tuple[WatchLack, Fault | None] | None) -> Answer:
    """For `cases subscribe --show`."""
    section = watch_section(state.begun_at, state.heard_at, state.polled_at, state.missed, state.waiting)
    return Answer(
        ok=lack is None,
        title=phrase("Notifications can be relied on.") if lack is None else lack_text(*lack),
        sections=(section,),
        key="watched" if lack is None else lack[0].value,
    )
