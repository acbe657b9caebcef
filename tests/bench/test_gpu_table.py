"""What is read from machine code of kernels."""

# pyright: basic

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.gpu_table import Line, mean_steps, steps_taken, table
from bench.sass import Cost, Loop, innermost_loops, shared_step, walk_cost, walk_loops
from tests.property.forests import Shape, build
from treec.codegen.tir.nvcc import KernelUse
from treec.errors import UsageError
from treec.frontends.base import Trees
from treec.passes.algo.depths import leaf_depths
from treec.schedule.directives import Walk

SASS = """
treec_main_raw_f32:
        /*0000*/                   S2R R0, SR_TID.X ;
.L_x_1:
        /*0010*/                   IMAD R1, R2, 0x8, R3 ;
.L_x_2:
        /*0020*/                   LDG.E.64.CONSTANT R4, desc[UR4][R2.64] ;
        /*0030*/                   LDG.E.64.CONSTANT R6, desc[UR4][R8.64] ;
        /*0040*/              @!P0 LDS R9, [R1] ;
        /*0050*/               @P0 BRA `(.L_x_3) ;
        /*0060*/               @P1 BRA `(.L_x_2) ;
.L_x_3:
        /*0070*/               @P2 BRA `(.L_x_1) ;
.L_x_4:
        /*0080*/                   LDG.E.CONSTANT R4, desc[UR4][R2.64] ;
        /*0090*/               @P2 BRA `(.L_x_4) ;
        /*00a0*/                   EXIT ;
.L_x_5:
        /*00b0*/                   BRA `(.L_x_5);
"""


def test_innermost_loops_are_those_without_a_loop_inside() -> None:
    assert innermost_loops(SASS) == [Loop(5, 2, around=2), Loop(2, 0), Loop(1, 0)]
    assert walk_loops(SASS) == [Loop(5, 2, around=2)]
    with pytest.raises(UsageError, match="no loop of the kernel"):
        walk_loops(SASS.replace("LDG.E.64", "LDG.E"))


@pytest.mark.parametrize(
    ("walk", "cost"),
    [
        (Walk("scalar"), Cost(5 / 2, 2)),
        (Walk("scalar", interleave="tree:2"), Cost(5 / 2, 1)),
        (Walk("scalar", unroll="full"), Cost(5 / 4, 0)),
        (Walk("scalar", unroll="full", interleave="tree:2"), Cost(5 / 8, 0)),
        (Walk("gemm"), Cost(5 / 2, 2)),
        (Walk("gemm", interleave="row:4"), Cost(5 / 8, 1 / 2)),
    ],
)
def test_a_step_costs_by_how_trees_are_walked(walk: Walk, cost: Cost) -> None:
    assert walk_cost(SASS, walk, 4) == cost


def test_straight_code_takes_all_steps_and_a_gemm_all_nodes() -> None:
    forest = build(Shape(n_trees=7, leaves=9, seed=1))
    assert isinstance(forest.trees, Trees)
    deepest = int(leaf_depths(forest.trees)[1].max())
    assert steps_taken(forest, Walk("scalar"), 11.5) == 11.5
    assert steps_taken(forest, Walk("scalar", unroll="full"), 11.5) == 7 * deepest
    assert steps_taken(forest, Walk("scalar"), 11.5, counted=True) == leaf_depths(forest.trees)[1].sum()
    assert steps_taken(forest, Walk("scalar", peel=1), 11.5) == 4.5
    assert steps_taken(forest, Walk("scalar", peel=deepest), 99.0, counted=True) == 0
    assert steps_taken(forest, Walk("gemm"), 11.5) == forest.trees.n_nodes


def test_a_step_through_shared_nodes_loads_one_value() -> None:
    assert shared_step(SASS.replace("LDG.E.64.CONSTANT R6", "LDS.U16 R6").replace("LDG.E.64", "LDG.E")) == 5
    with pytest.raises(UsageError, match="nodes in shared memory"):
        shared_step(SASS)


def test_steps_are_those_of_the_walks() -> None:
    """Trees of two leaves take one step, whatever the row."""
    forest = build(Shape(n_trees=7, leaves=2, n_inputs=3))
    assert isinstance(forest.trees, Trees)
    assert mean_steps(forest, np.zeros((5, forest.inputs.n_features), np.float32)) == forest.trees.n_nodes
    assert mean_steps(build(Shape(n_trees=3, leaves=1)), np.zeros((2, 4), np.float32)[:, : Shape().n_inputs]) == 0.0


def test_the_bound_is_the_smaller_one() -> None:
    line = Line("gpu-direct", KernelUse("k", 32, 0, 0, 1024), 1024, 128, 2048, Cost(20.0, 40.0), 2000.0, 100)
    by_code, by_bytes = line.bounds()
    assert by_code == pytest.approx(132 * 4 * 32 * 1.98e9 / 2000)
    assert by_bytes == pytest.approx(4.3e10)
    text = table([line], {"gpu-fil": "too many threads"})
    assert "16.7 billion (instructions)" in text
    assert "not counted" in table([replace(line, cost=None, per_row=None)], {})
    assert "`gpu-fil` is refused: too many threads" in text
