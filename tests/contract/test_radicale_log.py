"""What Radicale's log proves of a device, from texts made by hand and from a real Radicale with real phones."""

from __future__ import annotations

import json
import os
import shutil
import socket
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdm_adapters.carddav import CardDav
from mdm_adapters.http import HttpClient, basic
from mdm_adapters.port import Denied, DeviceFetch, Garbled, Missing, Place, PortError, Reading, SyncWitness
from mdm_adapters.radicale_log import MOST_OPEN, RadicaleLog, path_of
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.dav import DavClient, DavServer
from tests.parts.phone import Phone
from tests.parts.radicale import Right, radicale_server

BOOK = "/service/book-1/"
OTHER = "/service/book-2/"
AGENT = "vdirsyncer/0.21.0"
FLAGS = "(sync-token getetag sync-collection)"


def look_agent(mark: str) -> str:
    return f"closeout/0.1.0 (look {mark})"


# --- the log, as Radicale 3.9 writes it


@dataclass(frozen=True)
class Asked:
    """One request, which is three lines: it came, who it was, how it ended."""

    login: str
    book: str = BOOK
    method: str = "PROPFIND"
    depth: str | None = "1"
    agent: str | None = AGENT
    flags: str = "(getetag)"
    status: str = "207 Multi-Status"
    level: str = "INFO"

    @property
    def lines(self) -> tuple[str, str, str]:
        where = f"{self.book!r}" + (f" with depth {self.depth!r}" if self.depth is not None else "")
        using = f" using {self.agent!r}" if self.agent is not None else ""
        size = f" plain 756 bytes {self.flags}" if self.flags else ""
        return (
            f"{self.method} request for {where} received from 127.0.0.1{using} HTTP/1.1",
            f"Successful login: {self.login!r} (htpasswd)",
            f"{self.method} response status for {where} in 0.003 seconds{size}: {self.status}",
        )


def sync(login: str, book: str = BOOK, *, agent: str = AGENT, depth: str | None = None, flags: str = FLAGS) -> Asked:
    return Asked(login, book, "REPORT", depth, agent, flags)


def look(mark: str, book: str = BOOK) -> Asked:
    return Asked("service", book, agent=look_agent(mark))


def delta_look(mark: str, book: str = BOOK) -> Asked:
    return sync("service", book, depth="0", agent=look_agent(mark))


def line(thread: int, message: str, level: str = "INFO") -> str:
    return f"[2026-03-01 09:00:00 +0100] [4711/Thread-{thread} (process_request_thread)] [{level}] {message}\n"


def one_after_the_other(*asked: Asked, first_thread: int = 1) -> str:
    numbered = enumerate(asked, first_thread)
    return "".join(line(thread, text, each.level) for thread, each in numbered for text in each.lines)


START = "".join(
    f"[2026-03-01 08:00:00 +0100] [4711] [INFO] {text}\n"
    for text in (
        "Logging level set to: 'INFO'",
        "Starting Radicale (3.9.0) as service on Linux",
        "Radicale server ready",
    )
)


@dataclass
class Follower:
    """The log and a witness that reads on from where it was."""

    path: Path
    cursor: str | None = None
    witness: SyncWitness = field(init=False)

    def __post_init__(self) -> None:
        self.witness = RadicaleLog(self.path, "service")

    def grows(self, text: str) -> Follower:
        with self.path.open("a", encoding="utf-8", newline="") as log:
            log.write(text)
        return self

    def reads(self) -> list[DeviceFetch]:
        facts, self.cursor = self.witness.read(self.cursor)
        return list(facts)


@pytest.fixture
def log(tmp_path: Path) -> Follower:
    return Follower(tmp_path / "radicale.log").grows(START)


def fetched(login: str, after: str, book: str = BOOK) -> DeviceFetch:
    return DeviceFetch(login, book, after)


# --- what counts


@pytest.mark.parametrize("ours", [look, delta_look])
@pytest.mark.parametrize("theirs", [Asked, sync])
def test_a_device_that_lists_a_book_after_our_look_has_fetched_it(log, ours, theirs):
    log.grows(one_after_the_other(ours("m1"), theirs("phone-01")))
    assert log.reads() == [fetched("phone-01", "m1")]
    assert log.reads() == []


def test_a_device_that_listed_before_our_look_has_not(log):
    assert log.grows(one_after_the_other(Asked("phone-01"), look("m1"))).reads() == []


def test_a_device_whose_request_came_before_our_look_was_answered_has_not(log):
    ours, theirs = look("m1").lines, Asked("phone-01").lines
    log.grows(line(1, ours[0]) + line(1, ours[1]) + line(2, theirs[0]) + line(1, ours[2]))
    log.grows(line(2, theirs[1]) + line(2, theirs[2]))
    assert log.reads() == []


def test_a_fetch_that_was_not_answered_yet_is_told_once_it_is(log):
    theirs = Asked("phone-01").lines
    log.grows(one_after_the_other(look("m1")) + line(2, theirs[0]))
    assert log.reads() == []
    assert log.grows(line(2, theirs[1])).reads() == []
    assert log.grows(line(2, theirs[2])).reads() == [fetched("phone-01", "m1")]


def test_a_fetch_names_the_look_it_came_after_and_not_one_answered_meanwhile(log):
    theirs = Asked("phone-01").lines
    log.grows(one_after_the_other(look("m1")) + line(2, theirs[0]) + line(2, theirs[1]))
    log.grows(one_after_the_other(look("m2"), first_thread=3) + line(2, theirs[2]))
    assert log.reads() == [fetched("phone-01", "m1")]


def test_every_device_and_every_book_is_told_apart(log):
    log.grows(one_after_the_other(look("m1"), look("m2", OTHER), Asked("phone-01"), sync("phone-02", OTHER)))
    log.grows(one_after_the_other(look("m3"), Asked("phone-02"), Asked("phone-01", OTHER)))
    assert log.reads() == [
        fetched("phone-01", "m1"),
        fetched("phone-02", "m2", OTHER),
        fetched("phone-02", "m3"),
        fetched("phone-01", "m2", OTHER),
    ]


def test_a_fetch_after_a_full_and_a_later_delta_look_names_both(log):
    log.grows(one_after_the_other(look("m1"), delta_look("m2"), Asked("phone-01"), look("m3"), Asked("phone-01")))
    assert log.reads() == [fetched("phone-01", "m1"), fetched("phone-01", "m2"), fetched("phone-01", "m3")]


def test_a_fetch_repeated_after_the_same_look_is_told_once(log):
    log.grows(one_after_the_other(look("m1"), *[Asked("phone-01")] * 5))
    assert log.reads() == [fetched("phone-01", "m1")]


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param(Asked("phone-01", depth="0"), id="depth 0"),
        pytest.param(Asked("phone-01", depth=None), id="no depth"),
        pytest.param(Asked("phone-01", depth="infinity"), id="depth infinity"),
        pytest.param(Asked("phone-01", flags="(getctag)"), id="no ETags asked for"),
        pytest.param(Asked("phone-01", flags=""), id="no body"),
        pytest.param(sync("phone-01", flags="(getetag)"), id="multiget"),
        pytest.param(sync("phone-01", flags="(sync-token)"), id="sync token only"),
        pytest.param(Asked("phone-01", status="403 Forbidden", level="WARNING"), id="refused"),
        pytest.param(Asked("phone-01", status="404 Not Found", level="NOTICE"), id="not found"),
        pytest.param(Asked("phone-01", status="500 Internal Server Error", level="CRITICAL"), id="failed"),
        pytest.param(Asked("phone-01", method="GET"), id="GET"),
        pytest.param(Asked("phone-01", book=OTHER), id="another book"),
        pytest.param(Asked("phone-01", book=f"{BOOK}card-1.vcf"), id="a card"),
        pytest.param(Asked("phone-01", book="/service/"), id="the folder above"),
        pytest.param(Asked("service"), id="the service account itself"),
    ],
)
def test_what_does_not_tell_a_device_what_is_gone_does_not_count(log, theirs):
    assert log.grows(one_after_the_other(look("m1"), theirs)).reads() == []


def test_a_request_without_a_login_or_with_a_failed_one_does_not_count(log):
    came, _, ended = Asked("phone-01").lines
    failed = "Failed login attempt from 127.0.0.1: 'phone-01' (htpasswd)"
    log.grows(one_after_the_other(look("m1")))
    log.grows(line(2, came) + line(2, ended) + line(3, came) + line(3, failed, "WARNING") + line(3, ended))
    assert log.reads() == []


@pytest.mark.parametrize(
    "ours",
    [
        pytest.param(Asked("service", agent=look_agent("m1"), depth="0"), id="depth 0"),
        pytest.param(Asked("service", agent=look_agent("m1"), flags="(getctag)"), id="no ETags asked for"),
        pytest.param(sync("service", agent=look_agent("m1"), flags="(getetag)"), id="multiget"),
        pytest.param(Asked("service", agent=look_agent("m1"), status="401 Unauthorized"), id="refused"),
        pytest.param(Asked("service", agent=look_agent("m1"), book=OTHER), id="another book"),
        pytest.param(Asked("service", agent="closeout/0.1.0"), id="no mark"),
        pytest.param(Asked("service", agent=None), id="no User-Agent"),
        pytest.param(Asked("service", agent=f"x {look_agent('m1')}"), id="not at the start"),
        pytest.param(Asked("service", agent=f"{look_agent('m1')} x"), id="not at the end"),
        pytest.param(Asked("service", agent=look_agent("m'1")), id="no mark of ours"),
        pytest.param(Asked("phone-02", agent=look_agent("m1")), id="another login"),
    ],
)
def test_what_is_no_listing_by_a_look_of_ours_proves_nothing(log, ours):
    assert log.grows(one_after_the_other(ours, Asked("phone-01"))).reads() == []


# --- how Radicale writes things


@pytest.mark.parametrize(
    "book", ["/service/it's here/", "/service/both ' and \"/", "/service/ação/", "/service/a\\b/", "/service/x\u00a0y/"]
)
def test_paths_and_logins_are_read_as_the_text_they_stand_for(log, book):
    log.grows(one_after_the_other(look("m1", book), Asked("o'phone", book)))
    assert log.reads() == [fetched("o'phone", "m1", book)]


def test_a_book_is_the_same_with_and_without_the_slash_at_its_end(log):
    log.grows(one_after_the_other(look("m1", BOOK.rstrip("/")), Asked("phone-01", BOOK), look("m2")))
    log.grows(one_after_the_other(Asked("phone-02", BOOK.rstrip("/"))))
    assert log.reads() == [fetched("phone-01", "m1"), fetched("phone-02", "m2")]


@pytest.mark.parametrize(
    "old_new",
    [
        pytest.param((" HTTP/1.1", ""), id="before 3.9"),
        pytest.param((" HTTP/1.1", " HTTP/1.1 TLSv1.3 TLS_AES_256_GCM_SHA384"), id="TLS"),
        pytest.param((" HTTP/1.1", " HTTP/1.1  "), id="TLS that is unknown"),
        pytest.param(("from 127.0.0.1", "from 'proxy.example' (forwarded for '192.0.2.7, 10.0.0.1')"), id="proxy"),
        pytest.param(("from 127.0.0.1", "from ::1"), id="IPv6"),
        pytest.param((f" using {AGENT!r}", ""), id="no User-Agent"),
        pytest.param(("login: 'phone-01' (htpasswd)", "login: 'PHONE-01' -> 'phone-01' (ldap / cached)"), id="mapped"),
        pytest.param(("plain 756 bytes", "gzip 441 bytes"), id="compressed"),
        pytest.param(("[INFO]", "[WARNING]"), id="another level"),
        pytest.param(("4711/Thread-2 (process_request_thread)", "8"), id="a server of one thread"),
    ],
)
def test_the_forms_a_line_may_have_are_all_understood(log, old_new):
    changed = one_after_the_other(sync("phone-01"), first_thread=2).replace(*old_new)
    assert old_new[1] in changed
    assert log.grows(one_after_the_other(look("m1")) + changed).reads() == [fetched("phone-01", "m1")]


def test_other_lines_of_the_same_thread_do_not_disturb(log):
    came, login, ended = Asked("phone-01").lines
    log.grows(one_after_the_other(look("m1")) + line(2, came) + line(2, login))
    log.grows(line(2, "Access to principal path '/phone-01/' denied by rights backend", "WARNING"))
    log.grows("Traceback (most recent call last):\n  File: none\n\n" + line(2, ended))
    assert log.reads() == [fetched("phone-01", "m1")]


def test_a_thread_that_takes_another_request_has_forgotten_the_first(log):
    first, second = Asked("phone-01").lines, Asked("phone-02", OTHER).lines
    log.grows(one_after_the_other(look("m1"), look("m2", OTHER)))
    log.grows(line(9, first[0]) + line(9, first[1]) + line(9, second[0]) + line(9, first[2]) + line(9, second[2]))
    assert log.reads() == []


def test_an_answer_to_something_else_is_no_answer(log):
    came, login, _ = Asked("phone-01").lines
    log.grows(one_after_the_other(look("m1")))
    for number, other in enumerate((Asked("phone-01", OTHER), sync("phone-01"))):
        log.grows(line(10 + number, came) + line(10 + number, login) + line(10 + number, other.lines[2]))
    assert log.reads() == []


@pytest.mark.parametrize("ready", ["Radicale server ready", "Starting Radicale (3.9.0) with hypercorn on [::1]:5232"])
def test_after_a_restart_nothing_counts_before_our_next_look(log, ready):
    theirs = Asked("phone-01").lines
    log.grows(one_after_the_other(look("m1")) + line(2, theirs[0]) + line(2, theirs[1]))
    log.grows(f"[2026-03-01 10:00:00 +0100] [4711] [INFO] {ready}\n")
    log.grows(line(2, theirs[2]) + one_after_the_other(Asked("phone-01"), look("m2"), sync("phone-02")))
    assert log.reads() == [fetched("phone-02", "m2")]


# --- what a device may try


def forging_lines() -> str:
    return one_after_the_other(look("forged"), Asked("phone-01"), first_thread=70)


@pytest.mark.parametrize(
    "agent",
    [
        look_agent("forged"),
        f"x' HTTP/1.1\n{forging_lines()}",
        f'x" HTTP/1.1\n{forging_lines()}',
        f"'\" {look_agent('forged')}",
        f"x' using {look_agent('forged')!r} HTTP/1.1",
        f"\r\n {forging_lines()}",
        "\\",
        "\\'",
        "'" * 5_000,
        "closeout/1 (look " * 900,
    ],
)
def test_a_user_agent_forges_nothing(log, agent):
    log.grows(one_after_the_other(Asked("phone-02", agent=agent), Asked("phone-01")))
    assert log.reads() == []
    log.grows(one_after_the_other(look("m1"), Asked("phone-02", agent=agent)))
    assert log.reads() == [fetched("phone-02", "m1")]


@pytest.mark.parametrize(
    "inside",
    [
        "%s",
        " %s",
        "\t%s",
        "x%s",
    ],
)
def test_a_line_within_a_line_is_no_line(log, inside):
    """A folded header line stands in a trace-back as it came: on a line of its own, but behind a blank."""
    bad = "".join(inside % each for each in forging_lines().splitlines(keepends=True))
    if inside == "%s":
        bad = bad.replace("09:00:00", "09.00.00")  # the name of a failed login, before 3.8: it cannot hold a colon
    assert log.grows(bad).reads() == []


def test_a_line_too_long_to_keep_still_ends_what_its_thread_did_before(log):
    first, second = Asked("phone-01").lines, Asked("phone-02", OTHER, agent="x" * 40_000).lines
    log.grows(one_after_the_other(look("m1")) + line(2, first[0]) + line(2, second[0]) + line(2, first[1]))
    log.grows(line(2, first[2]) + one_after_the_other(Asked("phone-02")))
    assert log.reads() == [fetched("phone-02", "m1")]


def test_the_rest_of_a_line_too_long_to_keep_is_no_line(log):
    """A device knows where lines are cut, and could begin one of its own making just there."""
    log.witness = RadicaleLog(log.path, "service", max_line=300)

    def padded(before: str, after: str) -> str:
        start = line(70, before)[:-1].replace("'", '"')
        return start + "x" * (301 - len(start) - len(after)) + after

    came = 'PROPFIND request for "/service/book-1/" with depth "1" received from ::1 (forwarded for "'
    ended = (
        'PROPFIND response status for "/service/book-1/" with depth "1" in 0.1 seconds plain 1 bytes (getetag): 207 '
    )
    forged = (
        padded(came, '") using "closeout/1 (look forged)" HTTP/1.1')
        + padded('Successful login: "service" (', ")")
        + padded(ended, "")
    )
    whole = line(2, Asked("phone-02", agent="AGENT").lines[0])
    cut = whole.index("AGENT")
    log.grows(f"{whole[:cut]}{'x' * (301 - cut)}{forged}{whole[cut + 5 :]}")
    log.grows(one_after_the_other(Asked("phone-01"), first_thread=3))
    assert log.reads() == []
    # that it is well made: as lines, the three are a look
    log.grows("".join(f"{forged[at : at + 301]}\n" for at in (0, 301, 602)))
    log.witness = RadicaleLog(log.path, "service")
    assert log.grows(one_after_the_other(Asked("phone-01"), first_thread=3)).reads() == [fetched("phone-01", "forged")]


@pytest.mark.parametrize("bad", ["\0", "\n", "\ud800"])
def test_what_no_database_would_keep_is_no_login_and_no_book(log, bad):
    log.grows(
        one_after_the_other(look("m1"), look("m1", f"/{bad}/"), Asked(f"phone{bad}"), Asked("phone-01", f"/{bad}/"))
    )
    assert log.reads() == []
    assert log.grows(one_after_the_other(Asked("phone-01"))).reads() == [fetched("phone-01", "m1")]


# --- reading on


def test_a_half_written_line_waits_until_it_is_whole(log):
    text = one_after_the_other(look("m1"), Asked("phone-01"))
    assert log.grows(text[:-1]).reads() == []
    assert log.grows(text[-1:]).reads() == [fetched("phone-01", "m1")]


def test_a_read_takes_no_more_than_its_measure_and_the_next_goes_on(log):
    log.witness = RadicaleLog(log.path, "service", max_bytes_per_read=1)
    log.grows(one_after_the_other(look("m1"), Asked("phone-01"), look("m2"), Asked("phone-01")))
    told = [log.reads() for _ in range(len(log.path.read_text().splitlines()) + 2)]
    assert [fact for facts in told for fact in facts] == [fetched("phone-01", "m1"), fetched("phone-01", "m2")]
    assert sum(map(bool, told)) == 2
    assert log.reads() == []


def test_a_line_without_end_holds_up_nothing(log):
    log.witness = RadicaleLog(log.path, "service", max_line=1_000, max_bytes_per_read=5_000)
    log.grows(one_after_the_other(look("m1")) + "\0" * 50_000)
    assert [log.reads() for _ in range(15)] == [[]] * 15
    log.grows("\0" * 10 + "\n" + one_after_the_other(Asked("phone-01")))
    assert log.reads() == [fetched("phone-01", "m1")]


def test_requests_that_never_end_cost_no_more_than_their_measure(log):
    came = [line(thread, Asked(f"phone-{thread}").lines[0]) for thread in range(2, MOST_OPEN * 4)]
    log.grows(one_after_the_other(look("m1")) + "".join(came)).reads()
    assert log.cursor is not None
    assert len(log.cursor) < 200 * MOST_OPEN
    log.grows(one_after_the_other(Asked("phone-01"), first_thread=MOST_OPEN * 4))
    assert log.reads() == [fetched("phone-01", "m1")]


def test_a_new_file_in_the_place_of_the_log_is_read_from_its_start(log):
    log.grows(one_after_the_other(look("m1"))).reads()
    log.path.rename(log.path.with_suffix(".1"))
    log.grows(START + one_after_the_other(Asked("phone-01"), look("m2"), Asked("phone-02")))
    assert log.reads() == [fetched("phone-02", "m2")]


def test_a_log_cut_short_is_read_from_its_start(log):
    log.grows(one_after_the_other(look("m1"), look("m1", OTHER))).reads()
    log.path.write_text(one_after_the_other(Asked("phone-01"), look("m2")))
    assert log.reads() == []
    assert log.grows(one_after_the_other(Asked("phone-02"))).reads() == [fetched("phone-02", "m2")]


def test_a_log_cut_short_that_has_grown_past_our_place_is_read_from_its_start(log):
    log.grows(one_after_the_other(look("m1"))).reads()
    text = one_after_the_other(Asked("phone-01"), look("m2"), Asked("phone-02"), *[Asked("phone-03", OTHER)] * 9)
    log.path.write_text(text)
    assert log.reads() == [fetched("phone-02", "m2")]


def test_an_older_log_put_in_its_place_proves_nothing_by_a_later_look(log, tmp_path):
    older = log.path.read_text() + one_after_the_other(Asked("phone-01"))
    log.grows(one_after_the_other(look("m1"))).reads()
    (tmp_path / "restored").write_text(older)
    (tmp_path / "restored").rename(log.path)
    assert log.reads() == []


NO_CURSORS = ["", "{}", "null", "[" * 5_000, '{"at": -1}', '{"at": 1e999, "head": 300}', '{"marks": {"/": ["m1"]}}']


@settings(deadline=None)
@given(st.one_of(st.text(), st.sampled_from(NO_CURSORS)))
def test_a_cursor_that_is_none_reads_from_the_start(tmp_path_factory, cursor):
    log = Follower(tmp_path_factory.mktemp("log") / "log").grows(one_after_the_other(look("m1"), Asked("phone-01")))
    log.cursor = cursor
    assert log.reads() == [fetched("phone-01", "m1")]


def test_a_cursor_with_a_place_beyond_any_file_reads_from_the_start(log):
    log.grows(one_after_the_other(look("m1"), Asked("phone-01"))).reads()
    assert log.cursor is not None
    log.cursor = json.dumps(json.loads(log.cursor) | {"at": 2**70})
    assert log.reads() == [fetched("phone-01", "m1")]


# --- in whatever order threads come, in whatever pieces the log is read

REQUESTS = st.builds(
    lambda kind, name, book: {
        "look": lambda: look(name, book),
        "delta": lambda: delta_look(name, book),
        "list": lambda: Asked(f"phone-{name}", book),
        "sync": lambda: sync(f"phone-{name}", book),
        "forged": lambda: Asked(f"phone-{name}", book, agent=look_agent(name)),
        "depth 0": lambda: Asked(f"phone-{name}", book, depth="0"),
        "refused": lambda: Asked(f"phone-{name}", book, status="403 Forbidden"),
    }[kind](),
    st.sampled_from(["look", "look", "delta", "list", "list", "sync", "forged", "depth 0", "refused"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([BOOK, BOOK, OTHER]),
)


def is_listing(asked: Asked) -> bool:
    return asked.status.startswith("207") and (asked.method == "REPORT" or asked.depth == "1")


def by_definition(order: Sequence[int], requests: Sequence[Asked]) -> list[DeviceFetch]:
    """The facts by the rule itself, which looks at the whole log at once. order: a request's number for each line."""
    places = [[at for at, number in enumerate(order) if number == each] for each in range(len(requests))]
    came, ended = [each[0] for each in places], [each[2] for each in places]
    facts: dict[DeviceFetch, None] = {}
    for number in sorted(range(len(requests)), key=ended.__getitem__):
        device = requests[number]
        if device.login == "service" or not is_listing(device):
            continue
        before = sorted(
            (ended[other], ours.method, str(ours.agent)[len("closeout/0.1.0 (look ") : -1])
            for other, ours in enumerate(requests)
            if ours.login == "service" and ours.book == device.book and ended[other] < came[number]
        )
        for chosen in ([each for each in before if each[1] == "PROPFIND"], before):
            if chosen:
                facts[DeviceFetch(device.login, device.book, chosen[-1][2])] = None
    return list(facts)


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[int], list[Asked]]:
    requests = draw(st.lists(REQUESTS, max_size=8))
    return draw(st.permutations([number for number in range(len(requests)) for _ in range(3)])), requests


def lines_in(order: Iterable[int], requests: Sequence[Asked]) -> Iterator[str]:
    """Lines in that order; the thread of a request that ended serves the next that comes."""
    free, threads, done = list(range(100, 0, -1)), {}, dict.fromkeys(range(len(requests)), 0)
    for number in order:
        if done[number] == 0:
            threads[number] = free.pop()
        yield line(threads[number], requests[number].lines[done[number]])
        done[number] += 1
        if done[number] == 3:
            free.append(threads[number])


@settings(deadline=None)
@given(interleaved())
def test_threads_in_any_order_give_the_facts_of_the_rule(tmp_path_factory, drawn):
    order, requests = drawn
    log = Follower(tmp_path_factory.mktemp("log") / "log").grows(START + "".join(lines_in(order, requests)))
    assert log.reads() == by_definition(order, requests)


@settings(deadline=None)
@given(interleaved(), st.lists(st.integers(1, 400), max_size=30))
def test_a_log_read_in_pieces_gives_the_facts_of_the_whole(tmp_path_factory, drawn, sizes):
    order, requests = drawn
    text = START + "".join(lines_in(order, requests))
    log = Follower(tmp_path_factory.mktemp("log") / "log")
    told: list[DeviceFetch] = []
    for size in [*sizes, len(text)]:
        told += log.grows(text[:size]).reads()
        text = text[size:]
    assert list(dict.fromkeys(told)) == by_definition(order, requests)


WHOLE_LINES = (START + one_after_the_other(look("m1"), sync("phone-01"))).splitlines()
PIECES = st.sampled_from([*WHOLE_LINES, "\n", "\r", "\0", "'", '"', "\\"])


@settings(deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=40), st.binary(max_size=40))
def test_no_text_whatever_breaks_the_reader(tmp_path_factory, pieces, rest):
    log = Follower(tmp_path_factory.mktemp("log") / "log")
    log.path.write_bytes("".join(pieces).encode(errors="surrogatepass") + rest)
    assert set(log.reads()) <= {fetched("phone-01", "m1")}


@settings(deadline=None)
@given(st.text(), st.text(min_size=1), st.text())
def test_any_path_login_and_user_agent_is_read_as_the_text_it_is_or_not_at_all(tmp_path_factory, path, login, agent):
    book = f"/{path}/"
    log = Follower(tmp_path_factory.mktemp("log") / "log")
    log.path.write_bytes(one_after_the_other(look("m1", book), Asked(login, book, agent=agent)).encode())
    facts = log.reads()
    if facts or (f"{path}{login}".isprintable() and login != "service"):
        assert facts == [DeviceFetch(login, book, "m1")]


# --- when there is nothing to read


def refusal(path: Path) -> PortError:
    with pytest.raises(PortError) as refused:
        RadicaleLog(path, "service").read(None)
    error = refused.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert path.name not in str(error)
    return error


def test_a_log_that_is_not_there_is_missing(tmp_path):
    error = refusal(tmp_path / "none.log")
    assert (type(error), str(error)) == (Missing, "place_gone")
    (tmp_path / "file").write_text("")
    assert type(refusal(tmp_path / "file" / "below.log")) is Missing


def test_a_log_that_may_not_be_read_is_denied(tmp_path):
    log = tmp_path / "closed.log"
    log.write_text(START)
    log.chmod(0)
    with as_nobody():
        error = refusal(log)
    assert (type(error), str(error)) == (Denied, "forbidden")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything: be somebody else for a moment."""
    ourselves = os.geteuid()
    if ourselves == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(ourselves)


def test_what_is_no_file_is_no_log(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert [type(refusal(path)) for path in (tmp_path, tmp_path / "pipe")] == [Garbled, Garbled]


def test_an_empty_log_tells_nothing(tmp_path):
    log = Follower(tmp_path / "log").grows("")
    assert (log.reads(), log.reads()) == ([], [])
    assert log.grows(one_after_the_other(look("m1"), Asked("phone-01"))).reads() == [fetched("phone-01", "m1")]


def test_a_witness_without_a_service_login_is_refused(tmp_path):
    with pytest.raises(ValueError, match="service account"):
        RadicaleLog(tmp_path / "log", "")


def test_a_fact_shows_neither_login_nor_book_when_printed():
    assert "phone-01" not in repr(fetched("phone-01", "m1"))
    assert BOOK not in repr(fetched("phone-01", "m1"))


# --- the address of a place


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://dav.example/service/book-1/", BOOK),
        ("https://dav.example:5232/service/book-1", BOOK),
        ("/service/book-1", BOOK),
        ("https://dav.example/service/book%2D1/?x=1#y", BOOK),
        ("https://dav.example/service/a%C3%A7%C3%A3o/", "/service/ação/"),
        ("https://dav.example/service/it%27s%20here/", "/service/it's here/"),
        ("https://dav.example/", "/"),
        ("https://dav.example", ""),
        ("service/book-1", ""),
        ("https://[broken/", ""),
        ("", ""),
    ],
)
def test_the_path_of_an_address_is_spelled_as_in_a_fact(address, path):
    assert path_of(address) == path


# --- a real Radicale, real phones

PHONES = ("phone-01", "phone-02", "phone-03")
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-{0}\r\nFN:Contact {0}\r\nTEL:06-1234 560{0}\r\nEND:VCARD\r\n"
SYNC = (
    '<?xml version="1.0"?><D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>'
    "<D:prop><D:getetag/></D:prop></D:sync-collection>"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DavServer]:
    """A Radicale with two books of two cards, which three phones may read."""
    logins = {login: f"{login}-password" for login in ("service", *PHONES)}
    rights = (Right("service", write=True), *(Right(phone, "service/book-1") for phone in PHONES))
    try:
        with radicale_server(tmp_path / "radicale", logins=logins, rights=rights) as running:
            for book in ("service/book-1", "service/book-2"):
                running.client().make_book(book)
                for number in (0, 1):
                    running.client().put(book, f"card-{number}.vcf", CARD.format(number))
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


def phone_of(server: DavServer, login: str) -> Phone:
    try:
        return Phone(server.folder / login, server.book_url("service/book-1"), login, server.password(login))
    except PartMissingError as missing:
        part_missing(str(missing))


def looks(server: DavServer, mark: str, book: str = "service/book-1") -> None:
    assert server.client(user_agent=look_agent(mark)).names(book)


@pytest.mark.parts
def test_phones_that_sync_after_our_look_are_seen_and_a_silent_one_is_not(server):
    log = Follower(server.log_path)
    one, two, silent = (phone_of(server, login) for login in PHONES)
    for phone in (one, two, silent):
        phone.sync()
    looks(server, "m0", "service/book-2")
    assert log.reads() == []

    server.client().delete("service/book-1", "card-1.vcf")
    looks(server, "m1")
    one.sync()
    two.sync()
    assert log.reads() == [fetched("phone-01", "m1"), fetched("phone-02", "m1")]
    assert [len(phone.cards()) for phone in (one, two, silent)] == [1, 1, 2]

    looks(server, "m2")
    assert log.reads() == []
    two.sync()
    assert log.reads() == [fetched("phone-02", "m2")]


@pytest.mark.parts
def test_a_restart_and_a_rotation_of_the_real_log_lose_no_later_fetch_and_make_none_up(server):
    log = Follower(server.log_path)
    phone = phone_of(server, "phone-01")
    looks(server, "m1")
    log.reads()
    server.restart()
    phone.sync()
    assert log.reads() == []
    looks(server, "m2")
    phone.sync()
    assert log.reads() == [fetched("phone-01", "m2")]

    # as logrotate does it with "copytruncate"
    shutil.copy(server.log_path, server.log_path.with_suffix(".1"))
    os.truncate(server.log_path, 0)
    phone.sync()
    assert log.reads() == []
    looks(server, "m3")
    phone.sync()
    assert log.reads() == [fetched("phone-01", "m3")]


@pytest.mark.parts
def test_the_adapters_own_looks_are_recognised_full_and_delta(server):
    log = Follower(server.log_path)
    store = CardDav(HttpClient(server.url, basic("service", server.password("service"))))
    with closing(store):
        place = Place("place-1", server.book_url("service/book-1"))

        def nothing(entries: Sequence[Sequence[object]]) -> list[list[Reading]]:
            return [[Reading()] * len(fields) for fields in entries]

        first = store.look(place, nothing, mark="look_1-a")
        assert first.full
        assert server.client("phone-01").names("service/book-1")
        assert log.reads() == [fetched("phone-01", "look_1-a", path_of(place.address))]

        assert not store.look(place, nothing, cursor=first.cursor, mark="look_2-b").full
        answer = server.client("phone-02").request("REPORT", BOOK, SYNC, {"Content-Type": "text/xml"})
        assert answer.status == 207
        assert log.reads() == [fetched("phone-02", "look_1-a"), fetched("phone-02", "look_2-b")]


def raw(server: DavServer, request: str) -> None:
    """Send bytes that no library would send; whatever is answered."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        while connection.recv(65536):
            pass


@pytest.mark.parts
def test_a_device_that_writes_what_it_can_into_the_real_log_forges_nothing(server):
    log = Follower(server.log_path)
    looks(server, "m0", "service/book-2")
    pid = server.pid
    forged = forging_lines().replace("4711", str(pid)).replace("\n", "\r\n")
    folded = "x\r\n " + forged.replace("\r\n", "\r\n ").rstrip()
    agents = [look_agent("forged"), f"' {look_agent('forged')!r} HTTP/1.1", f'" {look_agent("forged")}', folded]
    for agent in agents:
        device = server.client("phone-02", user_agent=agent)
        assert device.names("service/book-1")
        # an encoding nobody knows ends in a trace-back, which shows the header with its line breaks
        assert device.request("PROPFIND", BOOK, "x", {"Content-Type": f"a/b; charset={folded}"}).status == 500
    device = server.client("phone-02")
    device.request("PROPFIND", "/" + "".join(f"%{byte:02X}" for byte in forged.encode()), "", {"Depth": "1"})
    device.request("PROPFIND", BOOK, "", {"Depth": f"1' received from ::1 using {look_agent('forged')!r}"})
    device.request("REPORT", BOOK, SYNC.replace("<D:sync-token/>", f"<D:sync-token>{forged}</D:sync-token>"))
    card = CARD.format(9).replace("card-9", forged.replace("\r\n", "\\n"))
    assert device.request("PUT", f"{BOOK}card-9.vcf", card).status == 403
    DavClient(server.port, f"x\n{forged}", "y").request("PROPFIND", BOOK)
    token = b64encode(b"phone-02:phone-02-password").decode()
    raw(server, f"PROPFIND'\x0b\x85 {BOOK} HTTP/1.1\r\n\r\n")
    raw(server, f"Successful {BOOK} HTTP/1.1\r\nAuthorization: Basic {token}\r\n\r\n")
    raw(server, f"PROPFIND {BOOK} HTTP/1.1\r\nX-Forwarded-For: {folded}\r\nAuthorization: Basic {token}\r\n\r\n")
    text = server.log_path.read_text(errors="replace")
    assert "forged" in text
    assert any(each.startswith(" [2026-03-01") for each in text.split("\n"))

    assert server.client("phone-01").names("service/book-1")
    assert log.reads() == []
    looks(server, "m1")
    assert server.client("phone-01").names("service/book-1")
    assert log.reads() == [fetched("phone-01", "m1")]
