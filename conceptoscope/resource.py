"""Things of a server with methods that ask it: written once, for programs that wait and for those that await."""

from collections.abc import Awaitable, Callable
from functools import cached_property, update_wrapper
from inspect import Signature, signature
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, overload

from conceptoscope.asking import Ask, Plan, Reply
from conceptoscope.driving import Awaiting, Blocking, Driver
from conceptoscope.record import Record
from conceptoscope.session import data_of

D = TypeVar("D", bound=Driver)
P = ParamSpec("P")
R = TypeVar("R", bound=Record)
S = TypeVar("S")
T = TypeVar("T")


class Resource(Generic[D]):
    """Something that can ask. ``D`` says how: ``Blocking`` or ``Awaiting``."""

    _driver: D

    def _set(self, **fields: Any) -> None:
        """Fill what a record holds besides the server's words; only while it is made."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _ask(self, ask: Ask) -> Plan[Reply]:
        return self._driver.session.exchange(ask)

    def _data(self, ask: Ask) -> Plan[Any]:
        """The data of an answer, out of its envelope."""
        reply = yield from self._ask(ask)
        return data_of(reply)["data"]

    def _record(self, ask: Ask, kind: type[R]) -> Plan[R]:
        return kind((yield from self._data(ask)))

    def _records(self, ask: Ask, kind: type[R]) -> Plan[tuple[R, ...]]:
        return tuple(kind(row) for row in (yield from self._data(ask)))


class call(Generic[S, P, T]):  # noqa: N801 - a decorator
    """Makes a method of a plan: on a ``Blocking`` thing it gives the outcome, on an ``Awaiting`` one an awaitable."""

    def __init__(self, plan: Callable[Concatenate[S, P], Plan[T]]) -> None:
        self.plan = plan
        update_wrapper(self, plan)  # type: ignore[arg-type]  # it is shown as what it wraps

    @overload
    def __get__(self, thing: None, owner: type) -> "call[S, P, T]": ...

    @overload
    def __get__(self, thing: Resource[Blocking], owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, thing: Resource[Awaiting], owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, thing: Any, owner: type) -> Any:
        """The method, bound."""
        if thing is None:
            return self

        def method(*given: P.args, **named: P.kwargs) -> Any:
            return thing._driver.run(self.plan(thing, *given, **named))

        method.__signature__ = self._signature  # type: ignore[attr-defined]  # what help() shows
        return update_wrapper(method, self.plan)

    @cached_property
    def _signature(self) -> Signature:
        """That of the method: without ``self``, and with what the plan gives in the plan's place."""
        whole = signature(self.plan)
        gives = get_args(whole.return_annotation)[-1:]
        return whole.replace(
            parameters=list(whole.parameters.values())[1:], return_annotation=gives[0] if gives else Signature.empty
        )


def check_waits(driver: Driver) -> None:
    """Raise ``TypeError`` where something that waits was asked of a client that awaits."""
    if not isinstance(driver, Blocking):
        raise TypeError("This is of an AsyncClient: use 'async for', 'async with' and 'await ...count()'.")


def check_awaits(driver: Driver) -> None:
    """Raise ``TypeError`` where it is the other way round."""
    if not isinstance(driver, Awaiting):
        raise TypeError("This is of a Client that waits: use 'for', 'with' and 'len()', or an AsyncClient.")
