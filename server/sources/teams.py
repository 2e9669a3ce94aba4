"""Teams through Graph: how much an account was used on a day, and its calls with the telephone network; never what.

An account is used on laptops too, so nothing here is of a device. Names that Microsoft conceals stay concealed: the
setting is read, told, and never changed. Of a call the other number goes to the classifier, which forgets it;
display names are not read. VENDORS section 5.6 has the sources.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from mdm_adapters.http import Connection, HttpClient, HttpLimits
from mdm_adapters.microsoft import LOGIN, OWN, SECRET, URL, Graph, Turns, json_of, open_graph
from mdm_adapters.options import ConnectionKind, Grant, Sort, said
from mdm_adapters.port import Denied, Fault, Garbled, Missing
from mdm_adapters.reach import NetworkReach
from server.sources.pulled import MOST_RECORDS, NOBODY, Feed, Pulled, cell, day_of

ACTIVITY_HEADER = ("account", "dag", "berichten", "gesprekken", "seconden")
CALLS_HEADER = ("account", "dag", "ander nummer", "richting", "seconden")
_REPORT = "getTeamsUserActivityUserDetail"
_REPORTS_KEPT = 28
"""Days back for which Microsoft gives a report of one day."""
_REPORTS_AT_ONCE = 12
"""Reports are given 14 times in ten minutes at most; one is asked for to learn how fresh they are."""
_TURNS = (13, 600.0)
_WEEK = timedelta(days=7)
_ACCOUNT, _FRESH = "User Principal Name", "Report Refresh Date"
_MESSAGES = ("Team Chat Message Count", "Private Chat Message Count")
_CALLS, _SECONDS, _CLOCK = "Call Count", "Audio Duration In Seconds", "Audio Duration"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class TeamsActivity(Feed):
    """What each account did in Teams on a day: messages, calls one to one, seconds of sound.

    Microsoft is about two days late and says so in each report; what it has not counted yet is not told. At most twelve
    days are told at a time.
    """

    mapping = "teams-activity"
    subject = "account"

    def __init__(self, graph: Graph, open_client: Callable[[str], HttpClient]) -> None:
        """open_client: to another host, without credentials: reports lie elsewhere, and the address is the key."""
        self._graph = graph
        self._open_client = open_client

    def _check(self) -> None:
        self._graph.sign_in()
        self._concealed()

    def _pull(self, since: date, until: date) -> Pulled:
        concealed = self._concealed()
        latest = self._report("period='D7'")
        fresh = max((day for row in latest if (day := day_of(row.get(_FRESH))) is not None), default=None)
        if fresh is None:
            return Pulled(ACTIVITY_HEADER, (), since, since - timedelta(days=1), until, concealed=concealed)
        last = min(until, fresh)
        first = max(since, last - timedelta(days=_REPORTS_AT_ONCE - 1), until - timedelta(days=_REPORTS_KEPT))
        rows: list[tuple[str, ...]] = []
        for step in range((last - first).days + 1):
            day = first + timedelta(days=step)
            told = [_activity(row, day) for row in self._report(f"date={day.isoformat()}")]
            # A report of a day counts that day's use; who has none in it is listed for being licensed.
            rows += [row for row in told if set(row[2:]) != {"0"}]
        if concealed is None:
            concealed = bool(rows) and all("@" not in row[0] for row in rows)
        if concealed:
            rows = [(NOBODY, *row[1:]) for row in rows]
        return Pulled(ACTIVITY_HEADER, rows, first, last, until, concealed=concealed)

    def _concealed(self) -> bool | None:
        """Whether Microsoft conceals names; None: this application may not know."""
        try:
            found = json_of(self._graph.call("reports", "GET", "/admin/reportSettings")).get("displayConcealedNames")
        except (Denied, Missing):
            return None
        return found if isinstance(found, bool) else None

    def _report(self, which: str) -> Sequence[Mapping[str, str]]:
        """One report, of the columns that are read."""
        reply = self._graph.call("reports", "GET", f"/reports/{_REPORT}({which})", handles=frozenset({302}))
        link = reply.headers.get("Location", "")
        if reply.status != 302 or not link:
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        http = self._open_client(link)
        try:
            body = http.call("GET", link, headers={"Accept": "text/csv"}).body
        finally:
            http.close()
        return list(_rows(body))


ACTIVITY_CONNECTION = ConnectionKind(
    "teams-activity",
    Sort.FEED,
    said("Teams, use"),
    said("Microsoft Teams: how much it is used"),
    said("Reports how many messages and calls each account had on a day; never with whom, and never what was said."),
    url=URL,
    login=LOGIN,
    secret=SECRET,
    own=OWN,
    grants=(
        Grant("Reports.Read.All", said("To read the reports on use."), ("The service answers",)),
        Grant(
            "ReportSettings.Read.All",
            said("To see whether names are concealed in them. The setting is never changed."),
            always=False,
        ),
    ),
)
"""What a connection to the reports on Teams says."""


def connect_activity(connection: Connection) -> TeamsActivity:
    """The feed of a connection. ValueError: it is not valid; nobody is called."""
    graph = open_graph(ACTIVITY_CONNECTION, connection, turns=Turns(most=_TURNS[0] + 1, window=_TURNS[1]))
    secure = urlsplit(connection.url).scheme == "https"
    return TeamsActivity(graph, lambda link: _door_to(link, connection.limits, connection.ca_file, secure=secure))


def _door_to(link: str, limits: HttpLimits, ca_file: str | None, *, secure: bool) -> HttpClient:
    """Garbled(REDIRECTED): the address is none, or would be read along on the way."""
    try:
        parts = urlsplit(link)
        if parts.scheme == "https" or (not secure and parts.hostname in _LOOPBACK):
            # The address is the server's word, not a person's: it may not lead into our own network.
            reach = NetworkReach.INTERNET if secure else NetworkReach.AS_WRITTEN
            return HttpClient(f"{parts.scheme}://{parts.netloc}/", limits=limits, ca_file=ca_file, reach=reach)
    except ValueError:
        pass
    raise Garbled(Fault.REDIRECTED) from None


def _rows(body: bytes) -> Iterator[Mapping[str, str]]:
    """Records by the names of their columns, whose order changes; Garbled: it is no such report."""
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        at = {name: header.index(name) for name in _NEEDED if name in header}
        if not {_ACCOUNT, _FRESH} <= at.keys():
            raise Garbled(Fault.BAD_BODY)
        for count, record in enumerate(reader):
            if count >= MOST_RECORDS:
                raise Garbled(Fault.TOO_LARGE)
            if len(record) == len(header):
                yield {name: record[index] for name, index in at.items()}
            elif record:
                raise Garbled(Fault.BAD_BODY)
    except (UnicodeDecodeError, csv.Error):
        raise Garbled(Fault.BAD_BODY) from None


_NEEDED = (_ACCOUNT, _FRESH, *_MESSAGES, _CALLS, _SECONDS, _CLOCK)


def _activity(row: Mapping[str, str], day: date) -> tuple[str, ...]:
    counts = [row.get(name, "") for name in _MESSAGES]
    # What is no number stays as it is, and is a fault by the mapping.
    sent = str(sum(map(int, counts))) if all(map(str.isdecimal, counts)) else "no number"
    seconds = row[_SECONDS] if _SECONDS in row else _seconds(row.get(_CLOCK, ""))
    return (row[_ACCOUNT].strip() or NOBODY, day.isoformat(), sent, row.get(_CALLS, ""), seconds)


def _seconds(duration: str) -> str:
    """PT1H2M3S in seconds; what is none stays none."""
    found = _DURATION.fullmatch(duration)
    if found is None or duration in ("P", "PT"):
        return "no number"
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return str(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


# --- calls with the telephone network -------------------------------------------------------------------------------


class TeamsCalls(Feed):
    """Calls of accounts with the telephone network, by Microsoft's own lines and by direct routing.

    Told up to yesterday. Lines of conferences, voice menus and what was forwarded or handed on are nobody's own call,
    and are counted apart with calls that were not answered.
    """

    mapping = "teams-calls"
    subject = "account"

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def _check(self) -> None:
        self._graph.sign_in()

    def _pull(self, since: date, until: date) -> Pulled:
        last = until - timedelta(days=1)
        rows: list[tuple[str, ...]] = []
        passed = 0
        seen: set[str] = set()
        # In the evening it is the next day in Amsterdam and not yet in UTC, which is what Graph counts in.
        start = since - timedelta(days=1)
        while start < until:
            end = min(start + _WEEK, until)
            for function in ("getPstnCalls", "getDirectRoutingCalls"):
                asked = f"/communications/callRecords/{function}(fromDateTime={start},toDateTime={end})"
                for page in self._graph.pages("callRecords", asked):
                    for item in page.items:
                        ref = item.get("id")
                        day = day_of(item.get("startDateTime"))
                        if ref in seen or day is None or not since <= day <= last:
                            continue
                        seen.add(str(ref))
                        row = _call(item, day)
                        passed += row is None
                        rows += [] if row is None else [row]
                        if len(rows) > MOST_RECORDS:
                            raise Garbled(Fault.NO_END)
            start = end
        return Pulled(CALLS_HEADER, rows, since, last, until, passed)


CALLS_CONNECTION = ConnectionKind(
    "teams-calls",
    Sort.FEED,
    said("Teams, calls"),
    said("Microsoft Teams: calls with the telephone network"),
    said("Reports for each call who of the organisation called or was called, when and for how long."),
    url=URL,
    login=LOGIN,
    secret=SECRET,
    own=OWN,
    grants=(Grant("CallRecord-PstnCalls.Read.All", said("To read the list of calls."), ("The service answers",)),),
)
"""What a connection to the calls of Teams says."""


def connect_calls(connection: Connection) -> TeamsCalls:
    """The feed of a connection. ValueError: it is not valid; nobody is called."""
    return TeamsCalls(open_graph(CALLS_CONNECTION, connection, turns=Turns(most=200, window=60.0)))


_INCOMING = frozenset({"user_in", "byotin", "dr_in"})
_OUTGOING = frozenset({"user_out", "byotout", "dr_out", "dr_emergency_out"})
"""What a person did: a call that was forwarded or handed on, a line of a conference (of which the user is the one who
called it together) and a voice menu are no calls of a worker's own.
"""


def _call(item: Mapping[str, Any], day: date) -> tuple[str, ...] | None:
    """One call; None: it is nobody's, or was not answered."""
    kind = cell(item.get("callType")).casefold()
    incoming = kind in _INCOMING
    if not incoming and kind not in _OUTGOING:
        return None
    if item.get("successfulCall") is False or not item.get("duration"):
        return None
    number = item.get("callerNumber" if incoming else "calleeNumber")
    account = cell(item.get("userPrincipalName")).strip() or NOBODY
    return (account, day.isoformat(), cell(number), "in" if incoming else "out", cell(item.get("duration")))
