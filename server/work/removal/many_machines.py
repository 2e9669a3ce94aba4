"""The second engine: on PostgreSQL procrastinate spreads the acts over many machines; what is due is never in a job.

A job says "now" and nothing else. The rows say what is due: each engine sweeps them on its own clock, outside any job,
and defers what it finds. A job that is lost is found by the next sweep; one that comes twice finds nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from math import ceil
from typing import TYPE_CHECKING

from server.core.policy.model import Policy
from server.store.admin import organisation
from server.store.database import StoreOtherVersionError, StoreUnavailableError
from server.store.phones import managed as phone_rows
from server.store.removal import needs, orders
from server.store.removal import putting as putting_rows
from server.store.wakeups import listen
from server.work.admin import log_checkpoints, retention, table_checks
from server.work.context import Context
from server.work.phones import managers
from server.work.removal import change_notifications, putting
from server.work.removal.engine import CLAIM, carry_out, decide_due, tidy
from server.work.removal.heartbeat import Heartbeat
from server.work.removal.pauses import end_what_ran_out
from server.work.removal.plan import make_plan
from server.work.removal.sync import look_at_all
from server.work.removal.verify import hear_witnesses

if TYPE_CHECKING:
    from procrastinate import App

_DRAINERS = 16
"""Jobs that carry out orders, over all machines, at the most: more of them only wait for the log's one writer."""
_SHORTEST_PAUSE = 1.0
_BETWEEN_GLANCES = 0.2
"""Seconds: what becomes due one by one, in as many requests, is taken up some at a time."""
_LISTEN = 10.0
"""Seconds after which it is seen whether a vendor told of a place, should the signal be lost."""
_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_LONGEST_TURN = timedelta(seconds=20)
"""How long one job carries out orders before others have their turn."""
_ROUNDS_OF_ONE = 8
_WOKEN_FOR = frozenset({"read_back", "look", "decide", "carry_out", "put_back"})
UNTIL_THE_DATABASE_IS_ASKED_AGAIN = 5.0
"""Seconds."""
_TELL_EVERY = timedelta(minutes=5)


class EngineMissingError(Exception):
    """procrastinate is not installed (extra: scale)."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What is to be read back because somebody told of it. due_at: when the next is due; act: reads what is due."""

    due_at: Callable[[Context], datetime | None] = lambda _context: None
    act: Callable[[Context], object] = lambda _context: None


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is due, as a job says it. lock: no two of one lock at once; a second of the same is not queued."""

    task: str
    arguments: Mapping[str, int | bool]
    lock: str | None

    @property
    def name(self) -> str:
        """The same for the same chore, whoever found it."""
        return " ".join([self.task, *(f"{name}={value}" for name, value in self.arguments.items())])


def find_chores(context: Context, *, fresh: datetime, full_pass: bool) -> Sequence[Chore]:
    """What is due now, found in the rows alone.

    fresh: a place read later than this need not be read again for its own sake. full_pass: every pair is decided.
    """
    now = context.now()
    full_from = now - timedelta(hours=context.policy.look_hours)
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, context.today())
        busy = orders.busy_places(connection, now)
        accepted = {*orders.places_to_check(connection), *putting_rows.places_to_check(connection)}
        changed = set(orders.places_that_changed(connection))
        waiting = orders.due_count(connection, now)
        decide_at, call_at = putting.next_times(context, connection)
        pairs_due = needs.any_due(connection, now) or (decide_at is not None and decide_at <= now)
    chores = []
    for place in places:
        if not (demo or place.gated) or place.connection not in context.stores:
            continue
        due = place.looked_at is None or place.looked_at < fresh or place.hinted_at is not None
        if place.full_at is not None and (not due or place.id in busy):
            due = place.look_due and place.id not in busy  # a look that a receipt overtakes is thrown away
        if due:
            full = place.full_at is None or place.full_at < full_from or place.id in accepted | changed
            chores.append(Chore("look", {"place": place.id, "full": full}, f"place {place.id}"))
    if full_pass or (pairs_due and not context.policy.report_only):
        chores.append(Chore("decide", {"full": full_pass}, "decide"))
    drainers = min(_DRAINERS, ceil(waiting / CLAIM))
    chores += [Chore("carry_out", {"number": number}, None) for number in range(drainers)]
    if call_at is not None and call_at <= now:
        chores.append(Chore("put_back", {}, "put_back"))
    if context.witnesses:
        chores.append(Chore("hear", {}, "hear"))
    if context.mdms and managers.is_due(context):
        chores.append(Chore("ask_phones", {}, "ask_phones"))
    return chores


def run(
    context: Context,
    *,
    at_once: int,
    every: float,
    once: bool,
    say: Callable[[str], None],
    in_force: Callable[[], Policy] | None = None,
    tell: Callable[[Context], None] | None = None,
    told_of: ReadBack = ReadBack(),
) -> int:
    """Work beside any number of other engines until SIGTERM or SIGINT; returns how many sweeps this one made.

    What is under way at the signal is finished first. every: seconds until a place is read again. once: until nothing
    is due. in_force: the policy at that moment, asked for before each sweep. tell: makes reports that are due and
    passes on what is new, every five minutes by one of the engines. told_of: cases that their service told of. Raises
    EngineMissingError.
    """
    try:
        import procrastinate  # noqa: F401, PLC0415  an extra: who uses SQLite does without
    except ImportError:
        raise EngineMissingError from None
    return asyncio.run(_Engine(context, at_once, every, say, in_force, tell, told_of).run_on(once=once))


class _Engine:
    """One process among several: a worker that takes jobs, and a sweeper that makes them."""

    def __init__(
        self,
        context: Context,
        at_once: int,
        every: float,
        say: Callable[[str], None],
        in_force: Callable[[], Policy] | None,
        tell: Callable[[Context], None] | None,
        told_of: ReadBack = ReadBack(),
    ) -> None:
        self._context = context
        self._told_of = told_of
        self._in_force = in_force or (lambda: context.policy)
        self._tell = tell
        self._at_once = at_once
        self._every = timedelta(seconds=every)
        self._say = say
        self._heart = Heartbeat(context, say)
        self._silence = max(1.0, context.lease.total_seconds())
        """Seconds after which an engine that gives no sign of life is taken for dead: as long as its orders are its."""
        self._stirred = asyncio.Event()
        self._woken = asyncio.Event()
        self._sweeps = 0
        self._next_full = self._next_watch = self._next_telling = context.now()
        self._next_audit = context.now() + log_checkpoints.AUDIT_FIRST
        self._next_retention = context.now()

    async def run_on(self, *, once: bool) -> int:
        """Work, and begin again where the database was away: it may restart, or cut its connections."""
        from procrastinate.exceptions import ConnectorException  # noqa: PLC0415

        while True:
            try:
                return await self.run(once=once)
            except (StoreUnavailableError, ConnectorException) as error:
                if once or isinstance(error, StoreOtherVersionError):
                    raise
                self._say("the database cannot be reached; waiting")
            await asyncio.sleep(UNTIL_THE_DATABASE_IS_ASKED_AGAIN)

    async def run(self, *, once: bool) -> int:
        """Work until a signal, or until nothing is due; returns how many sweeps there were."""
        from procrastinate import App, PsycopgConnector  # noqa: PLC0415
        from procrastinate.schema import SchemaManager  # noqa: PLC0415

        # Jobs carry no truth, so those of another version of procrastinate are not migrated but left alone.
        schema = "jobs_" + version("procrastinate").replace(".", "_")
        store = self._context.store
        await asyncio.to_thread(store.make_room, schema, SchemaManager.get_schema())
        app = App(connector=PsycopgConnector(conninfo=store.conninfo, kwargs={"options": f"-c search_path={schema}"}))
        for name, act in self._acts().items():
            app.task(name=name)(self._stirring(act))
        async with app.open_async():
            if once:
                await self._once(app)
            else:
                await self._until_stopped(app)
        return self._sweeps

    async def _once(self, app: App) -> None:
        begun = self._context.now()
        for _ in range(_ROUNDS_OF_ONE):
            if not await self._sweep(app, fresh=begun):
                break
            await self._work(app, wait=False)

    async def _until_stopped(self, app: App) -> None:
        sweeper = asyncio.create_task(self._sweep_on(app))
        worker = asyncio.create_task(self._work(app, wait=True))
        listener = asyncio.create_task(self._listen_on())
        # The worker ends at a signal, the sweeper never but by an error: then whoever started us must know.
        await asyncio.wait({sweeper, worker, listener}, return_when=asyncio.FIRST_COMPLETED)
        for task in (sweeper, worker, listener):
            task.cancel()
        for answer in await asyncio.gather(sweeper, worker, listener, return_exceptions=True):
            if isinstance(answer, Exception):
                raise answer

    async def _work(self, app: App, *, wait: bool) -> None:
        await app.run_worker_async(
            concurrency=self._at_once,
            wait=wait,
            delete_jobs="always",
            fetch_job_polling_interval=_SHORTEST_PAUSE,
            update_heartbeat_interval=self._silence / 4,
            stalled_worker_timeout=self._silence,
        )

    async def _sweep_on(self, app: App) -> None:
        while True:
            await self._sweep(app, fresh=self._context.now() - self._every)
            await asyncio.sleep(_SHORTEST_PAUSE)
            until = asyncio.get_running_loop().time() + await asyncio.to_thread(self._pause)
            while await self._woken_before(until):
                found = await self._glance(app)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stirred.wait(), _BETWEEN_GLANCES if found else _SHORTEST_PAUSE)
            self._stirred.clear()

    async def _woken_before(self, until: float) -> bool:
        """Wait for a job that is done, a signal, or the time at which a pair is due; False: for none of them.

        until: when the next sweep is due, by the clock of the loop. It comes no later for what is due before.
        """
        clock = asyncio.get_running_loop().time
        stirred, woken = (asyncio.create_task(each.wait()) for each in (self._stirred, self._woken))
        pair_due = clock() + await asyncio.to_thread(self._until_a_pair_is_due)
        try:
            limit = max(0.0, min(until, pair_due) - clock())
            await asyncio.wait({stirred, woken}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stirred.cancel()
            woken.cancel()
        heard = self._woken.is_set() or pair_due < until
        self._woken.clear()
        return heard and not self._stirred.is_set()

    def _until_a_pair_is_due(self) -> float:
        times = [self._told_of.due_at(self._context)]
        if not self._context.policy.report_only:  # else what is due stays so
            with self._context.store.read() as connection:
                times += [needs.next_due(connection), putting.next_times(self._context, connection)[0]]
        due = min((each for each in times if each is not None), default=None)
        return float("inf") if due is None else max(0.0, (due - self._context.now()).total_seconds())

    def _to_read_back(self) -> Sequence[Chore]:
        due = self._told_of.due_at(self._context)
        return [Chore("read_back", {}, "read_back")] if due is not None and due <= self._context.now() else []

    async def _listen_on(self) -> None:
        """Until cancelled. Without signals, what became due is found by the next sweep."""
        while True:
            with suppress(StoreUnavailableError):
                await listen(self._context.store, self._woken.set)
            await asyncio.sleep(UNTIL_THE_DATABASE_IS_ASKED_AGAIN)

    async def _glance(self, app: App) -> int:
        """Take up what became due since the last sweep, and nothing else; how many jobs that were.

        Nothing is signed or said and no sign of life given: that something was decided again may be because of a hold.
        """
        if not await asyncio.to_thread(table_checks.may_act, self._context):
            return 0
        told = await asyncio.to_thread(self._to_read_back)
        chores = [*told, *await asyncio.to_thread(find_chores, self._context, fresh=_ANY_TIME, full_pass=False)]
        return await self._defer(app, [each for each in chores if each.task in _WOKEN_FOR])

    def _pause(self) -> float:
        with self._context.store.read() as connection:
            times = (
                orders.next_due(connection),
                putting.next_times(self._context, connection)[1],
                phone_rows.next_ask(connection, list(self._context.mdms), self._context.today()),
            )
        due = min((each for each in times if each is not None), default=None)
        longest = self._every.total_seconds()
        if change_notifications.can_be_told(self._context):
            longest = min(longest, _LISTEN)
        if self._context.policy.report_only:
            return longest
        return longest if due is None else min(longest, max(0.0, (due - self._context.now()).total_seconds()))

    async def _sweep(self, app: App, *, fresh: datetime) -> int:
        """Defer what is due and neither queued nor under way; how many jobs that were."""
        await self._take_over(app)
        if (why_not := await asyncio.to_thread(table_checks.why_not, self._context)) is not None:
            self._say(why_not)
            await asyncio.to_thread(self._heart.beat, self._context, well=False)
            return 0
        self._follow_policy()
        await asyncio.to_thread(end_what_ran_out, self._context)
        await asyncio.to_thread(tidy, self._context)
        now, look_again = self._context.now(), timedelta(hours=self._context.policy.look_hours)
        full_pass = now >= self._next_full or self._next_full > now + look_again  # the clock was put back
        if full_pass:
            self._next_full = now + look_again
        chores = list(await asyncio.to_thread(find_chores, self._context, fresh=fresh, full_pass=full_pass))
        chores += await asyncio.to_thread(self._to_read_back)
        if self._context.now() >= self._next_watch:
            self._next_watch = self._context.now() + change_notifications.WATCH_AGAIN_AFTER
            chores.append(Chore("watch", {}, "watch"))
        if self._context.now() >= self._next_audit:
            self._next_audit = self._context.now() + log_checkpoints.AUDIT_EVERY
            chores.append(Chore("audit", {}, "audit"))
        if self._context.now() >= self._next_retention:
            self._next_retention = self._context.now() + retention.EVERY
            chores.append(Chore("retain", {}, "retain"))
        if self._tell is not None and self._context.now() >= self._next_telling:
            self._next_telling = self._context.now() + _TELL_EVERY
            chores.append(Chore("tell", {}, "tell"))
        queued = await self._defer(app, chores)
        await asyncio.to_thread(log_checkpoints.write_checkpoint, self._context)
        await asyncio.to_thread(self._heart.beat, self._context)
        self._sweeps += 1
        if queued:
            self._say(f"sweep {self._sweeps}: {queued} jobs")
        return queued

    async def _defer(self, app: App, chores: Sequence[Chore]) -> int:
        from procrastinate.exceptions import AlreadyEnqueued  # noqa: PLC0415

        under_way = {job.lock or job.queueing_lock for job in await app.job_manager.list_jobs_async(status="doing")}
        queued = 0
        for chore in chores:
            if (chore.lock or chore.name) not in under_way:
                with suppress(AlreadyEnqueued):
                    job = app.configure_task(chore.task, lock=chore.lock, queueing_lock=chore.name)
                    await job.defer_async(**chore.arguments)
                    queued += 1
        return queued

    def _follow_policy(self) -> None:
        """One that was put in force while we were at work: everything is decided again."""
        policy = self._in_force()
        if policy.version != self._context.policy.version:
            self._context = replace(self._context, policy=policy)
            self._next_full = self._context.now()
            self._say(f"policy {policy.version}")

    async def _take_over(self, app: App) -> None:
        """Drop jobs of an engine that died: they hold locks that nobody gives back. The sweep finds the work anew."""
        from procrastinate.jobs import Status  # noqa: PLC0415

        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._silence):
            if job.id is not None:
                await app.job_manager.finish_job_by_id_async(job.id, Status.ABORTED, delete_job=True)

    def _acts(self) -> Mapping[str, Callable[..., object]]:
        return {
            "look": lambda place, full: look_at_all(self._context, full=full, ids=[place]),
            "read_back": lambda: bool(self._told_of.act(self._context)),
            "decide": self._decide,
            "carry_out": lambda number: self._carry_out(),  # noqa: ARG005  the number tells jobs apart
            "put_back": lambda: table_checks.may_act(self._context) and putting.put_due(self._context),
            "hear": lambda: hear_witnesses(self._context),
            "watch": lambda: change_notifications.keep_watch(self._context),
            "ask_phones": lambda: table_checks.may_act(self._context) and managers.work_on_phones(self._context),
            "audit": self._audit,
            "retain": self._retain,
            "tell": lambda: self._tell is not None and self._tell(self._context),
        }

    def _decide(self, full: bool) -> bool:
        if full:
            make_plan(self._context, full=True)
            return True
        return decide_due(self._context)

    def _audit(self) -> None:
        if (wrong := log_checkpoints.audit_now(self._context)) is not None:
            self._say(wrong)

    def _retain(self) -> None:
        if (said := retention.run_by_itself(self._context)) is not None:
            self._say(said)

    def _carry_out(self) -> None:
        if not table_checks.may_act(self._context):
            return  # queued before the log or a table was changed; the sweep says why
        until = self._context.now() + _LONGEST_TURN
        while carry_out(self._context) is not None and self._context.now() < until:
            pass

    def _stirring(self, act: Callable[..., object]) -> Callable[..., Awaitable[None]]:
        """The act as a job: in a thread, and the sweeper looks anew when it is done; not where nothing came of it."""

        async def job(**arguments: int | bool) -> None:
            if await asyncio.to_thread(act, **arguments) is not False:
                self._stirred.set()

        return job
