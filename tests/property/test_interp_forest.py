"""The interpreter against a scalar evaluator that is written from the Forest's documentation alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.forests import forests
from treec.frontends.base import F32, F64, CategoryCast, Final, Forest, Missing, Test, Trees
from treec.treeir.interp import forest as interpreter
from treec.verify.compare import same
from treec.verify.rows import Domain, random_rows


def encoded_value(forest: Forest, row: NDArray[Any], index: int) -> float:
    inputs = forest.inputs
    with np.errstate(over="ignore"):
        x = float(inputs.dtype.type(row[inputs.column[index]]))
    if x == float(inputs.dtype.type(inputs.missing_value)):
        return math.nan
    if inputs.table_offset is not None and inputs.table_value is not None:
        table = inputs.table_value[inputs.table_offset[index] : inputs.table_offset[index + 1]].tolist()
        if table:
            return float(table.index(x)) if x in table else math.nan
    return x


def goes_left(forest: Forest, predicate: int, x: float) -> bool:
    p = forest.predicates
    kind, test, threshold = p.missing[predicate], p.test[predicate], float(p.threshold[predicate])
    if math.isnan(x) and kind == Missing.NONE:
        x = 0.0
    if math.isnan(x) or (kind == Missing.ZERO_OR_NAN and abs(x) <= float(np.float32(1e-35))):
        return bool(p.missing_left[predicate])
    if test == Test.LESS:
        return x < threshold
    if test == Test.LESS_EQUAL:
        return x <= threshold
    if test == Test.EQUAL:
        return x == threshold
    return in_set(forest, predicate, x)


def in_set(forest: Forest, predicate: int, x: float) -> bool:
    p = forest.predicates
    if p.category_cast == CategoryCast.TRUNCATE:
        valid = not math.isinf(x) and 0 <= math.trunc(x) < 2**31
    else:
        valid = 0 <= x < 2**24
    if not valid:
        return bool(p.invalid_left[predicate])
    begin, end = p.set_offset[p.category_set[predicate] :][:2].tolist()
    bits = sum(int(word) << (32 * place) for place, word in enumerate(p.set_words[begin:end].tolist()))
    return bool(bits >> math.trunc(x) & 1) if math.trunc(x) < 32 * (end - begin) else False


def leaf_of(forest: Forest, row: NDArray[Any], tree: int) -> int:
    trees = forest.trees
    assert isinstance(trees, Trees)
    node = 0 if trees.node_offset[tree + 1] > trees.node_offset[tree] else ~0
    while node >= 0:
        at = int(trees.node_offset[tree]) + node
        predicate = int(trees.predicate[at])
        x = encoded_value(forest, row, int(forest.predicates.input[predicate]))
        node = int((trees.left if goes_left(forest, predicate, x) else trees.right)[at])
    return ~node


def raw_of(forest: Forest, row: NDArray[Any], begin: int, end: int) -> NDArray[Any]:
    trees, rule = forest.trees, forest.sum
    total = [rule.base[k] if rule.base_first else rule.dtype.type(0) for k in range(forest.n_columns)]
    for tree in range(begin, end):
        leaf = int(trees.leaf_row[trees.leaf_offset[tree] + leaf_of(forest, row, tree)])
        for offset in range(forest.leaf_width):
            term = forest.leaves.values[leaf, offset]
            if trees.weight is not None:
                term = trees.weight.dtype.type(term) * trees.weight[tree]
            total[trees.column[tree] + offset] += rule.dtype.type(term)
    for k in range(forest.n_columns):
        if not rule.base_first:
            total[k] += rule.base[k]
        if rule.final is Final.DIVIDE:
            total[k] /= rule.dtype.type(rule.operand)
        elif rule.final is Final.SCALE_BIAS:
            total[k] = total[k] * rule.dtype.type(rule.operand) + rule.dtype.type(rule.bias)
    return np.array(total, rule.dtype)


@given(forest=forests(), dtype=st.sampled_from((F32, F64)), seed=st.integers(0, 1000), data=st.data())
def test_interpreter_is_the_scalar_evaluator(forest: Forest, dtype: np.dtype[Any], seed: int, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, forest.trees.n_trees))
    end = data.draw(st.integers(begin, forest.trees.n_trees))
    rows = random_rows(Domain(forest, dtype), 24, seed)
    leaves = interpreter.leaf_indices(forest, rows)
    expected = [[leaf_of(forest, row, tree) for tree in range(forest.trees.n_trees)] for row in rows]
    np.testing.assert_array_equal(leaves, np.array(expected, np.int32).reshape(leaves.shape))
    with np.errstate(all="ignore"):
        raw = np.array([raw_of(forest, row, begin, end) for row in rows])
    assert same(interpreter.raw(forest, rows, begin, end), raw).all()


@given(forest=forests(), seed=st.integers(0, 1000))
def test_pairs_are_the_diagonal_of_the_table(forest: Forest, seed: int) -> None:
    rows = random_rows(Domain(forest, forest.inputs.dtype), 30, seed)
    if forest.trees.n_trees == 0:
        return
    tree = np.sort(np.random.default_rng(seed).integers(0, forest.trees.n_trees, len(rows)))
    encoded = interpreter.encode_inputs(forest, rows)
    leaf = interpreter.leaf_of_pairs(forest, encoded, tree)
    np.testing.assert_array_equal(leaf, interpreter.leaf_indices(forest, rows)[np.arange(len(rows)), tree])
    alone = interpreter.raw_of_pairs(forest, encoded, tree, leaf)
    for row, t in enumerate(tree):
        assert same(alone[row : row + 1], interpreter.raw(forest, rows[row : row + 1], int(t), int(t) + 1)).all()
    ids = interpreter.leaf_ids(forest, rows)
    assert [len(np.unique(column)) for column in ids.T] == [
        len(np.unique(column)) for column in interpreter.leaf_indices(forest, rows).T
    ]
