"""The distinct predicates of all trees, on ranks, in the order of their bits. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Test
from treec.passes.algo.ranks import RankTables

I64 = NDArray[np.int64]
SET_BYTES = 64
"""Of a set that fits a register: 512 ranks."""


@dataclass(frozen=True, eq=False)
class PredicateBits:
    """P distinct predicates, by test, view and operand: ``test`` u8[P], ``view`` i64[P], ``operand`` i64[P], a rank, or of
    a set its first word in ``set_words`` u32: it has a bit for every rank that its view can have. ``slot`` i64: the place
    of each predicate of the model among them, -1 of those that are not answered."""

    test: NDArray[np.uint8]
    view: I64
    operand: I64
    slot: I64
    set_words: NDArray[np.uint32]


def predicate_bits(tables: RankTables, wanted: NDArray[np.bool_] | None = None) -> PredicateBits:
    """Predicates that ask the same of the same view have one slot. ``wanted``: of the model's, those to be answered."""
    n_views, n_operands = len(tables.view_rank), 1 + int(tables.operand.max(initial=0))
    asked = (tables.test * np.int64(n_views) + tables.view) * n_operands + tables.operand
    if wanted is None:
        wanted = np.ones(len(asked), np.bool_)
    kept, place = np.unique(asked[wanted], return_inverse=True)
    slot = np.full(len(asked), -1, np.int64)
    slot[wanted] = place.reshape(-1)
    operand, view = kept % n_operands, kept // n_operands % n_views
    test = (kept // n_operands // n_views).astype(np.uint8)
    in_set = test == Test.IN_SET
    source = np.repeat(np.arange(len(tables.source_limit)), np.diff(tables.view_offset))[view]
    length = tables.source_limit[source[in_set]] // 32 + 1
    old, first = operand[in_set], np.cumsum(length) - length
    owner = np.repeat(np.arange(len(old)), length)
    at = np.arange(len(owner)) - first[owner]
    own = np.diff(tables.set_offset)[old]
    padded = np.append(tables.set_words, np.uint32(0))
    words = padded[np.where(at < own[owner], tables.set_offset[old][owner] + at, -1)]
    operand[in_set] = first
    return PredicateBits(test, view, operand, slot, words.astype(np.uint32))


@dataclass(frozen=True, eq=False)
class SetBytes:
    """Sets of at most `SET_BYTES` bytes, by view: ``views`` i64[V], and the slots ``first`` to ``last`` i64[V] of their
    predicates. ``rows`` u8[sets, SET_BYTES]: the bits of each set, in the order of slots; those of a view are from ``row``
    i64[V] on."""

    views: I64
    first: I64
    last: I64
    row: I64
    rows: NDArray[np.uint8]


def set_bytes(test: NDArray[np.uint8], view: I64, operand: I64, set_words: NDArray[np.uint32]) -> SetBytes:
    """The sets of all views whose ranks are few enough, from the columns of `PredicateBits`."""
    slots = np.flatnonzero(test == Test.IN_SET)
    begin = operand[slots].astype(np.int64)
    length = np.diff(np.append(begin, len(set_words)))
    views, at, count = np.unique(view[slots], return_index=True, return_counts=True)
    few = 4 * length[at] <= SET_BYTES  # all sets of a view have one length
    views, at, count = views[few].astype(np.int64), at[few], count[few]
    row = np.cumsum(count) - count
    kept = np.repeat(at - row, count) + np.arange(int(count.sum()))
    words = np.repeat(np.cumsum(length[kept]) - length[kept], length[kept])
    owner = np.repeat(np.arange(len(kept)), length[kept])
    place = np.arange(len(owner)) - words
    rows = np.zeros((len(kept), SET_BYTES // 4), "<u4")
    rows[owner, place] = set_words[begin[kept][owner] + place]
    return SetBytes(views, slots[at], slots[at] + count, row, rows.view(np.uint8))


def in_order(operand: NDArray[Any], first: I64, last: I64) -> I64:
    """How many of the operands of each range, from its first on, are 0, 1, 2 and so on."""
    if len(first) == 0:
        return np.zeros(0, np.int64)
    at = np.arange(len(operand) + 1)
    owner = np.searchsorted(first, at, side="right") - 1
    differs = np.append(operand, -1) != at - first[np.maximum(owner, 0)]
    behind = np.flatnonzero(differs)
    return np.minimum(behind[np.searchsorted(behind, first)], last) - first
