"""Bitslice walks of forests whose inputs have many predicates: ranks by vector searches, answers by the bits of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.forests import Shape, build
from tests.property.test_pipeline import DTYPES, MACHINE_EXAMPLES, assert_same, expected, lowered
from treec.codegen.abi import DType, Task
from treec.codegen.cpu_levels import LEVELS
from treec.codegen.llvm.target import host_level
from treec.compiler import Compilation, generate, load_in_process
from treec.frontends.base import F32, F64, CategoryCast, Forest, Missing
from treec.frontends.base import Test as Asks
from treec.frontends.load import LoadedModel
from treec.runtime.execute import run_task
from treec.schedule.directives import CPU_LEVELS
from treec.schedule.schedule import Schedule
from treec.treeir.interp import loop as loop_level
from treec.verify.rows import Domain, random_rows

HAS = host_level()
LEVELS_HERE = [
    n for n, lv in LEVELS.items() if n in CPU_LEVELS and lv.machine == HAS.machine and set(lv.features) <= set(HAS.features)
]


@st.composite
def many(draw: st.DrawFn, most: int) -> Forest:
    kinds = draw(st.sampled_from(((Missing.NAN,), (Missing.NONE,), (Missing.NAN, Missing.ZERO_OR_NAN), tuple(Missing))))
    tests = draw(st.sampled_from(((Asks.LESS,), (Asks.LESS_EQUAL,), (Asks.LESS, Asks.EQUAL))))
    most = most // len(tests)  # an equality cuts twice, and ranks are to fit u8
    shape = Shape(
        n_trees=draw(st.integers(1, 4)),
        leaves=draw(st.sampled_from((20, 33, 200))),
        n_inputs=draw(st.integers(1, 3)),
        n_predicates=draw(st.integers(most // 4, most)),
        missing=kinds,
        tests=tests,
        input_dtype=draw(st.sampled_from((F32, F64))),
        missing_value=draw(st.sampled_from((float("nan"), 0.1, -999.0))),
        seed=draw(st.integers(0, 1000)),
    )
    return build(shape)


@st.composite
def sets(draw: st.DrawFn) -> Forest:
    """Forests that mostly ask for categories: few enough for a register of bytes (512), or more."""
    n_inputs = draw(st.integers(1, 3))
    shape = Shape(
        n_trees=draw(st.integers(1, 4)),
        leaves=draw(st.sampled_from((8, 20))),
        n_inputs=n_inputs,
        categorical=n_inputs,
        words=draw(st.sampled_from((1, 7, 15, 20))),
        n_predicates=draw(st.integers(1, 40)),
        missing=tuple(Missing),
        cast=draw(st.sampled_from(CategoryCast)),
        input_dtype=draw(st.sampled_from((F32, F64))),
        seed=draw(st.integers(0, 1000)),
    )
    return build(shape)


def schedule_of(draw: st.DataObject, level: str, block: int, ranks: tuple[str, ...] = ("u8", "u16")) -> Schedule:
    lookup, to = draw.draw(st.sampled_from(("permute", "bytes"))), draw.draw(st.sampled_from(ranks))
    return Schedule.from_text(
        f"target cpu level={level}\nsplit row into=(block, row) by={block}\nrank features at=block to={to}\n"
        f"predicates at=block\norder block, tree, row\nwalk with=bitslice lookup={lookup}"
    )


@settings(max_examples=max(5, MACHINE_EXAMPLES // 4))
@pytest.mark.parametrize("level", LEVELS_HERE)
@given(data=st.data())
def test_machine_code_of_many_predicates_answers_like_the_forest(level: str, data: st.DataObject) -> None:
    forest = data.draw(many(250))
    check(forest, schedule_of(data, level, data.draw(st.sampled_from((64, 512)))), data)


@settings(max_examples=max(5, MACHINE_EXAMPLES // 4))
@pytest.mark.parametrize("level", LEVELS_HERE)
@given(data=st.data())
def test_machine_code_of_sets_answers_like_the_forest(level: str, data: st.DataObject) -> None:
    check(data.draw(sets()), schedule_of(data, level, data.draw(st.sampled_from((64, 512))), ("u16", "u32")), data)


def check(forest: Forest, schedule: Schedule, data: st.DataObject) -> None:
    """Machine code against the reference interpreter."""
    compilation = Compilation(LoadedModel(forest, lambda: None), schedule, ())
    generate(compilation)
    library = load_in_process(compilation, verify=False).library
    for dtype in DType:
        for n in (3, 530):
            rows = random_rows(Domain(forest, DTYPES[dtype]), n, data.draw(st.integers(0, 1000)))
            for task, wanted in expected(forest, rows, (0, forest.trees.n_trees)).items():
                assert_same(run_task(library, task, rows, tree_begin=0, tree_end=forest.trees.n_trees, n_threads=1), wanted)


@settings(max_examples=4)
@given(data=st.data())
def test_loops_of_many_predicates_answer_like_the_forest(data: st.DataObject) -> None:
    forest = data.draw(st.one_of(many(90), sets()))
    loops = lowered(forest, schedule_of(data, "native", 64, ("u16",))).loops
    for dtype in DType:
        rows = random_rows(Domain(forest, DTYPES[dtype]), 5, data.draw(st.integers(0, 1000)))
        trees = (0, forest.trees.n_trees)
        wanted = expected(forest, rows, trees)[Task.RAW]
        assert_same(loop_level.run_kernel(loops, Task.RAW, dtype, rows, trees, wanted.shape[1]), wanted)
        assert not np.isnan(wanted).all()
