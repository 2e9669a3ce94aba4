"""Mail goes out through one door, encrypted, one letter to each, and carries nothing but the address of a page."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from server.core.problems import MailProblem
from server.render.admin.mails import LetterKind, write_letter
from server.render.words import Words
from server.work.mail import MailFailedError, MailSecurity, MailServer, Post, send
from tests.parts.certificates import Signed, signed
from tests.parts.listeners import OnAnyPort, Tray

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
PAGE = "https://closeout.example/reports/0a1b2c3d4e5f6071"
NL, EN = Words("nl"), Words("en")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed(tmp_path_factory.mktemp("certificate"))


Start = Callable[..., tuple[Tray, MailServer]]


@pytest.fixture
def start(certificate: Signed) -> Iterator[Start]:
    """Starts a mail server on a free port; it is stopped after the test."""
    secured = certificate.context()
    with ExitStack() as running:

        def begin(
            security: MailSecurity, *, login: bool = False, offered: bool = True, **more: Any
        ) -> tuple[Tray, MailServer]:
            tray = Tray()

            def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
                tray.logins.append(data.login)
                return AuthResult(success=data.password == b"correct horse", handled=False)

            options: dict[str, Any] = {"hostname": "127.0.0.1", "port": 0}
            if login:
                options |= {"authenticator": check, "auth_required": True}
                options |= {"auth_require_tls": security is MailSecurity.STARTTLS}
            if security is MailSecurity.TLS:
                options["ssl_context"] = secured
            elif security is MailSecurity.STARTTLS and offered:
                options |= {"tls_context": secured, "require_starttls": True}
            controller = OnAnyPort(tray, **options)
            controller.start()
            running.callback(controller.stop)
            made = MailServer(
                "127.0.0.1", controller.port, security, "closeout@sender.example", ca_file=str(certificate.authority)
            )
            return tray, made

        yield begin


def post(to: str = "officer@organisation.example", words: Words = EN, key: str = "report-1") -> Post:
    return Post(to, write_letter(LetterKind.REPORT_READY, words, PAGE), key)


@pytest.mark.parametrize("security", list(MailSecurity))
def test_a_letter_arrives_over_every_kind_of_way(start: Start, security: MailSecurity) -> None:
    tray, server = start(security)
    assert send(server, [post()], NOW) == [None]
    ((sender, recipients, message),) = tray.taken
    assert (sender, recipients) == ("closeout@sender.example", ["officer@organisation.example"])
    assert {
        name: message[name] for name in ("From", "To", "Subject", "Date", "Auto-Submitted", "Content-Language")
    } == {
        "From": "closeout@sender.example",
        "To": "officer@organisation.example",
        "Subject": "A report is ready",
        "Date": "Sun, 22 Nov 2026 07:00:00 +0000",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "en",
    }
    assert message.get_content().replace("\r\n", "\n") == (
        "A report that is made at fixed times is ready for you.\n\n"
        "You find it here, after signing in:\n\n"
        f"{PAGE}\n\n"
        "This mail holds no details about anybody, and none can be sent back: answers are not read.\n"
    )


def test_each_recipient_has_a_letter_of_their_own_and_one_refusal_stops_nobody(start: Start) -> None:
    tray, server = start(MailSecurity.STARTTLS)
    posts = [post("a@organisation.example"), post("nobody@organisation.example"), post("b@organisation.example", NL)]
    assert send(server, posts, NOW) == [None, MailProblem.REFUSED, None]
    assert [recipients for _, recipients, _ in tray.taken] == [["a@organisation.example"], ["b@organisation.example"]]
    assert [message["To"] for _, _, message in tray.taken] == ["a@organisation.example", "b@organisation.example"]


def test_a_repeat_of_the_same_letter_has_the_same_message_id(start: Start) -> None:
    tray, server = start(MailSecurity.NONE)
    send(server, [post(), post(key="report-2"), post("a@organisation.example")], NOW)
    send(server, [post()], NOW + timedelta(hours=1))
    ids = [message["Message-ID"] for _, _, message in tray.taken]
    assert ids[3] == ids[0]
    assert len(set(ids)) == 3


def test_a_login_is_given_and_a_wrong_one_is_told_apart(start: Start) -> None:
    tray, server = start(MailSecurity.STARTTLS, login=True)
    assert tray.logins == []
    assert send(replace(server, login="closeout", password="correct horse"), [post()], NOW) == [None]
    with pytest.raises(MailFailedError) as failed:
        send(replace(server, login="closeout", password="wrong"), [post()], NOW)
    assert (failed.value.problem, failed.value.passing) == (MailProblem.LOGIN_REFUSED, False)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(start: Start) -> None:
    tray, server = start(MailSecurity.STARTTLS)
    with pytest.raises(MailFailedError) as failed:
        send(replace(server, ca_file=""), [post()], NOW)
    assert failed.value.problem is MailProblem.CERTIFICATE
    assert tray.taken == []


def test_where_encryption_is_asked_for_and_not_offered_nothing_is_sent(start: Start) -> None:
    tray, server = start(MailSecurity.STARTTLS, offered=False)
    with pytest.raises(MailFailedError) as failed:
        send(server, [post()], NOW)
    assert failed.value.problem is MailProblem.NOT_ENCRYPTED
    assert tray.taken == []


def test_a_server_that_is_not_there_is_a_reason_to_try_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers
        server = MailServer("127.0.0.1", taken.getsockname()[1], MailSecurity.NONE, "closeout@sender.example")
        with pytest.raises(MailFailedError) as failed:
            send(server, [post()], NOW)
    assert (failed.value.problem, failed.value.passing) == (MailProblem.UNREACHABLE, True)


def test_without_a_mail_server_nothing_is_sent_and_it_is_said() -> None:
    with pytest.raises(MailFailedError) as failed:
        send(None, [post()], NOW)
    assert failed.value.problem is MailProblem.NOT_SET


def test_mail_in_clear_stays_on_this_machine() -> None:
    for host in ("mail.example", "192.0.2.1", "::ffff:192.0.2.1", "127.0.0.1.example"):
        with pytest.raises(MailFailedError) as failed:
            MailServer(host, 25, MailSecurity.NONE, "closeout@sender.example")
        assert failed.value.problem is MailProblem.NOT_ENCRYPTED
    assert MailServer("::1", 25, MailSecurity.NONE, "closeout@sender.example").port == 25


@pytest.mark.parametrize(
    "hostile",
    [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "<a@b.example>",
        "a b@c.example",
        "a@",
        "@b",
        "a..b@c.example",
        "ä@b.example",
        "",
    ],
)
def test_what_is_no_plain_address_gets_no_letter(start: Start, hostile: str) -> None:
    tray, server = start(MailSecurity.NONE)
    assert send(server, [post(hostile)], NOW) == [MailProblem.BAD_ADDRESS]
    assert tray.taken == []


@pytest.mark.parametrize("kind", list(LetterKind))
@pytest.mark.parametrize("words", [NL, EN], ids=["nl", "en"])
def test_no_letter_has_room_for_anything_about_anybody(kind: LetterKind, words: Words) -> None:
    letter = write_letter(kind, words, PAGE)
    assert PAGE in letter.body
    assert re.search(r"\d", letter.subject + letter.body.replace(PAGE, "")) is None
    assert "\n" not in letter.subject


@pytest.mark.parametrize(
    "page",
    [
        "https://closeout.example/reports/1?case=100001",
        "https://closeout.example/ reports",
        "https://closeout.example/worker%201",
        "https://closeout.example/\nreports",
        "javascript:alert(1)",
        "https://name@closeout.example/",
    ],
)
def test_a_letter_names_a_page_by_its_plain_address_only(page: str) -> None:
    with pytest.raises(ValueError, match="plain address"):
        write_letter(LetterKind.REPORT_READY, EN, page)


def test_neither_password_nor_recipient_shows_in_what_is_printed() -> None:
    server = MailServer("::1", 25, MailSecurity.TLS, "closeout@sender.example", "closeout", "correct horse")
    assert "horse" not in repr(server)
    assert "officer" not in repr(post())
