"""A schedule as a pipeline of passes, and running it. The schedule alone decides which passes run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import VerifyException

from treec.errors import CodegenError, ScheduleError
from treec.passes.registry import get_all_passes
from treec.schedule.base import Directive, Stage
from treec.schedule.directives import Walk
from treec.schedule.kernel import MAIN, KernelWhen
from treec.schedule.schedule import Schedule


@dataclass(frozen=True)
class Step:
    """One pass of a pipeline, and the directive that asked for it; None for the two that every schedule needs: making the
    first plan, and lowering the last one."""

    pass_: ModulePass
    directive: Directive | None = None
    walks: Mapping[str, Directive] = field(default_factory=dict[str, Directive])
    """The line that finished the plan of each kernel, where what can't be lowered is said."""

    @property
    def name(self) -> str:
        return self.pass_.name


@dataclass(frozen=True)
class StepDone:
    """What an observer is told: ``module`` is the IR after the step, and lives on."""

    number: int
    step: Step
    module: ModuleOp
    seconds: float


Observer = Callable[[StepDone], None]


def pipeline_of(schedule: Schedule) -> list[Step]:
    """The passes of a schedule in order: its directives', with ``plan-kernels`` before the first that needs a plan and
    ``lower-kernels`` at the end. The passes of a kernel block, and those behind the blocks, are told their kernel."""
    steps: list[Step] = []
    planned = False
    kernel: str | None = None  # until there are several, passes are for the only one
    for directive in schedule:
        if directive.stage is Stage.PLAN and not planned:
            steps.append(Step(get_all_passes()["plan-kernels"]()()))
            planned = True
        steps.append(_step(directive, kernel))
        if isinstance(directive, KernelWhen):
            steps += [_step(inner, directive.name) for inner in directive.directives]
            kernel = MAIN
    if not planned:
        steps.append(Step(get_all_passes()["plan-kernels"]()()))
    steps.append(Step(get_all_passes()["lower-kernels"]()(), walks=_walks(schedule)))
    return steps


def _walks(schedule: Schedule) -> dict[str, Directive]:
    """The walk of each kernel: its own, or the one above all kernels."""
    walks: dict[str, Directive] = {}
    for directive in schedule:
        if isinstance(directive, Walk):
            walks[MAIN] = directive
        elif isinstance(directive, KernelWhen):
            own = next((inner for inner in directive.directives if isinstance(inner, Walk)), walks.get(MAIN))
            walks |= {directive.name: own} if own else {}
    return walks


def _step(directive: Directive, kernel: str | None) -> Step:
    args: dict[str, Any] = directive.pass_args()
    if kernel is not None and not isinstance(directive, KernelWhen):
        args["kernel"] = kernel
    return Step(get_all_passes()[directive.pass_name]()(**args), directive)


def run_pipeline(module: ModuleOp, steps: Iterable[Step], observer: Observer | None = None) -> None:
    """Apply the steps to ``module`` in place, verifying it after each.

    Raises `ScheduleError` with the directive and its place, and `CodegenError` if a pass leaves invalid IR behind.
    """
    context = Context()
    for number, step in enumerate(steps, 1):
        start = time.perf_counter()
        try:
            step.pass_.apply(context, module)
        except ScheduleError as error:
            at = step.directive or step.walks.get(error.kernel or MAIN)
            raise (at.locate(error) if at else error) from None
        try:
            module.verify()
        except VerifyException as error:
            raise CodegenError(f"the pass {step.name} left invalid IR: {error}") from error
        if observer is not None:
            observer(StepDone(number, step, module, time.perf_counter() - start))
