"""The promises of `usage.channel_catalogue`: DOMAIN 14.3 cell by cell, and all that is wrong told at once."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources

import pytest

from server.core.policy.document import PolicyFault
from server.core.usage.channel_catalogue import (
    APPROVED,
    Catalogue,
    Condition,
    Platform,
    Rating,
    Security,
    Status,
    check_catalogue,
)
from server.core.usage.model import Counterparty
from server.render.words import Words

TEXT = (resources.files("agent_policies") / "channels" / "veilig-thuis.yaml").read_text("utf-8")
TODAY = date(2026, 6, 15)
COLUMNS = (Counterparty.COLLEAGUE, Counterparty.CLIENT, Counterparty.PROFESSIONAL, Counterparty.FORMER_CLIENT)

SECURE, CONSUMER = Security.SECURE, Security.CONSUMER
PREFERRED = (SECURE, Status.APPROVED_PREFERRED)
NO_REASON = (SECURE, Status.NO_FUNCTIONAL_REASON)
NOT_LISTED = (SECURE, Status.NOT_LISTED)
TOLERATED = (CONSUMER, Status.TOLERATED)
ONLY_CONSUMER = (CONSUMER, Status.CONSUMER)
NOT_SENSITIVE = (CONSUMER, Status.NOT_FOR_SENSITIVE_DATA)
UNRATED = (Security.UNRATED, Status.UNRATED)
DASH = "the table says nothing"

MATRIX = {
    "phone": (PREFERRED, PREFERRED, PREFERRED, NO_REASON),
    "teams": ((SECURE, Status.APPROVED), NOT_LISTED, NOT_LISTED, DASH),
    "zorgmessenger": (
        (SECURE, Status.NOT_STATED_PURPOSE),
        (SECURE, Status.APPROVED),
        (SECURE, Status.APPROVED),
        NO_REASON,
    ),
    "whatsapp": (TOLERATED, TOLERATED, TOLERATED, (CONSUMER, Status.NO_FUNCTIONAL_REASON)),
    "signal-app": (ONLY_CONSUMER,) * 4,
    "zoom": (ONLY_CONSUMER,) * 4,
    "facetime": (ONLY_CONSUMER,) * 4,
    "google-duo": (ONLY_CONSUMER,) * 4,
    "wetransfer": (NOT_SENSITIVE, NOT_SENSITIVE, NOT_SENSITIVE, DASH),
    "sms": (UNRATED,) * 4,
    "website-chat": (UNRATED,) * 4,
    "email": (UNRATED,) * 4,
}
CELLS = [
    pytest.param(channel, counterparty, expected, id=f"{channel} with {counterparty}")
    for channel, row in MATRIX.items()
    for counterparty, expected in zip(COLUMNS, row, strict=True)
]


def catalogue(text: str = TEXT) -> Catalogue:
    checked = check_catalogue(text, "veilig-thuis.yaml")
    assert checked.faults == ()
    assert checked.catalogue is not None
    return checked.catalogue


SHIPPED = catalogue()


@pytest.mark.parametrize(("channel", "counterparty", "expected"), CELLS)
def test_the_matrix_of_14_3(channel: str, counterparty: Counterparty, expected: tuple[Security, Status] | str) -> None:
    found = SHIPPED.rate(channel, counterparty, TODAY)
    if expected == DASH:
        assert not any(counterparty in rule.with_ for rule in SHIPPED.channels[channel].rules)
        assert found.status is Status.NOT_LISTED
    else:
        assert (found.security, found.status) == expected


@pytest.mark.parametrize(
    ("counterparty", "before", "after"),
    [
        (Counterparty.COLLEAGUE, Status.APPROVED, Status.NOT_LISTED),
        (Counterparty.CLIENT, Status.NOT_LISTED, Status.NOT_LISTED),
        (Counterparty.PROFESSIONAL, Status.NOT_LISTED, Status.NOT_LISTED),
        (Counterparty.FORMER_CLIENT, Status.NOT_LISTED, Status.NOT_LISTED),
    ],
)
def test_skype_for_business_is_history_after_july_2021(
    counterparty: Counterparty, before: Status, after: Status
) -> None:
    last, next_day = date(2021, 7, 31), date(2021, 8, 1)
    found = [SHIPPED.rate("skype-for-business", counterparty, day) for day in (last, next_day)]
    assert [each.status for each in found] == [before, after]
    if before is Status.APPROVED:
        assert found[0].conditions == (Condition.WITHIN_ORGANISATION,)


def test_the_matrix_names_every_channel_of_the_table() -> None:
    beyond_the_table = {"skype-for-business", "whatsapp-business"}  # the first above, the second below
    assert set(SHIPPED.channels) == set(MATRIX) | beyond_the_table


def test_whatsapp_is_tolerated_under_conditions_and_whatsapp_business_is_another_app() -> None:
    with_client = SHIPPED.rate("whatsapp", Counterparty.CLIENT, TODAY)
    assert with_client == Rating(
        CONSUMER,
        Status.TOLERATED,
        (
            Condition.NO_SENSITIVE_DATA,
            Condition.CASE_NUMBER_NO_NAMES,
            Condition.CLIENT_INFORMED,
            Condition.RECORDED_IN_FILE,
        ),
        ("N10", "N11", "N12", "N14", "N15", "N19"),
    )
    assert SHIPPED.rate("whatsapp", Counterparty.COLLEAGUE, TODAY).conditions == (
        Condition.NO_SENSITIVE_DATA,
        Condition.CASE_NUMBER_NO_NAMES,
    )
    assert SHIPPED.rate("whatsapp-business", Counterparty.CLIENT, TODAY).status is Status.CONSUMER
    assert SHIPPED.watched == {"whatsapp", "whatsapp-business"}


def test_approved_depends_on_the_channel_and_the_counterparty() -> None:
    approved = {
        (key, counterparty)
        for key in SHIPPED.channels
        for counterparty in Counterparty
        if SHIPPED.rate(key, counterparty, TODAY).approved
    }
    assert approved == {
        ("phone", Counterparty.COLLEAGUE),
        ("phone", Counterparty.CLIENT),
        ("phone", Counterparty.PROFESSIONAL),
        ("teams", Counterparty.COLLEAGUE),
        ("zorgmessenger", Counterparty.CLIENT),
        ("zorgmessenger", Counterparty.PROFESSIONAL),
    }


def test_what_is_not_in_the_open_list_is_unrated_and_nothing_is_approved_with_somebody_unknown() -> None:
    assert SHIPPED.rate("a-new-app", Counterparty.CLIENT, TODAY) == Rating(Security.UNRATED, Status.UNRATED)
    assert SHIPPED.rate(None, Counterparty.CLIENT, TODAY) == Rating(Security.UNRATED, Status.UNRATED)
    assert SHIPPED.rate("phone", Counterparty.UNKNOWN, TODAY) == Rating(SECURE, Status.UNRATED)


@pytest.mark.parametrize(
    ("platform", "app_id", "channel"),
    [
        (Platform.ANDROID, "com.whatsapp", "whatsapp"),
        (Platform.ANDROID, "com.whatsapp.w4b", "whatsapp-business"),
        (Platform.IOS, "net.whatsapp.WhatsApp", "whatsapp"),
        (Platform.IOS, "NET.WHATSAPP.whatsapp", "whatsapp"),
        (Platform.IOS, "net.whatsapp.WhatsAppSMB", "whatsapp-business"),
        (Platform.IOS, "com.whatsapp", None),
        (Platform.ANDROID, "org.example.game", None),
    ],
)
def test_an_app_is_known_by_its_id_on_its_platform(platform: Platform, app_id: str, channel: str | None) -> None:
    assert SHIPPED.channel_of_app(platform, app_id) == channel


@pytest.mark.parametrize(
    ("word", "channel"),
    [
        ("Telefonisch", "phone"),
        ("WhatsApp", "whatsapp"),
        ("whats-app", "whatsapp"),
        ("KPN ZorgMessenger", "zorgmessenger"),
        ("Signal", "signal-app"),
        ("E-mail", "email"),
        ("post", None),
        ("", None),
    ],
)
def test_a_feed_may_call_a_channel_by_its_own_word(word: str, channel: str | None) -> None:
    assert SHIPPED.channel_named(word) == channel


def test_every_norm_it_refers_to_is_one_on_channels() -> None:
    refs = set(re.findall(r"\bN\d+\b", TEXT))
    assert refs <= {f"N{number}" for number in range(9, 22)} | {"N26"}
    with_refs = [channel.key for channel in SHIPPED.channels.values() if channel.security is not Security.UNRATED]
    assert all(SHIPPED.channels[key].refs for key in with_refs)


def test_a_rule_holds_in_its_period_only() -> None:
    text = TEXT.replace(
        "        status: tolerated\n        conditions: [no_sensitive_data, case_number_no_names]\n",
        "        status: tolerated\n        valid_to: 2026-06-30\n",
    )
    found = [
        catalogue(text).rate("whatsapp", Counterparty.COLLEAGUE, day).status
        for day in (date(2026, 6, 30), date(2026, 7, 1))
    ]
    assert found == [Status.TOLERATED, Status.NOT_LISTED]
    assert catalogue(text).rate("whatsapp", Counterparty.CLIENT, date(2026, 7, 1)).status is Status.TOLERATED


# --- what is wrong --------------------------------------------------------------------------------------------------

BROKEN = """\
catalogue:
  name: Not A Slug
  version: "1"
  dated: 2026-02-30
  review_on: 2027-03-01
  watched: []
channels:
  - key: phone
    title: {nl: Telefoon}
    app_ids: {android: [], ios: []}
    security: safe
    end_to_end: null
    colour: red
    refs: [norm nine]
    rules:
      - with: [friend]
        status: allowed
"""

CROSSED = """\
catalogue:
  name: crossed
  version: "1"
  dated: 2026-03-01
  review_on: 2027-03-01
  watched: [telex]
channels:
  - key: phone
    title: {nl: Telefoon, en: Telephone}
    names: [call]
    app_ids: {android: [org.example.call], ios: []}
    security: consumer
    end_to_end: null
    valid_from: 2026-03-01
    valid_to: 2026-02-01
    rules:
      - with: [client, client]
        status: approved
      - with: [client]
        status: tolerated
      - with: [unknown]
        status: tolerated
      - with: [colleague]
        status: no_functional_reason
  - key: phone
    title: {nl: Beltoestel, en: CALL!}
    app_ids: {android: [ORG.example.call], ios: []}
    security: secure
    end_to_end: null
    rules: []
  - key: chat
    title: {nl: Bellen, en: Call}
    app_ids: {android: [ORG.example.call], ios: []}
    security: secure
    end_to_end: null
    rules:
      - with: [client]
        status: approved
        valid_to: 2026-06-30
      - with: [client]
        status: tolerated
        valid_from: 2026-07-01
"""


def told(text: str) -> list[tuple[int | None, str]]:
    checked = check_catalogue(text, "own.yaml")
    assert checked.catalogue is None
    assert all(isinstance(fault, PolicyFault) and fault.file == "own.yaml" for fault in checked.faults)
    return [(fault.line, fault.where) for fault in checked.faults]


def test_all_that_is_wrong_is_told_at_once_with_its_line() -> None:
    assert told(BROKEN) == [
        (2, "catalogue.name"),
        (4, "catalogue.dated"),
        (6, "catalogue.watched"),
        (9, "channels.1.title.en"),
        (11, "channels.1.security"),
        (13, "channels.1.colour"),
        (14, "channels.1.refs.1"),
        (16, "channels.1.rules.1.with.1"),
        (17, "channels.1.rules.1.status"),
    ]


def test_what_no_single_key_can_know_of_is_told_too() -> None:
    assert told(CROSSED) == [
        (6, "catalogue.watched.1"),
        (15, "channels.1.valid_to"),
        (17, "channels.1.rules.1.with"),
        (18, "channels.1.rules.1.status"),
        (19, "channels.1.rules.2"),
        (21, "channels.1.rules.3.with"),
        (24, "channels.1.rules.4.status"),
        (25, "channels.2.key"),
        (32, "channels.3.title"),
        (33, "channels.3.app_ids.android.1"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "")]),
        ("channels:\n  - key: [phone\n", [(2, "")]),
        (TEXT.replace("  version:", '  version: "2"\n  version:'), [(16, "catalogue.version")]),
        ("a" * 300_000, [(None, "")]),
    ],
    ids=["empty", "not yaml", "a key twice", "too large"],
)
def test_a_text_that_is_no_catalogue_is_told_so(text: str, expected: list[tuple[int | None, str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize("language", ["nl", "en"])
def test_faults_are_said_in_both_languages(language: str) -> None:
    words = Words(language)
    for text in (BROKEN, CROSSED):
        said = [
            words.say(part) for fault in check_catalogue(text, "own.yaml").faults for part in (fault.problem, fault.fix)
        ]
        assert all(sentence.endswith((".", "?")) and "{" not in sentence for sentence in said), said


def test_statuses_that_are_approved_are_the_two_that_say_so() -> None:
    assert {status for status in Status if status in APPROVED} == {Status.APPROVED, Status.APPROVED_PREFERRED}
