"""One entry for every model: told apart by content, with clear words for everything else."""

# pyright: basic

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treec.errors import ModelError, UnsupportedModelError, UsageError
from treec.frontends.load import LoadedModel, load_model

ROWS = np.random.default_rng(0).normal(size=(80, 3))
LABELS = np.arange(80) % 3


@cache
def sklearn_model() -> Any:
    ensemble = pytest.importorskip("sklearn.ensemble")
    return ensemble.RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)


@cache
def xgboost_models() -> dict[str, Any]:
    xgboost = pytest.importorskip("xgboost")
    matrix = xgboost.DMatrix(ROWS, LABELS)
    return {
        "booster": xgboost.train({"max_depth": 2}, matrix, 3),
        "classifier": xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(ROWS, LABELS),
        "regressor": xgboost.XGBRegressor(n_estimators=3, max_depth=2, missing=0.5).fit(ROWS, LABELS),
    }


@cache
def lightgbm_models() -> dict[str, Any]:
    lightgbm = pytest.importorskip("lightgbm")
    quiet: dict[str, Any] = {"verbose": -1, "num_leaves": 4, "n_estimators": 3}
    names = np.array(["a", "b", "c"])[LABELS]
    return {
        "booster": lightgbm.train({"verbose": -1, "num_leaves": 4}, lightgbm.Dataset(ROWS, LABELS), 3),
        "classifier": lightgbm.LGBMClassifier(**quiet).fit(ROWS, names),
        "regressor": lightgbm.LGBMRegressor(**quiet).fit(ROWS, LABELS),
    }


def answers(loaded: LoadedModel) -> tuple[Any, Any]:
    oracle: Any = loaded.oracle()
    assert oracle is not None
    return oracle.raw(ROWS).tolist(), oracle.predict(ROWS).tolist()


def joblib_bytes(model: Any, compress: int) -> bytes:
    joblib = pytest.importorskip("joblib")
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=compress)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["booster", "classifier", "regressor"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_pickled_boosters_and_wrappers_answer_like_the_live_object(library: str, kind: str) -> None:
    model = (xgboost_models if library == "xgboost" else lightgbm_models)()[kind]
    live = load_model(model)
    assert live.forest.source.library == library
    files = [pickle.dumps(model, protocol) for protocol in (0, 2, 5)] + [joblib_bytes(model, 0), joblib_bytes(model, 3)]
    for number, file in enumerate(files):
        loaded = load_model(file)
        # joblib writes a plain pickle where the object holds no array
        assert loaded.forest.source.format in (("pickle",) if number < 3 else ("pickle", "joblib"))
        assert answers(loaded) == answers(live)
        assert loaded.forest.outputs.predicted == live.forest.outputs.predicted
        assert loaded.forest.leaves.values.tolist() == live.forest.leaves.values.tolist()
        assert [c.tolist() for c in loaded.forest.outputs.classes] == [c.tolist() for c in live.forest.outputs.classes]
        assert repr(loaded.forest.inputs.missing_value) == repr(live.forest.inputs.missing_value)


@pytest.mark.parametrize("suffix", [".json", ".ubj", ".txt", ".pkl", ".joblib", ".so", ""])
def test_the_format_is_told_by_content_whatever_the_name(suffix: str, tmp_path: Path) -> None:
    xgboost_model, lightgbm_model = xgboost_models()["booster"], lightgbm_models()["booster"]
    files = {
        "xgboost": bytes(xgboost_model.save_raw("json")),
        "xgboost ": bytes(xgboost_model.save_raw("ubj")),
        "lightgbm": lightgbm_model.model_to_string().encode(),
        "sklearn": pickle.dumps(sklearn_model()),
        "sklearn ": joblib_bytes(sklearn_model(), 3),
    }
    for library, content in files.items():
        path = tmp_path / f"model{suffix}"
        path.write_bytes(content)
        for form in (path, str(path)):
            source = load_model(form).forest.source
            assert source.library == library.strip()
            assert source.name == path.name
            assert source.digest == hashlib.sha256(content).hexdigest()


def test_models_of_bytes_and_objects_have_a_digest_only_for_bytes() -> None:
    model = sklearn_model()
    data = pickle.dumps(model)
    assert load_model(data).forest.source.digest == hashlib.sha256(data).hexdigest()
    assert load_model(model).forest.source.digest is None
    assert load_model(data).forest.source.format == "pickle"
    assert load_model(joblib_bytes(model, 0)).forest.source.format == "joblib"
    assert load_model(model).forest.source.format == "object"


def test_every_result_is_checked_and_frozen() -> None:
    for form in (sklearn_model(), pickle.dumps(sklearn_model())):
        forest = load_model(form).forest
        assert not forest.predicates.threshold.flags.writeable
        assert not forest.leaves.values.flags.writeable


class Custom:
    """A class that only a trusting reader makes."""

    def __reduce__(self) -> Any:
        return sklearn_model, ()


def test_trust_runs_the_pickle_and_goes_on_from_the_object() -> None:
    for data in (pickle.dumps(Custom()), joblib_bytes(Custom(), 0), joblib_bytes(Custom(), 3)):
        with pytest.raises(ModelError, match="refused: the pickle refers to") as caught:
            load_model(data)
        assert "--trust" in str(caught.value)
        loaded = load_model(data, trust=True)
        assert loaded.forest.source.library == "sklearn"
        assert loaded.forest.source.digest == hashlib.sha256(data).hexdigest()


def test_a_trusted_pickle_that_fails_says_why() -> None:
    with pytest.raises(ModelError, match="unpickling failed: ModuleNotFoundError"):
        load_model(b"\x80\x02cno_such_module\nThing\n)R.", trust=True)


def archive(*members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for member in members:
            file.writestr(member, "x")
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(2))
    return buffer.getvalue()


FOREIGN: dict[str, tuple[bytes, str]] = {
    "ONNX": (b"\x08\x08\x12\x08skl2onnx\x1a\x061.17.0", "an ONNX model"),
    "CatBoost": (b"CBM1\x00\x10\x00\x00", "a CatBoost model"),
    "CatBoost JSON": (b'{"features_info": {}, "oblivious_trees": []}', "a CatBoost model as JSON"),
    "LightGBM JSON": (b'{"name": "tree", "tree_info": []}', "a LightGBM dump as JSON"),
    "XGBoost dump": (b'[\n { "nodeid": 0, "depth": 0 } ]', "an XGBoost dump as JSON"),
    "XGBoost text dump": (b"booster[0]:\n0:[f0<1] yes=1,no=2,missing=1\n", "an XGBoost dump as text"),
    "XGBoost binf": (b"binf" + bytes(100), "old binary format"),
    "XGBoost bs64": (b"bs64\tYmluZg==", "old base64 format"),
    "skops": (archive("schema.json", "1.npy"), "a skops file"),
    "MOJO": (archive("model.ini"), "an H2O MOJO"),
    "PyTorch": (archive("archive/data.pkl"), "a PyTorch file"),
    "zip": (archive("model.txt"), "a zip archive"),
    "npz": (npz(), "a numpy archive"),
    "npy": (b"\x93NUMPY\x01\x00v\x00", "a numpy array"),
    "PMML": (b'<?xml version="1.0"?>\n<PMML version="4.4"></PMML>', "a PMML document"),
    "treelite": (struct.pack("<iii", 4, 3, 0) + bytes(40), "a Treelite checkpoint"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "an HDF5 file"),
    "ELF": (b"\x7fELF" + bytes(20), "a compiled program"),
    "parquet": (b"PAR1" + bytes(20), "a Parquet table"),
    "HTML": (b"<!doctype html>\n<html><body>404</body></html>", "a web page"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_formats_are_named_with_a_way_out(kind: str, tmp_path: Path) -> None:
    data, name = FOREIGN[kind]
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(UnsupportedModelError, match=name) as caught:
        load_model(path)
    assert caught.value.place == "model.json"
    assert caught.value.fix


UNKNOWN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello, world\n", "text of no known model; it starts with 'hello, world'"),
    "CSV": (b"a,b\n1,2\n", "text of no known model"),
    "JSON": (json.dumps({"a": 1}).encode(), "JSON of no known model"),
    "noise": (bytes(range(1, 9)) * 10, "no known model format; it starts with 01 02 03"),
    "pickle of a list": (pickle.dumps([1]), "the pickle holds a list, not a model"),
    "pickle of a number": (pickle.dumps(3), "the pickle holds 3, not a model"),
    "pickle of an array": (pickle.dumps(np.zeros(3)), "an array of float64"),
    "gzip of text": (gzip.compress(b"tree\nversion=v4\n"), "pickle"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_no_model_is_said_to_be_none(kind: str) -> None:
    data, message = UNKNOWN[kind]
    with pytest.raises(ModelError) as caught:
        load_model(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("size", [1, 5, 40, 500])
def test_truncated_files_of_every_format_are_model_errors(size: int) -> None:
    files = [
        bytes(xgboost_models()["booster"].save_raw("json")),
        bytes(xgboost_models()["booster"].save_raw("ubj")),
        lightgbm_models()["booster"].model_to_string().encode(),
        pickle.dumps(sklearn_model(), 0),
        pickle.dumps(sklearn_model(), 5),
        joblib_bytes(sklearn_model(), 0),
        joblib_bytes(sklearn_model(), 3),
    ]
    for file in files:
        # LightGBM reads text models without their last part (parameters) as well.
        end = file.find(b"Tree=2") if file.startswith(b"tree") else len(file)
        with pytest.raises(ModelError):
            load_model(file[:size])
        with pytest.raises(ModelError):
            load_model(file[: end - size])


def test_paths_that_cannot_be_read_are_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_model(tmp_path / "absent.json")
    with pytest.raises(ModelError, match="a folder"):
        load_model(tmp_path)
    with pytest.raises(UsageError):
        load_model("bad\0path")
    with pytest.raises(UsageError, match="no regular file"):
        load_model("/dev/zero")
    with pytest.raises(UsageError, match="File name too long"):
        load_model("x" * 5000)


def test_a_models_text_is_told_from_a_path() -> None:
    with pytest.raises(UsageError, match="no path") as caught:
        load_model("tree\nversion=v4\n" + "feature_names=a b c " * 500)
    assert len(str(caught.value)) < 200
    assert "encode" in str(caught.value)


def test_a_class_derived_from_xgboosts_is_refused_by_name() -> None:
    xgboost = pytest.importorskip("xgboost")

    class Shifted(xgboost.XGBRegressor):  # pyright: ignore
        def predict(self, X: Any, **options: Any) -> Any:
            return super().predict(X, **options) + 1  # pyright: ignore

    with pytest.raises(UnsupportedModelError, match="Shifted are not supported") as caught:
        load_model(Shifted(n_estimators=1).fit(ROWS, LABELS))
    assert "get_booster" in (caught.value.fix or "")


def test_objects_of_no_known_library_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="dict is no model"):
        load_model({"a": 1})
    with pytest.raises(UnsupportedModelError, match="numpy"):
        load_model(np.zeros(3))


def test_loading_a_pickle_imports_no_source_library(tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(sklearn_model()))
    script = (
        "import sys; from treec.frontends.load import load_model\n"
        f"load_model({str(path)!r}); print([m for m in ('sklearn', 'scipy', 'joblib', 'xgboost') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
