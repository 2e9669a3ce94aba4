"""The feeds there are that are asked for over HTTP: one literal table from the vendor of a connection to its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mdm_adapters.http import Connection
from mdm_adapters.options import ConnectionKind
from server.sources import klant, teams
from server.sources.pulled import Feed

FEEDS: Mapping[str, Callable[[Connection], Feed]] = {
    "open-klant": klant.connect,
    "zgw-klantcontact": klant.connect_zaken,
    "teams-activity": teams.connect_activity,
    "teams-calls": teams.connect_calls,
}
"""A factory raises ValueError on a connection that is not valid; it calls nobody."""

FEED_KINDS: Mapping[str, ConnectionKind] = {
    each.name: each
    for each in (klant.CONNECTION, klant.ZAKEN_CONNECTION, teams.ACTIVITY_CONNECTION, teams.CALLS_CONNECTION)
}
"""What a connection to each says, as its reader declares it."""
