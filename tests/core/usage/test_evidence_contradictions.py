"""C2 and C3 of the field are found in rules about evidence and channels that have them, with a case, and only there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from server.core.usage.channel_catalogue import check_catalogue
from server.core.usage.declaration_text import check_text
from server.core.usage.evidence_contradictions import evidence_contradictions
from server.core.usage.evidence_rules import check_evidence
from server.render.words import Words

TODAY = date(2026, 6, 1)
SHIPPED = Path(__file__).parents[3] / "agent_policies"
EVIDENCE = (SHIPPED / "evidence" / "veilig-thuis.yaml").read_text("utf-8")
CHANNELS = (SHIPPED / "channels" / "veilig-thuis.yaml").read_text("utf-8")
TEXTS = [path.read_text("utf-8") for path in sorted((SHIPPED / "declarations").glob("*/*.md"))]
WHATSAPP = "{low: 0.0, high: 0.5}"


def found(
    evidence: str = EVIDENCE, channels: str = CHANNELS, texts: list[str] = TEXTS
) -> list[tuple[str, str, list[str]]]:
    signed = [text for each in texts if (text := check_text(each, "text.md").text) is not None]
    rules, catalogue = check_evidence(evidence, "e.yaml", signed).rules, check_catalogue(channels, "c.yaml").catalogue
    assert rules is not None
    assert catalogue is not None
    words = Words("en")
    told = evidence_contradictions(rules, catalogue, TODAY)
    return [(each.name, each.where, [words.say(part) for part in each.shown_by]) for each in told]


def with_it(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_the_shipped_rules_have_none() -> None:
    assert found() == []


WRITTEN_INTO = [
    (
        "more is asked than was signed",
        with_it(EVIDENCE, "threshold: 0.90", "threshold: 0.95"),
        CHANNELS,
        (
            "C2",
            "declarations.threshold",
            [
                "90.0% of the calls are business",
                "by what was signed: Exactly on the line",
                "by this rule: Not above the declared share: a reason to talk",
            ],
        ),
    ),
    (
        "less is asked than was signed",
        with_it(EVIDENCE, "threshold: 0.90", "threshold: 0.899"),
        CHANNELS,
        (
            "C2",
            "declarations.threshold",
            [
                "89.9% of the calls are business",
                "by what was signed: Not above the declared share: a reason to talk",
                "by this rule: Exactly on the line",
            ],
        ),
    ),
    (
        "a single private call is not fair use",
        with_it(EVIDENCE, "{calls: 30,", "{calls: 9,"),
        CHANNELS,
        (
            "C2",
            "declarations.min_volume.calls",
            [
                "Calls: 9 in all, one of them private",
                "by this rule: Not above the declared share: a reason to talk",
            ],
        ),
    ),
    (
        "tolerated, and to be nothing",
        with_it(EVIDENCE, WHATSAPP, "{low: 0.0, high: 0.0}"),
        CHANNELS,
        ("C3", "channels.corridors.client", ["WhatsApp with Clients"]),
    ),
    (
        "tolerated with colleagues from next month on, and to be nothing",
        with_it(EVIDENCE, WHATSAPP, "{low: 0.0, high: 0.5}\n    colleague: {low: 0.0, high: 0.0}"),
        with_it(
            CHANNELS,
            "      - with: [colleague]\n        status: tolerated\n",
            "      - with: [colleague]\n        status: tolerated\n        valid_from: 2026-07-01\n",
        ),
        ("C3", "channels.corridors.colleague", ["WhatsApp with Colleagues"]),
    ),
]


@pytest.mark.parametrize(
    ("evidence", "channels", "told"), [row[1:] for row in WRITTEN_INTO], ids=[row[0] for row in WRITTEN_INTO]
)
def test_a_contradiction_is_found_where_it_is_written_into_the_rules(
    evidence: str, channels: str, told: tuple[str, str, list[str]]
) -> None:
    assert found(evidence, channels) == [told]


def test_what_is_tolerated_and_looked_at_by_no_report_is_found_with_everybody_it_is_tolerated_with() -> None:
    channels = with_it(CHANNELS, "watched: [whatsapp, whatsapp-business]", "watched: [whatsapp-business]")
    assert found(channels=channels) == [
        ("C3", "catalogue.watched", [f"WhatsApp with {each}"]) for each in ("Colleagues", "Clients", "Professionals")
    ]


def test_a_share_that_is_asked_for_of_what_nobody_tolerates_is_found() -> None:
    evidence = with_it(EVIDENCE, WHATSAPP, "{low: 0.1, high: 0.5}")
    channels = with_it(
        CHANNELS,
        "      - with: [client, professional]\n        status: tolerated\n",
        "      - with: [client, professional]\n        status: consumer\n",
    )
    assert found(evidence, channels) == [
        ("C3", "channels.corridors.client", [f"{each} with Clients"]) for each in ("WhatsApp", "WhatsApp Business")
    ]


def test_what_a_text_names_is_what_was_signed() -> None:
    texts = [each.replace("90%", "95%") for each in TEXTS]
    assert [each[:2] for each in found(texts=texts)] == [("C2", "declarations.threshold")]
    assert found(with_it(EVIDENCE, "threshold: 0.90", "threshold: 0.95"), texts=texts) == []


def test_ten_calls_with_a_private_one_are_exactly_on_the_line_and_no_finding() -> None:
    assert found(with_it(EVIDENCE, "{calls: 30,", "{calls: 10,")) == []
