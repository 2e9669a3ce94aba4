"""Every key figure of every report where nothing happened: a name may say no more than what was counted.

An installation with workers, phones and books, in which no book was read, no phone told anything, nothing was
signed and nobody talked. Whoever adds a figure adds its zero here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from server.core.model import Role
from server.core.text import Share
from server.render.words import Words
from server.work.reports.catalogue import REPORTS
from tests.work import desk
from tests.work.reports.test_counted import TODAY, shipped_controls
from tests.work.world import World

DAY = "4 Mar 2025"
NOT_READ = "0 of 8 address books were read recently enough."
NO_FETCH = "0 of 8 phones synchronised after a removal."
NO_ACCOUNT = "Managed accounts seen on 0 of 8 phones."
REGISTER = "From the register of declarations, over all phones in use"
CONFIGURATION = "From the configuration as it stood when this was made."
GATE = "Without DPIA and consent nobody's contacts or usage are read."
SUMMARY = {
    "removed": ("Removed from the address book, and verified", "0", NOT_READ),
    "synced": ("Copies on phones that are known to have synchronised", "0 of 0", NO_FETCH),
    "reviews": (f"Waiting for a person to decide, on {DAY}", "0", NOT_READ),
    "under_way": (f"Removals under way, on {DAY}", "0", NOT_READ),
    "stuck": (f"Removals that are stuck, on {DAY}", "0", NOT_READ),
    "open_questions": (f"Findings that are open, on {DAY}", "0", NO_ACCOUNT),
    "stay": (f"May stay, needed or not a client's, rounded down to tens, on {DAY}", "0", NOT_READ),
}
UNSEEN = (
    "Seen on no phone: managed account, address book of the phone itself, personal cloud, SIM card, call list and SMS, "
    "WhatsApp, and calendar."
)
PAPERS = {
    "valid": ("Phones with a valid declaration", "0 of 8", REGISTER),
    "loans": ("Phones with a loan agreement", "0 of 8", REGISTER),
    "talked": ("Phones with a recorded yearly talk that is not overdue", "0 of 8", REGISTER),
}
SCOPE = {
    "workers": ("Workers that are known", "8", CONFIGURATION),
    "devices": ("Phones that are known", "8", CONFIGURATION),
    "places": ("Address books that are known", "8", CONFIGURATION),
    "gates": (f"DPIA and consent in force, on {DAY}", "0", GATE),
}
ZEROS: dict[str, dict[str, tuple[str, str, str]]] = {
    "removals": {
        **{key: said for key, said in SUMMARY.items() if key not in ("open_questions", "stay")},
        "questions": (f"Findings that are open, on {DAY}", "0", f"{NO_ACCOUNT} {UNSEEN}"),
        "stay": SUMMARY["stay"],
    },
    "channels": {},
    "declarations": PAPERS,
    "quarterly": {**SUMMARY, **PAPERS},
    "council": {"removed": SUMMARY["removed"], **PAPERS},
    "management": SUMMARY,
    "sample": {
        "drawn": ("Removals in the sample", "0 of 0", "Drawn from all removals that were verified in this period."),
    },
    "coverage": {
        "books": ("Address books read recently enough", "0 of 8", "Counted over all known address books."),
        "accounts": (
            "Phones of which the managed account was seen",
            "0 of 8",
            "Of other spots on these phones, see the table.",
        ),
        "unsynced": ("Copies on phones that were not seen to synchronise the removal", "0 of 0", NOT_READ),
    },
    "times": {
        "in_time": ("Removal verified within the waiting period and one day", "0 of 0", NOT_READ),
        "undated": ("Removed because of a closure without a date to count from", "0", NOT_READ),
    },
    "policies": {
        "versions": (
            "Versions of the policy under which removals were planned",
            "0",
            "Counted over the orders that were planned in this period.",
        ),
        "gates": SCOPE["gates"],
    },
    "deviations": {
        "recorded": (
            "Deviations recorded in this period",
            "0",
            "From the register of deviations, which holds what was recorded.",
        ),
        "standing": (
            "Deviations standing at its end, or now",
            "0",
            "From the register of deviations, which holds what was recorded.",
        ),
    },
    "article30": SCOPE,
    "dpia": SCOPE,
}


def test_every_report_is_in_the_table() -> None:
    assert ZEROS.keys() == REPORTS.keys()


@pytest.mark.parametrize("key", REPORTS)
def test_where_nothing_happened_every_figure_is_nought_and_says_of_what(
    make_world: Callable[..., World], key: str
) -> None:
    world = make_world(workers=8)  # figures about fewer people than the shipped rules name are withheld
    world.context = replace(world.context, evidence=desk.rules, catalogue=desk.catalogue, controls=shipped_controls)
    words = Words("en")
    made = REPORTS[key].make(world.context, Role.PRIVACY_OFFICER, TODAY.replace(day=1), TODAY)

    told = {
        each.key: (words.say(each.label), words.write(each.value), words.say(each.coverage)) for each in made.figures
    }
    assert told == ZEROS[key]
    assert all(not isinstance(each.value, Share) or each.value.part == 0 for each in made.figures)
