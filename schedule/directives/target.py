"""The directive about the machine, for the whole artifact."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, argument
from treec.schedule.base import Directive, Stage, directive

CPU_LEVELS = ("native", "x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64")


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

    level: str = argument(Choice(CPU_LEVELS), "instruction set; `native` is the CPU that compiles", default="native")
    input: str = argument(
        Choice(("f32", "f64", "any")), "dtype of the rows that are accepted; `any` is both", default="any"
    )
