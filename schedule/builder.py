"""Schedules from Python, with the names of the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treec.errors import ScheduleError
from treec.schedule.arguments import suggest
from treec.schedule.base import Directive, assemble
from treec.schedule.directives import DIRECTIVES
from treec.schedule.kernel import KernelWhen
from treec.schedule.schedule import Schedule


class UnknownDirectiveError(ScheduleError, AttributeError):
    """A method of the builder that is no directive."""


class ScheduleBuilder:
    """Writes a schedule one directive after the other, each a method of the directive's name.

    ``.target("cpu", level="native").share("predicates").layout("packed").split("row", into=("block", "row"), by=64)
    .order("block", "tree", "row").walk(with_="scalar").parallel("block").done()``

    ``.kernel(8, Schedule.build().order("row", "tree").walk(with_="scalar"))`` is a kernel block.

    Two words are one name (``share_predicates()``) or a name and a first argument; a name that Python keeps to itself gets
    an underscore at its end. A builder never changes: each call returns a new one, so a common beginning can be shared.
    Arguments are checked at once, the whole by `done`; both raise `ScheduleError`.
    """

    def __init__(self, directives: tuple[Directive, ...] = ()) -> None:
        self._directives = directives

    def __getattr__(self, name: str) -> Callable[..., ScheduleBuilder]:
        if name.startswith("_"):
            raise AttributeError(name)
        known = _methods()
        if name not in known and not any(method.startswith(f"{name}_") for method in known):
            raise _unknown(name)

        def add(*positional: Any, **named: Any) -> ScheduleBuilder:
            method = name
            if method not in known and positional:
                method, positional = f"{name}_{positional[0]}", positional[1:]
            if method not in known:
                raise _unknown(method)
            return ScheduleBuilder((*self._directives, _make(known[method], positional, named)))

        add.__name__ = name
        add.__doc__ = known[name].__doc__ if name in known else None
        return add

    def kernel(self, rows: int, plan: ScheduleBuilder) -> ScheduleBuilder:
        # `plan` holds the block's directives; it is begun by `Schedule.build`.
        return ScheduleBuilder((*self._directives, KernelWhen(rows, plan._directives)))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_methods()]

    kernel.__doc__ = KernelWhen.__doc__

    def done(self) -> Schedule:
        """The checked schedule."""
        return Schedule(self._directives).check()


def _unknown(method: str) -> UnknownDirectiveError:
    known = _methods()
    here = f"the directives are {', '.join(known)}"
    guess = suggest(method, known)
    return UnknownDirectiveError(f"unknown directive `{method}`", fix=f"{guess} {here}" if guess else here)


def _methods() -> dict[str, type[Directive]]:
    return {keyword.replace(" ", "_"): cls for keyword, cls in DIRECTIVES.items()}


def _make(cls: type[Directive], positional: tuple[Any, ...], named: dict[str, Any]) -> Directive:
    wanted = [a for a in cls.arguments() if a.positional]
    if len(wanted) == 1 and wanted[0].kind.is_list:
        positional = (positional,) if positional else ()
    if len(positional) > len(wanted):
        reason = f"too many unnamed arguments: {len(positional)} instead of {len(wanted)}"
        raise ScheduleError(reason, directive=cls.keyword, fix=f"write `{cls.usage()}`")
    values: dict[str, Any] = {a.spelled: value for a, value in zip(wanted, positional, strict=False)}
    spelled = {a.python_name: a.spelled for a in cls.arguments()}
    for name, value in named.items():
        if spelled.get(name) in values:
            raise ScheduleError(f"`{name}` is given twice", directive=cls.keyword, fix="keep one of the two")
        values[spelled.get(name, name)] = value
    return assemble(cls, values)
