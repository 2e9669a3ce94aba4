"""The incident of DOMAIN 1 in invented data: what two people see of one worker, and what the same look costs of others.

Thirty-seven clients, most after closure, some in monitoring, some a colleague's. A smaller organisation than the real
one (a tenth of its workers), so that this runs in seconds; each worker has as many cases. `bench_incident` has all 130.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from server.core.usage.channels import Ground
from tests.work.usage.incident import look_at_the_incident


@pytest.mark.timeout(240)
def test_the_pattern_of_one_worker_is_there_to_see_and_the_price_of_looking_is_told(tmp_path: Path):
    pattern = look_at_the_incident(tmp_path, 0.1)
    cases = {fact.case for fact in pattern.theirs}
    others = {worker: len({fact.case for fact in facts}) for worker, facts in pattern.others.items()}
    outgoing = sum(fact.outgoing for fact in pattern.theirs)
    price = str(pattern.price())
    assert len(cases) >= 0.8 * pattern.planted, price
    assert {Ground.AFTER_CLOSURE, Ground.MONITORING_OUTSIDE} <= pattern.grounds(), price
    assert any(not fact.was_assigned for fact in pattern.theirs), price
    assert outgoing > 3 * max(sum(fact.outgoing for fact in facts) for facts in pattern.others.values()), price
    assert max(others.values()) < len(cases) / 2, price
    assert sum(others.values()) / len(others) < 12, price
