"""Files are shown to a scanner: a real clamd, and listeners that answer what clamd does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.settings import SettingError, read_settings
from server.work.admin.scanning import Scanner, ScanVerdict
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.clamd import HARMLESS, clamd


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    try:
        with clamd(tmp_path_factory.mktemp("clamd")) as found:
            yield found
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.mark.parts
@pytest.mark.parametrize("way", ["path", "port"])
def test_clamd_tells_its_test_string_from_a_list_of_places(running, way):
    path, port = running
    scanner = Scanner(path) if way == "path" else Scanner(host="127.0.0.1", port=port)
    assert scanner.scan(b"address,worker\nbook-1,worker-01\n") is ScanVerdict.CLEAN
    assert scanner.scan(HARMLESS) is ScanVerdict.MALWARE
    assert scanner.scan(b"." * 200_000 + HARMLESS) is ScanVerdict.MALWARE
    assert scanner.scan(b"") is ScanVerdict.CLEAN


@pytest.mark.parts
def test_what_clamd_takes_no_more_of_is_not_clean(running):
    assert Scanner(running[0]).scan(b"." * 3_000_000) is ScanVerdict.UNKNOWN


@pytest.mark.parametrize(
    "answer",
    [b"", b"stream: OK", b"stream: OK FOUND OK\0", b"INSTREAM size limit exceeded. ERROR\0", b"OK\0", b"." * 9_000],
    ids=["nothing", "cut off", "neither", "too large", "another command's", "without end"],
)
def test_whatever_else_is_answered_is_no_word_that_a_file_is_clean(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer, args=(listener, answer), daemon=True).start()
        scanner = Scanner(host="127.0.0.1", port=listener.getsockname()[1], seconds=5)
        assert scanner.scan(b"a file") is ScanVerdict.UNKNOWN


def test_a_scanner_that_is_not_there_says_nothing(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert Scanner(host="127.0.0.1", port=nobody.getsockname()[1], seconds=5).scan(b"a file") is ScanVerdict.UNKNOWN
    assert Scanner(tmp_path / "none").scan(b"a file") is ScanVerdict.UNKNOWN


def test_a_scanner_stands_on_this_machine():
    for place in ("", "/run/clamav/clamd.ctl", "localhost:3310", "127.0.0.1:3310", "[::1]:3310"):
        assert read_settings({"CLOSEOUT_SCANNER": place}).scanner == place
    for place in ("scanner.example:3310", "clamd.ctl", "127.0.0.1", "127.0.0.1:0", "192.0.2.1:3310"):
        with pytest.raises(SettingError, match="CLOSEOUT_SCANNER"):
            read_settings({"CLOSEOUT_SCANNER": place})


def _answer(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        held = b""
        while not held.endswith(bytes(4)):
            held += connection.recv(1024)
        connection.sendall(answer)
