"""Two ways to carry a plan out: waiting for each effect in a thread, or awaiting it in a loop. Nothing else differs."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx

from conceptoscope.asking import Ask, Effect, Pause, Plan, Reply, Shut, Together
from conceptoscope.session import Session, refused, told

T = TypeVar("T")
_THREADS: Final = 4


@dataclass(frozen=True)
class Wiring:
    """How connections are made. ``transport`` takes the network's place in programs that have one of their own."""

    base: str
    timeout_s: float
    transport: Any = None

    def options(self) -> dict[str, Any]:
        """What both of httpx's clients are made with."""
        limits = httpx.Limits(max_connections=_THREADS * 2, max_keepalive_connections=_THREADS)
        return {
            "base_url": self.base,
            "timeout": httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, 10.0)),
            "transport": self.transport,
            "limits": limits,
            "follow_redirects": False,
            "headers": {"User-Agent": "conceptoscope-client", "Accept": "application/json, */*;q=0.5"},
        }


@dataclass(frozen=True)
class Outcome:
    """What an effect gave, or how it failed."""

    value: Any = None
    fault: Exception | None = None

    def into(self, plan: Plan[Any]) -> Effect:
        """Tell the plan, which says what it wants next; raises ``StopIteration`` with its outcome."""
        return plan.send(self.value) if self.fault is None else plan.throw(self.fault)


class Driver:
    """What both share: the session that knows caches, retries and faults."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def _request(self, http: httpx.Client | httpx.AsyncClient, ask: Ask) -> httpx.Request:
        form: dict[str, Any] = {}
        if ask.upload is not None:
            form = {"files": {"file": (ask.upload.name, ask.upload.content)}, "data": dict(ask.upload.fields)}
        if ask.json is not None:
            form["json"] = ask.json
        if ask.query:  # an empty list would drop what the path has
            form["params"] = list(ask.query)
        return http.build_request(ask.method, ask.path, headers=dict(ask.headers), **form)

    def _streamed(self, ask: Ask) -> dict[str, Any]:
        """The same for an answer that is read as it comes."""
        headers = {**self.session.secret_for(ask), **ask.headers}
        return {"method": ask.method, "url": ask.path, "params": list(ask.query), "headers": headers}


class Blocking(Driver):
    """For programs that wait."""

    def __init__(self, session: Session, wiring: Wiring) -> None:
        super().__init__(session)
        self._http = httpx.Client(**wiring.options())
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="conceptoscope")

    def run(self, plan: Plan[T]) -> T:
        """Carry a plan out to its end."""
        outcome = Outcome()
        try:
            while True:
                outcome = self._outcome(outcome.into(plan))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    def start(self, plan: Plan[T]) -> "Future[T]":
        """Begin a plan beside what goes on."""
        return self._threads.submit(self.run, plan)

    def lines(self, ask: Ask) -> Iterator[str]:
        """Lines of an answer as they come."""
        with told(ask), self._http.stream(**self._streamed(ask)) as response:
            if response.status_code != 200:
                response.read()
                raise refused(_reply(response))
            yield from response.iter_lines()

    def _outcome(self, effect: Effect) -> Outcome:
        try:
            return Outcome(self._carry_out(effect))
        except Exception as fault:  # the plan decides what to do about it
            return Outcome(fault=fault)

    def _carry_out(self, effect: Effect) -> Any:
        match effect:
            case Ask():
                return _reply(self._http.send(self._request(self._http, effect)))
            case Pause():
                time.sleep(effect.seconds)
            case Together():
                return [future.result() for future in [self.start(plan) for plan in effect.plans]]
            case Shut():
                self._http.close()
                self._threads.shutdown(cancel_futures=True)
        return None


class Awaiting(Driver):
    """For programs that await."""

    def __init__(self, session: Session, wiring: Wiring) -> None:
        super().__init__(session)
        self._http = httpx.AsyncClient(**wiring.options())

    async def run(self, plan: Plan[T]) -> T:
        """Carry a plan out to its end."""
        outcome = Outcome()
        try:
            while True:
                outcome = await self._outcome(outcome.into(plan))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            plan.close()

    def start(self, plan: Plan[T]) -> "asyncio.Task[T]":
        """Begin a plan beside what goes on."""
        return asyncio.create_task(self.run(plan))

    async def lines(self, ask: Ask) -> AsyncIterator[str]:
        """Lines of an answer as they come."""
        with told(ask):
            async with self._http.stream(**self._streamed(ask)) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise refused(_reply(response))
                async for line in response.aiter_lines():
                    yield line

    async def _outcome(self, effect: Effect) -> Outcome:
        try:
            return Outcome(await self._carry_out(effect))
        except Exception as fault:  # the plan decides what to do about it
            return Outcome(fault=fault)

    async def _carry_out(self, effect: Effect) -> Any:
        match effect:
            case Ask():
                return _reply(await self._http.send(self._request(self._http, effect)))
            case Pause():
                await asyncio.sleep(effect.seconds)
            case Together():
                return await asyncio.gather(*(self.run(plan) for plan in effect.plans))
            case Shut():
                await self._http.aclose()
        return None


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, response.headers, response.content, str(response.url))
