"""What kernels say that a row takes in a tree: enough for calls to know whether a second thread pays."""

from __future__ import annotations

import pytest

from tests.property.forests import Shape, build
from treec.frontends.base import Forest
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module
from treec.treeir.loop import KernelOp

BLOCKS = "split row into=(block, row) by=512\nrank features at=block to=u8\n"
WALK = "layout packed\nwalk with=scalar\n"
BITS = BLOCKS + "predicates at=block\norder block, tree, row\nwalk with=bitslice\n"


def costs(forest: Forest, text: str) -> set[int | None]:
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(text)))
    kernels = [op for op in module.ops if isinstance(op, KernelOp)]
    return {None if kernel.row_cost is None else kernel.row_cost.value.data for kernel in kernels}


def cost(forest: Forest, text: str) -> int:
    (found,) = costs(forest, text)
    assert found is not None
    return found


def test_a_walk_takes_a_row_many_times_what_a_bitslice_does() -> None:
    forest = build(Shape(n_trees=100, leaves=60, n_inputs=8, n_predicates=100))
    assert cost(forest, WALK) > 5 * cost(forest, BITS)


def test_deeper_trees_and_more_predicates_take_longer() -> None:
    small, deep = (build(Shape(n_trees=20, leaves=leaves)) for leaves in (4, 100))
    assert cost(deep, WALK) > cost(small, WALK)
    few, many = (build(Shape(n_trees=20, leaves=60, n_inputs=n, n_predicates=50 * n)) for n in (2, 50))
    assert cost(many, BITS) > cost(few, BITS)


@pytest.mark.parametrize("leaves", [1, 2])
def test_a_row_takes_some_time_in_any_tree(leaves: int) -> None:
    forest = build(Shape(n_trees=3, leaves=leaves))
    assert cost(forest, WALK) >= 1
    assert cost(forest, BITS) >= 1


def test_each_kernel_has_a_cost_of_its_own() -> None:
    forest = build(Shape(n_trees=100, leaves=60, n_inputs=8, n_predicates=100))
    assert len(costs(forest, "kernel when rows <= 8 {\n" + WALK + "}\n" + BITS)) == 2


def test_kernels_for_gpus_have_none() -> None:
    forest = build(Shape(n_trees=3, leaves=4))
    gpu = "target gpu arch=sm_90\nlayout packed\nsplit row into=(block, thread) by=64\norder block, thread, tree\n"
    assert costs(forest, gpu + "bind block grid.x\nbind thread block.x\nwalk with=scalar\n") == {None}
