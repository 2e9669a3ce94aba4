"""Reminders of declarations by mail: at hand-out, and before one runs out; a letter says where to look and no more.

Whom a letter goes to is the worker's own mailbox among their places. Who has none is counted, for a person to ask.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from server.core.log.entries import Body, EntryKind
from server.core.problems import MailProblem
from server.core.usage.declarations import DeclarationState, Standing, is_reminder_due
from server.core.usage.evidence_rules import EvidenceRules
from server.render.admin.mails import LetterKind, write_letter
from server.render.words import Words
from server.store import log
from server.store.usage import declarations as store
from server.work import mail
from server.work.context import Context
from server.work.mail import Post
from server.work.usage import declarations

_PAGE = "/my-declaration"


@dataclass(frozen=True, slots=True)
class Reminded:
    """What a round of reminders came to. without_address: due, and nowhere to send it. not_sent: the server said no."""

    sent: int
    without_address: int = 0
    not_sent: int = 0


def remind(context: Context, rules: EvidenceRules, *, language: str = "nl") -> Reminded:
    """Send every reminder that is due today; safe to repeat. Raises MailFailedError if nothing could be sent at all.

    A signature that waits for the employer's is no reason to write to the worker.
    """
    today, words = context.today(), Words(language)
    with context.store.write() as connection:
        standings = declarations.standings(context, connection, rules)
        last = store.last_reminders(connection)
        addresses = store.mailboxes(connection)
    due = [
        each
        for each in standings
        if each.state is not DeclarationState.NOT_COUNTERSIGNED
        and is_reminder_due(each, rules.declarations, last.get((each.device, each.worker)), today)
    ]
    reached = [each for each in due if each.worker in addresses]
    posts = [
        Post(
            addresses[each.worker],
            write_letter(_kind(each), words, context.pages.rstrip("/") + _PAGE),
            f"declaration {each.device} {each.worker} {today}",
        )
        for each in reached
    ]
    answers = mail.send(context.mail, posts, context.now()) if posts else ()
    sent = [(each.device, each.worker) for each, problem in zip(reached, answers, strict=True) if problem is None]
    counted: Counter[MailProblem | None] = Counter(answers)
    if sent:
        with context.store.write() as connection:
            store.note_reminders(connection, sent, today)
            body: Body = {"verb": "reminded", "count": len(sent)}
            log.append(connection, context.now(), [(EntryKind.DECLARATION_CHANGED, body)])
    return Reminded(len(sent), len(due) - len(reached), sum(counted.values()) - len(sent))


def _kind(standing: Standing) -> LetterKind:
    runs_out = standing.state in (DeclarationState.VALID, DeclarationState.EXPIRED)
    return LetterKind.DECLARATION_RUNS_OUT if runs_out else LetterKind.DECLARATION_TO_SIGN
