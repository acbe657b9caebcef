"""``treec.tune``: measure schedules for a GPU on the GPU of this machine, and say which is fastest for a model.

Raw outputs of each are compared with those of the verified code for this CPU, bit for bit, before it is timed. Times are of
kernels alone, with rows and results on the device. The fastest of them then take turns, and the first of these is the best.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import DType, Task
from treec.compiler import Compilation, Progress, generate, load_in_process, start
from treec.errors import CodegenError, InputError, ScheduleError, UsageError, VerificationError
from treec.frontends.base import F32, Forest
from treec.frontends.load import LoadedModel
from treec.runtime.gpu_device import require_gpu
from treec.runtime.gpu_library import GpuLibrary
from treec.schedule.directives import TargetGpu
from treec.schedule.gpus import GPUS
from treec.schedule.schedule import Schedule
from treec.tune_grid import MOST, Candidate, gpu_candidates
from treec.verify.rows import Domain, random_rows

BATCH = 65_536
ROUNDS = 7
ROUND_SECONDS = 2e-3
"""Of launches that are timed together, at least: one may be shorter than what a clock and a wait cost."""
FINALISTS = 3
POCL = "PoCL"


@dataclass(frozen=True)
class Measured:
    """``seconds`` of a call's kernels; None of a schedule that was ``refused``, and why."""

    name: str
    schedule: Schedule
    seconds: float | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Tuning:
    """``measured``: the fastest first, then those that were refused. ``dtype``: f32 or f64, of the rows."""

    device: str
    batch: int
    dtype: str
    measured: tuple[Measured, ...]

    @property
    def best(self) -> Measured:
        return self.measured[0]

    @property
    def schedule(self) -> Schedule:
        """The fastest one."""
        return self.best.schedule

    def text(self) -> str:
        """The fastest schedule as a file, which says where it comes from."""
        tried = sum(one.seconds is not None for one in self.measured)
        seconds = self.best.seconds or 0.0
        head = (
            f"# The fastest of {tried} schedules that `treec tune` measured: {self.best.name}.\n"
            f"# {seconds * 1e6:,.1f} us for {self.batch:,} rows of {self.dtype} on {self.device}.\n"
        )
        return head + self.schedule.to_text().rstrip("\n") + "\n"


def tune(
    model: object,
    *,
    target: str = "gpu",
    data: NDArray[Any] | None = None,
    batch: int | None = None,
    arch: str | None = None,
    most: int = MOST,
    rounds: int = ROUNDS,
    pocl: bool = False,
    trust: bool = False,
    progress: Progress | None = None,
) -> Tuning:
    """Measure at most ``most`` schedules for calls of ``batch`` rows, by default all of ``data``, else 65,536.

    ``model``: as for `treec.compile`. ``data``: rows, float32 or float64, repeated where they are fewer than the batch;
    without them rows are random, near the thresholds. ``arch``: by default the device's. ``pocl``: PoCL's CPU may stand in
    for a GPU, to try this out. Raises `UsageError` where there is no GPU, `VerificationError` for a wrong answer.
    """
    if target != "gpu":
        raise UsageError(f"schedules are measured for a GPU, not for {target!r}", fix="use `gpu`")
    if most < 1 or rounds < 1 or (batch is not None and batch < 1):
        raise UsageError("there is nothing to measure", fix="ask for at least one row, round and schedule")
    arch = _arch_of(require_gpu(pocl=pocl), arch)
    told: Progress = progress or (lambda phase, done: None)
    started = start(model, trust=trust, progress=told)
    rows = _rows_of(started.forest, data, batch)
    generate(started, progress=told)
    wanted = np.asarray(load_in_process(started, progress=told).predict(rows, raw=True))
    dtype = "f32" if rows.dtype == np.float32 else "f64"
    candidates = gpu_candidates(started.forest, arch, dtype, len(rows), most)
    session = _Session(started.model, rows, wanted, rounds, pocl)
    return session.run(candidates, dtype, told)


def _arch_of(present: str | None, asked: str | None) -> str:
    """What kernels are made for: what is asked for, else the device's."""
    arch = asked or present or TargetGpu().arch
    if arch not in GPUS:
        raise UsageError(f"{arch!r} is no known architecture", fix=f"name one of {', '.join(GPUS)} as `arch`")
    return arch


def _rows_of(forest: Forest, data: NDArray[Any] | None, batch: int | None) -> NDArray[Any]:
    if data is None:
        return random_rows(Domain(forest, forest.inputs.dtype), batch or BATCH, seed=1, special=False)
    n_features = forest.inputs.n_features
    if data.ndim != 2 or data.shape[1] != n_features or len(data) == 0 or data.dtype.kind not in "fiu":
        raise InputError(
            f"the rows have shape {data.shape} of {data.dtype}; the model takes [n, {n_features}] numbers",
            fix="pass at least one row of the model's features",
        )
    kept = np.dtype(data.dtype.name) if data.dtype.name in ("float32", "float64") else forest.inputs.dtype
    return np.ascontiguousarray(np.resize(data.astype(kept), (batch or len(data), n_features)))


class _Refused(Exception):
    """A schedule that can't be measured here, and why."""


@dataclass(frozen=True)
class _Session:
    """What all candidates are measured with."""

    model: LoadedModel
    rows: NDArray[Any]
    wanted: NDArray[Any]
    rounds: int
    pocl: bool

    def run(self, candidates: list[Candidate], dtype: str, told: Progress) -> Tuning:
        measured, timers, device = list[Measured](), dict[str, _Timer](), ""
        for number, candidate in enumerate(candidates):
            told("measure", number / len(candidates))
            try:
                device, timer = self._prepare(candidate)
            except _Refused as refused:
                measured.append(Measured(candidate.name, candidate.schedule, refused=str(refused)))
                continue
            seconds = statistics.median(timer.seconds() for _ in range(self.rounds))
            measured.append(Measured(candidate.name, candidate.schedule, seconds))
            timers = _fastest({**timers, candidate.name: timer}, measured)
        if not timers:
            raise UsageError(
                f"none of {len(candidates)} schedules runs here: {measured[0].refused}", fix="see `treec doctor`"
            )
        finals = _take_turns(timers, self.rounds)
        measured = [replace(one, seconds=finals.get(one.name, one.seconds)) for one in measured]
        told("measure", 1.0)
        order = sorted(measured, key=lambda one: (one.seconds is None, one.name not in finals, one.seconds or 0.0))
        return Tuning(device, len(self.rows), dtype, tuple(order))

    def _prepare(self, candidate: Candidate) -> tuple[str, _Timer]:
        """The device's name, and what times the schedule, whose answers are right."""
        compilation = Compilation(self.model, candidate.schedule, ())
        try:
            generate(compilation)
            compiled = load_in_process(compilation, verify=False)
            library = compiled.library
            assert isinstance(library, GpuLibrary)
            device = library.device
            if device.name.startswith(POCL) and not self.pocl:
                raise _Refused("the GPU lacks what its kernels need")
            found = np.asarray(compiled.predict(self.rows, raw=True))
            timer = _timer(library, self.rows)
        except (ScheduleError, CodegenError, UsageError) as error:
            raise _Refused(error.message) from error
        except MemoryError as error:
            raise _Refused(f"the device has no memory for {len(self.rows):,} rows") from error
        if found.tobytes() != self.wanted.tobytes():
            raise VerificationError(
                f"`{candidate.name}` gives other raw outputs than the code for this CPU",
                fix="this is a defect of treec or of the device; report it with the model",
            )
        return device.name, timer


@dataclass(frozen=True)
class _Timer:
    """``launch`` queues a call's kernels, ``wait`` waits for all that is queued."""

    launch: Callable[[], None]
    wait: Callable[[], None]
    times: int

    def seconds(self) -> float:
        """Of one call, among several."""
        return _timed(self.launch, self.wait, self.times) / self.times


def _timer(library: GpuLibrary, rows: NDArray[Any]) -> _Timer:
    task = library.kernel(Task.RAW, DType.F32 if rows.dtype == F32 else DType.F64, len(rows))
    if task is None:
        raise _Refused("it has no kernel for these rows")
    kernels = [library.file.plan.kernel(symbol) for symbol in task.kernels]
    out = np.empty((len(rows), library.n_columns), np.float32 if library.out_dtype is DType.F32 else np.float64)
    launch, wait = library.device.launcher(kernels, rows, out, (0, library.n_trees))
    _timed(launch, wait, 1)  # warms up
    return _Timer(launch, wait, max(1, round(ROUND_SECONDS / max(_timed(launch, wait, 1), 1e-6))))


def _timed(launch: Callable[[], None], wait: Callable[[], None], times: int) -> float:
    wait()
    begun = time.perf_counter()
    for _ in range(times):
        launch()
    wait()
    return time.perf_counter() - begun


def _fastest(timers: dict[str, _Timer], measured: list[Measured]) -> dict[str, _Timer]:
    """Those that may win; memory of the others on the device is free again."""
    times = {one.name: one.seconds for one in measured if one.seconds is not None}
    return {name: timers[name] for name in sorted(timers, key=lambda name: times[name])[:FINALISTS]}


def _take_turns(timers: dict[str, _Timer], rounds: int) -> dict[str, float]:
    """Medians of times in turns, so that a clock that changes changes them all."""
    spent: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            spent[name].append(timer.seconds())
    return {name: statistics.median(times) for name, times in spent.items()}
