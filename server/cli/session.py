"""One call of the command: settings, role, language, context, answer; the parts that all commands share."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server.core.model import Role
from server.core.reports.table import Text, phrase
from server.render.answers import Answer, as_json, as_text
from server.render.words import Words
from server.settings import SettingError, Settings, read_settings

if TYPE_CHECKING:
    from server.store.database import Store
    from server.work.context import Context


@dataclass(slots=True)
class Session:
    """What the options before the command said. `environ` is a copy of the process's variables."""

    settings: Settings
    words: Words
    json: bool
    asked_role: Role | None
    environ: dict[str, str] = field(repr=False)

    def answer(self, answer: Answer) -> NoReturn:
        """Tell the answer and end the command with the status that it deserves."""
        if self.json:
            click.echo(as_json(answer, self.words))
        else:
            terminal = sys.stdout.isatty()
            width = Console().width if terminal else None
            click.echo(as_text(answer, self.words, width, styled=terminal))
        raise click.exceptions.Exit(0 if answer.ok else 1)

    def fail(self, key: str, what: Text, *what_next: Text) -> NoReturn:
        """Tell that it was not done, and what the person can do."""
        self.answer(Answer(ok=False, title=what, what_next=what_next, key=key))

    def store(self) -> Store:
        """The database, opened and known to be ours."""
        from server import app
        from server.store.database import StoreOtherVersionError, StoreUnavailableError

        store = app.open_store(self.settings)
        try:
            store.check()
        except StoreOtherVersionError as other:
            store.close()
            if other.newer:
                self.fail(
                    "newer_tables",
                    phrase("A newer version of closeout made these tables; this one does not touch them."),
                    phrase("Install that version again, or restore a backup of before its update."),
                )
            self.fail(
                "older_tables",
                phrase("The tables are of an older version of closeout."),
                phrase("Make a backup, then bring them up to date with: closeout update"),
            )
        except StoreUnavailableError:
            store.close()
            self.fail(
                "no_database",
                phrase("There is no installation at this database, or the database does not answer."),
                phrase("Make one with: closeout init NAME"),
                phrase("See what is wrong with: closeout doctor"),
            )
        return store

    def bring_up_to_date(self) -> bool:
        """Bring older tables to this version; False: there was nothing to do. What `store` refuses else, this does."""
        from server import app
        from server.store.database import StoreOtherVersionError, StoreUnavailableError

        store = app.open_store(self.settings)
        older = False
        try:
            store.check()
        except StoreOtherVersionError as other:
            older = not other.newer
        except StoreUnavailableError:
            pass
        if older:
            store.migrate()
        store.close()
        self.store().close()
        return older

    @contextmanager
    def context(self, doing: Text | None = None) -> Iterator[Context]:
        """A context for one act, with a progress bar where a person waits; signs the log's head when it is done."""
        store = self.store()
        try:
            with self._use(store, doing) as context:
                yield context
        finally:
            store.close()

    @contextmanager
    def _use(self, store: Store, doing: Text | None) -> Iterator[Context]:
        from server import app
        from server.store import organisation
        from server.work import ledger, setup

        try:
            keys = app.read_keys(self.settings)
        except app.KeyFault as fault:
            self.fail("key_fault", phrase("A key cannot be used: {fault}", fault=str(fault)))
        try:
            policy = app.read_policy(self.settings).policy
        except app.PolicyRefused as refused:
            self.fail(
                "policy_fault",
                phrase("The policy file has faults, so nothing may run: {file}", file=refused.file),
                phrase("See them all with: closeout policy check"),
            )
        with store.read() as connection:
            if organisation.read_installation(connection).key_check != setup.key_check(keys):
                self.fail(
                    "other_key",
                    phrase("These keys belong to another installation: with them every contact would look absent."),
                    phrase("Restore the keys of this installation from their backup."),
                )
        with self._progress(doing) as progress:
            context = app.make_context(self.settings, store, keys, policy=policy, progress=progress)
            try:
                yield context
            finally:
                ledger.write_checkpoint(context)

    @contextmanager
    def _progress(self, doing: Text | None) -> Iterator[Callable[[int, int], None]]:
        if doing is None or self.json or not sys.stderr.isatty():
            yield lambda _done, _of: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(self.words.say(doing), total=None)
            yield lambda done, of: bar.update(task, completed=done, total=of)

    @property
    def account(self) -> str:
        """Whose command this is: the account on this machine."""
        return pwd.getpwuid(os.getuid()).pw_name

    def role(self, context: Context) -> Role:
        """Who is asking: the role asked for, if this account has it; a demo lets everyone be anyone.

        Whoever holds both server and keys can get round this; the manual says so.
        """
        from server.store import organisation

        with context.store.read() as connection:
            demo = organisation.read_installation(connection).demo
        allowed = tuple(Role) if demo else roles_of(self.settings.roles_file, self.account)
        if self.asked_role is None:
            return Role.IT_ADMINISTRATOR if demo or not allowed else allowed[0]
        if self.asked_role not in allowed:
            self.fail(
                "role_not_given",
                phrase("This account does not have that role."),
                phrase("Roles are given in {file}.", file=self.settings.roles_file.name),
            )
        return self.asked_role


def roles_of(file: Path, account: str) -> tuple[Role, ...]:
    """The roles of an account in a roles file (`account: role, role`); IT administrator if it is not named."""
    if not file.exists():
        return (Role.IT_ADMINISTRATOR,)
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, roles = line.partition(":")
        if name.strip() == account:
            return tuple(Role(each.strip()) for each in roles.split(",") if each.strip() in set(Role))
    return (Role.IT_ADMINISTRATOR,)


def make_session(
    environ: dict[str, str], *, home: Path | None, json: bool, language: str | None, role: str | None
) -> Session:
    """A session from the options; a setting that cannot be meant ends it."""
    try:
        settings = read_settings(environ, home=home)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    return Session(settings, Words(language or settings.language), json, Role(role) if role else None, environ)
