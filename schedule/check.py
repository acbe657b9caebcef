"""What can be said about a schedule before any pass runs: order of the directives, and the names of the loops."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from treec.errors import ScheduleError
from treec.schedule.arguments import suggest
from treec.schedule.base import DIRECTIVES, Directive, Machine, Stage

D = TypeVar("D", bound=Directive)


class Axis(StrEnum):
    """What a loop runs over. Each axis starts as one loop of that name."""

    ROW = "row"
    TREE = "tree"


@dataclass
class Scope:
    """The state of a schedule at one directive: what came before, and the loops that exist.

    ``loops`` maps each loop to its axis, outermost first. ``inside`` maps the inner loop of a split to the outer one, in
    one step of which it runs. ``steps``: rows or trees in one step of a loop. ``replaced`` maps a loop that no longer
    exists to the directive that took it away.
    ``kernels`` maps the name of each kernel block to its final state. In the state of a block, ``common`` is how many
    directives of ``done`` stand above the first block; otherwise it is None.
    """

    done: list[Directive] = field(default_factory=list[Directive])
    loops: dict[str, Axis] = field(default_factory=lambda: {axis.value: axis for axis in Axis})
    inside: dict[str, str] = field(default_factory=dict[str, str])
    steps: dict[str, int] = field(default_factory=lambda: {axis.value: 1 for axis in Axis})
    replaced: dict[str, Directive] = field(default_factory=dict[str, Directive])
    kernels: dict[str, Scope] = field(default_factory=dict[str, "Scope"])
    common: int | None = None

    @property
    def inside_kernel(self) -> bool:
        return self.common is not None

    @property
    def target(self) -> Directive | None:
        """The directive that says which machine the code is for, if there is one."""
        return next((d for d in self.done if d.stage is Stage.TARGET and d.machine is not None), None)

    @property
    def machine(self) -> Machine:
        """What the code is for; a CPU where nothing else is said."""
        target = self.target
        return Machine.CPU if target is None or target.machine is None else target.machine

    def for_kernel(self, done: list[Directive]) -> Scope:
        """The state at the start of a kernel block here, behind the common directives ``done``."""
        parts = {name: copy(value) for name, value in vars(self).items()}
        return replace(self, **parts | {"done": list(done), "kernels": {}, "common": len(done)})

    def find(self, kind: type[D]) -> D | None:
        """The first directive of a kind so far."""
        return next((d for d in self.done if isinstance(d, kind)), None)

    def axis(self, directive: Directive, argument: str, name: str, item: int = 0) -> Axis:
        """The axis of a loop that an argument names; an error at that very word if there is no such loop here."""
        if name in self.loops:
            return self.loops[name]
        if name in self.replaced:
            by = self.replaced[name]
            reason = f"there is no loop `{name}` any more: {by.where()} replaced it"
        else:
            reason = f"there is no loop `{name}`"
        here = f"the loops here are {', '.join(self.loops)}"
        guess = suggest(name, self.loops)
        raise directive.error(reason, f"{guess} {here}" if guess else here, argument=argument, item=item)

    def split(self, directive: Directive, name: str, into: tuple[str, str], by: int) -> None:
        """Put two loops of the same axis in the place of one. What ran inside the old loop runs inside the inner one."""
        step = self.steps.pop(name)
        self.steps |= {into[0]: step * by, into[1]: step}
        nest = [(new, self.loops[old]) for old in self.loops for new in (into if old == name else (old,))]
        self.loops = dict(nest)
        outer, inner = into
        around = self.inside.pop(name, None)
        self.inside = {loop: inner if of == name else of for loop, of in self.inside.items()}
        self.inside |= {inner: outer} if around is None else {inner: outer, outer: around}
        for new in self.loops:
            self.replaced.pop(new, None)
        if name not in self.loops:
            self.replaced[name] = directive

    def fuse(self, directive: Directive, outer: str, inner: str, into: str) -> None:
        """Put one loop in the place of two neighbours. What ran inside the inner one runs inside the new one."""
        axis = self.loops[outer]
        self.steps[into] = self.steps[inner]
        self.loops = {into if n == outer else n: axis if n == outer else a for n, a in self.loops.items() if n != inner}
        around = self.inside.pop(outer, None)
        del self.inside[inner]
        self.inside = {loop: into if of == inner else of for loop, of in self.inside.items()}
        self.inside |= {} if around is None else {into: around}
        self.replaced |= {name: directive for name in (outer, inner) if name != into}
        self.replaced.pop(into, None)

    def order(self, names: Iterable[str]) -> None:
        """Rearrange the nest; ``names`` is a permutation of it."""
        self.loops = {name: self.loops[name] for name in names}

    def check_open(self, directive: Directive) -> None:
        """Raise if the nest is finished: nothing changes it any more."""
        finished = next((d for d in self.done if d.finishes_nest), None)
        if finished is None:
            return
        reason = f"`{directive.keyword}` changes the loop nest, which is finished at {finished.where()}"
        common = self.inside_kernel and finished in self.done[: self.common]
        fix = (
            "move that line below the kernels, unless it is for all of them"
            if common
            else f"move it above `{finished.text}`"
        )
        raise directive.error(reason, fix)

    def check_free(self, directive: Directive, argument: str, loops: Iterable[str], fix: str, new: str) -> None:
        """Raise if a directive so far is bound to one of ``loops``, which ``directive``, at ``argument``, would replace.

        ``fix`` says what to do instead, "{}" for the rest of it; ``new`` is what the new loop is called there.
        """
        for before in self.done:
            use = before.loop_use()
            if use is not None and use.loop in loops:
                raise directive.error(f"{use.how} ({before.where()})", fix.format(use.then.format(new)), argument=argument)

    def __str__(self) -> str:
        return ", ".join(self.loops)


def check_directives(directives: Iterable[Directive], file: str = "<schedule>") -> Scope:
    """Prove that the directives make one whole plan; returns the final state, with the loops in their final order.

    Raises `ScheduleError` at the first directive that does not fit what stands before it, and last for what is missing.
    Whether a plan suits a model and the machine is for the passes to say.
    """
    scope = Scope()
    for directive in directives:
        check_one(directive, scope)
    last = scope.done[-1].end_place() if scope.done else None
    what = "the plan for all other calls, below the kernels," if scope.kernels else "the schedule"
    check_complete(scope, str(last) if last else file, what)
    _check_sums_alike(scope)
    return scope


def _check_sums_alike(scope: Scope) -> None:
    """Raise if kernels add up trees in other groups: the sum of a row would depend on the number of rows."""
    main = _groupings(scope)
    for name, kernel in scope.kernels.items():
        other = _groupings(kernel)
        if list(other.values()) == list(main.values()):
            continue
        directive = next(iter({**other, **main}))
        says = [next(iter(found.values()), "no groups of trees") for found in (other, main)]
        reason = f"kernel `{name}` has {says[0]} and the plan for larger calls {says[1]}"
        fix = "give all kernels the same `reduce`, of loops with the same steps, or none"
        raise directive.error(f"{reason}: the sum of a row would depend on the number of rows", fix)


def _groupings(scope: Scope) -> dict[Directive, str]:
    return {d: found for d in scope.done if (found := d.grouping(scope)) is not None}


def check_one(directive: Directive, scope: Scope) -> None:
    """Check a directive against what stands before it, and add it."""
    _check_once(directive, scope)
    _check_stage(directive, scope)
    _check_machine(directive, scope)
    directive.check(scope)
    scope.done.append(directive)


def _check_once(directive: Directive, scope: Scope) -> None:
    first = next((d for d in scope.done if d.pass_name == directive.pass_name), None)
    if directive.once and first is not None:
        common = scope.inside_kernel and first in scope.done[: scope.common]
        fix = "keep one of the two" + (", or move that line below the kernels" if common else "")
        raise directive.error(f"`{directive.keyword}` is already given by {first.where()}", fix)


def _check_machine(directive: Directive, scope: Scope) -> None:
    if directive.machine in (None, scope.machine) or directive.stage is Stage.TARGET:
        return
    target = scope.target
    where = "the default" if target is None else target.where()
    reason = f"`{directive.keyword}` is for a {directive.machine}, and the target is a {scope.machine} ({where})"
    raise directive.error(reason, f"leave it out, or write `target {directive.machine}` at the top")


_ABOUT = {Stage.TARGET: "the target", Stage.FOREST: "the trees", Stage.PLAN: "loops and layout"}


def _check_stage(directive: Directive, scope: Scope) -> None:
    for before in scope.done:
        if before.stage > directive.stage:
            about = f"`{directive.keyword}` is about {_ABOUT[directive.stage]}"
            reason = f"{about} and comes before everything about {_ABOUT[before.stage]}"
            raise directive.error(reason, f"move it above {before.where()}")


def check_complete(scope: Scope, place: str, what: str) -> None:
    """Raise `ScheduleError` if ``what`` lacks a directive that every plan needs."""
    for kind in DIRECTIVES.values():
        if kind.required and scope.find(kind) is None:
            reason = f"{what} has no `{kind.keyword}`: {kind.required}"
            raise ScheduleError(reason, place=place, fix=f"add `{kind.shortest_usage()}`")
