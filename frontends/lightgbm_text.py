"""LightGBM's text model, as ``save_model`` and ``model_to_string`` write it → sections and keys. Knows no trees yet.

The file is a header of ``key=value`` lines, one block per tree (``tree_sizes`` gives their bytes), ``end of trees``, and a
trailer of importances, training parameters and pandas categories that no prediction reads. LightGBM's own reader skips
keys that it does not know and never looks at the version; this one refuses both, since they may change the answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError

MAGIC = b"tree\n"
END = b"end of trees"
VERSIONS = ("v2", "v3", "v4")
_HEADER_KEYS = """version num_class num_tree_per_iteration label_index max_feature_idx objective average_output
    feature_names monotone_constraints feature_infos tree_sizes"""
_TREE_KEYS = b"""num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value
    leaf_weight leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold is_linear leaf_const
    num_features leaf_features leaf_coeff shrinkage"""
HEADER_KEYS = frozenset(_HEADER_KEYS.split())
TREE_KEYS = frozenset(_TREE_KEYS.split())
SAVE_AGAIN = "save the model again with LightGBM 3 or 4 (Booster.save_model); the file must not be edited or cut"
# A split behind the last bin has the threshold inf. Possessive, so that damaged lines cost linear time.
_NUMBER = re.compile(rb"(?:[0-9+.eE\s-]++|inf)*+")
_INTEGER = re.compile(rb"[0-9\s-]*")


@dataclass(frozen=True, eq=False)
class TextModel:
    """The sections of one file. ``trees`` holds each tree's values by key, ``starts`` the byte where each tree begins."""

    data: bytes
    place: str
    header: dict[str, str]
    trees: list[dict[bytes, bytes]]
    starts: list[int]
    pandas_categorical: list[Any] | None

    def at(self, position: int) -> str:
        """``file:line`` of a byte of the file."""
        return _at(self.data, self.place, position)

    def tree_error(self, tree: int, key: bytes, message: str) -> ModelError:
        """An error at the line of a tree's key."""
        stop = self.starts[tree + 1] if tree + 1 < len(self.starts) else len(self.data)
        found = self.data.find(b"\n" + key + b"=", self.starts[tree], stop)
        place = self.at(self.starts[tree] if found < 0 else found + 1)
        return ModelError(f"tree {tree}, key `{key.decode()}`: {message}", place=place, fix=SAVE_AGAIN)

    def header_error(self, key: str, message: str) -> ModelError:
        found = self.data.find(b"\n" + key.encode())
        return ModelError(f"header key `{key}`: {message}", place=self.at(found + 1), fix=SAVE_AGAIN)

    def header_int(self, key: str, minimum: int) -> int:
        text = self.header.get(key)
        if text is None:
            raise ModelError(f"the header has no key `{key}`", place=self.place, fix=SAVE_AGAIN)
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or int(text) < minimum:
            raise self.header_error(key, f"{text[:40]!r} is not a whole number of at least {minimum}")
        return int(text)

    def tree_ints(self, key: bytes) -> NDArray[np.int64]:
        """One whole number per tree."""
        return self.column(key, np.ones(len(self.trees), np.int64), np.int64)

    def column(self, key: bytes, expected: NDArray[np.int64], dtype: type[np.int64 | np.float64]) -> NDArray[Any]:
        """The values of one key over all trees, one tree after the other, ``expected[t]`` of them in tree ``t``.

        Raises `ModelError` naming the first tree where the key is absent, too short or long, or not numbers.
        """
        integer = dtype is np.int64
        if integer and (found := self._plain_integers(key, expected)) is not None:
            return found
        rows = self._rows(key, expected)
        pattern = _INTEGER if integer else _NUMBER
        try:
            # int and float accept more than digits (underscores, words); the pattern does not.
            if all(pattern.fullmatch(tree.get(key, b"")) for tree in self.trees):
                tokens = chain.from_iterable(rows)
                return np.fromiter(map(int if integer else float, tokens), dtype, count=int(expected.sum()))
        except (ValueError, OverflowError):
            pass  # the slow look below finds and names the value
        raise self._not_a_number(key, rows, integer)

    def _plain_integers(self, key: bytes, expected: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Values with one space between, as LightGBM writes them, read in one go; None for all else, right or wrong."""
        texts = [tree.get(key, b"") for tree in self.trees]
        counts = np.fromiter((text.count(b" ") + 1 if text else 0 for text in texts), np.int64, count=len(texts))
        joined = b" ".join(filter(None, texts)) + b" "
        if np.any(counts != expected) or joined.translate(None, b"0123456789 -") or b"- " in joined:
            return None
        try:
            values = np.fromstring(joined, np.int64, sep=" ")
        except ValueError:
            return None
        # What numpy cuts off at 64 bits is left to the slow way.
        is_plain = len(values) == expected.sum() and bool(np.all((values > -(1 << 62)) & (values < 1 << 62)))
        return values if is_plain else None

    def _rows(self, key: bytes, expected: NDArray[np.int64]) -> list[list[bytes]]:
        rows = [tree[key].split() if key in tree else [] for tree in self.trees]
        counts = np.fromiter(map(len, rows), np.int64, count=len(rows))
        wrong = np.flatnonzero(counts != expected)
        if len(wrong):
            tree = int(wrong[0])
            if key not in self.trees[tree]:
                raise self.tree_error(tree, key, "the key is missing")
            raise self.tree_error(tree, key, f"{expected[tree]} values are needed, {counts[tree]} are there")
        return rows

    def _not_a_number(self, key: bytes, rows: list[list[bytes]], integer: bool) -> ModelError:
        kind = "a whole number" if integer else "a number"
        for tree, tokens in enumerate(rows):
            for token in tokens:
                if not _readable(token, integer):
                    return self.tree_error(tree, key, f"{token[:40].decode(errors='replace')!r} is not {kind}")
        return self.tree_error(0, key, f"some value is not {kind}")


def _readable(token: bytes, integer: bool) -> bool:
    if not (_INTEGER if integer else _NUMBER).fullmatch(token):
        return False
    try:
        value = int(token) if integer else float(token)
    except ValueError:
        return False
    return not integer or abs(value) < 2**63


def sniff(data: bytes) -> bool:
    """True if the bytes begin like a LightGBM text model."""
    return data.startswith((MAGIC, b"tree\r\n"))


def read_text(data: bytes, *, place: str) -> TextModel:
    """Cut a text model into header, trees and trailer, and refuse every key that is not known.

    Raises `ModelError` (with ``place`` and line) for a file that is no whole text model of a known version.
    """
    if not data.startswith(MAGIC):
        if data.startswith(b"tree\r\n"):
            raise ModelError(
                "the line ends were converted to CR LF, so the sizes of the trees are wrong", place=place, fix=SAVE_AGAIN
            )
        raise ModelError("this is not a LightGBM text model: it does not begin with the line `tree`", place=place)
    first = _first_tree(data, place)
    header = _header(data, place, first)
    if header.get("version") not in VERSIONS:
        version = header.get("version", "without a version")
        raise UnsupportedModelError(
            f"LightGBM text model {version[:40]!r} is not one of {', '.join(VERSIONS)}",
            place=_at(data, place, 5),
            fix=SAVE_AGAIN,
        )
    starts, end = _boundaries(data, place, header, first)
    trees = [
        _tree(data, place, number, start, stop)
        for number, (start, stop) in enumerate(zip(starts, [*starts, end][1:], strict=True))
    ]
    return TextModel(data, place, header, trees, starts, _pandas_categorical(data, place, end))


def _at(data: bytes, place: str, position: int) -> str:
    line = data.count(b"\n", 0, position) + 1
    return f"{place}:{line}"


def _first_tree(data: bytes, place: str) -> int:
    """Where the header ends."""
    for mark in (b"\nTree=", b"\n" + END):
        found = data.find(mark)
        if found >= 0:
            return found + 1
    raise ModelError("the file ends inside its header", place=_at(data, place, len(data)), fix=SAVE_AGAIN)


def _header(data: bytes, place: str, end: int) -> dict[str, str]:
    try:
        lines = data[:end].decode().split("\n")[1:]
    except UnicodeDecodeError as error:
        raise ModelError("the header is not UTF-8", place=_at(data, place, error.start), fix=SAVE_AGAIN) from error
    header: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        key, equals, value = line.partition("=")
        where = f"{place}:{number}"
        if key not in HEADER_KEYS or (key == "average_output") == bool(equals):
            raise UnsupportedModelError(
                f"header key {key[:60]!r} is not known, and may change what the model answers", place=where, fix=SAVE_AGAIN
            )
        if key in header:
            raise ModelError(f"header key `{key}` is there twice", place=where, fix=SAVE_AGAIN)
        header[key] = value
    return header


def _boundaries(data: bytes, place: str, header: dict[str, str], first: int) -> tuple[list[int], int]:
    """Where each tree begins, and where ``end of trees`` is."""
    end = data.find(b"\n" + END + b"\n", first - 1) + 1
    if end == 0:
        raise ModelError("the file is cut off: no `end of trees`", place=_at(data, place, len(data)), fix=SAVE_AGAIN)
    starts = [found.start() + 1 for found in re.compile(rb"\nTree=").finditer(data, first - 1, end)]
    if "tree_sizes" not in header:
        return starts, end
    sizes = header["tree_sizes"].split()
    if len(sizes) != len(starts):
        message = f"`tree_sizes` speaks of {len(sizes)} trees, the file has {len(starts)}"
        raise ModelError(message, place=_at(data, place, data.find(b"\ntree_sizes") + 1), fix=SAVE_AGAIN)
    for tree, (size, start, stop) in enumerate(zip(sizes, starts, [*starts, end][1:], strict=True)):
        if size != str(stop - start):
            message = f"tree {tree} is {stop - start} bytes long, but `tree_sizes` says {size[:40]}"
            raise ModelError(message, place=_at(data, place, start), fix=SAVE_AGAIN)
    return starts, end


def _tree(data: bytes, place: str, number: int, start: int, stop: int) -> dict[bytes, bytes]:
    first, *lines = data[start:stop].rstrip(b"\n").split(b"\n")
    if first != b"Tree=%d" % number:
        message = f"`Tree={number}` is due here, not {first[:40].decode(errors='replace')!r}"
        raise ModelError(message, place=_at(data, place, start), fix=SAVE_AGAIN)
    fields: dict[bytes, bytes] = {}
    position = start + len(first) + 1
    for line in lines:
        key, _, value = line.partition(b"=")
        if key not in TREE_KEYS:
            name = key[:60].decode(errors="replace")
            raise UnsupportedModelError(
                f"tree {number}: key {name!r} is not known, and may change what the model answers",
                place=_at(data, place, position),
                fix=SAVE_AGAIN,
            )
        if key in fields:
            message = f"tree {number}: key `{key.decode()}` is there twice"
            raise ModelError(message, place=_at(data, place, position), fix=SAVE_AGAIN)
        fields[key] = value
        position += len(line) + 1
    return fields


def _pandas_categorical(data: bytes, place: str, end: int) -> list[Any] | None:
    """The categories of a DataFrame's columns, which the Python package appends as JSON."""
    found = data.rfind(b"\npandas_categorical:", end)
    if found < 0:
        return None
    line = data[found + 1 :].partition(b"\n")[0]
    try:
        value: Any = json.loads(line.partition(b":")[2])
    except (ValueError, RecursionError) as error:
        raise ModelError("`pandas_categorical` is not JSON", place=_at(data, place, found + 1), fix=SAVE_AGAIN) from error
    if value is not None and not isinstance(value, list):
        raise ModelError("`pandas_categorical` is not a list", place=_at(data, place, found + 1), fix=SAVE_AGAIN)
    return cast("list[Any] | None", value)
