"""Runs migrations on the connection it is handed; nothing else may start them."""

from typing import Any, Literal

from alembic import context

import server.store.schema.attestation
import server.store.schema.case_services
import server.store.schema.pauses
import server.store.schema.phones
import server.store.schema.putting
import server.store.schema.reports
import server.store.schema.retention
import server.store.schema.running
import server.store.schema.usage  # noqa: F401  their tables belong to the same metadata
from server.store.schema.base import Instant, metadata


def _render(kind: str, value: Any, _context: Any) -> str | Literal[False]:
    """A migration stands on its own: it must not change when our types do."""
    return "sa.BigInteger()" if kind == "type" and isinstance(value, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
