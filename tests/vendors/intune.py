"""Microsoft Intune in the simulated Microsoft 365: phones, apps found on them, configurations, reports; with faults.

Our reading of VENDORS section 5.5, no more. A test is another person's hand, or the phone's, by the classes' methods.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from tests.vendors.graph import App, Asked, GraphCloud, Said, Tenant, error

NEVER = "0001-01-01T00:00:00Z"
_DEVICE = frozenset(
    {
        *("id", "userId", "userPrincipalName", "emailAddress", "deviceName", "serialNumber", "imei", "phoneNumber"),
        *("operatingSystem", "osVersion", "managedDeviceOwnerType", "deviceEnrollmentType", "isSupervised"),
        *("complianceState", "managementState", "lastSyncDateTime", "enrolledDateTime", "azureADDeviceId"),
        "deviceActionResults",
    }
)
_APP = frozenset({"id", "displayName", "version", "platform", "deviceCount", "publisher", "sizeInByte"})
_CONFIGURATION = frozenset({"id", "displayName", "description", "createdDateTime", "lastModifiedDateTime", "version"})
_FORMS = {
    "/deviceManagement/deviceConfigurations": {
        "#microsoft.graph.iosCustomConfiguration": {"payloadName", "payloadFileName", "payload"},
        "#microsoft.graph.androidWorkProfileGeneralDeviceConfiguration": {
            "workProfileBlockCrossProfileContactsSearch",
            "workProfileBlockCrossProfileCallerId",
            "workProfileBluetoothEnableContactSharing",
            "workProfileDataSharingType",
            "workProfileBlockAddingAccounts",
        },
    },
    "/deviceAppManagement/mobileAppConfigurations": {
        "#microsoft.graph.iosMobileAppConfiguration": {"targetedMobileApps", "settings", "encodedSettingXml"},
    },
}
_PAGE = 100


@dataclass
class Machine:
    """One device. waits: when it was asked to synchronise and has not yet. reports: configuration -> what it said."""

    data: dict[str, Any]
    waits: list[str] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    reports: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Office:
    """One tenant's Intune. apps: id -> (name, version, platform, devices). groups: id -> devices.

    configurations: address -> id -> body; given: id of a configuration -> groups. epoch: cursors of an earlier one are
    unknown. asked: how often what was asked of which device.
    """

    clock: Callable[[], float]
    devices: dict[str, Machine] = field(default_factory=dict)
    apps: dict[str, tuple[str, str, str, set[str]]] = field(default_factory=dict)
    groups: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    configurations: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {each: {} for each in _FORMS})
    given: dict[str, set[str]] = field(default_factory=dict)
    epoch: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def next_id(self, kind: int) -> str:
        """An id that nobody else has."""
        self.count += 1
        return f"{kind:08d}-0000-4000-8000-{self.count:012d}"

    def enrol(self, user: str | None, system: str = "iOS", **more: Any) -> str:
        """Bring a device under management; its id."""
        made = self.next_id(1)
        apple = system == "iOS"
        self.devices[made] = Machine(
            {
                "id": made,
                "userId": self.next_id(2) if user else "",
                "userPrincipalName": user or "",
                "emailAddress": user or "",
                "deviceName": f"phone-{self.count}",
                "serialNumber": f"SERIAL{self.count:06d}",
                "imei": "",
                "phoneNumber": "",
                "operatingSystem": system,
                "osVersion": "18.1",
                "managedDeviceOwnerType": "company",
                "deviceEnrollmentType": "appleBulkWithUser" if apple else "userEnrollment",
                "isSupervised": apple,
                "complianceState": "compliant",
                "managementState": "managed",
                "lastSyncDateTime": self.now(),
                "enrolledDateTime": self.now(),
                "azureADDeviceId": self.next_id(3),
                **more,
            }
        )
        return made

    def leave(self, device: str) -> None:
        """A device leaves management."""
        del self.devices[device]
        for _, _, _, having in self.apps.values():
            having.discard(device)
        for members in self.groups.values():
            members.discard(device)

    def enrol_again(self, device: str) -> str:
        """A device is deleted and comes back with another id, as the same thing."""
        was = self.devices[device].data
        self.leave(device)
        kept = {name: was[name] for name in ("serialNumber", "managedDeviceOwnerType", "deviceEnrollmentType")}
        return self.enrol(was["userPrincipalName"] or None, was["operatingSystem"], **kept)

    def install(self, device: str, name: str, platform: str = "ios", version: str = "1.0") -> str:
        """Put an app on a device; the id under which Intune knows that version of it."""
        for known, (other, at, where, having) in self.apps.items():
            if (other, at, where) == (name, version, platform):
                having.add(device)
                return known
        made = self.next_id(4)
        self.apps[made] = (name, version, platform, {device})
        return made

    def act(self, device: str, status: str = "compliant") -> None:
        """The device gets in touch, does what waits for it, and reports what it was given."""
        machine, now = self.devices[device], self.now()
        machine.data["lastSyncDateTime"] = now
        for started in machine.waits:
            done = {"startDateTime": started, "lastUpdatedDateTime": now}
            machine.actions.append({"actionName": "syncDevice", "actionState": "done", **done})
        machine.waits.clear()
        groups = {name for name, members in self.groups.items() if device in members}
        machine.reports = {ref: (status, now) for ref, given in self.given.items() if given & groups}

    def now(self) -> str:
        """This instant, with the seven digits that Microsoft writes."""
        return f"{datetime.fromtimestamp(self.clock(), UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


class IntuneCloud(GraphCloud):
    """Microsoft 365 with Intune in it. offices: by the name of the tenant."""

    spoken = (*GraphCloud.spoken, "/deviceManagement/", "/deviceAppManagement/")

    def __init__(self) -> None:
        super().__init__()
        self.offices: dict[str, Office] = {}
        collection = (
            r"(?P<collection>/deviceManagement/deviceConfigurations|/deviceAppManagement/mobileAppConfigurations)"
        )
        one = rf"{collection}/(?P<ref>[^/]+)"
        device = r"/deviceManagement/managedDevices/(?P<ref>[^/]+)"
        self._intune: Sequence[tuple[re.Pattern[str], str, Callable[[Office, Asked, Mapping[str, str]], Said]]] = [
            (re.compile(f"{pattern}$"), method, answer)
            for pattern, method, answer in (
                (r"/deviceManagement/managedDevices", "GET", self._devices),
                (device, "GET", self._device),
                (rf"{device}/syncDevice", "POST", self._sync),
                (r"/deviceManagement/detectedApps", "GET", self._apps),
                (r"/deviceManagement/detectedApps/(?P<ref>[^/]+)/managedDevices", "GET", self._having),
                (collection, "GET", self._configurations),
                (collection, "POST", self._create_configuration),
                (one, "GET", self._configuration),
                (one, "PATCH", self._change_configuration),
                (rf"{one}/assign", "POST", self._assign),
                (rf"{one}/deviceStatuses", "GET", self._statuses),
            )
        ]

    def add_tenant(self, name: str, *apps: App) -> Tenant:
        self.offices[name] = Office(self.now)
        return super().add_tenant(name, *apps)

    def _one(self, asked: Asked, tenant: Tenant, app: App, origin: str) -> Said:
        if not asked.path.startswith(("/deviceManagement/", "/deviceAppManagement/")):
            return super()._one(asked, tenant, app, origin)
        office = self.offices[tenant.name]
        for pattern, method, answer in self._intune:
            found = pattern.match(asked.path)
            if found is not None and method == asked.method:
                with self._lock:
                    return answer(office, asked, {"origin": origin, **found.groupdict()})
        return error(400, "BadRequest", "Resource not found for the segment.")

    # --- devices

    def _devices(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        # The list leaves out what came of actions.
        rows = [each.data for each in office.devices.values()]
        return _listed(office, rows, asked, found["origin"], _DEVICE)

    def _device(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        machine = office.devices.get(found["ref"])
        if machine is None:
            return _nothing()
        waiting = [
            {"actionName": "syncDevice", "actionState": "pending", "startDateTime": at, "lastUpdatedDateTime": at}
            for at in machine.waits
        ]
        row = {**machine.data, "deviceActionResults": [*machine.actions, *waiting]}
        return _selected(row, asked, _DEVICE)

    def _sync(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        machine = office.devices.get(found["ref"])
        if machine is None:
            return _nothing()
        office.asked[found["ref"]] += 1
        machine.waits.append(office.now())
        return Said(204, headers={"Date": formatdate(self.clock(), usegmt=True)})

    # --- apps

    def _apps(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        rows = [
            {
                "id": ref,
                "displayName": name,
                "version": version,
                "platform": platform,
                "deviceCount": len(having),
                "publisher": None,
                "sizeInByte": 0,
            }
            for ref, (name, version, platform, having) in office.apps.items()
        ]
        return _listed(office, rows, asked, found["origin"], _APP)

    def _having(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        if found["ref"] not in office.apps:
            return _nothing()
        having = office.apps[found["ref"]][3]
        rows = [each.data for ref, each in office.devices.items() if ref in having]
        return _listed(office, rows, asked, found["origin"], _DEVICE)

    # --- configurations

    def _configurations(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        rows = list(office.configurations[found["collection"]].values())
        return _listed(office, rows, asked, found["origin"], _CONFIGURATION)

    def _configuration(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        held = office.configurations[found["collection"]].get(found["ref"])
        return _nothing() if held is None else Said(200, {"@odata.context": "c", **held})

    def _create_configuration(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        if wrong := _wrong(found["collection"], asked.body):
            return wrong
        made, now = office.next_id(5), office.now()
        kept = {**asked.body, "id": made, "createdDateTime": now, "lastModifiedDateTime": now, "version": 1}
        office.configurations[found["collection"]][made] = kept
        return Said(201, {"@odata.context": "c", **kept})

    def _change_configuration(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        held = office.configurations[found["collection"]].get(found["ref"])
        if held is None:
            return _nothing()
        if wrong := _wrong(found["collection"], {**held, **asked.body}):
            return wrong
        held.update(asked.body, lastModifiedDateTime=office.now(), version=held["version"] + 1)
        return Said(200, {"@odata.context": "c", **held})

    def _assign(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        if found["ref"] not in office.configurations[found["collection"]]:
            return _nothing()
        targets = [each["target"] for each in asked.body["assignments"]]
        if any(each["@odata.type"] != "#microsoft.graph.groupAssignmentTarget" for each in targets):
            return error(400, "BadRequest", "No such target here.")
        office.given[found["ref"]] = {each["groupId"] for each in targets}
        office.asked["assign"] += 1
        if "mobileAppConfigurations" in found["collection"]:
            return Said(204)
        rows = [{"id": f"{found['ref']}_{number}", "target": each} for number, each in enumerate(targets)]
        return Said(200, {"@odata.context": "c", "value": rows})

    def _statuses(self, office: Office, asked: Asked, found: Mapping[str, str]) -> Said:
        if found["ref"] not in office.configurations[found["collection"]]:
            return _nothing()
        groups = office.given.get(found["ref"], set())
        rows = []
        for ref, machine in office.devices.items():
            if not any(ref in office.groups[group] for group in groups) and found["ref"] not in machine.reports:
                continue
            status, at = machine.reports.get(found["ref"], ("unknown", NEVER))
            rows.append(
                {
                    "id": f"{found['ref']}_{ref}",
                    "deviceDisplayName": machine.data["deviceName"],
                    "deviceModel": "",
                    "userName": machine.data["userPrincipalName"],
                    "userPrincipalName": machine.data["userPrincipalName"],
                    "status": status,
                    "lastReportedDateTime": at,
                    "complianceGracePeriodExpirationDateTime": NEVER,
                }
            )
        return _listed(office, rows, asked, found["origin"], frozenset(rows[0]) if rows else frozenset({"id"}))


def _nothing() -> Said:
    return error(404, "ResourceNotFound", "No such thing.")


def _wrong(collection: str, body: Mapping[str, Any]) -> Said | None:
    known = _FORMS[collection].get(body.get("@odata.type", ""))
    if known is None or not body.get("displayName"):
        return error(400, "BadRequest", "No such form of configuration.")
    strange = body.keys() - known - _CONFIGURATION - {"@odata.type"}
    if strange or ("settings" in body and not body.get("targetedMobileApps")):
        return error(400, "BadRequest", "A property cannot be set so.")
    try:
        base64.b64decode(body.get("payload", ""), validate=True)
    except binascii.Error:
        return error(400, "BadRequest", "The payload is no base64.")
    return None


def _selected(row: Mapping[str, Any], asked: Asked, known: frozenset[str]) -> Said:
    names = [name for name in asked.query.get("$select", "").split(",") if name]
    if set(names) - known:
        return error(400, "BadRequest", "Could not find a property.")
    return Said(200, {"@odata.context": "c", **{name: row[name] for name in names or row if name in row}})


def _listed(
    office: Office, rows: Sequence[Mapping[str, Any]], asked: Asked, origin: str, known: frozenset[str]
) -> Said:
    """A page of rows, filtered and selected; the cursor is good as long as the office's epoch lasts."""
    epoch, _, at = asked.query.get("$skiptoken", f"{office.epoch}-0").partition("-")
    if epoch != str(office.epoch):
        return error(410, "ExpiredSkipToken", "The cursor is known no more.")
    wanted = asked.query.get("$filter")
    if wanted is not None:
        found = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", wanted)
        if found is None or found[1] not in known:
            return error(400, "BadRequest", "The filter cannot be read.")
        value = found[2].replace("''", "'").casefold()
        rows = [row for row in rows if str(row.get(found[1])).casefold() == value]
    names = [name for name in asked.query.get("$select", "").split(",") if name]
    if set(names) - known:
        return error(400, "BadRequest", "Could not find a property.")
    size, start = min(int(asked.query.get("$top", _PAGE)), _PAGE), int(at)
    shown = [{name: row[name] for name in names or row if name in row} for row in rows[start : start + size]]
    body: dict[str, Any] = {"@odata.context": "c", "value": shown}
    if len(rows) > start + size:
        kept = "".join(f"&{name}={asked.query[name]}" for name in ("$select", "$top") if name in asked.query)
        kept += f"&$filter={wanted}".replace(" ", "%20") if wanted else ""
        body["@odata.nextLink"] = f"{origin}{asked.raw}?$skiptoken={office.epoch}-{start + size}{kept}"
    return Said(200, body)
