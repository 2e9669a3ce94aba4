"""The parts that other tests stand on really work; nothing of the product is tested here."""

from __future__ import annotations

import os
import select
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from pytest_socket import SocketConnectBlockedError

from tests.conftest import LOGINS, part_missing
from tests.parts.dav import DavError, DavServer
from tests.parts.phone import Phone, PhoneRefusedError
from tests.parts.postgres import Postgres
from tests.parts.process import Child, StartError, answers

pytestmark = [pytest.mark.parts, pytest.mark.integration]

BOOK = "service/book-1"
OTHER_BOOK = "service/book-2"


def a_card(number: int) -> str:
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"UID:card-{number}", f"FN:Contact {number}", f"N:{number};Contact;;;")
    return "\r\n".join([*lines, f"TEL;TYPE=CELL:06-1234 56{number:02d}", "END:VCARD", ""])


def numbers_in(texts: tuple[str, ...] | list[str]) -> list[str]:
    return sorted(line.partition(":")[2] for text in texts for line in text.splitlines() if line.startswith("TEL"))


@pytest.fixture
def book(radicale: DavServer) -> DavServer:
    """A Radicale with two books; the first holds card 1 and a harmless card 0."""
    client = radicale.client()
    client.make_book(BOOK)
    client.make_book(OTHER_BOOK)
    client.put(BOOK, "card-0.vcf", a_card(0))
    client.put(BOOK, "card-1.vcf", a_card(1))
    return radicale


def phone_of(server: DavServer, folder: Path, login: str = "phone-01") -> Phone:
    return Phone(folder, server.book_url(BOOK), login, server.password(login))


# --- Radicale


def test_what_the_service_login_puts_into_a_book_is_listed_and_read_back(book):
    client = book.client()
    assert client.names(BOOK) == ("card-0.vcf", "card-1.vcf")
    assert numbers_in(list(client.cards(BOOK).values())) == ["06-1234 5600", "06-1234 5601"]
    assert client.get(BOOK, "card-9.vcf") is None


def test_a_put_with_the_etag_it_was_given_is_taken_and_with_another_refused(book):
    client = book.client()
    etag = client.put(BOOK, "card-2.vcf", a_card(2))
    assert etag is not None
    changed = a_card(2).replace("5602", "5603")
    client.put(BOOK, "card-2.vcf", changed, if_match=etag)
    with pytest.raises(DavError) as refused:
        client.put(BOOK, "card-2.vcf", a_card(2), if_match=etag)
    assert refused.value.status == 412
    assert "06-1234 5603" in (client.get(BOOK, "card-2.vcf") or "")


def test_a_device_login_reads_its_book(book):
    assert book.client("phone-01").names(BOOK) == ("card-0.vcf", "card-1.vcf")


@pytest.mark.parametrize(
    ("login", "method", "path"),
    [
        ("phone-01", "PUT", f"/{BOOK}/card-2.vcf"),
        ("phone-01", "DELETE", f"/{BOOK}/card-1.vcf"),
        ("phone-01", "MKCOL", "/service/book-3/"),
        ("phone-01", "PROPFIND", f"/{OTHER_BOOK}/"),
        ("phone-02", "GET", f"/{BOOK}/card-1.vcf"),
    ],
)
def test_a_device_login_may_neither_write_nor_read_another_book(book, login, method, path):
    body = a_card(2) if method == "PUT" else ""
    answer = book.client(login).request(method, path, body, {"Content-Type": "text/vcard", "Depth": "1"})
    assert answer.status in (403, 404)
    assert book.client().names(BOOK) == ("card-0.vcf", "card-1.vcf")


def test_a_wrong_password_is_refused(book):
    stranger = book.client("phone-01")
    answer = type(stranger)(stranger.port, "phone-01", "not-the-password").request("PROPFIND", f"/{BOOK}/")
    assert answer.status == 401


def test_the_log_shows_who_asked_for_what_with_which_user_agent(book):
    book.client("phone-01", user_agent="stand-in/7").names(BOOK)
    log = book.log_path.read_text()
    assert f"PROPFIND request for '/{BOOK}/' with depth '1' received from 127.0.0.1 using 'stand-in/7'" in log
    assert "Successful login: 'phone-01'" in log
    assert not any(password in log for password in LOGINS.values())


def test_a_restarted_server_keeps_its_address_cards_and_log(book):
    before = (book.url, book.pid, book.log_path.read_text())
    book.restart()
    assert book.url == before[0]
    assert book.pid != before[1]
    assert book.client().names(BOOK) == ("card-0.vcf", "card-1.vcf")
    assert book.log_path.read_text().startswith(before[2])


def test_a_stopped_server_answers_no_more(book):
    book.stop()
    assert not answers(book.port)


# --- the phone


def test_a_phone_shows_the_cards_of_its_book(book, tmp_path):
    phone = phone_of(book, tmp_path / "phone")
    assert phone.cards() == ()
    phone.sync()
    assert numbers_in(phone.cards()) == ["06-1234 5600", "06-1234 5601"]


def test_a_card_deleted_on_the_server_is_gone_from_the_phone_after_its_next_sync(book, tmp_path):
    phone = phone_of(book, tmp_path / "phone")
    phone.sync()
    book.client().delete(BOOK, "card-1.vcf")
    assert numbers_in(phone.cards()) == ["06-1234 5600", "06-1234 5601"]
    phone.sync()
    assert numbers_in(phone.cards()) == ["06-1234 5600"]


def test_a_phone_refuses_to_empty_a_book_that_had_cards(book, tmp_path):
    phone = phone_of(book, tmp_path / "phone")
    phone.sync()
    for name in book.client().names(BOOK):
        book.client().delete(BOOK, name)
    with pytest.raises(PhoneRefusedError):
        phone.sync()


def test_a_phone_with_a_wrong_login_says_so(book, tmp_path):
    with pytest.raises(PhoneRefusedError):
        phone_of(book, tmp_path / "phone", "phone-02").sync()


# --- Xandikos


def test_xandikos_lists_and_gives_back_what_was_put(xandikos):
    client, path = xandikos.client(), f"{xandikos.home}/book-1"
    client.make_book(path)
    client.put(path, "card-1.vcf", a_card(1))
    client.put(path, "card-2.vcf", a_card(2))
    client.delete(path, "card-2.vcf")
    assert client.names(path) == ("card-1.vcf",)
    assert numbers_in(list(client.cards(path).values())) == ["06-1234 5601"]


def test_a_phone_syncs_with_xandikos_too(xandikos, tmp_path):
    client, path = xandikos.client(), f"{xandikos.home}/book-1"
    client.make_book(path)
    client.put(path, "card-1.vcf", a_card(1))
    phone = Phone(tmp_path / "phone", xandikos.book_url(path))
    phone.sync()
    assert numbers_in(phone.cards()) == ["06-1234 5601"]


# --- Cyrus, DAViCal and SOGo: each worker owns a book that the service account may change


@pytest.fixture(params=["cyrus", "davical", "sogo"])
def owned(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[DavServer, str]:
    """A server and a fresh book of one of its logins."""
    server: DavServer = request.getfixturevalue(request.param)
    path = f"{server.home_of('phone-01')}/{tmp_path.name}"
    server.client("phone-01").make_book(path)
    return server, path


def seen_by_service(server: DavServer, path: str) -> str:
    """The path by which the service account reaches a book: Cyrus sends it to one of its own."""
    answer = server.client().request("PROPFIND", f"/{path}/", b"", {"Depth": "0"})
    return answer.headers.get("location", path).strip("/")


def test_the_service_login_changes_the_book_of_another_and_the_owner_sees_it(owned):
    server, path = owned
    server.client("phone-01").put_all(path, {f"card-{number}.vcf": a_card(number).encode() for number in (1, 2)})
    service, reached = server.client(), seen_by_service(server, path)
    service.delete(reached, "card-1.vcf")
    service.put(reached, "card-3.vcf", a_card(3))
    assert numbers_in(list(server.client("phone-01").cards(path).values())) == ["06-1234 5602", "06-1234 5603"]


def test_nobody_else_reads_the_book_and_a_wrong_password_is_refused(owned):
    server, path = owned
    server.client("phone-01").put(path, "card-1.vcf", a_card(1))
    reads = server.client("phone-02").request("GET", f"/{path}/card-1.vcf").status
    assert reads in (301, 403, 404)
    stranger = type(server.client())(server.port, "phone-01", "not-the-password")
    assert stranger.request("PROPFIND", f"/{path}/", b"", {"Depth": "0"}).status == 401


def test_a_phone_syncs_with_the_book_that_its_worker_owns(owned, tmp_path):
    server, path = owned
    client = server.client("phone-01")
    client.put_all(path, {f"card-{number}.vcf": a_card(number).encode() for number in (1, 2)})
    phone = Phone(tmp_path / "phone", server.book_url(path), "phone-01", server.password("phone-01"))
    phone.sync()
    assert numbers_in(phone.cards()) == ["06-1234 5601", "06-1234 5602"]
    client.delete(path, "card-1.vcf")
    phone.sync()
    assert numbers_in(phone.cards()) == ["06-1234 5602"]


# --- sabre/dav


def test_sabre_takes_digest_alone_of_whoever_is_not_a_test(sabre, tmp_path):
    path = f"{sabre.home}/{tmp_path.name}"
    client = sabre.client()
    client.make_book(path)
    client.put(path, "card-1.vcf", a_card(1))
    assert numbers_in(list(client.cards(path).values())) == ["06-1234 5601"]
    other = sabre.client(user_agent="a phone").request("PROPFIND", f"/{path}/", b"", {"Depth": "0"})
    assert (other.status, other.headers["www-authenticate"][:7]) == (401, "Digest ")


def test_sabre_keeps_a_book_from_another_login_inside_a_207(sabre, tmp_path):
    path = f"{sabre.home_of('phone-01')}/{tmp_path.name}"
    sabre.client("phone-01").make_book(path)
    answer = sabre.client().request("PROPFIND", f"/{path}/", b"", {"Depth": "0"})
    assert (answer.status, b"HTTP/1.1 403 Forbidden" in answer.body) == (207, True)


# --- PostgreSQL


def tables_of(url: str) -> list[str]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT relname FROM pg_stat_user_tables ORDER BY 1").fetchall()
    return [name for (name,) in rows]


def make_table(url: str, name: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY)".encode())


def test_two_fresh_databases_know_nothing_of_each_other(postgres, postgres_url):
    other = postgres.fresh_database()
    make_table(postgres_url, "only_here")
    assert (tables_of(postgres_url), tables_of(other)) == (["only_here"], [])
    postgres.drop_database(other)


def test_a_template_is_filled_once_and_copied(postgres: Postgres):
    filled: list[str] = []

    def prepare(url: str) -> None:
        make_table(url, "from_the_template")
        filled.append(url)

    urls = [postgres.fresh_database(postgres.make_template("parts", prepare)) for _ in range(2)]
    assert [tables_of(url) for url in urls] == [["from_the_template"]] * 2
    assert len(filled) == 1
    for url in urls:
        postgres.drop_database(url)


def test_every_kind_of_database_starts_empty(database_url):
    if database_url.startswith("sqlite:///"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.close()
    else:
        assert tables_of(database_url) == []


# --- the ground rules


def test_a_test_cannot_reach_beyond_this_machine():
    # pytest-socket warns before it raises, and here a warning is an error
    with pytest.raises((SocketConnectBlockedError, UserWarning)):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)


@pytest.mark.parametrize(("required", "outcome"), [("", "Skipped"), ("0", "Skipped"), ("1", "Failed")])
def test_a_missing_part_skips_and_fails_only_where_parts_are_required(monkeypatch, required, outcome):
    monkeypatch.setenv("REQUIRE_PARTS", required)
    with pytest.raises(BaseException, match="it cannot be had here") as raised:
        part_missing("it cannot be had here")
    assert type(raised.value).__name__ == outcome


def test_a_process_that_ends_at_once_is_a_start_error_with_its_last_words(tmp_path):
    child = Child([sys.executable, "-c", "raise SystemExit('no such thing')"], cwd=tmp_path, log_path=tmp_path / "log")
    with pytest.raises(StartError, match="no such thing"):
        child.wait_until(lambda: False)


def test_a_part_ends_when_the_process_that_started_it_is_killed(tmp_path):
    # the child holds the writing end of a pipe: that it ends is what closes it; the starter says when the child has
    # its guard, for one killed before that leaves a child that nobody can know of
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    starter = (
        "import sys, pathlib; from tests.parts.process import Child; here = pathlib.Path(sys.argv[1]);"
        "child = Child(['sh', '-c', 'exec sleep 600 > pipe'], cwd=here, log_path=here / 'log');"
        "print('guarded', flush=True); sys.stdin.read()"
    )
    with (
        subprocess.Popen(
            [sys.executable, "-c", starter, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as parent,
        pipe.open("rb") as held,
    ):
        assert parent.stdout
        assert parent.stdout.readline() == "guarded\n"
        parent.kill()
        closed, _, _ = select.select([held], [], [], 60)
        assert closed == [held]
        assert held.read() == b""
