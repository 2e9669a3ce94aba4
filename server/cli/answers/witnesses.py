"""The witnesses of our log beside an answer: who cosigned up to where, and what is wrong."""

from __future__ import annotations

from dataclasses import replace

from server.core.text import phrase
from server.render.admin import witnesses
from server.render.answers import Answer
from server.work.admin import log_witnesses
from server.work.context import Context


def beside(answer: Answer, context: Context) -> Answer:
    """The answer of `log verify`, with the witnesses if there are any; one that saw another history is a fault."""
    found = log_witnesses.standings(context)
    if not found:
        return answer
    section = witnesses.section((each.name, each.cosigned, each.at, each.fault) for each in found)
    upto = log_witnesses.read_cosigned(context).upto
    line = (
        phrase("Not enough witnesses have cosigned a checkpoint.")
        if upto is None
        else phrase("Enough witnesses have cosigned the log up to entry {entry}.", entry=upto)
    )
    told = replace(answer, lines=(*answer.lines, line), sections=(*answer.sections, section))
    if answer.ok and any(each.stops for each in found):
        title = phrase("A witness saw another history of this log: an older copy was put back, or it was changed.")
        return replace(told, ok=False, title=title, key="witnessed_otherwise")
    return told
