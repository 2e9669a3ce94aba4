"""How connections are told to people: their kinds, their fields and what is wrong with one; page and command share it.

The sentences of a field are its vendor's own (`mdm_adapters.options`); here they become texts. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mdm_adapters.options import ConnectionKind, Grant, Option, OptionFault, OptionKind, Sort
from mdm_adapters.port import Fault
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase

SORTS: Mapping[Sort, Text] = {
    Sort.STORE: phrase("Keeps contacts"),
    Sort.MANAGER: phrase("Manages phones"),
    Sort.FEED: phrase("Provides usage data of phones and accounts"),
}
OPTION_KINDS: Mapping[OptionKind, Text] = {
    OptionKind.LINE: phrase("One line of text"),
    OptionKind.NUMBER: phrase("A whole number"),
    OptionKind.LINK: phrase("An address that begins with https"),
    OptionKind.CHOICE: phrase("One of a list"),
    OptionKind.LIST: phrase("Several, separated by commas"),
    OptionKind.KEY: phrase("A secret: a file that holds it, or typed on the page"),
    OptionKind.PEM: phrase("A file with a certificate (PEM)"),
    OptionKind.PATH: phrase("A file on this machine, by command alone"),
}
OPTION_FAULTS: Mapping[OptionFault, Text] = {
    OptionFault.MISSING: phrase("Fill this in."),
    OptionFault.UNKNOWN: phrase("This kind of connection has no field of that name."),
    OptionFault.NOT_A_CHOICE: phrase("Choose one of the values in the list."),
    OptionFault.NOT_A_NUMBER: phrase("Write it in digits alone."),
    OptionFault.NOT_AN_ADDRESS: phrase("This is no address of a server, or there is more in it than an address."),
    OptionFault.LOGIN_IN_ADDRESS: phrase(
        "Leave the user name and the password out of the address: each has a field of its own. Type the address again."
    ),
    OptionFault.NOT_ENCRYPTED: phrase("Begin it with https: the password would travel in clear."),
    OptionFault.WRONG_FORM: phrase("This does not have the form that it must have."),
    OptionFault.TOO_LONG: phrase("This is too long."),
    OptionFault.HIDDEN_SIGNS: phrase("This holds characters that cannot be seen. Type it instead of pasting it."),
    OptionFault.A_SECRET: phrase(
        "This is a secret in a field that is none. It was not kept. If others may have seen it, have a new one made."
    ),
    OptionFault.NEEDS_ANOTHER: phrase("This means nothing by itself: fill in what belongs to it."),
}
NO_SUCH_KIND = phrase("There is no kind of connection of that name. Choose one of the list.")

TABLES: tuple[Mapping[Any, Text], ...] = (SORTS, OPTION_KINDS, OPTION_FAULTS)
"""Names of the closed sets, for `words.NAMES`."""


TRIAL_ADVICE: Mapping[Fault, Text] = {
    Fault.WRONG_CREDENTIALS: phrase(
        "Open Change and fill in user name and secret again. At the vendor, check that the secret has not expired."
    ),
    Fault.FORBIDDEN: phrase("Give the account the rights that are listed below, then try again."),
    Fault.PLACE_GONE: phrase("Check the address, the number or the id that was filled in."),
    Fault.NO_CONNECTION: phrase("Check the address, the network and the firewall, then try again."),
    Fault.ADDRESS_REFUSED: phrase(
        "The name leads into a private network. If the server is in your own, say so: where it is, is "
        "under Seldom needed. If not, have it investigated."
    ),
    Fault.CERTIFICATE: phrase(
        "Use an address with https. If your organisation signs certificates itself, add the certificate "
        "of its authority: it is under Seldom needed."
    ),
    Fault.NOT_THE_PROTOCOL: phrase("Check the address: a sign-in page or another website may be answering."),
    Fault.REDIRECTED: phrase(
        "Fill in the address at which the server itself answers: a secret is never sent on to another address."
    ),
}
"""What to do when a trial failed, where a place's own advice would send the reader elsewhere."""
NOT_THERE = phrase("The server says: not found")


def own_words(because: str) -> Text:
    """A sentence of a vendor's own, which the catalogue has."""
    return Text(because)


def fault_text(option: Option | None, fault: OptionFault, kind: ConnectionKind | None = None) -> Text:
    """What is wrong with a field, with what would be right where that can be shown."""
    if option is None:
        return OPTION_FAULTS[fault]
    if fault is OptionFault.TOO_LONG:
        return phrase("This is too long: at most {most} characters.", most=option.longest)
    if fault in (OptionFault.WRONG_FORM, OptionFault.NOT_AN_ADDRESS) and option.example:
        return phrase("{what} Such as: {example}", what=OPTION_FAULTS[fault], example=option.example)
    if fault is OptionFault.NEEDS_ANOTHER and kind is not None:
        named = tuple(own_words(other.label) for name in option.needs if (other := kind.field(name)) is not None)
        return phrase("This means nothing without: {others}.", others=named)
    return OPTION_FAULTS[fault]


def kinds_section(kinds: Iterable[ConnectionKind]) -> Section:
    """Everything that can be connected."""
    return Section(
        "kinds",
        phrase("What can be connected"),
        columns=(
            Column("vendor", phrase("Kind")),
            Column("sort", phrase("What it is for"), Kind.CODE),
            Column("title", phrase("What it is")),
            Column("about", phrase("What it does")),
        ),
        rows=tuple((each.name, each.sort, own_words(each.title), own_words(each.about)) for each in kinds),
    )


def fields_section(kind: ConnectionKind, key: str = "fields") -> Section:
    """Every field of one kind: what it is, what may stand in it."""
    return Section(
        key,
        own_words(kind.title),
        paragraphs=(own_words(kind.about),),
        columns=(
            Column("name", phrase("Field")),
            Column("label", phrase("What it is")),
            Column("required", phrase("Needed"), Kind.CODE),
            Column("holds", phrase("What it holds"), Kind.CODE),
            Column("values", phrase("Values, or an example")),
            Column("default", phrase("If left empty")),
            Column("explains", phrase("What to know")),
        ),
        rows=tuple(
            (
                each.name,
                own_words(each.label),
                Mark.YES if each.required else Mark.NO,
                each.kind,
                ", ".join(choice.value for choice in each.choices) or each.example,
                each.default,
                own_words(each.explains),
            )
            for each in kind.fields
        ),
    )


def grants_section(kind: ConnectionKind) -> Section:
    """What must be allowed at the vendor."""
    return Section(
        "grants",
        phrase("What to allow at the vendor"),
        columns=(
            Column("grant", phrase("Permission")),
            Column("always", phrase("Always needed"), Kind.CODE),
            Column("why", phrase("What for")),
        ),
        rows=tuple((each.name, Mark.YES if each.always else Mark.NO, own_words(each.why)) for each in kind.grants),
        empty=phrase("Nothing more than the secret."),
    )


def grants_for(kind: ConnectionKind | None, trial: str) -> tuple[Grant, ...]:
    """What may not have been allowed, if that trial fails for want of a right."""
    return () if kind is None else tuple(each for each in kind.grants if trial in each.trials)
