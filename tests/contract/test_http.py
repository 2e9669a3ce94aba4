"""The HTTP client: a call ends within its limits, goes to one host only, and its errors say nothing of the request."""

from __future__ import annotations

import gzip
import traceback
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mdm_adapters.http import REFUSED_FOR, HttpClient, HttpLimits, Login, SharedWait, basic, bearer, wait_asked
from mdm_adapters.port import Denied, Fault, Garbled, Missing, PortError, Unreachable
from tests.parts.certificates import Signed, signed
from tests.parts.process import free_port
from tests.vendors.badserver import Action, BadServer, Drip, Drop, Hang, Raw, Said, Script, Seen, bad_server
from tests.vendors.proofs import Digest

QUICK = HttpLimits(connect=1.0, read=0.3, total=0.6, body=100_000)
CANARY = "canary"


def door_to(server: BadServer, *, limits: HttpLimits = QUICK, base: str = "") -> HttpClient:
    return HttpClient(server.url + base, basic(f"{CANARY}-login", f"{CANARY}-password"), limits=limits)


def failure(action: Action | Script, *, method: str = "PROPFIND", limits: HttpLimits = QUICK) -> PortError:
    """The error of one call to a server that does this."""
    with bad_server(action if callable(action) else lambda _: action) as server:
        http = door_to(server, limits=limits)
        with pytest.raises(PortError) as raised:
            http.call(method, f"/{CANARY}-path/", headers={"X-Own": f"{CANARY}-header"}, body=b"canary-body")
        http.close()
    return raised.value


def told(error: PortError) -> tuple[type[PortError], Fault, int | None]:
    return type(error), error.fault, error.status


def test_an_answer_comes_back_whole() -> None:
    with bad_server(lambda seen: Said(207, b"<x/>", {"ETag": '"1"'})) as server:
        reply = door_to(server, base="/dav").call("REPORT", "book/", body=b"question", headers={"Depth": "0"})

    assert (reply.status, reply.body, reply.headers["etag"], reply.path) == (207, b"<x/>", '"1"', "/book/")
    assert (server.seen[0].method, server.seen[0].body, server.seen[0].headers["depth"]) == ("REPORT", b"question", "0")


# --- what is not final


@pytest.mark.parametrize("interim", [b"102 Processing", b"103 Early Hints", b"102 Processing\r\nServer: canary"])
def test_an_interim_answer_is_not_the_answer(interim: bytes) -> None:
    said = b"HTTP/1.1 " + interim + b"\r\n\r\n"
    final = b"HTTP/1.1 207 Said\r\nContent-Length: 4\r\n\r\n<x/>"
    with bad_server(lambda _: Raw(said * 3 + b"HTTP/1.1 100 Continue\r\n\r\n" + said + final)) as server:
        reply = door_to(server).call("PROPFIND", "/")

    assert (reply.status, reply.body) == (207, b"<x/>")


def test_interim_answers_without_end_are_no_answer() -> None:
    error = failure(Drip(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 50))

    assert told(error) in [(Garbled, Fault.NOT_THE_PROTOCOL, None), (Unreachable, Fault.TIMED_OUT, None)]


# --- proving who we are


def digest_server(password: str = f"{CANARY}-password", *, algorithm: str = "MD5", also: str = "") -> Script:
    """A server that takes Digest alone."""
    digest = Digest({f"{CANARY}-login": password}, algorithm)

    def script(seen: Seen) -> Action:
        if digest.login(seen.headers.get("authorization", ""), seen.method, seen.path):
            return Said(207, b"<x/>")
        return Said(401, headers={"WWW-Authenticate": also + digest.challenge})

    return script


def client_with_login(server: BadServer, gate: SharedWait | None = None, **more: Any) -> HttpClient:
    return HttpClient(server.url, Login(f"{CANARY}-login", f"{CANARY}-password"), limits=QUICK, gate=gate, **more)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("also", ["", 'Negotiate, Digest realm="r", nonce="n", algorithm=UNKNOWN, '])
def test_a_server_that_takes_digest_alone_is_given_digest(algorithm: str, also: str) -> None:
    with bad_server(digest_server(algorithm=algorithm, also=also)) as server:
        http = client_with_login(server, SharedWait())
        bodies = [http.call(method, f"/book/{method}?a=b").body for method in ("PROPFIND", "REPORT", "DELETE")]

    assert (bodies, len(server.seen)) == ([b"<x/>"] * 3, 4), "it is challenged once"


def test_threads_share_one_count_of_digest_answers() -> None:
    with bad_server(digest_server()) as server, ThreadPoolExecutor(4) as pool:
        http = client_with_login(server, SharedWait())
        bodies = list(pool.map(lambda number: http.call("PROPFIND", f"/{number}").body, range(20)))

    assert (bodies, len(server.seen)) == ([b"<x/>"] * 20, 21)


def test_a_wrong_password_is_tried_once_in_each_way_and_by_nobody_else() -> None:
    with bad_server(digest_server("another")) as server, ThreadPoolExecutor(8) as pool:
        http = client_with_login(server, SharedWait())
        faults = list(pool.map(lambda number: refused(http, f"/{number}"), range(60)))

    assert (set(faults), len(server.seen)) == ({Fault.WRONG_CREDENTIALS}, 2)


def test_a_server_that_takes_basic_gets_no_second_guess() -> None:
    also = Said(401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", Basic realm="r"'})
    with bad_server(lambda _: also) as server:
        fault = refused(client_with_login(server), "/")

    assert (fault, len(server.seen)) == (Fault.WRONG_CREDENTIALS, 1)


def refused(http: HttpClient, path: str) -> Fault | None:
    try:
        http.call("PROPFIND", path)
    except PortError as error:
        return error.fault
    return None


# --- a server that asked to be left alone


def test_a_refused_password_stops_every_thread_and_the_rest_of_the_run() -> None:
    now = [1000.0]
    with bad_server(lambda _: Said(401)) as server, ThreadPoolExecutor(8) as pool:
        http = client_with_login(server, SharedWait(), monotonic=lambda: now[0])
        faults = set(pool.map(lambda number: refused(http, f"/{number}"), range(60)))
        calls = [len(server.seen)]
        now[0] += REFUSED_FOR + 1
        refused(http, "/")
        calls.append(len(server.seen))
        with pytest.raises(Denied):
            http.call("PROPFIND", "/", unnamed=True)
        calls.append(len(server.seen))

    assert (faults, calls) == ({Fault.WRONG_CREDENTIALS}, [1, 2, 3])


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_holds_for_all_who_share_the_gate_and_ends(status: int) -> None:
    now = [1000.0]
    with bad_server(lambda _: Said(status, headers={"Retry-After": "120"})) as server:
        gate = SharedWait(lambda: now[0])
        one, other = (client_with_login(server, gate, monotonic=lambda: now[0]) for _ in range(2))
        waits = []
        for http, later in ((one, 0), (one, 20), (other, 40), (other, 61)):
            now[0] += later
            with pytest.raises(Unreachable) as raised:
                http.call("DELETE", "/")
            waits.append((raised.value.status, raised.value.wait))

    assert (waits, len(server.seen)) == ([(status, 120), (status, 100), (status, 60), (status, 120)], 2)


def test_without_a_wait_or_without_a_gate_each_call_stands_for_itself() -> None:
    with bad_server(lambda _: Said(503)) as server:
        http = client_with_login(server, SharedWait())
        assert [refused(http, "/") for _ in range(2)] == [Fault.SERVER_ERROR] * 2
    with bad_server(lambda _: Said(429, headers={"Retry-After": "9"})) as ungated:
        assert [refused(client_with_login(ungated), "/") for _ in range(2)] == [Fault.THROTTLED] * 2

    assert (len(server.seen), len(ungated.seen)) == (2, 2)


def test_a_question_lost_in_a_connection_that_the_server_gave_up_is_asked_once_more() -> None:
    answers: Iterator[Action] = iter([Said(207, b"<x/>"), Drop(), Said(207, b"<y/>"), Drop(), Drop(), Said(207)])
    with bad_server(lambda _: next(answers)) as server:
        http = door_to(server)
        bodies = [http.call("PROPFIND", "/").body for _ in range(2)]
        with pytest.raises(Unreachable) as raised:
            http.call("PROPFIND", "/")

    assert (bodies, raised.value.fault, len(server.seen)) == ([b"<x/>", b"<y/>"], Fault.DROPPED, 5)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST"])
def test_what_changes_something_is_never_sent_twice(method: str) -> None:
    answers: Iterator[Action] = iter([Said(207, b"<x/>"), Drop(), Said(204)])
    with bad_server(lambda _: next(answers)) as server:
        http = door_to(server)
        http.call("PROPFIND", "/")
        with pytest.raises(Unreachable):
            http.call(method, "/")

    assert server.methods() == ["PROPFIND", method]


def test_a_server_that_hangs_up_gets_what_changes_something_over_a_connection_of_its_own() -> None:
    with bad_server(lambda _: Said(200)) as server:
        http = door_to(server)
        for method in ("PROPFIND", "DELETE", "PUT"):
            http.call(method, "/")
        kept = {each.peer for each in server.seen}
    answers = chain([Said(200, headers={"Connection": "close"})], repeat(Said(200)))
    with bad_server(lambda _: next(answers)) as server:
        http = door_to(server)
        for method in ("PROPFIND", "DELETE", "PUT"):
            http.call(method, "/")
        own = {each.peer for each in server.seen}

    assert (len(kept), len(own)) == (1, 3)


def test_a_handled_status_comes_back_and_no_error() -> None:
    with bad_server(lambda _: Said(403, b"why")) as server:
        reply = door_to(server).call("REPORT", "/", handles=frozenset({403}))

    assert (reply.status, reply.body) == (403, b"why")


@pytest.mark.parametrize(
    ("status", "kind", "fault"),
    [
        (401, Denied, Fault.WRONG_CREDENTIALS),
        (403, Denied, Fault.FORBIDDEN),
        (404, Missing, Fault.PLACE_GONE),
        (410, Missing, Fault.PLACE_GONE),
        (400, Garbled, Fault.UNEXPECTED_STATUS),
        (409, Garbled, Fault.UNEXPECTED_STATUS),
        (418, Garbled, Fault.UNEXPECTED_STATUS),
        (304, Garbled, Fault.UNEXPECTED_STATUS),
        (429, Unreachable, Fault.THROTTLED),
        (500, Unreachable, Fault.SERVER_ERROR),
        (502, Unreachable, Fault.SERVER_ERROR),
        (503, Unreachable, Fault.SERVER_ERROR),
        (504, Unreachable, Fault.TIMED_OUT),
        (507, Unreachable, Fault.SERVER_ERROR),
    ],
)
def test_a_refusal_is_named_for_what_can_be_done(status: int, kind: type[PortError], fault: Fault) -> None:
    assert told(failure(Said(status, b"canary"))) == (kind, fault, status)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("17", 17.0),
        (" 0 ", 0.0),
        ("86400", 300.0),
        ("9" * 400, 300.0),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20.0),
        ("Sunday, 06-Nov-94 08:49:57 GMT", 20.0),
        ("Sun, 06 Nov 1994 09:49:37 +0200", 0.0),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 300.0),
        ("-5", None),
        ("soon", None),
        ("\u0661\u0662", None),
        (None, None),
    ],
)
def test_the_wait_a_server_asks_for_is_understood_and_capped(value: str | None, wait: float | None) -> None:
    now = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()

    assert wait_asked(value, now) == wait


def test_the_wait_goes_along_with_the_error() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    waits = [
        failure(Said(status, headers={"Retry-After": value})).wait
        for status, value in [(429, "12"), (503, later.strftime("%a, %d %b %Y %H:%M:%S GMT")), (503, "soon")]
    ]

    assert waits[0] == 12.0
    assert waits[1] is not None
    assert 90 < waits[1] <= 100
    assert waits[2] is None


@pytest.mark.parametrize(
    ("action", "kind", "fault"),
    [
        (Hang(), Unreachable, Fault.TIMED_OUT),
        (Drop(), Unreachable, Fault.DROPPED),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), Unreachable, Fault.DROPPED),
        (Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"), Unreachable, Fault.DROPPED),
        (Raw(b"SSH-2.0-canary\r\n"), Garbled, Fault.NOT_THE_PROTOCOL),
        (Raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: canary\r\n" * 1_000 + b"\r\n"), Garbled, Fault.NOT_THE_PROTOCOL),
        (Raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000), Garbled, Fault.NOT_THE_PROTOCOL),
        (Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"), Unreachable, Fault.TIMED_OUT),
        (Drip(b"HTTP/1.1 200 OK\r\n\r\n"), Unreachable, Fault.TIMED_OUT),
        (Drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"), Unreachable, Fault.TIMED_OUT),
        (Drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"), Unreachable, Fault.TIMED_OUT),
        (Drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Unreachable, Fault.TIMED_OUT),
        (Said(200, b"a" * 200_000), Garbled, Fault.TOO_LARGE),
        (Drip(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 50_000), Garbled, Fault.TOO_LARGE),
        (Said(200, gzip.compress(b"a" * 50_000_000), {"Content-Encoding": "gzip"}), Garbled, Fault.TOO_LARGE),
        (Said(200, b"no gzip", {"Content-Encoding": "gzip"}), Garbled, Fault.BAD_BODY),
        (Said(200, gzip.compress(b"cut short")[:-9], {"Content-Encoding": "gzip"}), Garbled, Fault.BAD_BODY),
        (Said(200, zlib.compress(b"canary"), {"Content-Encoding": "br"}), Garbled, Fault.BAD_BODY),
    ],
)
def test_a_bad_answer_ends_soon_and_by_its_name(action: Action, kind: type[PortError], fault: Fault) -> None:
    begun = monotonic()
    error = failure(action)

    assert (type(error), error.fault) == (kind, fault)
    assert monotonic() - begun < 5


def test_the_deadline_holds_where_a_server_may_be_silent_for_longer() -> None:
    begun = monotonic()
    error = failure(Hang(), limits=HttpLimits(read=30.0, total=0.4))

    assert (type(error), error.fault) == (Unreachable, Fault.TIMED_OUT)
    assert monotonic() - begun < 5


def test_a_bomb_is_put_down_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(b"a" * 50_000_000)
    tracemalloc.start()
    error = failure(Said(200, bomb, {"Content-Encoding": "gzip"}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert error.fault is Fault.TOO_LARGE
    assert peak < 5_000_000


def test_a_packed_answer_is_unpacked() -> None:
    body = b"long " * 10_000
    with bad_server(lambda _: Said(200, gzip.compress(body), {"Content-Encoding": "gzip"})) as server:
        assert door_to(server).call("GET", "/").body == body

    assert server.seen[0].headers["accept-encoding"] == "gzip"


def test_nobody_listening_is_no_connection() -> None:
    with pytest.raises(Unreachable) as raised:
        HttpClient(f"http://127.0.0.1:{free_port()}", limits=QUICK).call("GET", "/")

    assert raised.value.fault is Fault.NO_CONNECTION


# --- redirects


def test_a_redirect_on_the_same_host_is_followed_with_method_and_body() -> None:
    def script_of(status: int) -> Script:
        return lambda seen: Said(status, headers={"Location": "../new/?a=b"}) if "old" in seen.path else Said(207)

    for status in (301, 302, 307, 308):
        with bad_server(script_of(status)) as server:
            reply = door_to(server).call("PROPFIND", "/old/", body=b"question", headers={"Depth": "1"})
        assert reply.path == "/new/?a=b"
        assert [(each.method, each.path, each.body, each.headers["depth"]) for each in server.seen] == [
            ("PROPFIND", "/old/", b"question", "1"),
            ("PROPFIND", "/new/?a=b", b"question", "1"),
        ]


@pytest.mark.parametrize(
    ("status", "method", "arrived"),
    [(301, "DELETE", 1), (302, "PUT", 1), (303, "PROPFIND", 1), (307, "DELETE", 2), (308, "PUT", 2), (300, "GET", 1)],
)
def test_a_write_is_sent_again_only_where_that_means_the_same(status: int, method: str, arrived: int) -> None:
    def script(seen: object) -> Action:
        return Said(status, headers={"Location": "/new"}) if len(server.seen) == 1 else Said(204)

    with bad_server(script) as server:
        http = door_to(server)
        if arrived == 2:
            assert http.call(method, "/old", body=b"x").status == 204
        else:
            with pytest.raises(Garbled) as raised:
                http.call(method, "/old", body=b"x")
            assert told(raised.value) == (Garbled, Fault.REDIRECTED, status)

    assert server.methods() == [method] * arrived


def test_redirects_end() -> None:
    assert told(failure(lambda seen: Said(301, headers={"Location": seen.path + "a"}))) == (
        *(Garbled, Fault.REDIRECTED, 301),
    )


@pytest.fixture
def elsewhere() -> Iterator[BadServer]:
    """Another host (here: another port) where no request of ours may arrive."""
    with bad_server(lambda _: Said(207)) as server:
        yield server


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/x",
        "//127.0.0.1:{port}/x",
        "http://localhost:{own}/x",
        "https://127.0.0.1:{own}/x",
        "http://user:pass@127.0.0.1:{own}/x",
        "http://127.0.0.1:{own}\\@127.0.0.1:{port}/x",
        "http://127.0.0.1:{own}@127.0.0.1:{port}/x",
        "\\\\127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "http://[::1",
        "",
    ],
)
def test_credentials_never_go_to_another_host(elsewhere: BadServer, location: str) -> None:
    def script(_: object) -> Action:
        return Said(302, headers={"Location": location.format(port=elsewhere.port, own=server.port)})

    with bad_server(script) as server, pytest.raises(Garbled) as raised:
        door_to(server).call("PROPFIND", "/")

    assert told(raised.value) == (Garbled, Fault.REDIRECTED, 302)
    assert (len(server.seen), elsewhere.seen) == (1, [])


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x", "//other.example/x", "https://127.0.0.1/x", "/a b", "/\u00e9"]
)
def test_an_address_elsewhere_is_refused_before_anything_is_sent(elsewhere: BadServer, address: str) -> None:
    with pytest.raises(Garbled) as raised:
        door_to(elsewhere).call("GET", address)

    assert (raised.value.fault, elsewhere.seen) == (Fault.REDIRECTED, [])


# --- who we are


def test_a_token_is_asked_for_before_every_call() -> None:
    tokens = iter(["first", "second"])
    with bad_server(lambda _: Said(200)) as server:
        http = HttpClient(server.url, bearer(lambda: next(tokens)), limits=QUICK)
        http.call("GET", "/")
        http.call("GET", "/")
        http.call("GET", "/", unnamed=True)

    assert [each.headers.get("authorization") for each in server.seen] == ["Bearer first", "Bearer second", None]


def test_neither_the_environment_nor_a_netrc_is_asked(
    elsewhere: BadServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", elsewhere.url)
    monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
    monkeypatch.delenv("no_proxy", raising=False)
    with bad_server(lambda _: Said(200, headers={"Set-Cookie": "a=b"})) as server:
        http = HttpClient(server.url, limits=QUICK)
        http.call("GET", "/")
        http.call("GET", "/")

    assert elsewhere.seen == []
    assert [set(each.headers) & {"authorization", "cookie"} for each in server.seen] == [set(), set()]


@pytest.mark.parametrize("base", ["ftp://host.example/", "host.example", "http://", "https://me:word@host.example/"])
def test_a_base_address_that_cannot_be_meant_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="base address"):
        HttpClient(base)


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(certificate: Signed) -> Iterator[BadServer]:
    with bad_server(
        lambda seen: Said(200, b"ok") if seen.path == "/" else Drip(b"HTTP/1.1 200 OK\r\n\r\n"),
        tls=certificate.context(),
    ) as server:
        yield server


def test_an_authority_of_ones_own_is_trusted_if_named(secure: BadServer, certificate: Signed) -> None:
    http = HttpClient(secure.url, basic("a", "b"), limits=QUICK, ca_file=str(certificate.authority))

    assert http.call("GET", "/").body == b"ok"
    with pytest.raises(Unreachable) as raised:
        http.call("GET", "/drip")
    assert raised.value.fault is Fault.TIMED_OUT


def test_a_stranger_is_not_trusted_and_told_nothing(secure: BadServer) -> None:
    with pytest.raises(Unreachable) as raised:
        HttpClient(secure.url, basic("a", "b"), limits=QUICK).call("GET", "/")

    assert (raised.value.fault, secure.seen) == (Fault.CERTIFICATE, [])


def test_a_missing_file_of_authorities_is_a_matter_of_certificates(secure: BadServer, tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as raised:
        HttpClient(secure.url, limits=QUICK, ca_file=str(tmp_path / "none.pem")).call("GET", "/")

    assert raised.value.fault is Fault.CERTIFICATE


def test_plain_http_where_tls_is_expected_is_a_matter_of_certificates() -> None:
    with bad_server(lambda _: Said(200)) as server, pytest.raises(Unreachable) as raised:
        HttpClient(server.url.replace("http:", "https:"), limits=QUICK).call("GET", "/")

    assert raised.value.fault is Fault.CERTIFICATE


# --- saying nothing


@pytest.mark.parametrize(
    "action",
    [
        Hang(),
        Drop(),
        Raw(b"canary\r\n"),
        Said(500, b"canary"),
        Said(302, headers={"Location": "http://canary.example/"}),
    ],
)
def test_no_error_nor_anything_chained_to_it_holds_a_part_of_the_request(action: Action) -> None:
    error = failure(action)

    assert (error.__cause__, error.__context__) == (None, None)
    assert "canary" not in f"{error!s} {error!r} {error.args}"
    last = traceback.format_exception_only(error)
    assert "canary" not in "".join(last)


def test_the_library_below_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with bad_server(lambda _: Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nBroken canary\r\n\r\n")) as server:
        assert door_to(server).call("GET", "/canary").status == 200

    assert "canary" not in caplog.text
