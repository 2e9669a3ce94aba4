"""A real DAViCal on Apache and the PostgreSQL of the tests; its books may be changed by the service account."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import psycopg

from tests.parts import PartMissingError
from tests.parts.dav import DavClient, DavServer
from tests.parts.postgres import Postgres
from tests.parts.process import folder_for, lesser_user, run_as

_SHIPPED = Path("/usr/share/davical")
_LIBRARY = Path("/usr/share/awl")
_MODULES = Path("/usr/lib/apache2/modules")
_DATABASE = "davical"

# Packed answers get an ETag of their own (`-gzip`), as Debian's Apache makes them by itself. The folder of the system's
# own configuration is out of bounds, so that an installation that runs on this machine is never asked.
_APACHE = """\
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/davical.log
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule filter_module {modules}/mod_filter.so
LoadModule deflate_module {modules}/mod_deflate.so
LoadModule php_module {php}
TypesConfig /etc/mime.types
StartServers 1
MinSpareServers 1
MaxSpareServers 4
KeepAliveTimeout 60
DocumentRoot {folder}/davical/htdocs
<Directory {folder}/davical/htdocs>
    Require all granted
    AcceptPathInfo On
</Directory>
<FilesMatch "\\.php$">
    SetHandler application/x-httpd-php
</FilesMatch>
AddOutputFilterByType DEFLATE text/plain text/xml application/xml text/vcard
Header always set X-Part {name}
php_admin_value open_basedir {folder}:{library}
php_admin_value include_path {folder}/davical/inc:{library}/inc
php_admin_value date.timezone UTC
php_admin_value memory_limit 512M
php_admin_value error_reporting 1
"""
_PEOPLE = (
    "INSERT INTO usr (active, email_ok, updated, username, password, fullname, email)"
    " VALUES (TRUE, current_date, current_date, %(login)s, %(secret)s, %(login)s, %(mail)s) RETURNING user_no"
)
_PRINCIPAL = (
    "INSERT INTO principal (type_id, user_no, displayname, default_privileges)"
    " VALUES (1, %s, %s, 0::BIT(24)) RETURNING principal_id"
)
_GRANT = (
    "INSERT INTO grants (by_principal, to_principal, privileges, is_group)"
    " VALUES (%s, %s, privilege_to_bits('DAV::all'), FALSE)"
)

_CARD = (
    "WITH written AS (INSERT INTO caldav_data (user_no, dav_name, dav_etag, caldav_data, caldav_type, logged_user,"
    " created, modified, collection_id) SELECT user_no, %(card)s, %(etag)s, %(text)s, 'VCARD', user_no, now(), now(),"
    " collection_id FROM collection WHERE dav_name = %(book)s RETURNING collection_id)"
    " SELECT write_sync_change(collection_id, 201, %(card)s) FROM written"
)


@contextmanager
def davical_server(postgres: Postgres, *, logins: Mapping[str, str]) -> Iterator[DavServer]:
    """Run DAViCal for as long as the block lasts, as `nobody` where root runs the tests.

    logins: login -> password, the service account first, which may change the books of all. Books are made below its
    home, or below that of their owner. PartMissingError: not installed.
    """
    apache = shutil.which("apache2", path="/usr/sbin")
    php = next(iter(sorted(_MODULES.glob("libphp*.so"), reverse=True)), None)
    if apache is None or php is None or not (_SHIPPED.is_dir() and _LIBRARY.is_dir()) or shutil.which("psql") is None:
        raise PartMissingError("no DAViCal: apt-get install davical apache2 libapache2-mod-php postgresql")
    user = lesser_user()
    name = f"davical-{secrets.token_hex(8)}"  # in each answer: another program may have taken the port just before it
    with folder_for(user, "davical") as folder:
        _make_database(postgres, folder, user, logins)
        _install(postgres, folder)

        def command(port: int) -> list[str]:
            text = _APACHE.format(folder=folder, port=port, modules=_MODULES, php=php, name=name, library=_LIBRARY)
            (folder / "apache.conf").write_text(text)
            return [apache, "-DFOREGROUND", "-f", str(folder / "apache.conf")]

        server = DavServer(
            folder=folder,
            log_path=folder / "output.log",
            home=f"caldav.php/{next(iter(logins))}",
            command=command,
            ready=lambda port: _is_named(name, port),
            logins=logins,
            user=user,
            litter=folder,
            database=postgres.url(_DATABASE),
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
            postgres.drop_database(postgres.url(_DATABASE))


def put_all(server: DavServer, book: str, cards: Mapping[str, bytes]) -> None:
    """Write many new cards, name -> text, past its pages, which take a twentieth of a second for each."""
    path = f"/{book.removeprefix('caldav.php/')}/"
    with psycopg.connect(server.database.replace("+psycopg", "")) as connection:
        for name, card in cards.items():
            digest = hashlib.md5(card, usedforsecurity=False).hexdigest()
            connection.execute(_CARD, {"card": f"{path}{name}", "etag": digest, "text": card.decode(), "book": path})


def _make_database(postgres: Postgres, folder: Path, user: tuple[int, int] | None, logins: Mapping[str, str]) -> None:
    argv = ["/bin/sh", str(_SHIPPED / "dba" / "create-database.sh"), _DATABASE, secrets.token_hex(16)]
    run_as(user, argv, folder, environment=postgres.environment).check_returncode()
    with psycopg.connect(postgres.url(_DATABASE).replace("+psycopg", "")) as connection:
        principals = []
        for login, password in logins.items():
            told = {"login": login, "secret": f"**{password}", "mail": f"{login}@org.example"}
            (number,) = connection.execute(_PEOPLE, told).fetchone() or ()
            (principal,) = connection.execute(_PRINCIPAL, (number, login)).fetchone() or ()
            principals.append(principal)
        for principal in principals[1:]:
            connection.execute(_GRANT, (principal, principals[0]))


def _install(postgres: Postgres, folder: Path) -> None:
    for each in ("htdocs", "inc", "locale"):
        shutil.copytree(_SHIPPED / each, folder / "davical" / each)
    socket = postgres.environment["PGHOST"]
    (folder / "davical" / "config").mkdir()
    (folder / "davical" / "config" / "config.php").write_text(
        f'<?php\n$c->pg_connect[] = "dbname={_DATABASE} user=davical_app host={socket}";\n'
    )


def _is_named(name: str, port: int) -> bool:
    try:
        return DavClient(port).request("OPTIONS", "/").headers.get("x-part") == name
    except (OSError, HTTPException):
        return False
