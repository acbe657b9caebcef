"""The card: everything a compiled model says about itself, as JSON in the artifact's own section.

``card_of`` makes it from a Forest, ``write_card`` fills the space that an artifact reserves for it; the runtime reads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import CARD_CAPACITY
from treec.codegen.cpu_levels import LEVELS
from treec.codegen.elf import crc_beside_card, parse_elf
from treec.codegen.files import unwritable
from treec.errors import CodegenError, UnsupportedModelError, UsageError
from treec.frontends.base import Forest, Inputs, Outputs, Trees

CARD_FORMAT = 1
_ROOM = 1 << 14  # bytes for what is known only after emission: verification, timings, checksum


def card_of(
    forest: Forest,
    *,
    schedule: str,
    cpu_level: str,
    cpu_features: tuple[str, ...] | None = None,
    float_policy: str = "exact",
    verification: dict[str, Any] | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """The card of a compiled forest: plain JSON types only.

    ``schedule`` is the whole schedule as text, ``cpu_level`` a name of `LEVELS` or a CPU's, ``cpu_features`` LLVM's names
    of what the code needs (default: the level's), ``verification`` what was checked (None: nothing yet); further ``facts``
    are stored under their names. Raises `UnsupportedModelError` for class labels that JSON can't give back.
    """
    if cpu_features is None:
        cpu_features = tuple(f.llvm for f in LEVELS[cpu_level].features) if cpu_level in LEVELS else ()
    trees = forest.trees
    return {
        "format": CARD_FORMAT,
        "treec": _treec_version(),
        "source": {**vars(forest.source), "notes": list(forest.source.notes)},
        "inputs": _inputs(forest.inputs),
        "outputs": _outputs(forest.outputs),
        "n_trees": trees.n_trees,
        "n_nodes": trees.n_nodes if isinstance(trees, Trees) else len(trees.predicate),
        "n_leaves": len(trees.leaf_row),
        "n_columns": forest.n_columns,
        "iterations": iteration_runs(trees.iteration_offset),
        "sum": {"dtype": forest.sum.dtype.str, "base_first": forest.sum.base_first, "final": forest.sum.final.value},
        "float": float_policy,
        "schedule": {"text": schedule, "sha256": hashlib.sha256(schedule.encode()).hexdigest()},
        "cpu": {"level": cpu_level, "features": list(cpu_features)},
        "verification": verification,
        **facts,
    }


def _treec_version() -> str:
    try:
        return version("treec")
    except PackageNotFoundError:
        return "unknown"


def _inputs(inputs: Inputs) -> dict[str, Any]:
    return {
        "n_features": inputs.n_features,
        "dtype": inputs.dtype.str,
        "names": None if inputs.names is None else list(inputs.names),
        "types": None if inputs.types is None else list(inputs.types),
        "missing_value": None if math.isnan(inputs.missing_value) else _number(inputs.missing_value),
    }


def _outputs(out: Outputs) -> dict[str, Any]:
    return {
        "vector": out.vector,
        "link": out.link.value,
        "link_scale": out.link_scale,
        "average": out.average,
        "label": out.label.value,
        "predicted": out.predicted.value,
        "is_classifier": out.is_classifier,
        "binary_proba": out.binary_proba,
        "classes": [_labels(classes) for classes in out.classes],
        "groups": list(out.groups),
        "apply_dtype": out.apply_dtype,
        "apply_shape": list(out.apply_shape),
    }


def _number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else repr(float(value))  # JSON has no infinity


def _labels(classes: NDArray[Any]) -> dict[str, Any]:
    """Labels with their dtype, so that the very same array comes back."""
    classes = np.asarray(classes)
    values: list[Any] = classes.tolist()
    if classes.dtype.kind == "f" and classes.dtype.itemsize <= 8:
        values = [_number(value) for value in values]
    elif classes.dtype.kind == "O":
        for value in values:
            if type(value) not in (str, int, float, bool):
                raise UnsupportedModelError(
                    f"a class label is a {type(value).__name__}: {value!r}",
                    place="classes",
                    fix="train with labels that are numbers, booleans or strings",
                )
    elif classes.dtype.kind not in "biuU":
        raise UnsupportedModelError(
            f"class labels have dtype {classes.dtype}",
            place="classes",
            fix="train with labels that are numbers, booleans or strings",
        )
    return {"dtype": classes.dtype.str, "values": values}


def iteration_runs(offset: NDArray[np.int32]) -> list[list[int]]:
    """Trees per iteration as runs ``[iterations, trees each]``: boundaries in few bytes, whatever the number of trees."""
    sizes = np.diff(offset)
    if len(sizes) == 0:
        return []
    starts = np.flatnonzero(np.concatenate([[True], sizes[1:] != sizes[:-1]]))
    counts = np.diff(np.append(starts, len(sizes)))
    return [[int(count), int(sizes[start])] for start, count in zip(starts, counts, strict=True)]


def card_bytes(card: dict[str, Any]) -> bytes:
    """The card as it lies in an artifact: compact ASCII JSON, ended by a NUL."""
    try:
        return json.dumps(card, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\0"
    except (TypeError, ValueError) as error:
        raise CodegenError(f"the card is not plain JSON: {error}") from error


def card_capacity(card: dict[str, Any]) -> int:
    """Bytes to reserve for this card and what verification adds: a multiple of ``CARD_CAPACITY``."""
    return -(-(len(card_bytes(card)) + _ROOM) // CARD_CAPACITY) * CARD_CAPACITY


def write_card(path: str | os.PathLike[str], card: dict[str, Any]) -> dict[str, Any]:
    """Fill the card of the artifact at ``path`` in place, with the file's size and checksum added; returns that card.

    Raises `CodegenError` if the space reserved is too small, `UsageError` if the file can't be written.
    """
    path = Path(path)
    try:
        with open(path, "r+b", buffering=0) as file:
            descriptor = file.fileno()
            size = os.fstat(descriptor).st_size

            def read(offset: int, count: int) -> bytes:
                return os.pread(descriptor, count, offset)

            elf = parse_elf(read, size, str(path))
            whole = {**card, "file": {"bytes": size, "crc32": crc_beside_card(read, elf)}}
            data = card_bytes(whole)
            if len(data) > elf.card.size:
                raise CodegenError(f"the card needs {len(data)} bytes and {elf.card.size} are reserved", place=str(path))
            _write_all(descriptor, data.ljust(elf.card.size, b"\0"), elf.card.offset)
    except FileNotFoundError as error:
        raise UsageError("there is no such file", place=str(path)) from error
    except OSError as error:
        raise unwritable(path, error) from error
    return whole


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
