"""A real SOGo with the PostgreSQL of the tests and its own memcached; its service account may change every book."""

from __future__ import annotations

import grp
import hashlib
import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.parts import PartMissingError
from tests.parts.dav import DavClient, DavServer
from tests.parts.postgres import Postgres
from tests.parts.process import Child, folder_for, lesser_user

_CONFIGURATION = Path("/etc/sogo/sogo.conf")
_USERS = "CREATE TABLE people (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text)"
_USER = "INSERT INTO people VALUES (%(login)s, %(login)s, %(secret)s, %(login)s, %(mail)s)"


@contextmanager
def sogo_server(postgres: Postgres, *, logins: Mapping[str, str]) -> Iterator[DavServer]:
    """Run SOGo for as long as the block lasts, as `nobody` where root runs the tests.

    logins: login -> password, the service account first, which is a super user and so reaches the books of all. Books
    are made below its home, or below that of their owner. PartMissingError: not installed.
    """
    program, cache = shutil.which("sogod", path="/usr/sbin"), shutil.which("memcached")
    if program is None or cache is None:
        raise PartMissingError("no SOGo: apt-get install sogo memcached")
    user = _user()
    url = postgres.fresh_database()
    with folder_for(user, "sogo") as folder:
        _make_people(url, logins)
        settings = _settings(postgres, url, folder, next(iter(logins)))

        def command(port: int) -> list[str]:
            told = {**settings, "WOPort": f"127.0.0.1:{port}"}
            return [program, *(each for name, value in told.items() for each in (f"-{name}", value))]

        memory = Child(
            [cache, "-s", str(folder / "memcached"), "-U", "0"],
            cwd=folder,
            log_path=folder / "memcached.log",
            user=user,
        )
        server = DavServer(
            folder=folder,
            log_path=folder / "sogo.log",
            home=f"SOGo/dav/{next(iter(logins))}/Contacts",
            command=command,
            ready=lambda port: _lets_in(port, logins),
            logins=logins,
            environment={"HOME": str(folder)},
            user=user,
            litter=folder,
            database=url,
            stop_signal=signal.SIGKILL,  # told to end it waits for ten seconds; what it answered is in the database
        )
        try:
            memory.wait_until((folder / "memcached").exists)
            server.start()
            yield server
        finally:
            server.stop()
            memory.stop()
            postgres.drop_database(url)


def _user() -> tuple[int, int] | None:
    """`nobody`, but of SOGo's group: the program ends where it cannot read the system's configuration, all of which
    is overridden here."""
    user = lesser_user()
    if user is not None:
        return user[0], grp.getgrnam("sogo").gr_gid
    if not os.access(_CONFIGURATION, os.R_OK):
        raise PartMissingError(f"no SOGo: this user may not read {_CONFIGURATION}, without which it does not start")
    return None


def _make_people(url: str, logins: Mapping[str, str]) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(_USERS)
        for login, password in logins.items():
            digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
            connection.execute(_USER, {"login": login, "secret": digest, "mail": f"{login}@org.example"})


def _settings(postgres: Postgres, url: str, folder: Path, service: str) -> Mapping[str, str]:
    """What an administrator writes in `sogo.conf`, by name."""
    database = url.rpartition("?")[0].rpartition("/")[2]
    reach = postgres.environment
    tables = f"postgresql://{reach['PGUSER']}:none@{quote(reach['PGHOST'], safe='')}:5432/{database}"
    people = {
        "type": "sql",
        "id": "people",
        "viewURL": f"{tables}/people",
        "canAuthenticate": "YES",
        "isAddressBook": "NO",
        "userPasswordAlgorithm": "md5",
    }
    source = "".join(f'{name} = "{value}"; ' for name, value in people.items())
    return {
        "SOGoProfileURL": f"{tables}/sogo_user_profile",
        "OCSFolderInfoURL": f"{tables}/sogo_folder_info",
        "OCSSessionsFolderURL": f"{tables}/sogo_sessions_folder",
        "SOGoUserSources": f"({{ {source}}})",
        "SOGoSuperUsernames": f'("{service}")',
        "SOGoTimeZone": "UTC",
        "SOGoMemcachedHost": str(folder / "memcached"),
        "WOUseWatchDog": "NO",
        "WONoDetach": "YES",
        "WOLogFile": "-",
        "WOPidFile": str(folder / "pid"),
    }


def _lets_in(port: int, logins: Mapping[str, str]) -> bool:
    """Whether it is this SOGo: it knows the password, and another's not."""
    login, password = next(iter(logins.items()))
    try:
        asked = [
            DavClient(port, login, each).request("PROPFIND", "/SOGo/dav/", b"", {"Depth": "0"}).status
            for each in (password, secrets.token_hex(8))
        ]
    except (OSError, HTTPException):
        return False
    return asked == [207, 401]
