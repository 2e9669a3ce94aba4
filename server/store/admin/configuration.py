"""How large an installation is and what it is connected to, counted; no reference of anybody leaves here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select

from server.core.model import Role
from server.store.schema.base import account, account_role, device, employer, place, worker
from server.store.schema.usage import usage_feed


@dataclass(frozen=True, slots=True)
class ConfigurationCounts:
    """Counts and names of what is configured. roles: accounts in use by role. feeds: those not withdrawn."""

    employers: tuple[str, ...]
    workers: int
    devices: int
    places: int
    roles: Mapping[Role, int]
    feeds: tuple[str, ...]


def read(connection: Connection) -> ConfigurationCounts:
    """What is known now."""

    def count(table: Table) -> int:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    roles = connection.execute(
        select(account_role.c.role, func.count())
        .join(account, account.c.id == account_role.c.account_id)
        .where(account.c.disabled_at.is_(None))
        .group_by(account_role.c.role)
    )
    feeds = select(usage_feed.c.name).where(usage_feed.c.withdrawn_at.is_(None)).order_by(usage_feed.c.name)
    return ConfigurationCounts(
        employers=tuple(connection.execute(select(employer.c.name).order_by(employer.c.name)).scalars()),
        workers=count(worker),
        devices=count(device),
        places=count(place),
        roles={Role(role): number for role, number in roles},
        feeds=tuple(connection.execute(feeds).scalars()),
    )
