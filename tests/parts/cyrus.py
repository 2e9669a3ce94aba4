"""A real Cyrus with CardDAV, in which the service account may change the books of every other; no pytest here."""

from __future__ import annotations

import imaplib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from tests.parts import PartMissingError
from tests.parts.dav import DavClient, DavServer
from tests.parts.process import folder_for, free_port, lesser_user, run_as

_PROGRAMS = Path("/usr/lib/cyrus/bin")
_ADMIN = "admin"
_ALL_RIGHTS = "lrswipkxtecdan789"
_SETTINGS = """\
configdirectory: {folder}/configuration
defaultpartition: default
partition-default: {folder}/spool
proc_path: {folder}/proc
mboxname_lockpath: {folder}/locks
servername: {name}
cyrus_user: {user}
cyrus_group: {group}
admins: {admin}
httpmodules: carddav
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/passwords
sasl_mech_list: PLAIN
allowplaintext: yes
unixhierarchysep: yes
skiplist_unsafe: yes
"""
_SERVICES = """\
START {{
  recover cmd="ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  http cmd="httpd -C {folder}/imapd.conf" listen="127.0.0.1:{http}" prefork=1 proto=tcp4
  imap cmd="imapd -C {folder}/imapd.conf" listen="127.0.0.1:{imap}" proto=tcp4
}}
EVENTS {{
}}
"""


@contextmanager
def cyrus_server(*, logins: Mapping[str, str]) -> Iterator[DavServer]:
    """Run Cyrus for as long as the block lasts, as `nobody` where root runs the tests.

    logins: login -> password, the service account first. Books are made below its home, or below that of another
    login, who then owns them and shares them with the service account. PartMissingError: not installed.
    """
    master, passwords = shutil.which("cyrmaster", path="/usr/sbin"), shutil.which("saslpasswd2", path="/usr/sbin")
    if master is None or passwords is None or not (_PROGRAMS / "httpd").exists():
        raise PartMissingError("no Cyrus: apt-get install cyrus-imapd cyrus-caldav sasl2-bin")
    user = lesser_user()
    name = f"cyrus-{secrets.token_hex(8)}"  # its realm: another program may have taken the port just before it
    imap = free_port()
    with folder_for(user, "cyrus") as folder:
        _write(folder, name, user)
        everybody = {**logins, _ADMIN: secrets.token_hex(16)}
        for login, password in everybody.items():
            argv = [passwords, "-p", "-c", "-f", str(folder / "passwords"), "-u", name, login]
            run_as(user, argv, folder, said=password.encode()).check_returncode()

        def command(port: int) -> list[str]:
            (folder / "cyrus.conf").write_text(_SERVICES.format(folder=folder, http=port, imap=imap))
            return [master, *("-C", f"{folder}/imapd.conf", "-M", f"{folder}/cyrus.conf", "-p", f"{folder}/pid", "-D")]

        service = next(iter(logins))
        server = DavServer(
            folder=folder,
            log_path=folder / "cyrus.log",
            home=f"dav/addressbooks/user/{service}",
            command=command,
            ready=lambda port: _is_named(name, port),
            logins=logins,
            user=user,
            litter=folder,
        )
        server.start()
        try:
            _people(server, imap, everybody[_ADMIN], logins)
            yield server
        finally:
            server.stop()


def _write(folder: Path, name: str, user: tuple[int, int] | None) -> None:
    for each in ("configuration", "spool", "proc", "locks"):
        (folder / each).mkdir()
        if user:
            shutil.chown(folder / each, *user)
    owner, group = (folder / "spool").owner(), (folder / "spool").group()
    (folder / "imapd.conf").write_text(
        _SETTINGS.format(folder=folder, name=name, user=owner, group=group, admin=_ADMIN)
    )


def _is_named(name: str, port: int) -> bool:
    try:
        answer = DavClient(port).request("PROPFIND", "/dav/addressbooks/")
    except (OSError, HTTPException):
        return False
    return f'"{name}"' in answer.headers.get("www-authenticate", "")


def _people(server: DavServer, port: int, password: str, logins: Mapping[str, str]) -> None:
    """A mailbox for each login, since there is no book without one; books come with the first sign-in."""
    service, *others = logins
    with imaplib.IMAP4("127.0.0.1", port, timeout=20) as mail:
        mail.login(_ADMIN, password)
        for login in logins:
            _told(mail.create(f"user/{login}"))
            server.client(login).names(f"dav/addressbooks/user/{login}")
        for login in others:
            _told(mail.setacl(f"user/{login}/#addressbooks", service, _ALL_RIGHTS))  # new books have its rights


def _told(answer: tuple[str, object]) -> None:
    if answer[0] != "OK":
        raise RuntimeError(f"Cyrus refused: {answer[1]}")
