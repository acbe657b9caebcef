"""How many rows a block of walks has by default, and the cache that this depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.property.forests import Shape, build
from treec.default.blocks import FAR, LEAST_ROWS, MOST_ROWS, SHARE, block_rows
from treec.default.machine import L1_BYTES, L2_BYTES, Machine, host_cache_bytes, machine_of
from treec.default.schedule import default_schedule
from treec.frontends.base import Forest

KIB = 1 << 10
DEEP = Shape(n_trees=24, leaves=3000, n_inputs=8, n_predicates=40_000)


@pytest.fixture(autouse=True)
def walks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No upper levels are sliced; see `tests.unit.test_default_slice`."""

    def no_slice(forest: Forest, machine: Machine, to: str, rows: int) -> None:
        return None

    monkeypatch.setattr("treec.default.schedule.slice_pays", no_slice)


def blocks_of(forest: Forest, l2_bytes: int = L2_BYTES) -> int:
    lines = default_schedule(forest, Machine(l2_bytes=l2_bytes)).schedule.to_text().splitlines()
    return next(int(line.rpartition("=")[2]) for line in lines if line.startswith("split row"))


def test_small_trees_go_in_small_blocks() -> None:
    assert block_rows(300, 10, steps=5, step_cycles=6.0, row_bytes=50, l2_bytes=L2_BYTES) == LEAST_ROWS


def test_blocks_grow_until_bringing_a_tree_is_a_small_part_of_its_walks() -> None:
    for tree_bytes in (4 * KIB, 8 * KIB, 16 * KIB):
        rows = block_rows(tree_bytes, 200, steps=15, step_cycles=6.0, row_bytes=10, l2_bytes=L2_BYTES)
        bring = {n: FAR * tree_bytes / 64 / n for n in (rows, rows // 2)}
        assert bring[rows] <= SHARE * 15 * 6.0 < bring[rows // 2]


def test_no_block_is_larger_than_the_limit() -> None:
    assert block_rows(1 << 30, 200, steps=15, step_cycles=2.5, row_bytes=1, l2_bytes=L2_BYTES) == MOST_ROWS


def test_the_rows_of_a_block_stay_in_half_of_the_cache() -> None:
    assert block_rows(1 << 30, 200, steps=15, step_cycles=2.5, row_bytes=512, l2_bytes=512 * KIB) == 512
    assert block_rows(1 << 30, 200, steps=15, step_cycles=2.5, row_bytes=1 << 20, l2_bytes=512 * KIB) == LEAST_ROWS


def test_a_forest_that_stays_in_the_cache_as_a_whole_has_smaller_blocks() -> None:
    def rows(n_trees: int) -> int:
        return block_rows(16 * KIB, n_trees, steps=15, step_cycles=6.0, row_bytes=50, l2_bytes=L2_BYTES)

    assert rows(33) > rows(32) > LEAST_ROWS


def cache(folder: Path, index: int, level: str, size: str, kind: str | None = None) -> None:
    (folder / f"index{index}").mkdir(parents=True)
    (folder / f"index{index}" / "level").write_text(f"{level}\n")
    (folder / f"index{index}" / "size").write_text(f"{size}\n")
    if kind is not None:
        (folder / f"index{index}" / "type").write_text(f"{kind}\n")


def test_the_caches_of_the_host_are_read(tmp_path: Path) -> None:
    found = (("1", "64K", "Instruction"), ("1", "48K", "Data"), ("2", "512K", "Unified"), ("3", "32M", None))
    for index, (level, size, kind) in enumerate(found):
        cache(tmp_path, index, level, size, kind)
    host = machine_of("native", tmp_path)
    assert (host.l1_bytes, host.l2_bytes) == (48 * KIB, 512 * KIB)
    assert machine_of(None, tmp_path) == host


def test_registers_are_those_of_the_level_and_caches_of_other_machines_are_not_known(tmp_path: Path) -> None:
    cache(tmp_path, 0, "2", "512K")
    found = {level: machine_of(level, tmp_path) for level in ("x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64")}
    assert [machine.register_bits for machine in found.values()] == [128, 256, 512, 128]
    assert {machine.l2_bytes for machine in found.values()} == {L2_BYTES}
    assert (found["x86-64-v3"].lookup, found["x86-64-v4"].lookup) == ("gather", "permute")


@pytest.mark.parametrize("size", ["", "K", "many", "0K", "-4K", "12", "2T"])
def test_a_size_that_is_none_counts_as_not_known(tmp_path: Path, size: str) -> None:
    cache(tmp_path, 0, "2", size)
    assert host_cache_bytes(2, L2_BYTES, tmp_path) == L2_BYTES


def test_a_system_that_does_not_say_has_the_usual_cache(tmp_path: Path) -> None:
    assert host_cache_bytes(1, L1_BYTES, tmp_path / "nothing") == L1_BYTES
    (tmp_path / "index0").mkdir()
    assert host_cache_bytes(1, L1_BYTES, tmp_path) == L1_BYTES


def test_large_trees_are_laid_out_in_pairs_and_go_in_large_blocks() -> None:
    forest = build(DEEP)
    choice = default_schedule(forest)
    assert "layout pairs" in choice.schedule.to_text()
    assert blocks_of(forest) > 8 * LEAST_ROWS
    said = next(reason for reason in choice.reasons if reason.startswith("blocks of"))
    assert f"blocks of {blocks_of(forest)} rows" in said
    assert "of cache" in said


def test_a_core_with_less_cache_gets_smaller_blocks() -> None:
    forest = build(DEEP)
    assert blocks_of(forest, 64 * KIB) < blocks_of(forest)


def test_trees_of_one_leaf_need_no_large_blocks() -> None:
    assert blocks_of(build(replace(DEEP, leaves=1))) == LEAST_ROWS


def test_few_rows_walk_down_several_trees_together() -> None:
    choice = default_schedule(build(DEEP))
    text = choice.schedule.to_text()
    assert text.index("interleave=tree:8") < text.index("interleave=row:8")
    assert "kernel when rows <= 7 {" in text
    assert "calls of fewer than 8 rows: 8 trees are walked together" in choice.reasons


def test_few_trees_are_walked_one_by_one() -> None:
    assert "kernel" not in default_schedule(build(replace(DEEP, n_trees=15))).schedule.to_text()
