"""What asking a Zaken API which cases run came to, as answers."""

from __future__ import annotations

from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.words import FAULTS
from server.work.register.zaken import CasesPolled, ZaakOutcome


def no_zaken() -> Answer:
    """A name under which no Zaken API is connected."""
    return Answer(
        ok=False,
        title=phrase("No Zaken API is connected under that name, or its secret cannot be read."),
        what_next=(
            phrase(
                "Make a connection of the kind zgw-klantcontact whose address ends with /zaken/api/v1; see how with: "
                "closeout connection kinds"
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
    return Answer(ok=True, title=phrase("The register says which of these cases run."), lines=lines, key="polled")
