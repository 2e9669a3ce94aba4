"""The promises of `usage.channels`: nothing unlike is added, coverage stands beside, and reasons are facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.text import Period, Share
from server.core.usage import channels
from server.core.usage.channel_catalogue import Catalogue, Grade, Platform, check_catalogue
from server.core.usage.channels import (
    WITHOUT_KNOWN_REASON,
    ChannelFigure,
    ChannelPresence,
    ChannelRules,
    ChannelTotal,
    ContactFact,
    Corridor,
    Ground,
    Involvement,
    Legitimacy,
    Looked,
    PhoneApps,
    Position,
    Reach,
    Reads,
    Trend,
    compare_channels,
    count_presence,
    ground_of,
    keep_channels,
    look,
    place,
    possible_grades,
    tally,
    trend,
)
from server.core.usage.intervals import Interval, Sampling, bound, bound_sampled
from server.core.usage.model import (
    AccountUsage,
    ClientContact,
    Confidence,
    Counterparty,
    DeviceUsage,
    Direction,
    Quantity,
    Span,
    UsageRow,
    Use,
)


def shipped() -> Catalogue:
    text = (resources.files("agent_policies") / "channels" / "veilig-thuis.yaml").read_text("utf-8")
    catalogue = check_catalogue(text, "veilig-thuis.yaml").catalogue
    assert catalogue is not None
    return catalogue


CATALOGUE = shipped()
RULES = ChannelRules(
    version="test-1",
    corridors={Counterparty.CLIENT: Corridor(Decimal("0.1"), Decimal("0.4"))},
    min_change=Decimal("0.02"),
    max_coverage_change=Decimal("0.10"),
    sampling=Sampling(Decimal("1.96"), Decimal(1)),
    consent="works-council-01",
    grace_days=3,
    reopening_days=14,
)
Q1 = Period(date(2026, 1, 1), date(2026, 3, 31))
Q2 = Period(date(2026, 4, 1), date(2026, 6, 30))
JANUARY, APRIL = date(2026, 1, 1), date(2026, 4, 1)


def total(
    channel: str | None, amount: int, counterparty: Counterparty = Counterparty.CLIENT, **more: object
) -> ChannelTotal:
    return ChannelTotal(
        **{  # type: ignore[arg-type]
            "day": JANUARY,
            "team": 1,
            "channel": channel,
            "counterparty": counterparty,
            "direction": Direction.OUT,
            "quantity": Quantity.CONTACTS,
            "confidence": Confidence.RECORDED,
            "amount": amount,
        }
        | more
    )


def figures(*totals: ChannelTotal, by_team: bool = True, reaches: tuple[Reach, ...] = ()) -> tuple[ChannelFigure, ...]:
    return compare_channels(totals, [Q1, Q2], reaches, CATALOGUE, RULES, by_team=by_team)


def interval(low: str, high: str) -> Interval:
    return Interval(Decimal(low), Decimal(high))


# --- figures --------------------------------------------------------------------------------------------------------


def test_a_figure_sets_watched_beside_approved_and_keeps_the_rest_apart() -> None:
    found = figures(
        total("whatsapp", 30),
        total("whatsapp", 5, direction=Direction.IN),
        total("whatsapp-business", 5),
        total("phone", 40),
        total("zorgmessenger", 10),
        total("teams", 7),  # safe, and not listed for clients
        total("zoom", 2),
        total("an-app-not-in-the-list", 1),
        total(None, 10),
        total("phone", 4, Counterparty.UNKNOWN),
        reaches=(Reach(Q1, 1, Quantity.CONTACTS, Confidence.RECORDED, Share(9, 12)),),
    )
    assert found == (
        ChannelFigure(
            period=Q1,
            team=1,
            counterparty=Counterparty.CLIENT,
            quantity=Quantity.CONTACTS,
            confidence=Confidence.RECORDED,
            watched=40,
            approved=50,
            tolerated=35,
            consumer=7,
            unrated=18,
            unattributed=10,
            unplaced=4,
            watched_by=((Grade.TOLERATED, 35), (Grade.CONSUMER, 5)),
            by_direction=((Direction.IN, 5), (Direction.OUT, 35)),
            share=bound(40, 10, 110),
            coverage=Share(9, 12),
        ),
        ChannelFigure(
            period=Q1,
            team=1,
            counterparty=Counterparty.UNKNOWN,
            quantity=Quantity.CONTACTS,
            confidence=Confidence.RECORDED,
            watched=0,
            approved=0,
            tolerated=0,
            consumer=0,
            unrated=4,
            unattributed=0,
            unplaced=0,
            watched_by=(),
            by_direction=(),
            share=None,
            coverage=Share(9, 12),
        ),
    )


def test_the_same_channel_is_approved_with_one_and_not_with_another() -> None:
    found = figures(total("teams", 10, Counterparty.COLLEAGUE), total("teams", 10))
    assert [(each.counterparty, each.approved, each.unrated) for each in found] == [
        (Counterparty.COLLEAGUE, 10, 0),
        (Counterparty.CLIENT, 0, 10),
    ]


@pytest.mark.parametrize(
    ("spoken", "watched", "whole", "graded"),
    [
        # (by channel, with a former client): 8 of 408 are 2%, though calling one is nowhere approved.
        ({"whatsapp": 8, "phone": 400}, 8, 408, {"approved": 400, "consumer": 8}),
        ({"whatsapp": 50, "signal-app": 50}, 50, 100, {"consumer": 100}),
        ({"whatsapp": 5, "sms": 5, "an-app-not-in-the-list": 10}, 5, 20, {"consumer": 5, "unrated": 15}),
        ({"phone": 3}, 0, 3, {"approved": 3}),
        ({"teams": 3, "whatsapp": 1}, 1, 4, {"unrated": 3, "consumer": 1}),
    ],
)
def test_the_share_is_of_all_contact_and_whether_there_was_a_reason_changes_no_grade(
    spoken: Mapping[str, int], watched: int, whole: int, graded: Mapping[str, int]
) -> None:
    (found,) = figures(*(total(channel, n, Counterparty.FORMER_CLIENT) for channel, n in spoken.items()))
    assert found.share == bound(watched, 0, whole)
    assert {grade.value: getattr(found, grade.value) for grade in Grade if getattr(found, grade.value)} == graded
    assert [found.reason(each) for each in Legitimacy] == [0, whole, 0]


# An oracle that knows nothing of the code: DOMAIN 14.3 written out by hand, a row for each contact.
_C, _L, _P, _F, _U = "colleague", "client", "professional", "former_client", "unknown"
_MATRIX = {
    **{("phone", who): "approved" for who in (_C, _L, _P, _F)},
    ("teams", _C): "approved",
    **{("zorgmessenger", who): "approved" for who in (_L, _P, _F)},
    **{("whatsapp", who): "tolerated" for who in (_C, _L, _P)},
    **{("whatsapp", who): "consumer" for who in (_F, _U)},
    **{("zoom", who): "consumer" for who in (_C, _L, _P, _F, _U)},
}
_REASON = {_C: "with", _L: "with", _P: "with", _F: "without", _U: "unknown"}


@given(st.lists(st.tuples(st.sampled_from([None, "whatsapp", "phone", "teams", "zorgmessenger", "zoom", "sms", "else"]),
                          st.sampled_from(Counterparty), st.integers(0, 9)), max_size=30))  # fmt: skip
def test_figures_are_what_a_careful_person_counts(events: list[tuple[str | None, Counterparty, int]]) -> None:
    counted: dict[str, dict[str, int]] = {}
    for channel, who, amount in events:
        row = counted.setdefault(who.value, dict.fromkeys(("approved", "tolerated", "consumer", "unrated"), 0))
        row[_MATRIX.get((channel or "", who.value), "unrated")] += amount
        for name, holds in (("watched", channel == "whatsapp"), ("unattributed", channel is None)):
            row[name] = row.get(name, 0) + (amount if holds else 0)
    for found in figures(*(total(channel, amount, who) for channel, who, amount in events)):
        expected = counted[found.counterparty.value]
        whole = sum(expected[grade] for grade in ("approved", "tolerated", "consumer", "unrated"))
        assert {name: getattr(found, name) for name in expected} == expected
        assert {each.value: found.reason(each) for each in Legitimacy if found.reason(each)} == (
            {_REASON[found.counterparty.value]: whole} if whole else {}
        )
        if whole and found.counterparty is not Counterparty.UNKNOWN:
            low, high = expected["watched"], expected["watched"] + expected["unattributed"]
            assert found.share is not None
            assert found.share.low == pytest.approx(Decimal(low) / whole)
            assert found.share.high == pytest.approx(Decimal(high) / whole)
        else:
            assert found.share is None


@pytest.mark.parametrize("counterparty", Counterparty)
def test_every_grade_a_channel_has_is_possible_and_others_are_none(counterparty: Counterparty) -> None:
    watched, others = possible_grades(CATALOGUE, counterparty, JANUARY)
    for key in (*CATALOGUE.channels, "not-in-the-list"):
        grade = CATALOGUE.rate(key, counterparty, JANUARY).grade
        assert grade in (watched if key in CATALOGUE.watched else others)
    assert watched == {
        Counterparty.FORMER_CLIENT: {Grade.CONSUMER},
        Counterparty.UNKNOWN: {Grade.CONSUMER},
    }.get(counterparty, {Grade.TOLERATED, Grade.CONSUMER})


def test_a_channel_is_rated_as_on_its_day() -> None:
    years = [Period(date(2021, 1, 1), date(2021, 12, 31))]
    then, later = date(2021, 7, 1), date(2021, 8, 1)
    totals = [total("skype-for-business", 10, Counterparty.COLLEAGUE, day=day) for day in (then, later)]
    (found,) = compare_channels(totals, years, [], CATALOGUE, RULES, by_team=True)
    assert (found.approved, found.unrated) == (10, 10)


def test_measured_recorded_and_each_quantity_are_figures_of_their_own() -> None:
    found = figures(
        total("whatsapp", 10),
        total("phone", 10),
        total("phone", 90, quantity=Quantity.CALLS, confidence=Confidence.MEASURED),
        total("whatsapp", 900, quantity=Quantity.SCREEN_MINUTES, confidence=Confidence.SELF_REPORTED),
    )
    assert [(each.quantity, each.confidence, each.watched, each.approved) for each in found] == [
        (Quantity.CALLS, Confidence.MEASURED, 0, 90),
        (Quantity.CONTACTS, Confidence.RECORDED, 10, 10),
        (Quantity.SCREEN_MINUTES, Confidence.SELF_REPORTED, 900, 0),
    ]


def test_samples_are_weighed_by_their_looks_and_widened() -> None:
    sampled = {"quantity": Quantity.SCREEN_MINUTES, "confidence": Confidence.SAMPLED}
    (found,) = figures(total("whatsapp", 3_000, samples=10, **sampled), total("phone", 9_000, samples=30, **sampled))
    assert (found.watched, found.approved) == (3_000, 9_000)
    assert found.share == bound_sampled(10, 0, 40, RULES.sampling)


def test_teams_add_up_to_the_organisation_and_no_team_is_not_a_team() -> None:
    totals = [total("whatsapp", 1), total("whatsapp", 2, team=2), total("whatsapp", 4, team=None)]
    assert [(each.team, each.watched) for each in figures(*totals)] == [(1, 1), (2, 2), (None, 4)]
    assert [(each.team, each.watched) for each in figures(*totals, by_team=False)] == [(None, 7)]


def test_each_period_has_its_figure_and_days_outside_have_none() -> None:
    found = figures(total("whatsapp", 1), total("whatsapp", 2, day=APRIL), total("whatsapp", 4, day=date(2025, 12, 31)))
    assert [(each.period, each.watched) for each in found] == [(Q1, 1), (Q2, 2)]


def test_two_reaches_for_one_figure_are_refused() -> None:
    reach = Reach(Q1, 1, Quantity.CONTACTS, Confidence.RECORDED, Share(9, 12))
    with pytest.raises(ValueError, match="two reaches"):
        figures(total("phone", 1), reaches=(reach, replace(reach, covered=Share(8, 12))))


def test_there_is_no_figure_for_a_person() -> None:
    names = {field.name for kind in (ChannelFigure, ChannelPresence, ChannelTotal) for field in fields(kind)}
    assert names.isdisjoint({"worker", "device", "account", "person"})


# --- from rows ------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2026, 1, 1), date(2026, 6, 30))
COUNTERPARTIES = st.sampled_from(Counterparty)
CHANNELS = st.sampled_from([None, "whatsapp", "phone", "teams", "zorgmessenger", "zoom", "not-listed"])


@st.composite
def rows(draw: st.DrawFn) -> UsageRow:
    kind = draw(st.sampled_from([DeviceUsage, AccountUsage]))
    use = draw(st.sampled_from(Use))
    confidence = draw(st.sampled_from([Confidence.MEASURED, Confidence.RECORDED]))
    head = (draw(st.integers(1, 4)), draw(DAYS), Quantity.CALLS, draw(st.integers(0, 50)), use, confidence)
    if use is Use.PRIVATE:
        return kind(*head)
    return kind(*head, draw(CHANNELS), draw(COUNTERPARTIES), draw(st.sampled_from(Direction)))


def team_of(row: UsageRow) -> int | None:
    return {1: 1, 2: 1, 3: 2}.get(row.device if isinstance(row, DeviceUsage) else row.account)


@given(st.lists(rows(), max_size=40), st.randoms())
def test_the_order_of_rows_never_matters(usage: list[UsageRow], random: Random) -> None:
    shuffled = list(usage)
    random.shuffle(shuffled)
    assert tally(shuffled, team_of) == tally(usage, team_of)
    mixed = list(tally(usage, team_of))
    random.shuffle(mixed)
    assert figures(*mixed) == figures(*tally(usage, team_of))


@given(st.lists(rows(), max_size=40))
def test_nothing_is_lost_and_private_use_is_left_out(usage: list[UsageRow]) -> None:
    expected = sum(row.amount for row in usage if row.use is not Use.PRIVATE)
    sums = tally(usage, team_of)
    assert sum(each.amount for each in sums) == expected
    assert len({replace(each, amount=0) for each in sums}) == len(sums)
    found = figures(*sums)
    assert sum(each.all for each in found) == expected
    for each in found:
        assert each.all == sum(each.reason(legitimacy) for legitimacy in Legitimacy)
        assert max(each.watched, each.unattributed) <= each.all
        assert each.watched == sum(amount for _, amount in each.watched_by)
    assert sum(count for each in found for _, count in each.by_direction) == sum(each.watched for each in found)


@given(st.lists(rows(), max_size=40), st.integers(0, 50))
def test_use_without_a_channel_never_narrows_a_share(usage: list[UsageRow], more: int) -> None:
    unknown = AccountUsage(
        1, JANUARY, Quantity.CALLS, more, Use.UNCLASSIFIED, Confidence.MEASURED, None, Counterparty.CLIENT
    )
    before = {
        (each.period, each.team, each.counterparty, each.confidence): each.share
        for each in figures(*tally(usage, team_of))
    }
    after = {
        (each.period, each.team, each.counterparty, each.confidence): each.share
        for each in figures(*tally([*usage, unknown], team_of))
    }
    for key, share in before.items():
        if share is not None:
            wider = after[key]
            assert wider is not None
            assert wider.contains(share)


# --- trend and target -----------------------------------------------------------------------------------------------


FULL = Share(10, 10)


def figure(share: Interval | None, coverage: Share | None = FULL, **more: object) -> ChannelFigure:
    (plain,) = figures(total("whatsapp", 1))
    return replace(plain, share=share, coverage=coverage, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (interval("0.30", "0.30"), interval("0.32", "0.32"), Trend.UP),
        (interval("0.30", "0.30"), interval("0.319", "0.319"), Trend.STEADY),
        (interval("0.30", "0.30"), interval("0.28", "0.28"), Trend.DOWN),
        (interval("0.30", "0.30"), interval("0.281", "0.281"), Trend.STEADY),
        (interval("0.30", "0.40"), interval("0.35", "0.45"), Trend.NOT_CLEAR),
        (interval("0.30", "0.40"), interval("0.42", "0.45"), Trend.UP),
        (interval("0.30", "0.30"), interval("0.31", "0.33"), Trend.NOT_CLEAR),
        (None, interval("0.31", "0.33"), Trend.NOT_COMPARABLE),
        (interval("0.31", "0.33"), None, Trend.NOT_COMPARABLE),
    ],
)
def test_a_trend_is_only_what_both_intervals_allow(
    earlier: Interval | None, later: Interval | None, expected: Trend
) -> None:
    assert trend(figure(earlier), figure(later, period=Q2), RULES) is expected


@pytest.mark.parametrize(
    ("earlier", "later", "comparable"),
    [
        (Share(8, 10), Share(9, 10), True),
        (Share(80, 100), Share(91, 100), False),
        (Share(9, 10), Share(8, 10), True),
        (None, Share(9, 10), False),
        (Share(9, 10), None, False),
        (Share(0, 0), Share(9, 10), False),
    ],
)
def test_figures_of_unlike_coverage_are_not_compared(
    earlier: Share | None, later: Share | None, comparable: bool
) -> None:
    up = trend(figure(interval("0.1", "0.1"), earlier), figure(interval("0.9", "0.9"), later), RULES)
    assert up is (Trend.UP if comparable else Trend.NOT_COMPARABLE)


def test_figures_of_different_things_have_no_trend() -> None:
    one = figure(interval("0.1", "0.1"))
    with pytest.raises(ValueError, match="different things"):
        trend(one, replace(one, counterparty=Counterparty.COLLEAGUE), RULES)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (interval("0.1", "0.4"), Position.WITHIN),
        (interval("0.05", "0.09"), Position.BELOW),
        (interval("0.41", "0.5"), Position.ABOVE),
        (interval("0.05", "0.2"), Position.NOT_CLEAR),
        (interval("0.3", "0.41"), Position.NOT_CLEAR),
        (interval("0.4", "0.5"), Position.NOT_CLEAR),
        (interval("0.05", "0.1"), Position.NOT_CLEAR),
        (interval("0", "1"), Position.NOT_CLEAR),
        (None, Position.NO_SHARE),
    ],
)
def test_a_target_is_a_corridor(share: Interval | None, expected: Position) -> None:
    assert place(figure(share), RULES) is expected


def test_a_counterparty_without_a_corridor_has_no_target() -> None:
    assert place(figure(interval("0.1", "0.1"), counterparty=Counterparty.COLLEAGUE), RULES) is Position.NO_TARGET


@pytest.mark.parametrize(("low", "high"), [("-0.1", "0.5"), ("0.6", "0.5"), ("0.5", "1.1")])
def test_a_corridor_that_is_no_share_is_refused(low: str, high: str) -> None:
    with pytest.raises(ValueError, match="between"):
        Corridor(Decimal(low), Decimal(high))


# --- presence -------------------------------------------------------------------------------------------------------


def test_apps_that_are_no_channel_go_no_further() -> None:
    apps = ["com.whatsapp", "org.example.game", "com.microsoft.teams"]
    assert keep_channels(Platform.ANDROID, apps, CATALOGUE) == {"whatsapp", "teams"}
    assert keep_channels(Platform.ANDROID, ["net.whatsapp.WhatsApp"], CATALOGUE) == {"whatsapp"}


def test_presence_is_counted_over_phones_with_an_inventory_and_is_not_use() -> None:
    whatsapp = frozenset({"whatsapp"})
    phones = [
        PhoneApps(1, 1, enrolled=True, channels=whatsapp, contacts_closed=True),
        PhoneApps(2, 1, enrolled=True, channels=whatsapp, contacts_closed=False),
        PhoneApps(3, 1, enrolled=True, channels=whatsapp),
        PhoneApps(4, 2, enrolled=True, channels=whatsapp, managed=whatsapp, contacts_closed=True),
        PhoneApps(5, 2, enrolled=True, channels=frozenset()),
        PhoneApps(6, 2, enrolled=True),
        PhoneApps(7, 2, enrolled=False),
    ]
    assert count_presence(phones, ["whatsapp", "teams"], {1, 5, 7}) == (
        ChannelPresence(
            channel="whatsapp",
            phones=7,
            enrolled=6,
            inventoried=5,
            present=4,
            managed=1,
            reads=((Reads.YES, 2), (Reads.NO, 1), (Reads.UNKNOWN, 1)),
            measured=1,
        ),
        ChannelPresence(
            channel="teams",
            phones=7,
            enrolled=6,
            inventoried=5,
            present=0,
            managed=0,
            reads=((Reads.YES, 0), (Reads.NO, 0), (Reads.UNKNOWN, 0)),
        ),
    )


def test_a_channel_the_inventory_does_not_speak_of_is_neither_there_nor_absent_on_that_phone() -> None:
    phones = [
        PhoneApps(1, 1, enrolled=True, channels=frozenset({"whatsapp"}), unknown=frozenset({"teams"})),
        PhoneApps(2, 1, enrolled=True, channels=frozenset()),
    ]
    whatsapp, teams = count_presence(phones, ["whatsapp", "teams"])
    assert (whatsapp.inventoried, whatsapp.present, teams.inventoried, teams.present) == (2, 1, 1, 0)


# --- the reason for a contact ---------------------------------------------------------------------------------------

CLOSED = date(2026, 3, 2)
WORKED = Involvement(
    worker=7,
    case=40,
    assigned=(Span(date(2026, 1, 5), CLOSED),),
    closed=(Span(CLOSED, date(2026, 8, 31)),),
)


def at(days: int) -> date:
    return CLOSED + timedelta(days=days)


@pytest.mark.parametrize(
    ("day", "involvement", "expected"),
    [
        pytest.param(at(-1), WORKED, Ground.ASSIGNED, id="while assigned"),
        pytest.param(at(0), WORKED, Ground.JUST_ENDED, id="on the day of closure"),
        pytest.param(at(3), WORKED, Ground.JUST_ENDED, id="the last day of grace"),
        pytest.param(at(4), WORKED, Ground.AFTER_CLOSURE, id="after closure"),
        pytest.param(at(1), replace(WORKED, assigned=()), Ground.AFTER_CLOSURE, id="no grace for who never was on it"),
        pytest.param(
            at(1),
            replace(WORKED, assigned=(Span(date(2026, 1, 5), date(2026, 1, 20)),)),
            Ground.AFTER_CLOSURE,
            id="a closure gives nobody days who left long before it",
        ),
        pytest.param(
            at(1),
            replace(WORKED, assigned=(Span(date(2026, 1, 5), at(-2)),)),
            Ground.JUST_ENDED,
            id="left shortly before the closure",
        ),
        pytest.param(
            at(1),
            replace(WORKED, assigned=(Span(date(2026, 1, 5)),)),
            Ground.JUST_ENDED,
            id="nobody wrote down that the assignment ended with the case",
        ),
        pytest.param(
            at(40), replace(WORKED, deviations=(Span(at(30), at(50)),)), Ground.DEVIATION, id="under a deviation"
        ),
        pytest.param(
            at(51), replace(WORKED, deviations=(Span(at(30), at(50)),)), Ground.AFTER_CLOSURE, id="it expired"
        ),
        pytest.param(date(2026, 9, 1), WORKED, Ground.NO_LONGER_ASSIGNED, id="reopened, and somebody else is on it"),
        pytest.param(
            date(2026, 9, 1),
            replace(WORKED, assigned=(*WORKED.assigned, Span(date(2026, 9, 1)))),
            Ground.ASSIGNED,
            id="reopened and assigned again",
        ),
        pytest.param(at(1), replace(WORKED, closed=()), Ground.JUST_ENDED, id="just handed over"),
        pytest.param(at(4), replace(WORKED, closed=()), Ground.NO_LONGER_ASSIGNED, id="handed over"),
        pytest.param(date(2026, 1, 4), replace(WORKED, closed=()), Ground.NEVER_ASSIGNED, id="before being assigned"),
        pytest.param(at(4), Involvement(7, 40), Ground.NEVER_ASSIGNED, id="never assigned"),
        pytest.param(
            at(4),
            Involvement(7, 40, assigned=(Span(at(-90)),), monitoring=(Span(at(0)),), windows=(Span(at(0), at(9)),)),
            Ground.MONITORING_WINDOW,
            id="in a monitoring window",
        ),
        pytest.param(
            at(10),
            Involvement(7, 40, assigned=(Span(at(-90)),), monitoring=(Span(at(0)),), windows=(Span(at(0), at(9)),)),
            Ground.MONITORING_OUTSIDE,
            id="in monitoring outside a window",
        ),
        pytest.param(at(4), replace(WORKED, certain=False), Ground.NOT_KNOWN, id="the register is stale"),
        pytest.param(at(4), None, Ground.NOT_KNOWN, id="the register is silent"),
    ],
)
def test_whether_the_job_gave_a_reason(day: date, involvement: Involvement | None, expected: Ground) -> None:
    assert ground_of(day, involvement, RULES) is expected


def test_every_ground_has_a_case() -> None:
    cases = test_whether_the_job_gave_a_reason.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {case.values[2] for case in cases} == set(Ground)


def contact(days: int, direction: Direction = Direction.OUT, **more: object) -> ClientContact:
    return ClientContact(
        **{  # type: ignore[arg-type]
            "worker": 7,
            "case": 40,
            "day": at(days),
            "direction": direction,
            "confidence": Confidence.MEASURED,
            "channel": "phone",
        }
        | more
    )


def test_contact_with_a_former_client_is_a_fact_with_counts_days_and_directions() -> None:
    involved = replace(WORKED, on_duty=frozenset({at(30)}))
    found = look(
        [
            contact(-10),
            contact(1),
            contact(10, Direction.IN),
            contact(30, count=2),
            contact(170, Direction.UNKNOWN, channel=None),
            contact(181, Direction.IN, channel="whatsapp"),
            contact(20, confidence=Confidence.RECORDED),
            contact(20, worker=8),
        ],
        [involved],
        RULES,
    )
    measured = ContactFact(
        worker=7,
        case=40,
        ground=Ground.AFTER_CLOSURE,
        confidence=Confidence.MEASURED,
        incoming=2,
        outgoing=2,
        direction_unknown=1,
        channels=(None, "phone", "whatsapp"),
        first=at(10),
        last=at(181),
        days_since=(10, 181),
        was_assigned=True,
        on_duty=2,
        before_reopening=2,
    )
    recorded = ContactFact(
        worker=7,
        case=40,
        ground=Ground.AFTER_CLOSURE,
        confidence=Confidence.RECORDED,
        incoming=0,
        outgoing=1,
        direction_unknown=0,
        channels=("phone",),
        first=at(20),
        last=at(20),
        days_since=(20, 20),
        was_assigned=True,
        on_duty=0,
        before_reopening=0,
    )
    assert found == Looked("works-council-01", (measured, recorded), with_reason=2, not_known=1)


def test_a_contact_shortly_before_a_reopening_may_be_why_the_case_was_reopened() -> None:
    # Reopened on 1 September, 183 days after the closure.
    (fact,) = look([contact(168), contact(169), contact(182)], [WORKED], RULES).facts
    assert fact.before_reopening == 2
    still_closed = replace(WORKED, closed=(Span(CLOSED),))
    (fact,) = look([contact(169)], [still_closed], RULES).facts
    assert fact.before_reopening == 0


def test_without_consent_nothing_is_looked_at() -> None:
    assert look([contact(40)], [WORKED], replace(RULES, consent=None)) == Looked(None)


def test_contacts_that_had_a_reason_are_no_facts() -> None:
    assert look([contact(-1), contact(2)], [WORKED], RULES) == Looked("works-council-01", (), with_reason=2)


def test_days_are_counted_from_the_end_of_an_assignment_while_the_case_is_open() -> None:
    (fact,) = look([contact(5), contact(9)], [replace(WORKED, closed=())], RULES).facts
    assert (fact.ground, fact.days_since) == (Ground.NO_LONGER_ASSIGNED, (5, 9))
    (fact,) = look([contact(5)], [Involvement(7, 40)], RULES).facts
    assert (fact.ground, fact.days_since, fact.was_assigned) == (Ground.NEVER_ASSIGNED, None, False)


def test_facts_are_in_the_order_of_cases_and_never_of_counts() -> None:
    involvements = [replace(WORKED, worker=worker, case=case) for worker in (1, 2) for case in (40, 41)]
    contacts = [contact(40, worker=2, case=41, count=9), contact(40, worker=2), contact(40, worker=1, case=41)]
    found = look(contacts, involvements, RULES)
    assert [(fact.case, fact.worker) for fact in found.facts] == [(40, 2), (41, 1), (41, 2)]


@given(st.lists(st.builds(contact, st.integers(-60, 200), st.sampled_from(Direction)), max_size=20), st.randoms())
def test_no_contact_is_lost_and_their_order_never_matters(contacts: list[ClientContact], random: Random) -> None:
    found = look(contacts, [WORKED], RULES)
    in_facts = sum(fact.incoming + fact.outgoing + fact.direction_unknown for fact in found.facts)
    assert in_facts + found.with_reason + found.not_known == len(contacts)
    assert all(fact.ground in WITHOUT_KNOWN_REASON for fact in found.facts)
    shuffled = list(contacts)
    random.shuffle(shuffled)
    assert look(shuffled, [WORKED], RULES) == found


def test_the_module_speaks_of_contacts_and_not_of_content() -> None:
    names = {field.name for kind in (ContactFact, ClientContact, ChannelTotal) for field in fields(kind)}
    assert names.isdisjoint({"text", "subject", "number", "name", "content", "message", "notes"})
    assert channels.__doc__
