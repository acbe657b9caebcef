"""Lists of places four to a word, and the memory that a block's threads share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from treec.passes.algo.shared_bits import SharedBits, quads

SHAPE = SharedBits(n_words=4, n_predicates=100, n_views=10, rank_bytes=1, nibbles=2, code_bytes=1, group=16)


def test_lists_begin_at_words_of_their_own() -> None:
    words, begin = quads(np.array([1, 2, 3, 4, 5, 65535]), np.array([0, 5, 5, 6]))
    assert begin.tolist() == [0, 2, 2, 3]
    assert words.view("<u2").tolist() == [1, 2, 3, 4, 5, 0, 0, 0, 65535, 0, 0, 0]


def test_places_of_slots_are_words_and_selects_come_behind_them() -> None:
    assert SHAPE.places(np.array([0, 1, 101, 102, 103])).tolist() == [0, 4, 404, 409, 410]


def test_memory_is_used_twice() -> None:
    """Ranks and marks first, then codes: what there is of the larger."""
    assert SHAPE.least(16) == 4 * (102 + max(80 + 64, 8 * 16))
    assert SHAPE.words(4 * 4 * 1000) == 4 * (102 + 80 + 8 * 64) + 8  # in parts of 16 words
    assert SHAPE.words(4 * SHAPE.least(16)) == 992


def test_what_does_not_fit_is_told_what_would() -> None:
    assert SHAPE.lack(48 << 10) is None
    assert SHAPE.lack(2 * SHAPE.least(16)) == "use blocks of at most 64 rows"
    many = replace(SHAPE, group=1000)
    assert many.lack(SHAPE.least(1)) == "use blocks of at most 32 rows and groups of fewer trees"
    assert "with=scalar" in (replace(SHAPE, n_predicates=20000).lack(48 << 10) or "")
