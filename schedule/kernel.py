"""``kernel when rows <= N { … }``: a plan of its own for small calls."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from treec.schedule.arguments import Number, argument
from treec.schedule.base import Directive, Stage, directive
from treec.schedule.check import Scope, check_complete, check_one
from treec.schedule.directives import DIRECTIVES as DIRECTIVES  # a block is the last directive of the table
from treec.schedule.place import SourcePlace

MAIN = "main"
"""The kernel that serves all calls which no block serves."""


@directive
class KernelWhen(Directive):
    """A second plan in the same artifact, for calls of at most `rows` rows. Which plan serves a call is decided by the rows
    of the call, before they are shared out to threads; among several blocks it is the first, that is the smallest, that
    fits. All plans give the same bits.

    The directives above the first block are common to all kernels: each block goes on from there, and so does what stands
    below the last block, which is the plan for all other calls. A block holds directives about loops, layout and walk, one
    a line, and ends with a line `}`.

    Needs: blocks one below the other, the smallest `rows` first; a `layout` and a `walk`, in the common part or in the
    block; the target and the trees are settled in the common part.

    Pays: where single rows and large batches both matter: for a few rows `walk … interleave=tree:N` keeps the memory
    busy, for many rows blocks of rows reuse a tree. Costs the code once more, and another layout its tables.
    """

    keyword: ClassVar[str] = "kernel"
    pass_name: ClassVar[str] = "add-kernel"
    stage: ClassVar[Stage] = Stage.PLAN
    once: ClassVar[bool] = False

    rows: int = argument(Number(), "the most rows of a call that it serves", positional=True)
    directives: tuple[Directive, ...] = ()
    end: SourcePlace | None = dataclasses.field(default=None, compare=False, repr=False)

    @classmethod
    def usage(cls) -> str:
        return "kernel when rows <= N { … }"

    @property
    def name(self) -> str:
        """The kernel's symbol in the IR."""
        return f"rows_{self.rows}"

    def head(self) -> str:
        return f"kernel when rows <= {self.rows}"

    def canonical(self) -> str:
        return "\n".join([f"{self.head()} {{", *(f"  {d.canonical()}" for d in self.directives), "}"])

    @property
    def text(self) -> str:
        return self.place.shown if self.place else self.head()

    def end_place(self) -> SourcePlace | None:
        return self.end

    def check(self, scope: Scope) -> None:
        if scope.inside_kernel:
            raise self.error("a kernel can't stand inside a kernel", "close the one around it with `}` first")
        before = [d for d in scope.done if isinstance(d, KernelWhen)]
        if before:
            self._check_neighbours(scope, before[-1])
        if not self.directives:
            raise self.error("the kernel is empty", "write its plan between the braces, or remove it")
        inner = scope.for_kernel([d for d in scope.done if not isinstance(d, KernelWhen)])
        for d in self.directives:
            if d.stage is not Stage.PLAN:
                about = "the target" if d.stage is Stage.TARGET else "the trees"
                reason = f"`{d.keyword}` is about {about}, which all kernels share"
                raise d.error(reason, "move it above the first `kernel`")
            check_one(d, inner)
        check_complete(inner, str(self.end or self.head()), "the kernel")
        scope.kernels[self.name] = inner

    def _check_neighbours(self, scope: Scope, last: KernelWhen) -> None:
        if self.rows == last.rows:
            raise self.error(f"there is a kernel for {self.rows} rows already: {last.where()}", "keep one of the two")
        if self.rows < last.rows:
            reason = f"a call of {self.rows} rows is already served by the kernel for up to {last.rows} ({last.where()})"
            raise self.error(reason, "write the kernels in the order of their `rows`, the smallest first")
        if not isinstance(scope.done[-1], KernelWhen):
            reason = f"`{scope.done[-1].text}` stands between two kernels"
            fix = "kernels follow one another; move it below the last one, or above the first one if it is for all"
            raise self.error(reason, fix)
