"""The Forest: a trained ensemble as frozen numpy columns, free of any library's format.

Every frontend ends here and every later level starts here. Nothing in a Forest is code. All arrays are read-only;
``Forest.check`` proves the invariants once, so that no later stage has to.

Vocabulary: a *predicate* asks one question about one input; a *node* is an inner node and holds a predicate id; *leaves*
are apart. Trees are canonical: nodes of a tree in depth-first preorder, left before right, and leaves from left to right.
So an inner left child of node ``i`` is ``i + 1``, and a tree of ``n`` nodes has ``n + 1`` leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError

F32 = np.dtype(np.float32)
F64 = np.dtype(np.float64)


class Test(IntEnum):
    """The question a predicate asks; a true answer goes left."""

    __test__ = False  # not a test case of pytest

    LESS = 0
    LESS_EQUAL = 1
    EQUAL = 2
    IN_SET = 3


class Missing(IntEnum):
    """Which values skip the test and go the missing way."""

    NONE = 0
    """No value is missing; NaN counts as 0.0 (LightGBM)."""
    NAN = 1
    """NaN is missing."""
    ZERO_OR_NAN = 2
    """NaN and every |x| <= 1e-35f are missing (LightGBM; the bound is the float32 constant, widened)."""


class CategoryCast(IntEnum):
    """How a row's value becomes a category code before an ``IN_SET`` test. What the cast rejects is *invalid*."""

    TRUNCATE = 0
    """Toward zero; invalid if the result is below 0 or does not fit an int32 (LightGBM: -0.5 is category 0)."""
    NON_NEGATIVE = 1
    """Invalid if below 0 or at least 2**24, then toward zero (XGBoost: -0.5 is invalid)."""


class Link(StrEnum):
    """From raw outputs to the response. Each name is one library's formula, with its order, dtype and clips."""

    IDENTITY = "identity"
    XGB_SIGMOID = "xgb_sigmoid"
    """f32: ``1 / (expf(min(-x, 88.7f)) + 1 + 1e-16f)``."""
    XGB_SOFTMAX = "xgb_softmax"
    """f32 ``expf(x - max)``, summed in f64, divided by the sum cast to f32."""
    XGB_EXP = "xgb_exp"
    """f32 ``expf(x)``."""
    XGB_HINGE = "xgb_hinge"
    """``1 if x > 0 else 0``."""
    LGB_SIGMOID = "lgb_sigmoid"
    """f64 ``1 / (1 + exp(-scale * x))``, on each column (binary, one-vs-all, cross-entropy)."""
    LGB_SOFTMAX = "lgb_softmax"
    """f64 ``exp(x - max)``, summed in order, divided."""
    LGB_EXP = "lgb_exp"
    LGB_SIGNED_SQUARE = "lgb_signed_square"
    """``sign(x) * x * x`` (``reg_sqrt``)."""
    LGB_LOG1P_EXP = "lgb_log1p_exp"
    """``log1p(exp(x))`` (cross_entropy_lambda)."""
    SKL_EXPIT = "skl_expit"
    """f64 ``1 / (1 + exp(-scale * x))`` (scale 2 for the exponential loss)."""
    SKL_SOFTMAX = "skl_softmax"
    """f64 ``exp(x - max)`` divided by its sum."""
    SKL_EXP = "skl_exp"


class LabelRule(StrEnum):
    """How a classifier's label follows from its outputs."""

    NONE = "none"
    ARGMAX = "argmax"
    """First largest response column; per group of ``Outputs.groups``."""
    LINK_ABOVE_HALF = "link_above_half"
    """Second class if the one response column is > 0.5."""
    RAW_AT_LEAST_ZERO = "raw_at_least_zero"
    RAW_ABOVE_ZERO = "raw_above_zero"


class Predicted(StrEnum):
    """What ``predict`` of the source returns."""

    RESPONSE = "response"
    LABEL = "label"
    """An entry of ``Outputs.classes``."""
    CLASS_INDEX = "class_index"
    """The index of the label as a number of the raw dtype (XGBoost ``multi:softmax`` from a Booster)."""


class Final(StrEnum):
    """The last operation on a sum."""

    NONE = "none"
    DIVIDE = "divide"
    """``sum / operand``, where the average is what the library calls raw (scikit-learn forests)."""
    SCALE_BIAS = "scale_bias"
    """``sum * operand + bias`` (CatBoost), both rounded."""


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


@dataclass(frozen=True, eq=False)
class Forest:
    """A whole model. See the module's text and each part."""

    inputs: Inputs
    predicates: Predicates
    trees: Trees | ObliviousTrees
    leaves: Leaves
    sum: SumRule
    outputs: Outputs
    source: Source = field(default_factory=lambda: Source("none", "python"))

    @property
    def n_columns(self) -> int:
        """K, the number of raw output columns."""
        return len(self.sum.base)

    @property
    def leaf_width(self) -> int:
        """W, the number of output columns one leaf adds to."""
        return int(self.leaves.values.shape[1])

    def check(self) -> Forest:
        """Prove every invariant of the columns and freeze them; raises `ModelError` naming the column."""
        _check_inputs(self.inputs)
        _check_predicates(self.predicates, self.inputs)
        _check_leaves(self)
        if isinstance(self.trees, Trees):
            _check_trees(self.trees, len(self.predicates))
        else:
            _check_oblivious(self.trees, len(self.predicates))
        _check_outputs(self)
        for part in (self.inputs, self.predicates, self.trees, self.leaves, self.leaves.linear, self.sum):
            if part is not None:
                freeze(part)
        return self


def freeze(part: object) -> None:
    """Make every array of a dataclass read-only."""
    for value in vars(part).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False


def _require(condition: bool | np.bool_, what: str) -> None:
    if not condition:
        raise ModelError(f"the model's data is inconsistent: {what}")


def _check_offset(offset: NDArray[Any], end: int, what: str) -> None:
    _require(
        offset.ndim == 1 and len(offset) >= 1 and offset[0] == 0 and offset[-1] == end,
        f"{what} does not cover its data",
    )
    _require(bool(np.all(np.diff(offset) >= 0)), f"{what} decreases")


def _within(values: NDArray[Any], limit: int, what: str) -> None:
    _require(len(values) == 0 or (values.min() >= 0 and values.max() < limit), f"{what} is out of range")


def _check_inputs(inputs: Inputs) -> None:
    _require(inputs.n_features >= 0, "negative number of features")
    _require(inputs.dtype in (F32, F64), "rows must be compared in float32 or float64")
    _within(inputs.column, inputs.n_features, "an input's column")
    for what, labels in (("feature names", inputs.names), ("feature types", inputs.types)):
        _require(labels is None or len(labels) == inputs.n_features, f"number of {what}")
    if inputs.table_offset is not None:
        _check_tables(inputs, inputs.table_offset, inputs.table_value)


def _check_tables(inputs: Inputs, offset: NDArray[np.int64], values: NDArray[np.float64] | None) -> None:
    _require(values is not None and len(offset) == inputs.n_inputs + 1, "value tables")
    values = np.zeros(0) if values is None else values
    _check_offset(offset, len(values), "value tables")
    first = np.zeros(len(values) + 1, bool)
    first[offset] = True
    rises = values[1:] > values[:-1]
    _require(not np.isnan(values).any() and bool(np.all(rises | first[1:-1])), "a value table does not ascend")


def _check_predicates(p: Predicates, inputs: Inputs) -> None:
    n = len(p)
    columns = (p.test, p.threshold, p.missing, p.missing_left, p.category_set, p.invalid_left)
    _require(all(len(c) == n for c in columns), "predicate columns differ in length")
    _require(p.threshold.dtype == inputs.dtype, "thresholds and inputs differ in dtype")
    _within(p.input, inputs.n_inputs, "a predicate's input")
    _within(p.test, len(Test), "a predicate's test")
    _within(p.missing, len(Missing), "a predicate's missing kind")
    _require(not np.isnan(p.threshold).any(), "a threshold is NaN")
    _check_offset(p.set_offset, len(p.set_words), "category sets")
    in_set = p.test == Test.IN_SET
    _within(p.category_set[in_set], p.n_sets, "a category set")
    _require(bool(np.all(p.category_set[~in_set] == -1)), "a compare has a category set")


def _check_leaves(forest: Forest) -> None:
    values = forest.leaves.values
    _require(values.ndim == 2 and values.dtype in (F32, F64), "leaf values must be a float table")
    rows = forest.trees.leaf_row
    _require(len(rows) == len(forest.trees.leaf_id), "leaf columns differ in length")
    _within(rows, len(values), "a leaf's row of values")
    columns = forest.trees.column
    _require(len(columns) == forest.trees.n_trees, "one output column per tree is needed")
    _require(
        len(columns) == 0 or (columns.min() >= 0 and columns.max() + values.shape[1] <= forest.n_columns),
        "a tree's output columns are out of range",
    )
    weight = forest.trees.weight
    _require(weight is None or (len(weight) == len(columns) and weight.dtype in (F32, F64)), "tree weights")
    _require(forest.sum.dtype in (F32, F64) and forest.sum.base.dtype == forest.sum.dtype, "dtype of the sum")
    _require(forest.sum.base.ndim == 1, "the base is no list of columns")
    leaf_count = forest.trees.leaf_count
    _require(leaf_count is None or len(leaf_count) == len(rows), "leaf counts")
    if forest.leaves.linear is not None:
        _check_linear(forest.leaves.linear, values, forest.inputs.n_inputs)
    offset = forest.trees.iteration_offset
    _check_offset(offset, forest.trees.n_trees, "iteration boundaries")


def _check_linear(linear: LinearLeaves, values: NDArray[Any], n_inputs: int) -> None:
    _require(values.shape[1] == 1, "linear leaves have one value")
    _require(len(linear.const) == len(values) and len(linear.offset) == len(values) + 1, "linear leaves differ in length")
    _require(len(linear.input) == len(linear.coefficient), "linear terms differ in length")
    _check_offset(linear.offset, len(linear.input), "linear leaves")
    _within(linear.input, n_inputs, "a linear leaf's input")


def _check_trees(t: Trees, n_predicates: int) -> None:
    _check_offset(t.node_offset, t.n_nodes, "node offsets")
    _check_offset(t.leaf_offset, t.n_leaves, "leaf offsets")
    nodes, leaves = np.diff(t.node_offset), np.diff(t.leaf_offset)
    _require(
        len(nodes) == len(leaves) and bool(np.all(leaves == nodes + 1)),
        "a tree of n nodes must have n + 1 leaves",
    )
    _within(t.predicate, n_predicates, "a node's predicate")
    _require(t.node_count is None or len(t.node_count) == t.n_nodes, "node counts")
    _require(len(t.left) == t.n_nodes == len(t.right), "child columns differ in length")
    _require(t.inverted is None or (len(t.inverted) == t.n_nodes and t.inverted.dtype == bool), "inverted nodes")
    _require(t.order is None or np.array_equal(np.sort(t.order), np.arange(len(nodes))), "the order of the trees")
    check_preorder(t.node_offset, t.left, t.right)


def check_preorder(node_offset: NDArray[np.int64], left: NDArray[np.int32], right: NDArray[np.int32]) -> None:
    """Every child is where preorder puts it, level by level: a node's subtree is the nodes ``node`` to ``end`` and the
    leaves from ``leaf`` on (local); so each node and leaf has one parent. Raises `ModelError`."""
    nodes = np.diff(node_offset)
    tree = np.flatnonzero(nodes)
    node, end, leaf = np.zeros(len(tree), np.int64), nodes[tree], np.zeros(len(tree), np.int64)
    while len(tree):
        at = node_offset[tree] + node
        below, beside = left[at].astype(np.int64), right[at].astype(np.int64)
        middle = np.where(beside >= 0, beside, end)  # where the left subtree ends
        to_left, to_right = below >= 0, beside >= 0
        _require(bool(np.all((middle > node) & (middle < end + ~to_right))), "a right child is out of its place")
        left_place = np.where(to_left, node + 1, ~leaf)
        _require(bool(np.all((below == left_place) & (to_left == (middle > node + 1)))), "a left child is out of its place")
        right_leaf = leaf + middle - node
        _require(bool(np.all(to_right | (beside == ~right_leaf))), "a leaf is out of its place")
        tree = np.concatenate([tree[to_left], tree[to_right]])
        node = np.concatenate([below[to_left], beside[to_right]])
        leaf = np.concatenate([leaf[to_left], right_leaf[to_right]])
        end = np.concatenate([middle[to_left], end[to_right]])


def _check_oblivious(t: ObliviousTrees, n_predicates: int) -> None:
    _check_offset(t.level_offset, len(t.predicate), "level offsets")
    _check_offset(t.leaf_offset, len(t.leaf_row), "leaf offsets")
    depth = np.diff(t.level_offset)
    _require(
        bool(np.all(np.diff(t.leaf_offset) == 1 << depth)),
        "an oblivious tree of depth d must have 2**d leaves",
    )
    _within(t.predicate, n_predicates, "a level's predicate")


def _check_outputs(forest: Forest) -> None:
    out, k = forest.outputs, forest.n_columns
    _require(k >= 1 and (not out.vector or k == 1), "a vector output has one column")
    _require(not out.groups or sum(out.groups) == k, "output groups do not cover the columns")
    _require(out.label is LabelRule.NONE or len(out.classes) >= 1, "a label rule needs class labels")
