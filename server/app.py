"""The composition root: settings to store, keys, policy, adapters and clock; nothing is decided or done here."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mdm_adapters import http, registry
from mdm_adapters.options import ConnectionKind, OptionKind
from mdm_adapters.phones import Mdm, Phone, PhoneProfile, Platform, WatchedApp
from mdm_adapters.port import ContactStore
from mdm_adapters.radicale_log import RadicaleLog
from mdm_adapters.reach import NetworkReach
from server.core.identity.tokens import Tokeniser
from server.core.log.checkpoints import require_name
from server.core.log.witness_policy import BadWitnessPolicy, WitnessPolicy, read_witness_policy
from server.core.model import Role
from server.core.phones.profile import CheckedAssignments, CheckedTemplate, check_assignments, check_template
from server.core.policy.document import PolicyDocument
from server.core.policy.load import CheckedPolicy, check
from server.core.policy.model import Policy
from server.core.problems import WitnessProblem, WitnessRefusedError
from server.core.reports.controls import Controls, read_controls
from server.core.reports.schedule import Schedule, read_schedule
from server.core.usage.channel_catalogue import Catalogue, check_catalogue
from server.core.usage.declaration_text import check_text, incomplete
from server.core.usage.evidence_rules import EvidenceRules, SignedText, check_evidence, signed_texts
from server.settings import FileUnreadableError, Settings, read_text_file
from server.sources.feeds import FEED_KINDS, FEEDS
from server.sources.written_lists import NotOneRowError, read_written_list
from server.store.admin import organisation
from server.store.admin.organisation import ConnectionRow
from server.store.case_keys import CaseKeys
from server.store.database import Store
from server.store.seal import Sealer
from server.work.admin import backups
from server.work.admin.backups import BackupPlaces
from server.work.admin.log_forwarding import Outlet, Syslog, Webhook
from server.work.admin.log_witnesses import cosigned_file
from server.work.admin.scanning import Scanner
from server.work.admin.witnessing import Witness
from server.work.context import Context, Keys
from server.work.mail import MailFailedError, MailSecurity, MailServer, is_loopback
from server.work.phones.profiles import Shelf, account_for
from server.work.removal.alive import name_this_process

if TYPE_CHECKING:
    from flask import Flask

    from server.web.config import Provider

KINDS: Mapping[str, ConnectionKind] = {**registry.KINDS, **FEED_KINDS}
"""What a connection may name and say: contact servers, MDM systems, and services that tell usage."""

T = TypeVar("T")


def with_whole_paths(vendor: str, options: Mapping[str, str]) -> Mapping[str, str]:
    """The same, with each file named from the root: who reads it later stands in another folder."""
    kind = KINDS.get(vendor)
    files = (
        {each.name for each in kind.own if each.kind in (OptionKind.KEY, OptionKind.PEM, OptionKind.PATH)}
        if kind
        else set()
    )
    return {name: str(Path(each).absolute()) if name in files and each else each for name, each in options.items()}


_SHIPPED = Path(__file__).parent.parent / "agent_policies"
SHIPPED_POLICY = _SHIPPED / "veilig-thuis.yaml"
SHIPPED_EVIDENCE = _SHIPPED / "evidence" / "veilig-thuis.yaml"
SHIPPED_TEXTS = _SHIPPED / "declarations"
SHIPPED_CHANNELS = _SHIPPED / "channels" / "veilig-thuis.yaml"
SHIPPED_PROFILES = _SHIPPED / "profiles"
SHIPPED_CONTROLS = _SHIPPED / "controls" / "mapping.yaml"
_LARGEST_POLICY = 1024 * 1024
_SHORTEST_SECRET = 16
_LIMITS = http.HttpLimits(patience=20.0)
_WITNESS_KEY = "witness.pem"
_WITNESS_LIMITS = http.HttpLimits(connect=1.0, read=1.5, total=2.0, body=64 * 1024)
"""A head is cosigned within two seconds of being made, or its witness is gone."""
_WATCHER_LIMITS = http.HttpLimits(connect=2.0, read=3.0, total=5.0, body=64 * 1024)
_WITNESS_SAYS = frozenset({400, 403, 404, 409, 422})


class KeyProblem(StrEnum):
    """Why a key file is of no use."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    OPEN_TO_OTHERS = "open_to_others"
    NO_KEY = "no_key"


_KEY_SAID = {
    KeyProblem.MISSING: "is not there; restore the key from its backup (never make a new one)",
    KeyProblem.UNREADABLE: "cannot be read; restore the key from its backup (never make a new one)",
    KeyProblem.OPEN_TO_OTHERS: "others can read this key; run: chmod 600",
    KeyProblem.NO_KEY: "is no key of the kind that is needed; restore the key from its backup",
}


class KeyFault(Exception):
    """A key file cannot be used; `problem` says why, `file` is its base name, `str()` the same for a log."""

    def __init__(self, problem: KeyProblem, file: Path) -> None:
        super().__init__(f"{file.name}: {_KEY_SAID[problem]}")
        self.problem = problem
        self.file = file.name


class PolicyRefused(Exception):
    """The policy file cannot be the policy in force; `file` is its base name."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file


class OutletRefused(Exception):
    """A setting of where something is told outside is not valid; `setting` names it."""

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.setting = setting


def system_clock() -> datetime:
    """The machine's clock; the only place that reads it."""
    return datetime.now(UTC)


def since_boot() -> float:
    """Seconds since the machine started, time asleep included where its system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def make_keys(settings: Settings) -> None:
    """Make the keys that are not there yet, readable by their owner alone."""
    makers: tuple[tuple[Path, Callable[[], bytes]], ...] = (
        (settings.identifier_key_file, lambda: secrets.token_bytes(32)),
        (settings.sealing_key_file, lambda: secrets.token_bytes(32)),
        (settings.signing_key_file, _new_signing_key),
    )
    for file, make in makers:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            put_whole(file, make(), mode=0o600)


def put_whole(file: Path, content: bytes, *, mode: int) -> None:
    """Write a file so that it is there whole or not at all, and on disk before this returns."""
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def read_keys(settings: Settings) -> Keys:
    """The keys from their files; KeyFault if one is missing, open to others, or no key."""
    return Keys(
        read_key(settings.identifier_key_file, Tokeniser),
        read_key(settings.sealing_key_file, Sealer),
        read_key(settings.signing_key_file, _signer),
    )


def read_key(file: Path, make: Callable[[bytes], T]) -> T:
    """What is made of one key's bytes; KeyFault. make: raises ValueError or TypeError for bytes that are none."""
    content = _read_key(file)
    try:
        return make(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFault(KeyProblem.NO_KEY, file) from None


def key_makers(settings: Settings) -> Mapping[Path, Callable[[bytes], object]]:
    """Each key's file with what makes a key of its bytes, for whoever looks at them one by one."""
    return {
        settings.identifier_key_file: Tokeniser,
        settings.sealing_key_file: Sealer,
        settings.signing_key_file: _signer,
    }


def _signer(content: bytes) -> Ed25519PrivateKey:
    signer = load_pem_private_key(content, None)
    if not isinstance(signer, Ed25519PrivateKey):
        raise TypeError("not an Ed25519 key in PEM")
    return signer


def _read_key(file: Path) -> bytes:
    try:
        if file.stat().st_mode & 0o077:
            raise KeyFault(KeyProblem.OPEN_TO_OTHERS, file)
        return file.read_bytes()
    except FileNotFoundError:
        raise KeyFault(KeyProblem.MISSING, file) from None
    except OSError:
        raise KeyFault(KeyProblem.UNREADABLE, file) from None


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def backup_places(settings: Settings) -> BackupPlaces:
    """Where lies what a backup holds: beside the database the rules, beside the keys what connections sign in with."""
    home, heads = settings.home, settings.checkpoint_file
    rules = ("evidence.yaml", "channels.yaml", "controls.yaml", "profiles.yaml", "schedule.yaml")
    return BackupPlaces(
        home=home,
        files={
            backups.HEADS: heads,
            "checkpoints.cosigned.txt": cosigned_file(heads),
            "witnesses.txt": settings.witnesses_file,
            "policy.yaml": settings.policy_file,
            "roles.txt": settings.roles_file,
            "oidc-roles.txt": settings.oidc_roles_file,
            **{name: home / name for name in rules},
        },
        folders={"declarations": home / "declarations"},
        key_files={
            backups.IDENTIFIER_KEY: settings.identifier_key_file,
            backups.SEALING_KEY: settings.sealing_key_file,
            backups.SIGNING_KEY: settings.signing_key_file,
        },
        key_folders={"secrets": home / "secrets", "profiles": home / "profiles"},
    )


def make_home(settings: Settings) -> None:
    """The folder of a new installation, for its owner alone, also where somebody had made it for everybody."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.home.stat().st_mode & 0o077:
        with suppress(PermissionError):  # it is another account's: `doctor` says so
            settings.home.chmod(0o700)


def open_store(settings: Settings) -> Store:
    """The database of these settings, not yet connected to; StoreUnavailableError if its address is not valid."""
    return Store(settings.database)


def policy_file(settings: Settings) -> Path:
    """The file of the policy in force: the installation's own, else the one that is shipped."""
    return settings.policy_file if settings.policy_file.exists() else SHIPPED_POLICY


def check_policy(file: Path) -> CheckedPolicy:
    """A policy file, read and checked; PolicyRefused if it cannot be read at all."""
    return _policy_of(*_stamped(file))


@lru_cache(maxsize=4)
def _policy_of(file: Path, _stamp: tuple[int, ...]) -> CheckedPolicy:
    return check(_read_text(file), file.name)


def read_policy(settings: Settings) -> PolicyDocument:
    """The policy in force; PolicyRefused if its file has faults."""
    file = policy_file(settings)
    document = check_policy(file).document
    if document is None:
        raise PolicyRefused(file.name)
    return document


def read_evidence(settings: Settings, file: Path | None = None) -> EvidenceRules:
    """The rules about evidence: those of a file, else the installation's own `evidence.yaml`, else the shipped ones;
    PolicyRefused.

    The texts that workers sign are the files in its own `declarations` folder, else the shipped ones.
    """
    own_rules = settings.home / "evidence.yaml"
    rules = _evidence_of(*_stamped(file or (own_rules if own_rules.exists() else SHIPPED_EVIDENCE)))
    own = settings.home / "declarations"
    texts = sorted((own if own.is_dir() else SHIPPED_TEXTS).glob("*/*.md"))
    return replace(rules, texts=_texts_of(tuple(_stamped(each) for each in texts)))


def read_catalogue(settings: Settings, file: Path | None = None) -> Catalogue:
    """The channel catalogue: a file's, else that of the installation's own `channels.yaml`, else the shipped one;
    PolicyRefused.
    """
    own = settings.home / "channels.yaml"
    return _catalogue_of(*_stamped(file or (own if own.exists() else SHIPPED_CHANNELS)))


def read_control_mapping(settings: Settings) -> Controls:
    """Requirements that reports touch: the installation's own `controls.yaml`, else the shipped ones; PolicyRefused."""
    file = settings.home / "controls.yaml"
    return _controls_of(*_stamped(file if file.exists() else SHIPPED_CONTROLS))


@lru_cache(maxsize=4)
def _controls_of(file: Path, _stamp: tuple[int, ...]) -> Controls:
    controls = read_controls(_read_text(file))
    if controls is None:
        raise PolicyRefused(file.name)
    return controls


def _stamped(file: Path) -> tuple[Path, tuple[int, ...]]:
    """A file with what changes when it does, so that pages need not read it each time."""
    try:
        found = file.stat()
    except OSError:
        raise PolicyRefused(file.name) from None
    return file, (found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=4)
def _evidence_of(file: Path, _stamp: tuple[int, ...]) -> EvidenceRules:
    rules = check_evidence(_read_text(file), file.name).rules
    if rules is None:
        raise PolicyRefused(file.name)
    return rules


@lru_cache(maxsize=4)
def _texts_of(files: tuple[tuple[Path, tuple[int, ...]], ...]) -> tuple[SignedText, ...]:
    """The texts to sign, every version in both languages."""
    found = []
    for file, _stamp in files:
        text = check_text(_read_text(file), file.name).text
        if text is None:
            raise PolicyRefused(file.name)
        found.append(text)
    if unfinished := incomplete(found):
        raise PolicyRefused(f"{min(unfinished)}.md")
    return signed_texts(found)


@lru_cache(maxsize=4)
def _catalogue_of(file: Path, _stamp: tuple[int, ...]) -> Catalogue:
    catalogue = check_catalogue(_read_text(file), file.name).catalogue
    if catalogue is None:
        raise PolicyRefused(file.name)
    return catalogue


def _read_text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST_POLICY:
            raise PolicyRefused(file.name)
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PolicyRefused(file.name) from None


def make_bare_context(settings: Settings, store: Store, keys: Keys) -> Context:
    """For `init`, before there are tables: no adapters."""
    return Context(
        store=store,
        clock=system_clock,
        keys=keys,
        policy=read_policy(settings).policy,
        stores={},
        witnesses={},
        checkpoint_file=settings.checkpoint_file,
    )


def make_context(
    settings: Settings,
    store: Store,
    keys: Keys,
    *,
    policy: Policy,
    clock: Callable[[], datetime] = system_clock,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Context:
    """Everything an act is handed. A connection whose secret cannot be read has no adapter: its places are skipped."""
    with store.read() as connection:
        rows = organisation.read_connections(connection) if organisation.has_installation(connection) else ()
    return Context(
        store=store,
        clock=clock,
        keys=keys,
        policy=policy,
        stores={row.name: adapter for row in rows if (adapter := _adapter(row)) is not None},
        witnesses={row.name: RadicaleLog(Path(row.log_file), row.login) for row in rows if row.log_file and row.login},
        checkpoint_file=settings.checkpoint_file,
        lease=timedelta(seconds=settings.lease_seconds),
        engine=name_this_process(),
        since_boot=since_boot,
        rest=time.sleep,
        progress=progress,
        mail=mail_server(settings),
        pages=settings.web_url.rstrip("/"),
        evidence=lambda: read_evidence(settings),
        catalogue=lambda: read_catalogue(settings),
        controls=lambda: read_control_mapping(settings),
        mdms={row.name: mdm for row in rows if (mdm := _mdm(settings, row)) is not None},
        watched=lambda: _watched_apps(settings),
        account_profile=lambda name, phone, uid: _account_profile(settings, name, phone, uid),
        feeds={row.name: feed for row in rows if (feed := _made(FEEDS.get(row.vendor), row)) is not None},
        sorts={name: kind.sort for name, kind in KINDS.items()},
        log_witnesses=_log_witnesses(settings),
        ask_witness=partial(_ask_witness, settings.witnesses_ca_file),
        heartbeat=_heartbeat(settings),
        policy_file=lambda: _own_policy(settings),
        stamp_time=_time_stamps(settings),
        case_keys=CaseKeys(settings.sealing_key_file.parent / "cases", keys.sealer),
    )


def _own_policy(settings: Settings) -> str | None:
    """The installation's own policy as its file is now, read each time: whoever edits it can keep its time stamp."""
    if not settings.policy_file.exists():
        return None
    try:
        return _read_text(settings.policy_file)
    except PolicyRefused:
        return ""


def _heartbeat(settings: Settings) -> Callable[[], None]:
    """Nobody is asked where the setting is not valid: `doctor` says so."""
    with suppress(OutletRefused):
        return check_heartbeat(settings)
    return lambda: None


def check_heartbeat(settings: Settings) -> Callable[[], None]:
    """Asks the watcher of these settings, with neither a word nor credentials (PortError); OutletRefused."""
    if not settings.heartbeat_url:
        return lambda: None
    try:
        watcher = _watcher(settings.heartbeat_url, settings.heartbeat_ca_file)
    except ValueError:
        raise OutletRefused("heartbeat_url") from None
    if not watcher.private:
        raise OutletRefused("heartbeat_url")
    return partial(_ask_watcher, watcher, settings.heartbeat_url)


def _time_stamps(settings: Settings) -> Callable[[bytes], bytes] | None:
    """Nobody is asked where the setting is not valid: `doctor` says so."""
    with suppress(OutletRefused):
        return check_time_stamps(settings)
    return None


def check_time_stamps(settings: Settings) -> Callable[[bytes], bytes] | None:
    """Asks the time-stamp authority of these settings (PortError); OutletRefused."""
    if not settings.time_stamp_url:
        return None
    try:
        authority = _watcher(settings.time_stamp_url, settings.time_stamp_ca_file)
    except ValueError:
        raise OutletRefused("time_stamp_url") from None
    if not authority.private:
        raise OutletRefused("time_stamp_url")
    return partial(_ask_time_stamp, authority, settings.time_stamp_url)


def _ask_time_stamp(authority: http.HttpClient, url: str, request: bytes) -> bytes:
    return authority.call("POST", url, headers={"Content-Type": "application/timestamp-query"}, body=request).body


@lru_cache(maxsize=4)
def _watcher(url: str, ca_file: str) -> http.HttpClient:
    """It may stand in the organisation's own network, as a person said by the setting."""
    return http.HttpClient(url, limits=_WATCHER_LIMITS, ca_file=ca_file or None, reach=NetworkReach.OWN_NETWORK)


def _ask_watcher(watcher: http.HttpClient, url: str) -> None:
    watcher.call("GET", url)


def _log_witnesses(settings: Settings) -> WitnessPolicy:
    """Nobody where the file is not valid: `doctor` says so."""
    with suppress(BadWitnessPolicy, FileUnreadableError, WitnessAddressError):
        return read_witnesses(settings)
    return WitnessPolicy()


def read_witnesses(settings: Settings) -> WitnessPolicy:
    """Who cosigns the heads of our log; nobody without the file.

    Raises BadWitnessPolicy, FileUnreadableError, WitnessAddressError.
    """
    if not settings.witnesses_file.exists():
        return WitnessPolicy()
    policy = read_witness_policy(read_text_file(settings.witnesses_file))
    for each in policy.witnesses:
        if each.url and not _is_private(each.url):
            raise WitnessAddressError(each.name)
    return policy


def _is_private(url: str) -> bool:
    try:
        return _to_witness(url).private
    except ValueError:
        return False


class WitnessAddressError(Exception):
    """The address of a witness is none, or leaves this machine without TLS; `name` is what the file calls it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@lru_cache(maxsize=32)
def _to_witness(url: str, ca_file: str = "") -> http.HttpClient:
    """No credentials go there, so it may stand anywhere."""
    base = url if url.endswith("/") else url + "/"
    return http.HttpClient(base, limits=_WITNESS_LIMITS, ca_file=ca_file or None, reach=NetworkReach.OWN_NETWORK)


def _ask_witness(ca_file: str, url: str, body: bytes) -> tuple[int, bytes]:
    """A witness answers within its limits, or is gone."""
    kind = {"Content-Type": "text/plain; charset=utf-8"}
    reply = _to_witness(url, ca_file).call("POST", "add-checkpoint", headers=kind, body=body, handles=_WITNESS_SAYS)
    return reply.status, reply.body


def begin_witness(folder: Path, name: str) -> Witness:
    """A witness of others' logs in a folder of its own, with a new key; WitnessRefusedError."""
    if (folder / _WITNESS_KEY).exists():
        raise WitnessRefusedError(WitnessProblem.ALREADY_THERE)
    try:
        require_name(name)
    except ValueError:
        raise WitnessRefusedError(WitnessProblem.BAD_NAME) from None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "logs").mkdir(exist_ok=True, mode=0o700)
    put_whole(folder / "name", name.encode() + b"\n", mode=0o644)
    put_whole(folder / _WITNESS_KEY, _new_signing_key(), mode=0o600)
    return make_witness(folder)


def make_witness(folder: Path) -> Witness:
    """The witness that lives in this folder; WitnessRefusedError, and KeyFault as of a key of an installation."""
    if not (folder / _WITNESS_KEY).exists() or not (folder / "name").exists():
        raise WitnessRefusedError(WitnessProblem.NOT_BEGUN)
    signer = read_key(folder / _WITNESS_KEY, _signer)
    return Witness(folder, signer, read_text_file(folder / "name").strip(), system_clock)


def mail_server(settings: Settings) -> MailServer | None:
    """Who takes our mail by these settings; None if nobody is named, or they are not valid (`doctor` says so)."""
    with suppress(MailFailedError):
        return check_mail(settings)
    return None


def outlets(settings: Settings) -> Sequence[Outlet]:
    """Where what is new in the log goes by these settings; OutletRefused if they are not valid."""
    found: list[Outlet] = []
    if settings.syslog_server:
        host, _, port = settings.syslog_server.rpartition(":")
        host, tls = host.strip("[]"), settings.syslog_security != "none"
        if not host or not port.isdecimal() or not 0 < int(port) < 65536 or not (tls or is_loopback(host)):
            raise OutletRefused("syslog_server")
        found.append(Syslog(host, int(port), tls, settings.syslog_ca_file, socket.gethostname()))
    if settings.webhook_url:
        try:
            webhook = http.HttpClient(
                settings.webhook_url, ca_file=settings.webhook_ca_file or None, reach=NetworkReach.OWN_NETWORK
            )
        except ValueError:
            raise OutletRefused("webhook_url") from None
        if not webhook.private:
            raise OutletRefused("webhook_url")
        if len(settings.webhook_secret) < _SHORTEST_SECRET:
            raise OutletRefused("webhook_secret")
        post = partial(_post, webhook, settings.webhook_url)
        found.append(Webhook(post, settings.webhook_secret.encode()))
    return found


def _post(webhook: http.HttpClient, address: str, body: bytes, headers: Mapping[str, str]) -> object:
    return webhook.call("POST", address, headers=headers, body=body, max_body=_LARGEST_POLICY)


def read_schedule_file(settings: Settings) -> Schedule:
    """What is made and sent at fixed times: `schedule.yaml` in the home folder, if there is one; PolicyRefused."""
    file = settings.home / "schedule.yaml"
    if not file.exists():
        return Schedule()
    schedule = read_schedule(_read_text(file))
    if schedule is None:
        raise PolicyRefused(file.name)
    return schedule


def check_mail(settings: Settings) -> MailServer | None:
    """The same, and MailFailedError if the settings are not valid."""
    if not settings.mail_server:
        return None
    host, _, port = settings.mail_server.rpartition(":")
    return MailServer(
        host=host.strip("[]"),
        port=int(port) if port.isdecimal() else 0,
        security=MailSecurity(settings.mail_security),
        sender=settings.mail_from,
        login=settings.mail_login,
        password=settings.mail_password,
        ca_file=settings.mail_ca_file,
    )


def _adapter(row: ConnectionRow) -> ContactStore | None:
    return _made(registry.STORES.get(row.vendor), row)


def _mdm(settings: Settings, row: ConnectionRow) -> Mdm | None:
    """An MDM system. One that must know beforehand which apps are watched is told so here, by an option."""
    options = dict(row.options)
    if row.vendor in registry.MDMS_TOLD_OF_APPS and "apps" not in options:
        ios = {each.key: sorted(each.ids) for each in _watched_apps(settings) if each.platform is Platform.IOS}
        options["apps"] = json.dumps(ios)
    return _made(registry.MDMS.get(row.vendor), replace(row, options=options))


def _made(make: Callable[[http.Connection], T] | None, row: ConnectionRow) -> T | None:
    if make is None:
        return None
    try:
        secret = Path(row.secret_file).read_text(encoding="utf-8").strip() if row.secret_file else ""
    except (OSError, UnicodeDecodeError):
        return None
    try:
        connection = http.Connection(row.base_url, row.login, secret, row.ca_file, row.options, _LIMITS)
        return make(connection)
    except (ValueError, OSError):
        return None


def read_profiles(settings: Settings) -> Shelf:
    """The profiles that `profiles.yaml` gives to phones; PolicyRefused if it, or one of them, has faults or is gone.

    A name without an ending is one that is shipped; with one it is a file in the folder `profiles` of the installation.
    """
    file = settings.home / "profiles.yaml"
    checked = check_assignments(_read_text(file), file.name) if file.exists() else CheckedAssignments(())
    if checked.faults:
        raise PolicyRefused(file.name)
    templates = {}
    for name in {each.template for each in checked.assignments}:
        own = profile_file(settings, name)
        template = check_template(_read_text(own), own.name).template
        if template is None:
            raise PolicyRefused(own.name)
        templates[name] = template
    owns = lru_cache(maxsize=16)(lambda name: _read_owns(settings, name))
    return Shelf(checked.assignments, templates, owns, settings.language)


def profile_file(settings: Settings, name: str) -> Path:
    """Where a profile with that name stands."""
    return settings.home / "profiles" / name if name.endswith(".yaml") else SHIPPED_PROFILES / f"{name}.yaml"


def check_profile(file: Path) -> CheckedTemplate:
    """A profile's file, read and checked; PolicyRefused if it cannot be read at all."""
    return check_template(_read_text(file), file.name)


def check_assigned(settings: Settings) -> CheckedAssignments | None:
    """`profiles.yaml`, read and checked; None: there is none. PolicyRefused if it cannot be read at all."""
    file = settings.home / "profiles.yaml"
    return check_assignments(_read_text(file), file.name) if file.exists() else None


def _read_owns(settings: Settings, name: str) -> Mapping[str, Mapping[str, str]]:
    """What each phone has of its own: CSV with a column `phone` and one for each blank.

    Raises KeyFault as of a key, since passwords may stand in it, and PolicyRefused where a line is not one phone's.
    """
    text = _read_key(settings.home / "profiles" / name).decode("utf-8-sig", "replace")
    try:
        rows = [row for _, row in read_written_list(text).rows()]
    except NotOneRowError:
        raise PolicyRefused(name) from None
    return {row["phone"].strip().lower(): row for row in rows if row.get("phone", "").strip()}


def _account_profile(settings: Settings, name: str, phone: Phone, uid: str) -> PhoneProfile | None:
    with suppress(PolicyRefused, KeyFault, ValueError):
        return account_for(read_profiles(settings), name, phone, uid)
    return None


def _watched_apps(settings: Settings) -> Sequence[WatchedApp]:
    """The apps of the catalogue, for each platform on which something is known of them; none if it has faults."""
    try:
        catalogue = read_catalogue(settings)
    except PolicyRefused:
        return ()
    return watched_apps(catalogue)


def watched_apps(catalogue: Catalogue) -> Sequence[WatchedApp]:
    """What phones may be asked about: channels of the catalogue that name an app, and nothing else."""
    found = []
    for key, channel in catalogue.channels.items():
        names = frozenset({channel.title.nl, channel.title.en, *channel.app_ids.names})
        for platform, ids in ((Platform.IOS, channel.app_ids.ios), (Platform.ANDROID, channel.app_ids.android)):
            if ids:
                found.append(WatchedApp(key, platform, frozenset(ids), names))
    return tuple(found)


class PagesFault(Exception):
    """The pages cannot be served as the settings say; `problem` names why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def make_pages(settings: Settings, store: Store, keys: Keys, *, listen: str) -> Flask:
    """The web application of these settings; PagesFault if they would let a stranger in or a password out.

    The policy is read again when its file changes; one that is refused does not replace the one in force.
    """
    # Flask and what comes with it is loaded only where pages are served.
    from server.web.config import Site, is_loopback  # noqa: PLC0415
    from server.web.factory import create_app  # noqa: PLC0415
    from server.work.admin.access import SignInLimits  # noqa: PLC0415
    from server.work.removal.policy_changes import PolicyShelf  # noqa: PLC0415

    with store.read() as connection:
        demo = organisation.read_installation(connection).demo
    host = listen.rpartition(":")[0].strip("[]")
    address = urlsplit(settings.web_url)
    near = is_loopback(host) and is_loopback(address.hostname or "")
    if demo and not near:
        raise PagesFault("demo_not_loopback")
    if address.scheme != "https" and not near:
        raise PagesFault("not_encrypted")
    policies = PolicyInForce(settings)
    try:
        site = Site(
            url=settings.web_url,
            secret=keys.sealer.hash("form cookie", "web.secret"),
            picker=demo,
            kinds=KINDS,
            secrets=settings.home / "secrets",
            language=settings.language,
            limits=SignInLimits(idle=timedelta(minutes=settings.session_minutes)),
            provider=_provider(settings),
            scanner=_scanner(settings),
            policies=PolicyShelf(policies.in_force, policies.text, policies.put),
        )
    except ValueError:
        raise PagesFault("bad_address") from None
    return create_app(site, lambda: make_context(settings, store, keys, policy=policies.in_force().policy))


def _scanner(settings: Settings) -> Scanner | None:
    """The scanner that files are shown to; None: there is none."""
    if not settings.scanner or settings.scanner.startswith("/"):
        return Scanner(Path(settings.scanner)) if settings.scanner else None
    host, _, port = settings.scanner.rpartition(":")
    return Scanner(host=host.strip("[]"), port=int(port))


class PolicyInForce:
    """The policy in force, read again when its file changed; one that is refused does not replace the one before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stamp = self._look()
        self._held = read_policy(settings)

    def in_force(self) -> PolicyDocument:
        """The policy now; a look at the file's time stamp, and no more, while it stays the same."""
        stamp = self._look()
        if stamp != self._stamp:
            with suppress(PolicyRefused):
                self._held = read_policy(self._settings)
            self._stamp = stamp
        return self._held

    def text(self) -> tuple[str, str]:
        """The file as it is, with its base name."""
        file = policy_file(self._settings)
        return _read_text(file), file.name

    def put(self, text: str) -> None:
        """In place of the installation's own file, whole or not at all; it is there before anybody is told."""
        file = self._settings.policy_file
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        put_whole(file, text.encode(), mode=0o644)

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._settings.policy_file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def _provider(settings: Settings) -> Provider | None:
    """The identity provider of the settings; PagesFault if it is named and its roles are not."""
    from server.web.config import Provider  # noqa: PLC0415

    if not settings.oidc_issuer:
        return None
    roles = read_roles(settings.oidc_roles_file)
    if not settings.oidc_client or not roles:
        raise PagesFault("provider_unknown")
    return Provider(
        issuer=settings.oidc_issuer,
        client=settings.oidc_client,
        secret=settings.oidc_secret,
        claim=settings.oidc_claim,
        roles=roles,
        worker_claim=settings.oidc_worker_claim,
    )


def read_roles(file: Path) -> Mapping[str, tuple[Role, ...]]:
    """Lines `value: role, role` of a file; what names no role of ours is left out; empty if there is no file."""
    if not file.exists():
        return {}
    found = {}
    for line in read_text_file(file).splitlines():
        value, _, names = line.rpartition(":")
        roles = tuple(Role(name.strip()) for name in names.split(",") if name.strip() in set(Role))
        if value.strip() and roles:
            found[value.strip()] = roles
    return found
