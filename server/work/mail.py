"""The one door for mail: hands letters to the organisation's mail server; no wording, and nothing about anybody.

A letter is one of a closed set (`server.render.admin.mails`) and can carry nothing but the address of a page, so that
no number, name, case or finding can travel by mail. Whom it goes to stays out of the log, of errors and of what they
say.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from ipaddress import ip_address

from server.core.problems import MailProblem
from server.render.admin.mails import Letter

_SECONDS = 30.0
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class MailSecurity(StrEnum):
    """How the way to the mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"
    """On this machine only."""


class MailFailedError(Exception):
    """A letter was not sent; `problem` says why. Neither recipient nor the server's own words are in it."""

    def __init__(self, problem: MailProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem

    @property
    def passing(self) -> bool:
        """Whether it may go by itself."""
        return self.problem is MailProblem.UNREACHABLE


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who takes our mail. ca_file: the authority of its certificate; empty: those of this machine."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    login: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""

    def __post_init__(self) -> None:
        if not self.host or not 0 < self.port < 65536 or not self.sender:
            raise MailFailedError(MailProblem.NOT_SET)
        if not _is_address(self.sender):
            raise MailFailedError(MailProblem.BAD_ADDRESS)
        if self.security is MailSecurity.NONE and not is_loopback(self.host):
            raise MailFailedError(MailProblem.NOT_ENCRYPTED)


@dataclass(frozen=True, slots=True)
class Post:
    """One letter to one address. key: what it is about, so that a repeat has the same Message-ID; opaque."""

    to: str = field(repr=False)
    letter: Letter
    key: str


def send(server: MailServer | None, posts: Sequence[Post], now: datetime) -> Sequence[MailProblem | None]:
    """Hand letters over, each by itself: None where the server took it, else why not.

    Every recipient has a letter of their own: nobody sees who else has one. A way that cannot be had at all raises
    MailFailedError, and then nothing was sent.
    """
    if server is None:
        raise MailFailedError(MailProblem.NOT_SET)
    with _session(server) as session:
        return [_hand_over(session, server, post, now) for post in posts]


def _hand_over(session: smtplib.SMTP, server: MailServer, post: Post, now: datetime) -> MailProblem | None:
    if not _is_address(post.to):
        return MailProblem.BAD_ADDRESS
    try:
        session.send_message(_message(server, post, now), server.sender, [post.to])
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError):
        return MailProblem.REFUSED
    except (OSError, smtplib.SMTPException):
        return MailProblem.UNREACHABLE
    return None


def _message(server: MailServer, post: Post, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = server.sender
    message["To"] = post.to
    message["Subject"] = post.letter.subject
    message["Date"] = format_datetime(now)
    unique = hashlib.sha256(f"{post.key}\0{post.to}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{unique}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message.set_content(post.letter.body, charset="utf-8", cte="quoted-printable")
    message["Content-Language"] = post.letter.language
    return message


@contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    try:
        session = _connect(server)
    except ssl.SSLCertVerificationError:
        raise MailFailedError(MailProblem.CERTIFICATE) from None
    except smtplib.SMTPNotSupportedError:
        # Asked for encryption, offered none: never go on in clear.
        raise MailFailedError(MailProblem.NOT_ENCRYPTED) from None
    except (OSError, smtplib.SMTPException):
        raise MailFailedError(MailProblem.UNREACHABLE) from None
    with session:
        if server.login:
            try:
                session.login(server.login, server.password)
            except smtplib.SMTPServerDisconnected:
                raise MailFailedError(MailProblem.UNREACHABLE) from None
            except (smtplib.SMTPException, ValueError):
                raise MailFailedError(MailProblem.LOGIN_REFUSED) from None
        yield session


def _connect(server: MailServer) -> smtplib.SMTP:
    if server.security is MailSecurity.NONE:
        return smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
    trusted = ssl.create_default_context(cafile=server.ca_file or None)
    if server.security is MailSecurity.TLS:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=trusted)
    session = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
    try:
        session.starttls(context=trusted)
    except BaseException:
        session.close()
        raise
    return session


def _is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None and ".." not in text


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
