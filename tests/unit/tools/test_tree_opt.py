"""``tree-opt``: passes by hand, errors with exit codes, arrays beside the text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.property.forests import Shape, build
from tests.unit.tools.tooling import Run, names
from treec.errors import CodegenError
from treec.tools.blobs import save_blobs
from treec.treeir.blob import STORE
from treec.treeir.forest_convert import forest_module

PIPELINE = "plan-kernels,layout{kind=packed align=4},order-loops{loops=row,tree},walk{strategy=scalar},lower-kernels"


@pytest.fixture
def text(folder: Path) -> Path:
    """A module with large arrays, all of them in ``in/blobs`` only."""
    place = folder / "in"
    place.mkdir()
    module = forest_module(build(Shape(n_trees=4, leaves=30, n_predicates=60)))
    save_blobs(module, place / "blobs")
    (place / "model.mlir").write_text(str(module) + "\n")
    STORE.alive.clear()
    return place / "model.mlir"


@pytest.fixture(autouse=True)
def no_known_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STORE, "folders", [])


def test_text_goes_through_unchanged(tree_opt: Run, text: Path) -> None:
    ran = tree_opt(text)
    assert ran.code == 0, ran.stderr
    assert ran.stdout.strip() == text.read_text().strip()


def test_arrays_are_found_beside_the_input_and_written_beside_the_output(tree_opt: Run, text: Path, folder: Path) -> None:
    (folder / "out").mkdir()
    assert tree_opt(text, "-p", "plan-kernels,layout{kind=packed}", "-o", "out/planned.mlir").code == 0
    text.parent.rename(folder / "gone")
    STORE.alive.clear()
    STORE.folders.clear()
    ran = tree_opt("out/planned.mlir", "-p", "order-loops{loops=row,tree},walk{strategy=scalar},lower-kernels")
    assert ran.code == 0, ran.stderr
    assert "loop.func" in ran.stdout


def test_a_chain_of_steps_is_the_whole_pipeline(tree_opt: Run, text: Path) -> None:
    assert tree_opt(text, "-p", PIPELINE, "-o", text.parent / "whole.mlir").code == 0
    last = text
    for number, step in enumerate(PIPELINE.replace("row,tree", "row;tree").split(",")):
        after = text.parent / f"{number}.mlir"
        ran = tree_opt(last, "-p", step.replace(";", ","), "-o", after)
        assert ran.code == 0, ran.stderr
        last = after
    assert last.read_text() == (text.parent / "whole.mlir").read_text()


def test_a_missing_array_is_named(tree_opt: Run, text: Path, folder: Path) -> None:
    alone = folder / "alone.mlir"
    alone.write_text(text.read_text())
    ran = tree_opt(alone)
    assert ran.code == 3
    assert "is not loaded" in ran.stderr


def test_a_damaged_array_is_refused(tree_opt: Run, text: Path) -> None:
    blob = next((text.parent / "blobs").iterdir())
    array = np.load(blob)
    np.save(blob, array[::-1].copy())
    assert tree_opt(text).code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nosuch.mlir"], 2, "nosuch.mlir"),
        (["bad.mlir"], 3, "bad.mlir"),
        (["small.mlir", "-p", "nosuch"], 2, "nosuch"),
        (["small.mlir", "-p", "layout{align"], 2, "-p"),
        (["small.mlir", "-p", "layout{align=4"], 2, "-p"),
        (["small.mlir", "-p", "layout{colour=4}"], 2, "colour"),
        (["small.mlir", "-t", "nosuch"], 2, "nosuch"),
        (["small.mlir", "-p", "layout{kind=packed}"], 2, ""),
        (["invalid.mlir"], 3, "at least 1"),
        (["small.mlir", "-o", "nosuch/out.mlir"], 2, "nosuch"),
    ],
)
def test_errors(tree_opt: Run, folder: Path, words: list[str], code: int, said: str) -> None:
    (folder / "bad.mlir").write_text("builtin.module { nonsense }")
    (folder / "small.mlir").write_text(str(forest_module(build(Shape(n_trees=1, leaves=2)))) + "\n")
    (folder / "invalid.mlir").write_text('plan.for serial "row" row step 0 {\n  plan.walk\n}\n')
    before = names(folder)
    ran = tree_opt(*words, *([] if "-o" in words else ["-o", "out.mlir"]))
    assert ran.code == code, ran.stderr
    assert said in ran.stderr
    assert "error" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert names(folder) - {"blobs"} == before


def test_a_failed_run_leaves_the_earlier_output_alone(tree_opt: Run, text: Path) -> None:
    out = text.parent / "out.mlir"
    out.write_text("earlier")
    assert tree_opt(text, "-p", "order-loops{loops=row,tree}", "-o", out).code != 0
    assert out.read_text() == "earlier"


def test_a_pass_that_leaves_invalid_ir_is_a_defect(tree_opt: Run, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from treec.passes.plan.plan_kernels import PlanKernelsPass

    def spoil(self: object, ctx: object, op: object) -> None:
        from xdsl.dialects.builtin import ModuleOp

        assert isinstance(op, ModuleOp)
        model = op.body.block.first_op
        assert model is not None
        link = list(model.regions[0].block.ops)[-2]
        link.detach()

    monkeypatch.setattr(PlanKernelsPass, "apply", spoil)
    ran = tree_opt(text, "-p", "plan-kernels")
    assert ran.code == CodegenError.exit_code
    assert "plan-kernels" in ran.stderr


def test_passes_and_dialects_come_from_the_plug_in(process: Run, text: Path) -> None:
    ran = process("tree-opt", text, "-p", "plan-kernels")
    assert ran.code == 0, ran.stderr
    assert "plan.kernel @main" in ran.stdout


def test_help_lists_passes_and_exit_codes(tree_opt: Run) -> None:
    ran = tree_opt("--help")
    assert ran.code == 0
    assert "plan-kernels" in ran.stdout.replace("\n", "").replace(" ", "")
    assert ran.stdout.startswith("usage: tree-opt ")
    assert "exit codes" in ran.stdout
