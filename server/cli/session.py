"""One call of the command: settings, role, language, context, answer; the parts that all commands share."""

from __future__ import annotations

import hashlib
import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Concatenate, NoReturn, ParamSpec

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server import app
from server.cli.call import AnswerLostError, Call, ExitStatus
from server.cli.faults import HeadUnsignedError
from server.core.model import Role
from server.core.text import Text, phrase
from server.render.answers import Answer, as_json, as_text
from server.render.words import Words
from server.settings import SettingError, Settings, read_settings, read_text_file
from server.store import log
from server.store.admin import organisation
from server.store.database import (
    SealingKeyNeededError,
    Store,
    StoreOtherVersionError,
    StoreProblem,
    StoreUnavailableError,
)
from server.work.admin import access, log_checkpoints, log_witnesses, setup, table_checks
from server.work.context import AskedBy, Context, Keys, WayIn
from server.work.removal.deviations_and_holds import Cleared

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])

_LONGEST_LINE = 1_000
_NO_SUCH_ACCOUNT = phrase("There is no account of that name or id in that role.")

_Given = ParamSpec("_Given")


@dataclass(slots=True)
class Session:
    """What the options before the command said. `environ` is a copy of the process's variables."""

    settings: Settings
    words: Words
    json: bool
    asked_role: Role | None
    environ: dict[str, str] = field(repr=False)
    opened: list[Store] = field(default_factory=list, repr=False)

    def answer(self, answer: Answer, status: int | None = None) -> NoReturn:
        """Tell the answer and end the command with the status that it deserves; AnswerLostError."""
        terminal = sys.stdout is not None and sys.stdout.isatty()
        try:
            if self.json:
                click.echo(as_json(answer, self.words))
            else:
                width = Console().width if terminal else None
                click.echo(as_text(answer, self.words, width, styled=terminal))
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError as error:
            raise AnswerLostError from error
        raise click.exceptions.Exit((0 if answer.ok else 1) if status is None else status)

    def fail(self, key: str, what: Text, *what_next: Text) -> NoReturn:
        """Tell that it was not done, and what the person can do."""
        self.answer(Answer(ok=False, title=what, what_next=what_next, key=key))

    def ask(self, label: Text, *, hidden: bool = False) -> str:
        """What a person types, or the next line that a program hands in; never an argument, which others can read in
        the list of processes, the shell's history and sudo's journal. Raises click.Abort where there is nothing.
        """
        if sys.stdin is not None and sys.stdin.isatty():
            return str(click.prompt(self.words.say(label), hide_input=hidden, err=True))
        try:
            line = "" if sys.stdin is None else sys.stdin.readline(_LONGEST_LINE)
        except (OSError, ValueError):  # nothing to read from, or no text
            line = ""
        if not line:
            raise click.Abort
        return line.rstrip("\r\n")

    @property
    def kept(self) -> bool:
        """Whether this command has changed something in the database by now."""
        return any(store.commits for store in self.opened)

    def open_store(self) -> Store:
        """The database, not yet looked at."""
        store = app.open_store(self.settings)
        self.opened.append(store)
        return store

    def store(self) -> Store:
        """The database, opened and known to be ours; StoreUnavailableError, StoreOtherVersionError."""
        store = self.open_store()
        try:
            store.check()
        except StoreUnavailableError as fault:
            store.close()
            if fault.problem is StoreProblem.EMPTY and self.parts_there():
                self.database_gone()
            raise
        return store

    def parts_there(self) -> bool:
        """Whether keys or signed heads lie here: then a database without tables is one that was lost."""
        heads = self.settings.checkpoint_file
        return any(file.exists() for file in app.key_makers(self.settings)) or (
            heads.exists() and heads.stat().st_size > 0
        )

    def database_gone(self) -> NoReturn:
        """Tell that an installation lost its database; making a new one would make it unreadable for good."""
        self.fail(
            "database_gone",
            phrase("The keys or signed checkpoints of an installation are here, but its database is not."),
            phrase("See that its disk is there and that CLOSEOUT_DATABASE is right, or restore the backup."),
            phrase("To start again all the same, choose another folder with --home."),
        )

    def bring_up_to_date(self) -> bool:
        """Bring older tables to this version; False: there was nothing to do. What `store` refuses else, this does."""
        try:
            self.store().close()
        except StoreOtherVersionError as other:
            if other.newer:
                raise
            store = self.open_store()
            try:
                keys = app.read_keys(self.settings)
                self._require_own_keys(store, keys)
                log.migrate_tables(store, keys.sealer, app.system_clock)
            except app.KeyFault as fault:
                # Without keys nothing can be kept, as `doctor` says of both; what has to be sealed waits for them.
                try:
                    store.migrate()
                except SealingKeyNeededError:
                    raise fault from None
                finally:
                    store.close()
            store.close()
            self.store().close()
            return True
        return False

    @contextmanager
    def context(self, doing: Text | None = None) -> Iterator[Context]:
        """A context for one act, with a progress bar where a person waits; signs the log's head when it is done."""
        store = self.store()
        try:
            with self._use(store, doing) as context:
                yield context
        finally:
            store.close()

    def _require_own_keys(self, store: Store, keys: Keys) -> None:
        with store.read() as connection:
            if organisation.read_installation(connection).key_check != setup.key_check(keys):
                self.fail(
                    "other_key",
                    phrase(
                        "These keys belong to another installation: with them every contact would look as if it were "
                        "gone."
                    ),
                    phrase("Restore the keys of this installation from their backup."),
                )

    @contextmanager
    def _use(self, store: Store, doing: Text | None) -> Iterator[Context]:
        keys = app.read_keys(self.settings)
        policy = app.read_policy(self.settings).policy
        self._require_own_keys(store, keys)
        with self._progress(doing) as progress:
            context = app.make_context(self.settings, store, keys, policy=policy, progress=progress)
            context = replace(context, asked_by=self._asked_by(context))
            try:
                yield context
            except BaseException:
                with suppress(Exception):
                    # What ended the act is told, and not that its end could not be signed as well.
                    log_checkpoints.write_checkpoint(context)
                raise
            try:
                log_checkpoints.write_checkpoint(context)
            except Exception as error:
                raise HeadUnsignedError from error
            with suppress(StoreUnavailableError):  # an engine or the pages tell the witnesses then
                log_witnesses.tend(context)

    @contextmanager
    def _progress(self, doing: Text | None) -> Iterator[Callable[[int, int], None]]:
        if doing is None or self.json or not sys.stderr.isatty():
            yield lambda _done, _of: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(self.words.say(doing), total=None)
            yield lambda done, of: bar.update(task, completed=done, total=of)

    def require_sound_log(self, context: Context) -> None:
        """End here unless the log extends its newest signed head, and the small tables are what it says.

        Else holds may have been set that are not in it, or lifted by nobody whom it knows.
        """
        log_witnesses.tend(context, again=True)
        match log_checkpoints.standing(context):
            case log_checkpoints.Standing.WITNESSED_OTHERWISE:
                self.fail(
                    "witnessed_otherwise",
                    phrase("A witness saw another history of this log: an older copy was put back, or it was changed."),
                    phrase("Nothing is removed until two people have said why: closeout log accept-witness"),
                )
            case log_checkpoints.Standing.BEHIND:
                self.fail(
                    "restored",
                    phrase(
                        "This database is older than the newest signed checkpoint of its log: a backup was restored."
                    ),
                    phrase(
                        "Nothing is removed until two people have said what was lost: closeout backup accept-restore"
                    ),
                )
            case log_checkpoints.Standing.NO_HEAD:
                self.fail(
                    "heads_gone",
                    phrase(
                        "There is no signed checkpoint of this log any more, though each installation signs one "
                        "at once."
                    ),
                    phrase(
                        "Put the file of checkpoints back from its copy; where there is none: closeout log mend-heads"
                    ),
                )
            case log_checkpoints.Standing.CHANGED:
                self.fail(
                    "log_changed",
                    phrase(
                        "The log does not extend its newest signed checkpoint: a backup was restored, or it was "
                        "changed."
                    ),
                    phrase("Nothing is removed until that is known. See: closeout log verify"),
                )
        records = table_checks.compare(context)
        if records.only_policy:
            self.fail(
                "policy_edited",
                phrase("The policy file is not what was put in force. Nothing is removed."),
                phrase(
                    "Put the file back as it was and propose the change on the page Policies, or have two people"
                    " accept it as it is: closeout log accept-records"
                ),
            )
        if not records.sound:
            self.fail(
                "records_differ",
                phrase("Removals are paused until two people have looked at the records."),
                phrase("The independent officer can see what there is to look at: closeout log accept-records"),
            )

    @property
    def account(self) -> str:
        """Whose command this is: the account on this machine."""
        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # an account without a name, as in a container
            return str(os.getuid())

    def role(self, context: Context) -> Role:
        """Who is asking: whoever signed in at this terminal, in the role asked for if it is theirs. Without that the
        account on this machine, with the roles of its file; where people can sign in, as a machine's operator alone
        (decision 0068). A demo lets everyone be anyone.

        Whoever holds both server and keys can get round this; the manual says so.
        """
        person = self.person(context)
        if person is not None:
            if self.asked_role is None:
                return person.role
            if self.asked_role not in person.roles:
                self.fail("role_not_given", phrase("This account does not have that role."))
            return self.asked_role
        with context.store.read() as connection:
            demo = organisation.read_installation(connection).demo
        return self._role_of_machine(context, demo=demo)

    def _role_of_machine(self, context: Context, *, demo: bool) -> Role:
        allowed = tuple(Role) if demo else roles_of(self.settings.roles_file, self.account)
        wanted = self.asked_role or (Role.IT_ADMINISTRATOR if demo or not allowed else allowed[0])
        if wanted is Role.IT_ADMINISTRATOR and self.asked_role is None:
            return wanted
        if not demo and wanted is not Role.IT_ADMINISTRATOR and access.people_sign_in(context):
            if self.asked_role is None:
                return Role.IT_ADMINISTRATOR
            self.fail(
                "sign_in_first",
                phrase("That role is a person's, and nobody is signed in at this terminal."),
                phrase("Sign in with your account: closeout login"),
            )
        if wanted not in allowed:
            self.fail(
                "role_not_given",
                phrase("This account does not have that role."),
                phrase("Roles are given in {file}.", file=self.settings.roles_file.name),
            )
        return wanted

    def person(self, context: Context) -> access.Person | None:
        """Who signed in at this terminal; None: nobody did, or it is over."""
        token = self.read_login()
        found = access.find_person(context, token, limits=access.AT_COMMAND) if token else None
        return found if isinstance(found, access.Person) else None

    def who(self, context: Context) -> str:
        """Whose act this is: the account that signed in at this terminal, else the account on this machine."""
        person = self.person(context)
        return self.account if person is None else person.name or person.uid

    def _asked_by(self, context: Context) -> AskedBy:
        """For the log. Without a sign-in it is whoever runs the machine; the demo lets everyone be anyone."""
        person = self.person(context)
        if person is None:
            return AskedBy(f"machine {self.account}", self.asked_role or Role.IT_ADMINISTRATOR, WayIn.COMMAND)
        mine = self.asked_role if self.asked_role in person.roles else None
        return AskedBy(person.uid, mine or person.role, WayIn.COMMAND)

    def cleared(self, context: Context) -> Cleared:
        """Who acts on holds: the account that signed in here; else the account on this machine, which is one person in
        whatever roles; in a demo each role is one.
        """
        role, person = self.role(context), self.person(context)
        if person is not None:
            return Cleared(role, person.uid, person.worker)
        with context.store.read() as connection:
            demo = organisation.read_installation(connection).demo
        return Cleared(role, role.value if demo else f"machine {self.account}")

    def stand_for(self, context: Context, name: str, role: Role, *, missing: Text = _NO_SUCH_ACCOUNT) -> access.Person:
        """The account of that name in that role: of who signed in here, their own; else as whoever holds the server
        vouches. Ends the command, saying `missing`, if there is no such account, or it is somebody else's.
        """
        person = self.person(context)
        if person is None:
            found = access.stand_for(context, name, role)
        else:
            mine = name.strip().lower() in (person.name, person.uid) and role in person.roles
            found = replace(person, role=role) if mine else None
        if found is None:
            self.fail("unknown_account", missing, phrase("See them with: closeout account list"))
        return found

    @property
    def _login_file(self) -> Path:
        """For each terminal and each who came to this account from another (sudo), a file of its own."""
        try:
            terminal = os.ttyname(0)
        except OSError:
            terminal = "-"
        of_whom = f"{os.getuid()} {self.environ.get('SUDO_UID', '')} {terminal}"
        return self.settings.home / "sessions" / hashlib.sha256(of_whom.encode()).hexdigest()[:16]

    def read_login(self) -> str:
        """What this terminal signs in with; empty: nothing. A file that others may read counts for nothing."""
        try:
            with self._login_file.open("rb") as file:
                kept = os.fstat(file.fileno())
                if kept.st_mode & 0o077 or kept.st_uid != os.getuid():
                    return ""
                return file.read(200).decode("ascii", "replace").strip()
        except OSError:
            return ""

    def keep_login(self, token: str) -> None:
        """Keep it, for its owner alone."""
        file = self._login_file
        file.parent.mkdir(mode=0o700, exist_ok=True)
        app.put_whole(file, token.encode(), mode=0o600)

    def forget_login(self) -> None:
        """Keep it no more."""
        self._login_file.unlink(missing_ok=True)


def roles_of(file: Path, account: str) -> tuple[Role, ...]:
    """The roles of an account in a roles file (`account: role, role`); IT administrator if it is not named."""
    if not file.exists():
        return (Role.IT_ADMINISTRATOR,)
    for line in read_text_file(file).splitlines():
        name, _, roles = line.partition(":")
        if name.strip() == account:
            return tuple(Role(each.strip()) for each in roles.split(",") if each.strip() in set(Role))
    return (Role.IT_ADMINISTRATOR,)


class BadSettingError(click.ClickException):
    """A setting is not valid; told as a slip in an option is."""

    exit_code = ExitStatus.BAD_SETTING


def with_session(act: Callable[Concatenate[Session, _Given], None]) -> Callable[_Given, None]:
    """Give a command the session of its call. A setting that is not valid ends it."""

    @wraps(act)
    def run(*given: _Given.args, **named: _Given.kwargs) -> None:
        call = click.get_current_context().find_object(Call) or Call({})
        if call.session is None:
            call.session = _make_session(call)
        act(call.session, *given, **named)

    return run


def _make_session(call: Call) -> Session:
    asked = call.options
    try:
        settings = read_settings(call.environ, home=asked.home)
    except SettingError as error:
        raise BadSettingError(str(error)) from None
    role = Role(asked.role) if asked.role else None
    return Session(settings, Words(asked.language or settings.language), asked.json, role, call.environ)
