"""Distinct predicates on ranks answer as the model's predicates do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.property.forests import build, shapes
from treec.frontends.base import Test
from treec.passes.algo.predicate_bits import SET_BYTES, in_order, predicate_bits, set_bytes
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


@given(shape=shapes(), words=st.integers(0, 24))
def test_sets_of_few_ranks_are_rows_of_bytes(shape: Any, words: int) -> None:
    bits = predicate_bits(rank_tables(build(replace(shape, words=words)).predicates))
    sets = set_bytes(bits.test, bits.view, bits.operand, bits.set_words)
    in_set = np.flatnonzero(bits.test == Test.IN_SET)
    end = np.append(bits.operand[in_set], len(bits.set_words))[1:]
    row_of = {
        slot: row + slot - first
        for first, last, row in zip(sets.first.tolist(), sets.last.tolist(), sets.row.tolist(), strict=True)
        for slot in range(first, last)
    }
    assert sorted(row_of.values()) == list(range(len(sets.rows)))
    for slot, last in zip(in_set.tolist(), end.tolist(), strict=True):
        own = bits.set_words[bits.operand[slot] : last].astype("<u4").view(np.uint8)
        assert (slot in row_of) == (len(own) <= SET_BYTES)
        if slot in row_of:
            assert bits.view[slot] in sets.views
            assert sets.rows[row_of[slot]].tobytes() == own.tobytes().ljust(SET_BYTES, b"\0")


@given(groups=st.lists(st.lists(st.integers(0, 5), unique=True, min_size=1)), gap=st.integers(0, 2))
def test_operands_in_order_are_counted_from_the_first_on(groups: list[list[int]], gap: int) -> None:
    operands = [np.sort(group) for group in groups]
    between = np.full(gap, 1)  # predicates of a view that no range has
    parts = [part for own in operands for part in (own, between)]
    sizes = np.array([len(own) for own in operands], np.int64)
    last = np.cumsum(sizes + gap) - gap
    first = last - sizes
    for number, found in enumerate(in_order(np.concatenate([between, *parts]), first + gap, last + gap)):
        own = operands[number]
        assert own[:found].tolist() == list(range(found))
        assert found == len(own) or own[found] != found
