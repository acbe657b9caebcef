"""Reading a card: from an artifact's file, without loading it, or from its text in memory."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.codegen.elf import REBUILD, parse_elf
from treec.errors import ArtifactError, UsageError

CARD_FORMAT = 1
"""The cards this runtime can read."""


def read_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The card of the artifact at ``path``, without loading it.

    Raises `ArtifactError` if it is not an artifact of treec or damaged, `UsageError` if it can't be read.
    """
    place = os.fspath(path)
    try:
        with open(place, "rb", buffering=0) as file:
            descriptor = file.fileno()
            if is_gpu_file(os.pread(descriptor, 64, 0)):
                return parse_card(_gpu_card(file.read(), place), place)

            def read(offset: int, count: int) -> bytes:
                return os.pread(descriptor, count, offset)

            elf = parse_elf(read, os.fstat(descriptor).st_size, place)
            return parse_card(read(elf.card.offset, elf.card.size), place)
    except OSError as error:
        raise unreadable(place, error) from error


def _gpu_card(data: bytes, place: str) -> bytes:
    from treec.codegen.gpu_file import parse_gpu_file

    return parse_gpu_file(data, place).card


def is_gpu_file(head: bytes) -> bool:
    """Whether a file that begins with these 64 bytes is a model for GPUs."""
    return head.startswith(b"PK\x03\x04") and head[30:43] == b"manifest.json"


def code_name(card: dict[str, Any]) -> str:
    """What the code is for: a level of CPUs, or an architecture of GPUs."""
    gpu = card.get("gpu")
    return str(card["cpu"]["level"] if gpu is None else f"GPU {gpu['arch']}")


def unreadable(place: str, error: OSError) -> UsageError:
    return UsageError(
        f"cannot read this file: {error.strerror or error}", place=place, fix="check its name and permissions"
    )


def parse_card(data: bytes, place: str) -> dict[str, Any]:
    """The card in ``data``, JSON text up to the first NUL. Raises `ArtifactError`."""
    text = data.split(b"\0", 1)[0]
    if not text:
        raise ArtifactError("its card was never filled in", place=place, fix=REBUILD)
    try:
        card: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"its card can't be read: {error}", place=place, fix=REBUILD) from error
    if not isinstance(card, dict):
        raise ArtifactError("its card is not a JSON object", place=place, fix=REBUILD)
    found = cast("dict[str, Any]", card)
    if found.get("format") != CARD_FORMAT:
        raise ArtifactError(
            f"its card has format {found.get('format')!r} and this treec reads {CARD_FORMAT}",
            place=place,
            fix=f"use the treec that wrote it ({found.get('treec', 'unknown')}), or {REBUILD}",
        )
    return found


@dataclass(frozen=True, eq=False)
class Facts:
    """What the runtime uses of a card. Names as in `treec.frontends.base`; ``iteration_offset`` i64[I + 1]."""

    library: str
    n_features: int
    input_dtype: np.dtype[Any]
    names: tuple[str, ...] | None
    n_columns: int
    n_trees: int
    iteration_offset: NDArray[np.int64]
    averages: bool
    vector: bool
    label: str
    predicted: str
    is_classifier: bool
    binary_proba: bool
    classes: tuple[NDArray[Any], ...]
    groups: tuple[int, ...]
    apply_dtype: np.dtype[Any]
    apply_shape: tuple[int, ...]


def facts_of(card: dict[str, Any], place: str) -> Facts:
    """Take a card apart. Raises `ArtifactError` if something is missing or of another kind."""
    try:
        return _facts_of(card)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"its card is incomplete: {type(error).__name__}: {error}", place=place, fix=REBUILD) from error


def _facts_of(card: dict[str, Any]) -> Facts:
    inputs, out = card["inputs"], card["outputs"]
    names = inputs["names"]
    return Facts(
        library=str(card["source"]["library"]),
        n_features=int(inputs["n_features"]),
        input_dtype=np.dtype(inputs["dtype"]),
        names=None if names is None else tuple(str(name) for name in names),
        n_columns=int(card["n_columns"]),
        n_trees=int(card["n_trees"]),
        iteration_offset=_iteration_offset(card["iterations"], int(card["n_trees"])),
        averages=card["sum"]["final"] == "divide" or float(out["average"]) != 1.0,
        vector=bool(out["vector"]),
        label=str(out["label"]),
        predicted=str(out["predicted"]),
        is_classifier=bool(out["is_classifier"]),
        binary_proba=bool(out["binary_proba"]),
        classes=tuple(_labels(labels) for labels in out["classes"]),
        groups=tuple(int(width) for width in out["groups"]),
        apply_dtype=np.dtype(out["apply_dtype"]),
        apply_shape=tuple(int(length) for length in out["apply_shape"]),
    )


def _iteration_offset(runs: list[list[int]], n_trees: int) -> NDArray[np.int64]:
    """From runs of so many iterations of so many trees. They are added up first: a number in a damaged card may be any."""
    found = sum(int(count) * int(size) for count, size in runs)
    empty = sum(int(count) for count, size in runs if size == 0)
    if found != n_trees or empty > n_trees or min((min(run) for run in runs), default=0) < 0:
        raise ValueError(f"its iterations do not have its {n_trees:,} trees")
    counts = np.array([run[0] for run in runs], np.int64)
    sizes = np.array([run[1] for run in runs], np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.repeat(sizes, counts))])


def _labels(labels: dict[str, Any]) -> NDArray[Any]:
    """A class array, with the dtype it had; read-only."""
    dtype, values = np.dtype(labels["dtype"]), labels["values"]
    if dtype.kind == "f":
        values = [float(value) for value in values]  # infinities come as text
    array = np.empty(len(values), dtype)
    array[:] = values
    array.flags.writeable = False
    return array
