"""Iphones at a real NanoMDM: how long until 2,000 of them were asked how they stand, answered, and are known to.

NanoMDM keeps its queue in memory and pushes to a stand-in for Apple's on this machine; the phones are many at once and
answer each question with what was made beforehand, signed as iPhones sign. Ours is the whole act: asks claimed and
settled, six requests a phone, and every event of an answer proven, read and written at full durability. The peer is
the same servers and phones without us: a bare loop asks one question of each phone, and its events are only counted.
Goal: 60 s, every phone known. Run: `python -m tests.benchmarks.bench_iphones [PHONES]`.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import func, select

from mdm_adapters.apple import write_command
from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.nanomdm import connect
from mdm_adapters.phones import Platform, WatchedApp
from server.store.admin import organisation
from server.store.schema import phones as schema
from server.work.admin import setup
from server.work.context import Context
from server.work.phones import device_lists, managers
from tests.benchmarks.ground import context_on, empty_database, spending, workspace
from tests.parts.apple_managers import API_KEY, EVENTS_KEY, TOPIC, AppleManagers, apple_managers

PHONES = 2_000
WORKERS = 8
"""Phones that talk to their manager at once."""
_WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}))
_DONE = {"CommandUUID": "@COMMAND@", "Status": "Acknowledged"}
_BLOCKED = dict.fromkeys(
    ("allowUnmanagedToReadManagedContacts", "allowOpenFromManagedToUnmanaged", "allowManagedToWriteUnmanagedContacts")
)
_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "Idle": {"Status": "Idle"},
    "DeviceInformation": {**_DONE, "QueryResponses": {"OSVersion": "26.1", "IsCloudBackupEnabled": False}},
    "Restrictions": {
        **_DONE,
        "GlobalRestrictions": {"restrictedBool": {name: {"value": False} for name in _BLOCKED}, "restrictedValue": {}},
    },
    "InstalledApplicationList": {**_DONE, "InstalledApplicationList": [{"Identifier": "net.whatsapp.WhatsApp"}]},
    "ManagedApplicationList": {**_DONE, "ManagedApplicationList": {}},
    "ProfileList": {
        **_DONE,
        "ProfileList": [
            {
                "PayloadIdentifier": name,
                "PayloadUUID": "1",
                "PayloadVersion": 1,
                "IsManaged": True,
                "PayloadContent": [],
            }
            for name in ("nl.closeout.contacts", "nl.closeout.protection")
        ],
    },
}

_PATIENCE = 600.0
"""Seconds: a figure beyond the goal is a figure too."""


def run(phones: int = PHONES) -> dict[str, Any]:
    """Ours and the peer's, each at servers of its own."""
    refs = [f"00008101-{n:016X}" for n in range(1, phones + 1)]
    ours = _ours(refs)
    return {
        "name": "iPhones at a real NanoMDM asked how they stand, and read back",
        "goal": "60 s, every phone known",
        "phones": phones,
        **ours,
        "peer": "one question for each phone by a bare loop, its events only counted",
        **_peer(refs),
    }


def _ours(refs: Sequence[str]) -> dict[str, Any]:
    with apple_managers() as servers:
        _enrol(servers, refs)
        context = _ground(servers, refs)
        servers.webhook.hears = lambda headers, body: managers.hear(context, "apple", headers, body)
        with spending() as spent:
            asked = managers.enforce(context)
            servers.answered(refs, _ANSWERS, WORKERS)
            servers.webhook.wait_for(_events(refs, 6), patience=_PATIENCE)
        with context.store.read() as connection:
            known = connection.execute(select(func.count(schema.phone_fact.c.phone_id.distinct()))).scalar()
        context.store.close()
    return {
        "seconds": round(spent.wall, 1),
        "processor_seconds": round(spent.cpu, 1),
        "asks": asked.count,
        "faults": asked.faults.total(),
        "phones_known": known,
    }


def _peer(refs: Sequence[str]) -> dict[str, Any]:
    with apple_managers() as servers:
        _enrol(servers, refs)
        with spending() as spent:
            connection = HTTPConnection(urlsplit(servers.url).netloc, timeout=20)
            key = base64.b64encode(f"nanomdm:{API_KEY}".encode()).decode()
            for ref in refs:
                body = write_command(str(uuid4()), {"RequestType": "ProfileList", "ManagedOnly": True})
                connection.request("PUT", f"/v1/enqueue/{ref}", body, {"Authorization": f"Basic {key}"})
                connection.getresponse().read()
            connection.close()
            servers.answered(refs, _ANSWERS, WORKERS)
            servers.webhook.wait_for(_events(refs, 1), patience=_PATIENCE)
    return {"peer_seconds": round(spent.wall, 1), "peer_processor_seconds": round(spent.cpu, 1)}


def _events(refs: Sequence[str], answers: int) -> int:
    """How many events there are in all: two of each enrolment, the greeting, and the answers."""
    return len(refs) * (2 + 1 + answers)


def _enrol(servers: AppleManagers, refs: Sequence[str]) -> None:
    servers.identify_all(refs)
    for ref in refs:
        servers.check_in(ref)
    servers.settle()


def _ground(servers: AppleManagers, refs: Sequence[str]) -> Context:
    """An installation that knows all the phones and whose they are, with everything due."""
    key = workspace() / "events.key"
    key.write_bytes(EVENTS_KEY)
    options = {
        "events_key_file": str(key),
        "topic": TOPIC,
        "phones": ",".join(refs),
        "apps": json.dumps({_WHATSAPP.key: sorted(_WHATSAPP.ids)}),
    }
    mdm = connect(Connection(servers.url, secret=API_KEY, options=options, limits=HttpLimits(5.0, 30.0, 60.0)))
    context = replace(
        context_on(empty_database("sqlite"), now=lambda: datetime.now(UTC)),
        mdms={"apple": mdm},
        watched=lambda: (_WHATSAPP,),
    )
    context.store.migrate()
    setup.found(context, "Invented organisation", demo=True)
    row = {"name": "apple", "vendor": "nanomdm", "base_url": servers.url, "login": "", "secret_file": "", "demo": True}
    with context.store.write() as connection:
        organisation.put_connection(connection, row)
    lines = [f"iphone-{n},worker-{n},Invented employer,apple,{ref}" for n, ref in enumerate(refs)]
    device_lists.import_devices(context, "\n".join(["device,worker,employer,connection,phone", *lines]))
    managers.refresh(context)
    return context


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(int, sys.argv[1:])), indent=2) + "\n")
