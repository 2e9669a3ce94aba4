"""The one HTTP client: bounded, deadlined, loyal to one host; every adapter and source calls through it. Nothing
here knows a vendor.

What it promises: a call ends within its limits whatever the server does; credentials reach no other host; the
environment (proxies, netrc) is not consulted; only `PortError`s leave, and none of them, nor anything chained to them,
holds a part of the request.
"""

from __future__ import annotations

import base64
import http.client
import io
import logging
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from requests.structures import CaseInsensitiveDict
from requests.utils import parse_dict_header
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, IncompleteRead, NewConnectionError
from urllib3.exceptions import TimeoutError as Late
from urllib3.util.connection import create_connection

from mdm_adapters.options import IN_OWN_NETWORK, NETWORK, ConnectionKind
from mdm_adapters.port import Denied, Fault, Garbled, Missing, PortError, Unreachable, before_change
from mdm_adapters.reach import NetworkReach, allowed

# The library logs paths and hosts, which may name people, at levels that an operator may well switch on.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

try:
    USER_AGENT = f"closeout/{version('closeout')}"
except PackageNotFoundError:  # run from a source tree that was never installed
    USER_AGENT = "closeout/0"

LONGEST_WAIT = 300.0
"""Seconds; a vendor that asks for more is asked again after this (VENDORS section 12)."""
MOST_REDIRECTS = 5
_AT_ONCE = 1.0
"""Seconds within which a lost connection is taken to have been given up before it was asked."""
_PIECE = 64 * 1024
_MOST_CONNECTIONS = 64
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NEXT_SCHEME = re.compile(r",\s*(?=[A-Za-z][A-Za-z0-9-]*\s+[A-Za-z])")
_VISIBLE = re.compile("[!-~]*")
_DIGESTS = frozenset({"MD5", "MD5-SESS", "SHA", "SHA-256", "SHA-512"})
REFUSED_FOR = 3_600.0
"""Seconds for which a password that was refused is not tried again: a person mends it, and more tries lock accounts."""
_MOST_INTERIM = 1_000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
# 301/302 mean "ask there" for a question, but for DELETE and PUT servers and clients never agreed what they mean;
# 307/308 (RFC 9110, 15.4.8-9) keep method and body for all. 303 is an answer to something else.
_FOLLOWED = {301: _SAFE_METHODS, 302: _SAFE_METHODS, 307: None, 308: None}
_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host, for a port; socket.gaierror: it has none."""
Auth = Callable[[], Mapping[str, str]]
"""The headers that prove who we are, asked for before every request, since a token may have been renewed."""


def resolved(host: str, port: int) -> Sequence[str]:
    """As this machine resolves it, each address once, in the order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def basic(login: str, password: str) -> Auth:
    """HTTP Basic (RFC 7617, UTF-8)."""
    value = "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode("ascii")
    return lambda: {"Authorization": value}


def bearer(token: Callable[[], str]) -> Auth:
    """HTTP Bearer (RFC 6750); `token` is called before every request and keeps its own cache."""
    return lambda: {"Authorization": f"Bearer {token()}"}


def anonymous() -> Mapping[str, str]:
    """Nobody."""
    return {}


def _challenge(scheme: str) -> dict[str, Any]:
    """What a Digest challenge says; nothing of another scheme."""
    name, _, said = scheme.partition(" ")
    return dict(parse_dict_header(said)) if name.lower() == "digest" else {}  # type: ignore[no-untyped-call]


class _Digest(HTTPDigestAuth):
    """The library's, with one count of answers for all threads, where it has one for each: a server may insist."""

    def __init__(self, login: str, password: str) -> None:
        super().__init__(login, password)
        self._thread_local: Any = SimpleNamespace()
        self.init_per_thread_state()

    def take(self, challenge: dict[str, str]) -> None:
        """Answer this challenge from now on."""
        self._thread_local.chal = challenge

    def answer(self, method: str, url: str) -> str:
        """The header that answers it."""
        return self.build_digest_header(method, url) or ""  # type: ignore[no-untyped-call]


class Login:
    """A login whose password is proven as the server asks: Basic, or Digest (RFC 7616) where it takes that alone.

    Threads may share it. A server that takes both is given Basic: another way would be another guess at the password.
    """

    def __init__(self, login: str, password: str) -> None:
        self._basic = basic(login, password)
        self._digest = _Digest(login, password)
        self._lock = Lock()
        self._nonce = ""

    def __call__(self) -> Mapping[str, str]:
        """Basic, as an `Auth`."""
        return self._basic()

    def proof(self, method: str, url: str) -> tuple[Mapping[str, str], str]:
        """Headers for this call, and the challenge that they answer: empty for Basic."""
        with self._lock:
            if not self._nonce:
                return self._basic(), ""
            return {"Authorization": self._digest.answer(method, url)}, self._nonce

    def challenged(self, header: str, answered: str) -> bool:
        """Whether to ask again after a 401 with this WWW-Authenticate. answered: the challenge that was answered."""
        schemes = [part.strip() for part in _NEXT_SCHEME.split(header)]
        if any(part.lower().startswith("basic") for part in schemes):
            return False
        with self._lock:
            if answered != self._nonce:
                return True  # another thread has been told a newer one meanwhile
            for part in schemes:
                given = _challenge(part)
                known = str(given.get("algorithm") or "MD5").upper() in _DIGESTS
                if not (known and given.get("nonce") and "realm" in given):
                    continue
                # Refused although a challenge was answered: a wrong password, unless it is said to have been old.
                if answered and str(given.get("stale")).lower() != "true":
                    return False
                self._digest.take(given)
                self._nonce = given["nonce"]
                return True
        return False


class SharedWait:
    """What a server asked of all who call it: to wait. Whoever shares it, in any thread, calls it no more until then.

    monotonic: the clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = float("-inf")
        self._status: int | None = None

    def close(self, error: PortError) -> None:
        """Nobody calls until the wait of this error is over; one without a wait speaks for its own call alone."""
        if error.wait:
            self._until, self._status = self._monotonic() + error.wait, error.status

    def enter(self) -> None:
        """Unreachable with what is left of the wait, if it is not over."""
        left = self._until - self._monotonic()
        if left > 0 and self._status is not None:
            raise failure_of(self._status, left)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one exchange may cost. connect, read (between two packets), total: seconds. body: bytes, once unpacked.

    patience: seconds for which a reading that was throttled, or met a server's error, may wait to be asked again.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 180.0
    body: int = 32 * 1024 * 1024
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Connection:
    """What an operator configures to reach one vendor: the registry's factories take it.

    url: https://host[:port]/[base]. ca_file: PEM of the authority that signed the server; None: the usual ones.
    options: what only this vendor needs (a tenant, a client id), and where its server stands.
    """

    url: str = field(repr=False)
    login: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    ca_file: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: HttpLimits = HttpLimits()

    @property
    def reach(self) -> NetworkReach:
        """How far it reaches: into the organisation's own network only if it says so."""
        return NetworkReach.OWN_NETWORK if self.options.get(NETWORK.name) == IN_OWN_NETWORK else NetworkReach.AS_WRITTEN


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer within the limits. path: where it was found in the end, after redirects on the same host."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    path: str = field(repr=False)


def given_in(kind: ConnectionKind, connection: Connection) -> Mapping[str, str]:
    """Every field that the vendor declares, as this connection has it; ValueError: it is not valid."""
    return kind.read(
        url=connection.url,
        login=connection.login,
        secret=connection.secret,
        options=connection.options,
        ca_file=connection.ca_file,
    )


class HttpClient:
    """One vendor's host. Threads may share it; connections are reused.

    `monotonic` and `wall` are the clocks (seconds) for deadlines and for a Retry-After that names a date.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth = anonymous,
        *,
        limits: HttpLimits = HttpLimits(),
        user_agent: str = USER_AGENT,
        ca_file: str | None = None,
        gate: SharedWait | None = None,
        reach: NetworkReach = NetworkReach.AS_WRITTEN,
        resolve: Resolver = resolved,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """base_url: binds every call to its scheme, host and port; relative addresses start there. ValueError: none.

        gate: where 429 and 503 stop everybody who shares it, and a refused password everybody at this host; without
        one each call stands for itself. reach: which addresses it may call; resolve: finds those of a name, once for
        each network connection, which then goes to the very address that was judged.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
            raise ValueError("a base address is http(s)://host[:port]/path, without a login in it")
        self._base = base_url
        self._origin = _origin(base_url)
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._auth = auth
        self._limits = limits
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip", "Connection": "keep-alive"}
        self._verify: bool | str = ca_file or True
        self._wall = wall
        self._answer = partial(_TimedResponse, limits=limits, monotonic=monotonic)
        self._dial = partial(_dial, resolve, reach)
        self._adapter = _Adapter(self._answer, self._dial)
        self._monotonic = monotonic
        self._hangs_up = False
        self._gate = gate
        self._first = Lock()
        self._known = gate is None
        self._refused_until = float("-inf")

    @property
    def named(self) -> bool:
        """Whether it brings credentials."""
        return self._auth is not anonymous

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read along: by TLS, or not leaving this machine."""
        return self.encrypted or self._origin[1] in _LOOPBACK

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self._origin[0] == "https"

    def path_of(self, address: str) -> str:
        """The absolute path (and query) of an address on this host; Garbled(REDIRECTED) if it is on another."""
        return self._path(self._base, address, None)

    def call(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        handles: frozenset[int] = frozenset(),
        max_body: int | None = None,
        unnamed: bool = False,
    ) -> Reply:
        """Ask once, following redirects on the same host; return any 2xx and each status in `handles`.

        unnamed: without credentials. max_body: bytes, in place of the limit. Raises PortError for all else: 401 and 403
        Denied, 404 and 410 Missing, 429 and 5xx Unreachable with the vendor's wait, another host Garbled(REDIRECTED).
        """
        asked = partial(self._ask, method, address, headers or {}, body, handles, max_body)
        if unnamed or self._known:
            return asked(named=not unnamed)
        # The first call goes alone: were the password wrong, each thread would else have tried it once.
        with self._first:
            try:
                return asked(named=True)
            finally:
                self._known = True

    def _ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: bytes,
        handles: frozenset[int],
        max_body: int | None,
        *,
        named: bool,
    ) -> Reply:
        self._enter(named=named)
        path = self.path_of(address)
        sent = {**self._headers, **headers}
        if body or method not in _SAFE_METHODS:
            sent["Content-Length"] = str(len(body))
        status = None
        for _ in range(MOST_REDIRECTS + 1):
            response = self._proven(method, path, sent, body, named=named)
            status = response.status_code
            if status in _REDIRECTS and status not in handles:
                response.close()
                allowed = _FOLLOWED.get(status, frozenset[str]())
                if allowed is not None and method not in allowed:
                    raise Garbled(Fault.REDIRECTED, status=status)
                path = self._path(self._root + path, response.headers.get("Location", ""), status)
                continue
            if not 200 <= status < 300 and status not in handles:
                response.close()
                error = failure_of(status, wait_asked(response.headers.get("Retry-After"), self._wall()))
                self._stop(error, named=named)
                raise error
            content = self._read(response, self._limits.body if max_body is None else max_body)
            return Reply(status, response.headers, content, path)
        raise Garbled(Fault.REDIRECTED, status=status)

    def _enter(self, *, named: bool) -> None:
        if self._gate is not None:
            self._gate.enter()
            if named and self._monotonic() < self._refused_until:
                raise Denied(Fault.WRONG_CREDENTIALS, status=401)

    def _stop(self, error: PortError, *, named: bool) -> None:
        if self._gate is not None:
            if error.status in (429, 503):
                self._gate.close(error)
            elif error.status == 401 and named and self.named:
                self._refused_until = self._monotonic() + REFUSED_FOR

    def _proven(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, named: bool
    ) -> requests.Response:
        """The beginning of an answer, after proving who we are in the way the server asks for."""
        login = self._auth if named and isinstance(self._auth, Login) else None
        if login is None:
            return self._reached(method, path, {**(self._auth() if named else {}), **headers}, body)
        proof, answered = login.proof(method, self._root + path)
        response = self._reached(method, path, {**proof, **headers}, body)
        if response.status_code == 401 and login.challenged(response.headers.get("WWW-Authenticate", ""), answered):
            response.close()
            proof, answered = login.proof(method, self._root + path)
            response = self._reached(method, path, {**proof, **headers}, body)
        return response

    def close(self) -> None:
        """Let go of the connections."""
        self._adapter.close()

    def _path(self, base: str, address: str, status: int | None) -> str:
        # A user name in the address ("http://us@them/") or a back slash could make two readers see two hosts.
        try:
            url = urljoin(base, address)
            parts = urlsplit(url)
            ours = _origin(url) == self._origin and "@" not in parts.netloc and "\\" not in url and address != ""
        except ValueError:
            ours = False
        if not ours or not _VISIBLE.fullmatch(url):
            raise Garbled(Fault.REDIRECTED, status=status)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _reached(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
        """The beginning of an answer. Some servers (SOGo) hang up after an answer without saying so, and what is sent
        into that is lost: what only asks is then sent again, once. What changes something never is, since the answer
        alone may be lost; to a server that is seen to hang up it goes over a connection of its own.
        """
        safe = method in _SAFE_METHODS
        adapter = self._adapter if safe or not self._hangs_up else _Adapter(self._answer, self._dial)
        begun = self._monotonic()
        try:
            response = self._send(adapter, method, path, headers, body)
        except Unreachable as error:
            if not safe or error.fault is not Fault.DROPPED or self._monotonic() - begun > _AT_ONCE:
                raise
            self._hangs_up, response = True, None
        if response is None:
            response = self._send(adapter, method, path, headers, body)
        if response.headers.get("Connection", "").lower() == "close":
            self._hangs_up = True
        return response

    def _send(
        self, adapter: _Adapter, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> requests.Response:
        # Built by hand: preparing, cookies and hooks of a Session cost more than the request itself on a local network,
        # and the adapter beneath it asks neither the environment nor a netrc.
        request = requests.PreparedRequest()
        request.method = method
        request.url = self._root + path
        request.headers = CaseInsensitiveDict(headers)
        request.body = body or None
        failure: PortError
        if method not in _SAFE_METHODS:
            before_change()
        try:
            return adapter.send(
                request,
                stream=True,
                timeout=(self._limits.connect, self._limits.read),
                verify=self._verify,
                proxies={},
            )
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
            failure = _told(error)
        # Raised here, not in the handler: there the library's error, which holds the request, would stay chained to it.
        raise failure

    def _read(self, response: requests.Response, most: int) -> bytes:
        failure: PortError | None = None
        pieces: list[bytes] = []
        try:
            for size, piece in _unpacked(response, most):
                if size > most:
                    failure = Garbled(Fault.TOO_LARGE, status=response.status_code)
                    break
                pieces.append(piece)
        except (OSError, HTTPError, http.client.HTTPException) as error:
            failure = _told(error)
        except (zlib.error, ValueError):
            failure = Garbled(Fault.BAD_BODY, status=response.status_code)
        if failure is None:
            return b"".join(pieces)
        response.close()
        raise failure


def wait_asked(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks for, 0 to 300; None: unusable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment.timestamp() - now, 0.0), LONGEST_WAIT)


def failure_of(status: int, wait: float | None = None) -> PortError:
    """What a refusing status means to a caller that does not handle it; a status inside a 207 is told the same way."""
    if status in _BY_STATUS:
        kind, fault = _BY_STATUS[status]
    elif status >= 500:
        kind, fault = Unreachable, Fault.SERVER_ERROR
    else:
        kind, fault = Garbled, Fault.UNEXPECTED_STATUS
    return kind(fault, status=status, wait=wait)


_BY_STATUS: Mapping[int, tuple[type[PortError], Fault]] = {
    401: (Denied, Fault.WRONG_CREDENTIALS),
    403: (Denied, Fault.FORBIDDEN),
    404: (Missing, Fault.PLACE_GONE),
    408: (Unreachable, Fault.TIMED_OUT),
    410: (Missing, Fault.PLACE_GONE),
    423: (Unreachable, Fault.SERVER_ERROR),
    425: (Unreachable, Fault.SERVER_ERROR),
    429: (Unreachable, Fault.THROTTLED),
    504: (Unreachable, Fault.TIMED_OUT),
}


# Read from the top: an error is the first of these that it, or one it was made from, is. A lost TLS connection is an
# SSLError too, to the library a refused one is a time-out, and one that closed without a word sent a bad status line.
class _BeyondReachError(OSError):
    """Every address of the name is one that this connection may not call."""


_BY_ERROR: tuple[tuple[tuple[type[BaseException], ...], type[PortError], Fault], ...] = (
    ((_BeyondReachError,), Unreachable, Fault.ADDRESS_REFUSED),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), Unreachable, Fault.DROPPED),
    ((ssl.SSLError,), Unreachable, Fault.CERTIFICATE),
    ((socket.gaierror, ConnectionRefusedError, NewConnectionError), Unreachable, Fault.NO_CONNECTION),
    ((TimeoutError, Late, requests.Timeout), Unreachable, Fault.TIMED_OUT),
    ((ConnectionError, IncompleteRead, http.client.IncompleteRead), Unreachable, Fault.DROPPED),
    ((http.client.HTTPException,), Garbled, Fault.NOT_THE_PROTOCOL),
)


def _told(error: BaseException) -> PortError:
    family = list(_family(error))
    for kinds, made, fault in _BY_ERROR:
        if any(isinstance(each, kinds) for each in family):
            return made(fault)
    if isinstance(error, requests.RequestException | HTTPError):
        return Unreachable(Fault.DROPPED)
    # Neither the network nor the server: a file of authorities that cannot be read is the one OSError left.
    return Unreachable(Fault.CERTIFICATE) if isinstance(error, OSError) else Garbled(Fault.BAD_BODY)


def _family(error: BaseException | None, depth: int = 0) -> Iterator[BaseException]:
    if not isinstance(error, BaseException) or depth > 6:
        return
    yield error
    for other in (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args):
        if other is not error:
            yield from _family(other, depth + 1)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").rstrip("."), parts.port or _DEFAULT_PORTS.get(scheme, 0)


def _unpacked(response: requests.Response, most: int) -> Iterator[tuple[int, bytes]]:
    # Unpacked here by pieces of known size, since a few kilobytes of gzip can hold a gigabyte.
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise ValueError("an encoding that was not asked for")
    packed = coding in ("gzip", "x-gzip")
    unpacker = zlib.decompressobj(wbits=31)
    size = 0
    while piece := response.raw.read(_PIECE, decode_content=False):
        while piece:
            part = unpacker.decompress(piece, _PIECE) if packed else piece
            piece = unpacker.unconsumed_tail if packed else b""
            size += len(part)
            yield size, part
            if size > most:
                return
    if packed and size and not unpacker.eof:
        raise ValueError("cut short")


class _Clocked:
    """Stands in for a socket where `http.client` makes its reader, so that each read waits no longer than the deadline.

    A time-out on the socket alone starts anew with every byte: a server that drips would hold a call for ever.
    """

    def __init__(self, sock: socket.socket, limits: HttpLimits, monotonic: Callable[[], float]) -> None:
        self._sock, self._limits, self._monotonic = sock, limits, monotonic

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_ClockedReader(self._sock, self._limits, self._monotonic), _PIECE)


class _ClockedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, limits: HttpLimits, monotonic: Callable[[], float]) -> None:
        self._sock, self._read, self._monotonic = sock, limits.read, monotonic
        self._end = monotonic() + limits.total
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, self._read))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(
        self, sock: socket.socket, *args: Any, limits: HttpLimits, monotonic: Callable[[], float], **kwargs: Any
    ) -> None:
        super().__init__(_Clocked(sock, limits, monotonic), *args, **kwargs)  # type: ignore[arg-type]

    def _read_status(self) -> tuple[str, int, str]:
        # The library passes over 100 alone and takes any other interim answer (RFC 9110, 15.2) for the final one:
        # 102 is how Cyrus says that it is still at work, 103 is sent ahead of an answer by proxies.
        for _ in range(_MOST_INTERIM):
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not 102 <= found[1] < 200:
                return found
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("")


def _dial(resolve: Resolver, reach: NetworkReach, connection: HTTPConnection) -> socket.socket:
    """A socket to the first address that answers, of those that may be called."""
    addresses = allowed(connection.host, resolve(connection.host, connection.port), reach)
    if not addresses:
        raise _BeyondReachError
    for nth, address in enumerate(addresses, 1):
        try:
            return create_connection(
                (address, connection.port), connection.timeout, socket_options=connection.socket_options
            )
        except OSError as error:
            if nth == len(addresses):
                if isinstance(error, TimeoutError):
                    raise
                raise NewConnectionError(connection, type(error).__name__) from error
    raise AssertionError("unreachable")


class _Adapter(HTTPAdapter):
    """The library's transport with `answer` (a class or a partial of one) in place of `http.client.HTTPResponse`, and
    `dial` in place of its own way to a socket.
    """

    def __init__(
        self, answer: Callable[..., http.client.HTTPResponse], dial: Callable[[HTTPConnection], socket.socket]
    ) -> None:
        self._answer, self._dial = answer, dial
        # As many as there are threads at work, at the most: a connection that the pool has no room for is thrown away.
        super().__init__(pool_maxsize=_MOST_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        dial = self._dial
        own = {"response_class": self._answer, "_new_conn": lambda it: dial(it)}  # noqa: PLW0108 - a method, which a partial is not
        plain = type("_Plain", (HTTPConnection,), own)
        secure = type("_Secure", (HTTPSConnection,), own)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("_SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
