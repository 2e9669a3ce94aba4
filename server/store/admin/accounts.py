"""Accounts, their roles, sessions and tokens as rows; secrets arrive here hashed or sealed, and nothing is decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, or_, select, update

from server.core.model import Role
from server.store.database import insert, insert_many
from server.store.prepared import Direct, Prepared, given
from server.store.schema.base import account, account_role, api_token, message_taken, sign_in_count, web_session, worker
from server.store.table_state import USE_ONLY


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Who may sign in. name None: known by an identity provider. worker: our number of the worker it belongs to."""

    id: int
    uid: str
    name: str | None
    password: str | None = field(repr=False)
    sealed_totp: bytes | None = field(repr=False)
    totp_step: int = field(repr=False)
    worker: int | None
    worker_ref: str | None
    language: str | None
    failures: int
    disabled_at: datetime | None
    handed_out_until: datetime | None
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody signed in: the account, the role they act in, and since when what is known of them."""

    account: AccountRow
    role: Role
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    proven_at: datetime | None
    sealed_hint: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What a program may do, until when. case_system: whose cases; employer: of whose workers alone; owner: who answers
    for it.
    """

    uid: str
    name: str
    scopes: tuple[str, ...]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    case_system: str | None = None
    employer: str | None = None
    owner: str | None = None


def add_account(
    connection: Connection,
    *,
    uid: str,
    roles: Sequence[Role],
    now: datetime,
    name: str | None = None,
    password: str | None = None,
    sealed_totp: bytes | None = None,
    handed_out_until: datetime | None = None,
    subject: tuple[str, str] | None = None,
    of_worker: int | None = None,
) -> bool:
    """Make an account; False if there is one of that name or subject (issuer, subject)."""
    issuer, of_issuer = subject or (None, None)
    made = connection.execute(
        insert(connection, account)
        .values(
            uid=uid,
            name=name,
            issuer=issuer,
            subject=of_issuer,
            password=password,
            sealed_totp=sealed_totp,
            handed_out_until=handed_out_until,
            worker_id=of_worker,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(account.c.id)
    ).scalar()
    if made is None:
        return False
    set_roles(connection, made, roles)
    return True


def set_roles(connection: Connection, account_id: int, roles: Collection[Role]) -> None:
    """These roles and no other."""
    connection.execute(delete(account_role).where(account_role.c.account_id == account_id))
    insert_many(connection, account_role, [{"account_id": account_id, "role": role.value} for role in set(roles)])


def set_worker(connection: Connection, account_id: int, of_worker: int | None) -> None:
    """Whose phone this person may see."""
    connection.execute(update(account).where(account.c.id == account_id).values(worker_id=of_worker))


def of_name(connection: Connection, name: str) -> AccountRow | None:
    """The account of that name."""
    return _one(connection, _accounts().where(account.c.name == name))


def of_subject(connection: Connection, issuer: str, subject: str) -> AccountRow | None:
    """The account of that subject at that identity provider."""
    return _one(connection, _accounts().where(account.c.issuer == issuer, account.c.subject == subject))


def all_accounts(connection: Connection) -> Sequence[AccountRow]:
    """Every account, in order of name."""
    rows = connection.execute(_accounts().order_by(account.c.name, account.c.id)).all()
    return [_row(row, _roles(connection, row.id)) for row in rows]


def lock_counts(connection: Connection, keys: Sequence[bytes], now: datetime) -> Mapping[bytes, datetime]:
    """When each of these counts will be empty, held until the end of this transaction. Empty ones are swept out."""
    connection.execute(delete(sign_in_count).where(sign_in_count.c.empty_at <= now, sign_in_count.c.key.not_in(keys)))
    rows = [{"key": key, "empty_at": now} for key in sorted(keys)]
    connection.execute(insert(connection, sign_in_count).values(rows).on_conflict_do_nothing())
    query = select(sign_in_count).where(sign_in_count.c.key.in_(keys)).order_by(sign_in_count.c.key)
    return {row.key: row.empty_at for row in connection.execute(query.with_for_update())}


def set_counts(connection: Connection, empty_at: Mapping[bytes, datetime]) -> None:
    """How full these counts are."""
    for key, moment in empty_at.items():
        connection.execute(update(sign_in_count).where(sign_in_count.c.key == key).values(empty_at=moment))


def note_failure(connection: Connection, account_id: int) -> int:
    """A wrong password or code. Returns how many since the last right ones."""
    counted = update(account).where(account.c.id == account_id).values(failures=account.c.failures + 1)
    counted = counted.returning(account.c.failures)
    return int(connection.execute(counted, execution_options=USE_ONLY).scalar_one())


def note_success(
    connection: Connection, account_id: int, *, step: int | None = None, password: str | None = None
) -> bool:
    """Both factors were right. False if the code's time step was used already, by somebody quicker.

    password: the hash anew, when it was made with weaker parameters.
    """
    values: dict[str, Any] = {"failures": 0, "totp_step": step}
    if password is not None:
        values["password"] = password
    unused = update(account).where(account.c.id == account_id, account.c.totp_step < step)
    options = USE_ONLY if password is None else {}
    return bool(connection.execute(unused.values(**values), execution_options=options).rowcount)


def set_factors(
    connection: Connection,
    account_id: int,
    password: str,
    sealed_totp: bytes,
    *,
    step: int = 0,
    handed_out_until: datetime | None = None,
) -> None:
    """A new password and a new secret for codes; whoever was signed in is so no more. step: the code that was used."""
    connection.execute(
        update(account)
        .where(account.c.id == account_id)
        .values(
            password=password,
            sealed_totp=sealed_totp,
            totp_step=step,
            failures=0,
            handed_out_until=handed_out_until,
        )
    )
    end_all(connection, account_id)


def set_language(connection: Connection, account_id: int, language: str) -> None:
    """The language this person reads."""
    statement = update(account).where(account.c.id == account_id).values(language=language)
    connection.execute(statement, execution_options=USE_ONLY)


def disable(connection: Connection, account_id: int, now: datetime) -> None:
    """May not sign in any more, and is signed out everywhere."""
    connection.execute(update(account).where(account.c.id == account_id).values(disabled_at=now))
    end_all(connection, account_id)


def begin_session(
    connection: Connection,
    key: bytes,
    account_id: int,
    role: Role,
    now: datetime,
    ends_at: datetime,
    proven_at: datetime | None,
    hint: bytes | None,
    provider_session: bytes | None,
) -> None:
    """Somebody signed in just now. Sessions that are over are swept out."""
    connection.execute(delete(web_session).where(web_session.c.ends_at < now))
    connection.execute(
        web_session.insert().values(
            key=key,
            account_id=account_id,
            role=role.value,
            began_at=now,
            seen_at=now,
            ends_at=ends_at,
            proven_at=proven_at,
            sealed_hint=hint,
            provider_session=provider_session,
        )
    )


def find_session(connection: Connection, key: bytes) -> SessionRow | None:
    """The session of that key, over or not."""
    query = _accounts(
        web_session.c.role.label("acting"),
        web_session.c.began_at,
        web_session.c.seen_at,
        web_session.c.ends_at,
        web_session.c.proven_at,
        web_session.c.sealed_hint,
    ).join(web_session, web_session.c.account_id == account.c.id)
    row = connection.execute(query.where(web_session.c.key == key)).first()
    if row is None:
        return None
    return SessionRow(
        _row(row, _roles(connection, row.id)),
        Role(row.acting),
        row.began_at,
        row.seen_at,
        row.ends_at,
        row.proven_at,
        row.sealed_hint,
    )


def touch_session(connection: Connection, key: bytes, now: datetime) -> None:
    """Still there."""
    connection.execute(update(web_session).where(web_session.c.key == key).values(seen_at=now))


def replace_session(connection: Connection, old: bytes, new: bytes, *, role: Role, proven_at: datetime | None) -> None:
    """The same session under a new key: in another role, or after the person proved anew who they are."""
    connection.execute(
        update(web_session).where(web_session.c.key == old).values(key=new, role=role.value, proven_at=proven_at)
    )


def end_session(connection: Connection, key: bytes) -> None:
    """Signed out."""
    connection.execute(delete(web_session).where(web_session.c.key == key))


def end_all(connection: Connection, account_id: int) -> None:
    """Signed out everywhere."""
    connection.execute(delete(web_session).where(web_session.c.account_id == account_id))


def end_from_provider(connection: Connection, *, account_id: int | None, session: bytes | None) -> Sequence[str]:
    """End the sessions that came of one session at the identity provider, or all of an account's that came of any; one
    of whose session there nothing is known counts as that one. Returns the accounts that were signed out.
    """
    ours = select(web_session.c.key, account.c.uid).join(account, account.c.id == web_session.c.account_id)
    if account_id is not None:
        ours = ours.where(account.c.id == account_id)
    if session is not None:
        there = web_session.c.provider_session
        ours = ours.where(there == session if account_id is None else or_(there == session, there.is_(None)))
    found = [] if account_id is None and session is None else connection.execute(ours).all()
    connection.execute(delete(web_session).where(web_session.c.key.in_([row.key for row in found])))
    return sorted({row.uid for row in found})


def take_once(connection: Connection, key: bytes, now: datetime, ends_at: datetime) -> bool:
    """Take in a message that counts once; False if it was taken before. Those that are over are swept out."""
    connection.execute(delete(message_taken).where(message_taken.c.ends_at < now))
    taken = insert(connection, message_taken).values(key=key, ends_at=ends_at).on_conflict_do_nothing()
    return bool(connection.execute(taken).rowcount)


def end_all_sessions(connection: Connection) -> None:
    """Everybody signed out everywhere."""
    connection.execute(delete(web_session))


def still_open(connection: Connection, now: datetime) -> tuple[Sequence[str], Sequence[str]]:
    """Names of accounts that may sign in, and of tokens that hold."""
    names = select(func.coalesce(account.c.name, account.c.uid)).where(account.c.disabled_at.is_(None))
    tokens = select(api_token.c.name).where(api_token.c.revoked_at.is_(None), api_token.c.ends_at > now)
    return (
        sorted(connection.execute(names).scalars()),
        sorted(connection.execute(tokens).scalars()),
    )


def add_token(connection: Connection, token: TokenRow, key: bytes) -> bool:
    """Make a token; False if there is one of that name."""
    made = connection.execute(
        insert(connection, api_token)
        .values(
            uid=token.uid,
            key=key,
            name=token.name,
            scopes=" ".join(token.scopes),
            made_at=token.made_at,
            ends_at=token.ends_at,
            case_system=token.case_system,
            employer=token.employer,
            owner=token.owner,
        )
        .on_conflict_do_nothing()
    )
    return bool(made.rowcount)


def find_token(connection: Connection, key: bytes) -> TokenRow | None:
    """The token of that hash, whatever has become of it."""
    row = Direct(connection).row(_TOKEN, key=key)
    return None if row is None else _token(row)


def all_tokens(connection: Connection) -> Sequence[TokenRow]:
    """Every token ever made, by name."""
    wanted = select(*(api_token.c[name] for name in _TOKEN_COLUMNS)).order_by(api_token.c.name)
    return [_token(row) for row in connection.execute(wanted)]


_TOKEN_COLUMNS = (
    *("uid", "name", "scopes", "made_at", "ends_at", "used_at", "revoked_at", "case_system", "employer", "owner"),
)
_TOKEN = Prepared(
    lambda _: select(*(api_token.c[name] for name in _TOKEN_COLUMNS)).where(
        api_token.c.key == given("key", api_token.c.key)
    )
)


def _token(row: Sequence[Any]) -> TokenRow:
    uid, name, scopes, *rest = row
    return TokenRow(uid, name, tuple(scopes.split()), *rest)


def touch_token(connection: Connection, uid: str, now: datetime) -> None:
    """Used just now."""
    statement = update(api_token).where(api_token.c.uid == uid).values(used_at=now)
    connection.execute(statement, execution_options=USE_ONLY)


def revoke_token(connection: Connection, name: str, now: datetime) -> bool:
    """End a token by its name; False if there is none in force."""
    done = connection.execute(
        update(api_token).where(api_token.c.name == name, api_token.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    return bool(done.rowcount)


def _accounts(*more: Any) -> Select[Any]:
    return select(account, worker.c.ref.label("worker_ref"), *more).outerjoin(
        worker, worker.c.id == account.c.worker_id
    )


def _one(connection: Connection, query: Select[Any]) -> AccountRow | None:
    row = connection.execute(query).first()
    return None if row is None else _row(row, _roles(connection, row.id))


def _roles(connection: Connection, account_id: int) -> tuple[Role, ...]:
    held = set(connection.execute(select(account_role.c.role).where(account_role.c.account_id == account_id)).scalars())
    return tuple(role for role in Role if role.value in held)


def _row(row: Any, roles: tuple[Role, ...]) -> AccountRow:
    return AccountRow(
        id=row.id,
        uid=row.uid,
        name=row.name,
        password=row.password,
        sealed_totp=row.sealed_totp,
        totp_step=row.totp_step,
        worker=row.worker_id,
        worker_ref=row.worker_ref,
        language=row.language,
        failures=row.failures,
        disabled_at=row.disabled_at,
        handed_out_until=row.handed_out_until,
        roles=roles,
    )
