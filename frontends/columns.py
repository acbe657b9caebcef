"""The parts of a Forest: frozen numpy columns. Each says what its columns mean; `treec.frontends.checks` proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.kinds import CategoryCast, Final, LabelRule, Link, Predicted

F32 = np.dtype(np.float32)
F64 = np.dtype(np.float64)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a row is. Input ``i`` reads column ``column[i]`` of the user's row, of ``n_features`` columns.

    ``dtype``: f32 or f64, what values are cast to (round to nearest) before any predicate looks at them.
    ``table_offset`` i64[n_inputs + 1], ``table_value`` f64, ascending: where input ``i`` has a non-empty table, its value
    becomes the position of the equal entry, and NaN if there is none (HistGradientBoosting categories).
    ``missing_value``: a number that counts as NaN, in ``dtype`` (``missing=`` of an XGBoost wrapper); NaN if there is none.
    """

    n_features: int
    dtype: np.dtype[Any]
    column: NDArray[np.int32]
    names: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    table_offset: NDArray[np.int64] | None = None
    table_value: NDArray[np.float64] | None = None
    missing_value: float = float("nan")

    @property
    def n_inputs(self) -> int:
        return len(self.column)


@dataclass(frozen=True, eq=False)
class Predicates:
    """Questions about inputs, one per row of these columns.

    ``input`` i32[P]; ``test`` u8[P] of `Test`; ``threshold`` f32 or f64 [P], the operand of a compare (0 for ``IN_SET``);
    ``missing`` u8[P] of `Missing`; ``missing_left`` bool[P]; ``category_set`` i32[P], -1 but for ``IN_SET``;
    ``invalid_left`` bool[P], the way of a value that `CategoryCast` rejects.
    Sets are bit strings: set ``s`` is ``set_words[set_offset[s] : set_offset[s + 1]]``, category ``c`` is bit ``c % 32`` of
    word ``c // 32``; a category beyond the words is not in the set.
    """

    input: NDArray[np.int32]
    test: NDArray[np.uint8]
    threshold: NDArray[np.float32] | NDArray[np.float64]
    missing: NDArray[np.uint8]
    missing_left: NDArray[np.bool_]
    category_set: NDArray[np.int32]
    invalid_left: NDArray[np.bool_]
    set_offset: NDArray[np.int64]
    set_words: NDArray[np.uint32]
    category_cast: CategoryCast = CategoryCast.TRUNCATE

    def __len__(self) -> int:
        return len(self.input)

    @property
    def n_sets(self) -> int:
        return len(self.set_offset) - 1


@dataclass(frozen=True, eq=False)
class Trees:
    """The shape of all trees. T trees, N inner nodes, L = N + T leaves, all trees one after the other.

    ``node_offset``, ``leaf_offset`` i64[T + 1]; ``predicate`` i32[N]; ``left``, ``right`` i32[N]: a node of the same tree
    (local) if >= 0, else ``~leaf`` (local); ``leaf_row`` i32[L], the leaf's row of ``Leaves.values``;
    ``leaf_id`` i32[L], the leaf's number in the library's own ``apply``; ``column`` i32[T], the first output column.
    ``inverted`` bool[N]: nodes where a true answer goes right and a false one left; None where there are none.
    ``order`` i32[T]: the number of each stored tree, where that is not its place; None where it is. Sums, ranges of trees
    and leaf ids go by number, ``iteration_offset`` counts numbers, all other columns are by place.
    ``tile`` i32[N]: nodes of a tree with one number are evaluated together, and hang together; None if there are none.
    ``weight`` f32/f64 [T]: factor of each tree, its dtype that of the product; None where trees have no weight.
    ``node_count`` f64[N], ``leaf_count`` f64[L]: the model's own training counts (cover), where it has them.
    ``iteration_offset`` i32[I + 1]: boundaries of boosting iterations, in trees.
    """

    node_offset: NDArray[np.int64]
    leaf_offset: NDArray[np.int64]
    predicate: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    leaf_row: NDArray[np.int32]
    leaf_id: NDArray[np.int32]
    column: NDArray[np.int32]
    iteration_offset: NDArray[np.int32]
    weight: NDArray[Any] | None = None
    node_count: NDArray[np.float64] | None = None
    leaf_count: NDArray[np.float64] | None = None
    inverted: NDArray[np.bool_] | None = None
    order: NDArray[np.int32] | None = None
    tile: NDArray[np.int32] | None = None

    @property
    def n_trees(self) -> int:
        return len(self.node_offset) - 1

    def places(self) -> NDArray[np.int64]:
        """Where the tree of each number is stored, i64[T]."""
        return np.arange(self.n_trees) if self.order is None else np.argsort(self.order, kind="stable")

    @property
    def n_nodes(self) -> int:
        return len(self.predicate)

    @property
    def n_leaves(self) -> int:
        return len(self.leaf_row)


@dataclass(frozen=True, eq=False)
class ObliviousTrees:
    """Trees with one predicate per level (CatBoost). Leaf index: bit ``k`` is the answer of the tree's level ``k``.

    ``level_offset`` i64[T + 1]; ``predicate`` i32[sum of depths]; ``leaf_offset`` i64[T + 1] with 2**depth leaves a tree;
    the other columns as in `Trees`.
    """

    level_offset: NDArray[np.int64]
    leaf_offset: NDArray[np.int64]
    predicate: NDArray[np.int32]
    leaf_row: NDArray[np.int32]
    leaf_id: NDArray[np.int32]
    column: NDArray[np.int32]
    iteration_offset: NDArray[np.int32]
    weight: NDArray[Any] | None = None
    leaf_count: NDArray[np.float64] | None = None

    @property
    def n_trees(self) -> int:
        return len(self.level_offset) - 1

    def places(self) -> NDArray[np.int64]:
        """Where the tree of each number is stored, i64[T]."""
        return np.arange(self.n_trees)


@dataclass(frozen=True, eq=False)
class LinearLeaves:
    """Linear functions in leaves: row ``v`` is ``const[v] + sum x[input[j]] * coefficient[j]`` for ``j`` in its range, in
    order, each step rounded; NaN in any of its inputs gives ``Leaves.values[v]`` instead (LightGBM ``linear_tree``)."""

    offset: NDArray[np.int64]
    input: NDArray[np.int32]
    coefficient: NDArray[np.float64]
    const: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Leaves:
    """``values`` f32/f64 [V, W]: what a leaf adds to output columns ``column[tree] : column[tree] + W``."""

    values: NDArray[Any]
    linear: LinearLeaves | None = None


@dataclass(frozen=True, eq=False)
class SumRule:
    """How leaf values become raw outputs, to the last bit.

    Accumulates in ``dtype``, in tree order, from ``base`` [K] (of ``dtype``) if ``base_first``, else from 0 with the base
    added last; then ``final``. ``reassociate``: any order and grouping of the additions will do, see
    `treec.verify.bounds`; the interpreter of a Forest keeps to tree order all the same.
    """

    dtype: np.dtype[Any]
    base: NDArray[Any]
    base_first: bool = True
    final: Final = Final.NONE
    operand: float = 1.0
    bias: float = 0.0
    reassociate: bool = False


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a caller gets back. K raw columns.

    ``vector``: raw outputs have shape (n,), not (n, K). ``link_scale``: the parameter of a sigmoid.
    ``average``: divisor before the link where ``predict`` averages but raw is the sum (LightGBM rf); 1.0 otherwise.
    ``binary_proba``: ``predict_proba`` is ``[1 - p, p]`` of the one response column.
    ``classes``: one array of labels per output; empty for regression. ``groups``: raw columns per output of a multi-output
    classifier (sums to K); empty for one output.
    ``apply_dtype``, ``apply_shape``: dtype and trailing shape of the library's leaf ids, e.g. ``("<i8", (100,))``.
    ``is_classifier``: the source has ``predict_proba``.
    """

    vector: bool
    link: Link = Link.IDENTITY
    link_scale: float = 1.0
    average: float = 1.0
    label: LabelRule = LabelRule.NONE
    predicted: Predicted = Predicted.RESPONSE
    is_classifier: bool = False
    binary_proba: bool = False
    classes: tuple[NDArray[Any], ...] = ()
    groups: tuple[int, ...] = ()
    apply_dtype: str = "<i4"
    apply_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where a Forest came from; goes into the card. ``digest`` is the sha-256 of the file or pickle, if there was one."""

    library: str
    format: str
    version: str | None = None
    objective: str | None = None
    digest: str | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()
