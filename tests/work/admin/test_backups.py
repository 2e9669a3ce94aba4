"""Backups are whole or not there, hold nothing that was destroyed, open for their keys alone, and come back whole.

What others say of them: the official `age` opens them and we open what it made; `sqlite3` and `pg_restore` read what
is within.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from server.core.admin.backups import MANIFEST, BackupKind, read_manifest, write_manifest
from server.core.log.entries import EntryKind
from server.core.model import Role
from server.core.problems import BackupProblem, BackupRefusedError, HeadsRefusedError
from server.store import log
from server.store.admin import backup_copies
from server.store.database import Store, StoreOtherVersionError, StoreUnavailableError
from server.store.schema.base import log_entry
from server.work.admin import age_files, backups, log_checkpoints, log_repairs, restores
from server.work.admin.access import Person
from server.work.admin.backups import BackupPlaces
from server.work.admin.log_checkpoints import Standing
from tests.parts import age
from tests.parts.postgres import Postgres
from tests.store.fixtures import Databases
from tests.work.world import KEYS, World

ADMIN = Role.IT_ADMINISTRATOR
SQLITE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
"""What has nothing to do with the database."""
DATABASE, KEYS_KIND = BackupKind.DATABASE, BackupKind.KEYS


@dataclass
class Keeper:
    """Somebody who makes backups of a world, and two who can open one kind each."""

    world: World
    places: BackupPlaces
    folder: Path
    own: Any
    other: Any

    def make(self, kind: BackupKind = DATABASE, to: Any = None, **how: Any) -> backups.BackupMade:
        identity = to or (self.own if kind is DATABASE else self.other)
        recipient = f"# whose it is\n{identity.to_public()}\n"
        return backups.make(self.world.context, ADMIN, self.places, kind, self.folder, recipient, **how)

    def names(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir())

    def entries(self) -> list[dict[str, Any]]:
        with self.world.context.store.read() as connection:
            return [dict(each.body) for each in log.of_kind(connection, EntryKind.BACKUP_MADE)]


def places_in(home: Path, heads: Path) -> BackupPlaces:
    keys = home / "keys"
    return BackupPlaces(
        home=home,
        files={"checkpoints.txt": heads, "policy.yaml": home / "policy.yaml"},
        folders={"declarations": home / "declarations"},
        key_files={f"keys/{name}": keys / name for name in ("identifier.key", "sealing.key", "signing.pem")},
        key_folders={"secrets": home / "secrets"},
    )


def put_keys(places: BackupPlaces) -> None:
    signer = KEYS.signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (("identifier.key", b"t" * 32), ("sealing.key", b"s" * 32), ("signing.pem", signer)):
        file = places.key_files[f"keys/{name}"]
        file.parent.mkdir(exist_ok=True, mode=0o700)
        file.write_bytes(content)
    (places.home / "secrets").mkdir()
    (places.home / "secrets" / "books.password").write_text("a password")


@pytest.fixture
def keeper(world: World, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    if not world.context.store.is_sqlite:
        postgres: Postgres = request.getfixturevalue("postgres")
        monkeypatch.setenv("PATH", f"{postgres.programs}{os.pathsep}{os.environ['PATH']}")
    home, folder = tmp_path / "home", tmp_path / "backups"
    home.mkdir()
    folder.mkdir()
    places = places_in(home, world.context.checkpoint_file)
    put_keys(places)
    (home / "policy.yaml").write_text("version: rules-7\n")
    (home / "declarations").mkdir()
    (home / "declarations" / "text.md").write_text("# A text\n")
    log_checkpoints.write_checkpoint(world.context)
    new = pyrage.x25519.Identity.generate
    return Keeper(world, places, folder, new(), new())


def refused(act: Callable[[], object]) -> BackupProblem:
    with pytest.raises(BackupRefusedError) as raised:
        act()
    return raised.value.problem


def scratch_of(databases: Databases, keeper: Keeper) -> str | None:
    return None if keeper.world.context.store.is_sqlite else databases.fresh("nothing", lambda _url: None)


def opened(keeper: Keeper, made: backups.BackupMade, to: Path) -> dict[str, Path]:
    identity = keeper.own if made.manifest.kind is DATABASE else keeper.other
    to.mkdir()
    with made.file.open("rb") as file:
        return {each.relative_to(to).as_posix(): each for each in age_files.read(file, str(identity), to)}


# --- making and trying --------------------------------------------------------------------------------------------


def test_a_backup_of_the_database_is_tried_where_its_private_key_is(keeper: Keeper, databases: Databases):
    made = keeper.make()
    assert keeper.names() == [made.file.name]
    assert made.digest == hashlib.sha256(made.file.read_bytes()).hexdigest()
    assert made.file.stat().st_mode & 0o777 == 0o600
    found = backups.verify(made.file, f"# made today\n{keeper.own}\n", scratch_url=scratch_of(databases, keeper))
    heads = len(log_checkpoints.read_notes(keeper.world.context.checkpoint_file))
    assert (found.sound, found.manifest, found.heads) == (True, made.manifest, heads)
    with keeper.world.context.store.read() as connection:
        head = log.head(connection)
        rows = backup_copies.count_rows(connection)
    assert made.manifest.size == head.size - 1, "all but the entry that it was made"
    assert made.manifest.rows == {
        **rows,
        "log_entry": rows["log_entry"] - 1,
        "log_node": made.manifest.rows["log_node"],
    }
    begun, done = keeper.entries()
    assert (begun["verb"], begun["what"], done["verb"], done["digest"]) == ("begun", "database", "made", made.digest)
    assert list(keeper.places.home.glob("backup.scratch*")) == []


@SQLITE
def test_keys_are_never_in_the_backup_of_the_database_and_the_other_way_round(keeper: Keeper, tmp_path: Path):
    database = opened(keeper, keeper.make(), tmp_path / "database")
    keys = opened(keeper, keeper.make(KEYS_KIND), tmp_path / "keys")
    store = "database.sqlite" if keeper.world.context.store.is_sqlite else "database.dump"
    assert sorted(database) == sorted(["checkpoints.txt", store, "declarations/text.md", MANIFEST, "policy.yaml"])
    secret = ["keys/identifier.key", "keys/sealing.key", "keys/signing.pem", "secrets/books.password"]
    assert sorted(keys) == sorted([*secret, MANIFEST])
    for name in secret:
        assert not any(keys[name].read_bytes() in each.read_bytes() for each in database.values()), name


@SQLITE
def test_one_person_does_not_get_both_unless_it_is_said(keeper: Keeper):
    keeper.make(KEYS_KIND)
    assert refused(lambda: keeper.make(to=keeper.other)) is BackupProblem.SHARED_RECIPIENT
    assert len(keeper.names()) == 1
    keeper.make(to=keeper.other, shared=True)
    keeper.make(KEYS_KIND, to=keeper.own)
    keeper.make(to=keeper.other)


@SQLITE
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", BackupProblem.NO_RECIPIENT),
        ("somebody", BackupProblem.BAD_RECIPIENT),
        ("age1lvu0uht8xf56el4mjs98g3j0llvqzu78eept3g68suj87m6s09fqp0wwu8", BackupProblem.BAD_RECIPIENT),
    ],
)
def test_who_it_is_for_is_a_public_key(keeper: Keeper, text: str, problem: BackupProblem):
    context, places = keeper.world.context, keeper.places
    assert refused(lambda: backups.make(context, ADMIN, places, DATABASE, keeper.folder, text)) is problem
    assert keeper.names() == []


@SQLITE
def test_only_who_runs_the_machine_makes_one_and_one_at_a_time(keeper: Keeper):
    to = str(keeper.own.to_public())
    make = lambda role: backups.make(keeper.world.context, role, keeper.places, DATABASE, keeper.folder, to)  # noqa: E731
    assert refused(lambda: make(Role.PRIVACY_OFFICER)) is BackupProblem.NOT_CLEARED
    with (keeper.places.home / "backup.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refused(lambda: make(ADMIN)) is BackupProblem.UNDER_WAY
    assert keeper.entries() == []


def test_what_was_destroyed_is_in_no_backup_made_after(keeper: Keeper, tmp_path: Path):
    canary = "canary-of-a-record-that-went"
    store = keeper.world.context.store
    with store.write() as connection:
        connection.exec_driver_sql(f"INSERT INTO employer (name) VALUES ('{canary}')")
    before = opened(keeper, keeper.make(), tmp_path / "before")
    with store.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM employer WHERE name = '{canary}'")
    after = opened(keeper, keeper.make(), tmp_path / "after")
    assert canary in content_of(before)
    assert canary not in content_of(after)


def said(*arguments: Any) -> str:
    return subprocess.run(arguments, capture_output=True, check=True).stdout.decode()


def content_of(parts: dict[str, Path]) -> str:
    if "database.dump" in parts:
        return said("pg_restore", "-f", "-", parts["database.dump"])
    return parts["database.sqlite"].read_bytes().decode("latin-1")


# --- what others say of it ----------------------------------------------------------------------------------------


def test_age_and_unzip_open_it_and_a_database_s_own_program_reads_it(keeper: Keeper, tmp_path: Path):
    key = age.keygen(tmp_path)
    made = backups.make(keeper.world.context, ADMIN, keeper.places, DATABASE, keeper.folder, key.recipient)
    age.decrypt(key, made.file, tmp_path / "plain.zip")
    with zipfile.ZipFile(tmp_path / "plain.zip") as archive:
        assert archive.testzip() is None
        assert read_manifest(archive.read(MANIFEST)) == made.manifest
        archive.extractall(tmp_path / "plain")
    if keeper.world.context.store.is_sqlite:
        asked = ["sqlite3", "-readonly", tmp_path / "plain" / "database.sqlite"]
        told = subprocess.run(
            [*asked, "PRAGMA integrity_check; SELECT count(*) FROM worker"], capture_output=True, check=True
        )
        assert told.stdout.decode().split() == ["ok", "2"]
    else:
        told = subprocess.run(
            ["pg_restore", "--list", tmp_path / "plain" / "database.dump"], capture_output=True, check=True
        )
        assert "TABLE DATA public worker" in told.stdout.decode()


@SQLITE
def test_what_age_encrypted_anew_opens_too_and_other_people_do_not_open_it(keeper: Keeper, tmp_path: Path):
    first, second = age.keygen(tmp_path, "first"), age.keygen(tmp_path, "second")
    made = backups.make(keeper.world.context, ADMIN, keeper.places, KEYS_KIND, keeper.folder, first.recipient)
    age.decrypt(first, made.file, tmp_path / "plain")
    age.encrypt(second.recipient, tmp_path / "plain", tmp_path / "again.age")
    assert backups.verify(tmp_path / "again.age", second.file.read_text()).manifest == made.manifest
    with pytest.raises(subprocess.CalledProcessError):
        age.decrypt(second, made.file, tmp_path / "not")
    assert refused(lambda: backups.verify(made.file, second.file.read_text())) is BackupProblem.NOT_FOR_THIS_KEY


# --- what is not whole, or not true -------------------------------------------------------------------------------


@SQLITE
def test_a_backup_that_was_cut_off_or_changed_is_known(keeper: Keeper, tmp_path: Path):
    whole = keeper.make(KEYS_KIND).file.read_bytes()
    bad = tmp_path / "bad.age"
    for changed in (b"", whole[:100], whole[:-1], whole[:-20] + b"x" + whole[-19:], whole + b"x", b"PK" + whole):
        bad.write_bytes(changed)
        assert refused(lambda: backups.verify(bad, str(keeper.other))) is BackupProblem.NOT_WHOLE
    bad.write_bytes(pyrage.encrypt(b"no archive", [keeper.other.to_public()]))
    assert refused(lambda: backups.verify(bad, str(keeper.other))) is BackupProblem.NOT_WHOLE
    assert refused(lambda: backups.verify(bad, "a password")) is BackupProblem.BAD_IDENTITY


@pytest.mark.parametrize("name", ["../out", "/out", ".hidden", "a/../../out"])
def test_no_file_of_a_backup_goes_beyond_its_folder(tmp_path: Path, name: str):
    key, plain = pyrage.x25519.Identity.generate(), tmp_path / "plain.zip"
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr(name, b"x")
    (tmp_path / "bad.age").write_bytes(pyrage.encrypt(plain.read_bytes(), [key.to_public()]))
    assert refused(lambda: backups.verify(tmp_path / "bad.age", str(key))) is BackupProblem.NOT_WHOLE
    assert not (tmp_path / "out").exists()


def sealed_anew(keeper: Keeper, parts: dict[str, bytes], file: Path) -> Path:
    """A backup of other content, whole as age and ZIP see it."""
    members = [age_files.AgeMember(name, lambda text=text: [text]) for name, text in parts.items()]
    with file.open("wb") as out:
        age_files.write(out, [str(keeper.own.to_public())], members)
    return file


@SQLITE
def test_what_is_in_it_is_held_to_what_it_says_of_itself(keeper: Keeper, tmp_path: Path):
    made = keeper.make()
    parts = {name: file.read_bytes() for name, file in opened(keeper, made, tmp_path / "open").items()}
    told = made.manifest

    def judged(**changed: bytes) -> BackupProblem:
        file = sealed_anew(keeper, {**parts, **changed}, tmp_path / "other.age")
        return refused(lambda: backups.verify(file, str(keeper.own)))

    assert judged(**{"policy.yaml": b"version: other\n"}) is BackupProblem.NOT_WHOLE
    assert judged(more=b"x") is BackupProblem.NOT_WHOLE
    assert judged(**{MANIFEST: b"{}"}) is BackupProblem.NO_BACKUP
    if keeper.world.context.store.is_sqlite:
        other_head = write_manifest(replace(told, root="00" * 32))
        assert judged(**{MANIFEST: other_head}) is BackupProblem.OTHER_CONTENT
        other_rows = write_manifest(replace(told, rows={**told.rows, "worker": 3}))
        assert judged(**{MANIFEST: other_rows}) is BackupProblem.OTHER_CONTENT


@SQLITE
def test_a_log_that_was_changed_before_the_backup_is_told(keeper: Keeper, databases: Databases):
    with keeper.world.context.store.write() as connection:
        connection.execute(log_entry.update().where(log_entry.c.seq == 0).values(leaf=b"\0" * 32))
    found = backups.verify(keeper.make().file, str(keeper.own), scratch_url=scratch_of(databases, keeper))
    assert not found.sound


# --- kills and full disks -----------------------------------------------------------------------------------------


STRIDE = 3
"""Every so many-th step is tried."""


def _stopped_at(step: int, act: Callable[[], object]) -> bool:
    """Let a child do it and vanish, as by kill -9, at its so many-th touch of a file; whether it got that far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child ends by itself
        child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, _given: object) -> None:
            nonlocal seen
            if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"):
                seen += 1
                if seen == step:
                    os._exit(9)

        sys.addaudithook(count)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@SQLITE
@pytest.mark.parametrize("kind", [DATABASE, KEYS_KIND])
def test_killed_at_any_step_it_leaves_a_whole_backup_or_none_and_the_next_one_is_made(keeper: Keeper, kind: BackupKind):
    identity = str(keeper.own if kind is DATABASE else keeper.other)
    keeper.world.context.store.close()  # the children open it for themselves
    step = 1
    while _stopped_at(step, lambda: keeper.make(kind)):
        for file in keeper.folder.glob("*.age"):
            assert backups.verify(file, identity).sound, step
            file.unlink()
        step += STRIDE
    assert step > 10
    for file in keeper.folder.glob("*.age"):
        file.unlink()
    made = keeper.make(kind)
    assert keeper.names() == [made.file.name]
    assert not (keeper.places.home / "backup.scratch").exists()


@SQLITE
def test_a_full_disk_is_told_as_such_and_leaves_nothing(keeper: Keeper):
    class Full:
        """Takes the beginning and then nothing."""

        def __init__(self) -> None:
            self.left = 300

        def write(self, part: bytes) -> int:
            self.left -= len(part)
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return len(part)

        def flush(self) -> None:
            pass

    members = [age_files.AgeMember("a", lambda: [os.urandom(1 << 20)])]
    with pytest.raises(OSError) as raised:
        age_files.write(Full(), [str(keeper.own.to_public())], members)
    assert raised.value.errno == errno.ENOSPC


def test_what_ends_its_making_ends_it_and_no_file_is_left(keeper: Keeper, monkeypatch: pytest.MonkeyPatch):
    if keeper.world.context.store.is_sqlite:
        monkeypatch.setattr(backup_copies, "copy_sqlite", lambda _store, to: to.mkdir())  # which nobody can read
        with pytest.raises((OSError, StoreUnavailableError)):
            keeper.make()
    else:
        monkeypatch.setattr(backup_copies, "_environment", lambda _store: {"PGHOST": "/nowhere"})
        assert refused(keeper.make) is BackupProblem.DUMP_FAILED
        monkeypatch.setenv("PATH", "/nowhere")
        assert refused(keeper.make) is BackupProblem.NO_DUMP_PROGRAM
    assert keeper.names() == []
    assert [each["verb"] for each in keeper.entries()][:1] == ["begun"]
    assert "made" not in {each["verb"] for each in keeper.entries()}


# --- putting it back ----------------------------------------------------------------------------------------------


@dataclass
class Elsewhere:
    """Another machine, with nothing on it."""

    keeper: Keeper
    places: BackupPlaces
    url: str

    def restore(self, file: Path, identity: Any, keys: Any = KEYS) -> backups.BackupRestored:
        clock = self.keeper.world.context.clock
        return backups.restore(file, str(identity), self.places, url=self.url, read_keys=lambda: keys, clock=clock)

    def context(self) -> Any:
        heads = self.places.files["checkpoints.txt"]
        return replace(self.keeper.world.context, store=Store(self.url), checkpoint_file=heads)


@pytest.fixture
def elsewhere(keeper: Keeper, databases: Databases, tmp_path: Path) -> Elsewhere:
    home = tmp_path / "elsewhere"
    sqlite = keeper.world.context.store.is_sqlite
    url = f"sqlite:///{home / 'closeout.db'}" if sqlite else databases.fresh("nothing", lambda _url: None)
    return Elsewhere(keeper, places_in(home, home / "checkpoints.txt"), url)


def rows_of(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the log's own."""
    with store.read() as connection:
        names = [each for each in backup_copies.count_rows(connection) if not each.startswith("log_")]
        return {name: sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}"))) for name in names}


def person(uid: str, role: Role) -> Person:
    return Person(1, uid, uid, (role,), role, None, None, "en", (), None, b"")


def test_it_comes_back_as_it_was_and_nothing_is_removed_until_two_people_have_spoken(
    keeper: Keeper, elsewhere: Elsewhere
):
    database, keys = keeper.make(), keeper.make(KEYS_KIND)
    elsewhere.restore(keys.file, keeper.other)
    for name in ("keys/identifier.key", "keys/sealing.key", "keys/signing.pem"):
        there = elsewhere.places.key_files[name]
        assert there.read_bytes() == keeper.places.key_files[name].read_bytes()
        assert there.stat().st_mode & 0o777 == 0o600
    assert elsewhere.restore(database.file, keeper.own).left == ()
    assert (elsewhere.places.home / "declarations" / "text.md").read_text() == "# A text\n"
    context = elsewhere.context()
    assert rows_of(context.store) == rows_of(keeper.world.context.store)
    # The only heads here are those of the backup, which the log extends: the log itself says that it was put back.
    assert log_checkpoints.standing(context) is Standing.BEHIND
    assert not log_checkpoints.may_act(context)
    assert log_checkpoints.write_checkpoint(context) is None
    checked = log_checkpoints.check_log(context, context.checkpoint_file)
    assert (checked.sound, checked.put_back, checked.faults) == (False, True, ())
    with pytest.raises(HeadsRefusedError):
        log_repairs.mend_heads(context, ADMIN)
    first = restores.say(context, person("a", ADMIN), "one working day, as far as we know")
    assert (first.done, first.restore.size, first.restore.lost) == (False, database.manifest.size, ())
    assert log_checkpoints.standing(context) is Standing.BEHIND
    second = restores.say(context, person("b", Role.PRIVACY_OFFICER), "one working day, as far as we know")
    assert second.done
    assert log_checkpoints.standing(context) is Standing.SOUND
    assert log_checkpoints.check_log(context, context.checkpoint_file, restricted=True).sound
    assert restores.find_restore(context) is None
    context.store.close()


@SQLITE
def test_with_the_newer_heads_of_another_machine_what_is_lost_is_counted(keeper: Keeper, elsewhere: Elsewhere):
    made = keeper.make()
    keeper.make(KEYS_KIND)
    log_checkpoints.write_checkpoint(keeper.world.context)
    put_keys_of(elsewhere)
    heads = elsewhere.places.files["checkpoints.txt"]
    heads.write_bytes(keeper.world.context.checkpoint_file.read_bytes())
    assert elsewhere.restore(made.file, keeper.own).left == ("checkpoints.txt",)
    context = elsewhere.context()
    assert log_checkpoints.standing(context) is Standing.BEHIND
    with keeper.world.context.store.read() as connection:
        lost = log.head(connection).size - made.manifest.size
    restore = restores.find_restore(context)
    assert restore is not None
    assert (restore.size, restore.entries) == (made.manifest.size, lost)
    restores.say(context, person("a", ADMIN), "one working day, as far as we know")
    assert restores.say(context, person("b", Role.PRIVACY_OFFICER), "one working day, as far as we know").done
    assert log_checkpoints.standing(context) is Standing.SOUND
    context.store.close()


def put_keys_of(elsewhere: Elsewhere) -> None:
    elsewhere.places.home.mkdir()
    put_keys(elsewhere.places)


@SQLITE
def test_nothing_that_is_there_is_written_over(keeper: Keeper, elsewhere: Elsewhere):
    database, keys = keeper.make(), keeper.make(KEYS_KIND)
    put_keys_of(elsewhere)
    assert elsewhere.restore(keys.file, keeper.other).left == ()
    (elsewhere.places.home / "policy.yaml").write_text("version: newer\n")
    assert elsewhere.restore(database.file, keeper.own).left == ("policy.yaml",)
    assert (elsewhere.places.home / "policy.yaml").read_text() == "version: newer\n"
    assert refused(lambda: elsewhere.restore(database.file, keeper.own)) is BackupProblem.PLACE_TAKEN
    elsewhere.places.key_files["keys/sealing.key"].write_bytes(b"o" * 32)
    assert refused(lambda: elsewhere.restore(keys.file, keeper.other)) is BackupProblem.PLACE_TAKEN


def test_a_database_takes_its_own_keys_and_this_version(keeper: Keeper, elsewhere: Elsewhere, tmp_path: Path):
    made = keeper.make()
    other = replace(KEYS, sealer=type(KEYS.sealer)(b"o" * 32))
    assert refused(lambda: elsewhere.restore(made.file, keeper.own, other)) is BackupProblem.OTHER_KEYS
    if keeper.world.context.store.is_sqlite:
        parts = {name: file.read_bytes() for name, file in opened(keeper, made, tmp_path / "open").items()}
        for changed, problem in (
            (replace(made.manifest, revision="0001"), BackupProblem.OTHER_VERSION),
            (replace(made.manifest, engine="postgresql"), BackupProblem.OTHER_DATABASE),
        ):
            file = sealed_anew(keeper, {**parts, MANIFEST: write_manifest(changed)}, tmp_path / "other.age")
            assert refused(lambda file=file: elsewhere.restore(file, keeper.own)) is problem
        assert not (elsewhere.places.home / "closeout.db").exists()
        (elsewhere.places.home / "closeout.db-wal").write_bytes(b"of another database")
        assert refused(lambda: elsewhere.restore(made.file, keeper.own)) is BackupProblem.PLACE_TAKEN
    else:
        store = Store(elsewhere.url)
        with pytest.raises(StoreOtherVersionError):  # what was poured in is no installation yet
            store.check()
        store.close()


@SQLITE
def test_killed_at_any_step_a_restore_is_not_taken_for_done_and_can_be_made_again(keeper: Keeper, elsewhere: Elsewhere):
    made, step = keeper.make(), 1
    keeper.world.context.store.close()
    database = elsewhere.places.home / "closeout.db"
    while _stopped_at(step, lambda: elsewhere.restore(made.file, keeper.own)):
        if database.exists():
            store = Store(elsewhere.url)
            with store.read() as connection:
                assert log_checkpoints.put_back_openly(connection) is not None, step
            store.close()
            for each in database.parent.glob("closeout.db*"):
                each.unlink()
        step += STRIDE
    assert step > 10
    for each in database.parent.glob("closeout.db*"):
        each.unlink()
    elsewhere.restore(made.file, keeper.own)
    store = Store(elsewhere.url)
    with store.read() as connection:
        assert len(connection.execute(select(log_entry.c.seq)).all()) == made.manifest.size + 1
    store.close()


@SQLITE
def test_heads_may_be_begun_anew_only_after_that(keeper: Keeper, elsewhere: Elsewhere):
    made = keeper.make()
    elsewhere.restore(made.file, keeper.own)
    context = elsewhere.context()
    context.checkpoint_file.unlink()
    assert log_checkpoints.standing(context) is Standing.NO_HEAD
    with pytest.raises(HeadsRefusedError):
        log_repairs.mend_heads(context, ADMIN)
    context.store.close()
