"""scikit-learn's HistGradientBoosting → Forest.

Raw is the baseline, then every leaf in order, in float64; rows and thresholds are float64. Categorical columns come
first in the trees' numbering, and their values are replaced by positions in the categories seen in training; a value
never seen counts as missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import F64, Forest, Inputs, LabelRule, Leaves, Missing, Predicates, SumRule, Test, Trees
from treec.frontends.canonical import CanonicalOrder, canonical_order
from treec.frontends.pickle_records import describe, is_array, is_list, is_tuple
from treec.frontends.sklearn_boosting import boosting_outputs, read_link
from treec.frontends.sklearn_columns import check_record, flat_values, require, shared_predicates, shared_rows
from treec.frontends.sklearn_trees import local_ids
from treec.frontends.sklearn_view import EstimatorView, feature_count, feature_names, source_of, view_of

_FIELDS = {
    "value": "f8",
    "count": "u4",
    "feature_idx": "i8 i4",
    "num_threshold": "f8",
    "missing_go_to_left": "u1",
    "left": "u4",
    "right": "u4",
    "gain": "f8",
    "depth": "u4",
    "is_leaf": "u1",
    "bin_threshold": "u1",
    "is_categorical": "u1",
    "bitset_idx": "u4",
}
_WORDS = 8
_NOTE = "the library has no apply; leaf ids are positions in each tree's `nodes`"
Table = NDArray[Any]


def forest_from_hist(view: EstimatorView) -> Forest:
    """From HistGradientBoostingClassifier and HistGradientBoostingRegressor."""
    n_columns = view.integer("n_trees_per_iteration_", least=1)
    tables, sets = _predictors(view, n_columns)
    inputs, n_categories = _inputs(view)
    offset = np.concatenate([[0], np.cumsum([len(table) for table in tables])]).astype(np.int64)
    require(offset[-1] < 1 << 31, "more than 2**31 nodes", view.place)
    leaf = _column(tables, "is_leaf") != 0
    left = np.where(leaf, -1, _column(tables, "left").astype(np.int64))
    right = np.where(leaf, -1, _column(tables, "right").astype(np.int64))
    order = canonical_order(offset, left, right, place=view.place)
    predicates, predicate = _predicates(view, tables, sets, order, offset, n_categories)
    values, leaf_row = _leaves(view, tables, order)
    counts = _column(tables, "count").astype(np.float64)
    trees = Trees(
        node_offset=order.node_offset,
        leaf_offset=order.leaf_offset,
        predicate=predicate,
        left=order.left,
        right=order.right,
        leaf_row=leaf_row,
        leaf_id=local_ids(offset, order.leaf_source, order.leaf_offset),
        column=(np.arange(len(tables)) % n_columns).astype(np.int32),
        iteration_offset=np.arange(0, len(tables) + 1, n_columns, dtype=np.int32),
        node_count=counts[order.node_source],
        leaf_count=counts[order.leaf_source],
    )
    link = read_link(view, n_columns, view.class_name.endswith("Classifier"))
    outputs = boosting_outputs(
        view, n_columns, link, LabelRule.RAW_ABOVE_ZERO, apply_dtype="<i4", apply_shape=(len(tables),)
    )
    source = source_of(view, view.text("loss"), _NOTE)
    return Forest(inputs, predicates, trees, Leaves(values), SumRule(F64, _start(view, n_columns)), outputs, source)


def _start(view: EstimatorView, n_columns: int) -> NDArray[np.float64]:
    baseline = view.get("_baseline_prediction")
    if not is_array(baseline) or baseline.shape != (1, n_columns) or baseline.dtype.str[1:] != "f8":
        raise view.odd("_baseline_prediction", baseline)
    require(bool(np.isfinite(baseline).all()), "the start value is not finite", view.place)
    return np.zeros(n_columns) + baseline[0]


def _predictors(view: EstimatorView, n_columns: int) -> tuple[list[Table], list[Table]]:
    """Each tree's node table and its sets of categories, in the order the library adds them."""
    rounds = view.get("_predictors")
    if not is_list(rounds) or not rounds:
        raise view.odd("_predictors", rounds)
    tables: list[Table] = []
    sets: list[Table] = []
    for members in rounds:
        if not is_list(members) or len(members) != n_columns:
            raise view.odd("_predictors", members)
        for member in members:
            tree = view_of(member, place=f"{view.place}: tree {len(tables)}")
            known = tree.module == "sklearn.ensemble._hist_gradient_boosting.predictor"
            require(known and tree.class_name == "TreePredictor", f"found {describe(member)}", tree.place)
            tables.append(check_record(tree.get("nodes"), _FIELDS, "the tree", tree.place))
            sets.append(_bit_sets(tree))
    return tables, sets


def _bit_sets(tree: EstimatorView) -> Table:
    sets = tree.array("raw_left_cat_bitsets", "u", dimensions=2)
    if sets.dtype.str[1:] != "u4" or sets.shape[1] != _WORDS:
        raise tree.odd("raw_left_cat_bitsets", sets)
    return sets


def _column(tables: list[Table], name: str) -> Table:
    return np.concatenate([table[name] for table in tables], dtype=tables[0].dtype[name].newbyteorder("="))


def _leaves(
    view: EstimatorView, tables: list[Table], order: CanonicalOrder
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    values = _column(tables, "value")[order.leaf_source]
    require(bool(np.isfinite(values).all()), "a leaf's value is not finite", view.place)
    return shared_rows(values[:, None])


def _predicates(
    view: EstimatorView,
    tables: list[Table],
    sets: list[Table],
    order: CanonicalOrder,
    offset: NDArray[np.int64],
    n_categories: NDArray[np.int64],
) -> tuple[Predicates, NDArray[np.int32]]:
    nodes, place = order.node_source, view.place
    feature = _column(tables, "feature_idx")[nodes]
    fine = (feature >= 0) & (feature < len(n_categories))
    require(bool(fine.all()), "a node's feature is out of range", place)
    threshold = _column(tables, "num_threshold")[nodes]
    category = _column(tables, "is_categorical")[nodes] != 0
    require(not np.isnan(threshold[~category]).any(), "a threshold is NaN", place)
    agree = bool(np.all(category == (n_categories[feature] >= 0)))
    require(agree, "a node's kind of split is not that of its feature", place)
    require(bool(np.all(n_categories[feature[category]] > 0)), "a split of a feature without categories", place)
    go_left = _column(tables, "missing_go_to_left")[nodes] != 0
    compare, at_compare = shared_predicates(feature[~category].astype(np.int32), threshold[~category], go_left[~category])
    predicate = np.zeros(len(nodes), np.int32)
    predicate[~category] = at_compare
    if not category.any():
        return compare, predicate
    tree = np.searchsorted(offset, nodes[category], side="right") - 1
    words = _set_words(tree, _column(tables, "bitset_idx")[nodes[category]], sets, place)
    keys = np.column_stack([feature[category].astype(np.uint32), go_left[category].astype(np.uint32), words])
    kinds, at_set = np.unique(keys, axis=0, return_inverse=True)
    predicate[category] = len(compare) + at_set.reshape(-1)
    return _with_sets(compare, kinds), predicate


def _set_words(tree: NDArray[np.int64], index: Table, sets: list[Table], place: str) -> NDArray[np.uint32]:
    """u32[nodes, 8]: the categories that go left at each categorical node."""
    start = np.concatenate([[0], np.cumsum([len(part) for part in sets])]).astype(np.int64)
    require(bool(np.all(index < np.diff(start)[tree])), "a node's set of categories does not exist", place)
    return np.concatenate(sets, dtype=np.uint32)[start[tree] + index]


def _with_sets(compare: Predicates, kinds: NDArray[np.uint32]) -> Predicates:
    """The compares, then one set predicate per row of ``kinds`` (input, missing left, 8 words)."""
    n = len(kinds)
    go_left = kinds[:, 1] != 0
    words, of_kind = np.unique(kinds[:, 2:], axis=0, return_inverse=True)
    return replace(
        compare,
        input=np.concatenate([compare.input, kinds[:, 0].astype(np.int32)]),
        test=np.concatenate([compare.test, np.full(n, Test.IN_SET, np.uint8)]),
        threshold=np.concatenate([compare.threshold, np.zeros(n)]),
        missing=np.concatenate([compare.missing, np.full(n, Missing.NAN, np.uint8)]),
        missing_left=np.concatenate([compare.missing_left, go_left]),
        category_set=np.concatenate([compare.category_set, of_kind.reshape(-1).astype(np.int32)]),
        invalid_left=np.concatenate([compare.invalid_left, go_left]),
        set_offset=np.arange(len(words) + 1, dtype=np.int64) * _WORDS,
        set_words=words.reshape(-1).astype(np.uint32),
    )


def _inputs(view: EstimatorView) -> tuple[Inputs, NDArray[np.int64]]:
    """The rows, and per input the number of its categories (-1 for a number)."""
    n_features = feature_count(view)
    names = feature_names(view, n_features)
    if view.get("_preprocessor") is None:
        require(view.get("is_categorical_") is None, "categories without an encoder", view.place)
        column = np.arange(n_features, dtype=np.int32)
        return Inputs(n_features, F64, column, names), np.full(n_features, -1)
    mask = view.array("is_categorical_", "b", dimensions=1)
    require(len(mask) == n_features, "`is_categorical_` does not fit the features", view.place)
    tables = _encoder_tables(view, mask)
    _check_known(view, [len(table) for table in tables], n_features)
    column = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)]).astype(np.int32)
    sizes = np.array([len(table) for table in tables] + [0] * (n_features - len(tables)), np.int64)
    table_offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = np.concatenate([*tables, np.zeros(0)])
    inputs = Inputs(n_features, F64, column, names, table_offset=table_offset, table_value=values)
    return inputs, np.where(np.arange(n_features) < len(tables), sizes, -1)


def _encoder_tables(view: EstimatorView, mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """The categories of each categorical column, in ascending order, without NaN."""
    encoder = _encoder(view, mask)
    listed = encoder.get("categories_")
    if not is_list(listed) or len(listed) != int(mask.sum()):
        raise ModelError("the encoder's categories do not fit the columns", place=view.place)
    tables: list[NDArray[np.float64]] = []
    for index, categories in enumerate(listed):
        feature = int(np.flatnonzero(mask)[index])
        tables.append(_table(categories, f"{view.place}: feature {feature}"))
    return tables


def _table(categories: object, place: str) -> NDArray[np.float64]:
    if not is_array(categories) or categories.ndim != 1:
        raise ModelError(f"its categories are {describe(categories)}", place=place)
    found = categories
    if found.dtype.kind not in "iuf":
        raise UnsupportedModelError(
            f"categories that are no numbers ({found.dtype})",
            place=place,
            fix="encode text as numbers before training (OrdinalEncoder), and rows likewise",
        )
    table = found.astype(np.float64)
    if found.dtype.kind in "iu":
        exact = bool(np.all(np.abs(table) <= 2.0**53))
        require(exact, "categories beyond 2**53 are not exact in float64", place)
    table = table[:-1] if len(table) and np.isnan(table[-1]) else table
    require(bool(np.all(np.isfinite(table)) and np.all(np.diff(table) > 0)), "its categories do not ascend", place)
    require(len(table) <= 32 * _WORDS, "it has more than 256 categories", place)
    return table


def _encoder(view: EstimatorView, mask: NDArray[np.bool_]) -> EstimatorView:
    """The OrdinalEncoder inside `_preprocessor`, which must be just what `fit` makes."""
    place = view.place
    outer = view.child("_preprocessor")
    require(outer.class_name == "ColumnTransformer", f"a preprocessor {outer.class_name}", place)
    steps = outer.get("transformers_")
    if not is_list(steps) or len(steps) not in (2, 3) or not all(is_tuple(step) and len(step) == 3 for step in steps):
        raise outer.odd("transformers_", steps)
    names = [[part if isinstance(part, str) else "" for part in step[:2]] for step in steps]
    require(names[2:] in ([], [["remainder", "drop"]]), "an odd last step", outer.place)
    for index, (name, expected) in enumerate((("encoder", mask), ("numerical", ~mask))):
        chosen = flat_values(steps[index][2], f"the columns of {name}", place)
        require(names[index][0] == name and chosen == expected.tolist(), f"an odd step for {name}", outer.place)
    encoder = view_of(steps[0][1], place=f"{place}: encoder")
    require(
        encoder.class_name == "OrdinalEncoder" and encoder.module == "sklearn.preprocessing._encoders",
        f"an encoder {encoder.module}.{encoder.class_name}",
        place,
    )
    for name in ("unknown_value", "encoded_missing_value"):
        require(np.isnan(encoder.number(name)), f"the encoder's {name} is not NaN", place)
    require(encoder.text("handle_unknown") == "use_encoded_value", "the encoder refuses unknown values", place)
    for name in ("max_categories", "min_frequency"):
        require(encoder.get(name) is None, f"the encoder has {name}", place)
    return encoder


def _check_known(view: EstimatorView, sizes: list[int], n_features: int) -> None:
    """The library knows exactly the encoder's categories, so none of them is unknown to the trees."""
    mapper = view.child("_bin_mapper")
    kinds, thresholds = mapper.get("is_categorical_"), mapper.get("bin_thresholds_")
    expected = np.arange(n_features) < len(sizes)
    found = flat_values(kinds, "`_bin_mapper.is_categorical_`", view.place)
    require(found == expected.tolist(), "an odd `_bin_mapper.is_categorical_`", view.place)
    if not is_list(thresholds) or len(thresholds) != n_features:
        raise mapper.odd("bin_thresholds_", thresholds)
    for feature, size in enumerate(sizes):
        known = flat_values(thresholds[feature], "a feature's bins", view.place)
        require(known == list(range(size)), f"feature {feature}: the bins are not the encoder's categories", view.place)
