"""Stores with a login for each book: whether a call may begin is asked by the store of the place, at its request."""

from __future__ import annotations

from collections.abc import Sequence

from mdm_adapters.logins import OwnLogins
from mdm_adapters.port import NOT_BEGUN, Cut, Match, Place, Receipt, before_change
from tests.vendors.members import card, tel
from tests.vendors.memory import MemoryStore
from tests.vendors.register import Register, token

CLIENT = "+31612345601"
PLACE = Place("place-1", "/book/")


class Requesting(MemoryStore):
    """Asks right before its request, as the HTTP client does."""

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        before_change()
        return super()._remove(place, cuts, match)


def test_what_may_no_longer_be_removed_right_before_the_request_is_not() -> None:
    store = Requesting([PLACE.address])
    store.books[PLACE.address].put("a.vcf", card(1, *tel("06-1234 5601")))
    own = OwnLogins(MemoryStore(), {PLACE.address: ("login-1", "secret")}, lambda _login: store)
    answers = iter([True, False])

    receipts = own.remove(
        PLACE, [Cut("a.vcf", None, frozenset({token(CLIENT)}))], Register(CLIENT), lambda: next(answers)
    )

    assert receipts == [NOT_BEGUN]
    assert set(store.books[PLACE.address].cards) == {"a.vcf"}
