"""What each CardDAV server keeps of a deleted card, looked for in files and databases; the manual says the same."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from mdm_adapters.http import Connection
from mdm_adapters.port import Capability
from mdm_adapters.registry import STORES
from tests.vendors.members import (
    CyrusMember,
    DavicalMember,
    DavMember,
    RadicaleMember,
    SogoMember,
    XandikosMember,
    card,
    tel,
)

pytestmark = pytest.mark.parts

TEXT = "left-behind-canary"
CLIENT = "06-1234 5601"


def removed(member: DavMember) -> None:
    """A card with TEXT in it was written and deleted, and another one was written since."""
    member.put("canary.vcf", card(1, f"NOTE:{TEXT}", *tel(CLIENT)))
    member.drop("canary.vcf")
    member.put("other.vcf", card(2, *tel(CLIENT)))


def files_with(folder: Path) -> list[Path]:
    """Files of a server that have TEXT in them."""
    return [each for each in folder.rglob("*") if each.is_file() and TEXT.encode() in each.read_bytes()]


def rows_with(database: str) -> Iterator[str]:
    """Tables of a database that have TEXT in a row."""
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("SELECT 1 FROM {} AS each WHERE each::text LIKE %s LIMIT 1")
            if connection.execute(query.format(sql.Identifier(schema, table)), (f"%{TEXT}%",)).fetchone():
                yield str(table)


def test_radicale_keeps_nothing(radicale_member: RadicaleMember) -> None:
    removed(radicale_member)
    assert files_with(radicale_member.folder) == []


def test_xandikos_keeps_it_in_its_history(xandikos_member: XandikosMember) -> None:
    removed(xandikos_member)
    book = xandikos_member.folder / "store" / xandikos_member.book
    history = subprocess.run(["git", "-C", str(book), "log", "-p"], capture_output=True, text=True, check=True).stdout
    assert TEXT in history


def test_cyrus_keeps_its_file(cyrus_member: CyrusMember) -> None:
    removed(cyrus_member)
    assert files_with(cyrus_member.folder / "spool") != []


def test_davical_keeps_nothing(davical_member: DavicalMember) -> None:
    removed(davical_member)
    assert list(rows_with(davical_member.server.database)) == []


def test_sogo_keeps_its_text(sogo_member: SogoMember) -> None:
    removed(sogo_member)
    assert list(rows_with(sogo_member.server.database)) != []


@pytest.mark.parametrize("server", ["radicale", "xandikos", "cyrus", "davical", "sogo", "sabre"])
def test_the_receipt_says_what_the_server_keeps(server: str) -> None:
    told = {
        name: STORES["carddav"](Connection("https://dav.example", "a", "b", options=options)).capabilities()
        for name, options in ((server, {"server": server}), ("other", {}))
    }
    because = {name: can[Capability.ERASES_AT_ONCE].because for name, can in told.items()}
    assert because[server] != because["other"] != ""
