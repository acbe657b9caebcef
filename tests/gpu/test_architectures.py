"""One file for several architectures: machine code of each, limits that all have, and the nearest one for a device."""

# pyright: basic

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.gpu.test_kernels import lowered
from tests.property.forests import Shape, build
from tests.unit.tools.tooling import model_text
from treec import compiler
from treec.codegen.gpu_file import GpuFile, parse_gpu_file
from treec.errors import ArtifactError, ScheduleError, UsageError
from treec.schedule.gpus import GPUS, limits_of
from treec.schedule.schedule import Schedule

pytest.importorskip("tvm")

from treec.codegen.tir.nvcc import nvcc_path

PLAN = (
    "layout packed\nsplit row into=(block, thread) by={by}\nbind block grid.x\nbind thread block.x\n"
    "order block, thread, tree\n"
)


def plan(target: str, by: int = 64, more: str = "") -> Schedule:
    return Schedule.from_text(f"target gpu {target}\n{PLAN.format(by=by)}{more}walk with=scalar\n")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.txt").write_text(model_text(objective="regression"))
    return tmp_path / "model.txt"


def test_limits_are_the_least() -> None:
    both = limits_of(("sm_90", "sm_86"))
    assert (both.shared, both.threads_sm, both.sms) == (99 << 10, 1536, 84)
    assert all(getattr(limits_of(("sm_90",)), f.name) == getattr(GPUS["sm_90"], f.name) for f in fields(both))


def test_a_block_has_room_on_all_of_them() -> None:
    forest = build(Shape(n_trees=2, n_inputs=20))
    copied = "cache rows at=block in=shared\n"
    lowered(forest, plan("arch=sm_90 input=f32", 1024, copied))
    lowered(forest, plan("arch=sm_90 input=f32 also=(sm_80)", 1024, copied))
    with pytest.raises(ScheduleError, match="that a block has on sm_90 and sm_75"):
        lowered(forest, plan("arch=sm_90 input=f32 also=(sm_75)", 1024, copied))


@pytest.mark.parametrize(
    ("also", "reason"),
    [("sm_90", "already"), ("sm_80, sm_80", "twice"), ("sm_8", "must be some of sm_75"), ("80", "must be")],
)
def test_what_is_no_other_architecture_is_refused(also: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match=reason):
        plan(f"arch=sm_90 also=({also})")


def test_an_option_names_several(model: Path) -> None:
    for schedule in (None, plan("arch=sm_75")):
        gpu = compiler.start(model, schedule, arch="sm_90,sm_86").schedule.gpu
        assert gpu is not None
        assert gpu.archs == ("sm_90", "sm_86")
    assert "also" not in compiler.start(model, plan("also=(sm_80)"), arch="sm_89").schedule.to_text()
    for wrong, reason in (("sm_90,sm_9", "no known"), ("sm_90,sm_90", "twice"), ("sm_90,", "no known")):
        with pytest.raises(UsageError, match=reason):
            compiler.start(model, arch=wrong)


@pytest.mark.skipif(nvcc_path() is None, reason="nvcc is not installed")
def test_a_file_has_machine_code_of_each(model: Path, tmp_path: Path) -> None:
    compilation = compiler.start(model, plan("arch=sm_90 also=(sm_80)"))
    compiler.generate(compilation)
    data = compiler.write(compilation, tmp_path / "model.gpu", verify=False).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        codes = {name: archive.read(name) for name in archive.namelist() if name.endswith(".cubin")}
        assert json.loads(archive.read("card.json"))["gpu"]["forms"][2:] == ["cubin of sm_90", "cubin of sm_80"]
    assert set(codes) == {"model.sm_90.cubin", "model.sm_80.cubin"}
    assert all(code.startswith(b"\x7fELF") for code in codes.values())
    file = parse_gpu_file(data, "m.gpu")
    assert file.cubin_for("90") == codes["model.sm_90.cubin"]
    assert file.cubin_for("86") == codes["model.sm_80.cubin"]  # which it runs
    assert file.cubin_for("75") is None


@pytest.mark.parametrize(
    ("archs", "capability", "chosen"),
    [
        (("sm_80", "sm_86"), "89", "sm_86"),
        (("sm_86", "sm_80"), "80", "sm_80"),
        (("sm_86",), "80", None),
        (("sm_90",), "100", None),
        (("sm_100", "sm_120"), "103", "sm_100"),
        (("sm_100",), "120", None),
        ((), "90", None),
    ],
)
def test_a_device_gets_what_it_runs(archs: tuple[str, ...], capability: str, chosen: str | None) -> None:
    nothing: Any = None
    file = GpuFile(nothing, b"", {}, {}, {arch: arch.encode() for arch in archs})
    assert file.cubin_for(capability) == (None if chosen is None else chosen.encode())


def test_machine_code_of_no_architecture_is_refused(model: Path, tmp_path: Path) -> None:
    from tests.gpu.test_artifact import members_of, resealed

    compilation = compiler.start(model, plan("arch=sm_90"))
    compiler.generate(compilation)
    data = compiler.write(compilation, tmp_path / "model.gpu", verify=False).read_bytes()
    with pytest.raises(ArtifactError, match="which no file of treec has"):
        parse_gpu_file(resealed({**members_of(data), "model.gfx90a.cubin": b"x"}), "m.gpu")
