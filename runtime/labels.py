"""From tables of outputs to what the source library returns: shapes, probabilities, labels, leaf ids.

A table may be an array of CuPy: then they follow on the device, by functions that CuPy has too; but labels that are no
numbers, and those of several outputs, are numpy arrays.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.errors import ArtifactError, UsageError
from treec.runtime.card import Facts

ARGMAX = "argmax"
_ABOVE_HALF = "link_above_half"
_RAW_RULES = ("raw_at_least_zero", "raw_above_zero")


def needs_raw(facts: Facts) -> bool:
    """Whether ``predict`` follows from raw outputs, not from the response."""
    return facts.predicted != "response" and facts.label in _RAW_RULES


def shaped(table: NDArray[Any], facts: Facts) -> NDArray[Any]:
    """[n, K] as the library gives it: (n,) where it has one column and calls it a vector."""
    return table[:, 0] if facts.vector else table


def predicted(table: NDArray[Any], facts: Facts) -> NDArray[Any]:
    """What ``predict`` returns; ``table`` [n, K] is raw where `needs_raw` says so, else the response."""
    if facts.predicted == "response":
        return shaped(table, facts)
    return _labelled(_label_indices(table, facts), facts, table.dtype)


def n_labels(facts: Facts) -> int:
    """Labels of a row."""
    return max(1, len(facts.groups)) if facts.label == ARGMAX else facts.n_columns


def labelled(indices: NDArray[Any], facts: Facts) -> NDArray[Any]:
    """What ``predict`` returns, from indices of classes [n, `n_labels`] as numbers of the raw dtype."""
    columns = [indices[:, output] for output in range(indices.shape[1])]
    if facts.predicted == "label":
        columns = [column.astype(np.intp) for column in columns]
    return _labelled(columns, facts, indices.dtype)


def _labelled(indices: list[NDArray[Any]], facts: Facts, dtype: np.dtype[Any]) -> NDArray[Any]:
    if facts.predicted == "class_index":
        numbers = [index.astype(dtype) for index in indices]
        return numbers[0] if len(numbers) == 1 else np.stack(numbers, axis=1)
    if len(indices) == 1:
        return _named(facts.classes[0], indices[0])
    # As scikit-learn: all outputs share the dtype of the first one's classes.
    labels = np.empty((len(indices[0]), len(indices)), facts.classes[0].dtype)
    for output, index in enumerate(indices):
        labels[:, output] = facts.classes[output % len(facts.classes)][_on_host(index)]
    return labels


def _named(classes: NDArray[Any], index: Any) -> NDArray[Any]:
    """The labels of classes, where ``index`` is, if a device can have them."""
    if isinstance(index, np.ndarray) or classes.dtype.kind not in "biuf":
        return classes[_on_host(index)]
    from treec.runtime.gpu_cuda import to_device

    return to_device(classes)[index]


def _on_host(array: Any) -> NDArray[Any]:
    return cast("NDArray[Any]", array if isinstance(array, np.ndarray) else array.get())


def _label_indices(table: NDArray[Any], facts: Facts) -> list[NDArray[Any]]:
    """One index array per output. Ties: the first largest column; above means above, in the table's own dtype."""
    if facts.label == ARGMAX:
        return [part.argmax(axis=1) for part in grouped(table, facts)]
    if facts.label == _ABOVE_HALF:
        above = table > table.dtype.type(0.5)
    elif facts.label == "raw_at_least_zero":
        above = table >= 0
    elif facts.label == "raw_above_zero":
        above = table > 0
    else:
        raise ArtifactError(f"its card has an unknown label rule {facts.label!r}", fix="use the treec that wrote it")
    return [above[:, column].astype(np.intp) for column in range(above.shape[1])]


def grouped(table: NDArray[Any], facts: Facts) -> list[NDArray[Any]]:
    """The columns of each output: all of them for one output."""
    if not facts.groups:
        return [table]
    return np.split(table, np.cumsum(facts.groups)[:-1], axis=1)


def probabilities(response: NDArray[Any], facts: Facts) -> NDArray[Any] | list[NDArray[Any]]:
    """``predict_proba`` from the response [n, K]: [n, classes], or a list of these for several outputs."""
    if not facts.is_classifier:
        raise UsageError(
            "this model has no predict_proba: its source is not a classifier",
            fix="predict(X) gives its outputs (of a Booster: after the link), predict(X, raw=True) those before it",
        )
    if facts.binary_proba:
        positive = response[:, 0]
        return np.stack([1 - positive, positive], axis=1)
    parts = grouped(response, facts)
    return parts[0] if not facts.groups else parts


def leaf_ids(leaves: NDArray[np.int32], facts: Facts) -> NDArray[Any]:
    """i32 [n, trees] as the library's ``apply``: its dtype, and its shape for the trees that were used."""
    n, n_trees = leaves.shape
    shape = facts.apply_shape
    if shape or facts.n_trees != 1:  # an empty shape is that of a model of a single tree
        shape = (n_trees // math.prod(shape[1:]), *shape[1:])
    return leaves.astype(facts.apply_dtype, copy=False).reshape(n, *shape)
