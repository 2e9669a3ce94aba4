"""Reports of use in the simulated Microsoft 365: settings, reports behind a link elsewhere, call records; with faults.

Our reading of VENDORS section 5.6, no more. A test arranges what accounts did by the classes' methods.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.vendors.graph import App, Asked, GraphCloud, Said, Tenant, error

CANARY = "the canary sings"
"""Stands in every column and field that is never read."""
COLUMNS = (
    "Report Refresh Date", "Tenant Display Name", "Shared Channel Tenant Display Names", "User Id",
    "User Principal Name", "Last Activity Date", "Is Deleted", "Deleted Date", "Assigned Products",
    "Team Chat Message Count", "Private Chat Message Count", "Call Count", "Meeting Count", "Audio Duration",
    "Audio Duration In Seconds", "Has Other Action", "Is Licensed", "Report Period",
)  # fmt: skip


@dataclass
class Warehouse:
    """Where reports lie, on another host: whoever has the link reads them. seen: the headers that came with it."""

    texts: dict[str, bytes] = field(default_factory=dict)
    seen: list[Mapping[str, str]] = field(default_factory=list)
    address: str = ""

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        self.seen.append({name: value for name, value in environ.items() if name.startswith("HTTP_")})
        body = self.texts.pop(environ["QUERY_STRING"], None)
        start("200 Said" if body is not None else "403 Said", [("Content-Type", "application/octet-stream")])
        return [body or b""]


@dataclass
class Use:
    """What one account did on one day."""

    account: str
    day: date
    messages: int = 0
    calls: int = 0
    seconds: int = 0


class ReportsCloud(GraphCloud):
    """Microsoft 365 with reports in it. late: days between the newest report and today. columns: in their order."""

    spoken = ("/reports/", "/admin/", "/communications/")

    def __init__(self, today: date) -> None:
        super().__init__()
        self.today = today
        self.late = 2
        self.concealed = False
        self.tells_settings = True
        self.columns = COLUMNS
        self.warehouse = Warehouse()
        self.uses: list[Use] = []
        self.pstn: list[dict[str, Any]] = []
        self.direct: list[dict[str, Any]] = []

    def call(self, account: str, at: str, kind: str = "user_out", seconds: int = 60, number: str = "") -> None:
        """Record a call with the telephone network, by Microsoft's line or by direct routing."""
        incoming = kind.lower().startswith(("user_in", "byotin"))
        lines = self.direct if kind.startswith("Byot") else self.pstn
        item: dict[str, Any] = {
            "id": f"call-{len(self.pstn) + len(self.direct)}",
            "userPrincipalName": account,
            "userId": "00000000-0000-4000-8000-000000000001",
            "userDisplayName": CANARY,
            "startDateTime": at,
            "endDateTime": at,
            "duration": seconds,
            "callType": kind,
            "callerNumber": number if incoming else "+31200000000",
            "calleeNumber": "+31200000000" if incoming else number,
        }
        if lines is self.direct:
            item["successfulCall"] = seconds > 0
        else:
            item["destinationName"] = CANARY
        lines.append(item)

    def _one(self, asked: Asked, tenant: Tenant, app: App, origin: str) -> Said:
        if asked.path == "/admin/reportSettings":
            if not self.tells_settings:
                return error(403, "Forbidden")
            return Said(200, {"displayConcealedNames": self.concealed})
        found = re.fullmatch(r"/reports/getTeamsUserActivityUserDetail\((date=(\S+)|period='D7')\)", asked.path)
        if found is not None:
            return self._report(date.fromisoformat(found[2]) if found[2] else None)
        found = re.fullmatch(
            r"/communications/callRecords/(getPstnCalls|getDirectRoutingCalls)\(fromDateTime=(\S+),toDateTime=(\S+)\)",
            asked.path,
        )
        if found is not None:
            lines = self.pstn if found[1] == "getPstnCalls" else self.direct
            return self._calls(asked, lines, date.fromisoformat(found[2]), date.fromisoformat(found[3]), origin)
        return super()._one(asked, tenant, app, origin)

    def _report(self, day: date | None) -> Said:
        fresh = self.today - timedelta(days=self.late)
        if day is not None and not self.today - timedelta(days=30) <= day <= self.today:
            return error(400, "InvalidArgument")
        uses = self.uses if day is None else [use for use in self.uses if use.day == day]
        known = [use for use in uses if use.day <= fresh]
        if day is not None and known:
            known.append(Use("idle@org.example", day))
        out = io.StringIO()
        writer = csv.DictWriter(out, self.columns, extrasaction="ignore")
        writer.writeheader()
        for use in known:
            concealed = f"{hash(use.account) & (2**128 - 1):032X}" if self.concealed else use.account
            whole = {
                **dict.fromkeys(COLUMNS, CANARY),
                "Report Refresh Date": fresh.isoformat(),
                "User Principal Name": concealed,
                "Last Activity Date": fresh.isoformat(),
                "Team Chat Message Count": use.messages // 2,
                "Private Chat Message Count": use.messages - use.messages // 2,
                "Call Count": use.calls,
                "Audio Duration": f"PT{use.seconds // 60}M{use.seconds % 60}S",
                "Audio Duration In Seconds": use.seconds,
            }
            writer.writerow({name: whole[name] for name in self.columns})
        key = f"token=secret-{next(self._numbers)}"
        self.warehouse.texts[key] = b"\xef\xbb\xbf" + out.getvalue().encode()
        return Said(302, None, {"Location": f"{self.warehouse.address}/data?{key}"})

    def _calls(self, asked: Asked, lines: list[dict[str, Any]], begin: date, end: date, origin: str) -> Said:
        if (end - begin).days > 90 or end > self.today:
            return error(400, "BadRequest")
        found = [each for each in lines if begin <= _utc(each["startDateTime"]).date() < end]
        skip = int(asked.query.get("$skip", 0))
        body: dict[str, Any] = {"@odata.context": "c", "value": found[skip : skip + 3]}
        if len(found) > skip + 3:
            body["@odata.nextLink"] = f"{origin}{asked.raw}?$skip={skip + 3}"
        return Said(200, body)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
