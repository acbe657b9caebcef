"""Every kind of table a user may bring: read in place, converted once, or refused with a way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.errors import InputError
from treec.runtime.rows import as_rows

Rows = NDArray[np.float32]


def _views(rows: Rows) -> dict[str, NDArray[Any]]:
    wide = np.zeros((2 * len(rows), 7), rows.dtype)
    wide[::2, 1:6:2] = rows
    return {
        "C order": np.ascontiguousarray(rows),
        "Fortran order": np.asfortranarray(rows),
        "strided": wide[::2, 1:6:2],
        "reversed rows": rows[::-1].copy()[::-1],
        "reversed columns": rows[:, ::-1].copy()[:, ::-1],
        "read-only": np.frombuffer(rows.tobytes(), rows.dtype).reshape(rows.shape),
    }


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_any_order_and_stride_is_read_in_place(plain: Any, rows: Rows, dtype: str) -> None:
    model, compiled, _ = plain
    expected = model.raw(rows)[:, 0]
    for name, view in _views(rows.astype(dtype)).items():
        assert as_rows(view, compiled.library.facts) is view, name
        assert np.array_equal(compiled.predict(view, raw=True), expected), name


def test_a_repeated_row_has_stride_zero(plain: Any, rows: Rows) -> None:
    model, compiled, _ = plain
    view = np.broadcast_to(rows[1], (9, 3))
    assert as_rows(view, compiled.library.facts) is view
    assert np.array_equal(compiled.predict(view, raw=True), np.repeat(model.raw(rows[1:2])[:, 0], 9))


def test_strides_that_are_no_whole_elements_are_copied(plain: Any, rows: Rows) -> None:
    model, compiled, _ = plain
    record = np.zeros(len(rows), dtype=[("tag", "u1"), ("x", "f4", (3,))])
    record["x"] = rows
    assert record["x"].strides[0] % 4
    assert np.array_equal(compiled.predict(record["x"], raw=True), model.raw(rows)[:, 0])


def test_foreign_byte_order_is_converted(plain: Any, rows: Rows) -> None:
    model, compiled, _ = plain
    swapped = rows.astype(rows.dtype.newbyteorder())
    assert np.array_equal(compiled.predict(swapped, raw=True), model.raw(rows)[:, 0])


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "i8", "u8", "?", "f2", "g"])
def test_numbers_become_the_models_dtype(make: Any, dtype: str) -> None:
    table = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    for model_dtype in ("f4", "f8"):
        model, compiled = make(dtype=model_dtype)
        assert as_rows(table, compiled.library.facts).dtype == model_dtype
        assert np.array_equal(compiled.predict(table, raw=True), model.raw(table)[:, 0])


def test_lists_are_tables_too(plain: Any) -> None:
    model, compiled, _ = plain
    table = [[0.1, 0.2, float("nan")], [1, 2, 3]]
    assert np.array_equal(compiled.predict(table, raw=True), model.raw(np.array(table))[:, 0])


class Sparse:
    def toarray(self) -> None: ...


@pytest.mark.parametrize(
    ("table", "said", "fix"),
    [
        (np.zeros(3), "1-D array of 3", r"X\.reshape\(1, -1\)"),
        (np.zeros(5), "1-D array of 5", r"X\.reshape"),
        (np.zeros((2, 2, 3)), r"shape \(2, 2, 3\)", "one row per example"),
        (np.float32(3), "type float32 came", "2-D numpy array"),
        ({"a": 1}, "type dict came", "2-D numpy array"),
        (None, "type NoneType came", "2-D numpy array"),
        (np.zeros((2, 4)), "rows have 4 features and the model has 3", "columns the model was trained on"),
        (np.zeros((2, 3), complex), "complex128", "real part"),
        (np.zeros((2, 3), object), "object", "astype"),
        (np.array([["a", "b", "c"]]), "<U1", "encode text"),
        (np.zeros((2, 3), "M8[s]"), "datetime64", "encode dates"),
        (np.ma.masked_array(np.zeros((2, 3))), "masked", "filled"),
        ([[1, 2], [3]], "no table of numbers", "numpy array"),
        (Sparse(), "sparse Sparse", "toarray"),
    ],
)
def test_what_does_not_fit_is_refused(plain: Any, table: Any, said: str, fix: str) -> None:
    with pytest.raises(InputError, match=f"{said}(.|\n)*fix: (.|\n)*{fix}"):
        plain[1].predict(table)


def test_sparse_matrices_are_refused(plain: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(InputError, match="sparse csr"):
        plain[1].predict(sparse.csr_array(np.eye(3)))


NAMES = ("age", "height", "a b")


@pytest.fixture(scope="module")
def named(make: Any) -> Any:
    return make(names=NAMES)


def test_data_frames(named: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    model, compiled = named
    frame = pandas.DataFrame(rows, columns=NAMES)
    assert np.array_equal(compiled.predict(frame, raw=True), model.raw(rows)[:, 0])
    mixed = frame.assign(age=frame["age"].astype("f8"), height=(frame["height"] > 0).astype("boolean"))
    mixed.loc[0, "height"] = pandas.NA
    plain_table = mixed.to_numpy(dtype=np.float32, na_value=np.nan)
    assert np.isnan(plain_table[0, 1])
    assert np.array_equal(compiled.predict(mixed, raw=True), model.raw(plain_table)[:, 0])


def test_a_frame_of_one_float_dtype_is_not_copied(named: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    table = np.asfortranarray(rows)
    assert np.shares_memory(as_rows(pandas.DataFrame(table, columns=NAMES, copy=False), named[1].library.facts), table)


def test_columns_in_another_order_are_refused(named: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=["age", "a b", "height"])
    with pytest.raises(InputError, match="another order than in training: column 1 is 'a b', not 'height'"):
        named[1].predict(frame)
    assert named[1].predict(frame[list(named[1].feature_names)]).shape == (37,)


def test_a_fix_for_columns_is_one_that_works(make: Any, named: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=list(NAMES))
    for table, fix in (
        (frame.assign(more=1.0), "X[list(model.feature_names)]"),
        (frame[list(NAMES[::-1])], "X[list(model.feature_names)]"),
        (frame.iloc[:, 1:], "pass all columns of training, in the order of model.feature_names"),
        (frame.set_axis(["p", "q", "r"], axis=1), "X.to_numpy() if the order is right and only the names differ"),
    ):
        with pytest.raises(InputError) as caught:
            named[1].predict(table)
        assert caught.value.fix == fix
    _, compiled = make(library="lightgbm", names=("age", "height", "a_b"))
    with pytest.raises(InputError) as caught:  # the names with "_" do not index a frame that has a space
        compiled.predict(frame[["a b", "age", "height"]])
    assert caught.value.fix == "order them as model.feature_names"


def test_other_columns_are_refused_by_name(named: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match=r"missing: height; not known: size"):
        named[1].predict(pandas.DataFrame(rows, columns=["age", "size", "a b"]))
    with pytest.raises(InputError, match=r"missing: a b\)"):
        named[1].predict(pandas.DataFrame(rows[:, :2], columns=["age", "height"]))


def test_columns_that_are_no_numbers_are_named(named: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [1.0], "height": pandas.Categorical(["x"]), "a b": ["y"]})
    with pytest.raises(InputError, match=r"'height' \(category\), 'a b'"):
        named[1].predict(frame)


def test_names_that_say_nothing_are_not_compared(make: Any, named: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    model, compiled = make(names=("Column_0", "Column_1", "Column_2"))
    assert np.array_equal(compiled.predict(pandas.DataFrame(rows, columns=NAMES), raw=True), model.raw(rows)[:, 0])
    assert named[1].predict(pandas.DataFrame(rows)).shape == (37,)  # numbered columns


def test_lightgbm_writes_blanks_as_underscores(make: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    _, compiled = make(names=("age", "height", "a_b"), library="lightgbm")
    assert compiled.predict(pandas.DataFrame(rows, columns=NAMES)).shape == (37,)


class ArrowLike:
    """As a pyarrow.Table: names in ``column_names``, ``columns`` are arrays, the table by ``__array__``."""

    def __init__(self, rows: Rows, names: tuple[str, ...]) -> None:
        self._rows = rows
        self.column_names = list(names)
        self.columns = list(rows.T)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Rows:
        return self._rows


def test_tables_that_give_themselves_as_arrays(named: Any, rows: Rows) -> None:
    model, compiled = named
    assert np.array_equal(compiled.predict(ArrowLike(rows, NAMES), raw=True), model.raw(rows)[:, 0])
    with pytest.raises(InputError, match="another order"):
        compiled.predict(ArrowLike(rows, NAMES[::-1]))
