"""Tables of rows from files, and results to files: npy, npz, csv."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.files import PendingFile, unwritable
from treec.errors import InputError, UsageError

MISSING_WORDS = frozenset({"", "na", "nan", "null", "none", "?"})
"""Cells of a CSV file that are NaN, in any case."""

Table = NDArray[Any]


def read_rows(path: str, names: Sequence[str] | None = None) -> Table:
    """The rows in a file: ``.npy``, ``.npz`` (``FILE.npz:NAME`` for one of several arrays) or ``.csv`` (f64, a first line
    of names is skipped).

    ``names``: the model's features; a CSV header with the same names in another order is refused.
    Raises `UsageError` for a file that can't be read and `InputError` for one that is no table.
    """
    file, _, member = path.rpartition(":") if ".npz:" in path else (path, "", "")
    suffix = Path(file).suffix.lower()
    try:
        if suffix == ".npy":
            return _table(np.load(file, mmap_mode="r", allow_pickle=False), path)
        if suffix == ".npz":
            return _table(_member(file, member), path)
        if suffix == ".csv":
            return _read_csv(file, names)
    except OSError as error:
        raise UsageError(f"cannot read the rows: {error.strerror or error}", place=file, fix="check the path") from None
    except (ValueError, EOFError, KeyError) as error:
        raise InputError(f"this is no table of numbers: {error}", place=file, fix="save it with numpy.save") from None
    raise UsageError(
        f"rows in {suffix or 'a file without an ending'} can't be read", place=file, fix="use .npy, .npz or .csv"
    )


def _table(array: Table, place: str) -> Table:
    if array.ndim != 2:
        raise InputError(f"the rows have shape {array.shape}", place=place, fix="save a table of shape (rows, features)")
    return array


def _member(file: str, member: str) -> Table:
    with np.load(file, allow_pickle=False) as archive:
        names: list[str] = list(archive.files)
        wanted = member or ("X" if "X" in names else names[0] if len(names) == 1 else "")
        if wanted not in names:
            raise InputError(
                f"it holds {', '.join(names) or 'nothing'}" + (f", not {member}" if member else ""),
                place=file,
                fix=f"name one: --data {file}:NAME",
            )
        return archive[wanted]


def _read_csv(file: str, names: Sequence[str] | None) -> Table:
    with open(file, encoding="utf-8-sig", newline="") as stream:
        try:
            header = next(csv.reader(stream, strict=True), None)
            if header is None:
                raise InputError("the file is empty", place=file, fix="save rows to it")
            has_names = not all(_is_number(cell) for cell in header)
            if has_names:
                _check_header(header, names, file)
            else:
                stream.seek(0)
            return _plain_numbers(stream.read(), file, len(header), has_names)
        except (csv.Error, UnicodeDecodeError) as error:
            fix = "save it as UTF-8 CSV, or with numpy.save"
            raise InputError(f"this is no CSV file: {error}", place=file, fix=fix) from None


def _plain_numbers(text: str, file: str, width: int, has_names: bool) -> Table:
    """numpy's parser for what it can read; cell by cell for missing cells, and to say where one is wrong."""
    if not text.strip():
        return np.empty((0, width), np.float64)
    try:
        table = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.float64, ndmin=2, comments=None, quotechar='"')
        if table.shape[1] == width:
            return table
    except ValueError:
        pass
    rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    out = np.empty((len(rows), width), np.float64)
    for number, row in enumerate(rows):
        line = number + 1 + has_names
        if len(row) != width:
            fix = "correct that line"
            raise InputError(f"line {line} has {len(row)} cells and the first has {width}", place=file, fix=fix)
        out[number] = [_number(cell, file, line, column + 1) for column, cell in enumerate(row)]
    return out


def _is_number(cell: str) -> bool:
    try:
        _number(cell, "", 0, 0)
    except InputError:
        return False
    return True


def _number(cell: str, file: str, line: int, column: int) -> float:
    text = cell.strip()
    if text.lower() in MISSING_WORDS:
        return float("nan")
    try:
        if "_" not in text:  # Python takes 1_000
            return float(text)
    except ValueError:
        pass
    raise InputError(
        f"line {line}, column {column} is {text[:40]!r}, not a number",
        place=file,
        fix="encode text and categories as the model was trained; leave the cell empty if it is missing",
    )


def _check_header(header: list[str], names: Sequence[str] | None, file: str) -> None:
    found = [name.strip() for name in header]
    if names is not None and found != list(names) and sorted(found) == sorted(names):
        position = next(i for i, (a, b) in enumerate(zip(found, names, strict=True)) if a != b)
        raise InputError(
            f"its columns are in another order than in training: column {position + 1} is {found[position]!r}, "
            f"the model's is {names[position]!r}",
            place=file,
            fix="write the columns in the order of training",
        )


def write_results(results: Table | list[Table], path: str) -> None:
    """Write predictions, whole or not at all, to ``.npy``, ``.npz`` (several outputs: ``output0`` …) or ``.csv``."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".npy", ".npz", ".csv"):
        raise UsageError(
            f"results in {suffix or 'a file without an ending'} can't be written", place=path, fix="use .npy, .npz or .csv"
        )
    with PendingFile(path) as pending:
        try:
            with open(pending.path, "wb") as stream:
                _write(results, suffix, stream, path)
        except OSError as error:
            raise unwritable(path, error) from None
        pending.commit()


def _write(results: Table | list[Table], suffix: str, stream: io.BufferedWriter, path: str) -> None:
    if suffix == ".csv":
        stream.writelines(line.encode() for line in csv_lines(results))
    elif suffix == ".npz":
        parts = results if isinstance(results, list) else [results]
        np.savez(stream, **{f"output{number}": _storable(part) for number, part in enumerate(parts)})  # pyright: ignore[reportArgumentType]
    elif isinstance(results, list):
        raise UsageError(f"there are {len(results)} outputs", place=path, fix="write them to a .npz or .csv file")
    else:
        np.save(stream, _storable(results), allow_pickle=False)


def _storable(results: Table) -> Table:
    """Labels of mixed kinds are Python objects; a file holds them as text."""
    return np.array(results.tolist()) if results.dtype.kind == "O" else results


def csv_lines(results: Table | list[Table]) -> list[str]:
    """One line a row; numbers in the shortest form that reads back to the same bits. Several outputs side by side."""
    parts = results if isinstance(results, list) else [results]
    columns = [part.reshape(len(part), -1) for part in parts]
    text = np.concatenate([column.astype(str) for column in columns], axis=1)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(text.tolist())
    return buffer.getvalue().splitlines(keepends=True)


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
