"""The settings, read once and frozen; a secret comes from a file whose name is given. `FIELDS` is their manual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

PREFIX = "CLOSEOUT_"
DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_LISTEN = "127.0.0.1:8080"


class SettingError(Exception):
    """A setting is not valid; `str()` names it and says what it takes."""


class FileProblem(StrEnum):
    """Why a file cannot be read."""

    MISSING = "missing"
    FOLDER = "folder"
    UNREADABLE = "unreadable"
    NOT_TEXT = "not_text"


class FileUnreadableError(Exception):
    """A file that was named cannot be read; `file` is its base name, `problem` says why."""

    def __init__(self, file: Path, problem: FileProblem) -> None:
        super().__init__(f"{file.name}: {problem}")
        self.file = file.name
        self.problem = problem


def read_text_file(file: Path, *, utf16: bool = False) -> str:
    """The text of a file that people wrote, UTF-8 with or without a mark at its beginning; FileUnreadableError.

    utf16: also UTF-16 with its mark, as Windows PowerShell writes unless told otherwise.
    """
    try:
        raw = file.read_bytes()
        wide = utf16 and raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        return raw.decode("utf-16" if wide else "utf-8-sig")
    except FileNotFoundError:
        raise FileUnreadableError(file, FileProblem.MISSING) from None
    except IsADirectoryError:
        raise FileUnreadableError(file, FileProblem.FOLDER) from None
    except OSError:
        raise FileUnreadableError(file, FileProblem.UNREADABLE) from None
    except UnicodeDecodeError:
        raise FileUnreadableError(file, FileProblem.NOT_TEXT) from None


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this installation lives and how it runs. Every field is a variable: CLOSEOUT_ and the field in capitals."""

    home: Path
    database: str
    identifier_key_file: Path
    sealing_key_file: Path
    signing_key_file: Path
    checkpoint_file: Path
    witnesses_file: Path
    policy_file: Path
    roles_file: Path
    language: str
    lease_seconds: float
    at_once: int
    web_url: str
    web_listen: str
    web_proxy: str
    session_minutes: float
    oidc_issuer: str
    oidc_client: str
    oidc_secret: str = field(repr=False)
    oidc_claim: str
    oidc_roles_file: Path
    oidc_worker_claim: str
    mail_server: str
    mail_security: str
    mail_login: str
    mail_password: str = field(repr=False)
    mail_from: str
    mail_ca_file: str
    syslog_server: str
    syslog_security: str
    syslog_ca_file: str
    webhook_url: str
    webhook_secret: str = field(repr=False)
    webhook_ca_file: str
    scanner: str
    witnesses_ca_file: str
    heartbeat_url: str = field(repr=False)
    heartbeat_ca_file: str
    log_format: str
    time_stamp_url: str
    time_stamp_ca_file: str


MANUAL: Mapping[str, str] = {
    "home": "Folder of this installation. Default: closeout-data in the current folder.",
    "database": "SQLAlchemy URL of the database; give it as CLOSEOUT_DATABASE_FILE if it holds a password. "
    "Default: SQLite in the home folder.",
    "identifier_key_file": "Key that pseudonymises numbers (HMAC; 32 bytes, owner-only). Default: keys/identifier.key.",
    "sealing_key_file": "Key that encrypts references and holds (32 bytes, owner-only). Default: keys/sealing.key.",
    "signing_key_file": "Ed25519 key that signs checkpoints (PEM, owner-only). Default: keys/signing.pem.",
    "checkpoint_file": "Signed checkpoints of the log; keep a copy on another machine too. Default: checkpoints.txt.",
    "witnesses_file": "Who cosigns the checkpoints of the log, and how many are enough (deploy/README.md). Default: "
    "witnesses.txt in the home folder; none: nobody.",
    "policy_file": "The policy in force. Default: policy.yaml in the home folder, else the one that is shipped.",
    "roles_file": "Who has which role on the command line: lines `account: role, role`. Default: roles.txt.",
    "language": "nl or en. Default: from LANG, else en.",
    "lease_seconds": "Seconds that a claimed order stays with a background worker that gives no sign. Default: 120.",
    "at_once": "How many orders a background worker handles side by side. Default: 4 (1 to 64).",
    "web_url": "Address under which people reach the pages, with https but on this machine itself. "
    "Default: http://127.0.0.1:8080.",
    "web_listen": "Address and port the pages are served on. Default: 127.0.0.1:8080.",
    "web_proxy": "Address of the proxy before the pages; its word on who makes a request is believed. Default: "
    "nobody's.",
    "session_minutes": "How long somebody stays signed in without a sign of life. Default: 30.",
    "oidc_issuer": "Identity provider (OpenID Connect), as it names itself. Default: none, so local accounts only.",
    "oidc_client": "Our client id at the identity provider.",
    "oidc_secret": "Our client secret there; give it as CLOSEOUT_OIDC_SECRET_FILE.",
    "oidc_claim": "Claim of the ID token that holds roles or groups. Default: roles.",
    "oidc_roles_file": "Which value of that claim gives which roles: lines `value: role, role`. "
    "Default: oidc-roles.txt in the home folder.",
    "oidc_worker_claim": "Claim that holds the worker's staff code, for My phone. Default: none.",
    "mail_server": "Mail server that takes our mail (SMTP), as host:port. Default: none, so nothing is mailed.",
    "mail_security": "How the connection to it is encrypted: starttls, tls, or none (on this machine only). Default: "
    "starttls.",
    "mail_login": "Our login at the mail server. Default: none.",
    "mail_password": "Its password; give it as CLOSEOUT_MAIL_PASSWORD_FILE.",
    "mail_from": "Address that our mail comes from.",
    "mail_ca_file": "PEM of the authority that signed the mail server's certificate. Default: those of this machine.",
    "syslog_server": "Collector that receives what is new in the log (syslog over TCP), as host:port. Default: none.",
    "syslog_security": "How the connection to it is encrypted: tls, or none (on this machine only). Default: tls.",
    "syslog_ca_file": "PEM of the authority that signed the collector's certificate. Default: those of this machine.",
    "webhook_url": "Address that receives what is new in the log, as signed JSON. Default: none.",
    "webhook_secret": "Secret that signs it, of 16 characters or more; give it as CLOSEOUT_WEBHOOK_SECRET_FILE.",
    "webhook_ca_file": "PEM of the authority that signed that address's certificate. Default: those of this machine.",
    "scanner": "Malware scanner on this machine that checks files before they are read (clamd): path of its "
    "socket, or host:port. Default: none.",
    "witnesses_ca_file": "PEM of the authority that signed witnesses' certificates. Default: those of this machine.",
    "heartbeat_url": "Address of a monitor that is called after each round of a background worker, and warns people "
    "if it is not (dead man's switch); give it as CLOSEOUT_HEARTBEAT_URL_FILE if it holds a secret. "
    "Default: none.",
    "heartbeat_ca_file": "PEM of the authority that signed that address's certificate. Default: those of this machine.",
    "log_format": "How a program that keeps running writes its lines on standard error: text, or json (an object a "
    "line). Default: text.",
    "time_stamp_url": "Time-stamp authority (RFC 3161) that is asked about each evidence package. Default: none.",
    "time_stamp_ca_file": "PEM of the authority that signed that address's certificate. Default: those of this "
    "machine.",
}
"""What each setting means; a test holds it to be complete and README to repeat it."""


def read_settings(environ: Mapping[str, str], *, home: Path | None = None) -> Settings:
    """Settings from variables; unknown CLOSEOUT_ variables are refused, so that a slip is noticed.

    A value may come from a file: CLOSEOUT_DATABASE_FILE instead of CLOSEOUT_DATABASE.
    """
    given = _given(environ)
    base = home or Path(given.pop("home", "closeout-data"))
    given.pop("home", None)
    path = {name: Path(given[name]) if name in given else None for name in given}
    keys = base / "keys"
    return Settings(
        home=base,
        database=given.get("database", f"sqlite:///{(base / 'closeout.db').absolute()}"),
        identifier_key_file=path.get("identifier_key_file") or keys / "identifier.key",
        sealing_key_file=path.get("sealing_key_file") or keys / "sealing.key",
        signing_key_file=path.get("signing_key_file") or keys / "signing.pem",
        checkpoint_file=path.get("checkpoint_file") or base / "checkpoints.txt",
        witnesses_file=path.get("witnesses_file") or base / "witnesses.txt",
        policy_file=path.get("policy_file") or base / "policy.yaml",
        roles_file=path.get("roles_file") or base / "roles.txt",
        language=_language(given, environ),
        lease_seconds=_number(given, "lease_seconds", 120.0, 0.1, 86400.0),
        at_once=int(_number(given, "at_once", 4, 1, 64)),
        web_url=given.get("web_url", DEFAULT_URL),
        web_listen=given.get("web_listen", DEFAULT_LISTEN),
        web_proxy=given.get("web_proxy", ""),
        session_minutes=_number(given, "session_minutes", 30.0, 1.0, 24 * 60.0),
        oidc_issuer=given.get("oidc_issuer", ""),
        oidc_client=given.get("oidc_client", ""),
        oidc_secret=given.get("oidc_secret", ""),
        oidc_claim=given.get("oidc_claim", "roles"),
        oidc_roles_file=path.get("oidc_roles_file") or base / "oidc-roles.txt",
        oidc_worker_claim=given.get("oidc_worker_claim", ""),
        mail_server=given.get("mail_server", ""),
        mail_security=_one_of(given, "mail_security", ("starttls", "tls", "none")),
        mail_login=given.get("mail_login", ""),
        mail_password=given.get("mail_password", ""),
        mail_from=given.get("mail_from", ""),
        mail_ca_file=given.get("mail_ca_file", ""),
        syslog_server=given.get("syslog_server", ""),
        syslog_security=_one_of(given, "syslog_security", ("tls", "none")),
        syslog_ca_file=given.get("syslog_ca_file", ""),
        webhook_url=given.get("webhook_url", ""),
        webhook_secret=given.get("webhook_secret", ""),
        webhook_ca_file=given.get("webhook_ca_file", ""),
        scanner=_here(given, "scanner"),
        witnesses_ca_file=given.get("witnesses_ca_file", ""),
        heartbeat_url=given.get("heartbeat_url", ""),
        heartbeat_ca_file=given.get("heartbeat_ca_file", ""),
        log_format=_one_of(given, "log_format", ("text", "json")),
        time_stamp_url=given.get("time_stamp_url", ""),
        time_stamp_ca_file=given.get("time_stamp_ca_file", ""),
    )


def secret_files(environ: Mapping[str, str]) -> list[Path]:
    """Files from which a setting's value is read: they are what may hold a secret."""
    known = {each.name for each in fields(Settings)}
    names = {each: each.removeprefix(PREFIX).lower() for each in environ if each.startswith(PREFIX)}
    return [
        Path(environ[variable])
        for variable, name in sorted(names.items())
        if name not in known and name.removesuffix("_file") in known
    ]


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    known = {each.name for each in fields(Settings)}
    given: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in known:
            given[name] = value
        elif name.endswith("_file") and name.removesuffix("_file") in known:
            try:
                given[name.removesuffix("_file")] = read_text_file(Path(value)).strip()
            except FileUnreadableError:
                raise SettingError(f"{variable}: the file it names cannot be read, or is not UTF-8 text") from None
        else:
            raise SettingError(f"{variable}: there is no such setting; see `closeout doctor --settings`")
    return given


def _language(given: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """The language asked for; what the machine speaks may be any, and is then answered in English elsewhere."""
    asked = given.get("language", "")
    if asked and asked[:2].lower() not in ("nl", "en"):
        raise SettingError(f"{PREFIX}LANGUAGE: nl or en")
    return (asked or environ.get("LANG", "en"))[:2].lower()


def _one_of(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """The value given, or the first of those known."""
    value = given.get(name, known[0])
    if value not in known:
        raise SettingError(f"{PREFIX}{name.upper()}: one of {', '.join(known)}")
    return value


def _here(given: Mapping[str, str], name: str) -> str:
    """A socket of this machine: its path, or localhost and a port; what goes there goes in clear."""
    value = given.get(name, "")
    host, _, port = value.rpartition(":")
    near = host in ("localhost", "127.0.0.1", "[::1]") and port.isdecimal() and 0 < int(port) < 65536
    if value and not value.startswith("/") and not near:
        raise SettingError(f"{PREFIX}{name.upper()}: the path of a socket, or localhost:port")
    return value


def _number(given: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = given.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise SettingError(f"{PREFIX}{name.upper()}: a number from {least:g} to {most:g}")
    return value
