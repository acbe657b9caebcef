# pyright: basic
"""treec on a GPU beside nvForest, XGBoost's GPU predictor and Hummingbird on torch: one command for a machine with a GPU.

usage: python -m bench.gpu [MODEL …] [--batch N …] [--schedule NAME …] [--engine NAME …] [--rounds N] [--log FILE]

Answers are checked before anything is timed: raw outputs of treec have the bits of its machine code for CPUs, responses of
others are near to those. Then all take turns, `--rounds` times, and medians are printed: *kernel*, with rows and results on
the device, and *total*, from numpy to numpy. nvForest comes after its own `optimize` for the batch. What is not installed
is named and left out. Without a GPU, the kernels run on PoCL, which shows that all of this works, and no speed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import treec
from bench.models import BenchModel, bench_models
from treec.codegen.abi import DType, Task
from treec.errors import ScheduleError, TreecError
from treec.schedule.library import preset, preset_names

MODELS = ["airline", "higgs", "year", "covtype_like", "letters_like", "abalone_like"]
BATCHES = [512, 4096, 65_536, 1 << 20]
ON_POCL = 2048
"""The largest batch where there is no GPU."""
DEFAULT = "treec's choice"
RIVALS = {"nvforest": ("nvforest", "cupy"), "xgboost": ("xgboost", "cupy"), "hummingbird": ("hummingbird", "torch", "cupy")}
"""Packages that each needs."""
NEAR = 1e-4
"""Relative, of responses: float32 sums in another order, and functions of the device."""

Run = Callable[[], Any]


@dataclass
class Contestant:
    """``total``: host to host, answers as numpy. ``kernel``: on the device alone, returns nothing; ``wait`` for its end."""

    name: str
    total: Callable[[], NDArray[Any]]
    kernel: Run
    wait: Run
    exact: bool = False


class Absent(Exception):
    """An engine that can't take part, and why."""


def treec_contestant(name: str, model: BenchModel, rows: NDArray[np.float32]) -> Contestant:
    """treec by its own choice, or by a preset."""
    try:
        schedule = None if name == DEFAULT else preset(name).with_target(input="f32")
        compiled = treec.compile(str(model.path), schedule, target="gpu", rows="f32", verify=False)
    except ScheduleError as error:
        raise Absent(error.message) from error
    library: Any = compiled.library
    device, task = library.device, library.kernel(Task.RAW, DType.F32, len(rows))
    kernels = [library.file.plan.kernel(symbol) for symbol in task.kernels]
    out = np.empty((len(rows), library.n_columns), np.float32 if library.out_dtype is DType.F32 else np.float64)
    launch, wait = device.launcher(kernels, rows, out, (0, library.n_trees))
    return Contestant(name, lambda: np.asarray(compiled.predict(rows, raw=True)), launch, wait, exact=True)


def rival(name: str, model: BenchModel, rows: NDArray[np.float32]) -> Contestant:
    """Another engine; raises `Absent`."""
    lacking = [package for package in RIVALS[name] if find_spec(package) is None]
    if lacking:
        raise Absent(f"{' and '.join(lacking)} not installed")
    import cupy

    try:
        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # a driver that is not there has many names
        raise Absent(f"no CUDA device ({error})") from error
    return {"nvforest": _nvforest, "xgboost": _xgboost, "hummingbird": _hummingbird}[name](model, rows)


def _nvforest(model: BenchModel, rows: NDArray[np.float32]) -> Contestant:
    import cupy
    import nvforest

    forest = nvforest.load_model(str(model.path), device="gpu")
    forest = forest.optimize(batch_size=len(rows)) or forest
    ask = forest.predict_proba if hasattr(forest, "predict_proba") else forest.predict
    there = cupy.asarray(rows)
    wait = cupy.cuda.get_current_stream().synchronize
    return Contestant("nvforest", lambda: cupy.asnumpy(ask(cupy.asarray(rows))), lambda: ask(there), wait)


def _xgboost(model: BenchModel, rows: NDArray[np.float32]) -> Contestant:
    import cupy
    import xgboost

    if model.library != "xgboost":
        raise Absent(f"a model of {model.library}")
    booster = xgboost.Booster(model_file=str(model.path))
    booster.set_param({"device": "cuda"})
    there = cupy.asarray(rows)
    wait = cupy.cuda.get_current_stream().synchronize
    return Contestant(
        "xgboost",
        lambda: cupy.asnumpy(booster.inplace_predict(cupy.asarray(rows))),
        lambda: booster.inplace_predict(there),
        wait,
    )


def _hummingbird(model: BenchModel, rows: NDArray[np.float32]) -> Contestant:
    import torch
    import xgboost
    from hummingbird.ml import convert

    if model.library != "xgboost":
        raise Absent(f"a model of {model.library}")
    booster = xgboost.Booster(model_file=str(model.path))
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    wrapper = xgboost.XGBClassifier() if "logistic" in objective or "multi" in objective else xgboost.XGBRegressor()
    wrapper.load_model(str(model.path))
    made = convert(wrapper, "torch", test_input=rows[:2], device="cuda")
    ask = made.predict_proba if hasattr(wrapper, "predict_proba") else made.predict
    there = torch.from_numpy(rows).cuda()
    return Contestant("hummingbird", lambda: np.asarray(ask(rows)), lambda: made.model(there), torch.cuda.synchronize)


def check(contestant: Contestant, raw: NDArray[Any], response: NDArray[Any]) -> str | None:
    """What is wrong with its answers, or None."""
    got = contestant.total()
    if contestant.exact:
        return None if np.array_equal(got, raw, equal_nan=True) else "its raw outputs are not those of the CPU's code"
    got = np.asarray(got, np.float64).reshape(len(response), -1)
    wanted = np.asarray(response, np.float64).reshape(len(response), -1)
    if got.shape[1] == 2 and wanted.shape[1] == 1:  # both classes' probabilities
        got = got[:, 1:]
    if got.shape != wanted.shape:
        return f"its responses have shape {got.shape}, not {wanted.shape}"
    far = ~np.isclose(got, wanted, rtol=NEAR, atol=NEAR, equal_nan=True)
    return f"{int(far.any(axis=1).sum())} of {len(got)} rows are not near" if far.any() else None


def seconds(call: Run, wait: Run) -> float:
    """Of one call, to its end."""
    wait()
    start = time.perf_counter()
    call()
    wait()
    return time.perf_counter() - start


def take_turns(contestants: list[Contestant], rounds: int) -> dict[str, tuple[float, float]]:
    """Medians of kernel and total seconds; every round lets each run once, the first to begin is another one each time."""
    spent: dict[str, tuple[list[float], list[float]]] = {c.name: ([], []) for c in contestants}
    for number in range(rounds + 1):
        for at in range(len(contestants)):
            contestant = contestants[(at + number) % len(contestants)]
            times = seconds(contestant.kernel, contestant.wait), seconds(contestant.total, contestant.wait)
            if number:  # the first round warms up
                for kept, one in zip(spent[contestant.name], times, strict=True):
                    kept.append(one)
    return {name: (statistics.median(kernel), statistics.median(total)) for name, (kernel, total) in spent.items()}


def names_of(options: argparse.Namespace) -> list[str]:
    """treec's choice and presets, as asked for."""
    presets = [name for name in preset_names() if preset(name).gpu is not None]
    return options.schedule or [DEFAULT, *presets]


def run_cell(model: BenchModel, batch: int, options: argparse.Namespace, reference: Any) -> dict[str, Any]:
    """One model and batch: who takes part, and their times."""
    rows = np.ascontiguousarray(model.batch(batch))
    raw, response = np.asarray(reference.predict(rows, raw=True)), np.asarray(reference.predict(rows))
    contestants, absent = list[Contestant](), dict[str, str]()
    makers = [(name, treec_contestant) for name in names_of(options)] + [(name, rival) for name in options.engine]
    for name, make in makers:
        try:
            contestant = make(name, model, rows)
            wrong = check(contestant, raw, response)
        except (Absent, TreecError) as error:
            absent[name] = str(error)
            continue
        if wrong is None:
            contestants.append(contestant)
        else:
            absent[name] = f"wrong: {wrong}"
    times = take_turns(contestants, options.rounds) if contestants else {}
    return {"model": model.name, "batch": batch, "seconds": times, "absent": absent}


def say(cell: dict[str, Any]) -> None:
    batch = cell["batch"]
    print(f"\n{cell['model']}, {batch:,} rows")
    for name, (kernel, total) in sorted(cell["seconds"].items(), key=lambda item: item[1][0]):
        rates = f"{batch / kernel / 1e6:12,.1f} {batch / total / 1e6:12,.1f}"
        print(f"  {name:24} kernel {kernel * 1e6:12,.1f} µs  total {total * 1e6:12,.1f} µs  million rows/s {rates}")
    for name, why in cell["absent"].items():
        print(f"  {name:24} {why}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of bench.models, or files")
    parser.add_argument("--batch", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--schedule", nargs="+", metavar="NAME", help=f'presets, or "{DEFAULT}"; default: all')
    parser.add_argument("--engine", nargs="*", choices=tuple(RIVALS), default=list(RIVALS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--log", metavar="FILE", help="append each cell, as a line of JSON")
    options = parser.parse_args()
    failed = False
    for model in bench_models(options.models or MODELS):
        reference = treec.compile(str(model.path), verify=False)
        small = treec.compile(str(model.path), target="gpu", rows="f32", verify=False)
        print(f"\n{model.name}: {small.n_trees} trees, {small.device}")
        for batch in options.batch:
            if not small.device.startswith("CUDA") and batch > ON_POCL:
                print(f"{model.name}, {batch:,} rows: left out, for this is no GPU")
                continue
            cell = run_cell(model, batch, options, reference)
            say(cell)
            failed |= any(why.startswith("wrong") for why in cell["absent"].values())
            if options.log:
                with open(options.log, "a") as log:
                    log.write(json.dumps({**cell, "device": small.device}) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
