"""What a phone's answer opens, answers and proves; what it did not say does neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mdm_adapters.phones import Aspect
from server.core.model import FindingKind
from server.core.phones.posture import AccountNews, Pull, account_news, findings_of

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
UNPROTECTED, WITHOUT = FindingKind.PHONE_UNPROTECTED, FindingKind.PHONE_WITHOUT_ACCOUNT
PROTECTION, READS, OPEN_IN, ACCOUNT = (
    Aspect.PROTECTION,
    Aspect.READS_BLOCKED,
    Aspect.OPEN_IN_BLOCKED,
    Aspect.CONTACT_ACCOUNT,
)


@pytest.mark.parametrize(
    ("told", "taken_off", "found"),
    [
        ({}, False, {}),
        ({PROTECTION: True}, False, {UNPROTECTED: False}),
        ({PROTECTION: True, READS: False}, False, {UNPROTECTED: True}),
        ({PROTECTION: None, READS: False}, False, {UNPROTECTED: True}),
        ({PROTECTION: True, OPEN_IN: None}, False, {}),
        ({PROTECTION: None}, False, {}),
        ({ACCOUNT: True}, False, {WITHOUT: False}),
        ({ACCOUNT: False}, False, {WITHOUT: True}),
        ({ACCOUNT: None}, False, {}),
        ({ACCOUNT: False}, True, {}),
        ({ACCOUNT: True}, True, {WITHOUT: False}),
        ({READS: True, ACCOUNT: False}, False, {UNPROTECTED: False, WITHOUT: True}),
    ],
)
def test_what_is_lacking_opens_a_finding_and_what_is_there_again_answers_it(
    told: dict[Aspect, bool | None], taken_off: bool, found: dict[FindingKind, bool]
) -> None:
    assert findings_of({aspect: (holds, NOW) for aspect, holds in told.items()}, taken_off=taken_off) == found


ASKED = Pull(NOW, confirmed=False, gone=False)


@pytest.mark.parametrize(
    ("account", "when", "pull", "had_account", "news"),
    [
        (None, LATER, ASKED, True, AccountNews.NOTHING),
        (False, LATER, None, True, AccountNews.NOTHING),
        (False, NOW - timedelta(seconds=1), ASKED, True, AccountNews.NOTHING),
        (True, LATER, ASKED, True, AccountNews.NOTHING),
        (False, NOW, ASKED, True, AccountNews.GONE_PROVEN),
        (False, LATER, ASKED, False, AccountNews.GONE),
        (False, LATER, Pull(NOW, confirmed=True, gone=False), False, AccountNews.GONE_PROVEN),
        (False, LATER, Pull(NOW, confirmed=True, gone=True), True, AccountNews.NOTHING),
        (True, LATER, Pull(NOW, confirmed=True, gone=True), False, AccountNews.BACK),
    ],
)
def test_only_an_account_that_was_there_and_is_told_gone_after_the_asking_proves_something(
    account: bool | None, when: datetime, pull: Pull | None, had_account: bool, news: AccountNews
) -> None:
    assert account_news(account, when, pull, had_account=had_account) is news
