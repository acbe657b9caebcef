"""Nodes as compares with constants: what the code of a node is made of, and the numbers in it. Pure numpy.

In the code of one node its way of missing values, its threshold and its set are known. So what a NaN does is decided here:
where it is not missing and counts as 0.0, it goes as 0.0 would. That leaves few *kinds* of code, whatever the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Forest, Missing, Predicates, Test, Trees
from treec.passes.algo.packed import walk_columns
from treec.treeir.interp.predicates import ZERO_BOUND, goes_left

MASK_WORDS = 2
"""Words of a set that is a mask in the code: 64 categories."""


@dataclass(frozen=True)
class BranchKind:
    """What the code of a node is made of; its numbers stand apart.

    ``nan_left``: a NaN takes the true way. ``zero``: a value as good as zero goes where NaN goes. Of sets of categories:
    ``invalid_left``, what the cast rejects takes the true way; ``mask``, the set is one number.
    """

    test: Test
    nan_left: bool
    zero: bool
    invalid_left: bool
    mask: bool


@dataclass(frozen=True, eq=False)
class Branches:
    """All nodes of a forest. ``kinds``: those that occur; ``kind`` i32 [N]: which of them; ``children`` i32 [N, 2]: behind
    a true and a false answer, a node of the same tree (local, after this one), or ``~leaf`` (local). ``column`` i64 [N]:
    what is asked of the row. ``threshold`` [N]; ``mask`` u64 [N] or ``first_word``, ``end_word`` i64 [N]: the set.
    """

    kinds: tuple[BranchKind, ...]
    kind: NDArray[np.int32]
    children: NDArray[np.int32]
    column: NDArray[np.int64]
    threshold: NDArray[Any]
    mask: NDArray[np.uint64]
    first_word: NDArray[np.int64]
    end_word: NDArray[np.int64]


def branches_of(forest: Forest, trees: Trees) -> Branches:
    """All nodes of ``trees``, which are those of ``forest``."""
    p, ids = forest.predicates, trees.predicate
    is_set = p.test[ids] == Test.IN_SET
    short = is_set & (np.diff(p.set_offset, append=0)[p.category_set[ids]] <= MASK_WORDS)
    columns = np.stack(
        [p.test[ids], _nan_left(p, ids), _zero_matters(p, ids), is_set & p.invalid_left[ids], short], axis=1
    ).astype(np.int64)
    kinds, kind = np.unique(columns, axis=0, return_inverse=True)
    children = np.stack([trees.left, trees.right], axis=1)
    if trees.inverted is not None:
        children = np.where(trees.inverted[:, None], children[:, ::-1], children)
    sets = np.where(is_set, p.category_set[ids], 0)
    return Branches(
        kinds=tuple(BranchKind(Test(int(row[0])), *(bool(flag) for flag in row[1:])) for row in kinds),
        kind=kind.reshape(-1).astype(np.int32),
        children=children.astype(np.int32),
        column=walk_columns(forest.inputs)[p.input[ids]].astype(np.int64),
        threshold=p.threshold[ids],
        mask=_masks(p)[sets] if is_set.any() else np.zeros(len(ids), np.uint64),
        first_word=p.set_offset[sets],
        end_word=p.set_offset[np.minimum(sets + 1, p.n_sets)],
    )


def _nan_left(p: Predicates, ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    return goes_left(p, ids, np.full(len(ids), np.nan, p.threshold.dtype))


def _zero_matters(p: Predicates, ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where zeros are missing, and some of them would go another way by the test alone."""
    by_zero = p.missing[ids] == Missing.ZERO_OR_NAN
    if not by_zero.any():
        return by_zero
    plain = replace(p, missing=np.full_like(p.missing, Missing.NAN))
    bound = p.threshold.dtype.type(ZERO_BOUND)
    differs = p.test[ids] == Test.EQUAL  # true of one value, which may be any
    for value in (-bound, p.threshold.dtype.type(0), bound):
        differs |= goes_left(plain, ids, np.full(len(ids), value)) != p.missing_left[ids]
    return by_zero & differs


def _masks(p: Predicates) -> NDArray[np.uint64]:
    """The first 64 categories of each set as bits, u64 [sets]."""
    masks = np.zeros(p.n_sets, np.uint64)
    for word in range(MASK_WORDS):
        at = p.set_offset[:-1] + word
        has = at < p.set_offset[1:]
        masks[has] |= p.set_words[at[has]].astype(np.uint64) << np.uint64(32 * word)
    return masks
