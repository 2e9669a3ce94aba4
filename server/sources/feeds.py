"""The feeds there are that are asked for over HTTP: one literal table from the vendor of a connection to its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mdm_adapters.http import Connection
from server.sources import klant, teams
from server.sources.pulled import Feed

FEEDS: Mapping[str, Callable[[Connection], Feed]] = {
    "open-klant": klant.connect,
    "zgw-klantcontact": klant.connect_zaken,
    "teams-activity": teams.connect_activity,
    "teams-calls": teams.connect_calls,
}
"""A factory raises ValueError on a connection that cannot be meant; it calls nobody."""
