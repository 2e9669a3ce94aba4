"""What is said of phones and of their managers, in both languages; no sections, no acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdm_adapters.phones import AppPresence, Aspect, PhoneCapability, Platform
from server.core.model import DeviceUse
from server.core.phones.asks import Asked, AskStanding
from server.core.phones.exposure import Push, Way, WayStanding
from server.core.text import Text, phrase

PHONE_CAPABILITIES: Mapping[PhoneCapability, Text] = {
    PhoneCapability.LIST_PHONES: phrase("List the phones"),
    PhoneCapability.FIND_APPS: phrase("Say which of the monitored apps are on a phone"),
    PhoneCapability.SYNC: phrase("Sync device"),
    PhoneCapability.PUSH_PROFILE: phrase("Put a profile or an account on one phone"),
    PhoneCapability.PULL_PROFILE: phrase("Take a profile or an account off one phone"),
    PhoneCapability.READ_POSTURE: phrase("Read back the configuration status of a phone"),
    PhoneCapability.COMMAND_STATUS: phrase("Say how far a command has come"),
    PhoneCapability.CONTAINER_PROOF: phrase("Show that the managed contacts account is gone from a phone"),
    PhoneCapability.HIDE_CONTACTS: phrase("Keep other apps from reading managed contacts"),
    PhoneCapability.PHONE_EVENTS: phrase("Notify us when a phone changes"),
    PhoneCapability.PHONE_CONTACTS: phrase("Read or remove contacts on the phone itself"),
}

WAYS: Mapping[Way, Text] = {
    Way.MANAGED_ACCOUNT: phrase("Outside the organisation's account, as that is not on it or can be switched off"),
    Way.ANOTHER_ACCOUNT: phrase("A new contact goes into another account, unless the worker chooses"),
    Way.PERSONAL_ACCOUNT: phrase("A private iCloud or Google account in which a number can be saved"),
    Way.COPIED_OUT: phrase("Managed apps write contacts into private accounts"),
    Way.OUTLOOK: phrase("Outlook saves its contacts into the phone's own address book"),
    Way.WHATSAPP_READS: phrase("WhatsApp reads the managed contacts"),
    Way.WHATSAPP_OWN: phrase("A contact saved inside WhatsApp alone"),
    Way.PHONE_ITSELF: phrase("The phone's own address book, the SIM card, the call list, messages"),
    Way.BACKUP: phrase("A backup in a private cloud"),
}

STANDINGS: Mapping[WayStanding, Text] = {
    WayStanding.CLOSED: phrase("Blocked by configuration"),
    WayStanding.OPEN: phrase("Open"),
    WayStanding.UNKNOWN: phrase("Not known"),
    WayStanding.NEVER: phrase("Cannot be blocked or seen"),
}

PUSHES: Mapping[Push, Text] = {
    Push.ACCOUNT: phrase("Deploy the managed contacts account, with contacts switched on and not to be switched off."),
    Push.ACCOUNT_SETTINGS: phrase("Make the managed contacts account the default for new contacts."),
    Push.PROTECTION: phrase("Deploy the configuration profile with both restrictions: one alone does nothing."),
    Push.APP_PROTECTION: phrase("Set the app protection policy of Outlook so that it saves no contacts."),
    Push.UNMANAGE_WHATSAPP: phrase("Take WhatsApp out of the managed apps: a managed one always reads them."),
    Push.SUPERVISE: phrase("Block private accounts; on an iPhone that needs a supervised phone."),
    Push.ASK: phrase("The phone has not reported this. Read it again with: closeout device refresh"),
    Push.AGREE: phrase("No management covers this. Agree on it with the worker, and say so in the instruction."),
}

PLATFORMS: Mapping[Platform, Text] = {
    Platform.IOS: phrase("iPhone or iPad"),
    Platform.ANDROID: phrase("Android phone"),
    Platform.OTHER: phrase("Another kind of phone"),
}

PHONE_PRESENCES: Mapping[AppPresence, Text] = {
    AppPresence.PRESENT: phrase("On the phone"),
    AppPresence.ABSENT: phrase("Looked for, not found"),
    AppPresence.UNKNOWN: phrase("Not known"),
}

ASKED: Mapping[Asked, Text] = {
    Asked.SYNC: phrase("Check in and synchronise"),
    Asked.POSTURE: phrase("Read configuration status"),
    Asked.PULL: phrase("Remove the managed contacts account"),
    Asked.PUSH: phrase("Add the managed contacts account"),
}

ASK_STANDINGS: Mapping[AskStanding, Text] = {
    AskStanding.DUE: phrase("To be asked"),
    AskStanding.ACCEPTED: phrase("Pending (no answer from the phone yet)"),
    AskStanding.WAITING: phrase("The phone said: not now"),
    AskStanding.DONE: phrase("Succeeded"),
    AskStanding.FAILED: phrase("Not done"),
    AskStanding.UNKNOWN: phrase("Not known"),
    AskStanding.LAPSED: phrase("No answer came"),
    AskStanding.SUPERSEDED: phrase("Requested again later"),
}

DEVICE_USES: Mapping[DeviceUse, Text] = {
    DeviceUse.OWN: phrase("Of one worker"),
    DeviceUse.SHARED: phrase("Shared, at a desk"),
    DeviceUse.LOAN: phrase("On loan"),
}

ASPECTS: Mapping[Aspect, Text] = {
    Aspect.CONTACT_ACCOUNT: phrase("The organisation's managed contacts account is on the phone"),
    Aspect.CONTACT_SYNC: phrase("Contacts are switched on in it, and the worker cannot switch them off"),
    Aspect.DEFAULT_ACCOUNT: phrase("New contacts go into that account"),
    Aspect.PROTECTION: phrase("Our configuration profile with restrictions is on the phone"),
    Aspect.READS_BLOCKED: phrase("Unmanaged apps may not read managed contacts"),
    Aspect.OPEN_IN_BLOCKED: phrase("Nothing managed opens in an unmanaged app"),
    Aspect.WRITES_BLOCKED: phrase("Managed apps may not write into private accounts"),
    Aspect.PRIVATE_ACCOUNTS_BLOCKED: phrase("No private account can be added"),
    Aspect.OUTLOOK_SAVING_BLOCKED: phrase("Outlook may not save contacts on the phone"),
    Aspect.CLOUD_BACKUP_OFF: phrase("No backup in a private cloud"),
}

TABLES: tuple[Mapping[Any, Text], ...] = (
    PHONE_CAPABILITIES,
    WAYS,
    STANDINGS,
    PUSHES,
    PLATFORMS,
    PHONE_PRESENCES,
    ASKED,
    ASK_STANDINGS,
    DEVICE_USES,
    ASPECTS,
)
"""For `words.NAMES`."""
