"""Microsoft 365 as far as contacts go: sign-in, mailboxes, folders, contacts, deltas, batches, bins; with faults.

A WSGI app: our reading of VENDORS section 5, no more. What it says and is asked is held against the published contract
by the tests. A test arranges state by the classes' methods, as another person's hand would.
"""

from __future__ import annotations

import base64
import json
import random
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from itertools import pairwise
from threading import Event, RLock
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from tests.vendors.exchange import Exchange
from tests.vendors.serving import DropError
from tests.vendors.subscriptions import Subscriptions

ROOT = "/v1.0"
_WAVE = 4
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true"
_STRINGS = frozenset(
    {
        *("id", "changeKey", "createdDateTime", "lastModifiedDateTime", "parentFolderId", "birthday"),
        *("displayName", "fileAs", "givenName", "middleName", "surname", "nickName", "initials", "generation", "title"),
        *("yomiGivenName", "yomiSurname", "yomiCompanyName", "companyName", "department", "jobTitle"),
        *("officeLocation", "profession", "manager", "assistantName", "spouseName"),
        *("mobilePhone", "businessHomePage", "personalNotes"),
    }
)
_LISTS = frozenset({"businessPhones", "homePhones", "emailAddresses", "imAddresses", "categories", "children"})
_OBJECTS = frozenset({"businessAddress", "homeAddress", "otherAddress"})
_PROPERTIES = _STRINGS | _LISTS | _OBJECTS
_READ_ONLY = frozenset({"id", "changeKey", "createdDateTime", "lastModifiedDateTime", "parentFolderId"})


@dataclass(frozen=True)
class Asked:
    """One request, or one part of a batch. path: from the version on, decoded. mailbox: whose, "" if nobody's."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    part: bool = False
    raw: str = ""

    @property
    def mailbox(self) -> str:
        """The address between the slashes."""
        found = re.match(r"/users/([^/]+)", self.path)
        return found[1] if found else ""

    def asks_for(self, pattern: str) -> bool:
        """Whether method and path, as in "GET /users/x", match."""
        return re.search(pattern, f"{self.method} {self.path}") is not None


@dataclass(frozen=True)
class Said:
    """One answer. strange: it is no answer of this protocol, on purpose."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    strange: bool = False


@dataclass(frozen=True)
class Drop:
    """The connection is closed without an answer. done: what was asked is done first."""

    done: bool = False


@dataclass(frozen=True)
class Slow:
    """Answered, seconds later."""

    seconds: float


Trouble = Callable[[Asked], Said | Drop | Slow | None]
Twist = Callable[[Asked, Said], Said]


def error(status: int, code: str, message: str = "It did not work.", **headers: str) -> Said:
    """An answer in the form of all errors."""
    inner = {"date": "2030-01-01T00:00:00", "request-id": "r-1", "client-request-id": "c-1"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Said(status, {"error": {"code": code, "message": message, "innerError": inner}}, named)


def throttled(wait: str | None = None) -> Said:
    """429, with a Retry-After if one is given."""
    said = error(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")
    return replace(said, headers={"Retry-After": wait}) if wait is not None else said


def times(count: int, pattern: str, trouble: Said | Drop | Slow) -> Trouble:
    """Trouble for the first `count` requests whose "METHOD /path" matches."""
    left = [count]

    def happen(asked: Asked) -> Said | Drop | Slow | None:
        if left[0] <= 0 or not asked.asks_for(pattern):
            return None
        left[0] -= 1
        return trouble

    return happen


def weather(seed: int, *, failing: float = 0.01, throttling: float = 0.01) -> Trouble:
    """A share of requests, parts of batches included, is answered 503 or 429, half of those without a wait."""
    chance = random.Random(seed)
    lock = RLock()

    def happen(asked: Asked) -> Said | None:
        with lock:
            drawn, waits = chance.random(), chance.random() < 0.5
        if asked.path == "/$batch" or drawn >= failing + throttling:
            return None
        return error(503, "serviceNotAvailable") if drawn < failing else throttled("1" if waits else None)

    return happen


# --- state


@dataclass
class Held:
    """One contact. born: its place in the order of a first list."""

    id: str
    folder: str
    born: int
    version: int
    data: dict[str, Any]

    @property
    def key(self) -> str:
        """The change key."""
        return base64.b64encode(f"{self.id[-12:]}:{self.version:06d}".encode()).decode()

    @property
    def etag(self) -> str:
        """The change key as an ETag."""
        return f'W/"{self.key}"'


@dataclass
class Mailbox:
    """One mailbox. hold: nothing leaves the purges. journal: (folder, contact) of every change, in order.

    epoch: delta tokens of an earlier one are unknown.
    """

    address: str
    id: str
    hold: bool = False
    epoch: int = 0
    folders: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    contacts: dict[str, Held] = field(default_factory=dict)
    deleted: dict[str, Held] = field(default_factory=dict)
    purges: dict[str, Held] = field(default_factory=dict)
    journal: list[tuple[str, str]] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)
    count: int = 0

    def __post_init__(self) -> None:
        self.default = self.add_folder("Contacts", None)

    def _next(self) -> int:
        self.count += 1
        return self.count

    def add_folder(self, name: str, parent: str | None = "") -> str:
        """Its id. parent: the default folder if not given."""
        with self.lock:
            made = f"AAMkADF{self.id[-4:]}{self._next():08x}AAA="
            self.folders[made] = (name, self.default if parent == "" else parent)
            return made

    def remove_folder(self, folder: str) -> None:
        """Remove a folder, what is under it and what is in it, to the deleted items."""
        with self.lock:
            for child in [each for each, (_, parent) in self.folders.items() if parent == folder]:
                self.remove_folder(child)
            for each in [each for each in self.contacts.values() if each.folder == folder]:
                self.delete(each.id)
            del self.folders[folder]

    def add(self, data: Mapping[str, Any], folder: str = "") -> str:
        """Put a contact; its id."""
        with self.lock:
            number = self._next()
            made = f"AAMkADC{self.id[-4:]}{number:08x}AAA="
            blank: dict[str, Any] = {name: [] for name in _LISTS} | {name: {} for name in _OBJECTS}
            held = Held(made, folder or self.default, number, 1, blank | dict(data))
            self.contacts[made] = held
            self.journal.append((held.folder, made))
            return made

    def change(self, contact: str, data: Mapping[str, Any]) -> Held:
        """Set properties."""
        with self.lock:
            held = self.contacts[contact]
            held.data.update(data)
            held.version += 1
            self.journal.append((held.folder, contact))
            return held

    def replace(self, contact: str, data: Mapping[str, Any]) -> None:
        """Set all properties, those not given to nothing."""
        blank: dict[str, Any] = {name: [] for name in _LISTS} | {name: {} for name in _OBJECTS}
        with self.lock:
            self.change(contact, dict.fromkeys(self.contacts[contact].data) | blank | dict(data))

    def delete(self, contact: str, *, to: str = "deleted") -> None:
        """Delete a contact, into the deleted items or into the purges."""
        with self.lock:
            held = self.contacts.pop(contact)
            (self.purges if to == "purges" else self.deleted)[contact] = held
            self.journal.append((held.folder, contact))

    def restore(self, contact: str) -> str:
        """The owner takes a contact back out of the deleted items; it has a new id."""
        with self.lock:
            held = self.deleted.pop(contact)
            return self.add(held.data, held.folder)

    def move(self, contact: str, folder: str, *, keep_id: bool = False) -> str:
        """Move a contact; its id then, which is another unless ids are immutable."""
        with self.lock:
            held = self.contacts.pop(contact)
            self.journal.append((held.folder, contact))
            if not keep_id:
                return self.add(held.data, folder)
            held.folder = folder
            self.contacts[contact] = held
            self.journal.append((folder, contact))
            return contact

    def forget_tokens(self) -> None:
        """From now on delta tokens given earlier are unknown."""
        self.epoch += 1

    def keeps_for_years(self) -> None:
        """The retention of deleted items has passed: purges are emptied, but for a mailbox on hold."""
        if not self.hold:
            self.purges.clear()


@dataclass
class App:
    """An application registered in a tenant. scope: mailboxes it may see; None: all of them."""

    client_id: str
    secret: str = ""
    certificate: x509.Certificate | None = None
    scope: set[str] | None = None


@dataclass
class Tenant:
    """One organisation."""

    name: str
    apps: dict[str, App] = field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)

    def add_mailbox(self, address: str) -> Mailbox:
        """A new, empty mailbox, found by address and by id."""
        made = Mailbox(address, f"00000000-0000-4000-8000-{len(self.mailboxes):012d}")
        self.mailboxes[address.lower()] = self.mailboxes[made.id] = made
        return made

    def remove_mailbox(self, mailbox: Mailbox) -> None:
        """Gone with all that is in it."""
        for key in (mailbox.address.lower(), mailbox.id):
            del self.mailboxes[key]


class GraphCloud:
    """The WSGI app. troubles: asked of each request in turn. twists: what is said is passed through each.

    seen: each exchange, in order, parts of batches after their batch. clock: seconds; a test moves it. lives: seconds
    that a token is good for. latency: seconds that each wave of requests takes. peak: the most requests that one
    mailbox had at once. knows_names: whether `contactFolders/contacts` is known.
    lists_roots: `contactFolders` lists what stands beside the default folder, not what is in it.
    spoken: how the paths begin that the published contract knows.
    """

    spoken: tuple[str, ...] = ("/users/", "/$batch", "/subscriptions")

    def __init__(self) -> None:
        self.lists_roots = False
        self.tenants: dict[str, Tenant] = {}
        self.subscriptions: dict[str, Subscriptions] = {}
        self.troubles: list[Trouble] = []
        self.twists: list[Twist] = []
        self.seen: list[tuple[Asked, Said]] = []
        self.remembers = True
        self.clock: Callable[[], float] = time.time
        self.lives = 3599
        self.latency = 0.0
        self.quota = 10_000
        self.window = 600.0
        self.knows_names = True
        self.peak: Counter[str] = Counter()
        self.signed_in: Counter[str] = Counter()
        self._now: Counter[str] = Counter()
        self._spent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._tokens: dict[str, tuple[Tenant, App, float]] = {}
        self._assertions: set[str] = set()
        self._numbers = iter(range(1, 1 << 60))
        self._lock = RLock()
        self._never = Event()
        self._routes = [(re.compile(f"{pattern}$"), method, answer) for pattern, method, answer in self._table()]

    def now(self) -> float:
        """Seconds, by the clock that stands now."""
        return self.clock()

    def add_tenant(self, name: str, *apps: App) -> Tenant:
        """A new organisation with these applications."""
        self.tenants[name] = made = Tenant(name, {app.client_id: app for app in apps})
        self.subscriptions[name] = Subscriptions(self.now)
        return made

    def revoke_tokens(self) -> None:
        """No token given so far is good any more."""
        self._tokens.clear()

    def exchanges(self) -> Iterator[Exchange]:
        """All that was asked and said, but for what was nonsense on purpose."""
        for asked, said in list(self.seen):
            if not said.strange and asked.path.startswith(self.spoken):
                yield Exchange(
                    asked.method,
                    asked.raw.removeprefix(ROOT),
                    asked.query,
                    asked.headers,
                    asked.body,
                    said.status,
                    said.body,
                    said.headers,
                )

    # --- HTTP

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        raw = environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        origin = f"{environ.get('wsgi.url_scheme', 'http')}://{headers.get('host', '')}"
        if path.startswith(f"{ROOT}/"):
            body = json.loads(raw) if raw else None
            asked = Asked(environ["REQUEST_METHOD"], unquote(path[len(ROOT) :]), query, headers, body, raw=path)
            said = self._answer(asked, origin)
        else:
            asked = Asked(environ["REQUEST_METHOD"], path, query, headers)
            said = self._with_troubles(asked, lambda: self._authority(asked.method, path, raw, origin))
        status = f"{said.status} Said"
        sent = dict(said.headers)
        if isinstance(said.body, bytes):
            out = said.body
        elif said.body is None:
            out = b""
        else:
            sent.setdefault("Content-Type", _JSON)
            out = json.dumps(said.body).encode()
        start(status, list(sent.items()))
        return [out]

    def _answer(self, asked: Asked, origin: str) -> Said:
        mine: list[tuple[Asked, Said]] = []
        said = self._with_troubles(asked, lambda: self._known(asked, origin, mine))
        if self.remembers:
            self.seen += [(asked, said), *mine]
        return said

    def _with_troubles(self, asked: Asked, act: Callable[[], Said]) -> Said:
        for trouble in self.troubles:
            found = trouble(asked)
            if isinstance(found, Said):
                return found
            if isinstance(found, Slow):
                self._never.wait(found.seconds)
            if isinstance(found, Drop):
                if found.done:
                    act()
                raise DropError
        said = act()
        for twist in self.twists:
            said = twist(asked, said)
        return said

    def _known(self, asked: Asked, origin: str, parts: list[tuple[Asked, Said]]) -> Said:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        tenant, app, ends = self._tokens.get(token, (None, None, 0.0))
        if tenant is None or app is None or self.clock() >= ends:
            return error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if asked.path == "/$batch":
            return self._batch(asked, tenant, app, origin, parts)
        with self._at_once(asked.mailbox, 1) as allowed:
            self._never.wait(self.latency) if self.latency else None
            return self._one(asked, tenant, app, origin) if allowed else throttled("1")

    def _subscriptions(self, asked: Asked, tenant: Tenant) -> Said:
        ref = asked.path.removeprefix("/subscriptions").strip("/")
        held = self.subscriptions[tenant.name]
        status, body = held.answer(asked.method, ref, asked.body, lambda name: name.lower() in tenant.mailboxes)
        return error(status, body) if status >= 400 else Said(status, body)

    def _one(self, asked: Asked, tenant: Tenant, app: App, origin: str) -> Said:
        if asked.path.startswith("/subscriptions"):
            return self._subscriptions(asked, tenant)
        for pattern, method, answer in self._routes:
            found = pattern.match(asked.path)
            if found is None or method != asked.method:
                continue
            mailbox = tenant.mailboxes.get(found["mailbox"].lower())
            if mailbox is None:
                return error(404, "ErrorInvalidUser", "The requested user is invalid.")
            if app.scope is not None and mailbox.address not in app.scope:
                return error(403, "ErrorAccessDenied", "Access to OData is disabled.")
            if not self._spend(mailbox.id):
                return throttled("30")
            with mailbox.lock:
                return answer(mailbox, asked, {"origin": origin, **found.groupdict()})
        return error(400, "BadRequest", "Resource not found for the segment.")

    def _spend(self, mailbox: str) -> bool:
        with self._lock:
            spent = self._spent[mailbox]
            now = self.clock()
            while spent and spent[0] <= now - self.window:
                spent.popleft()
            if len(spent) >= self.quota:
                return False
            spent.append(now)
            return True

    @contextmanager
    def _at_once(self, mailbox: str, count: int) -> Iterator[int]:
        """How many of `count` requests a mailbox takes now, beside those it is busy with."""
        with self._lock:
            allowed = max(0, min(count, _WAVE - self._now[mailbox]))
            self._now[mailbox] += allowed
            self.peak[mailbox] = max(self.peak[mailbox], self._now[mailbox] + count - allowed)
        try:
            yield allowed
        finally:
            with self._lock:
                self._now[mailbox] -= allowed

    # --- batches

    def _batch(self, asked: Asked, tenant: Tenant, app: App, origin: str, parts: list[tuple[Asked, Said]]) -> Said:
        requests = asked.body["requests"]
        ids = [each["id"] for each in requests]
        if len(requests) > 20 or len(set(ids)) != len(ids):
            return error(400, "BadRequest", "Too many parts, or two of one id.")
        chained = [each for each in requests if each.get("dependsOn")]
        serial = all(
            each["dependsOn"] == [before["id"]] for before, each in pairwise(requests) if each.get("dependsOn")
        )
        same = len({tuple(each["dependsOn"]) for each in chained}) <= 1
        if chained and not same and not (serial and len(chained) == len(requests) - 1):
            return error(400, "BadRequest", "Dependencies are all in one row, or all on one part.")
        statuses: dict[str, int] = {}
        answers = []
        mailboxes = {_part_of(each).mailbox for each in requests}
        at_once = 1 if chained and not same else len(requests)
        with self._at_once(min(mailboxes, default=""), at_once) as allowed:
            self._never.wait(self.latency * (len(requests) if at_once == 1 else 1)) if self.latency else None
            for number, each in enumerate(requests):
                part = _part_of(each)
                if any(statuses.get(other, 424) >= 400 for other in each.get("dependsOn", ())):
                    said = error(424, "FailedDependency")
                elif at_once > 1 and number >= allowed:
                    said = throttled("1")
                else:
                    said = self._with_troubles(part, lambda part=part: self._one(part, tenant, app, origin))
                statuses[each["id"]] = said.status
                parts.append((part, said))
                answers.append(
                    {"id": each["id"], "status": said.status, "headers": dict(said.headers), "body": said.body}
                )
        return Said(200, {"responses": answers[::-1]})

    # --- mailboxes

    def _table(self) -> Sequence[tuple[str, str, Callable[[Mailbox, Asked, Mapping[str, str]], Said]]]:
        user = r"/users/(?P<mailbox>[^/]+)"
        one = rf"{user}/contacts/(?P<contact>[^/]+)"
        folder = rf"{user}/contactFolders/(?P<folder>[^/]+)"
        return [
            (rf"{user}/contactFolders", "GET", self._top_folders),
            (folder, "GET", self._get_folder),
            (rf"{folder}/childFolders", "GET", self._child_folders),
            (rf"{folder}/contacts/delta", "GET", self._delta),
            (rf"{folder}/contacts", "GET", self._list),
            (rf"{user}/contacts", "GET", self._list),
            (rf"{user}/contacts", "POST", self._create),
            (rf"{folder}/contacts", "POST", self._create),
            (rf"{user}/contactFolders", "POST", self._create_folder),
            (one, "GET", self._get),
            (one, "PATCH", self._patch),
            (one, "DELETE", self._delete),
            (rf"{one}/permanentDelete", "POST", self._purge),
        ]

    def _folder_of(self, mailbox: Mailbox, named: str) -> str | None:
        if named == "contacts" and self.knows_names:
            return mailbox.default
        return named if named in mailbox.folders else None

    def _top_folders(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        return self._folders_under(mailbox, mailbox.default, asked, found)

    def _child_folders(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        folder = self._folder_of(mailbox, found["folder"])
        return _not_found() if folder is None else self._folders_under(mailbox, folder, asked, found)

    def _folders_under(self, mailbox: Mailbox, above: str, asked: Asked, found: Mapping[str, str]) -> Said:
        if above == mailbox.default and self.lists_roots and "folder" not in found:
            return _paged([], asked, found["origin"], "contactFolder")
        under = [
            {"id": each, "parentFolderId": parent, "displayName": name}
            for each, (name, parent) in mailbox.folders.items()
            if parent == above
        ]
        return _paged(under, asked, found["origin"], "contactFolder")

    def _get_folder(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        folder = self._folder_of(mailbox, found["folder"])
        if folder is None:
            return _not_found()
        name, parent = mailbox.folders[folder]
        shown = {"id": folder, "displayName": name, "parentFolderId": parent}
        return Said(200, {"@odata.context": "c", **_selected(shown, asked.query.get("$select"))})

    def _list(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        folder = self._folder_of(mailbox, found["folder"]) if "folder" in found else mailbox.default
        if folder is None:
            return _not_found()
        select = asked.query.get("$select")
        if bad := _unknown(select):
            return bad
        shown = [_shown(each, select) for each in mailbox.contacts.values() if each.folder == folder]
        return _paged(shown, asked, found["origin"], "contact")

    def _create(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        folder = self._folder_of(mailbox, found.get("folder", "")) if "folder" in found else mailbox.default
        if folder is None:
            return _not_found()
        return Said(201, _shown(mailbox.contacts[mailbox.add(asked.body, folder)], None))

    def _create_folder(self, mailbox: Mailbox, asked: Asked, _: Mapping[str, str]) -> Said:
        made = mailbox.add_folder(asked.body["displayName"])
        name, parent = mailbox.folders[made]
        return Said(201, {"@odata.context": "c", "id": made, "displayName": name, "parentFolderId": parent})

    def _get(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        held = mailbox.contacts.get(found["contact"])
        select = asked.query.get("$select")
        return _unknown(select) or (_not_found() if held is None else Said(200, _shown(held, select)))

    def _patch(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        held = mailbox.contacts.get(found["contact"])
        if held is None:
            return _not_found()
        if refused := _guarded(held, asked):
            return refused
        wrong = [
            name
            for name, value in asked.body.items()
            if name not in _PROPERTIES - _READ_ONLY or (name in _LISTS and not isinstance(value, list))
        ]
        if wrong:
            return error(400, "ErrorInvalidArgument", "A property cannot be set so.")
        return Said(200, _shown(mailbox.change(held.id, asked.body), None))

    def _delete(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        held = mailbox.contacts.get(found["contact"])
        if held is None:
            return _not_found()
        if refused := _guarded(held, asked):
            return refused
        mailbox.delete(held.id)
        return Said(204)

    def _purge(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        if asked.body is not None:
            return error(400, "BadRequest", "No body here.")
        if found["contact"] not in mailbox.contacts:
            return _not_found()
        mailbox.delete(found["contact"], to="purges")
        return Said(204)

    # --- deltas

    def _delta(self, mailbox: Mailbox, asked: Asked, found: Mapping[str, str]) -> Said:
        folder = self._folder_of(mailbox, found["folder"])
        if folder is None:
            return _not_found()
        token = _unpacked(asked.query.get("$skiptoken") or asked.query.get("$deltatoken"))
        size = int(re.sub(r"\D", "", asked.headers.get("prefer", "")) or 10)
        if token is None:
            if {"$skiptoken", "$deltatoken"} & asked.query.keys():
                return error(400, "BadRequest", "Badly formed token.")
            select = asked.query.get("$select", "")
            if bad := _unknown(select):
                return bad
            token = {"e": mailbox.epoch, "f": folder, "q": select, "after": 0, "to": len(mailbox.journal)}
        elif {"$select"} & asked.query.keys():
            return error(400, "BadRequest", "It is in the token already.")
        if token["e"] != mailbox.epoch or token["f"] != folder:
            return error(410, "syncStateNotFound", "The sync state is not found.")
        return self._changes(mailbox, folder, token, size, asked, found["origin"])

    def _changes(
        self, mailbox: Mailbox, folder: str, token: dict[str, Any], size: int, asked: Asked, origin: str
    ) -> Said:
        items: list[dict[str, Any]]
        if "after" in token:
            listed = [
                each for each in mailbox.contacts.values() if each.folder == folder and each.born > token["after"]
            ]
            page = sorted(listed, key=lambda each: each.born)[:size]
            items = [_shown(each, token["q"]) for each in page]
            more = token | {"after": page[-1].born} if len(listed) > size else None
            until = token["to"]
        else:
            until = token.get("to", len(mailbox.journal))
            touched = list(
                dict.fromkeys(ref for where, ref in mailbox.journal[token["since"] : until] if where == folder)
            )
            at = token.get("at", 0)
            items = [self._state(mailbox, folder, ref, token["q"]) for ref in touched[at : at + size]]
            more = token | {"to": until, "at": at + size} if len(touched) > at + size else None
        since = {"e": token["e"], "f": folder, "q": token["q"], "since": until}
        base = f"{origin}{asked.raw}"
        link = (
            {"@odata.nextLink": f"{base}?$skiptoken={_packed(more)}"}
            if more
            else {"@odata.deltaLink": f"{base}?$deltatoken={_packed(since | {'n': next(self._numbers)})}"}
        )
        return Said(200, {"@odata.context": "c", **link, "value": items})

    def _state(self, mailbox: Mailbox, folder: str, ref: str, select: str) -> dict[str, Any]:
        held = mailbox.contacts.get(ref)
        if held is None or held.folder != folder:
            return {"id": ref, "@removed": {"reason": "deleted" if ref in mailbox.purges else "changed"}}
        return _shown(held, select)

    # --- signing in

    def _authority(self, method: str, path: str, raw: bytes, origin: str) -> Said:
        name, _, rest = path.strip("/").partition("/")
        tenant = self.tenants.get(name)
        if tenant is None:
            return _oauth(400, "invalid_request", 90002)
        endpoint = f"{origin}/{name}/oauth2/v2.0/token"
        if rest == "v2.0/.well-known/openid-configuration" and method == "GET":
            return Said(
                200,
                {
                    "issuer": f"{origin}/{name}/v2.0",
                    "authorization_endpoint": f"{origin}/{name}/oauth2/v2.0/authorize",
                    "token_endpoint": endpoint,
                },
            )
        if rest != "oauth2/v2.0/token" or method != "POST":
            return Said(404, b"", strange=True)
        form = {key: values[0] for key, values in parse_qs(raw.decode()).items()}
        app = tenant.apps.get(form.get("client_id", ""))
        if form.get("grant_type") != "client_credentials" or not form.get("scope", "").endswith("/.default"):
            return _oauth(400, "unsupported_grant_type", 70003)
        return self._signed_in(tenant, app, form, endpoint) if app else _oauth(400, "unauthorized_client", 700016)

    def _signed_in(self, tenant: Tenant, app: App, form: Mapping[str, str], endpoint: str) -> Said:
        if not self._proves(app, form, endpoint):
            return _oauth(401, "invalid_client", 7000215)
        with self._lock:
            token = f"token-{next(self._numbers)}"
            self._tokens[token] = (tenant, app, self.clock() + self.lives)
            self.signed_in[app.client_id] += 1
        told = {"token_type": "Bearer", "expires_in": self.lives, "ext_expires_in": self.lives, "access_token": token}
        return Said(200, told)

    def _proves(self, app: App, form: Mapping[str, str], endpoint: str) -> bool:
        if "client_secret" in form:
            return bool(app.secret) and form["client_secret"] == app.secret
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        if app.certificate is None or form.get("client_assertion_type") != kind:
            return False
        public = app.certificate.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            registry = JWSRegistry(algorithms=["PS256", "RS256"])
            registry.max_header_length = 16_384  # MSAL sends its whole certificate
            read = jwt.decode(form["client_assertion"], RSAKey.import_key(public), registry=registry)
        except (JoseError, ValueError):
            return False
        thumb = base64.urlsafe_b64encode(app.certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        claims, now = read.claims, time.time()
        fresh = claims["jti"] not in self._assertions
        self._assertions.add(claims["jti"])
        return (
            fresh
            and str(read.header.get("x5t#S256")).rstrip("=") == thumb
            and claims["aud"] == endpoint
            and claims["iss"] == claims["sub"] == app.client_id
            and now < claims["exp"] <= now + 600
        )


def _part_of(each: Mapping[str, Any]) -> Asked:
    path, _, query = each["url"].partition("?")
    headers = {name.lower(): value for name, value in each.get("headers", {}).items()}
    return Asked(
        each["method"], unquote(path), dict(parse_qsl(query)), headers, each.get("body"), part=True, raw=f"{ROOT}{path}"
    )


def _oauth(status: int, code: str, number: int) -> Said:
    told = {
        "error": code,
        "error_description": f"AADSTS{number}: it did not work.",
        "error_codes": [number],
        "timestamp": formatdate(0),
        "trace_id": "t-1",
        "correlation_id": "c-1",
    }
    return Said(status, told)


def _not_found() -> Said:
    return error(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def _unknown(select: str | None) -> Said | None:
    strange = {name for name in (select or "id").split(",") if name} - _PROPERTIES
    return error(400, "RequestBroker--ParseUri", "Could not find a property.") if strange else None


def _selected(shown: Mapping[str, Any], select: str | None) -> dict[str, Any]:
    wanted = {"id", *(select or ",".join(shown)).split(",")}
    return {name: value for name, value in shown.items() if name in wanted}


def _shown(held: Held, select: str | None) -> dict[str, Any]:
    known = {"id": held.id, "changeKey": held.key, "parentFolderId": held.folder, **held.data}
    every = {name: known.get(name) for name in sorted(_PROPERTIES)}
    return {"@odata.etag": held.etag, **_selected(every, select)}


def _guarded(held: Held, asked: Asked) -> Said | None:
    guard = asked.headers.get("if-match", "*")
    return None if guard in ("*", held.etag) else error(412, "ErrorIrresolvableConflict", "The change key is old.")


def _paged(items: Sequence[dict[str, Any]], asked: Asked, origin: str, kind: str) -> Said:
    top, skip = int(asked.query.get("$top", 10)), int(asked.query.get("$skip", 0))
    select = asked.query.get("$select")
    page = [item if kind == "contact" else _selected(item, select) for item in items[skip : skip + top]]
    body: dict[str, Any] = {"@odata.context": "c", "value": page}
    if len(items) > skip + top:
        chosen = f"&$select={select}" if select else ""
        body["@odata.nextLink"] = f"{origin}{asked.raw}?$top={top}&$skip={skip + top}{chosen}"
    return Said(200, body)


def _packed(token: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _unpacked(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"e", "f", "q"} <= found.keys() else None
