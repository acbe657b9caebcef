"""The distinct predicates of all trees, on ranks, in the order of their bits. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Test
from treec.passes.algo.ranks import RankTables

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PredicateBits:
    """P distinct predicates, by test, view and operand: ``test`` u8[P], ``view`` i64[P], ``operand`` i64[P], a rank, or of
    a set its first word in ``set_words`` u32: it has a bit for every rank that its view can have. ``slot`` i64: the place
    of each predicate of the model among them."""

    test: NDArray[np.uint8]
    view: I64
    operand: I64
    slot: I64
    set_words: NDArray[np.uint32]


def predicate_bits(tables: RankTables) -> PredicateBits:
    """Predicates that ask the same of the same view have one slot."""
    asked = np.stack([tables.test.astype(np.int64), tables.view.astype(np.int64), tables.operand], axis=1)
    kept, slot = np.unique(asked, axis=0, return_inverse=True)
    test, view, operand = kept[:, 0].astype(np.uint8), kept[:, 1].copy(), kept[:, 2].copy()
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
    return PredicateBits(test, view, operand, slot.reshape(-1), words.astype(np.uint32))
