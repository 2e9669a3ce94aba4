"""Prints the template for translators into another language (`.pot`): every sentence, with the places that say it.

`python -m tests.template > closeout.pot`, then `msginit`, or any program that translators use.
"""

from __future__ import annotations

import sys

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from tests.house.test_texts import places


def template() -> Catalog:
    """Of every sentence of this version, in the order of the alphabet."""
    catalogue = Catalog(project="closeout", header_comment="# The sentences of closeout, in English.")
    for (one, many, sense), said in sorted(places().items()):
        if not one:
            continue  # would be the head of the template
        where = [(path, int(line or 0)) for path, _, line in (each.partition(":") for each in said) if "/" in path]
        catalogue.add((one, many) if many else one, locations=where, context=sense or None)
    return catalogue


if __name__ == "__main__":
    write_po(sys.stdout.buffer, template(), width=120)
