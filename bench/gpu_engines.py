# pyright: basic
"""Who takes part in the benchmark for GPUs: treec's files, and other engines where they are installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import treec
from bench.gpu_pack import SHOWN, Packed, digest
from bench.gpu_times import Contestant
from treec.codegen.abi import DType, Task

RIVALS = {
    "nvforest": ("nvforest", "cupy"),
    "xgboost": ("xgboost", "cupy"),
    "hummingbird": ("hummingbird", "xgboost", "torch", "cupy"),
}
"""Packages that each needs."""
NEAR = 1e-4
"""Relative, of responses: float32 sums in another order, and functions of the device."""


class Absent(Exception):
    """An engine that can't take part, and why."""


def treec_contestant(name: str, packed: Packed, rows: NDArray[np.float32]) -> Contestant:
    """A compiled file. Its rows and results are on the device for ``kernel``."""
    if name in packed.refused:
        raise Absent(packed.refused[name])
    model = treec.load(packed.folder / packed.schedules[name])
    library: Any = model.library
    device, task = library.device, library.kernel(Task.RAW, DType.F32, len(rows))
    kernels = [library.file.plan.kernel(symbol) for symbol in task.kernels]
    out = np.empty((len(rows), library.n_columns), np.float32 if library.out_dtype is DType.F32 else np.float64)
    launch, wait = device.launcher(kernels, rows, out, (0, library.n_trees))
    return Contestant(name, lambda: np.asarray(model.predict(rows, raw=True)), launch, wait, exact=True)


def rival(name: str, packed: Packed, rows: NDArray[np.float32]) -> Contestant:
    """Another engine; raises `Absent`."""
    lacking = [package for package in RIVALS[name] if find_spec(package) is None]
    if lacking:
        raise Absent(f"{' and '.join(lacking)} not installed")
    import cupy

    try:
        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # a driver that is not there has many names
        raise Absent(f"no CUDA device ({error})") from error
    made = {"nvforest": _nvforest, "xgboost": _xgboost, "hummingbird": _hummingbird}[name]
    try:
        contestant = made(packed, rows)
        contestant.kernel()  # may lack memory
        contestant.wait()
        return contestant
    except Absent:
        raise
    except Exception as error:  # of engines that fail in ways of their own; the table says how
        raise Absent(f"failed: {type(error).__name__}: {str(error)[:300]}") from error


def _nvforest(packed: Packed, rows: NDArray[np.float32]) -> Contestant:
    import cupy
    import nvforest

    there = cupy.asarray(rows)
    forest = nvforest.load_model(str(packed.model_path), device="gpu")
    method = "predict_proba" if forest.is_classifier else "predict"
    forest = forest.optimize(data=there, predict_method=method)
    ask = getattr(forest, method)
    wait = cupy.cuda.get_current_stream().synchronize
    return Contestant("nvforest", lambda: cupy.asnumpy(ask(cupy.asarray(rows))), lambda: ask(there), wait)


def _xgboost(packed: Packed, rows: NDArray[np.float32]) -> Contestant:
    import cupy
    import xgboost

    if packed.library != "xgboost":
        raise Absent(f"a model of {packed.library}")
    booster = xgboost.Booster(model_file=str(packed.model_path))
    booster.set_param({"device": "cuda"})
    there = cupy.asarray(rows)
    wait = cupy.cuda.get_current_stream().synchronize
    return Contestant(
        "xgboost",
        lambda: cupy.asnumpy(booster.inplace_predict(cupy.asarray(rows))),
        lambda: booster.inplace_predict(there),
        wait,
    )


def _hummingbird(packed: Packed, rows: NDArray[np.float32]) -> Contestant:
    import torch
    import xgboost
    from hummingbird.ml import convert

    if packed.library != "xgboost":
        raise Absent(f"a model of {packed.library}")
    booster = xgboost.Booster(model_file=str(packed.model_path))
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    wrapper = xgboost.XGBClassifier() if "logistic" in objective or "multi" in objective else xgboost.XGBRegressor()
    wrapper.load_model(str(packed.model_path))
    made = convert(wrapper, "torch", test_input=rows[:2], device="cuda")
    ask = made.predict_proba if hasattr(wrapper, "predict_proba") else made.predict
    there = torch.from_numpy(rows).cuda()
    return Contestant("hummingbird", lambda: np.asarray(ask(rows)), lambda: made.model(there), torch.cuda.synchronize)


def check(contestant: Contestant, raw: str, response: NDArray[Any]) -> str | None:
    """What is wrong with its answers, or None. ``raw``: the digest of all raw outputs; ``response``: of the first rows."""
    got = contestant.total()
    if contestant.exact:
        return None if digest(got) == raw else "its raw outputs are not those of the CPU's code"
    got, wanted = np.asarray(got, np.float64), np.asarray(response, np.float64)[: len(got)]
    got, wanted = got[: len(wanted)].reshape(len(wanted), -1), wanted.reshape(len(wanted), -1)
    if got.shape[1] == 2 and wanted.shape[1] == 1:  # both classes' probabilities
        got = got[:, 1:]
    if got.shape != wanted.shape:
        return f"its responses have shape {got.shape}, not {wanted.shape}"
    far = ~np.isclose(got, wanted, rtol=NEAR, atol=NEAR, equal_nan=True)
    return f"{int(far.any(axis=1).sum())} of the first {SHOWN} rows are not near" if far.any() else None
