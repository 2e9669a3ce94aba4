"""The law of an MDM system (`mdm_adapters.phones`), held to by every member of the registry."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from mdm_adapters.phones import (
    AppPresence,
    AppSight,
    Ask,
    AskState,
    Aspect,
    Mdm,
    Phone,
    PhoneCapability,
    Platform,
    Posture,
    ProfileKind,
    WatchedApp,
)
from mdm_adapters.port import Denied, Fault, Garbled, PortError, Support, Unreachable
from mdm_adapters.registry import MDMS
from tests.vendors.managers import MANAGERS
from tests.vendors.memory_mdm import MemoryMdm
from tests.vendors.phone_members import PhoneMember, Trouble

WORKER, OTHER = "worker-01@org.example", "worker-02@org.example"
WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}), frozenset({"WhatsApp Messenger"}))
SIGNAL = WatchedApp("signal", Platform.IOS, frozenset({"org.whispersystems.signal"}), frozenset({"Signal"}))
ON_ANDROID = WatchedApp("whatsapp", Platform.ANDROID, frozenset({"com.whatsapp"}), frozenset({"WhatsApp Messenger"}))
WATCHED = (WHATSAPP, SIGNAL, ON_ANDROID)
PRIVATE_APP, PRIVATE_NAME = "example.canary.diary", "Canary Diary"
IN_DOUBT = {AskState.ACCEPTED, AskState.WAITING, AskState.UNKNOWN}


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.contract] if manager.simulated else [])
        for name, manager in MANAGERS.items()
    ]
)
def member(request: pytest.FixtureRequest) -> Iterator[PhoneMember]:
    """Each manager in turn, with no phone."""
    with MANAGERS[request.param].make() as made:
        yield made


def command(number: int) -> str:
    return str(UUID(int=(4 << 76) | (8 << 60) | number))


def phone_of(member: PhoneMember, ref: str) -> Phone:
    (found,) = [each for each in member.mdm.list_phones() if each.ref == ref]
    return found


def enrolled(member: PhoneMember, user: str = WORKER) -> Phone:
    return phone_of(member, member.enrol(user))


def can(member: PhoneMember, capability: PhoneCapability) -> bool:
    return member.mdm.capabilities()[capability].support is not Support.NO


def read_back(member: PhoneMember, phone: Phone, number: int) -> Posture | None:
    """The posture of a phone that acts: from the ask, from all events together, or by following the command."""
    heard = len(member.events())
    ask = member.mdm.ask_posture(phone, WATCHED, command(number))
    if ask.posture is not None:
        return ask.posture
    member.act(phone.ref)
    parts = [
        told.posture
        for headers, body in member.events()[heard:]
        for told in member.mdm.hear(headers, body)
        if told.posture is not None and told.phone == phone.ref
    ]
    if not parts:
        return member.mdm.follow(phone, ask.command or command(number)).posture
    facts = {aspect: fact for part in parts for aspect, fact in part.facts.items()}
    apps = {sight.app: sight for part in parts for sight in part.apps}
    return Posture(phone.ref, parts[-1].told_at, facts, tuple(apps.values()))


def apps_of(member: PhoneMember, phone: Phone, number: int) -> dict[str, AppPresence]:
    """What is known of watched apps, by listing and by the phone's own telling; what one knows, counts."""
    posture = read_back(member, phone, number)
    sights = [*member.mdm.find_apps(WATCHED, [phone]), *(posture.apps if posture else ())]
    known = {each.app: each.presence for each in sights if each.presence is not AppPresence.UNKNOWN}
    return {**{each.app: AppPresence.UNKNOWN for each in sights}, **known}


def test_every_name_in_the_registry_is_held_to_the_law() -> None:
    assert {each.registered for each in MANAGERS.values() if each.registered} == set(MDMS)


def test_there_is_no_way_to_wipe_lock_or_retire_a_phone() -> None:
    public = {name for name in dir(Mdm) if not name.startswith("_")}

    assert public == {
        *("ask_posture", "capabilities", "check", "find_apps", "follow", "hear", "list_phones", "pull", "push", "sync")
    }


# --- saying what it can


def test_every_capability_has_an_answer(member: PhoneMember) -> None:
    answers = member.mdm.capabilities()

    assert set(answers) == set(PhoneCapability)
    assert all(answer.because.endswith(".") for answer in answers.values() if answer.support is not Support.YES)


def test_no_manager_claims_to_reach_contacts_on_a_phone(member: PhoneMember) -> None:
    assert member.mdm.capabilities()[PhoneCapability.PHONE_CONTACTS].support is Support.NO


def test_what_it_cannot_it_says_it_has_not_done(member: PhoneMember) -> None:
    phone = enrolled(member)
    asked: dict[PhoneCapability, Callable[[], Ask]] = {
        PhoneCapability.SYNC: lambda: member.mdm.sync(phone, command(1)),
        PhoneCapability.PUSH_PROFILE: lambda: member.mdm.push(
            phone, member.profile(ProfileKind.PROTECTION), command(2)
        ),
        PhoneCapability.PULL_PROFILE: lambda: member.mdm.pull(phone, "example.org.closeout.protection", command(3)),
        PhoneCapability.READ_POSTURE: lambda: member.mdm.ask_posture(phone, WATCHED, command(4)),
    }
    cannot = [ask() for capability, ask in asked.items() if not can(member, capability)]

    assert [ask.state for ask in cannot] == [AskState.FAILED] * len(cannot)
    assert [ask.posture for ask in cannot] == [None] * len(cannot)


# --- who is enrolled


def test_what_is_enrolled_is_listed_with_whose_it_is(member: PhoneMember) -> None:
    first, second = member.enrol(WORKER), member.enrol(OTHER)

    phones = member.mdm.list_phones()

    assert {each.ref: each.platform for each in phones} == {first: Platform.IOS, second: Platform.IOS}
    assert {each.user for each in phones} <= {WORKER, OTHER, None}
    assert {each.ref: each.user for each in phones if each.user} in (
        {first: WORKER, second: OTHER},
        {},  # a manager that is not told whose a phone is, says nothing
    )


def test_a_phone_that_left_is_not_listed(member: PhoneMember) -> None:
    first, second = member.enrol(WORKER), member.enrol(OTHER)
    member.leave(first)

    assert [each.ref for each in member.mdm.list_phones()] == [second]


def test_no_phone_is_no_phone(member: PhoneMember) -> None:
    assert list(member.mdm.list_phones()) == []


def test_a_long_list_comes_whole(member: PhoneMember) -> None:
    refs = [member.enrol(f"worker-{number:03d}@org.example") for number in range(250)]

    assert sorted(each.ref for each in member.mdm.list_phones()) == sorted(refs)


# --- apps


def test_only_watched_apps_are_named_and_each_once(member: PhoneMember) -> None:
    phone = enrolled(member)
    member.install(phone.ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")
    member.install(phone.ref, PRIVATE_APP, PRIVATE_NAME)

    sights = member.mdm.find_apps(WATCHED, [phone])
    posture = read_back(member, phone, 1)

    assert sorted((each.phone, each.app) for each in sights) == [(phone.ref, "signal"), (phone.ref, "whatsapp")]
    assert {each.app for each in (posture.apps if posture else ())} <= {"signal", "whatsapp"}
    assert "anary" not in repr((sights, posture))


def test_an_app_that_is_there_is_seen_and_one_that_is_not_is_never_present(member: PhoneMember) -> None:
    phone = enrolled(member)
    member.install(phone.ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")

    found = apps_of(member, phone, 1)

    if can(member, PhoneCapability.FIND_APPS):
        assert found["whatsapp"] is AppPresence.PRESENT
    assert found["signal"] is not AppPresence.PRESENT


def test_of_a_phone_that_told_nothing_no_app_is_absent(member: PhoneMember) -> None:
    phone = phone_of(member, member.enrol(WORKER, silent=True))

    sights = member.mdm.find_apps(WATCHED, [phone])

    assert {each.app: each.presence for each in sights} == dict.fromkeys(("signal", "whatsapp"), AppPresence.UNKNOWN)


def test_of_a_phone_that_is_not_enrolled_no_app_is_absent(member: PhoneMember) -> None:
    enrolled(member)

    sights = member.mdm.find_apps(WATCHED, [member.stranger()])

    assert {each.presence for each in sights} == {AppPresence.UNKNOWN}


def test_no_app_asked_is_no_app_told(member: PhoneMember) -> None:
    phone = enrolled(member)
    member.install(phone.ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")

    assert list(member.mdm.find_apps((), [phone])) == []
    assert list(member.mdm.find_apps(WATCHED, [])) == []


# --- asking


def test_what_was_accepted_is_not_yet_done(member: PhoneMember) -> None:
    phone = enrolled(member)

    ask = member.mdm.sync(phone, command(1))

    if can(member, PhoneCapability.SYNC):
        assert (ask.state in {AskState.ACCEPTED, AskState.WAITING}, ask.error) == (True, None)
        assert member.mdm.follow(phone, ask.command or command(1)).state in IN_DOUBT
        member.act(phone.ref)
        assert member.mdm.follow(phone, ask.command or command(1)).state in {AskState.DONE, *IN_DOUBT}


def test_not_now_is_no_failure(member: PhoneMember) -> None:
    phone = enrolled(member)
    ask = member.mdm.sync(phone, command(1))

    member.stall(phone.ref)

    if can(member, PhoneCapability.SYNC):
        assert member.mdm.follow(phone, ask.command or command(1)).state in IN_DOUBT
        for headers, body in member.events():
            assert AskState.FAILED not in {told.state for told in member.mdm.hear(headers, body)}


def test_the_same_command_twice_acts_once(member: PhoneMember) -> None:
    phone = enrolled(member)
    if not (can(member, PhoneCapability.PUSH_PROFILE) and member.asks_phones):
        pytest.skip("this manager puts no profile on one phone")
    profile = member.profile(ProfileKind.PROTECTION)

    asks = [member.mdm.push(phone, profile, command(1)) for _ in range(2)]

    assert {ask.error for ask in asks} == {None}
    assert member.waiting(phone.ref) == 1 or not member.acts_once
    member.act(phone.ref)
    assert member.waiting(phone.ref) == 0
    member.mdm.push(phone, profile, command(1))
    assert member.waiting(phone.ref) == 0 or not member.acts_once


def test_two_commands_are_two(member: PhoneMember) -> None:
    phone = enrolled(member)
    if not (can(member, PhoneCapability.PUSH_PROFILE) and member.asks_phones):
        pytest.skip("this manager puts no profile on one phone")

    for number, kind in enumerate(ProfileKind):
        member.mdm.push(phone, member.profile(kind), command(number + 1))

    assert member.waiting(phone.ref) == 2


def test_what_is_asked_of_a_phone_that_is_not_enrolled_is_not_done(member: PhoneMember) -> None:
    enrolled(member)
    stranger = member.stranger()

    asks = [
        member.mdm.sync(stranger, command(1)),
        member.mdm.pull(stranger, "example.org.closeout.protection", command(2)),
        member.mdm.ask_posture(stranger, WATCHED, command(3)),
    ]

    assert AskState.DONE not in {ask.state for ask in asks}
    assert {ask.posture for ask in asks} == {None}


def test_a_command_never_given_is_unknown(member: PhoneMember) -> None:
    assert member.mdm.follow(enrolled(member), command(99)).state is AskState.UNKNOWN


# --- posture


def test_what_a_profile_does_is_read_back_once_the_phone_has_it(member: PhoneMember) -> None:
    phone = enrolled(member)
    if not can(member, PhoneCapability.PUSH_PROFILE) or not can(member, PhoneCapability.READ_POSTURE):
        pytest.skip("this manager puts no profile on one phone, or cannot say what holds of it")
    aspects = {ProfileKind.PROTECTION: Aspect.PROTECTION, ProfileKind.CONTACT_ACCOUNT: Aspect.CONTACT_ACCOUNT}

    before = read_back(member, phone, 1)
    for number, kind in enumerate(aspects):
        member.mdm.push(phone, member.profile(kind), command(10 + number))
    member.act(phone.ref)
    after = read_back(member, phone, 2)

    assert after is not None
    assert [before.facts.get(aspect) if before else None for aspect in aspects.values()] != [True, True]
    assert after.facts[Aspect.PROTECTION] is True
    assert after.facts.get(Aspect.CONTACT_ACCOUNT) is True
    assert after.told_at.tzinfo is not None


def test_a_pulled_account_is_seen_gone_only_once_the_phone_acted(member: PhoneMember) -> None:
    phone = enrolled(member)
    if not can(member, PhoneCapability.CONTAINER_PROOF):
        pytest.skip("this manager cannot say that an account is gone")
    account = member.profile(ProfileKind.CONTACT_ACCOUNT)
    member.mdm.push(phone, account, command(1))
    member.act(phone.ref)

    ask = member.mdm.pull(phone, account.identifier, command(2))
    accepted = ask.state
    member.act(phone.ref)
    posture = read_back(member, phone, 3)

    assert accepted in {AskState.ACCEPTED, AskState.WAITING}
    assert posture is not None
    assert posture.facts.get(Aspect.CONTACT_ACCOUNT) is False


def test_nothing_is_known_of_a_phone_that_told_nothing(member: PhoneMember) -> None:
    phone = phone_of(member, member.enrol(WORKER, silent=True))

    ask = member.mdm.ask_posture(phone, WATCHED, command(1))

    apps = ask.posture.apps if ask.posture else ()
    assert AppPresence.ABSENT not in {each.presence for each in apps}


# --- events


def test_an_event_whose_sender_is_not_proven_is_refused(member: PhoneMember) -> None:
    phone = enrolled(member)
    member.mdm.sync(phone, command(1))
    member.act(phone.ref)
    sent = [*member.events(), ({}, b'{"phone": "phone-1"}')]
    forged: list[tuple[Mapping[str, str], bytes]] = [(dict.fromkeys(headers, "AAAA"), body) for headers, body in sent]
    forged += [({}, body) for _, body in sent]
    forged += [(headers, body + b" ") for headers, body in sent if member.signs_events]

    for headers, body in forged:
        with pytest.raises(Denied):
            member.mdm.hear(headers, body)


def test_a_proven_event_that_is_none_is_garbled(member: PhoneMember) -> None:
    if not can(member, PhoneCapability.PHONE_EVENTS):
        pytest.skip("this manager sends no events")
    for body in (b"", b"canary", b"[]", b'{"a":', b"\xff\xfe", b"1e999", b"[" * 5000):
        with pytest.raises(Garbled):
            member.mdm.hear(member.signed(body), body)


def test_an_event_tells_what_the_phone_did_and_names_the_command(member: PhoneMember) -> None:
    if not can(member, PhoneCapability.PHONE_EVENTS):
        pytest.skip("this manager sends no events")
    phone = enrolled(member)
    ask = member.mdm.sync(phone, command(1))
    sent = len(member.events())

    member.act(phone.ref)

    told = [each for event in member.events()[sent:] for each in member.mdm.hear(*event)]
    assert {each.phone for each in told} <= {phone.ref}
    if any(each.command for each in told):
        assert {each.command for each in told if each.command} == {ask.command}


# --- faults

RAISED = {
    Trouble.WRONG_CREDENTIALS: Denied,
    Trouble.FORBIDDEN: Denied,
    Trouble.THROTTLED: Unreachable,
    Trouble.BROKEN: Unreachable,
    Trouble.DROPPED: Unreachable,
    Trouble.NONSENSE: Garbled,
}


@pytest.mark.parametrize("trouble", Trouble)
def test_a_fault_while_listing_is_named_for_what_can_be_done(member: PhoneMember, trouble: Trouble) -> None:
    enrolled(member)
    member.trouble(trouble)

    with pytest.raises(RAISED[trouble]) as raised:
        member.mdm.list_phones()

    assert raised.value.wait == (7.0 if trouble is Trouble.THROTTLED else None)
    member.trouble(None)
    assert len(member.mdm.list_phones()) == 1


@pytest.mark.parametrize("trouble", Trouble)
def test_what_was_asked_in_a_fault_is_unknown_never_done_nor_failed(member: PhoneMember, trouble: Trouble) -> None:
    phone = enrolled(member)
    if not can(member, PhoneCapability.SYNC):
        pytest.skip("this manager asks nothing of phones")
    member.trouble(trouble)

    ask = member.mdm.sync(phone, command(1))

    assert (ask.state, type(ask.error)) == (AskState.UNKNOWN, RAISED[trouble])


@pytest.mark.parametrize("trouble", Trouble)
def test_a_check_names_the_fault(member: PhoneMember, trouble: Trouble) -> None:
    member.trouble(trouble)

    assert [trial.fault for trial in member.mdm.check() if trial.ok is False] != []


def test_a_good_connection_passes_its_check_and_asks_nothing_of_phones(member: PhoneMember) -> None:
    phone = enrolled(member)

    trials = member.mdm.check()

    assert trials
    assert [trial for trial in trials if trial.ok is False] == []
    assert member.waiting(phone.ref) == 0


# --- saying nothing


def _everything_said(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), *map(repr, error.args))
    yield "".join(traceback.format_exception(error, chain=False)[-1:])
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield from _everything_said(other)


def test_no_error_says_anything_of_the_request(member: PhoneMember) -> None:
    phone = replace(enrolled(member, "canary-user@org.example"), user="canary-user@org.example")
    errors: list[PortError] = []
    for trouble in Trouble:
        member.trouble(trouble)
        try:
            member.mdm.list_phones()
        except PortError as error:
            errors.append(error)
        for ask in (member.mdm.sync(phone, command(1)), member.mdm.pull(phone, "canary.profile", command(2))):
            errors += [ask.error] if ask.error else []

    assert len(errors) >= len(Trouble)
    assert [said for error in errors for said in _everything_said(error) if "canary" in said or phone.ref in said] == []
    assert all(error.__cause__ is None and error.__context__ is None for error in errors)


def test_what_travels_shows_neither_phone_nor_person() -> None:
    phone = Phone("canary-ref", Platform.IOS, user="canary-user", serial="canary-serial")
    sight = AppSight("canary-ref", "whatsapp", AppPresence.PRESENT)

    assert "canary" not in repr((phone, sight, Ask(AskState.DONE, "canary-command")))


class Careless(MemoryMdm):
    """An adapter whose errors drag along what they came from."""

    phones_by: Mapping[str, Phone] = {}

    def _list_phones(self) -> Sequence[Phone]:
        try:
            return [self.phones_by["canary"]]
        except KeyError as error:
            raise Unreachable(Fault.DROPPED) from error

    def _sync(self, phone: Phone, command: str) -> Ask:
        raise ValueError("canary")


def test_what_a_careless_adapter_chains_is_taken_off() -> None:
    mdm = Careless()
    with pytest.raises(Unreachable) as raised:
        mdm.list_phones()
    ask = mdm.sync(Phone("phone-1", Platform.IOS), command(1))

    assert (ask.state, type(ask.error)) == (AskState.UNKNOWN, Garbled)
    for error in (raised.value, ask.error):
        assert error is not None
        assert (error.__cause__, error.__context__) == (None, None)
