"""How far sums in another order may be apart: what `float reassociate` allows, and no more.

Let a column of a row be the sum of ``n`` terms (leaf values and the base). Whatever the order and the grouping of the
additions, each term passes through at most ``n - 1`` of them, each of which rounds by a factor of at most ``1 + u`` with
``u = eps / 2``. So a computed sum is within ``g(n - 1) * sum |term|`` of the exact one, ``g(k) = k u / (1 - k u)``, and two
computed sums are within twice that of each other. (Additions do not underflow: where the sum is that small, it is exact.
Partial sums start at 0, and adding a 0 does not round.)
The bound is computed in f64, from absolute values; two more steps in ``g`` cover its own rounding and that of terms to the
dtype of the sum. A last division, or scale and bias, shrinks or grows the difference, and rounds both sums once or twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import F64, Final, Forest, Leaves, SumRule
from treec.treeir.interp import forest as interpreter
from treec.verify.compare import same

Array = NDArray[Any]


def sum_bound(forest: Forest, rows: Array, tree_begin: int = 0, tree_end: int | None = None) -> NDArray[np.float64]:
    """f64 [n, K]: the most that two raw outputs of ``rows``, summed in different orders, may differ.

    NaN where a leaf of the row is NaN, infinite where one is infinite or a sum might overflow on its way.
    """
    magnitude = interpreter.raw(_absolute(forest), rows, tree_begin, tree_end)
    eps = float(np.finfo(forest.sum.dtype).eps)
    with np.errstate(all="ignore"):
        bound = 2 * _growth(_terms(forest, tree_begin, tree_end) + 1, eps / 2) * magnitude
        bound[magnitude + bound > float(np.finfo(forest.sum.dtype).max)] = np.inf
        return _after_final(forest.sum, bound, magnitude, eps)


def within(expected: Array, found: Array, bound: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Elementwise: equal, or not further apart than ``bound``. A NaN meets NaN only; where the bound is infinite, an
    infinite or NaN output may meet another one, and a finite one anything that an overflow makes of it."""
    with np.errstate(all="ignore"):
        apart = np.abs(expected.astype(np.float64) - found.astype(np.float64))
        close = (expected == found) | (apart <= bound)
    return same(expected, found) | close | (np.isinf(bound) & ~(np.isnan(expected) & np.isfinite(found)))


def _absolute(forest: Forest) -> Forest:
    """The forest whose raw outputs are the sums of all terms' absolute values."""
    trees, rule = forest.trees, forest.sum
    if trees.weight is not None:
        trees = replace(trees, weight=np.abs(trees.weight))
    total = SumRule(F64, np.abs(rule.base).astype(F64), True)
    return replace(forest, trees=trees, leaves=Leaves(np.abs(forest.leaves.values)), sum=total)


def _terms(forest: Forest, tree_begin: int, tree_end: int | None) -> NDArray[np.int64]:
    """The number of terms of each column, [K], the base among them."""
    trees = forest.trees
    columns = trees.column[trees.places()[tree_begin:tree_end]]
    each = np.arange(forest.leaf_width)
    return 1 + np.bincount((columns[:, None] + each).reshape(-1), minlength=forest.n_columns)


def _growth(steps: NDArray[np.int64], unit: float) -> NDArray[np.float64]:
    """``g``; infinite beyond 1 / u additions, where nothing can be said."""
    return np.where(steps * unit < 1, steps * unit / np.maximum(1 - steps * unit, unit), np.inf)


def _after_final(rule: SumRule, bound: NDArray[np.float64], magnitude: NDArray[np.float64], eps: float) -> Array:
    smallest = float(np.finfo(rule.dtype).smallest_subnormal)
    if rule.final is Final.DIVIDE:
        return bound / abs(rule.operand) + eps * (magnitude + bound) / abs(rule.operand) + smallest
    if rule.final is Final.SCALE_BIAS:
        scaled = abs(rule.operand) * (magnitude + bound)
        return bound * abs(rule.operand) + 2 * eps * (scaled + abs(rule.bias)) + smallest
    return bound
