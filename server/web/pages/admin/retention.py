"""What closeout itself keeps: for how long, who says so, what is over, what is kept for good; nothing is done here."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from server.core.reports.retention import kept, standing
from server.core.text import phrase
from server.render import page_names
from server.web.request import fill, here
from server.work.admin import retention


def show() -> ResponseReturnValue:
    """The page."""
    at = here()
    lines = retention.plan(at.context, at.role, counted=False)
    return fill(
        "retention.html",
        page_names.RETENTION,
        lead=phrase(
            "Each period is the organisation's own choice and stands in the policy. Once a day the background "
            "worker removes what is over from the ordinary records; the first time, and after a shorter period, a"
            " person lets it go with closeout retention run."
        ),
        standing=standing(lines),
        kept=kept(at.context.policy),
    )
