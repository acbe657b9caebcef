"""The bytes of an XGBoost model → its document (JSON or UBJSON), and strict, located access to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends import ubjson

_UBJSON_START = re.compile(rb"\{[iUIlL].{1,8}(learner|version|Model|Config)", re.DOTALL)
_OLD_BINARY = (b"binf", b"bs64", b"CONFIG-offset:")
_F32_OVERFLOW = float.fromhex("0x1.ffffffp+127")  # halfway between the largest f32 and 2**128


class DoubleRoundingError(Exception):
    """A decimal number whose f64 lies halfway between two f32: its text must be rounded to f32 at once, as XGBoost does."""


def sniff(data: bytes) -> bool:
    """Whether ``data`` looks like an XGBoost model, readable or not."""
    head = data[:4096].lstrip()
    if head.startswith(_OLD_BINARY) or _UBJSON_START.match(head):
        return True
    return head.startswith(b"{") and (b'"learner"' in head or b'"gradient_booster"' in data)


@dataclass(frozen=True)
class Node:
    """One value of the document and its JSON path."""

    value: Any
    place: str
    path: str = ""

    def error(self, what: str, fix: str = "save the model again with XGBoost") -> ModelError:
        return ModelError(what, place=self.where(), fix=fix)

    def unsupported(self, what: str, fix: str) -> UnsupportedModelError:
        return UnsupportedModelError(what, place=self.where(), fix=fix)

    def where(self) -> str:
        return f"{self.place}: {self.path}" if self.path else self.place

    def child(self, key: str | int) -> Node:
        path = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}".lstrip(".")
        return Node(self.value[key], self.place, path)

    def has(self, key: str) -> bool:
        return key in self.object()

    def object(self) -> dict[str, Any]:
        value = self.value
        if not isinstance(value, dict):
            raise self.error(f"an object is needed here, found {_kind(value)}")
        return cast(dict[str, Any], value)

    def get(self, key: str) -> Node:
        if key not in self.object():
            raise self.error(f"the key '{key}' is missing")
        return self.child(key)

    def only(self, *known: str) -> None:
        """Refuse keys that are not understood: they may change the answer."""
        for key in self.object():
            if key not in known:
                raise self.unsupported(f"the key '{key}' is not known", "update treec, or save with XGBoost 1.0 to 3.x")

    def items(self) -> list[Node]:
        return [self.child(i) for i in range(len(self.array()))]

    def array(self) -> Any:
        """A list or a numpy array."""
        value = self.value
        if not isinstance(value, (list, np.ndarray)):
            raise self.error(f"an array is needed here, found {_kind(value)}")
        return cast(Any, value)

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.error(f"a text is needed here, found {_kind(self.value)}")
        return self.value

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def count(self, default: int | None = None) -> int:
        """A number from 0 to 2**32 - 1, that XGBoost writes as text."""
        if default is not None and self.value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", self.text()) or int(self.text()) >= 2**32:
            raise self.error(f"a count is needed here, found {self.text()!r:.40}")
        return int(self.text())

    def integers(self, low: int = -(2**31), high: int = 2**31 - 1) -> NDArray[np.int64]:
        array = self._numeric("biu")
        if array.size and (array.min() < low or array.max() > high):
            raise self.error(f"a number is not within {low} to {high}")
        return array.astype(np.int64)

    def floats(self) -> NDArray[np.float32] | NDArray[np.float64]:
        """f32 from UBJSON; f64 from text, still to be rounded by `to_f32`."""
        array = self._numeric("fiu")
        return array if array.dtype == np.float32 else array.astype(np.float64)

    def _numeric(self, kinds: str) -> NDArray[Any]:
        try:
            array = np.asarray(self.array())
        except (ValueError, OverflowError):
            raise self.error("an array of numbers is needed here") from None
        if array.ndim != 1 or (array.dtype.kind not in kinds and array.size):
            raise self.error("an array of numbers is needed here")
        return array


def to_f32(values: NDArray[Any], *, exact: bool) -> NDArray[np.float32]:
    """Round numbers that came from text; raises `DoubleRoundingError` where only the text can tell the direction."""
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    if values.dtype == np.float32 or exact:
        return rounded
    if _halfway(values, rounded).any():
        raise DoubleRoundingError
    return rounded


def _halfway(values: NDArray[np.float64], rounded: NDArray[np.float32]) -> NDArray[np.bool_]:
    near = rounded.astype(np.float64)
    beyond = np.nextafter(rounded, np.where(values > near, np.float32(np.inf), np.float32(-np.inf))).astype(np.float64)
    with np.errstate(invalid="ignore"):
        between = (values != near) & (values - near == beyond - values)
    return between | (np.abs(values) == _F32_OVERFLOW)


def is_ubjson(data: bytes) -> bool:
    return _UBJSON_START.match(data) is not None


def read_document(data: bytes, place: str, *, exact: bool = False) -> Node:
    """The document of a model file, or of the buffer in a pickled Booster (its ``Model`` part).

    With ``exact``, every decimal number is an f64 that rounds to the f32 nearest to its text.
    """
    if data.lstrip()[:16].startswith(_OLD_BINARY):
        raise UnsupportedModelError(
            "this is XGBoost's old binary format",
            place=place,
            fix="load it with XGBoost 1.7 to 3.0 and save it as model.ubj or model.json",
        )
    document = ubjson.loads(data, place=place) if is_ubjson(data) else _read_json(data, place, exact)
    root = Node(document, place)
    if not root.has("Model"):
        return root
    root.only("Model", "Config")
    _check_config(root)
    return root.get("Model")


def _check_config(root: Node) -> None:
    """A pickled Booster repeats its booster and objective in its configuration; XGBoost obeys that."""
    if not root.has("Config"):
        return
    train = root.get("Config").get("learner").get("learner_train_param")
    learner = root.get("Model").get("learner")
    for key, part in (("booster", "gradient_booster"), ("objective", "objective")):
        said, written = train.get(key), learner.get(part).get("name")
        if said.text() != written.text():
            raise said.error(f"the configuration says {said.text()!r:.60}, the model says {written.text()!r:.60}")


def _read_json(data: bytes, place: str, exact: bool) -> Any:
    fix = "save or copy the model again"
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique, parse_float=f32_text if exact else None)
    except RecursionError:
        raise ModelError("not a sound JSON file: it nests too deeply", place=place, fix=fix) from None
    except ValueError as error:  # bad UTF-8, bad JSON, a repeated key, an endless number
        raise ModelError(f"not a sound JSON file: {error}", place=place, fix=fix) from None


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found


def f32_text(text: str) -> float:
    """An f64 that rounds to the f32 nearest to ``text``: moved off the point halfway between two f32 if it lands there."""
    value = float(text)
    array = np.array([value])
    with np.errstate(over="ignore"):
        halfway = _halfway(array, array.astype(np.float32))[0]
    if not halfway:
        return value
    off = Fraction(text) - Fraction(value)
    return value if off == 0 else float(np.nextafter(value, np.inf if off > 0 else -np.inf))


def _kind(value: object) -> str:
    names: dict[str, str] = {"dict": "an object", "str": "a text", "bool": "a truth value", "NoneType": "null"}
    return names.get(type(value).__name__, "a number" if isinstance(value, (int, float)) else "an array")
