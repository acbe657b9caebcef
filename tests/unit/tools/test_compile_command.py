"""``treec MODEL -o OUT``: what it writes and what it says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import treec as package
from tests.unit.tools.tooling import Run, model_text, names


def test_the_compiled_file_answers_like_the_model(treec: Run, model: Path, plain: Path, rows: NDArray[np.float64]) -> None:
    from treec.frontends.load import load_model
    from treec.treeir.interp import forest as interpreter

    assert treec(model, "-o", "out.so", "--schedule", plain).code == 0
    raw = package.load("out.so").predict(rows, raw=True)
    assert np.array_equal(raw, interpreter.raw(load_model(model).forest, rows)[:, 0])


def test_the_transcript_tells_each_phase(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    ran = treec(model, "-o", "out.so", "--schedule", plain)
    labels = [line.split(" ")[0] for line in ran.stdout.splitlines() if not line.startswith(" ")]
    assert labels == ["model", "schedule", "compile", "verify", "wrote", "total"]
    assert "LightGBM text v4 · regression · 3 trees · depth ≤ 3 · 24 leaves · 4 features (1 categorical)" in ran.stdout
    assert "plain.sched: 4 directives" in ran.stdout
    assert "bit-identical, max |Δ| = 0" in ran.stdout
    digest = hashlib.sha256((folder / "out.so").read_bytes()).hexdigest()
    assert f"sha256 {digest[:12]}" in ran.stdout
    assert "data bytes per inner node" in ran.stdout


def test_nothing_is_left_but_the_output(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    treec(model, "-o", "out.so", "--schedule", plain)
    assert names(folder) == {"model.txt", "out.so"}


def test_piped_output_has_no_control_characters(treec: Run, model: Path, plain: Path) -> None:
    ran = treec(model, "-o", "out.so", "--schedule", plain)
    assert all(c.isprintable() or c == "\n" for c in ran.stdout + ran.stderr)


def test_control_characters_in_a_model_reach_no_terminal(treec: Run, model: Path) -> None:
    model.write_text(model.read_text().replace("age_0", "a\x1b[31mge_0"))
    ran = treec("inspect", model)
    assert "\x1b" not in ran.stdout + ran.stderr


def test_json_is_one_object_with_everything(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    ran = treec(model, "-o", "out.so", "--json", "--schedule", plain)
    said = json.loads(ran.stdout)
    assert said["ok"] is True
    assert said["exit_code"] == 0
    assert said["model"]["trees"] == 3
    assert said["schedule"]["origin"] == "file"
    assert {"parse", "passes", "machine code", "link", "verify"} <= set(said["seconds"])
    assert said["verification"]["nodes"] == 21
    assert said["output"]["bytes"] == (folder / "out.so").stat().st_size
    assert said["output"]["sha256"] == hashlib.sha256((folder / "out.so").read_bytes()).hexdigest()
    assert ran.stdout.count("\n") == 1


def test_quiet_says_nothing(treec: Run, model: Path, plain: Path) -> None:
    ran = treec(model, "-o", "out.so", "--quiet", "--schedule", plain)
    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "")


def test_options_may_stand_before_the_model(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    assert treec("--quiet", "--schedule", plain, "-o", "out.so", model).code == 0
    assert "out.so" in names(folder)


def test_a_model_named_like_a_command_is_reached_by_its_path(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    model.rename(folder / "inspect")
    assert treec("./inspect", "-o", "out.so", "--quiet", "--schedule", plain).code == 0


def test_the_chosen_schedule_is_printed_with_reasons_and_can_be_replayed(treec: Run, model: Path) -> None:
    model.write_text(model_text(trees=1, depth=1))  # what is chosen for more takes LLVM longer
    ran = treec(model, "-o", "out.so", "--no-verify")
    assert "schedule    chosen by treec:" in ran.stdout
    assert "because " in ran.stdout
    lines = ran.stdout.splitlines()
    printed = [line.strip() for line in lines if line.startswith(" " * 14)]
    Path("chosen.sched").write_text("\n".join(printed))
    from treec.schedule.schedule import Schedule

    assert Schedule.from_file("chosen.sched").to_text() == package.load("out.so").schedule


def test_options_override_the_target_line(treec: Run, model: Path) -> None:
    said = json.loads(
        treec(
            model, "-o", "out.so", "--json", "--schedule", "one-row-at-a-time", "--level", "x86-64-v2", "--rows", "f32"
        ).stdout
    )
    assert said["schedule"]["origin"] == "preset"
    assert said["schedule"]["text"].splitlines()[0] == "target cpu level=x86-64-v2 input=f32"
    assert said["output"]["cpu_level"] == "x86-64-v2"
    assert said["verification"]["row_dtypes"] == ["float32"]


def test_a_header_is_written_beside(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    assert treec(model, "-o", "out.so", "--header", "out.h", "--quiet", "--schedule", plain).code == 0
    assert "#define TREEC_N_TREES 3" in (folder / "out.h").read_text()
    assert names(folder) == {"model.txt", "out.so", "out.h"}


def test_a_skipped_check_is_said_and_recorded(treec: Run, model: Path, plain: Path) -> None:
    ran = treec(model, "-o", "out.so", "--no-verify", "--schedule", plain)
    assert "not verified" in ran.stdout
    assert package.load("out.so").card["verification"] is None


def test_a_schedule_error_has_line_reason_and_fix(treec: Run, model: Path, folder: Path) -> None:
    Path("bad.sched").write_text("target cpu\nlayout packed\norder tree, block, row\nwalk with=scalar\n")
    ran = treec(model, "-o", "out.so", "--schedule", "bad.sched")
    assert ran.code == 2
    assert "treec: error: bad.sched:3:" in ran.stderr
    assert "fix:" in ran.stderr
    assert "out.so" not in names(folder)


def test_version(treec: Run) -> None:
    ran = treec("--version")
    assert ran.code == 0
    assert ran.stdout.startswith("treec ")


@pytest.mark.parametrize("command", [(), ("inspect",), ("verify",), ("predict",), ("doctor",), ("schedules",)])
def test_help_has_usage_and_examples(treec: Run, command: tuple[str, ...]) -> None:
    ran = treec(*command, "--help")
    assert ran.code == 0
    assert ran.stdout.startswith("usage: treec ")
    assert ran.stdout.count("\n  treec ") >= 2


def test_help_names_every_option_under_a_heading(treec: Run) -> None:
    text = treec("--help").stdout
    for heading in ("Commands:", "Schedule:", "Output:", "Checks:", "Examples:"):
        assert heading in text
    for option in (
        "--schedule",
        "--level",
        "--rows",
        "--header",
        "--json",
        "--quiet",
        "--no-verify",
        "--trust",
        "--max-seconds",
    ):
        assert option in text


def test_a_profile_gives_counts_to_a_model_without_any(
    treec: Run, model: Path, folder: Path, rows: NDArray[np.float64]
) -> None:
    from treec.frontends.load import load_model
    from treec.treeir.interp import forest as interpreter

    text = model.read_text()
    model.write_text(
        "\n".join(line for line in text.splitlines() if not line.startswith(("leaf_count=", "internal_count=")))
    )
    (folder / "hot.sched").write_text("swap children\nlayout packed\nwalk with=scalar\n")
    np.save(folder / "seen.npy", rows)
    without = treec(model, "-o", "out.so", "--schedule", "hot.sched")
    assert without.code == 2
    assert "hot.sched:1:1" in without.stderr
    assert "--profile" in without.stderr
    ran = treec(model, "-o", "out.so", "--schedule", "hot.sched", "--profile", "seen.npy")
    assert ran.code == 0, ran.stderr
    assert f"{len(rows):,} rows count the nodes" in ran.stdout
    raw = package.load("out.so").predict(rows, raw=True)
    assert np.array_equal(raw, interpreter.raw(load_model(model).forest, rows)[:, 0])
    assert json.loads(treec("inspect", "out.so", "--json").stdout)["card"]["profile"]["rows"] == len(rows)
