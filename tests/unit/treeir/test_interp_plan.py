"""The plan interpreter: what it refuses, and that the nest's order is what it follows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.passes import PassPipeline

from tests.property.forests import Shape, build
from treec.errors import InputError, UsageError
from treec.frontends.base import Forest
from treec.passes.registry import get_all_passes
from treec.treeir.forest_convert import forest_module
from treec.treeir.interp import plan as interpreter
from treec.treeir.interp.forest import leaf_ids, raw
from treec.treeir.interp.plan import run_kernel
from treec.treeir.plan import kernels_of
from treec.verify.compare import same


@pytest.fixture
def forest() -> Forest:
    return build(Shape(n_trees=3, n_inputs=2))


def planned(forest: Forest, pipeline: str) -> ModuleOp:
    module = forest_module(forest)
    PassPipeline.parse_spec(get_all_passes(), pipeline).apply(Context(), module)
    return module


def test_rows_of_another_width_are_refused(forest: Forest) -> None:
    module = planned(forest, "plan-kernels,layout,walk")
    with pytest.raises(InputError, match=r"rows have shape \(3, 5\), the model takes \(n, 2\)"):
        run_kernel(module, "raw", np.zeros((3, 5)))


@pytest.mark.parametrize("pipeline", ["plan-kernels", "plan-kernels,layout"])
def test_a_plan_that_is_not_finished_is_refused(forest: Forest, pipeline: str) -> None:
    with pytest.raises(UsageError, match="kernel @main has no walk yet"):
        run_kernel(planned(forest, pipeline), "raw", np.zeros((3, 2)))


def test_the_kernel_for_the_number_of_rows_runs(forest: Forest) -> None:
    module = planned(forest, "plan-kernels,layout,walk")
    kernels_of(module)[0].properties["rows_max"] = IntegerAttr(4, i64)
    rows = np.zeros((4, 2))
    assert same(run_kernel(module, "raw", rows), raw(forest, rows)).all()
    with pytest.raises(UsageError, match="no kernel is planned for 5 rows"):
        run_kernel(module, "raw", np.zeros((5, 2)))


@pytest.mark.parametrize(
    ("order", "visits"),
    [
        ("block,row,tree", [(row, tree) for row in range(5) for tree in range(3)]),
        ("tree,block,row", [(row, tree) for tree in range(3) for row in range(5)]),
        ("block,tree,row", [(r, t) for block in ((0, 1), (2, 3), (4,)) for t in range(3) for r in block]),
    ],
)
def test_the_nest_is_followed(
    forest: Forest, order: str, visits: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    split = "split-loop{loop=row into=block,row by=2}"
    module = planned(forest, f"plan-kernels,layout,{split},order-loops{{loops={order}}},walk")
    seen: list[tuple[int, int]] = []
    walk = interpreter.PackedWalk.walk

    def watched(self: Any, row: Any, tree: int) -> Any:
        seen.append((int(row[0]), tree))
        return walk(self, row, tree)

    monkeypatch.setattr(interpreter.PackedWalk, "walk", watched)
    rows = np.repeat(np.arange(5.0)[:, None], 2, axis=1)
    found = run_kernel(module, "leaf", rows)
    assert seen == visits
    np.testing.assert_array_equal(found, leaf_ids(forest, rows))
