"""The command `support-bundle`: what a maintainer needs to help, without a word of a case, a person or an address.

What is in it is chosen field by field: sentences without what was filled into them, names of settings without what
they hold, kinds of connections without where they lead. It can be made where the database cannot be reached.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import click

from server import app
from server.cli.examine import Examination, examinations
from server.cli.session import Session, with_session
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.reports.metrics import as_text_file
from server.render.traces import where_raised
from server.settings import Settings, read_settings
from server.store.admin import organisation
from server.store.database import Store, StoreUnavailableError
from server.work.admin import policy_check
from server.work.context import Context
from server.work.reports import health
from server.work.reports import metrics as measuring

_TOLD = frozenset({"language", "lease_seconds", "at_once", "session_minutes", "mail_security", "syslog_security"})
"""Settings whose value says nothing of the organisation: a number, or one of a few words."""
_ONE_MOMENT = (1980, 1, 1, 0, 0, 0)
ABOUT = """\
What closeout tells a maintainer. Look at it before you send it: it holds no number, address, name, case or text that
anybody typed, and nothing about holds.

about.json         versions of closeout, Python, the database and libraries
settings.json      which settings are set; values of numbers and of choices alone
examinations.json  what `closeout doctor` looked at, and which sentence it said of it, with nothing filled in
connections.json   kinds of connections, and which options each has
log.json           size and head of the log, and up to where it is signed
policy.json        whether the policy is the shipped one, and whether it is as it was put in force
metrics.prom       what monitoring receives
missing.json       what could not be had, and the kind of error
"""


@click.command("support-bundle")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_session
def support_bundle(session: Session, file: Path) -> None:
    """Write a file for whoever helps you: versions, settings that are set, what doctor says; no personal data."""
    if file.exists():
        session.fail("file_exists", phrase("There is a file of this name already: {file}", file=file.name),
                     phrase("Choose another name."))  # fmt: skip
    parts = _parts(session)
    _write(file, parts)
    section = Section(
        "files",
        phrase("What is in it"),
        columns=(Column("file", phrase("File")), Column("bytes", phrase("Bytes"), Kind.COUNT)),
        rows=tuple((name, len(text.encode())) for name, text in parts.items()),
    )
    session.answer(
        Answer(
            ok=True,
            title=phrase("The support bundle is in {file}.", file=file.name),
            sections=(section,),
            what_next=(phrase("Look at it before you send it: README.txt in it says what each file holds."),),
            key="support_bundle",
        )
    )


def _parts(session: Session) -> dict[str, str]:
    """Its files, by name."""
    missing: dict[str, str] = {}
    found: dict[str, object] = {
        "about.json": _about(session.settings),
        "settings.json": _settings(session.settings),
    }
    metrics = ""

    def have(name: str, make: Callable[[], object]) -> object:
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - whatever is broken is why somebody asks for help
            missing[name] = where_raised(error)
            return None

    found["examinations.json"] = have("examinations.json", lambda: [_bare(each) for each in examinations(session)])
    store = have("database", lambda: _opened(session))
    if isinstance(store, Store):
        try:
            found["about.json"] = {**_about(session.settings), "database": have("database", lambda: _database(store))}
            found["connections.json"] = have("connections.json", lambda: _connections(store))
            context = have("keys or policy", lambda: _context(session.settings, store))
            if isinstance(context, Context):
                found["log.json"] = have("log.json", lambda: _log(context))
                found["policy.json"] = have("policy.json", lambda: _policy(context))
                metrics = str(have("metrics.prom", lambda: as_text_file(measuring.collect(context)).decode()) or "")
        finally:
            store.close()
    found["missing.json"] = missing
    texts = {name: json.dumps(part, indent=1, sort_keys=True) + "\n" for name, part in sorted(found.items())}
    return {"README.txt": ABOUT, **texts, "metrics.prom": metrics}


def _write(file: Path, parts: dict[str, str]) -> None:
    with (
        os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened,
        ZipFile(opened, "w", ZIP_DEFLATED) as bundle,
    ):
        for name, text in parts.items():
            entry = ZipInfo(name, _ONE_MOMENT)
            entry.compress_type = ZIP_DEFLATED
            bundle.writestr(entry, text)


def _about(settings: Settings) -> dict[str, object]:
    return {
        "closeout": _version("closeout"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "libraries": {each.metadata["Name"]: each.version for each in distributions() if each.metadata["Name"]},
        "database_kind": settings.database.partition(":")[0],
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _settings(settings: Settings) -> dict[str, object]:
    """A value that is another than without a variable is set."""
    usual = read_settings({}, home=settings.home)
    told: dict[str, object] = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        told[each.name] = value if each.name in _TOLD else "set" if value != getattr(usual, each.name) else "default"
    return told


def _bare(each: Examination) -> dict[str, object]:
    """Its sentences as they stand in the code: what is filled in may be a name."""
    return {"what": each.what.message, "well": each.remedy is None, "remedy": each.remedy and _said(each.remedy)}


def _said(text: Text) -> str:
    """A sentence may hold sentences of ours; those say more, and no more than we wrote."""
    inner = [each.message for _, each in text.params if isinstance(each, Text)]
    return " / ".join([text.message, *inner])


def _opened(session: Session) -> Store:
    store = app.open_store(session.settings)
    try:
        store.check()
    except StoreUnavailableError:
        store.close()
        raise
    return store


def _database(store: Store) -> dict[str, object]:
    with store.read() as connection:
        release = connection.dialect.server_version_info
        return {"version": list(release or ()), "tables": store.revision(connection)}


def _connections(store: Store) -> list[dict[str, object]]:
    with store.read() as connection:
        rows = organisation.read_connections(connection)
    return sorted(
        (
            {
                "vendor": row.vendor,
                "options": sorted(row.options),
                "own_authority": row.ca_file is not None,
                "log_read": row.log_file is not None,
            }
            for row in rows
        ),
        key=json.dumps,
    )


def _context(settings: Settings, store: Store) -> Context:
    keys = app.read_keys(settings)
    return app.make_context(settings, store, keys, policy=app.read_policy(settings).policy)


def _log(context: Context) -> dict[str, object]:
    standing = health.log_standing(context)
    return {"size": standing.size, "head": standing.root.hex(), "signed": standing.signed}


def _policy(context: Context) -> dict[str, object]:
    own = context.policy_file is not None and context.policy_file() is not None
    return {"own_file": own, "as_put_in_force": policy_check.is_as_put(context)}
