"""Microsoft's ways that its services share: an application's sign-in, Graph's pages, batches and quotas; nothing of any
one service lives here.

VENDORS sections 5.1 to 5.3 have the sources.
"""

from __future__ import annotations

import base64
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc import jwt
from joserfc.jwk import RSAKey

from mdm_adapters.http import LONGEST_WAIT, Connection, HttpClient, Reply, failure_of, given_in, wait_asked
from mdm_adapters.options import ConnectionKind, Option, OptionKind, said
from mdm_adapters.port import Denied, Fault, Garbled, PortError, Unreachable

AUTHORITY = "https://login.microsoftonline.com"
GRAPH = "https://graph.microsoft.com/v1.0"
AT_ONCE = 4
"""Requests that Outlook takes at once for one application and mailbox; a batch of more is throttled in part."""
MOST_ITEMS = 100_000
_MOST_IN_VAIN = 100
"""Pages one after another that name only what was named before."""
_MOST_EMPTY = 4 * 1024 * 1024
"""Bytes of pages one after another that name nothing. A delta over a large, quiet mailbox gives hundreds of them, each
with the link to the next; a page has half a kilobyte, so this is thousands."""
_SCOPE = "https://graph.microsoft.com/.default"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_BY_CERTIFICATE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE_USED = 0.8
_ASK_AGAIN_AFTER = 60.0
_ASSERTION_LIVES = 300
_LONGEST_LIFE = 86_400.0
_SMALL = 256 * 1024
_PASSING = frozenset({429, 500, 502, 503, 504})
"""What Graph answers now and then, and not again a moment later."""
_FIRST_PAUSE = 1.0
_LONGEST_REF = 1_024

Proof = Callable[[str], Mapping[str, str]]
"""The form fields that prove who we are to the token endpoint given."""


def by_secret(secret: str) -> Proof:
    """A secret that the application shares with Microsoft."""
    return lambda _endpoint: {"client_secret": secret}


def by_certificate(client_id: str, key: str, file: str, *, wall: Callable[[], float] = time.time) -> Proof:
    """A statement signed with the application's key (RFC 7523). key: PEM; file: the certificate, PEM too.

    Only the certificate's thumbprint is sent. ValueError: they cannot be read, or make no pair.
    """
    parsed, private = _read_pair(key, file)
    if parsed is None or not isinstance(private, RSAPrivateKey) or private.public_key() != parsed.public_key():
        raise ValueError("the secret is not the private RSA key, without a password, of a certificate in that file")
    signing = RSAKey.import_key(key)
    print_ = base64.urlsafe_b64encode(parsed.fingerprint(hashes.SHA256())).rstrip(b"=").decode("ascii")
    header = {"alg": "PS256", "typ": "JWT", "x5t#S256": print_}

    def prove(endpoint: str) -> Mapping[str, str]:
        now = int(wall())
        claims = {
            "aud": endpoint,
            "iss": client_id,
            "sub": client_id,
            "jti": str(uuid.uuid4()),
            "nbf": now - 60,  # a clock that is a little behind is no reason to be refused
            "exp": now + _ASSERTION_LIVES,
        }
        signed = jwt.encode(header, claims, signing, algorithms=["PS256"])
        return {"client_assertion_type": _BY_CERTIFICATE, "client_assertion": signed}

    return prove


def _read_pair(key: str, file: str) -> tuple[x509.Certificate | None, object]:
    # The libraries' own errors quote file names, and part of what they could not read.
    try:
        certificate = x509.load_pem_x509_certificate(Path(file).read_bytes())
        return certificate, serialization.load_pem_private_key(key.encode(), password=None)
    except (OSError, ValueError, TypeError):
        return None, None


class SignIn:
    """An application's token (client credentials, RFC 6749 4.4), asked for again at four fifths of its life.

    Threads may share it. http: to the authority, anonymous.
    """

    def __init__(
        self,
        http: HttpClient,
        authority: str,
        tenant: str,
        client_id: str,
        proof: Proof,
        *,
        scope: str = _SCOPE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._endpoint = f"{authority.rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "scope": scope}
        self._proof = proof
        self._monotonic = monotonic
        self._lock = Lock()
        self._token = ""
        self._renew_at = self._ends_at = 0.0

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self._http.encrypted

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read along."""
        return self._http.private

    def token(self) -> str:
        """A token that is alive; PortError: there is none to be had."""
        with self._lock:
            now = self._monotonic()
            if self._token and now < self._renew_at:
                return self._token
            try:
                self._token, life = self._ask()
            except Unreachable:
                # What is left of its life bridges an outage of the authority.
                if not self._token or now >= self._ends_at:
                    raise
                self._renew_at = now + _ASK_AGAIN_AFTER
            else:
                self._renew_at, self._ends_at = now + _LIFE_USED * life, now + life
            return self._token

    def refused(self, token: str) -> None:
        """Graph does not take this token: the next is a new one."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _ask(self) -> tuple[str, float]:
        body = urlencode({**self._form, **self._proof(self._endpoint)}).encode("ascii")
        handles = frozenset({400, 401})
        reply = self._http.call("POST", self._endpoint, headers=_FORM, body=body, handles=handles, max_body=_SMALL)
        found = json_of(reply)
        if reply.status in handles:
            if found.get("error") == "temporarily_unavailable":
                raise Unreachable(Fault.SERVER_ERROR, status=reply.status)
            if isinstance(found.get("error"), str):
                raise Denied(Fault.WRONG_CREDENTIALS, status=reply.status)
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        token = found.get("access_token")
        if not isinstance(token, str) or not token or not all("!" <= letter <= "~" for letter in token):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        return token, _seconds(found.get("expires_in"))


def _seconds(value: object) -> float:
    # Untrusted, and by some versions of the endpoint a text.
    text = str(value)
    return min(float(text), _LONGEST_LIFE) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


@dataclass(slots=True)
class _Seat:
    lock: Lock = field(default_factory=Lock)
    taken: int = 0
    spent: deque[list[float]] = field(default_factory=deque)


class Turns:
    """Whose turn it is: one call at a time for each mailbox, none beyond the quota of its window.

    A batch is one call that counts as many, of at most `AT_ONCE` parts, so no mailbox ever gets more at once. most:
    calls in `window` seconds. Kept in slices of a sixtieth of the window, so the quota may be met a slice too early,
    never too late. (The libraries for this keep a time stamp for each call, or a thread.)
    """

    def __init__(
        self, *, most: int = 10_000, window: float = 600.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._window, self._slice = most, window, window / 60
        self._monotonic = monotonic
        self._guard = Lock()
        self._seats: dict[str, _Seat] = {}
        self._sweep_at = 1024

    @contextmanager
    def turn(self, key: str, calls: int = 1) -> Iterator[None]:
        """Wait for others at this mailbox, then be alone with it. Unreachable(THROTTLED): its quota is used up."""
        with self._guard:
            seat = self._seat(key)
            seat.taken += 1
        try:
            with seat.lock:
                wait = self._spend(seat, calls)
                if wait:
                    raise Unreachable(Fault.THROTTLED, wait=min(wait, LONGEST_WAIT))
                yield
        finally:
            with self._guard:
                seat.taken -= 1

    def _seat(self, key: str) -> _Seat:
        found = self._seats.get(key)
        if found is None:
            if len(self._seats) >= self._sweep_at:
                old = self._monotonic() - self._window - self._slice
                self._seats = {
                    name: seat
                    for name, seat in self._seats.items()
                    if seat.taken or (seat.spent and seat.spent[-1][0] > old)
                }
                self._sweep_at = max(1024, 2 * len(self._seats))
            found = self._seats[key] = _Seat()
        return found

    def _spend(self, seat: _Seat, calls: int) -> float:
        now = self._monotonic()
        while seat.spent and seat.spent[0][0] <= now - self._window - self._slice:
            seat.spent.popleft()
        used = sum(count for _, count in seat.spent)
        if used + calls > self._most and seat.spent:
            return max(seat.spent[0][0] + self._window + self._slice - now, 1.0)
        if seat.spent and now - seat.spent[-1][0] < self._slice:
            seat.spent[-1][1] += calls
        else:
            seat.spent.append([now, calls])
        return 0.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. status: 200, or one that the caller handles (then it holds nothing and is the last).

    delta_link: an address on our host, on the last page of a list of changes.
    """

    status: int
    items: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    delta_link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request of a batch. url: from the version on, with a slash in front."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to one part. body: the object it holds, empty for any other."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    wait: float | None = None

    @property
    def code(self) -> str:
        """What Graph calls the error; empty: nothing."""
        return _code(self.body)


class Graph:
    """One application's way into Graph. Threads may share it.

    http: to Graph, anonymous; the token is added here, so that the one that was refused is known. base: what stands
    before every address, such as https://graph.microsoft.com/v1.0. wall: the clock for a Retry-After that is a date.
    patience: seconds in all that a patient reading may wait; chance: 0 to 1, so that not all who wait come at once.
    """

    def __init__(
        self,
        http: HttpClient,
        base: str,
        sign_in: SignIn,
        *,
        turns: Turns | None = None,
        wall: Callable[[], float] = time.time,
        patience: float = 0.0,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._patience = patience
        self._pause = pause
        self._chance = chance
        self._in_vain: dict[str, int] = {}
        self._root = urlsplit(base).path.rstrip("/")
        self._sign_in = sign_in
        self._turns = turns or Turns()
        self._wall = wall

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken, here and at sign-in."""
        return self._http.encrypted and self._sign_in.encrypted

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read along, here and at sign-in."""
        return self._http.private and self._sign_in.private

    def sign_in(self) -> None:
        """Get a token, if there is none; PortError: it cannot be had."""
        self._sign_in.token()

    def path_of(self, link: str) -> str:
        """A link that Graph gave, as a path on our host; Garbled(REDIRECTED): it leads elsewhere."""
        return self._http.path_of(link)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()
        self._sign_in.close()

    def call(
        self,
        mailbox: str,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        handles: frozenset[int] = frozenset(),
        calls: int = 1,
        patient: bool = False,
    ) -> Reply:
        """Ask (`HttpClient.call`); a refused token is replaced once. address: from the version on, or a path_of a link.

        mailbox: whose quota it counts against, as many times as `calls`. patient: where Graph is busy or stumbles, ask
        again after a while; for what only reads, since a removal must be decided anew after a wait.
        """
        left = self._patience if patient else 0.0
        for tried in count():
            try:
                return self._ask(mailbox, method, address, headers, body, handles, calls)
            except Unreachable as error:
                wait = self._wait(error.status, error.wait, tried)
                if wait is None or wait > left:
                    raise
            left -= wait
            self._pause(wait)
        raise AssertionError  # nobody counts so far

    def _wait(self, status: int | None, asked: float | None, tried: int) -> float | None:
        """Seconds until it is worth asking again: what Graph asked for, else 1, 2, 4 and so on; None: it is not."""
        if status not in _PASSING:
            return None
        wait = asked if asked is not None else min(_FIRST_PAUSE * 2.0**tried, LONGEST_WAIT)
        return wait + self._chance() * max(wait, _FIRST_PAUSE) / 4

    def _ask(
        self,
        mailbox: str,
        method: str,
        address: str,
        headers: Mapping[str, str] | None,
        body: bytes,
        handles: frozenset[int],
        calls: int,
    ) -> Reply:
        path = address if address.startswith(f"{self._root}/") else self._root + address
        with self._turns.turn(mailbox, calls):
            for _ in range(2):
                token = self._sign_in.token()
                sent = {
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/json",
                    "client-request-id": str(uuid.uuid4()),
                    "return-client-request-id": "true",
                    **(headers or {}),
                }
                reply = self._http.call(method, path, headers=sent, body=body, handles=handles | {401})
                if reply.status != 401:
                    return reply
                self._sign_in.refused(token)
        raise Denied(Fault.WRONG_CREDENTIALS, status=401)

    def pages(
        self,
        mailbox: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        handles: frozenset[int] = frozenset(),
    ) -> Iterator[Page]:
        """Every page of a list, to its end. A list that goes round, or on for ever, is Garbled(NO_END)."""
        passed = {address}
        known: set[object] = set()
        in_vain = empty = 0
        while True:
            reply = self.call(mailbox, "GET", address, headers=headers, handles=handles, patient=True)
            if reply.status in handles:
                yield Page(reply.status)
                return
            found = json_of(reply)
            items = found.get("value")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
            following, last = found.get("@odata.nextLink"), found.get("@odata.deltaLink")
            delta_link = self.path_of(last) if isinstance(last, str) and following is None else None
            yield Page(reply.status, items, delta_link)
            if following is None:
                return
            if not isinstance(following, str):
                raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
            size = len(known)
            known.update(str(item.get("id")) for item in items)
            if len(known) > size:
                in_vain = empty = 0
            elif items:
                in_vain += 1
            else:
                empty += len(reply.body)
            address = self.path_of(following)
            if address in passed or in_vain > _MOST_IN_VAIN or empty > _MOST_EMPTY or len(known) > MOST_ITEMS:
                raise Garbled(Fault.NO_END)
            passed.add(address)

    def batch(
        self, mailbox: str, parts: Sequence[BatchRequest], *, patient: bool = False
    ) -> Sequence[BatchAnswer | PortError]:
        """Send at most `AT_ONCE` parts in one request; what each was answered, in order. Raises if none was.

        Parts are not chained by dependsOn: where one fails, those behind it would fail too (424). patient: as in
        `call`, for each part; one that was throttled without a wait is told to wait 1, 2, 4 seconds and so on.
        """
        answers = list(self._batch(mailbox, parts, patient=patient))
        left = self._patience if patient else 0.0
        for tried in count():
            again = {at: each for at, each in enumerate(answers) if _will_pass(each)}
            wait = max((self._wait(each.status, each.wait, tried) or 0.0 for each in again.values()), default=0.0)
            if not again or wait > left:
                break
            left -= wait
            self._pause(wait)
            anew = self._batch(mailbox, [parts[at] for at in again], patient=True)
            for at, each in zip(again, anew, strict=True):
                answers[at] = each
        return self._told_to_wait(mailbox, answers, reading=all(part.method == "GET" for part in parts))

    def _told_to_wait(
        self, mailbox: str, answers: Sequence[BatchAnswer | PortError], *, reading: bool
    ) -> Sequence[BatchAnswer | PortError]:
        """The answers of a mailbox that is busy, or stumbles: each with a wait, which Graph may leave out."""
        if not any(map(_will_pass, answers)):
            if not reading:  # a mailbox may be read well, and take no changes
                self._in_vain.pop(mailbox, None)
            return answers
        tried = self._in_vain.get(mailbox, 0)
        self._in_vain[mailbox] = min(tried + 1, 16)
        return [
            replace(each, wait=self._wait(each.status, each.wait, tried))
            if _will_pass(each) and each.wait is None
            else each
            for each in answers
        ]

    def _batch(
        self, mailbox: str, parts: Sequence[BatchRequest], *, patient: bool
    ) -> Sequence[BatchAnswer | PortError]:
        wanted = {str(number): part for number, part in enumerate(parts)}
        body = json.dumps({"requests": [_written(number, part) for number, part in wanted.items()]})
        reply = self.call(
            mailbox,
            "POST",
            "/$batch",
            headers={"Content-Type": "application/json"},
            body=body.encode(),
            calls=len(parts),
            patient=patient,
        )
        found = json_of(reply).get("responses")
        if reply.status != 200 or not isinstance(found, list):
            raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
        answers: dict[str, BatchAnswer | PortError] = {}
        for each in found:
            number = each.get("id") if isinstance(each, dict) else None
            if not isinstance(number, str) or number not in wanted:
                continue
            # Two answers to one question: either may be the true one.
            twice = number in answers
            answers[number] = Garbled(Fault.NOT_THE_PROTOCOL) if twice else self._answered(each)
        # A part without an answer may have been done: never silently "not there".
        return [answers.get(number, Garbled(Fault.NOT_THE_PROTOCOL)) for number in wanted]

    def _answered(self, answer: Mapping[str, Any]) -> BatchAnswer | PortError:
        status, headers, body = answer.get("status"), answer.get("headers"), answer.get("body")
        if not isinstance(status, int) or not 100 <= status < 600:
            return Garbled(Fault.NOT_THE_PROTOCOL)
        wait = None
        if isinstance(headers, dict):
            asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
            wait = wait_asked(str(asked), self._wall()) if asked is not None else None
        return BatchAnswer(status, body if isinstance(body, dict) else {}, wait)


URL = Option(
    "url",
    said("Address of Graph"),
    said("Leave it as it is, unless Microsoft serves you from another cloud."),
    OptionKind.LINK,
    required=True,
    usual="https://graph.microsoft.com/v1.0",
    example="https://graph.microsoft.com/v1.0",
    longest=500,
    sends="secret",
)
LOGIN = Option(
    "login",
    said("Application (client) ID"),
    said("In Entra, under App registrations: the overview of the application that you registered for this product."),
    required=True,
    example="00000000-0000-4000-8000-000000000001",
    pattern=r"[0-9A-Za-z][0-9A-Za-z-]*",
)
SECRET = Option(
    "secret",
    said("Client secret, or the private key of its certificate"),
    said("The value of the secret, not its ID. With a certificate: the private key as a PEM file without a password."),
    OptionKind.KEY,
    required=True,
    takes_key_file=True,
)
OWN = (
    Option(
        "tenant",
        said("Directory (tenant) ID"),
        said("In Entra, on the same overview; or the name of your tenant."),
        required=True,
        example="organisation.onmicrosoft.com",
        pattern=r"[0-9A-Za-z][0-9A-Za-z.-]*",
    ),
    Option(
        "certificate",
        said("Certificate of the application"),
        said("Only if the application signs in by certificate: the same file (PEM) that you uploaded in Entra."),
        OptionKind.PEM,
        needs=("secret",),
        seldom=True,
    ),
    Option(
        "authority",
        said("Where to sign in"),
        said("Only for another cloud of Microsoft."),
        OptionKind.LINK,
        default=AUTHORITY,
        example=AUTHORITY,
        longest=500,
        sends="secret",
        seldom=True,
    ),
    Option("client_id", LOGIN.label, said("The same as the user name, under another name."), same_as="login"),
)
"""What every connection to Microsoft says, besides what one of them needs."""


def open_graph(kind: ConnectionKind, connection: Connection, *, turns: Turns | None = None) -> Graph:
    """The way in that a connection describes; calls nobody. ValueError: it is not valid, by its declaration."""
    given = given_in(kind, connection)
    proof = by_secret(connection.secret)
    if given["certificate"]:
        proof = by_certificate(given["login"], connection.secret, given["certificate"])
    authority = given["authority"]
    to_sign_in = HttpClient(authority, limits=connection.limits, ca_file=connection.ca_file, reach=connection.reach)
    to_graph = HttpClient(connection.url, limits=connection.limits, ca_file=connection.ca_file, reach=connection.reach)
    sign_in = SignIn(to_sign_in, authority, given["tenant"], given["login"], proof)
    return Graph(to_graph, connection.url, sign_in, turns=turns, patience=connection.limits.patience)


def ref_of(value: object) -> str:
    """An id that may stand in an address; Garbled: it may not."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_REF or value in (".", ".."):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return value


def quoted(ref: str) -> str:
    """An id as it stands in an address."""
    return quote(ref_of(ref), safe="")


def instant_of(value: object) -> datetime | None:
    """A time as Microsoft writes it: one to seven digits of a second, at times no zone, the year 1 for never.

    None: never, not told, or no time.
    """
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.year <= 1:
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None


def _will_pass(answer: BatchAnswer | PortError) -> TypeGuard[BatchAnswer]:
    return isinstance(answer, BatchAnswer) and answer.status in _PASSING


def failed(answer: BatchAnswer) -> PortError:
    """What a part's refusing status means to a caller that does not handle it."""
    if answer.status == 424:  # what it depended on failed: it was not tried
        return Unreachable(Fault.SERVER_ERROR, status=424, wait=answer.wait)
    return failure_of(answer.status, answer.wait)


def json_of(reply: Reply) -> Mapping[str, Any]:
    """The object that an answer holds; Garbled: it holds none (a sign-in page of a proxy does not)."""
    found: object = None
    fault = Fault.NOT_THE_PROTOCOL
    if "json" in reply.headers.get("Content-Type", "").lower():
        try:
            found = json.loads(reply.body)
        except (ValueError, RecursionError):
            fault = Fault.BAD_BODY
    if not isinstance(found, dict):
        raise Garbled(fault, status=reply.status)
    return found


def code_of(reply: Reply) -> str:
    """What Graph calls the error; empty: it is not Graph's."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return ""
    return _code(found) if isinstance(found, dict) else ""


def _code(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


def _written(number: str, part: BatchRequest) -> Mapping[str, Any]:
    written: dict[str, Any] = {"id": number, "method": part.method, "url": part.url}
    headers = dict(part.headers)
    if part.body is not None:
        headers["Content-Type"] = "application/json"
        written["body"] = part.body
    if headers:
        written["headers"] = headers
    return written
