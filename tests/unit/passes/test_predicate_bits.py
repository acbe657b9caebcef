"""Distinct predicates on ranks answer as the model's predicates do."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given

from tests.property.forests import build, shapes
from treec.frontends.base import Test
from treec.passes.algo.predicate_bits import predicate_bits
from treec.passes.algo.ranks import rank_tables
from treec.treeir.interp.ranks import ranked_goes_left


@given(shape=shapes())
def test_every_predicate_has_a_slot_that_answers_for_all_its_ranks(shape: Any) -> None:
    tables = rank_tables(build(shape).predicates)
    bits = predicate_bits(tables)
    highest = tables.highest()
    source = np.repeat(np.arange(len(highest)), np.diff(tables.view_offset))
    for number, slot in enumerate(bits.slot):
        assert bits.view[slot] == tables.view[number]
        assert bits.test[slot] == tables.test[number]
        for rank in range(int(highest[source[tables.view[number]]]) + 1):
            wanted = ranked_goes_left(
                tables.test[number], rank, int(tables.operand[number]), tables.set_offset, tables.set_words
            )
            operand = int(bits.operand[slot])
            if bits.test[slot] == Test.IN_SET:
                assert (int(bits.set_words[operand + rank // 32]) >> (rank % 32) & 1) == wanted
            else:
                assert operand == tables.operand[number]


@given(shape=shapes())
def test_slots_are_distinct_and_stand_by_test(shape: Any) -> None:
    bits = predicate_bits(rank_tables(build(shape).predicates))
    asked = {(int(t), int(v), int(o)) for t, v, o in zip(bits.test, bits.view, bits.operand, strict=True)}
    assert len(asked) == len(bits.test)
    assert np.all(np.diff(bits.test.astype(int)) >= 0)
