"""An engine's signs of life: in the rows, and to a watcher elsewhere, whose silence stops nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mdm_adapters.port import Fault, Unreachable
from server import app as root
from server.settings import read_settings
from server.store.removal import work_counts
from server.work.removal.heartbeat import AFTER_A_FAILURE, AT_MOST_EVERY, Heartbeat
from tests.vendors.serving import served


class Watcher:
    """Counts how often it is asked; fails as long as it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    def __call__(self) -> None:
        self.asked += 1
        if self.away:
            raise Unreachable(Fault.TIMED_OUT)


def signs(world):
    with world.context.store.read() as connection:
        return work_counts.read_signs(connection)


def test_a_round_leaves_a_sign_and_asks_the_watcher_and_no_more_often_than_it_may(world):
    watcher, said = Watcher(), []
    context = replace(world.context, heartbeat=watcher, engine="engine-1")
    heart = Heartbeat(context, said.append)
    heart.beat(context)
    world.clock.pass_(AT_MOST_EVERY / 2)
    heart.beat(context)
    assert (signs(world), watcher.asked) == ([context.now() - AT_MOST_EVERY / 2], 1)
    world.clock.pass_(AT_MOST_EVERY / 2)
    heart.beat(context)
    assert (signs(world), watcher.asked, said) == ([context.now()], 2, [])


def test_a_watcher_that_does_not_answer_is_told_of_and_asked_again_later(world):
    watcher, said = Watcher(), []
    watcher.away = True
    context = replace(world.context, heartbeat=watcher)
    heart = Heartbeat(context, said.append)
    heart.beat(context)
    world.clock.pass_(AT_MOST_EVERY)
    heart.beat(context)
    assert (watcher.asked, said, signs(world)) == (1, ["heartbeat: timed_out"], [context.now()])
    watcher.away = False
    world.clock.pass_(AFTER_A_FAILURE)
    heart.beat(context)
    assert (watcher.asked, said) == (2, ["heartbeat: timed_out"])


def test_an_engine_that_may_not_remove_gives_a_sign_and_leaves_the_watcher_to_miss_it(world):
    watcher = Watcher()
    context = replace(world.context, heartbeat=watcher)
    Heartbeat(context, print).beat(context, well=False)
    assert (signs(world), watcher.asked) == ([context.now()], 0)


def test_a_clock_that_was_put_back_does_not_silence_it(world):
    watcher = Watcher()
    context = replace(world.context, heartbeat=watcher)
    heart = Heartbeat(context, print)
    heart.beat(context)
    world.clock.pass_(-timedelta(days=3))
    heart.beat(context)
    assert watcher.asked == 2


def test_signs_of_engines_long_gone_are_dropped(world):
    for name in ("engine-1", "engine-2"):
        context = replace(world.context, engine=name)
        Heartbeat(context, print).beat(context)
        world.clock.pass_(timedelta(days=1, seconds=1))
    assert len(signs(world)) == 1


def settings_of(tmp_path, url: str):
    return read_settings({"CLOSEOUT_HEARTBEAT_URL": url}, home=tmp_path)


def test_the_watcher_gets_one_request_that_says_nothing(tmp_path):
    asked = []

    def watcher(environ, start):
        asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION")))
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"OK"]

    with served(watcher) as url:
        root.check_heartbeat(settings_of(tmp_path, f"{url}/ping/0000-invented"))()
    assert asked == [("GET", "/ping/0000-invented", None)]


@pytest.mark.parametrize(
    "url", ["http://watcher.example/x", "ftp://watcher.example", "watcher", "https://a:b@c.example/"]
)
def test_an_address_that_cannot_be_meant_is_refused_and_stops_nothing(tmp_path, url):
    with pytest.raises(root.OutletRefused) as refused:
        root.check_heartbeat(settings_of(tmp_path, url))
    assert refused.value.setting == "heartbeat_url"
    assert root._heartbeat(settings_of(tmp_path, url))() is None


def test_an_address_where_clouds_hand_out_keys_is_never_called(tmp_path):
    with pytest.raises(Unreachable) as refused:
        root.check_heartbeat(settings_of(tmp_path, "https://169.254.169.254/latest"))()
    assert refused.value.fault is Fault.ADDRESS_REFUSED
