"""The schedule that is picked for a GPU when none is given: it applies to every model, and follows its shape."""

# pyright: basic

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.property.forests import Shape, build, forests
from tests.unit.tools.tooling import Run
from treec import compiler
from treec.default.gpu import default_gpu_schedule
from treec.errors import UsageError
from treec.frontends.base import Forest
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.gpus import GPUS
from treec.schedule.schedule import Schedule
from treec.treeir.forest_convert import forest_module

PLAIN = Shape(n_trees=40, leaves=60, n_inputs=8, n_predicates=50)


@settings(max_examples=max(1, settings().max_examples // 3))
@given(forest=forests())
def test_it_applies_to_every_forest(forest: Forest) -> None:
    choice = default_gpu_schedule(forest, "sm_90")
    assert Schedule.from_text(choice.schedule.to_text()) == choice.schedule
    assert choice.reasons
    run_pipeline(forest_module(forest), pipeline_of(choice.schedule))


@pytest.mark.parametrize("arch", GPUS)
def test_rows_are_copied_where_enough_threads_have_room(arch: str) -> None:
    few, many = build(PLAIN), build(replace(PLAIN, n_inputs=4000))
    assert "cache rows at=block" in default_gpu_schedule(few, arch).schedule.to_text()
    wide = default_gpu_schedule(many, arch)
    assert "cache rows" not in wide.schedule.to_text()
    assert any("shared memory" in reason or "cycles" in reason for reason in wide.reasons)


def test_rows_that_meet_few_nodes_are_not_copied() -> None:
    choice = default_gpu_schedule(build(replace(PLAIN, n_trees=1, leaves=2, n_inputs=60)), "sm_90")
    assert "cache rows" not in choice.schedule.to_text()
    assert any("without" in reason for reason in choice.reasons)


def test_blocks_shrink_with_the_rows() -> None:
    """As many threads as fit: 128 rows of 90 values are 46,592 bytes; 200 values leave room for smaller blocks alone."""
    sizes = [
        next(
            line
            for line in default_gpu_schedule(build(replace(PLAIN, n_inputs=n)), "sm_90").schedule
            if line.keyword == "split"
        )
        for n in (8, 90, 200)
    ]
    threads = [int(line.values()["by"]) for line in sizes]  # type: ignore[arg-type]
    assert threads == sorted(threads, reverse=True)
    assert threads[0] == 128


def test_threads_share_the_trees_of_few_rows() -> None:
    choice = default_gpu_schedule(build(PLAIN), "sm_90")
    assert f"kernel when rows <= {132 * 128}" in choice.schedule.to_text()
    assert any("share the trees of a row" in reason for reason in choice.reasons)
    assert "kernel" not in default_gpu_schedule(build(replace(PLAIN, n_trees=10)), "sm_90").schedule.to_text()
    wide = build(replace(PLAIN, n_columns=600, width=600, leaves=3))
    assert "kernel" not in default_gpu_schedule(wide, "sm_90").schedule.to_text()


def test_large_models_get_smaller_records() -> None:
    forest = build(replace(PLAIN, n_trees=300, leaves=2000))
    assert "align=8" in default_gpu_schedule(forest, "sm_90").schedule.to_text()
    assert "align=8" not in default_gpu_schedule(forest, "sm_75").schedule.to_text()


def test_targets_are_those_of_the_schedule(model: Path) -> None:
    gpu = "target gpu\nsplit row into=(b, t) by=32\nbind b grid.x\nbind t block.x\nlayout packed\nwalk with=scalar\n"
    cpu = "target cpu\nlayout packed\nwalk with=scalar\n"
    assert compiler.start(model, gpu, arch="sm_80", rows="f32").schedule.gpu.arch == "sm_80"  # type: ignore[union-attr]
    assert compiler.start(model, arch="sm_75").schedule.gpu.arch == "sm_75"  # type: ignore[union-attr]
    cases: tuple[tuple[str | None, dict[str, Any], str], ...] = (
        (cpu, {"target": "gpu"}, "not for a GPU"),
        (gpu, {"target": "cpu"}, "not for a CPU"),
        (cpu, {"arch": "sm_90"}, "has no architecture"),
        (gpu, {"level": "native"}, "no CPU level"),
        (None, {"arch": "sm_1"}, "no known architecture"),
        (None, {"target": "tpu"}, "no target"),
        (None, {"target": "cpu", "arch": "sm_90"}, "has no architecture"),
    )
    for schedule, options, reason in cases:
        with pytest.raises(UsageError, match=reason) as caught:
            compiler.start(model, schedule, **options)
        assert caught.value.fix


def test_the_command_picks_prints_and_explains(folder: Path, model: Path, treec: Run) -> None:
    pytest.importorskip("tvm")
    made = treec(model, "-o", "model.gpu", "--arch", "sm_80")
    assert made.code == 0, made.stderr
    assert "target gpu arch=sm_80" in made.stdout
    assert "because" in made.stdout
    facts = json.loads(treec(model, "-o", "again.bin", "--target", "gpu", "--json").stdout)
    assert facts["schedule"]["origin"] == "default"
    assert facts["output"]["gpu"]["arch"] == "sm_90"
