"""A real sabre/dav, the old one of Debian, on PHP's own server and SQLite; it takes Digest alone; no pytest here."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path

from tests.parts import PartMissingError
from tests.parts.dav import DavClient, DavServer
from tests.parts.process import folder_for, lesser_user

_LIBRARY = Path("/usr/share/php/Sabre/CardDAV")
_TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, username text UNIQUE, digesta1 text);
CREATE TABLE principals (id integer PRIMARY KEY, uri text UNIQUE, email text, displayname text, vcardurl text);
CREATE TABLE groupmembers (id integer PRIMARY KEY, principal_id integer, member_id integer);
CREATE TABLE addressbooks
    (id integer PRIMARY KEY, principaluri text, displayname text, uri text, description text, ctag integer);
CREATE TABLE cards (id integer PRIMARY KEY, addressbookid integer, carddata blob, uri text, lastmodified integer);
"""
_DRIVER = "/usr/lib/php/*/pdo_sqlite.so"
_REALM = "SabreDAV"

# The bare requests of the tests bring Basic, which is taken from them alone: everybody else must answer Digest.
_PROGRAM = """\
<?php
error_reporting(0);
date_default_timezone_set('UTC');
header('X-Part: {name}');
require_once 'Sabre/autoload.php';
class Plain extends Sabre\\DAV\\Auth\\Backend\\AbstractBasic {{
    function __construct(private $pdo) {{}}
    protected function validateUserPass($login, $password) {{
        $found = $this->pdo->prepare('SELECT digesta1 FROM users WHERE username = ?');
        $found->execute(array($login));
        return $found->fetchColumn() === md5("$login:{realm}:$password");
    }}
}}
$pdo = new PDO('sqlite:{folder}/books.sqlite');
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$ours = strpos($_SERVER['HTTP_USER_AGENT'] ?? '', 'parts/') === 0;
$auth = $ours ? new Plain($pdo) : new Sabre\\DAV\\Auth\\Backend\\PDO($pdo);
$principals = new Sabre\\DAVACL\\PrincipalBackend\\PDO($pdo);
$server = new Sabre\\DAV\\Server(array(
    new Sabre\\DAVACL\\PrincipalCollection($principals),
    new Sabre\\CardDAV\\AddressBookRoot($principals, new Sabre\\CardDAV\\Backend\\PDO($pdo)),
));
$server->setBaseUri('/');
$server->addPlugin(new Sabre\\DAV\\Auth\\Plugin($auth, '{realm}'));
$server->addPlugin(new Sabre\\CardDAV\\Plugin());
$server->addPlugin(new Sabre\\DAVACL\\Plugin());
$server->exec();
"""


@contextmanager
def sabre_server(*, logins: Mapping[str, str]) -> Iterator[DavServer]:
    """Run sabre/dav 1.8 for as long as the block lasts, as `nobody` where root runs the tests.

    logins: login -> password, the first below whose home books are made. Nobody reaches the books of another.
    PartMissingError: not installed.
    """
    php = shutil.which("php")
    if php is None or not _LIBRARY.is_dir() or not list(Path("/").glob(_DRIVER.lstrip("/"))):
        raise PartMissingError("no sabre/dav: apt-get install php-sabre-dav php-cli php-sqlite3")
    user = lesser_user()
    name = f"sabre-{secrets.token_hex(8)}"  # in each answer: another program may have taken the port just before it
    with folder_for(user, "sabre") as folder:
        _make_database(folder / "books.sqlite", logins)
        if user:
            shutil.chown(folder / "books.sqlite", *user)
        program = folder / "server.php"
        program.write_text(_PROGRAM.format(name=name, folder=folder, realm=_REALM))
        server = DavServer(
            folder=folder,
            log_path=folder / "sabre.log",
            home=f"addressbooks/{next(iter(logins))}",
            command=lambda port: (php, "-S", f"127.0.0.1:{port}", str(program)),
            ready=lambda port: _is_named(name, port),
            logins=logins,
            user=user,
            litter=folder,
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _make_database(file: Path, logins: Mapping[str, str]) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(_TABLES)
        for login, password in logins.items():
            digest = hashlib.md5(f"{login}:{_REALM}:{password}".encode(), usedforsecurity=False).hexdigest()
            connection.execute("INSERT INTO users (username, digesta1) VALUES (?, ?)", (login, digest))
            connection.execute(
                "INSERT INTO principals (uri, displayname) VALUES (?, ?)", (f"principals/{login}", login)
            )


def _is_named(name: str, port: int) -> bool:
    try:
        return DavClient(port).request("OPTIONS", "/").headers.get("x-part") == name
    except (OSError, HTTPException):
        return False
