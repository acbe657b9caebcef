"""The base of all directives, and their table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

from treec.errors import ScheduleError
from treec.schedule.arguments import Argument, BadValue, Value, argument, arguments_of, suggest
from treec.schedule.place import SourcePlace

if TYPE_CHECKING:
    from treec.schedule.check import Scope


class Stage(IntEnum):
    """What a directive speaks about. The stages of a schedule follow each other in this order."""

    TARGET = 0
    """The machine, for the whole artifact."""
    FOREST = 1
    """The trees: its pass runs on the forest dialect."""
    PLAN = 2
    """Loops, walks and layouts: its pass runs on the plan dialect."""


class Machine(StrEnum):
    """What a target is."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True)
class LoopUse:
    """What a directive does at a loop, which therefore can't be replaced any more."""

    loop: str
    how: str
    """A clause: "loop `row` is parallel"."""
    then: str
    """What to do after replacing the loop, "{}" for the new one: "make {} parallel"."""
    outermost: bool = False
    """It must stay the outermost loop."""


@dataclass(frozen=True)
class Directive:
    """One line of a schedule and one pass, as plain data.

    A new directive is one subclass under `directive`: its class variables, its arguments as fields made by `argument`, a
    docstring (what it does, then paragraphs that begin with ``Needs:`` and ``Pays:``), and `check` for what can be said
    about it before any pass runs. Equality ignores ``place``.
    """

    keyword: ClassVar[str]
    """The one or two words it starts with."""
    pass_name: ClassVar[str]
    stage: ClassVar[Stage]
    once: ClassVar[bool] = True
    """A second one of the same pass in a schedule is an error."""
    required: ClassVar[str | None] = None
    """Why a schedule without it is incomplete, or None."""
    machine: ClassVar[Machine | None] = None
    """The only kind of target it is for; None for all."""
    finishes_nest: ClassVar[bool] = False
    """No directive below it may change the loop nest."""

    place: SourcePlace | None = dataclasses.field(default=None, compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        for a in self.arguments():
            try:
                object.__setattr__(self, a.field, a.kind.convert(getattr(self, a.field)))
            except BadValue as bad:
                text = self.place.shown if self.place else self.keyword
                place = str(self.place.at(a.spelled, bad.item)) if self.place else None
                fix = bad.fix or f"write `{self.usage()}`"
                raise ScheduleError(f"`{a.spelled}` {bad.reason}", directive=text, place=place, fix=fix) from None

    @classmethod
    def arguments(cls) -> tuple[Argument, ...]:
        """Its arguments, positional ones first."""
        return _arguments(cls)

    @classmethod
    def usage(cls) -> str:
        """Its form: ``split LOOP into=(OUTER, INNER) by=N``."""
        return " ".join([cls.keyword, *(a.usage() for a in cls.arguments())])

    @classmethod
    def shortest_usage(cls) -> str:
        """Its form with required arguments alone: ``walk with=scalar|…``."""
        return " ".join([cls.keyword, *(a.usage() for a in cls.arguments() if a.required)])

    def values(self) -> dict[str, Value]:
        """Argument values by their names in text and JSON."""
        return {a.spelled: getattr(self, a.field) for a in self.arguments()}

    def pass_args(self) -> dict[str, Value]:
        """Argument values by the names of the pass's options."""
        return {a.field: getattr(self, a.field) for a in self.arguments()}

    def canonical(self) -> str:
        """The canonical text: arguments in the order of the reference, all but quiet ones that have their defaults."""
        values = [(a, getattr(self, a.field)) for a in self.arguments()]
        return " ".join([self.keyword, *(a.show(v) for a, v in values if not (a.quiet and v == a.default))])

    @property
    def text(self) -> str:
        """The text as the user wrote it, else the canonical one."""
        return self.place.shown if self.place else self.canonical()

    def check(self, scope: Scope) -> None:
        """Check it against the directives before it, and tell ``scope`` which loops it makes. Raises `ScheduleError`."""

    def check_nest(self, scope: Scope) -> None:
        """Check it against the finished nest, when the walk is chosen. Raises `ScheduleError`."""

    def grouping(self, scope: Scope) -> str | None:
        """How it groups the trees whose leaf values are added, where it does: all kernels must do alike."""
        return None

    def loop_use(self) -> LoopUse | None:
        """The loop it is bound to, which no directive below may replace."""
        return None

    def error(self, reason: str, fix: str | None = None, *, argument: str | None = None, item: int = 0) -> ScheduleError:
        """An error about this directive, at the place of the argument (by its name in text) where one is named."""
        place = self.place.at(argument, item) if self.place and argument else self.place
        return ScheduleError(reason, directive=self.text, place=str(place) if place else None, fix=fix)

    def locate(self, error: ScheduleError) -> ScheduleError:
        """An error of this directive's pass with the directive and its place filled in, where the pass could not know."""
        if error.directive is not None:
            return error
        place = error.place or (str(self.place) if self.place else None)
        return ScheduleError(error.message, directive=self.text, place=place, fix=error.fix)

    def end_place(self) -> SourcePlace | None:
        """The place just behind it."""
        return self.place.end() if self.place else None

    def where(self) -> str:
        """A short mention for other errors: "line 3", or the text."""
        return f"line {self.place.line}" if self.place else f"`{self.text}`"


DIRECTIVES: dict[str, type[Directive]] = {}
"""Every directive by its keyword."""


D = TypeVar("D", bound=Directive)


@dataclass_transform(frozen_default=True, field_specifiers=(argument,))
def directive(cls: type[D]) -> type[D]:
    """Make the class a frozen dataclass and a word of the language."""
    made = dataclass(frozen=True)(cls)
    if made.keyword in DIRECTIVES:
        raise TypeError(f"the directive `{made.keyword}` is defined twice")
    DIRECTIVES[made.keyword] = made
    return made


def assemble(cls: type[Directive], values: Mapping[str, Any], place: SourcePlace | None = None) -> Directive:
    """A directive from values by their names in text; raises `ScheduleError` for unknown, missing and bad arguments."""
    known = {a.spelled: a for a in cls.arguments()}
    text = place.shown if place else cls.keyword
    for name in values:
        if name not in known:
            has = ", ".join(f"`{k}`" for k in known) or "none"
            at = str(place.at(f"{name}=")) if place else None
            fix = suggest(name, known) or f"write `{cls.usage()}`"
            raise ScheduleError(
                f"`{cls.keyword}` has no argument `{name}`; it has {has}", directive=text, place=at, fix=fix
            )
    missing = [a for a in known.values() if a.required and a.spelled not in values]
    if missing:
        at = str(place.end()) if place else None
        wanted = " and ".join(f"`{a.spelled}`" for a in missing)
        raise ScheduleError(f"`{cls.keyword}` needs {wanted}", directive=text, place=at, fix=f"write `{cls.usage()}`")
    return cls(**{known[name].field: value for name, value in values.items()}, place=place)


@cache
def _arguments(cls: type[Directive]) -> tuple[Argument, ...]:
    return arguments_of(cls)
