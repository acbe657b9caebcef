# pyright: basic
"""The contestants: how each is built from a model file, loaded and called. Imported inside a rival's own environment, so
nothing but numpy is imported at the top, and nothing of treec but by `Treec`.

An engine is a class with

- ``build(task)``: what is done once per model (compile, convert, train), into files of ``task.folder``; may be absent;
- ``load(task)``: the model ready to answer; afterwards ``predict(rows, threads)`` is what a user would call, on rows f32
  [n, f] in C order;
- ``gives``: "raw" outputs, or "probability" where the engine has no raw outputs of classifiers;
- ``like``: it can't import the model and runs one of its own of the same shape.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


class CannotRun(Exception):
    """Why an engine can't run a model, in a few words."""


@dataclass(frozen=True)
class Task:
    """``path``: the model file. ``folder``: of the engine's built files. ``facts``: those of `bench.models`, and
    ``labels``, a file with the library's raw outputs of ``rows`` for engines that train a like model."""

    path: str
    folder: Path
    facts: dict[str, Any]
    rows: str

    @property
    def format(self) -> str:
        return {".txt": "lightgbm", ".pkl": "sklearn"}.get(Path(self.path).suffix, "xgboost")


class Engine:
    gives = "raw"
    like = False
    predict: Any = None

    def build(self, task: Task) -> None:
        """Nothing to build."""

    def load(self, task: Task) -> None:
        raise NotImplementedError


def booster_of(task: Task) -> Any:
    """The model as its own library reads it."""
    if task.format == "lightgbm":
        import lightgbm

        return lightgbm.Booster(model_file=task.path)
    if task.format == "xgboost":
        import xgboost

        return xgboost.Booster(model_file=task.path)
    with open(task.path, "rb") as file:  # made by bench.make_models on this machine
        return pickle.load(file)


class Treec(Engine):
    def build(self, task: Task) -> None:
        import treec

        treec.compile(task.path, task.facts.get("schedule"), verify=False).save(task.folder / "model.so")

    def load(self, task: Task) -> None:
        import treec

        model = treec.load(task.folder / "model.so")
        self.predict = lambda rows, threads: model.predict(rows, raw=True, n_threads=threads)


class Library(Engine):
    def load(self, task: Task) -> None:
        model = booster_of(task)
        if task.format == "lightgbm":
            self.predict = lambda rows, threads: model.predict(rows, raw_score=True, num_threads=threads)
        elif task.format == "xgboost":
            self.threads = 0

            def predict(rows: Any, threads: int) -> Any:
                if threads != self.threads:
                    model.set_param({"nthread": threads})
                    self.threads = threads
                return model.inplace_predict(rows, predict_type="margin", validate_features=False)

            self.predict = predict
        else:
            self.predict = _sklearn_predict(model)


def _sklearn_predict(model: Any) -> Any:
    import sklearn

    sklearn.set_config(assume_finite=True)  # its own advice for speed: no search for NaN
    if hasattr(model, "_raw_predict") and hasattr(model, "_predictors"):  # histogram gradient boosting
        return lambda rows, threads: model._raw_predict(rows, threads)

    def predict(rows: Any, threads: int) -> Any:
        model.n_jobs = threads
        return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)

    return predict


class OneDAL(Engine):
    """scikit-learn-intelex; it has probabilities of classifiers only, which takes it a sigmoid or softmax more."""

    def build(self, task: Task) -> None:
        import daal4py

        if task.facts["averaged"]:
            raise CannotRun("converts gradient boosting alone")
        model = booster_of(task)
        if task.format == "sklearn":
            import treelite

            model = treelite.sklearn.import_model(model)
        with open(task.folder / "model.pkl", "wb") as file:
            pickle.dump(daal4py.mb.convert_model(model), file)

    def load(self, task: Task) -> None:
        import daal4py

        with open(task.folder / "model.pkl", "rb") as file:
            model = pickle.load(file)
        call = model.predict if getattr(model, "_is_regression", False) else model.predict_proba
        self.gives = "raw" if call == model.predict else "probability"
        self.threads = 0

        def predict(rows: Any, threads: int) -> Any:
            if threads != self.threads:
                daal4py.daalinit(nthreads=threads)
                self.threads = threads
            return call(rows)

        self.predict = predict


def treelite_model(task: Task) -> Any:
    import treelite

    if task.format == "sklearn":
        return treelite.sklearn.import_model(booster_of(task))
    load = treelite.frontend.load_lightgbm_model if task.format == "lightgbm" else treelite.frontend.load_xgboost_model
    return load(task.path)


class TL2cgen(Engine):
    def build(self, task: Task) -> None:
        import tl2cgen

        place = str(task.folder / "model.so")
        tl2cgen.export_lib(treelite_model(task), toolchain="gcc", libpath=place, params={"parallel_comp": 8}, nthread=2)

    def load(self, task: Task) -> None:
        import tl2cgen

        place = str(task.folder / "model.so")
        predictors: dict[int, Any] = {}

        def predict(rows: Any, threads: int) -> Any:
            if threads not in predictors:
                predictors[threads] = tl2cgen.Predictor(place, nthread=threads)
            return predictors[threads].predict(tl2cgen.DMatrix(rows, dtype="float32"), pred_margin=True)

        self.predict = predict


class LLeaves(Engine):
    def build(self, task: Task) -> None:
        if task.format != "lightgbm":
            raise CannotRun("reads LightGBM models alone")
        self._compiled(task)

    def load(self, task: Task) -> None:
        model = self._compiled(task)
        self.predict = lambda rows, threads: model.predict(rows, n_jobs=threads)

    def _compiled(self, task: Task) -> Any:
        import lleaves

        model = lleaves.Model(model_file=task.path)
        model.compile(raw_score=True, cache=str(task.folder / "model.o"))
        return model


class ONNX(Engine):
    def build(self, task: Task) -> None:
        place = task.folder / "model.onnx"
        place.write_bytes(self._converted(task).SerializeToString())

    def _converted(self, task: Task) -> Any:
        from onnxmltools import convert
        from onnxmltools.convert.common.data_types import FloatTensorType

        model = booster_of(task)
        inputs = [("x", FloatTensorType([None, task.facts["features"]]))]
        if task.format == "lightgbm":
            return convert.convert_lightgbm(model, initial_types=inputs, zipmap=False)
        if task.format == "xgboost":
            model.feature_names = None
            return convert.convert_xgboost(model, initial_types=inputs)
        import skl2onnx

        if hasattr(model, "_baseline_prediction"):  # of this scikit-learn an array, which it can't write
            model._baseline_prediction = float(np.ravel(model._baseline_prediction)[0])
        options = {"zipmap": False} if task.facts["classifier"] else None
        return skl2onnx.to_onnx(
            model, np.zeros((1, task.facts["features"]), np.float32), options={id(model): options} if options else None
        )

    def load(self, task: Task) -> None:
        import onnxruntime

        sessions: dict[int, Any] = {}
        if task.facts["link"] != "identity" and not task.facts["averaged"]:
            self.gives = "probability"

        def predict(rows: Any, threads: int) -> Any:
            if threads not in sessions:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                sessions[threads] = onnxruntime.InferenceSession(
                    str(task.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
                )
            session = sessions[threads]
            return session.run([session.get_outputs()[-1].name], {session.get_inputs()[0].name: rows})[0]

        self.predict = predict


class YDF(Engine):
    """Models are rebuilt tree by tree with YDF's own means of editing models (`bench.ydf_model`); random forests by its
    ``from_sklearn``. It picks its fastest engine for the model."""

    def build(self, task: Task) -> None:
        from ydf_model import build

        build(task, treelite_model).save(str(task.folder / "model"))

    def load(self, task: Task) -> None:
        import ydf

        model = ydf.load_model(str(task.folder / "model"))
        name = "features" if task.facts["averaged"] else "x"
        self.predict = lambda rows, threads: model.predict({name: rows}, num_threads=threads)
        if task.facts["averaged"] and task.facts["outputs"] == 2:  # it gives the second class of two
            self.predict = lambda rows, threads: _both(model.predict({name: rows}, num_threads=threads))


def _both(second: Any) -> Any:
    return np.stack([1 - second, second], axis=1)


class CatBoost(Engine):
    """A like model: as many rounds, trees of as many levels as numbering the leaves of the widest tree takes bits, trained
    on the bench's rows to answer as the model does."""

    like = True

    def build(self, task: Task) -> None:
        import catboost

        facts = task.facts
        if facts["averaged"]:
            raise CannotRun("no like model: its trees have one depth, of at most 16")
        rows, raw = np.load(task.rows), np.load(facts["labels"])
        options = {"iterations": facts["rounds"], "depth": facts["bits"], "random_seed": 0, "thread_count": 2}
        options |= {"learning_rate": 0.1, "verbose": False, "allow_writing_files": False, "boosting_type": "Plain"}
        if not facts["classifier"]:
            model = catboost.CatBoostRegressor(**options)
        else:
            raw = raw.argmax(axis=1) if facts["outputs"] > 1 else (raw.ravel() > np.median(raw)).astype(int)
            model = catboost.CatBoostClassifier(**options)
        model.fit(rows, raw.ravel())
        model.save_model(str(task.folder / "model.cbm"))

    def load(self, task: Task) -> None:
        import catboost

        model = catboost.CatBoost().load_model(str(task.folder / "model.cbm"))
        self.predict = lambda rows, threads: model.predict(rows, prediction_type="RawFormulaVal", thread_count=threads)


ENGINES: dict[str, type[Engine]] = {
    "treec": Treec,
    "library": Library,
    "onedal": OneDAL,
    "tl2cgen": TL2cgen,
    "lleaves": LLeaves,
    "onnx": ONNX,
    "ydf": YDF,
    "catboost": CatBoost,
}
