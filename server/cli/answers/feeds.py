"""What pulls of feeds, and lists beside usage, came to, as answers."""

from __future__ import annotations

from dataclasses import replace

from server.cli.answers import usage as tell_usage
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.words import FAULTS
from server.work.usage.feeds import UsageOutcome
from server.work.usage.pulls import PullTaken


def no_feed() -> Answer:
    """A name under which no feed is connected."""
    return Answer(
        ok=False,
        title=phrase("No usage service is connected under that name, or its token cannot be read."),
        what_next=(phrase("Make the connection; see how with: closeout connection kinds"),),
        key="no_feed",
    )


def pulled(came: PullTaken) -> Answer:
    """After `usage pull`."""
    if came.taken is None or came.pulled is None:
        return Answer(
            ok=False,
            title=phrase("The service did not send it. Nothing was changed."),
            lines=() if came.fault is None else (FAULTS[came.fault].what,),
            what_next=(phrase("Check address, token and rights with who runs the service, and ask again."),),
            key="pull_failed",
        )
    told = tell_usage.taken_in(came.taken, destroyed=False)
    lines: list[Text] = list(told.lines)
    if came.pulled.first <= came.pulled.last:
        lines.append(
            phrase(
                "The service has data about the days {first} to {last}.", first=came.pulled.first, last=came.pulled.last
            )
        )
    else:
        lines.append(phrase("The service has no data about these days yet."))
    if came.behind:
        lines.append(
            phrase(
                "It is {count} day behind: what was used since is not known yet.",
                many="It is {count} days behind: what was used since is not known yet.",
                count=came.behind,
            )
        )
    if came.pulled.passed:
        lines.append(phrase("Left out, as nobody was reached, or nobody called: {count}.", count=came.pulled.passed))
    if came.pulled.caseless:
        lines.append(phrase("Of a case whose number could not be read: {count}.", count=came.pulled.caseless))
    if came.pulled.concealed:
        lines.append(
            phrase("The service conceals whose accounts these are. They stay concealed, and are not attributable.")
        )
    titles = {
        UsageOutcome.KNOWN: phrase("The service reports what it reported before. Nothing was changed."),
        UsageOutcome.FAULTY: phrase(
            "Nothing was imported: {count} fault in what the service sent.",
            many="Nothing was imported: {count} faults in what the service sent.",
            count=came.taken.fault_count,
        ),
    }
    return replace(
        told,
        title=titles.get(came.taken.outcome, told.title),
        lines=tuple(lines),
        what_next=(phrase("Change the words of the mapping, or import the valid records with --partial."),)
        if came.taken.outcome is UsageOutcome.FAULTY
        else (),
    )
