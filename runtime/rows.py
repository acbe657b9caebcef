"""A user's table becomes rows that compiled code can read: checked, and copied only where it must be.

float32 and float64 arrays of any order and stride are used in place. Everything else that is a number (integers, booleans,
float16, lists, data frames of several dtypes) is converted once, to the dtype the model compares in.
"""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.errors import InputError
from treec.runtime.card import Facts

_READ_IN_PLACE = (np.dtype(np.float32), np.dtype(np.float64))
_PLACEHOLDER = re.compile(r"(Column_|f|x)(\d+)")
_SHOWN = 5


def as_rows(table: Any, facts: Facts) -> NDArray[Any]:
    """f32 or f64 [n, n_features] with strides of whole elements, in native byte order; a view of ``table`` where possible.

    Raises `InputError`, saying what came, what the model expects and how to mend it.
    """
    came = type(table).__name__
    if type(table) is not np.ndarray:
        table = _to_array(table, facts)
    _check_shape(table, facts, came)
    dtype = table.dtype
    if dtype in _READ_IN_PLACE:
        if dtype.isnative and table.flags.aligned and not any(step % dtype.itemsize for step in table.strides):
            return table
        return np.array(table, dtype.newbyteorder("="), order="C")
    if dtype.kind not in "biuf":
        raise InputError(
            f"rows of dtype {dtype} came and the model takes numbers",
            fix=_DTYPE_FIXES.get(dtype.kind, "convert with X.astype(np.float64)"),
        )
    with np.errstate(over="ignore"):
        return table.astype(facts.input_dtype)


_DTYPE_FIXES = {
    "c": "pass the real part, X.real, if that is meant",
    "O": "convert with X.astype(np.float64), after encoding what is not a number as it was in training",
    "U": "encode text as it was in training, then X.astype(np.float64)",
    "S": "encode text as it was in training, then X.astype(np.float64)",
    "M": "encode dates as they were in training",
    "m": "encode times as they were in training",
    "V": "pass a plain 2-D table, not records",
}


def _check_shape(table: NDArray[Any], facts: Facts, came: str) -> None:
    wanted = f"[n, {facts.n_features}]"
    if table.ndim == 1:
        fix = "X.reshape(1, -1)" if table.shape[0] == facts.n_features else "X.reshape(-1, 1)"
        what = "one row" if table.shape[0] == facts.n_features else "one feature"
        fix = f"X.reshape(1, -1) if it is one row, X.reshape(-1, 1) if it is {what}" if what == "one feature" else fix
        raise InputError(f"a 1-D array of {table.shape[0]} came and the model takes a table {wanted}", fix=fix)
    if table.ndim == 0:
        raise InputError(
            f"an object of type {came} came and the model takes a table {wanted}", fix="pass a 2-D numpy array"
        )
    if table.ndim != 2:
        raise InputError(
            f"an array of shape {table.shape} came and the model takes a table {wanted}",
            fix="pass one row per example, e.g. X.reshape(len(X), -1)",
        )
    if table.shape[1] != facts.n_features:
        raise InputError(
            f"rows have {table.shape[1]} features and the model has {facts.n_features}",
            fix="pass the columns the model was trained on, in that order"
            + (f": {_some(facts.names)}" if facts.names else ""),
        )


def _to_array(table: Any, facts: Facts) -> NDArray[Any]:
    if hasattr(table, "toarray"):
        raise InputError(
            f"a sparse {type(table).__name__} came and the model takes a dense table",
            fix="X.toarray(); a value that is not stored then counts as 0, not as missing",
        )
    if isinstance(table, np.ma.MaskedArray):
        raise InputError(
            "a masked array came and the model takes a plain one", fix="X.filled(np.nan) if masked means missing"
        )
    names = _column_names(table)
    if names is not None:
        _check_names(names, facts)
        if hasattr(table, "dtypes") and hasattr(table, "iloc"):
            return _from_pandas(table, facts)
    try:
        to_numpy = getattr(table, "to_numpy", None)
        array = to_numpy() if callable(to_numpy) and not hasattr(table, "column_names") else np.asarray(table)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"this {type(table).__name__} is no table of numbers: {error}", fix="pass a 2-D numpy array"
        ) from error
    return np.asarray(array)


def _column_names(table: Any) -> list[Any] | None:
    """The names of a data frame's columns (pandas, polars; pyarrow calls them ``column_names``)."""
    for attribute in ("column_names", "columns"):
        found = getattr(table, attribute, None)
        if found is not None and not callable(found):
            return list(found)
    return None


def _from_pandas(frame: Any, facts: Facts) -> NDArray[Any]:
    """One dtype that we read in place stays; several become the model's. Missing entries of nullable dtypes become NaN."""
    dtypes = list(frame.dtypes)
    refused = [f"{name!r} ({dtype})" for name, dtype in zip(frame.columns, dtypes, strict=True) if not _is_number(dtype)]
    if refused:
        raise InputError(
            f"the model takes numbers and these columns are not: {_some(refused)}",
            fix="encode them as in training (a category as its code), then astype(np.float64)",
        )
    if len(set(dtypes)) == 1 and dtypes[0] in _READ_IN_PLACE:
        return cast("NDArray[Any]", frame.to_numpy())
    return cast("NDArray[Any]", frame.to_numpy(dtype=facts.input_dtype, na_value=np.nan))


def _is_number(dtype: Any) -> bool:
    # Nullable dtypes of pandas say their kind as numpy's do; categories and strings have kind "O".
    return getattr(dtype, "kind", "O") in "biuf"


def _check_names(names: list[Any], facts: Facts) -> None:
    """A frame's columns must be those of training, in order; names that a library made up itself say nothing."""
    if facts.names is None or not all(isinstance(name, str) for name in names) or _made_up(facts.names):
        return
    came = tuple(name.replace(" ", "_") for name in names) if facts.library == "lightgbm" else tuple(names)
    wanted = tuple(name.replace(" ", "_") for name in facts.names) if facts.library == "lightgbm" else facts.names
    if came == wanted:
        return
    only_names = "X.to_numpy() if the order is right and only the names differ"
    # LightGBM's names have "_" where the frame may have a space; then they don't index it.
    select = "X[list(model.feature_names)]" if set(facts.names) <= set(names) else "order them as model.feature_names"
    if sorted(came) == sorted(wanted):
        at = next(i for i, (a, b) in enumerate(zip(came, wanted, strict=True)) if a != b)
        raise InputError(
            f"the columns are in another order than in training: column {at} is {names[at]!r}, not {facts.names[at]!r}",
            fix=select,
        )
    missing = [name for name in wanted if name not in set(came)]
    extra = [name for name in came if name not in set(wanted)]
    parts = [f"missing: {_some(missing)}" if missing else "", f"not known: {_some(extra)}" if extra else ""]
    said = "; ".join(part for part in parts if part) or "a name comes twice"
    fixes = ([select] if not missing else []) + ([only_names] if len(came) == len(wanted) else [])
    raise InputError(
        f"the columns are not those of training ({said})",
        fix=", or ".join(fixes) or "pass all columns of training, in the order of model.feature_names",
    )


def _made_up(names: tuple[str, ...]) -> bool:
    matches = [_PLACEHOLDER.fullmatch(name) for name in names]
    return all(match is not None and int(match[2]) == index for index, match in enumerate(matches))


def _some(names: Any) -> str:
    listed = [str(name) for name in names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
