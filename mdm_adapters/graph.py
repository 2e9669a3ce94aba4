"""Contacts in Microsoft 365 mailboxes through Graph: a `ContactStore`; what a contact means is not decided here.

`Place.address` is one mailbox: the user's id, or the principal name. VENDORS section 5 has the sources.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from mdm_adapters.http import USER_AGENT, Connection, given_in
from mdm_adapters.microsoft import (
    AT_ONCE,
    LOGIN,
    OWN,
    SECRET,
    URL,
    BatchAnswer,
    BatchRequest,
    Graph,
    failed,
    instant_of,
    json_of,
    open_graph,
    quoted,
    ref_of,
)
from mdm_adapters.options import ConnectionKind, Grant, Option, OptionChoice, OptionKind, Sort, said
from mdm_adapters.outlook import SELECT, Contact, CutPlan, PropertyChange, is_whole, judge, plan_cut, read_contact
from mdm_adapters.port import (
    YES,
    Beacon,
    Capability,
    CapabilityAnswer,
    ContactStore,
    Cut,
    Denied,
    Entry,
    Fault,
    Garbled,
    Hint,
    Look,
    Match,
    Missing,
    Outcome,
    Place,
    PortError,
    Receipt,
    Shape,
    Trial,
    Unreachable,
    Watching,
    no,
    partly,
    trial_of_way,
)
from mdm_adapters.shapes import Delete, Unclear

MOST_FOLDERS = 1_000
MOST_CURSOR = 512 * 1024
"""Characters. A mailbox whose links take more is looked at in full each time."""
_MOST_UNPACKED = 16 * MOST_CURSOR
_ROUNDS = 8
_STARTS = 3
_PAGE_SIZE = 200

_FIELDS = ",".join(SELECT)
_FOLDERS = "contactFolders?$select=id&$top=100"
_LOST = frozenset({404, 410})
# Besides 410, a link that Graph knows no more may count as badly formed.
_LOST_LINK = _LOST | {400}
_MOVED_ON = frozenset({409, 412})
_ITEM_NOT_FOUND = "ErrorItemNotFound"
_SUBSCRIPTIONS = "/subscriptions"
_WATCHED_FOR = timedelta(minutes=4_200)
"""Sources disagree on how long Graph keeps a subscription to contacts: 4,230 minutes is what all of them allow."""
_RENEWED_BEFORE = timedelta(hours=46)
"""Renewed about once a day, which also answers Graph's wish to see the application's rights anew."""
_JSON = {"Content-Type": "application/json"}
_NOTHING_LOST = frozenset({None, "reauthorizationRequired"})
_MARK = re.compile(r"[^A-Za-z0-9._:-]")

_CAPABILITIES: Mapping[Capability, CapabilityAnswer] = {
    Capability.READ_CONTACTS: partly(
        "Graph shows one mobile number, business and home numbers, addresses, names and notes. "
        "A number kept as pager, fax or second mobile number is in none of its answers."
    ),
    Capability.REMOVE_CONTACTS: YES,
    Capability.TRIM_CONTACTS: YES,
    Capability.PUT_CONTACTS: no("Contacts are not put back at Microsoft 365 yet."),
    Capability.DELTA: YES,
    Capability.GUARDED_WRITES: partly(
        "A change is guarded by the version of the contact; a deletion cannot be, so it is read again just before."
    ),
    Capability.ERASES_AT_ONCE: partly(
        "A deleted contact stays for some days where its owner cannot reach it, and longer under a hold or retention. "
        "What the owner deleted earlier is in the deleted items."
    ),
    Capability.DEVICE_SYNC_PROOF: no(
        "Graph does not say when a phone synchronised its contacts. The statistics of Exchange do: "
        "closeout device stats imports them."
    ),
    Capability.EVENTS: partly(
        "Graph sends notifications of changes in the default folder, and an address book is then read "
        "sooner. They are only a reason to read: what they leave out is found by asking."
    ),
}
_SOFTLY: Mapping[Capability, CapabilityAnswer] = {
    Capability.REMOVE_CONTACTS: partly(
        "This connection moves contacts to the deleted items, so none of its removals is verified."
    ),
    Capability.ERASES_AT_ONCE: no("This connection deletes so that the owner of the mailbox can take contacts back."),
}


@dataclass(slots=True)
class _Visit:
    """One look under way. seen: ref -> entry, None for a private one. versions: ref -> change key, of all read so far.

    default: id of the default folder, once known.
    """

    mailbox: str
    key: str
    headers: Mapping[str, str]
    match: Match
    end: float
    default: str | None = None
    full: bool = True
    seen: dict[str, Entry | None] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)


class GraphContacts(ContactStore):
    """One application in one tenant, for all the mailboxes in its scope.

    softly: delete so that the owner can take it back. probe: a mailbox that must be refused. patience: seconds that one
    look may take in all. monotonic: the clock for it.
    """

    batch = 20

    def __init__(
        self,
        graph: Graph,
        *,
        softly: bool = False,
        probe: str = "",
        patience: float = 1800.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._graph = graph
        self._softly = softly
        self._probe = probe
        self._patience = patience
        self._monotonic = monotonic

    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        """Every capability, as this connection is configured."""
        return {**_CAPABILITIES, **_SOFTLY} if self._softly else _CAPABILITIES

    def close(self) -> None:
        """Let go of the connections."""
        self._graph.close()

    # --- looking

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        start = self._visit(place, match, mark)
        links = _links_of(cursor, place)
        if links:
            visit = replace(start, full=False, default=next(iter(links)))
            after = self._settle(visit, links)
            if after is not None:
                entries = tuple(entry for entry in visit.seen.values() if entry is not None)
                gone, touched = frozenset(visit.gone), frozenset(visit.touched)
                return Look(False, entries, _cursor(place, visit.default, after), len(visit.seen), gone, touched)
        for _ in range(_STARTS):
            visit = replace(start, seen={}, versions={}, gone=set(), touched=set())
            after = self._settle(visit, {})
            if after is not None:
                entries = tuple(entry for entry in visit.seen.values() if entry is not None)
                return Look(True, entries, _cursor(place, visit.default, after), len(visit.seen))
        raise Unreachable(Fault.SERVER_ERROR)

    def _look_up(self, place: Place, refs: Sequence[str], match: Match, mark: str) -> Sequence[Entry]:
        visit = self._visit(place, match, mark)
        self._judge(visit, self._read_again(visit, tuple(dict.fromkeys(refs))))
        if visit.gone:
            self._open(place.address)  # what is not there is gone only if its mailbox is there
        return [entry for entry in visit.seen.values() if entry is not None]

    def _visit(self, place: Place, match: Match, mark: str) -> _Visit:
        agent = f"{USER_AGENT} (look {_MARK.sub('', mark)})" if mark else USER_AGENT
        headers = {"User-Agent": agent, "Prefer": f"odata.maxpagesize={_PAGE_SIZE}"}
        end = self._monotonic() + self._patience
        return _Visit(_mailbox(place.address), place.address, headers, match, end)

    def _settle(self, visit: _Visit, links: Mapping[str, str]) -> dict[str, str] | None:
        """Read all folders from their links until nothing changes; the links after it. None: start again in full.

        A contact that is moved while its old and its new folder are read could be in neither answer. When a whole
        round brought nothing new, every folder was at one moment as it was read, and no other folder was there.
        """
        after = dict(links)
        for _ in range(_ROUNDS):
            folders = self._folders(visit)
            if after.keys() - set(folders):
                return None  # a folder went with all that was in it, and nobody says what that was
            news = False
            for folder in folders:
                link, changed = self._follow(visit, folder, after.get(folder))
                if link is None:
                    return None
                news = news or changed or folder not in after
                after[folder] = link
            if not news:
                return after
        if len(after) > 1:
            raise Unreachable(Fault.TIMED_OUT)
        return after

    def _folders(self, visit: _Visit) -> Sequence[str]:
        """The ids of all contact folders, the default one first; Missing: the mailbox is not there."""
        top = self._ids(visit, f"{visit.mailbox}/{_FOLDERS}", frozenset()) or ()
        if visit.default is None:
            visit.default = self._default_folder(visit.key, visit.headers)
        found: dict[str, None] = {}
        todo = [*([visit.default] if visit.default else []), *top]
        for folder in todo:  # which grows meanwhile
            if folder in found:
                continue
            # The list above is that of the children of the default folder: only a full look makes sure of it.
            if visit.full or folder != visit.default:
                address = f"{visit.mailbox}/contactFolders/{quoted(folder)}/childFolders?$select=id&$top=100"
                children = self._ids(visit, address, _LOST)
                if children is None:
                    continue
                todo.extend(children)
            found[folder] = None
            if len(todo) > MOST_FOLDERS:
                raise Garbled(Fault.NO_END)
        return tuple(found)

    def _default_folder(self, address: str, headers: Mapping[str, str]) -> str | None:
        """Its id; None: it cannot be told, and the folder is empty."""
        mailbox = _mailbox(address)
        named = f"{mailbox}/contactFolders/contacts"
        reply = self._graph.call(address, "GET", named, headers=headers, handles=_LOST_LINK, patient=True)
        if reply.status == 200:
            return ref_of(json_of(reply).get("id"))
        # Not every tenant knows the folder by this name: any contact in it tells its id.
        first = f"{mailbox}/contacts?$top=1&$select=id,parentFolderId"
        items = json_of(self._graph.call(address, "GET", first, headers=headers, patient=True)).get("value")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return ref_of(items[0].get("parentFolderId")) if items else None

    def _ids(self, visit: _Visit, address: str, handles: frozenset[int]) -> Sequence[str] | None:
        ids: list[str] = []
        for page in self._graph.pages(visit.key, address, headers=visit.headers, handles=handles):
            if page.status in handles:
                return None
            ids += [ref_of(item.get("id")) for item in page.items]
            if len(ids) > MOST_FOLDERS:
                raise Garbled(Fault.NO_END)
        return ids

    def _follow(self, visit: _Visit, folder: str, link: str | None) -> tuple[str | None, bool]:
        """Read a folder from its link, or from its beginning: the link after it, None if it is lost; and any news."""
        address = link or f"{visit.mailbox}/contactFolders/{quoted(folder)}/contacts/delta?$select={_FIELDS}"
        handles = _LOST_LINK if link else _LOST
        after: str | None = None
        news = False
        for page in self._graph.pages(visit.key, address, headers=visit.headers, handles=handles):
            if page.status in handles:
                return None, news
            if self._monotonic() > visit.end:
                raise Unreachable(Fault.TIMED_OUT)
            news = self._take(visit, page.items) or news
            after = page.delta_link
        if after is None:
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        return after, news

    def _take(self, visit: _Visit, items: Iterable[Mapping[str, Any]]) -> bool:
        """Take in a page of changes; whether it said anything new. Items may repeat, in any order."""
        news = False
        read: dict[str, Mapping[str, Any]] = {}
        doubtful: dict[str, str | None] = {}
        for item in items:
            ref = ref_of(item.get("id"))
            version = None if "@removed" in item else _text(item.get("changeKey"))
            if ref in visit.touched:
                repeated = ref in visit.gone if "@removed" in item else version and _known(visit, ref) == version
                if not repeated:  # moved, removed or changed meanwhile: which of the two is later is not said
                    doubtful.setdefault(ref, _known(visit, ref))
                    read.pop(ref, None)
                continue
            visit.touched.add(ref)
            news = True
            if "@removed" in item:
                visit.gone.add(ref)
            elif is_whole(item):
                read[ref] = item
                visit.versions[ref] = version
            else:
                doubtful[ref] = None
        read.update(self._read_again(visit, tuple(doubtful)))
        self._judge(visit, read)
        return news or any(_known(visit, ref) != before for ref, before in doubtful.items())

    def _read_again(self, visit: _Visit, refs: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for at in range(0, len(refs), AT_ONCE):
            group = refs[at : at + AT_ONCE]
            parts = [BatchRequest("GET", f"{visit.mailbox}/contacts/{quoted(ref)}?$select={_FIELDS}") for ref in group]
            for ref, answer in zip(group, self._graph.batch(visit.key, parts, patient=True), strict=True):
                if isinstance(answer, PortError):
                    raise answer
                if answer.status == 404 and answer.code == _ITEM_NOT_FOUND:
                    visit.gone.add(ref)
                    visit.seen.pop(ref, None)
                elif answer.status == 200 and answer.body.get("id") == ref:
                    found[ref] = answer.body
                    visit.gone.discard(ref)
                    visit.versions[ref] = _text(answer.body.get("changeKey"))
                else:
                    raise failed(answer) if answer.status != 200 else Garbled(Fault.NOT_THE_PROTOCOL)
        return found

    def _judge(self, visit: _Visit, items: Mapping[str, Mapping[str, Any]]) -> None:
        contacts: list[tuple[str, Contact]] = []
        for ref, item in items.items():
            contact = read_contact(item)
            if contact is None:
                visit.seen[ref] = Entry(ref, visit.versions[ref], Shape.UNREADABLE)
            else:
                contacts.append((ref, contact))
        readings = visit.match([contact.fields for _, contact in contacts]) if contacts else ()
        for (ref, contact), read in zip(contacts, readings, strict=True):
            judged = judge(contact, read)
            visit.seen[ref] = None if judged is None else Entry(ref, visit.versions[ref], *judged)

    # --- removing

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        receipts: list[Receipt] = []
        for at in range(0, len(cuts), AT_ONCE):
            receipts += self._cut(place, cuts[at : at + AT_ONCE], match)
        return receipts

    def _cut(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        """Read at most `AT_ONCE` contacts again, at once do what they call for, and say what became of each."""
        mailbox = _mailbox(place.address)
        reads = [
            BatchRequest(
                "GET", f"{mailbox}/contacts/{quoted(cut.ref)}?$select={'id,changeKey' if _decided(cut) else _FIELDS}"
            )
            for cut in cuts
        ]
        seen = [self._seen(*each) for each in zip(cuts, self._ask(place, reads), strict=True)]
        found = [(cut, item) for cut, item in zip(cuts, seen, strict=True) if not isinstance(item, Receipt)]
        made = iter([self._step(mailbox, *each) for each in zip(found, _plans(found, match), strict=True)])
        steps = [each if isinstance(each, Receipt) else next(made) for each in seen]
        answers = iter(self._ask(place, [step for step in steps if isinstance(step, BatchRequest)]))
        receipts = [step if isinstance(step, Receipt) else self._receipt(step, next(answers)) for step in steps]
        return self._confirmed(place, receipts)

    def _ask(self, place: Place, parts: Sequence[BatchRequest]) -> Sequence[BatchAnswer | PortError]:
        if not parts:
            return ()
        try:
            return self._graph.batch(place.address, parts)
        except PortError as error:
            failure = error
        return [_anew(failure) for _ in parts]

    def _seen(self, cut: Cut, answer: BatchAnswer | PortError) -> Receipt | Mapping[str, Any]:
        """The contact as just read; or, if nothing is to be done with it, why."""
        if isinstance(answer, PortError):
            return Receipt(None, answer, status=answer.status)
        if answer.status != 200:
            return self._refused(answer)
        if answer.body.get("id") != cut.ref:
            return Receipt(None, Garbled(Fault.NOT_THE_PROTOCOL), status=answer.status)
        if cut.version and cut.version != answer.body.get("changeKey"):
            return Receipt(Outcome.CHANGED, status=answer.status)
        return answer.body

    def _step(self, mailbox: str, found: tuple[Cut, Mapping[str, Any]], plan: CutPlan) -> Receipt | BatchRequest:
        cut, item = found
        version = _text(item.get("changeKey"))
        etag = _text(item.get("@odata.etag")) or (f'W/"{version}"' if version else None)
        guard = {"If-Match": etag} if etag else {}
        address = f"{mailbox}/contacts/{quoted(cut.ref)}"
        if isinstance(plan, PropertyChange):
            return BatchRequest("PATCH", address, guard, plan.properties)
        if isinstance(plan, Delete):
            return (
                BatchRequest("DELETE", address, guard)
                if self._softly
                else BatchRequest("POST", f"{address}/permanentDelete")
            )
        return Receipt(Outcome.UNCLEAR if isinstance(plan, Unclear) else Outcome.ALREADY_GONE, status=200)

    def _receipt(self, part: BatchRequest, answer: BatchAnswer | PortError) -> Receipt:
        if isinstance(answer, PortError):
            return Receipt(None, answer, status=answer.status)
        if 200 <= answer.status < 300:
            if part.method == "PATCH":
                return Receipt(Outcome.TRIMMED, status=answer.status)
            return Receipt(Outcome.REMOVED, recoverable=self._softly, status=answer.status)
        if answer.status in _MOVED_ON:
            return Receipt(Outcome.CHANGED, status=answer.status)
        if answer.status == 400 and part.method == "PATCH":
            # The mailbox holds a contact that it does not take back: only its owner can cut it.
            return Receipt(Outcome.UNCLEAR, status=answer.status)
        return self._refused(answer)

    def _refused(self, answer: BatchAnswer) -> Receipt:
        if answer.status == 404 and answer.code == _ITEM_NOT_FOUND:
            # It may have been us, softly: then it is in the deleted items, and this proves nothing.
            return Receipt(Outcome.ALREADY_GONE, recoverable=self._softly, status=answer.status)
        return Receipt(None, failed(answer), status=answer.status)

    def _confirmed(self, place: Place, receipts: Sequence[Receipt]) -> Sequence[Receipt]:
        """Contacts that are not there are gone only if their mailbox is there."""
        if not any(map(_is_gone, receipts)):
            return receipts
        try:
            self._open(place.address)
        except PortError as error:
            failure = error
        else:
            return receipts
        return [Receipt(None, _anew(failure), status=failure.status) if _is_gone(each) else each for each in receipts]

    def _open(self, address: str) -> None:
        """Raises PortError unless the mailbox answers."""
        found = json_of(self._graph.call(address, "GET", f"{_mailbox(address)}/contactFolders?$select=id&$top=1"))
        if not isinstance(found.get("value"), list):
            raise Garbled(Fault.NOT_THE_PROTOCOL)

    # --- hints

    def _watch(self, beacons: Sequence[Beacon], base: str, now: datetime) -> Watching:
        wanted = {beacon.url: beacon for beacon in beacons}
        tally: Counter[str] = Counter()
        faults: list[Fault] = []
        known: set[str] = set()
        for item in self._subscriptions(base):
            ref, url = ref_of(item.get("id")), str(item.get("notificationUrl"))
            beacon = wanted.get(url)
            if beacon is None or url in known or _bare(item.get("resource")) != _bare(_watched(beacon.place)):
                self._end(ref)
                continue
            until = instant_of(item.get("expirationDateTime"))
            if until is not None and until - now > _RENEWED_BEFORE:
                known.add(url)
                tally["kept"] += 1
            elif self._renew(ref, now):
                known.add(url)
                tally["renewed"] += 1
        for beacon in (beacon for url, beacon in wanted.items() if url not in known):
            try:
                self._begin(beacon, now)
                tally["made"] += 1
            except PortError as error:  # of this mailbox: it is found by asking, as are all
                faults.append(error.fault)
        return Watching(**tally, faults=tuple(faults))

    def _subscriptions(self, base: str) -> Sequence[Mapping[str, Any]]:
        """All that were made for us; read whole before any is changed, since a list that changes may lose some."""
        items = [item for page in self._graph.pages(_SUBSCRIPTIONS, _SUBSCRIPTIONS) for item in page.items]
        return [item for item in items if str(item.get("notificationUrl")).startswith(base)]

    def _begin(self, beacon: Beacon, now: datetime) -> None:
        body = {
            "changeType": "created,updated,deleted",
            "notificationUrl": beacon.url,
            "lifecycleNotificationUrl": beacon.url,
            "resource": _watched(beacon.place),
            "expirationDateTime": _instant(now + _WATCHED_FOR),
            "clientState": beacon.secret,
        }
        self._graph.call(beacon.place.address, "POST", _SUBSCRIPTIONS, headers=_JSON, body=json.dumps(body).encode())

    def _renew(self, ref: str, now: datetime) -> bool:
        """Whether it is still there to be renewed."""
        address, body = f"{_SUBSCRIPTIONS}/{quoted(ref)}", {"expirationDateTime": _instant(now + _WATCHED_FOR)}
        reply = self._graph.call(
            _SUBSCRIPTIONS, "PATCH", address, headers=_JSON, body=json.dumps(body).encode(), handles=_LOST
        )
        return reply.status not in _LOST

    def _end(self, ref: str) -> None:
        self._graph.call(_SUBSCRIPTIONS, "DELETE", f"{_SUBSCRIPTIONS}/{quoted(ref)}", handles=_LOST)

    def _hear(self, secret: str, body: bytes) -> frozenset[Hint]:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise Garbled(Fault.BAD_BODY) from None
        items = found.get("value") if isinstance(found, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        proven = [item for item in items if _is_proven(item.get("clientState"), secret)]
        if not proven:
            raise Denied(Fault.WRONG_CREDENTIALS)
        told = {item.get("lifecycleEvent") for item in proven}
        # A kind of event that we do not know may mean that something went untold.
        return frozenset({Hint.CHANGED if told <= _NOTHING_LOST else Hint.MISSED})

    # --- trying

    def _check(self, place: Place) -> Sequence[Trial]:
        trials = [trial_of_way(encrypted=self._graph.encrypted, near=self._graph.private)]
        if not _try(trials, "Microsoft signs the application in", self._graph.sign_in):
            return trials
        if not _try(trials, "The mailbox answers the application", lambda: self._open(place.address)):
            return trials
        _try(
            trials,
            "Changes since the last reading can be asked for",
            lambda: self._gives_changes(place),
            Fault.NOT_THE_PROTOCOL,
        )
        _try(
            trials,
            "A contact that is not there is said not to be",
            lambda: self._says_absent(place),
            Fault.ACCEPTS_ANYTHING,
        )
        _try(trials, "A mailbox outside the scope is refused", self._is_narrow, Fault.SCOPE_TOO_WIDE)
        return trials

    def _gives_changes(self, place: Place) -> bool | None:
        folder = self._default_folder(place.address, {})
        if folder is None:
            return None
        address = f"{_mailbox(place.address)}/contactFolders/{quoted(folder)}/contacts/delta?$select=id"
        headers = {"Prefer": "odata.maxpagesize=1"}
        found = json_of(self._graph.call(place.address, "GET", address, headers=headers))
        return "@odata.nextLink" in found or "@odata.deltaLink" in found

    def _says_absent(self, place: Place) -> bool:
        stranger = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii")
        address = f"{_mailbox(place.address)}/contacts/{quoted(stranger)}?$select=id"
        return self._graph.call(place.address, "GET", address, handles=_LOST_LINK).status != 200

    def _is_narrow(self) -> bool | None:
        """Whether a mailbox that is none of ours is refused; None: there is none to try it with."""
        if not self._probe:
            return None
        try:
            self._open(self._probe)
        except Denied as error:
            if error.status != 403:
                raise
            return True
        except Missing:
            return None
        return False


PROBE = Option(
    "probe",
    said("A mailbox that must be refused"),
    said("Of somebody without a work phone. The test checks that the application reads no more than it should."),
    example="mailbox@organisation.example",
    pattern=r"[^@\s]+@[^@\s]+",
    without=said("Nobody sees whether the application reads more mailboxes than it should."),
)
CONNECTION = ConnectionKind(
    "graph",
    Sort.STORE,
    said("Microsoft 365"),
    said("Microsoft 365: contacts in mailboxes, through Graph"),
    said("Reads and removes contacts in the mailboxes that phones synchronise with, and is notified of changes there."),
    url=URL,
    login=LOGIN,
    secret=SECRET,
    own=(
        *OWN,
        PROBE,
        Option(
            "delete",
            said("How a contact is deleted"),
            said(
                "This product is made for deleting permanently. The other way leaves it among the deleted items "
                "of its owner."
            ),
            OptionKind.CHOICE,
            default="permanent",
            choices=(
                OptionChoice("permanent", said("Permanently")),
                OptionChoice("soft", said("To the deleted items")),
            ),
        ),
    ),
    place=Option(
        "address",
        said("Mailbox"),
        said("The worker's address, as in the list of address books."),
        required=True,
        example="mailbox@organisation.example",
        pattern=r"[^@\s]+@[^@\s]+",
    ),
    grants=(
        Grant(
            "Application Contacts.ReadWrite",
            said(
                "In Exchange (RBAC for Applications), with a scope of the workers' mailboxes alone. "
                "Not in Entra as well: what is granted there is for every mailbox, and counts beside the scope."
            ),
            ("The mailbox answers the application", "Changes since the last reading can be asked for"),
        ),
    ),
)
"""What a connection to contacts in Microsoft 365 says."""


def connect(connection: Connection) -> GraphContacts:
    """The factory that the registry names. ValueError: it is not valid (see CONNECTION)."""
    given = given_in(CONNECTION, connection)
    graph = open_graph(CONNECTION, connection)
    return GraphContacts(graph, softly=given["delete"] == "soft", probe=given["probe"])


def _try(trials: list[Trial], what: str, action: Callable[[], bool | None], unless: Fault | None = None) -> bool:
    """Note how it went. unless: the fault if the action answers no; it may answer None, it could not be tried."""
    try:
        answered = action()
    except PortError as error:
        trials.append(Trial(what, ok=False, fault=error.fault))
        return False
    good = True if unless is None else answered
    trials.append(Trial(what, good, unless if good is False else None))
    return good is not False


def _known(visit: _Visit, ref: str) -> str | None:
    """The change key under which a contact was read in this look; None: it was not, or is gone."""
    return None if ref in visit.gone else visit.versions.get(ref)


def _decided(cut: Cut) -> bool:
    """Whether its version says all there is to know of it."""
    return cut.whole and bool(cut.version)


def _plans(found: Sequence[tuple[Cut, Mapping[str, Any]]], match: Match) -> Sequence[CutPlan]:
    contacts = {at: read_contact(item) for at, (cut, item) in enumerate(found) if not _decided(cut)}
    readable = {at: contact for at, contact in contacts.items() if contact is not None}
    readings = match([contact.fields for contact in readable.values()]) if readable else ()
    plans: dict[int, CutPlan] = {
        at: plan_cut(contact, read, found[at][0].tokens, found[at][0].said)
        for (at, contact), read in zip(readable.items(), readings, strict=True)
    }
    return [plans.get(at, Unclear() if at in contacts else Delete()) for at in range(len(found))]


def _is_gone(receipt: Receipt) -> bool:
    return receipt.outcome is Outcome.ALREADY_GONE and receipt.status == 404


def _anew(error: PortError) -> PortError:
    # The one that was raised holds the request in its frames.
    return type(error)(error.fault, status=error.status, wait=error.wait)


def _mailbox(address: str) -> str:
    if address in ("", ".", ".."):
        raise Missing(Fault.PLACE_GONE)
    return f"/users/{quote(address, safe='@')}"


def _watched(place: Place) -> str:
    return f"{_mailbox(place.address)}/contacts"


def _bare(resource: object) -> str:
    return str(resource).strip("/").lower()


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_proven(said: object, secret: str) -> bool:
    return isinstance(said, str) and bool(secret) and hmac.compare_digest(said.encode(), secret.encode())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _place_mark(place: Place) -> str:
    return sha256(place.address.encode()).hexdigest()[:16]


def _cursor(place: Place, default: str | None, links: Mapping[str, str]) -> str | None:
    """The links after a look, the default folder's first, as one text. None: too long, or that folder has none."""
    if default is None or default not in links:
        return None
    ordered = {default: links[default], **links}
    packed = zlib.compress(json.dumps(list(ordered.items())).encode())
    cursor = f"1 {_place_mark(place)} {base64.urlsafe_b64encode(packed).decode('ascii')}"
    return cursor if len(cursor) <= MOST_CURSOR else None


def _links_of(cursor: str | None, place: Place) -> Mapping[str, str]:
    """Folder -> link, the default folder first; empty: it is no cursor of this place."""
    form, _, rest = (cursor or "").partition(" ")
    mark, _, packed = rest.partition(" ")
    if form != "1" or mark != _place_mark(place) or len(packed) > MOST_CURSOR:
        return {}
    try:
        unpacked = zlib.decompressobj().decompress(base64.urlsafe_b64decode(packed), _MOST_UNPACKED)
        found = json.loads(unpacked)
        return {str(folder): str(link) for folder, link in found}
    except (ValueError, TypeError, zlib.error):
        return {}
