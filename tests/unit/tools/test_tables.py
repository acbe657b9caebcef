"""Rows from files and results to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from treec.errors import InputError, UsageError
from treec.tools.cli.tables import csv_lines, read_rows, write_results


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a,b\n3,4", [[3, 4]]),
        ('"1","2"\r\n3,4\r\n', [[1, 2], [3, 4]]),
        ("1,\n,2\n", [[1, np.nan], [np.nan, 2]]),
        ("NA,null\nnan,?\n", [[np.nan, np.nan], [np.nan, np.nan]]),
        ("-inf,1e400\n", [[-np.inf, np.inf]]),
        ("x,y\n", np.empty((0, 2))),
        ("\ufeff1,2\n", [[1, 2]]),
        ("5\n6\n", [[5], [6]]),
    ],
)
def test_csv(folder: Path, text: str, expected: list[list[float]]) -> None:
    table = read_rows(written(folder, "rows.csv", text))
    assert table.dtype == np.float64
    assert np.array_equal(table, np.asarray(expected, np.float64), equal_nan=True)


def test_csv_numbers_are_the_nearest_floats(folder: Path) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, 2000, dtype=np.uint64)
    values = bits.view(np.float64)
    values = values[np.isfinite(values)].reshape(-1, 1)
    text = "\n".join(repr(float(v)) for v in values[:, 0])
    assert np.array_equal(read_rows(written(folder, "rows.csv", text)).view(np.uint64), values.view(np.uint64))


def test_names_in_training_order_are_accepted_and_others_ignored(folder: Path) -> None:
    path = written(folder, "rows.csv", "a,b\n1,2\n")
    assert read_rows(path, ("a", "b")).shape == read_rows(path, ("x", "y")).shape == (1, 2)
    with pytest.raises(InputError, match="another order"):
        read_rows(path, ("b", "a"))


def test_npz_members(folder: Path) -> None:
    np.savez(folder / "one.npz", rows=np.ones((2, 3)))
    np.savez(folder / "two.npz", a=np.ones((2, 3)), b=np.zeros((4, 3)))
    np.savez(folder / "named.npz", X=np.ones((2, 3)), y=np.zeros(2))
    assert read_rows(str(folder / "one.npz")).shape == (2, 3)
    assert read_rows(str(folder / "two.npz:b")).shape == (4, 3)
    assert read_rows(str(folder / "named.npz")).shape == (2, 3)
    with pytest.raises(InputError, match="it holds a, b"):
        read_rows(str(folder / "two.npz"))
    with pytest.raises(InputError, match="not c"):
        read_rows(str(folder / "two.npz:c"))


def test_only_tables_are_rows(folder: Path) -> None:
    np.save(folder / "flat.npy", np.zeros(4))
    with pytest.raises(InputError, match=r"shape \(4,\)"):
        read_rows(str(folder / "flat.npy"))
    with pytest.raises(UsageError, match="nosuch"):
        read_rows(str(folder / "nosuch.npy"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_printed_numbers_are_the_shortest_that_read_back(dtype: type[np.floating]) -> None:
    values = np.array([0.1, 1 / 3, 1e-30, -0.0, np.nan, np.inf], dtype)
    text = "".join(csv_lines(values)).split()
    assert text[0] == "0.1"
    assert np.array_equal(np.array(text, dtype), values, equal_nan=True)


def test_several_outputs_stand_side_by_side_or_in_one_archive(folder: Path) -> None:
    parts = [np.array([[1.0, 2.0]]), np.array([[3.0]])]
    assert csv_lines(parts) == ["1.0,2.0,3.0\n"]
    write_results(parts, str(folder / "out.npz"))
    with np.load(folder / "out.npz") as archive:
        assert archive["output1"].tolist() == [[3.0]]
    with pytest.raises(UsageError, match="2 outputs"):
        write_results(parts, str(folder / "out.npy"))
    assert {path.name for path in folder.iterdir()} == {"out.npz"}


def test_text_labels_are_stored_without_pickle(folder: Path) -> None:
    write_results(np.array(["no", "yes, it is"], object), str(folder / "out.npy"))
    assert np.load(folder / "out.npy", allow_pickle=False).tolist() == ["no", "yes, it is"]
    assert csv_lines(np.array(["yes, it is"], object)) == ['"yes, it is"\n']


def test_an_unknown_ending_is_refused_before_anything_is_written(folder: Path) -> None:
    with pytest.raises(UsageError, match="xlsx"):
        write_results(np.zeros(3), str(folder / "out.xlsx"))
    assert list(folder.iterdir()) == []
