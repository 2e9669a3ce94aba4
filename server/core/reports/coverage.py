"""What stands beside every figure: where we looked, how fresh that is, and what cannot be seen; no figures of its own.

Coverage is a fixed list of spots for each phone (house: Coverage), never boiled down to one percentage. The limits are
those of the platforms themselves (no management interface lists personal contacts or reads messages), so they are
printed in every report, however good its figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mdm_adapters.port import Fault
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Share, Text, phrase


class Spot(StrEnum):
    """Where a number can sit on one phone."""

    MANAGED_ACCOUNT = "managed_account"
    LOCAL_BOOK = "local_book"
    PERSONAL_CLOUD = "personal_cloud"
    SIM = "sim"
    CALL_LOG_AND_SMS = "call_log_and_sms"
    WHATSAPP = "whatsapp"
    CALENDAR = "calendar"


class Sight(StrEnum):
    """What we know of one spot of one phone."""

    SEEN = "seen"
    """It was seen on the phone: by its manager, or by the phone's own fetching. That a server's book was read says
    nothing of the phones that should read it."""
    CLOSED = "closed"
    """Device management closed it off; that was read back."""
    ATTESTED = "attested"
    """The worker, or an app on the phone, states it; we did not look."""
    UNSEEN = "unseen"
    """We cannot look there."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone and what we see of it.

    label: the organisation's neutral name for the device; worker: who carries it (reference, no name), for cleared
    readers only. spots: a spot that is not in here is unseen. last_fetch: when the phone itself was last seen fetching
    the contacts of its managed account after something was removed from it; None: never seen.
    """

    label: str
    worker: str | None = None
    spots: tuple[tuple[Spot, Sight], ...] = ()
    last_fetch: datetime | None = None

    def sight(self, spot: Spot) -> Sight:
        """What we know of that spot; unseen unless said otherwise."""
        return dict(self.spots).get(spot, Sight.UNSEEN)


def account_sight(told: tuple[bool | None, datetime] | None, last_fetch: datetime | None) -> Sight:
    """Whether the managed account was seen on a phone. told: what its manager told last, and when.

    Where the manager says that it is gone, only a later fetch says otherwise.
    """
    there, at = told or (None, None)
    fetched = last_fetch is not None and not (there is False and at is not None and last_fetch <= at)
    return Sight.SEEN if there or fetched else Sight.UNSEEN


def accounts_seen(phones: Sequence[Phone]) -> Share:
    """On how many phones the managed account was seen."""
    return Share(sum(phone.sight(Spot.MANAGED_ACCOUNT) is Sight.SEEN for phone in phones), len(phones))


def phones_fetching(phones: Sequence[Phone]) -> Text:
    """How many phones were ever seen fetching what was removed."""
    fetching = Share(sum(phone.last_fetch is not None for phone in phones), len(phones))
    return phrase(
        "{count} phone synchronised after a removal.",
        many="{count} phones synchronised after a removal.",
        count=fetching,
    )


class SourceKind(StrEnum):
    """What a report is made from."""

    CASE_SYSTEM = "case_system"
    PLACE = "place"
    DEVICE_LOG = "device_log"
    PHONE_MANAGER = "phone_manager"


class Freshness(StrEnum):
    """How old what a source told us is, against the limit that the policy sets."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Source:
    """One thing read, and when.

    label: neutral, shown to every reader (no name, no address, no case number). read_at: the last sound reading, None:
    never. stale_after: beyond this age it decides nothing; None: no limit is set. fault: why the last try failed.
    """

    kind: SourceKind
    label: str
    read_at: datetime | None
    stale_after: timedelta | None = None
    fault: Fault | None = None

    def freshness(self, now: datetime) -> Freshness:
        """Against its own limit, at `now`."""
        if self.read_at is None:
            return Freshness.NEVER
        if self.stale_after is not None and now - self.read_at > self.stale_after:
            return Freshness.STALE
        return Freshness.FRESH


def unseen_everywhere(phones: Sequence[Phone]) -> tuple[Spot, ...]:
    """The spots that are unseen on every phone; all of them if no phone is known."""
    return tuple(spot for spot in Spot if all(phone.sight(spot) is Sight.UNSEEN for phone in phones))


def summarise(phones: Sequence[Phone], *, listed: bool = True) -> Section:
    """For each spot, on how many phones it is seen, closed, attested and unseen: four counts, no total.

    listed: the report has the list of phones too.
    """
    blind = unseen_everywhere(phones)
    unseen = (phrase("Seen on no phone at all: {spots}.", spots=blind),) if blind else ()
    rows: list[Row] = []
    for spot in Spot:
        sights = [phone.sight(spot) for phone in phones]
        rows.append((spot, *(sights.count(sight) for sight in Sight)))
    return Section(
        key="coverage",
        heading=phrase("Where we looked"),
        paragraphs=(
            phrase("A number can be in seven spots on a phone. The figures are about the spots we see, and no other."),
            phrase(
                "The managed account is seen on a phone if the MDM says so, or if the phone was seen to "
                "synchronise. That its address book was read on the server says nothing about the phone."
            ),
        ),
        columns=(
            Column("spot", phrase("Spot on the phone"), Kind.CODE),
            Column("seen", phrase("Seen"), Kind.COUNT),
            Column("closed", phrase("Blocked by configuration"), Kind.COUNT),
            Column("attested", phrase("Reported, not verified"), Kind.COUNT),
            Column("unseen", phrase("Not seen"), Kind.COUNT),
        ),
        rows=tuple(rows),
        notes=(
            *unseen,
            phrase(
                "Counted over {count} phone. The list for each phone is further down.",
                many="Counted over {count} phones. The list for each phone is further down.",
                count=len(phones),
            )
            if listed
            else phrase("Counted over {count} phone.", many="Counted over {count} phones.", count=len(phones)),
        ),
    )


def list_phones(phones: Sequence[Phone], *, with_workers: bool) -> Section:
    """Each phone with its seven spots, in the order of their labels."""
    who = (Column("worker", phrase("Worker")),) if with_workers else ()
    return Section(
        key="phones",
        heading=phrase("Coverage for each phone"),
        paragraphs=(
            phrase("What we see of each phone. Where it says not seen, a number may still be there."),
            phrase(
                "A phone that was not seen to synchronise may still hold what was removed: it may be switched "
                "off, out of reach, or no longer synchronising."
            ),
        ),
        columns=(
            Column("phone", phrase("Phone")),
            *who,
            *(Column(spot.value, _HEADINGS[spot], Kind.CODE) for spot in Spot),
            Column("last_fetch", phrase("Last synchronised after a removal"), Kind.INSTANT, blank=phrase("Never seen")),
        ),
        rows=tuple(
            (
                phone.label,
                *((phone.worker,) if with_workers else ()),
                *(phone.sight(spot) for spot in Spot),
                phone.last_fetch,
            )
            for phone in sorted(phones, key=lambda phone: phone.label)
        ),
        empty=phrase("No phones are known. Nothing can be said of any phone."),
    )


_HEADINGS = {
    Spot.MANAGED_ACCOUNT: phrase("Managed account"),
    Spot.LOCAL_BOOK: phrase("Address book of the phone itself"),
    Spot.PERSONAL_CLOUD: phrase("Personal cloud"),
    Spot.SIM: phrase("SIM card"),
    Spot.CALL_LOG_AND_SMS: phrase("Call list and SMS"),
    Spot.WHATSAPP: phrase("WhatsApp"),
    Spot.CALENDAR: phrase("Calendar"),
}


def list_sources(sources: Sequence[Source], now: datetime) -> Section:
    """What the report was made from and how fresh that was at `now`, the case systems first."""
    order = list(SourceKind)
    return Section(
        key="sources",
        heading=phrase("What this report was made from"),
        paragraphs=(
            phrase(
                "Where a source is too old or could not be read, nothing was decided on it and nothing was removed."
            ),
        ),
        columns=(
            Column("kind", phrase("Source"), Kind.CODE),
            Column("label", phrase("Name")),
            Column("read_at", phrase("Last read"), Kind.INSTANT, blank=phrase("Never")),
            Column("freshness", phrase("How recent"), Kind.CODE),
            Column("fault", phrase("What went wrong"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=tuple(
            (source.kind, source.label, source.read_at, source.freshness(now), source.fault, source.fault)
            for source in sorted(sources, key=lambda source: (order.index(source.kind), source.label))
        ),
        empty=phrase("No source is connected. This report says nothing."),
    )


def places_read(sources: Sequence[Source], now: datetime) -> Share:
    """How many of the known places were read lately enough, the last try included."""
    places = [source for source in sources if source.kind is SourceKind.PLACE]
    return Share(sum(place.freshness(now) is Freshness.FRESH and place.fault is None for place in places), len(places))


BLIND_SPOTS = Section(
    key="blind_spots",
    heading=phrase("What this product cannot see"),
    paragraphs=(phrase("These limits come from the phones and their makers. No setting takes them away."),),
    notes=(
        phrase(
            "Contacts that a worker saved on the phone itself, on the SIM card, in iCloud or in a personal account."
        ),
        phrase("Messages and conversations in WhatsApp, Signal, Siilo or SMS: neither what was said nor with whom."),
        phrase(
            "Contacts that were saved inside WhatsApp only. A conversation stays there after the number has gone from "
            "the address book."
        ),
        phrase("Which calls were made or received, and which apps were used on an iPhone."),
        phrase("Anything outside the work profile of an Android phone."),
        phrase("Client details in calendar items, documents and e-mail."),
        phrase(
            "Removed is not erased: the server of an address book may keep a copy for some time, in a bin, a backup or "
            "its history."
        ),
        phrase(
            "A phone that is switched off, out of reach or no longer synchronising keeps its copy. We then know that "
            "the number left the address book, not that it left the phone."
        ),
        phrase("Backups, photographs of a screen, paper, and numbers that somebody copied or typed in again."),
        phrase(
            "That a phone checked in with the MDM says nothing about its contacts, and such reports can be days old."
        ),
        phrase("What an app on the phone or a worker reports: we did not check it ourselves."),
    ),
)
"""The limits of the platforms (VENDORS 3), as far as they bear on contacts; every report prints all of them."""

CAVEAT = phrase(
    "This report shows that misuse was made harder. It proves no safety: it does not show that "
    "nobody was approached, and figures alone are not the answer."
)
"""DOMAIN I16 and M9: no report claims that anything was prevented or that anybody is safe."""
