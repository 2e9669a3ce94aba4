"""Who comes in: accounts with two factors, identity providers, sessions with limits, roles, tokens of programs.

No page and no wording lives here. Every refusal of a sign-in is the same refusal, and takes as long: it tells nobody
which names there are.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.core.admin import sign_in_tries
from server.core.admin.sign_in_tries import Allowance, Asker, KnownBy, KnownDevice
from server.core.log.entries import EntryKind
from server.core.model import Role
from server.core.problems import AccessProblem, AccessRefusedError
from server.store import log
from server.store.admin import accounts, organisation
from server.store.admin.accounts import AccountRow, SessionRow, TokenRow
from server.store.database import Connection
from server.store.removal import deviations_and_holds
from server.store.seal import SealBrokenError
from server.work.admin.who_did import with_whom
from server.work.context import Context

HASHER = PasswordHasher()
"""argon2id with the library's parameters (RFC 9106, the second recommended option)."""
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_STEP_SECONDS = 30
_TOUCH_EVERY = timedelta(minutes=1)
HANDED_OUT = timedelta(days=3)
"""How long factors count that somebody else handed out."""
_JUDGED = 72
"""Signs of a password that are looked at: what comes after makes it no easier to guess."""
_HARD_ENOUGH = 4
"""More than ten thousand million guesses, as the library counts them."""
_NEAR_AT_HAND = (
    *("closeout", "veilig thuis", "veiligthuis", "wachtwoord", "welkom", "geheim", "inloggen", "beheer", "beheerder"),
    *("lente", "zomer", "herfst", "winter", "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus"),
    *("september", "oktober", "november", "december", "nederland", "amsterdam", "rotterdam", "utrecht", "ajax"),
    *("feyenoord", "hallo", "hoihoi", "zonnetje", "schatje", "liefde", "computer", "privacy", "meldpunt"),
)
"""What somebody here tries first, beside the library's lists, which know no Dutch."""
_WORTH_A_LINE = 5
"""Wrong tries in a row before the log tells of them: everybody mistypes."""
_NOBODY = "-"
"""Whom tries count against that name no account: theirs cost as much time as others."""
_DUMMY = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """How long a session lasts without a sign of life, and at most; how long a proof of who one is counts for acts that
    need a fresh one. How many wrong tries are borne stands in `core.admin.sign_in_tries`.
    """

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=10)
    proof: timedelta = timedelta(minutes=10)


AT_COMMAND = SignInLimits(idle=timedelta(minutes=15), longest=timedelta(hours=4))
"""At a terminal of the server, which nobody locks by itself."""


class Factors(StrEnum):
    """How a person proves who they are."""

    LOCAL = "local"
    """A password and a code."""
    PROVIDER = "provider"
    """At the identity provider."""
    DEMO = "demo"
    """Not at all: an invented organisation on this machine."""


class Scope(StrEnum):
    """What a token lets a program do."""

    STATUS = "status:read"
    """Read how many orders, findings and places stand where: counts only."""
    METRICS = "metrics:read"
    """Read the metrics of this installation (`core.reports.metrics`)."""
    CASES = "cases:write"
    """Push cases of one case system into the register."""
    OUTCOMES = "outcomes:read"
    """Read what became of the contacts of a case of one case system: counts and codes."""


_OF_A_SYSTEM = frozenset({Scope.CASES, Scope.OUTCOMES})
_FORMER = {"status": Scope.STATUS}
"""How tokens of earlier versions call a scope."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in and in which role. worker: our number of the worker whose phone is theirs. account: our number.

    proven_at: when they last proved who they are; None: nobody has said so.
    """

    account: int
    uid: str
    name: str | None
    roles: tuple[Role, ...]
    role: Role
    worker: int | None
    worker_ref: str | None
    language: str | None
    factors: Factors
    proven_at: datetime | None
    sealed_hint: bytes | None = field(repr=False)
    handed_out: bool = False
    """Somebody else knows their factors: they choose their own before anything else."""


@dataclass(frozen=True, slots=True)
class AtProvider:
    """Of a session, what the identity provider said of its own. token: its ID token, by which signing out there is
    asked for. session: its name of the session there. proven_at: when the person last proved who they are; None: it
    does not say.
    """

    issuer: str
    token: str = field(repr=False)
    session: str | None
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Over:
    """A session that ended by itself. uid: of the account whose it was; roles: in which they worked."""

    uid: str
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class NewFactors:
    """What the person needs once, to set up their code app. uri: as a QR code holds it."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


# --- accounts -----------------------------------------------------------------------------------------------------


def add_account(
    context: Context,
    name: str,
    password: str,
    roles: Sequence[Role],
    *,
    worker: str | None = None,
    hasher: PasswordHasher = HASHER,
) -> NewFactors:
    """Make a local account with factors to hand out. worker: the reference of the worker whose phone is theirs.

    They count for three days, and only until the person has chosen their own. Raises AccessRefusedError.
    """
    name = name.strip().lower()
    _check_password(name, password)
    hashed = hasher.hash(password)
    now = context.now()
    uid = uuid.uuid4().hex[:12]
    secret = pyotp.random_base32()
    with context.store.write() as connection:
        of_worker = _check_roles(connection, roles, worker)
        made = accounts.add_account(
            connection,
            uid=uid,
            name=name,
            password=hashed,
            sealed_totp=context.keys.sealer.seal(secret, f"account.totp.{uid}"),
            handed_out_until=now + HANDED_OUT,
            roles=roles,
            of_worker=of_worker,
            now=now,
        )
        if not made:
            raise AccessRefusedError(AccessProblem.NAME_TAKEN)
        _note(context, connection, with_whom(context, f"account_added {uid} {' '.join(sorted(roles))}"))
        organisation_name = organisation.read_installation(connection).name
    return NewFactors(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=organisation_name))


def renew_factors(context: Context, name: str, password: str, *, hasher: PasswordHasher = HASHER) -> NewFactors:
    """New factors to hand out, as `add_account` does; whoever was signed in with the old ones is signed out."""
    name = name.strip().lower()
    _check_password(name, password)
    hashed = hasher.hash(password)
    secret = pyotp.random_base32()
    with context.store.write() as connection:
        row = _existing(connection, name)
        sealed = context.keys.sealer.seal(secret, f"account.totp.{row.uid}")
        accounts.set_factors(connection, row.id, hashed, sealed, handed_out_until=context.now() + HANDED_OUT)
        _note(context, connection, with_whom(context, f"account_renewed {row.uid}"))
        organisation_name = organisation.read_installation(connection).name
    return NewFactors(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=organisation_name))


def offer_secret(context: Context, person: Person) -> NewFactors:
    """A secret for codes that the person may take as theirs; nothing is changed yet."""
    return _factors(context, person.name or person.uid, pyotp.random_base32())


def seal_offer(context: Context, person: Person, offer: NewFactors) -> bytes:
    """The offer, to be kept by the person's browser until they answer."""
    return context.keys.sealer.seal(offer.secret, f"account.offer.{person.uid}")


def open_offer(context: Context, person: Person, sealed: bytes) -> NewFactors | None:
    """The offer again; None if it was not made to them."""
    try:
        return _factors(
            context, person.name or person.uid, context.keys.sealer.open(sealed, f"account.offer.{person.uid}")
        )
    except SealBrokenError:
        return None


def choose_factors(
    context: Context, person: Person, password: str, secret: str, code: str, *, hasher: PasswordHasher = HASHER
) -> bool:
    """The person's own factors from now on: nobody else knows them, and they are signed out everywhere. False: the code
    is none of that secret's. Raises AccessRefusedError for a password that is none.
    """
    _check_password(person.name or "", password)
    step = _step_of(secret, code, context.now())
    if step is None:
        return False
    hashed = hasher.hash(password)
    sealed = context.keys.sealer.seal(secret, f"account.totp.{person.uid}")
    with context.store.write() as connection:
        accounts.set_factors(connection, person.account, hashed, sealed, step=step)
        _note(context, connection, f"account_chosen {person.uid}")
    return True


def account_of(context: Context, person: Person) -> AccountRow:
    """The account as it is now."""
    with context.store.read() as connection:
        return _existing(connection, person.name or "")


def _factors(context: Context, name: str, secret: str) -> NewFactors:
    with context.store.read() as connection:
        issuer = organisation.read_installation(connection).name
    return NewFactors(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer))


def disable_account(context: Context, name: str) -> None:
    """Let nobody sign in with it any more, and sign it out everywhere."""
    with context.store.write() as connection:
        row = _existing(connection, name.strip().lower())
        accounts.disable(connection, row.id, context.now())
        _note(context, connection, with_whom(context, f"account_disabled {row.uid}"))


def sign_out_account(context: Context, name: str | None) -> None:
    """Sign an account out everywhere, or (None) everybody; who signs in again comes in. Raises AccessRefusedError."""
    with context.store.write() as connection:
        if name is None:
            accounts.end_all_sessions(connection)
            _note(context, connection, with_whom(context, "signed_out everybody"))
        else:
            row = _existing(connection, name.strip().lower())
            accounts.end_all(connection, row.id)
            _note(context, connection, with_whom(context, f"signed_out {row.uid}"))


def link_account(context: Context, name: str, worker: str) -> None:
    """Say which worker an account is, so that what is about them is kept from them elsewhere; AccessRefusedError."""
    with context.store.write() as connection:
        row = _existing(connection, name.strip().lower())
        of_worker = deviations_and_holds.worker_id(connection, worker)
        if of_worker is None:
            raise AccessRefusedError(AccessProblem.UNKNOWN_WORKER)
        accounts.set_worker(connection, row.id, of_worker)
        _note(context, connection, with_whom(context, f"account_linked {row.uid} to worker {of_worker}"))


def list_accounts(context: Context) -> Sequence[AccountRow]:
    """Every account."""
    with context.store.read() as connection:
        return accounts.all_accounts(connection)


def provided(
    context: Context, issuer: str, subject: str, roles: Sequence[Role], worker: str | None
) -> AccountRow | None:
    """The account of somebody whom an identity provider vouches for, with the roles it gives today; made when new.

    None: it gives no role here. worker: a reference; one that we do not know is left out.
    """
    roles = [role for role in Role if role in roles and role is not Role.CASE_SYSTEM]
    with context.store.write() as connection:
        of_worker = None if worker is None else deviations_and_holds.worker_id(connection, worker)
        if of_worker is None:
            roles = [role for role in roles if role is not Role.WORKER]
        known = accounts.of_subject(connection, issuer, subject)
        if known is None and roles:
            uid = uuid.uuid4().hex[:12]
            accounts.add_account(
                connection,
                uid=uid,
                subject=(issuer, subject),
                roles=roles,
                of_worker=of_worker,
                now=context.now(),
            )
            _note(context, connection, f"account_provided {uid} {' '.join(sorted(roles))}")
            return accounts.of_subject(connection, issuer, subject)
        if known is None:
            return None
        if known.roles != tuple(roles):
            accounts.set_roles(connection, known.id, roles)
            _note(context, connection, f"account_roles {known.uid} {' '.join(sorted(roles))}")
        if known.worker != of_worker:  # else each signing in would be a change of a table that is held to the log
            accounts.set_worker(connection, known.id, of_worker)
        known = accounts.of_subject(connection, issuer, subject)
    return known if known is not None and known.roles and known.disabled_at is None else None


def demo_account(context: Context, role: Role, *, nth: int = 1, worker: str | None = None) -> AccountRow:
    """The stand-in for a role in a demo; AccessRefusedError in any other installation. nth: of several persons."""
    name = "-".join(["demo", role.value.replace("_", "-"), *([worker.lower()] if worker else []), str(nth)])
    with context.store.write() as connection:
        if not organisation.read_installation(connection).demo:
            raise AccessRefusedError(AccessProblem.NOT_A_DEMO)
        of_worker = _check_roles(connection, [role], worker)
        accounts.add_account(
            connection,
            uid=uuid.uuid4().hex[:12],
            name=name,
            roles=[role],
            of_worker=of_worker,
            now=context.now(),
        )
        return _existing(connection, name)


def _check_password(name: str, password: str) -> None:
    if not _NAME.fullmatch(name):
        raise AccessRefusedError(AccessProblem.BAD_NAME)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccessRefusedError(AccessProblem.PASSWORD_TOO_SHORT)
    if name in password.lower():
        raise AccessRefusedError(AccessProblem.PASSWORD_IS_NAME)
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # noqa: PLC0415 - large lists, seldom asked for

    judged = zxcvbn(password[:_JUDGED], user_inputs=[name, *_NEAR_AT_HAND])
    if judged["score"] < _HARD_ENOUGH:
        raise AccessRefusedError(AccessProblem.PASSWORD_KNOWN)


def _check_roles(connection: Connection, roles: Sequence[Role], worker: str | None) -> int | None:
    if not roles:
        raise AccessRefusedError(AccessProblem.NO_ROLE)
    if Role.CASE_SYSTEM in roles:
        raise AccessRefusedError(AccessProblem.NOT_A_PERSON)
    if worker is None:
        if Role.WORKER in roles:
            raise AccessRefusedError(AccessProblem.WORKER_NEEDED)
        return None
    found = deviations_and_holds.worker_id(connection, worker)
    if found is None:
        raise AccessRefusedError(AccessProblem.UNKNOWN_WORKER)
    return found


def _existing(connection: Connection, name: str) -> AccountRow:
    row = accounts.of_name(connection, name)
    if row is None:
        raise AccessRefusedError(AccessProblem.UNKNOWN_ACCOUNT)
    return row


# --- proving who one is -------------------------------------------------------------------------------------------


def check_factors(
    context: Context, name: str, password: str, code: str, *, asker: Asker, hasher: PasswordHasher = HASHER
) -> AccountRow | None:
    """The account, if password and code are right and its counts bear one more try; None says nothing of why not.

    The try is counted before it is looked at, so that many at once get no more, and given back if it was right. A code
    counts once. Returned with the number of wrong tries since the last right one.
    """
    name = name.strip().lower()[:64]
    with context.store.read() as connection:
        row = accounts.of_name(connection, name)
    now = context.now()
    if row is not None and not _may_come_in(row, now):
        row = None
    counts = _counts(context, row, asker)
    borne = _take_try(context, counts, now)
    hashed = _DUMMY if row is None or row.password is None else row.password
    right = _verify(hasher, hashed, password[:LONGEST_PASSWORD])
    if row is None or row.sealed_totp is None or borne is None:
        if borne is not None:
            with context.store.write() as connection:
                _note(context, connection, "sign_in_failed -")
        return None
    step = _step_of(context.keys.sealer.open(row.sealed_totp, f"account.totp.{row.uid}"), code, now)
    with context.store.write() as connection:
        if not right or step is None or step <= row.totp_step:
            _note_failure(context, connection, row)
            return None
        anew = hasher.hash(password) if hasher.check_needs_rehash(hashed) else None
        if not accounts.note_success(connection, row.id, step=step, password=anew):
            return None
        full = accounts.lock_counts(connection, list(counts), now)
        accounts.set_counts(connection, sign_in_tries.give_back(full, counts))
    return row


def _may_come_in(row: AccountRow, now: datetime) -> bool:
    own = row.password is not None and row.sealed_totp is not None and row.disabled_at is None
    return own and (row.handed_out_until is None or now < row.handed_out_until)


def _counts(context: Context, row: AccountRow | None, asker: Asker) -> Mapping[bytes, Allowance]:
    # New factors, new counts: so who was kept from every new device has a way back in.
    named = sign_in_tries.counts_of(_NOBODY if row is None else f"{row.uid} {_factors_of(row)}", asker)
    return {context.keys.sealer.hash(name, "sign_in.count"): allowance for name, allowance in named.items()}


def _take_try(context: Context, counts: Mapping[bytes, Allowance], now: datetime) -> Mapping[bytes, datetime] | None:
    with context.store.write() as connection:
        full = accounts.lock_counts(connection, list(counts), now)
        filled = sign_in_tries.take_all(full, counts, now)
        accounts.set_counts(connection, full if filled is None else filled)
    return filled


# --- devices ------------------------------------------------------------------------------------------------------


def who_asks(context: Context, name: str, cookie: str, address: str) -> Asker:
    """Who tries to sign in with that name: a device that it was signed in from before, or somebody at that address."""
    known = _known_device(context, name, cookie)
    if known is not None:
        return Asker(KnownBy.DEVICE, known.nonce)
    return Asker(KnownBy.STRANGER, sign_in_tries.neighbourhood(address))


def remember_device(context: Context, row: AccountRow, cookie: str) -> str:
    """What the browser keeps from now on, so that it is known for this account too; it signs nobody in.

    It is no longer in force when the account has new factors, or when half a year long nobody signed in with it.
    """
    held = sign_in_tries.read_devices(cookie)
    mine = [each for each in held if _is_of(context, each, row)]
    nonce = mine[0].nonce if mine else secrets.token_hex(16)
    made_at = int(context.now().timestamp())
    new = KnownDevice(nonce, made_at, _device_proof(context, nonce, made_at, row))
    return sign_in_tries.write_devices([new, *(each for each in held if each not in mine)])


def _known_device(context: Context, name: str, cookie: str) -> KnownDevice | None:
    held = sign_in_tries.read_devices(cookie)
    if not held:
        return None
    with context.store.read() as connection:
        row = accounts.of_name(connection, name.strip().lower()[:64])
    if row is None or row.sealed_totp is None:
        return None
    return next((each for each in held if _is_of(context, each, row)), None)


def _is_of(context: Context, device: KnownDevice, row: AccountRow) -> bool:
    age = context.now().timestamp() - device.made_at
    right = secrets.compare_digest(
        device.proof.encode(), _device_proof(context, device.nonce, device.made_at, row).encode()
    )
    return right and age <= sign_in_tries.LONGEST_DEVICE.total_seconds()


def _device_proof(context: Context, nonce: str, made_at: int, row: AccountRow) -> str:
    return context.keys.sealer.hash(f"{row.uid} {nonce} {made_at} {_factors_of(row)}", "device").hex()


def _factors_of(row: AccountRow) -> str:
    """What changes when the account gets new factors."""
    return hashlib.sha256(row.sealed_totp or b"").hexdigest()


def _verify(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step a code is of: this one or a neighbour (RFC 6238, 5.2); None: of none."""
    digits = "".join(sign for sign in code if sign.isascii() and sign.isdigit())
    totp = pyotp.TOTP(secret)
    current = int(now.timestamp()) // _STEP_SECONDS
    for step in (current - 1, current, current + 1):
        if secrets.compare_digest(totp.at(step * _STEP_SECONDS), digits):
            return step
    return None


def _note_failure(context: Context, connection: Connection, row: AccountRow) -> None:
    failures = accounts.note_failure(connection, row.id)
    _note(context, connection, f"sign_in_failed {row.uid}")
    if failures >= _WORTH_A_LINE:
        log.append(connection, context.now(), [(EntryKind.REFUSED, {"what": "sign_in", "count": failures})])


# --- sessions -----------------------------------------------------------------------------------------------------


def begin_session(
    context: Context, row: AccountRow, *, limits: SignInLimits = SignInLimits(), there: AtProvider | None = None
) -> str:
    """Sign somebody in; returns what the browser keeps, which we do not. there: None: they proved it here, just now.

    The role is the first the account has; `change_role` takes another.
    """
    token = secrets.token_urlsafe(32)
    now = context.now()
    sealed = None if there is None else context.keys.sealer.seal(there.token, "web_session.hint")
    session = None if there is None or there.session is None else _key_there(there.issuer, there.session)
    with context.store.write() as connection:
        accounts.begin_session(
            connection,
            _key(token),
            row.id,
            row.roles[0],
            now=now,
            ends_at=now + limits.longest,
            proven_at=now if there is None else there.proven_at,
            hint=sealed,
            provider_session=session,
        )
        _note(context, connection, f"signed_in {row.uid} {row.roles[0]}")
    return token


def find_person(context: Context, token: str, *, limits: SignInLimits = SignInLimits()) -> Person | Over | None:
    """Whose session it is; Over if it ended by itself, None if there is none."""
    now = context.now()
    key = _key(token)
    with context.store.read() as connection:
        row = accounts.find_session(connection, key)
    if row is None or row.account.disabled_at is not None or row.role not in row.account.roles:
        return None
    if now >= row.ends_at or now - row.seen_at >= limits.idle:
        return Over(row.account.uid, (row.role,))
    if now - row.seen_at >= min(_TOUCH_EVERY, limits.idle / 4):
        with context.store.write() as connection:
            accounts.touch_session(connection, key, now)
    return _person(row)


def change_role(context: Context, token: str, person: Person, role: Role) -> str | None:
    """Act in another of one's roles, under a new key; None if it is none of theirs."""
    if role not in person.roles:
        return None
    return _rotate(context, token, role, person.proven_at, f"role_taken {person.uid} {role}")


def prove_again(context: Context, token: str, person: Person, *, at: datetime | None = None) -> str:
    """They proved again who they are, just now or `at` that moment: the session goes on under a new key."""
    return _rotate(context, token, person.role, at or context.now(), f"proved_again {person.uid}")


def end_session(context: Context, token: str) -> None:
    """Sign out."""
    with context.store.write() as connection:
        accounts.end_session(connection, _key(token))


def sign_out_there(
    context: Context, issuer: str, *, subject: str | None, session: str | None, once: tuple[str, datetime] | None = None
) -> bool:
    """The identity provider ends a session of its own, and ours that came of it; or, without one, all of a subject.

    once: what makes this message this one, and until when it would count again. False: it was taken before.
    """
    key = None if session is None else _key_there(issuer, session)
    with context.store.write() as connection:
        if once is not None:
            message, ends_at = once
            if not accounts.take_once(connection, _key_there(issuer, f"logout {message}"), context.now(), ends_at):
                return False
        row = None if subject is None else accounts.of_subject(connection, issuer, subject)
        if subject is not None and row is None:
            return True
        for uid in accounts.end_from_provider(connection, account_id=None if row is None else row.id, session=key):
            _note(context, connection, f"signed_out_by_provider {uid}")
    return True


def hint_of(context: Context, person: Person) -> str | None:
    """The provider's ID token of this session."""
    return None if person.sealed_hint is None else context.keys.sealer.open(person.sealed_hint, "web_session.hint")


def set_language(context: Context, person: Person, language: str) -> None:
    """Remember which language this person reads."""
    with context.store.write() as connection:
        accounts.set_language(connection, person.account, language)


def note_read(context: Context, person: Person, what: str) -> None:
    """A cleared person read something about people: in the log, restricted."""
    with context.store.write() as connection:
        _note(context, connection, f"{what} read by {person.uid} as {person.role}")


def note_act(context: Context, person: Person, what: str) -> None:
    """Who did what the open log tells of by role: in the log, restricted."""
    with context.store.write() as connection:
        _note(context, connection, f"{what} by {person.uid} as {person.role}")


def note_acts(context: Context, connection: Connection, person: Person, what: Sequence[str]) -> None:
    """The same of several acts, in the transaction of what they did."""
    said = [f"{each} by {person.uid} as {person.role}" for each in what]
    log.append_restricted(connection, context.now(), context.keys.sealer, said)


def note_refusal(context: Context, person: Person, what: str) -> None:
    """Somebody signed in asked for what is not for their role."""
    with context.store.write() as connection:
        body = {"what": what, "actor_role": person.role.value}
        log.append(connection, context.now(), [(EntryKind.REFUSED, body)])


def _rotate(context: Context, token: str, role: Role, proven_at: datetime | None, what: str) -> str:
    new = secrets.token_urlsafe(32)
    with context.store.write() as connection:
        accounts.replace_session(connection, _key(token), _key(new), role=role, proven_at=proven_at)
        _note(context, connection, what)
    return new


def _person(row: SessionRow) -> Person:
    held = row.account
    factors = Factors.PROVIDER if held.name is None else Factors.LOCAL if held.password else Factors.DEMO
    return Person(
        account=held.id,
        uid=held.uid,
        name=held.name,
        roles=held.roles,
        role=row.role,
        worker=held.worker,
        worker_ref=held.worker_ref,
        language=held.language,
        factors=factors,
        proven_at=row.proven_at,
        sealed_hint=row.sealed_hint,
        handed_out=held.handed_out_until is not None,
    )


def _key(token: str) -> bytes:
    """What is kept of a token of 256 random bits: guessing needs no slowing down, so a plain hash does."""
    return hashlib.sha256(token.encode()).digest()


def _key_there(issuer: str, name: str) -> bytes:
    """What is kept of the provider's name of a session or a message."""
    return hashlib.sha256(f"{issuer.rstrip('/')} {name}".encode()).digest()


def people_sign_in(context: Context) -> bool:
    """Whether somebody can sign in at the command in more than an administrator's role: then nobody has such a role
    there without signing in.
    """
    with context.store.read() as connection:
        return any(
            each.password is not None and each.disabled_at is None and set(each.roles) - {Role.IT_ADMINISTRATOR}
            for each in accounts.all_accounts(connection)
        )


def stand_for(context: Context, name: str, role: Role) -> Person | None:
    """An account as a person in one of its roles, without a session: at the command line, where whoever holds server
    and keys vouches. name: or its id. None: there is no such account, or it has not that role.
    """
    wanted = name.strip().lower()
    with context.store.read() as connection:
        found = [each for each in accounts.all_accounts(connection) if wanted in (each.name, each.uid)]
    if len(found) != 1 or role not in found[0].roles or found[0].disabled_at is not None:
        return None
    now = context.now()
    return _person(SessionRow(found[0], role, now, now, now, now, None))


# --- programs -----------------------------------------------------------------------------------------------------


def make_token(
    context: Context,
    name: str,
    scopes: Sequence[Scope],
    *,
    days: int,
    case_system: str = "",
    employer: str = "",
    owner: str = "",
) -> str:
    """A token for a program, shown once; raises AccessRefusedError.

    case_system: whose cases it is about, as its mapping names it. employer: of whose workers alone. owner: who answers
    for it.
    """
    name, case_system, owner = name.strip().lower(), case_system.strip(), owner.strip()
    if not _NAME.fullmatch(name):
        raise AccessRefusedError(AccessProblem.BAD_NAME)
    if _OF_A_SYSTEM & set(scopes):
        if not case_system:
            raise AccessRefusedError(AccessProblem.SYSTEM_NEEDED)
        if not owner:
            raise AccessRefusedError(AccessProblem.OWNER_NEEDED)
    token = f"closeout_{secrets.token_urlsafe(32)}"
    uid = uuid.uuid4().hex[:12]
    now = context.now()
    with context.store.write() as connection:
        of = organisation.find_employer(connection, employer) if employer.strip() else None
        if employer.strip() and of is None:
            raise AccessRefusedError(AccessProblem.UNKNOWN_EMPLOYER)
        row = TokenRow(
            uid=uid,
            name=name,
            scopes=tuple(scope.value for scope in scopes),
            made_at=now,
            ends_at=now + timedelta(days=days),
            used_at=None,
            revoked_at=None,
            case_system=case_system or None,
            employer=of,
            owner=owner or None,
        )
        made = accounts.add_token(connection, row, _key(token))
        if not made:
            raise AccessRefusedError(AccessProblem.NAME_TAKEN)
        _note(context, connection, with_whom(context, f"token_made {uid}"))
    return token


def find_program(context: Context, token: str, scope: Scope) -> TokenRow | None:
    """The token, if it is in force and lets the program do this."""
    row = find_token(context, token)
    return row if row is not None and may(row, scope) else None


def may(token: TokenRow, scope: Scope) -> bool:
    """Whether a token lets a program do this."""
    return scope in scopes_of(token)


def scopes_of(token: TokenRow) -> tuple[Scope, ...]:
    """What a token lets a program do; a word that this version does not know lets it do nothing."""
    known = [_FORMER.get(each, each) for each in token.scopes]
    return tuple(scope for scope in Scope if scope in known)


def list_tokens(context: Context) -> Sequence[TokenRow]:
    """Every token ever made, by name."""
    with context.store.read() as connection:
        return accounts.all_tokens(connection)


def find_token(context: Context, token: str) -> TokenRow | None:
    """The token, if it is in force."""
    now = context.now()
    with context.store.read() as connection:
        row = accounts.find_token(connection, _key(token))
    if row is None or row.revoked_at is not None or now >= row.ends_at:
        return None
    if row.used_at is None or now - row.used_at >= _TOUCH_EVERY:
        with context.store.write() as connection:
            accounts.touch_token(connection, row.uid, now)
    return row


def revoke_token(context: Context, name: str) -> None:
    """End a token; raises AccessRefusedError."""
    with context.store.write() as connection:
        if not accounts.revoke_token(connection, name.strip().lower(), context.now()):
            raise AccessRefusedError(AccessProblem.UNKNOWN_ACCOUNT)
        _note(context, connection, with_whom(context, "token_revoked"))


def _note(context: Context, connection: Connection, body: str) -> None:
    log.append_restricted(connection, context.now(), context.keys.sealer, [body])
