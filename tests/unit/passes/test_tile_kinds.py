"""Tiles ask every kind of question: each test with each way of missing values, alone and together, by machine code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.property.forests import Shape, build
from treec.codegen.abi import Task
from treec.compiler import Compilation, generate, load_in_process
from treec.frontends.base import F32, F64, CategoryCast, Forest, Missing, Test
from treec.frontends.load import LoadedModel
from treec.runtime.execute import run_task
from treec.schedule.schedule import Schedule
from treec.treeir.interp import forest as forest_level
from treec.verify.compare import same

MISSING = tuple(Missing)
TESTS = (Test.LESS, Test.LESS_EQUAL, Test.EQUAL)
ODD = (np.nan, 0.0, -0.0, 1e-35, -1e-35, 1.1e-35, 0.5, 1.0, 3.0, 31.0, 32.0, -1.0, -0.5, 63.7, 1e10, np.inf, -np.inf)


def rows_for(forest: Forest) -> NDArray[Any]:
    """Rows of thresholds, and of values that are missing, no category, or one at the edge of a set."""
    rng = np.random.default_rng(3)
    known = forest.predicates.threshold[np.isfinite(forest.predicates.threshold)]
    values = np.concatenate([known, np.array(ODD)]).astype(forest.inputs.dtype)
    return rng.choice(values, (400, forest.inputs.n_features))


def check(forest: Forest, lines: str) -> None:
    compilation = Compilation(LoadedModel(forest, lambda: None), Schedule.from_text(lines), ())
    generate(compilation)
    library = load_in_process(compilation, verify=False).library
    rows = rows_for(forest)
    assert same(run_task(library, Task.RAW, rows), forest_level.raw(forest, rows)).all()
    np.testing.assert_array_equal(run_task(library, Task.LEAF, rows), forest_level.leaf_ids(forest, rows))


def shape(**kind: Any) -> Shape:
    return Shape(n_trees=6, leaves=24, n_inputs=4, n_predicates=40, seed=11, **kind)


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("test", TESTS)
def test_one_kind_of_compare_in_tiles(test: Test, missing: Missing) -> None:
    forest = build(shape(tests=(test,), missing=(missing,)))
    p = forest.predicates
    assert set(zip(p.test.tolist(), p.missing.tolist(), strict=True)) == {(int(test), int(missing))}
    assert missing is Missing.NONE or len(set(p.missing_left.tolist())) == 2
    check(forest, "tile nodes size=4\nlayout sparse\norder row, tree\nwalk with=tile")


@pytest.mark.parametrize("cast", CategoryCast)
@pytest.mark.parametrize("missing", MISSING)
def test_sets_of_categories_in_tiles(missing: Missing, cast: CategoryCast) -> None:
    forest = build(shape(categorical=4, words=2, cast=cast, missing=(missing,), input_dtype=F64))
    p = forest.predicates
    assert set(p.test.tolist()) == {int(Test.IN_SET)}
    assert len(set(p.invalid_left.tolist())) == 2
    check(forest, "tile nodes size=4\nlayout array\norder row, tree\nwalk with=tile")


@pytest.mark.parametrize("layout", ["sparse", "array"])
@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_all_kinds_in_one_tile(size: int, dtype: np.dtype[Any], layout: str) -> None:
    kind = {"categorical": 2, "words": 2, "missing": MISSING, "tests": TESTS, "input_dtype": dtype}
    forest = build(shape(**kind))
    p = forest.predicates
    kinds = {(int(t), int(m)) for t, m in zip(p.test, p.missing, strict=True)}
    assert len(kinds) >= 10
    assert {t for t, _ in kinds} == set(map(int, Test))
    width = f" threshold={'f64' if dtype == F32 else 'auto'}"
    check(
        replace(forest),
        f"tile nodes size={size}\nlayout {layout}{width}\norder row, tree\nwalk with=tile interleave=tree:2",
    )
