"""Rows to try: from values that predicates see back to rows a user would give, and random rows near what matters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import F32, F64, Forest, Test
from treec.treeir.interp.forest import value_tables
from treec.treeir.interp.predicates import ZERO_BOUND

Values = NDArray[Any]
"""f32 or f64, encoded: as predicates see them (`treec.treeir.interp.forest.encode_inputs`)."""

SPECIAL = (
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    5e-324,
    -1e-45,
    1e-40,
    3.5e38,
    -3.5e38,
    1e300,
    2.0**24,
    2.0**31,
    -1.0,
    -0.5,
    0.5,
)
"""Values with rules of their own: missing, zeros, subnormals, beyond float32, edges of category codes."""


@dataclass(frozen=True, eq=False)
class Domain:
    """The encoded values that rows of ``row_dtype`` can have: all floats, float32 ones, or table positions."""

    forest: Forest
    row_dtype: np.dtype[Any]

    @cached_property
    def narrow(self) -> bool:
        """Rows are float32 and comparisons are in float64: not every threshold can be met."""
        return self.row_dtype == F32 and self.forest.inputs.dtype == F64

    @cached_property
    def tables(self) -> dict[int, NDArray[np.float64]]:
        """Value tables by input; such an input has only their positions, and NaN."""
        return dict(value_tables(self.forest.inputs))

    @cached_property
    def table_inputs(self) -> NDArray[np.int64]:
        return np.array(sorted(self.tables), np.int64)

    @cached_property
    def table_sizes(self) -> NDArray[np.int64]:
        """i64[n_inputs]: entries of each input's table, 0 without one."""
        sizes = np.zeros(self.forest.inputs.n_inputs, np.int64)
        for index, table in self.tables.items():
            sizes[index] = len(table)
        return sizes

    def down(self, values: Values) -> Values:
        """The largest value of the domain that is not above each; for inputs without a table."""
        return self._rounded(values, above=False) if self.narrow else values

    def up(self, values: Values) -> Values:
        """The smallest value of the domain that is not below each; for inputs without a table."""
        return self._rounded(values, above=True) if self.narrow else values

    def _rounded(self, values: Values, *, above: bool) -> Values:
        with np.errstate(all="ignore"):
            near = values.astype(np.float32)
            wrong = (near < values) if above else (near > values)
            toward = np.float32(np.inf if above else -np.inf)
            return np.where(wrong, np.nextafter(near, toward), near).astype(values.dtype)

    def neighbours(self, values: Values, inputs: NDArray[np.integer]) -> tuple[Values, Values, Values]:
        """Of each value for its input: the domain's next value below, the value at it (or just below), the next above."""
        step = np.dtype(np.float32) if self.narrow else values.dtype
        with np.errstate(all="ignore"):
            at = self.down(values)
            below = np.nextafter(at.astype(step), step.type(-np.inf)).astype(values.dtype)
            above = np.nextafter(at.astype(step), step.type(np.inf)).astype(values.dtype)
            whole = self.table_sizes[inputs] > 0
            if whole.any():
                floor = np.floor(values)
                at, below, above = (np.where(whole, a, b) for a, b in ((floor, at), (floor - 1, below), (floor + 1, above)))
        return below, at, above

    def decode(self, encoded: Values, rng: np.random.Generator) -> Values:
        """Rows [n, n_features] of ``row_dtype`` that encode to ``encoded`` [n, n_inputs], as far as rows can."""
        inputs = self.forest.inputs
        with np.errstate(all="ignore"):
            plain = np.array_equal(inputs.column, np.arange(inputs.n_features))
            values = encoded.astype(self.row_dtype)
            for index, table in self.tables.items():
                values[:, index] = _table_values(table, encoded[:, index]).astype(self.row_dtype)
            if not np.isnan(inputs.missing_value):
                named = np.isnan(values) & (rng.random(values.shape) < 0.5)
                values[named] = self.row_dtype.type(inputs.missing_value)
        if plain:
            return values
        rows = np.zeros((len(encoded), inputs.n_features), self.row_dtype)
        rows[:, inputs.column] = values
        return rows


def _table_values(table: NDArray[np.float64], positions: Values) -> NDArray[np.float64]:
    known = (positions >= 0) & (positions < len(table)) & (positions == np.floor(positions))
    return np.where(known, table[np.where(known, positions, 0).astype(np.int64)], np.nan)


@dataclass(frozen=True, eq=False)
class Pools:
    """Values worth giving each input: ``values[offset[i] : offset[i + 1]]``, in the domain, none NaN."""

    offset: NDArray[np.int64]
    values: Values

    def draw(self, n: int, rng: np.random.Generator) -> Values:
        """[n, n_inputs] random picks; 0 for an input without values."""
        size = np.diff(self.offset)
        if len(self.values) == 0:
            return np.zeros((n, len(size)), self.values.dtype)
        at = self.offset[:-1] + (rng.random((n, len(size))) * size).astype(np.int64)
        return np.where(size > 0, self.values[np.minimum(at, len(self.values) - 1)], 0).astype(self.values.dtype)


def pools(domain: Domain, *, limit: int = 4096, seed: int = 0) -> Pools:
    """For each input the thresholds and their neighbours, category codes, table positions; at most ``limit`` thresholds."""
    p, dtype = domain.forest.predicates, domain.forest.inputs.dtype
    n_inputs = domain.forest.inputs.n_inputs
    compares = np.flatnonzero((p.test != Test.IN_SET) & np.isfinite(p.threshold))
    order = compares[np.lexsort((p.threshold[compares], p.input[compares]))]
    bounds = np.searchsorted(p.input[order], np.arange(n_inputs + 1))
    widest = set_widths(domain.forest)
    parts: list[Values] = []
    rng = np.random.default_rng(seed)
    for index in range(n_inputs):
        found = np.unique(p.threshold[order[bounds[index] : bounds[index + 1]]])
        if len(found) > limit:
            found = np.sort(rng.choice(found, limit, replace=False))
        near = np.concatenate(domain.neighbours(found, np.full(len(found), index)))
        codes = np.arange(min(32 * int(widest[index]) + 2, limit)) if widest[index] >= 0 else np.zeros(0)
        if index in domain.tables:
            codes = np.arange(len(domain.tables[index]))
        parts.append(np.concatenate([near[np.isfinite(near)], codes]).astype(dtype))
    offset = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
    return Pools(offset, np.concatenate([*parts, np.zeros(0, dtype)]))


def set_widths(forest: Forest) -> NDArray[np.int64]:
    """i64[n_inputs]: words of the longest category set asked about each input; -1 where none is."""
    p = forest.predicates
    widths = np.full(forest.inputs.n_inputs, -1, np.int64)
    asked = np.flatnonzero(p.test == Test.IN_SET)
    np.maximum.at(widths, p.input[asked], np.diff(p.set_offset)[p.category_set[asked]])
    return widths


def random_rows(domain: Domain, n: int, seed: int, *, special: bool = True) -> Values:
    """``n`` rows of the domain's ``row_dtype``: values on and beside thresholds, between them, category codes and, in
    every second row where ``special``, values of `SPECIAL`. The same for the same seed."""
    rng = np.random.default_rng(seed)
    dtype, n_inputs = domain.forest.inputs.dtype, domain.forest.inputs.n_inputs
    near = pools(domain, seed=seed)
    first, second = near.draw(n, rng), near.draw(n, rng)
    weight = rng.random((n, n_inputs)).astype(dtype)
    with np.errstate(all="ignore"):
        between = domain.down(first + (second - first) * weight)
        values = np.where(rng.random((n, n_inputs)) < 0.6, first, between)
        values[:, domain.table_inputs] = first[:, domain.table_inputs]
        extra = np.array([*SPECIAL, ZERO_BOUND, -ZERO_BOUND, np.nextafter(ZERO_BOUND, np.float32(1))]).astype(dtype)
    spice = rng.random((n, 1)) * (np.arange(n) % 2)[:, None] * 0.3
    if special:
        chosen = rng.random((n, n_inputs)) < spice
        values = np.where(chosen, extra[rng.integers(0, len(extra), (n, n_inputs))], values)
    missing = rng.random((n, n_inputs)) < (np.arange(n) % 4 == 2)[:, None] * 0.2
    rows = domain.decode(np.where(missing, dtype.type(np.nan), values), rng)
    return _between_f32(rows, rng) if domain.row_dtype == F64 and dtype == F32 else rows


def _between_f32(rows: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Move some float64 values off the float32 grid, so that they must be rounded as the library rounds them."""
    with np.errstate(all="ignore"):
        step = np.spacing(np.abs(rows).astype(np.float32)).astype(np.float64)
        part = rng.choice(np.array([0.0, 0.0, 0.25, 0.5, -0.5, 0.5 + 2.0**-20]), rows.shape)
        moved = rows + step * part
    return np.where(np.isfinite(rows), moved, rows)
