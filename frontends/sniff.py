"""What kind of file some bytes are, by their content; names also the kinds that treec does not read, with a way out."""

from __future__ import annotations

from enum import StrEnum

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends import lightgbm_text, xgboost_document
from treec.frontends.pickle_packed import packer
from treec.frontends.pickles import looks_like_pickle


class Kind(StrEnum):
    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    PICKLE = "pickle"


_RESAVE = "save the model with its own library: XGBoost `.ubj`/`.json`, LightGBM `.txt`, scikit-learn pickle or joblib"
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"CBM1", "a CatBoost model", "CatBoost is not supported yet"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _RESAVE),
    (b"\x93NUMPY", "a numpy array, not a model", _RESAVE),
    (b"\x7fELF", "a compiled program or library", "load a compiled model with treec.load"),
    (b"PAR1", "a Parquet table, not a model", _RESAVE),
    (b"ARROW1", "an Arrow table, not a model", _RESAVE),
    (b"%PDF", "a PDF document", _RESAVE),
    (b"binf", "an XGBoost model in the old binary format", "save it again: Booster.save_model('model.ubj')"),
    (b"bs64", "an XGBoost model in the old base64 format", "save it again: Booster.save_model('model.ubj')"),
)
_TEXTS: tuple[tuple[bytes, str, str], ...] = (
    (b"<PMML", "a PMML document", _RESAVE),
    (b'"oblivious_trees"', "a CatBoost model as JSON", "CatBoost is not supported yet"),
    (b'"tree_info"', "a LightGBM dump as JSON (dump_model)", "save it with Booster.save_model('model.txt')"),
    (b'"nodeid"', "an XGBoost dump as JSON (dump_model)", "save it with Booster.save_model('model.ubj')"),
    (b"booster[0]:", "an XGBoost dump as text (dump_model)", "save it with Booster.save_model('model.ubj')"),
    (b"git-lfs.github.com/spec", "a Git LFS pointer, not the model itself", "fetch it: git lfs pull"),
    (b"<html", "a web page", "download the file itself"),
)


def sniff(data: bytes, place: str) -> Kind:
    """The kind of a model file; raises `UnsupportedModelError` or `ModelError` saying what was found instead."""
    if not data:
        raise ModelError("the file is empty", place=place, fix="save the model again")
    for magic, what, fix in _MAGIC:
        if data.startswith(magic):
            raise UnsupportedModelError(f"this is {what}", place=place, fix=fix)
    if data.startswith(b"PK\x03\x04"):
        raise _archive(data, place)
    if data[:1] == b"\x80" and looks_like_pickle(data):
        return Kind.PICKLE
    if xgboost_document.sniff(data):
        return Kind.XGBOOST
    if lightgbm_text.sniff(data):
        return Kind.LIGHTGBM
    if packer(data) is not None or looks_like_pickle(data):
        return Kind.PICKLE
    raise _unknown(data, place)


def _archive(data: bytes, place: str) -> ModelError:
    listing = data[-65536:]  # the central directory, with the members' names, is at the end
    if b"schema.json" in listing:
        what, fix = "a skops file", "load it with skops and save the estimator with joblib"
    elif b".npy" in listing:
        what, fix = "a numpy archive (npz), not a model", _RESAVE
    elif b"model.ini" in listing:
        what, fix = "an H2O MOJO", _RESAVE
    elif b"data.pkl" in listing:
        what, fix = "a PyTorch file", "compile models of XGBoost, LightGBM or scikit-learn"
    else:
        what, fix = "a zip archive", "unpack it, and name the model file inside"
    return UnsupportedModelError(f"this is {what}", place=place, fix=fix)


def _unknown(data: bytes, place: str) -> ModelError:
    head = data[:4096]
    for mark, what, fix in _TEXTS:
        if mark in head or mark in head.lower():
            return UnsupportedModelError(f"this is {what}", place=place, fix=fix)
    if data[0] == 0x08 and any(mark in data[:65536] for mark in (b"ai.onnx", b"onnx", b"TreeEnsemble", b"skl2onnx")):
        return UnsupportedModelError("this is an ONNX model", place=place, fix=_RESAVE)
    if data[:4] in (b"\x03\0\0\0", b"\x04\0\0\0", b"\x05\0\0\0") and data[5:8] == b"\0\0\0" == data[9:12]:
        return UnsupportedModelError("this looks like a Treelite checkpoint", place=place, fix=_RESAVE)
    if not any(byte < 9 for byte in head):
        start = head[:40].decode("utf-8", "replace").split("\n")[0]
        kind = "JSON of no known model" if head.lstrip()[:1] in (b"{", b"[") else "text of no known model"
        return ModelError(f"this is {kind}; it starts with {start!r}", place=place, fix=_RESAVE)
    return ModelError(f"this is no known model format; it starts with {head[:8].hex(' ')}", place=place, fix=_RESAVE)
