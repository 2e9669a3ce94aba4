"""Settings that are no use as they stand, all of them at once, before a program begins that runs on its own.

A file of rules, a key or a database that is not there is told where it is needed; here is what a variable says.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from server import app
from server.cli.answers import setup as tell_setup
from server.cli.call import ExitStatus
from server.cli.session import Session
from server.core.log.witness_policy import BadWitnessPolicy
from server.core.problems import MailProblem
from server.settings import MANUAL, FileUnreadableError, Settings
from server.work.mail import MailFailedError, is_loopback

_MAIL = {MailProblem.BAD_ADDRESS: "mail_from", MailProblem.NOT_ENCRYPTED: "mail_security"}
_AUTHORITIES = (
    "mail_ca_file",
    "syslog_ca_file",
    "webhook_ca_file",
    "witnesses_ca_file",
    "heartbeat_ca_file",
    "time_stamp_ca_file",
)


def faulty_settings(settings: Settings) -> tuple[str, ...]:
    """The names of settings that mean nothing, in the order of the manual; nothing outside this machine is asked."""
    wrong = {
        *_refused(settings, app.outlets),
        *_refused(settings, app.check_heartbeat),
        *_refused(settings, app.check_time_stamps),
        *_mail(settings),
        *_provider(settings),
        *_pages(settings),
        *(name for name in _AUTHORITIES if not _holds_certificates(getattr(settings, name))),
    }
    try:
        app.read_witnesses(settings)
    except (BadWitnessPolicy, FileUnreadableError, app.WitnessAddressError):
        wrong.add("witnesses_file")
    return tuple(name for name in MANUAL if name in wrong)


def require_sound_settings(session: Session, settings: Settings | None = None) -> None:
    """End the command here, with a status after which nobody starts it again, if a setting is no use.

    settings: as an option of the command made them.
    """
    wrong = faulty_settings(settings or session.settings)
    if wrong:
        session.answer(tell_setup.settings_refused(wrong), ExitStatus.BAD_SETTING)


def _refused(settings: Settings, check: Callable[[Settings], object]) -> Iterator[str]:
    """An authority that cannot be read is told by its own name."""
    try:
        check(settings)
    except app.OutletRefused as refused:
        yield refused.setting
    except OSError:
        return


def _mail(settings: Settings) -> Iterator[str]:
    try:
        app.check_mail(settings)
    except MailFailedError as failed:
        missing = "mail_server" if settings.mail_from else "mail_from"
        yield _MAIL.get(failed.problem, missing)


def _provider(settings: Settings) -> Iterator[str]:
    if not settings.oidc_issuer:
        return
    if not _is_site(settings.oidc_issuer, path=True):
        yield "oidc_issuer"
    if not settings.oidc_client:
        yield "oidc_client"
    try:
        roles = app.read_roles(settings.oidc_roles_file)
    except FileUnreadableError:
        roles = {}
    if not roles:
        yield "oidc_roles_file"


def _pages(settings: Settings) -> Iterator[str]:
    if not _is_site(settings.web_url, path=False):
        yield "web_url"
    host, _, port = settings.web_listen.rpartition(":")
    if not host or not _is_port(port):
        yield "web_listen"
    if settings.web_proxy and not _is_number_address(settings.web_proxy):
        yield "web_proxy"


def _is_site(url: str, *, path: bool) -> bool:
    """Whether that is the address of a site: with TLS, or on this machine; path: and it may go on below that."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or parts.query or parts.fragment or any(map(str.isspace, url)):
        return False
    bare = path or parts.path in ("", "/")
    return bare and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _is_port(text: str) -> bool:
    return text.isdecimal() and 0 < int(text) < 65536


def _is_number_address(text: str) -> bool:
    """Whether that is one machine by its number: a name could be given to somebody else."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _holds_certificates(file: str) -> bool:
    """Also where none is named: then those of this machine count."""
    if not file:
        return True
    try:
        return bool(ssl.create_default_context(cafile=Path(file)).get_ca_certs())
    except (OSError, ValueError):
        return False
