"""Intune with Microsoft's own client: msgraph-sdk reads phones, apps and what we configured, beside our adapter."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from mdm_adapters.phones import AppPresence, AskState, ProfileKind
from tests.contract.test_intune import COMMAND, CONFIGURATIONS, PROTECTION, WHATSAPP, WORKER, one
from tests.vendors.intune_member import GROUP, IntunePhones, intune_phones
from tests.vendors.phone_members import apple_profile

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of theirs
]

msgraph = pytest.importorskip("msgraph", reason="msgraph-sdk is not installed: its reading cannot be compared")
msal = pytest.importorskip("msal", reason="msal is not installed: its sign-in cannot be compared")


@pytest.fixture
def member() -> Iterator[IntunePhones]:
    with intune_phones() as made:
        yield made


def theirs(member: IntunePhones, act: Callable[[Any], Awaitable[Any]]) -> Any:
    """What an act comes to with Microsoft's client, signed in at the simulator; its connections are closed after it."""
    from kiota_abstractions.authentication import (  # noqa: PLC0415 - comes with msgraph-sdk
        AccessTokenProvider,
        AllowedHostsValidator,
        BaseBearerTokenAuthenticationProvider,
    )
    from msgraph import GraphRequestAdapter, GraphServiceClient  # noqa: PLC0415
    from msgraph_core import GraphClientFactory  # noqa: PLC0415

    class Token(AccessTokenProvider):
        async def get_authorization_token(self, uri: str, additional_authentication_context: Any = None) -> str:
            member.cloud._tokens["token-of-theirs"] = (member.tenant, member.tenant.apps["client-1"], 9e15)
            return "token-of-theirs"

        def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
            return AllowedHostsValidator(["127.0.0.1"])

    async def run() -> Any:
        client = GraphClientFactory.create_with_default_middleware()
        adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Token()), client)
        adapter.base_url = member.connection.url
        try:
            return await act(GraphServiceClient(request_adapter=adapter))
        finally:
            # Theirs wraps the transport that has the connections, and closes the wrapping alone.
            await client._transport.transport.aclose()  # type: ignore[attr-defined]
            await client.aclose()

    return asyncio.run(run())


def test_their_client_lists_the_phones_that_we_list(member: IntunePhones) -> None:
    refs = [member.enrol(f"worker-{number:03d}@org.example") for number in range(130)]

    async def listed(client: Any) -> dict[str, tuple[Any, ...]]:
        found = {}
        page = await client.device_management.managed_devices.get()
        while page is not None:
            for each in page.value:
                found[each.id] = (
                    each.user_principal_name,
                    each.serial_number,
                    each.last_sync_date_time,
                    each.is_supervised,
                )
            link = page.odata_next_link
            page = await client.device_management.managed_devices.with_url(link).get() if link else None
        return found

    found = theirs(member, listed)
    ours = {each.ref: (each.user, each.serial, each.seen_at, each.supervised) for each in member.mdm.list_phones()}

    assert set(found) == set(refs)
    assert found == ours


def test_their_client_finds_the_app_on_the_phone_on_which_we_find_it(member: IntunePhones) -> None:
    ref, other = member.enrol(WORKER), member.enrol("worker-02@org.example")
    member.install(ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")
    member.install(other, "example.canary.diary", "Canary Diary")

    async def found(client: Any) -> list[tuple[str, str]]:
        apps = await client.device_management.detected_apps.get()
        pairs = []
        for app in apps.value:
            holders = await client.device_management.detected_apps.by_detected_app_id(app.id).managed_devices.get()
            pairs += [(app.display_name, each.id) for each in holders.value]
        return sorted(pairs)

    sights = member.mdm.find_apps([WHATSAPP], member.mdm.list_phones())

    assert theirs(member, found) == [("Canary Diary", other), ("WhatsApp Messenger", ref)]
    assert {each.phone: each.presence for each in sights} == {ref: AppPresence.PRESENT, other: AppPresence.UNKNOWN}


def test_a_request_of_theirs_is_followed_by_us_and_ours_by_them(member: IntunePhones) -> None:
    ref = member.enrol(WORKER)
    phone = one(member)

    async def states(client: Any) -> list[str]:
        device = client.device_management.managed_devices.by_managed_device_id(ref)
        await device.sync_device.post()
        found = await device.get()
        return [f"{each.action_name} {each.action_state.value}" for each in found.device_action_results]

    ask = member.mdm.sync(phone, COMMAND)

    assert theirs(member, states) == ["syncDevice pending"] * 2
    assert member.mdm.follow(phone, ask.command or "").state is AskState.WAITING


def test_their_client_reads_what_we_configured(member: IntunePhones) -> None:
    ref = member.enrol(WORKER)
    phone = one(member)
    assert member.mdm.push(phone, PROTECTION, COMMAND).state is AskState.ACCEPTED
    member.act(ref)

    async def read(client: Any) -> tuple[Any, ...]:
        configurations = client.device_management.device_configurations
        (held,) = (await configurations.get()).value
        full = await configurations.by_device_configuration_id(held.id).get()
        told = await configurations.by_device_configuration_id(held.id).device_statuses.get()
        return (
            held.display_name,
            bytes(full.payload),
            [(each.user_principal_name, each.status.value) for each in told.value],
        )

    name, payload, statuses = theirs(member, read)
    body = payload if payload.startswith(b"<?xml") else base64.b64decode(payload)

    assert (name, body, statuses) == (PROTECTION.identifier, PROTECTION.body, [(WORKER, "compliant")])
    assert member.office.given == {key: {GROUP} for key in member.office.configurations[CONFIGURATIONS]}


def test_what_they_configured_under_our_name_is_left_alone(member: IntunePhones) -> None:
    from msgraph.generated.models.ios_custom_configuration import IosCustomConfiguration  # noqa: PLC0415

    member.enrol(WORKER)
    profile = apple_profile(ProfileKind.PROTECTION)

    async def write(client: Any) -> str:
        body = IosCustomConfiguration(
            display_name=profile.identifier, description="By hand", payload_name="x", payload=b"AAAA"
        )
        made = await client.device_management.device_configurations.post(body)
        return str(made.id)

    made = theirs(member, write)

    assert member.mdm.push(one(member), profile, COMMAND).state is AskState.FAILED
    assert list(member.office.configurations[CONFIGURATIONS]) == [made]
