"""Directives for the whole artifact: the machine, and how exact sums are."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Choices, argument
from treec.schedule.base import Directive, Machine, Stage, directive
from treec.schedule.check import Scope
from treec.schedule.gpus import GPUS

CPU_LEVELS = ("native", "x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vbmi", "aarch64")


@directive
class TargetCpu(Directive):
    """Says that the code is for a CPU, of which level, and which rows it takes. Without this line
    both arguments have their defaults.

    Needs: nothing; it is the first directive of a schedule.

    Pays: a higher level lets the compiler use wider vectors, on CPUs that have them only: the artifact refuses others. One
    input dtype instead of both leaves out the entry points for the other.
    """

    keyword: ClassVar[str] = "target cpu"
    pass_name: ClassVar[str] = "set-target"
    stage: ClassVar[Stage] = Stage.TARGET
    machine: ClassVar[Machine | None] = Machine.CPU

    level: str = argument(Choice(CPU_LEVELS), "instruction set; `native` is the CPU that compiles", default="native")
    input: str = argument(
        Choice(("f32", "f64", "any")), "dtype of the rows that are accepted; `any` is both", default="any"
    )


@directive
class TargetGpu(Directive):
    """Says that the code is for a GPU, of which architecture, and which rows it takes. With `also`, the file has machine
    code for other architectures, too, and the limits are those that all of them have.

    Needs: to be the only target. Loops are bound to the GPU by `bind`.

    Pays: for large batches, where there is a GPU. One input dtype instead of both halves the number of kernels; `f32` also
    leaves out conversions of rows, which are slow on most GPUs.
    """

    keyword: ClassVar[str] = "target gpu"
    pass_name: ClassVar[str] = "set-gpu-target"
    stage: ClassVar[Stage] = Stage.TARGET
    machine: ClassVar[Machine | None] = Machine.GPU

    arch: str = argument(Choice(tuple(GPUS)), "NVIDIA's name of the architecture", default="sm_90")
    input: str = argument(
        Choice(("f32", "f64", "any")), "dtype of the rows that are accepted; `any` is both", default="any"
    )
    also: tuple[str, ...] = argument(Choices(tuple(GPUS)), "other architectures with machine code", default=(), quiet=True)

    @property
    def archs(self) -> tuple[str, ...]:
        return (self.arch, *self.also)

    def check(self, scope: Scope) -> None:
        if self.arch in self.also:
            raise self.error(f"{self.arch} is the architecture already", "leave it out of `also`")
        other = scope.find(TargetCpu)
        if other is not None:
            raise self.error(f"the target is a CPU already ({other.where()})", "keep one of the two")

    def check_nest(self, scope: Scope) -> None:
        """Blocks and threads have something to share."""
        for kind, what in (("grid", "blocks"), ("block", "threads")):
            if not any(d.keyword == "bind" and str(d.values()["to"]).startswith(kind) for d in scope.done):
                fix = "write e.g. `split row into=(block, thread) by=256`, `bind block grid.x` and `bind thread block.x`"
                raise self.error(f"no loop is shared among {what} of the GPU", fix)


@directive
class FloatPolicy(Directive):
    """Says whether the leaf values of a row are added in the model's order. With `exact`, which is the default, they are:
    raw outputs are those of the library, to the last bit. `reassociate` allows another order and grouping: that of the
    schedule, so results still do not depend on the batch, the threads or the strides. The card records the policy.

    Needs: nothing. Verification then compares raw outputs within a bound that follows from the number of terms and their
    sizes (docs/exactness.md), and everything else as ever.

    Pays: with `reorder trees`, which then holds no leaf values.
    """

    keyword: ClassVar[str] = "float"
    pass_name: ClassVar[str] = "float-policy"
    stage: ClassVar[Stage] = Stage.TARGET

    policy: str = argument(Choice(("exact", "reassociate")), "the order of sums", positional=True)
