"""The way through: model → Forest → IR → machine code → checked artifact. Every tool and the Python API go this way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import DType
from treec.errors import UsageError
from treec.frontends.load import LoadedModel, load_model
from treec.frontends.oracle import Oracle, RememberingOracle
from treec.garbage import collector_paused
from treec.schedule.directives import TargetGpu
from treec.schedule.gpus import GPUS
from treec.schedule.library import preset, preset_names
from treec.schedule.schedule import Schedule

if TYPE_CHECKING:
    from treec.codegen.llvm.compile import CompiledObject
    from treec.frontends.base import Forest, Source
    from treec.gpu_compiler import GpuBuild
    from treec.passes.pipeline import Observer
    from treec.runtime.predictor import CompiledModel
    from treec.verify.check import Verification
    from treec.verify.runner import Runner

Progress = Callable[[str, float], None]
"""Told the phase (parse, profile, schedule, passes, machine code, link, library, verify) and how much is done, 0 to 1."""


SLOW_BOUNDARY = 2_000_000
"""Boundary rows' budget where the loop dialect's interpreter stands for a device: some thousand walks."""


def _silent(phase: str, done: float) -> None:
    pass


@dataclass
class Compilation:
    """A model on its way through: filled phase by phase, for tools that show each. ``seconds`` by phase."""

    model: LoadedModel
    schedule: Schedule
    reasons: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    object: CompiledObject | None = None
    gpu: GpuBuild | None = None
    """Of a schedule for a GPU, in place of ``object``."""
    verification: Verification | None = None
    linker: str | None = None
    oracle: Oracle | None = None
    profile: dict[str, Any] | None = None
    """Rows and sha-256 of the profile that counted the nodes, if one did."""
    emit: tuple[str, ...] = ()
    """Languages that kernels are also printed in: `treec.codegen.gpu_abi.UNTESTED`."""

    @property
    def forest(self) -> Forest:
        return self.model.forest


@contextmanager
def _phase(seconds: dict[str, float], name: str, progress: Progress) -> Generator[None]:
    progress(name, 0.0)
    start = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
    progress(name, 1.0)


def start(
    model: object,
    schedule: Schedule | str | os.PathLike[str] | None = None,
    *,
    level: str | None = None,
    rows: str | None = None,
    target: str | None = None,
    arch: str | None = None,
    profile: str | os.PathLike[str] | NDArray[Any] | None = None,
    emit: Sequence[str] = (),
    trust: bool = False,
    progress: Progress = _silent,
) -> Compilation:
    """Read the model and settle the schedule: a `Schedule`, a preset's name, a path, or None for the default one, which is
    for ``target`` (cpu or gpu; by default a CPU, unless there is an ``arch``).

    ``level``, ``rows`` and ``arch`` override the schedule's target; ``profile``: see `treec.profile.profiled`; ``emit``:
    see `compile`. Raises the errors of `load_model` and `Schedule`, and `UsageError` for a target that is not the
    schedule's.
    """
    seconds: dict[str, float] = {}
    with _phase(seconds, "parse", progress):
        loaded = load_model(model, trust=trust)
    facts: dict[str, Any] | None = None
    if profile is not None:
        with _phase(seconds, "profile", progress):
            from treec.profile import profiled

            counted = profiled(loaded.forest, profile)
            loaded, facts = replace(loaded, forest=counted.forest), counted.facts()
    with _phase(seconds, "schedule", progress):
        chosen, reasons = _settle(schedule, loaded.forest, level, _archs(target, arch))
        if target is not None and (chosen.gpu is not None) != (target == "gpu"):
            raise UsageError(f"the schedule is not for a {target.upper()}", fix="leave out the schedule, or the target")
        if level is not None or rows is not None or arch is not None:
            chosen = chosen.with_target(level=level, input=rows, arch=arch).check()
    if emit:
        from treec.gpu_compiler import require_emitted

        require_emitted(emit, on_gpu=chosen.gpu is not None)
    return Compilation(loaded, chosen, reasons, seconds, profile=facts, emit=tuple(emit))


def _archs(target: str | None, arch: str | None) -> tuple[str, ...]:
    """The architectures that treec's own schedule is for; none for a CPU."""
    if target not in (None, "cpu", "gpu"):
        raise UsageError(f"there is no target {target!r}", fix="use cpu or gpu")
    if arch is None:
        return (TargetGpu().arch,) if target == "gpu" else ()
    archs = arch.split(",")
    for one in archs:
        if one not in GPUS:
            raise UsageError(f"{one!r} is no known architecture", fix=f"use one of {', '.join(GPUS)}")
        if archs.count(one) > 1:
            raise UsageError(f"{one} is named twice", fix="name each architecture once")
    if target == "cpu":
        raise UsageError("a CPU has no architecture of a GPU", fix="leave `arch` out")
    return tuple(archs)


def _settle(
    schedule: Schedule | str | os.PathLike[str] | None, forest: Forest, level: str | None, archs: tuple[str, ...]
) -> tuple[Schedule, tuple[str, ...]]:
    """``level``: what will override the schedule's. Caches are those of this machine where code for it is asked for;
    ``archs``: of the GPUs that treec's own schedule is for."""
    if schedule is None and archs:
        from treec.default.gpu import default_gpu_schedule

        choice = default_gpu_schedule(forest, *archs)
        return choice.schedule, choice.reasons
    if schedule is None:
        from treec.default.machine import machine_of
        from treec.default.schedule import default_schedule

        choice = default_schedule(forest, machine_of(level))
        return choice.schedule, choice.reasons
    if isinstance(schedule, Schedule):
        return schedule.check(), ()
    if isinstance(schedule, str) and schedule in preset_names():
        return preset(schedule), ()
    if isinstance(schedule, str) and "\n" in schedule:
        return Schedule.from_text(schedule), ()
    if not os.path.exists(schedule):
        raise UsageError(
            "there is no such schedule",
            place=os.fspath(schedule),
            fix=f"name a schedule file, or one of the presets {', '.join(preset_names())}",
        )
    return Schedule.from_file(Path(schedule)), ()


@collector_paused()
def generate(compilation: Compilation, *, observer: Observer | None = None, progress: Progress = _silent) -> None:
    """Run the schedule's passes and LLVM; fills ``object``."""
    from treec.codegen.card import card_capacity
    from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module
    from treec.passes.pipeline import pipeline_of, run_pipeline
    from treec.treeir.forest_convert import forest_module

    forest = compilation.forest
    with _phase(compilation.seconds, "passes", progress):
        module = forest_module(forest)
        run_pipeline(module, pipeline_of(compilation.schedule), observer)
    if compilation.schedule.gpu is not None:
        from treec.gpu_compiler import build_kernels

        with _phase(compilation.seconds, "machine code", progress):
            compilation.gpu = build_kernels(module, forest, compilation.schedule.gpu.archs, compilation.emit)
        return
    with _phase(compilation.seconds, "machine code", progress):
        target = TargetSpec(compilation.schedule.target.level)
        facts = ArtifactFacts(
            n_features=forest.inputs.n_features,
            n_trees=forest.trees.n_trees,
            n_columns=forest.n_columns,
            out_dtype=DType.F32 if forest.sum.dtype == np.float32 else DType.F64,
            card_capacity=card_capacity(_card(compilation, target.resolve().level.name)),
        )
        compilation.object = compile_module(module, facts, target, verified=True)


def _card(compilation: Compilation, level: str) -> dict[str, Any]:
    from treec.codegen.card import card_of

    checked = compilation.verification
    more: dict[str, Any] = {} if compilation.profile is None else {"profile": compilation.profile}
    if compilation.gpu is not None:
        more |= {"cpu": None, "gpu": compilation.gpu.facts()}
    card = card_of(
        compilation.forest,
        schedule=compilation.schedule.to_text(),
        cpu_level=level,
        float_policy=compilation.schedule.float_policy,
        verification=None if checked is None else checked.to_dict(),
        seconds={name: round(spent, 3) for name, spent in compilation.seconds.items()},
        linker=compilation.linker,
    )
    return {**card, **more}


def _object(compilation: Compilation) -> CompiledObject:
    if compilation.object is None:
        raise UsageError("the model is not compiled yet", fix="call generate() first")
    return compilation.object


def write(
    compilation: Compilation, out: str | os.PathLike[str], *, verify: bool = True, progress: Progress = _silent
) -> Path:
    """Link, check the linked file itself, fill in its card, and only then let it appear as ``out``."""
    from treec.codegen.card import write_card
    from treec.codegen.files import PendingFile
    from treec.codegen.link import link_shared
    from treec.runtime.library import open_file
    from treec.runtime.predictor import CompiledModel

    if compilation.gpu is not None:
        from treec.gpu_compiler import write_gpu

        return write_gpu(_finished_gpu(compilation, compilation.gpu, verify, progress), out)
    built = _object(compilation)
    with PendingFile(out) as pending:
        with _phase(compilation.seconds, "link", progress):
            compilation.linker = link_shared(built.object_bytes, pending.path)
            write_card(pending.path, _card(compilation, built.level))
        if verify:
            _verify(compilation, CompiledModel(open_file(pending.path)), progress)
        write_card(pending.path, _card(compilation, built.level))
        return pending.commit()


def load_in_process(compilation: Compilation, *, verify: bool = True, progress: Progress = _silent) -> CompiledModel:
    """The model as code in this process, checked; ``save`` links it and checks the file again."""
    from treec.codegen.llvm.jit import load_object
    from treec.runtime.predictor import CompiledModel

    if compilation.gpu is not None:
        from treec.runtime.library import open_bytes

        return CompiledModel(open_bytes(_finished_gpu(compilation, compilation.gpu, verify, progress)))
    built = _object(compilation)
    loaded = load_object(built.object_bytes)

    def save(path: Path) -> None:  # on a copy: the seconds of one file's linking are not those of the next
        write(replace(compilation, seconds=dict(compilation.seconds)), path, verify=verify)

    def model() -> CompiledModel:
        return CompiledModel.from_jit(loaded.describe_address, loaded, _card(compilation, built.level), save)

    if verify:
        _verify(compilation, model(), progress)
    return model()


def _finished_gpu(compilation: Compilation, built: GpuBuild, verify: bool, progress: Progress) -> bytes:
    """The bytes of the file, checked, with what was found in its card."""
    from treec.gpu_compiler import runner_of

    if verify:
        runner = runner_of(built, compilation.forest, built.file(_card(compilation, built.arch)))
        _check(compilation, runner, progress)
    return built.file(_card(compilation, built.arch))


def _verify(compilation: Compilation, compiled: CompiledModel, progress: Progress) -> None:
    from treec.verify.runner import CompiledRunner

    _check(compilation, CompiledRunner(compiled), progress)


def _check(compilation: Compilation, runner: Runner, progress: Progress) -> None:
    from treec.gpu_compiler import unlike_functions
    from treec.verify.check import Budget
    from treec.verify.check import verify as check
    from treec.verify.runner import LoopRunner

    slow = isinstance(runner, LoopRunner)
    with _phase(compilation.seconds, "library", progress):
        import_library(compilation.forest.source.library)
    with _phase(compilation.seconds, "verify", progress):
        if compilation.oracle is None and (oracle := compilation.model.oracle()) is not None:
            compilation.oracle = RememberingOracle(oracle)
        compilation.verification = check(
            compilation.forest,
            runner,
            compilation.oracle,
            budget=Budget(SLOW_BOUNDARY, pairs=1) if slow else None,
            oracle_absent=why_no_oracle(compilation.forest.source),
            reassociated=compilation.schedule.float_policy == "reassociate",
            unlike=() if compilation.gpu is None else unlike_functions(compilation.forest),
            repeats=compilation.schedule.repeats,
            progress=lambda done: progress("verify", done),
        )


def import_library(library: str) -> None:
    """Import a source library, if it is there, so that its time can be told from that of the check."""
    with suppress(ImportError):
        import_module({"sklearn": "sklearn.ensemble"}.get(library, library))


def why_no_oracle(source: Source) -> str:
    """Why a library can't be asked about a model."""
    if find_spec(source.library) is None:
        return f"{source.library} is not installed"
    if source.library == "sklearn":
        return f"the model is of scikit-learn {source.version}, another version is installed"
    return f"the installed {source.library} can't read the model"


def compile(
    model: object,
    schedule: Schedule | str | os.PathLike[str] | None = None,
    *,
    verify: bool = True,
    trust: bool = False,
    level: str | None = None,
    rows: str | None = None,
    target: str | None = None,
    arch: str | None = None,
    profile: str | os.PathLike[str] | NDArray[Any] | None = None,
    emit: Sequence[str] = (),
    progress: Progress | None = None,
) -> CompiledModel:
    """Compile a model into this process and check it against the reference interpreter and its own library.

    ``model``: a path, bytes, an XGBoost or LightGBM Booster or wrapper, or a scikit-learn estimator; the format is
    sniffed. ``schedule``: a `Schedule`, a path, a preset's name, schedule text of several lines, or None for treec's own
    choice. ``verify=False`` skips the check, and the card says so. ``trust``: unpickle a file that treec can't read safely;
    only for files you would also run. ``target``: cpu or gpu, what treec's own choice is for. ``level``, ``rows``,
    ``arch``: override the target's ``level``, ``input`` and ``arch``; several architectures have commas between.
    ``profile``: sample rows, or a ``.npy`` file of them, that count how often nodes are reached, in place of the model's
    own counts. ``emit``: other languages that a file for GPUs shall have the kernels in, ``rocm`` (HIP) or ``metal``,
    untested.

    Raises `treec.errors.TreecError`: `ModelError`, `UnsupportedModelError`, `ScheduleError`, `VerificationError`.
    """
    told = progress or _silent
    compilation = start(
        model,
        schedule,
        level=level,
        rows=rows,
        target=target,
        arch=arch,
        profile=profile,
        emit=emit,
        trust=trust,
        progress=told,
    )
    generate(compilation, progress=told)
    return load_in_process(compilation, verify=verify, progress=told)
