"""A schedule: the whole plan of a compilation, as plain data."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from treec.errors import ScheduleError, UsageError
from treec.schedule import json_form
from treec.schedule.base import Directive
from treec.schedule.check import Scope, check_directives
from treec.schedule.directives import FloatPolicy, ReduceLoop, TargetCpu, TargetGpu
from treec.schedule.kernel import MAIN
from treec.schedule.parse import parse_directives
from treec.schedule.print import print_directives

if TYPE_CHECKING:
    from treec.schedule.builder import ScheduleBuilder

MAX_BYTES = 1 << 20
"""A larger file is not taken for a schedule."""


@dataclass(frozen=True)
class Schedule:
    """Directives in the order of their passes. Equal schedules have equal directives, wherever they were written.

    The constructor takes any directives; all other ways to make a schedule also `check` it.
    """

    directives: tuple[Directive, ...]
    file: str = field(default="<schedule>", compare=False, repr=False)

    def __iter__(self) -> Iterator[Directive]:
        return iter(self.directives)

    def __len__(self) -> int:
        return len(self.directives)

    def __str__(self) -> str:
        return self.to_text()

    @staticmethod
    def build() -> ScheduleBuilder:
        """An empty builder; see `ScheduleBuilder`."""
        from treec.schedule.builder import ScheduleBuilder

        return ScheduleBuilder()

    @staticmethod
    def from_text(text: str, file: str = "<schedule>") -> Schedule:
        """Parse and check; raises `ScheduleError` with ``file:line:column``."""
        return Schedule(parse_directives(text, file), file).check()

    @staticmethod
    def from_file(path: str | Path) -> Schedule:
        """Read, parse and check a UTF-8 file; raises `ScheduleError`, or `UsageError` for a file that can't be read."""
        path = Path(path)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a path with a null byte
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"cannot read the schedule: {why}", place=str(path)) from None
        if len(data) > MAX_BYTES:
            raise ScheduleError(
                f"too large for a schedule (over {MAX_BYTES} bytes)", place=str(path), fix="name a .sched file"
            )
        return Schedule.from_text(_decode(data, str(path)), str(path))

    @staticmethod
    def from_json(text: str, file: str = "<json>") -> Schedule:
        """Read what `to_json` wrote, and check it; raises `ScheduleError`."""
        return Schedule(json_form.from_json(text, file), file).check()

    def to_text(self) -> str:
        """The canonical text, all arguments written out."""
        return print_directives(self.directives)

    def to_json(self) -> str:
        return json_form.to_json(self.directives)

    def digest(self) -> str:
        """sha-256 of the canonical text, 64 hex digits."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def check(self) -> Schedule:
        """The schedule itself, if its directives make a whole plan; raises `ScheduleError`."""
        self.scope()
        return self

    def scope(self) -> Scope:
        """The state after the last directive: the final loops, outermost first, and their axes. Raises `ScheduleError`."""
        return check_directives(self.directives, self.file)

    def scopes(self) -> dict[str, Scope]:
        """The final state of every kernel by its name, in the order in which calls are offered to them; `main` is the last.

        Raises `ScheduleError`."""
        scope = self.scope()
        return {**scope.kernels, MAIN: scope}

    @property
    def target(self) -> TargetCpu:
        """The ``target cpu`` line, or its defaults."""
        return next((d for d in self.directives if isinstance(d, TargetCpu)), TargetCpu())

    @property
    def gpu(self) -> TargetGpu | None:
        """The ``target gpu`` line, if the schedule is for a GPU."""
        return next((d for d in self.directives if isinstance(d, TargetGpu)), None)

    @property
    def float_policy(self) -> str:
        """``exact``, unless the ``float`` line says otherwise."""
        return next((d.policy for d in self.directives if isinstance(d, FloatPolicy)), "exact")

    @property
    def repeats(self) -> bool:
        """Does a row's sum have the same bits in each call? It does not where threads of a GPU add to it in any order."""
        inside = [d for outer in self.directives for d in (outer, *getattr(outer, "directives", ()))]
        return not any(isinstance(d, ReduceLoop) and d.how == "atomic" for d in inside)

    def with_target(self, *, level: str | None = None, input: str | None = None, arch: str | None = None) -> Schedule:
        """The schedule with arguments of its ``target`` line replaced: what a command-line option does. ``arch``: one, or
        several with commas between. Raises `UsageError` for one that the machine does not have."""
        if (gpu := self.gpu) is not None:
            if level is not None:
                raise UsageError("the schedule is for a GPU, which has no CPU level", fix="leave `level` out")
            first, *others = gpu.archs if arch is None else arch.split(",")
            made = replace(gpu, arch=first, also=tuple(others), input=input or gpu.input)
            return Schedule(tuple(made if d is gpu else d for d in self.directives), self.file)
        if arch is not None:
            fix = "leave `arch` out, or choose a schedule with `target gpu`"
            raise UsageError("the schedule is for a CPU, which has no architecture of a GPU", fix=fix)
        old = self.target
        target = replace(old, level=level or old.level, input=input or old.input)
        return Schedule((target, *(d for d in self.directives if not isinstance(d, TargetCpu))), self.file)


def _decode(data: bytes, file: str) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise ScheduleError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            place=f"{file}:{line}:{column}",
            fix="save the file as UTF-8 text",
        ) from None
