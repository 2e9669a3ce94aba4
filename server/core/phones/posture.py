"""What a phone's posture means: which findings it opens and answers, and whether an account taken off is gone.

Pure: from what the phone told, now and before, to what changes; the store writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mdm_adapters.phones import Aspect
from server.core.model import FindingKind
from server.core.phones.exposure import Facts

_GUARDS = (Aspect.PROTECTION, Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED)


def findings_of(facts: Facts, *, taken_off: bool) -> Mapping[FindingKind, bool]:
    """Of each kind of finding about a phone, whether it is to be opened (True) or answers itself (False).

    facts: the latest of each aspect. taken_off: we took its account off and it is not back, so that its lack is ours.
    What the phone did not tell opens and answers nothing.
    """
    guards = [facts[aspect][0] for aspect in _GUARDS if aspect in facts]
    account = facts[Aspect.CONTACT_ACCOUNT][0] if Aspect.CONTACT_ACCOUNT in facts else None
    well = {
        FindingKind.PHONE_UNPROTECTED: False if False in guards else True if guards and all(guards) else None,
        FindingKind.PHONE_WITHOUT_ACCOUNT: None if taken_off and account is False else account,
    }
    return {kind: not holds for kind, holds in well.items() if holds is not None}


@dataclass(frozen=True, slots=True)
class Pull:
    """The newest asking of a phone to give its account up, of a repush that is not over.

    asked_at: when its manager was asked. confirmed: the phone says that it took it off. gone: it was told to be gone.
    """

    asked_at: datetime
    confirmed: bool
    gone: bool


class AccountNews(StrEnum):
    """What a phone's answer says of an account that was taken off."""

    NOTHING = "nothing"
    GONE = "gone"
    """It is not there, but nobody knows that it ever was: it is put on again, and proves nothing."""
    GONE_PROVEN = "gone_proven"
    """It was there and is gone with all that was in it."""
    BACK = "back"


def account_news(account: bool | None, when: datetime, pull: Pull | None, *, had_account: bool) -> AccountNews:
    """Of an answer that the phone gave at `when`. account: whether it has the account; None: it did not say.

    had_account: what it said before. An answer from before the asking says nothing of it.
    """
    if account is None or pull is None or when < pull.asked_at:
        return AccountNews.NOTHING
    if account:
        return AccountNews.BACK if pull.gone else AccountNews.NOTHING
    if pull.gone:
        return AccountNews.NOTHING
    return AccountNews.GONE_PROVEN if had_account or pull.confirmed else AccountNews.GONE
