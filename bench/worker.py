# pyright: basic
"""One engine in a process of its own, in its own virtual environment: nothing of treec is imported for a rival.

usage: python worker.py ENGINE MODEL ROWS.npy THREADS [SCHEDULE]

It loads the model, answers one line of JSON, then a line for each line it reads: ``{"rows": n}`` is answered by
``{"seconds": s, "calls": k}``, the time of a call after one to warm up; ``{"rows": n, "out": FILE}`` stores raw outputs;
the end of input ends it.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Predict = Callable[[Any], Any]
SHORTEST = 0.02
"""Seconds that a timing takes at least."""


def treec(path: str, threads: int, schedule: str | None) -> Predict:
    import treec as library

    compiled = library.compile(path, schedule, verify=False)
    return lambda rows: compiled.predict(rows, raw=True, n_threads=threads)


def library(path: str, threads: int, _: str | None) -> Predict:
    if path.endswith(".txt"):
        import lightgbm

        booster = lightgbm.Booster(model_file=path)
        return lambda rows: booster.predict(rows, raw_score=True, num_threads=threads)
    import xgboost

    booster = xgboost.Booster(model_file=path)
    booster.set_param({"nthread": threads})
    return lambda rows: booster.inplace_predict(rows, predict_type="margin", validate_features=False)


def onedal(path: str, threads: int, _: str | None) -> Predict:
    import daal4py

    daal4py.daalinit(nthreads=threads)
    if path.endswith(".txt"):
        import lightgbm

        model = lightgbm.Booster(model_file=path)
    else:
        import xgboost

        model = xgboost.Booster(model_file=path)
    converted = daal4py.mb.convert_model(model)
    if getattr(converted, "_is_regression", False):
        return converted.predict
    return converted.predict_proba  # it has no raw outputs of classifiers


def tl2cgen(path: str, threads: int, _: str | None) -> Predict:
    import tempfile

    import tl2cgen as library
    import treelite

    load = treelite.frontend.load_lightgbm_model if path.endswith(".txt") else treelite.frontend.load_xgboost_model
    place = f"{tempfile.mkdtemp()}/model.so"
    library.export_lib(load(path), toolchain="gcc", libpath=place, params={"parallel_comp": 8}, nthread=2)
    predictor = library.Predictor(place, nthread=threads)
    return lambda rows: predictor.predict(library.DMatrix(rows, dtype="float32"), pred_margin=True)


def lleaves(path: str, threads: int, _: str | None) -> Predict:
    import lleaves as library

    model = library.Model(model_file=path)
    model.compile(raw_score=True)
    return lambda rows: model.predict(rows, n_jobs=threads)


def onnx(path: str, threads: int, _: str | None) -> Predict:
    import onnxruntime
    from onnxmltools import convert
    from onnxmltools.convert.common.data_types import FloatTensorType

    if path.endswith(".txt"):
        import lightgbm

        model = lightgbm.Booster(model_file=path)
        inputs = [("x", FloatTensorType([None, model.num_feature()]))]
        made = convert.convert_lightgbm(model, initial_types=inputs, zipmap=False)
    else:
        import xgboost

        model = xgboost.Booster(model_file=path)
        model.feature_names = None
        inputs = [("x", FloatTensorType([None, model.num_features()]))]
        made = convert.convert_xgboost(model, initial_types=inputs)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    output = session.get_outputs()[-1].name
    return lambda rows: session.run([output], {"x": rows})[0]


ENGINES = {engine.__name__: engine for engine in (treec, library, onedal, tl2cgen, lleaves, onnx)}


def main() -> None:
    warnings.filterwarnings("ignore")
    name, path, rows_path, threads, *rest = sys.argv[1:]
    rows = np.load(rows_path)
    started = time.perf_counter()
    try:
        predict = ENGINES[name](path, int(threads), rest[0] if rest else None)
        predict(rows[:1])
    except Exception as error:  # shown in the table: it can't run this model
        say(error=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200])
        return
    say(seconds=time.perf_counter() - started)
    for line in sys.stdin:
        request = json.loads(line)
        batch = rows[: request["rows"]]
        if "out" in request:
            np.save(request["out"], np.asarray(predict(batch)))
            say(stored=True)
        else:
            say(**timed(lambda batch=batch: predict(batch)))


def timed(call: Callable[[], Any]) -> dict[str, float]:
    start = time.perf_counter()
    call()
    calls = max(1, int(SHORTEST / max(1e-9, time.perf_counter() - start)))
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return {"seconds": (time.perf_counter() - start) / calls, "calls": calls}


def say(**what: Any) -> None:
    print("\x1e" + json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
