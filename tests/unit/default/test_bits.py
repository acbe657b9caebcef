"""How many rows a block of bits has by default: what the estimate answers to, and what it was measured to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from treec.default.bits import CLOSE, SIZES, BlockShape, best_block, row_cycles
from treec.default.machine import Machine

KIB = 1 << 10
HIGGS = BlockShape(
    work=54_500.0,
    other=84.0,
    trees=100,
    slots=4_792,
    reads=25_500,
    nodes=25_144,
    predicates=4_790,
    row_bytes=144,
    table_bytes=150_000,
)
"""XGBoost's model of 100 trees of 252 leaves and 28 features."""
MEASURED = {128: 1.85, 256: 1.35, 512: 1.0, 1024: 1.15, 2048: 1.32}
"""Its time with 512-bit registers, 32 KiB and 1 MiB of cache."""


def test_the_estimate_is_near_what_was_measured() -> None:
    base = row_cycles(HIGGS, 512, Machine())
    for rows, ratio in MEASURED.items():
        assert row_cycles(HIGGS, rows, Machine()) / base == pytest.approx(ratio, rel=0.06), rows
    assert best_block(HIGGS, Machine()) == 512


def test_a_block_fills_a_register() -> None:
    small = replace(HIGGS, slots=100, predicates=90, row_bytes=10)
    for bits in (128, 256, 512):
        wide = Machine(register_bits=bits)
        assert row_cycles(small, bits, wide) < row_cycles(small, bits // 2, wide) if bits > 128 else True
        assert best_block(small, wide) >= bits


def test_larger_blocks_cost_more_where_they_leave_the_caches() -> None:
    def larger(machine: Machine) -> float:
        return row_cycles(HIGGS, 1024, machine) / row_cycles(HIGGS, 512, machine)

    assert larger(Machine(l2_bytes=1024 * KIB)) > 1.1 > larger(Machine(l2_bytes=8192 * KIB))
    assert larger(Machine(l1_bytes=1024 * KIB, l2_bytes=8192 * KIB)) <= 1.0


def test_tables_that_no_cache_holds_are_shared_out_to_larger_blocks() -> None:
    huge = replace(HIGGS, table_bytes=64 << 20)
    assert best_block(huge, Machine()) > best_block(HIGGS, Machine())
    assert best_block(replace(huge, predicates=140_000), Machine()) == 512  # a larger block takes more than is cleared soon


def test_of_close_ones_the_smallest_is_taken() -> None:
    flat = replace(HIGGS, work=0.0, trees=0, reads=0, nodes=0, predicates=0)
    assert best_block(flat, Machine()) == SIZES[0]
    best = best_block(HIGGS, Machine())
    least = min(row_cycles(HIGGS, rows, Machine()) for rows in SIZES)
    assert row_cycles(HIGGS, best, Machine()) <= CLOSE * least
