"""The launch plan in the file of a model for GPUs: a `GpuObject` without sources and tables, as JSON and back, checked."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from treec.codegen.abi import DType, Task
from treec.codegen.gpu_abi import SCALARS, GpuArgument, GpuKernel, GpuObject, GpuTask, GridRule
from treec.errors import ArtifactError

TABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION = re.compile(r"-[A-Za-z0-9_=\-]+")
_ARCH = re.compile(r"[a-z]+_[0-9a-z]+")
_KINDS = ("table", "rows", "out", "scratch", "scalar")
_MOST = 1 << 62
_THREADS = 1024


@dataclass(frozen=True)
class Plan:
    """What is launched for which call, and the model's numbers. ``options`` by kind of source, to build it with."""

    arch: str
    options: dict[str, tuple[str, ...]]
    kernels: tuple[GpuKernel, ...]
    tasks: tuple[GpuTask, ...]
    tables: tuple[str, ...]
    n_features: int
    n_trees: int
    n_columns: int
    out_dtype: int

    @classmethod
    def of(cls, cuda: GpuObject, opencl: GpuObject) -> Plan:
        names = tuple(table.name for table in cuda.tables)
        options = {made.target.kind: made.options for made in (cuda, opencl)}
        sizes = (cuda.n_features, cuda.n_trees, cuda.n_columns, cuda.out_dtype)
        return cls(cuda.target.arch or "", options, cuda.kernels, cuda.tasks, names, *sizes)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def kernel(self, symbol: str) -> GpuKernel:
        return next(kernel for kernel in self.kernels if kernel.symbol == symbol)


def bad(message: str) -> ArtifactError:
    return ArtifactError(message)


def member_of(table: str) -> str:
    return f"tables/{table}"


def integer(value: object, least: int = 0, most: int = _MOST) -> int:
    if type(value) is not int or not least <= value <= most:
        raise bad(f"its manifest has {value!r:.80} for a number from {least} to {most}")
    return value


def text(value: object, pattern: re.Pattern[str] | None = None) -> str:
    if type(value) is not str or (pattern is not None and pattern.fullmatch(value) is None):
        raise bad(f"its manifest has {value!r:.80} for a name")
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise bad(f"its manifest has {value!r:.80} for true or false")
    return value


def plan_of(found: dict[str, Any]) -> Plan:
    """A plan that names only what it has. Raises `ArtifactError`, or what a wrong shape of JSON raises."""
    tables = tuple(text(name, TABLE) for name in found["tables"])
    kernels = tuple(_kernel(kernel, tables) for kernel in found["kernels"])
    symbols = {kernel.symbol for kernel in kernels}
    tasks = tuple(_task(task, symbols) for task in found["tasks"])
    if len(symbols) != len(kernels) or len(set(tables)) != len(tables):
        raise bad("its manifest has a name twice")
    options = {kind: tuple(text(option, _OPTION) for option in found["options"][kind]) for kind in ("cuda", "opencl")}
    n_features, n_trees = integer(found["n_features"]), integer(found["n_trees"])
    out_dtype = int(DType(integer(found["out_dtype"])))
    columns = integer(found["n_columns"], 1)
    return Plan(text(found["arch"], _ARCH), options, kernels, tasks, tables, n_features, n_trees, columns, out_dtype)


def _kernel(found: dict[str, Any], tables: tuple[str, ...]) -> GpuKernel:
    x, y, z = (_grid(rule) for rule in found["grid"])
    threads = tuple(integer(count, 1, _THREADS) for count in found["block"])
    a, b, c = threads
    if a * b * c > _THREADS:
        raise bad(f"its manifest has blocks of {a * b * c} threads")
    arguments = tuple(_argument(argument, tables) for argument in found["arguments"])
    shared, dynamic = integer(found["shared_bytes"]), integer(found["dynamic_bytes"])
    if dynamic > shared:
        raise bad(f"its manifest has a launch with {dynamic} of {shared} bytes of shared memory")
    symbol, scratch = text(found["symbol"], _SYMBOL), integer(found["scratch_bytes"])
    if (scratch > 0) != any(argument.kind == "scratch" for argument in arguments):
        raise bad(
            f"its manifest has a kernel with {scratch} bytes of scratch for each row, and arguments that say otherwise"
        )
    return GpuKernel(symbol, arguments, (x, y, z), (a, b, c), shared, dynamic, _flag(found["uses_f64"]), scratch)


def _grid(found: dict[str, Any]) -> GridRule:
    step = found["step"]
    return GridRule(None if step is None else integer(step, 1), integer(found["blocks"], 0, 1 << 31))


def _argument(found: dict[str, Any], tables: tuple[str, ...]) -> GpuArgument:
    kind, name = text(found["kind"]), text(found["name"])
    known = {"table": tables, "scalar": SCALARS}.get(kind)
    if kind not in _KINDS or (known is not None and name not in known):
        raise bad(f"its manifest has an argument {kind!r:.20} {name!r:.80}, which there is not")
    return GpuArgument(kind, name)


def _task(found: dict[str, Any], symbols: set[str]) -> GpuTask:
    kernels = tuple(text(symbol) for symbol in found["kernels"])
    if not kernels or not symbols.issuperset(kernels):
        raise bad("its manifest has a task of kernels that it has not")
    task, dtype = Task(integer(found["task"])), DType(integer(found["row_dtype"]))
    return GpuTask(int(task), int(dtype), integer(found["rows_max"], 1, (1 << 63) - 1), kernels)
