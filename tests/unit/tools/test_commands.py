"""``treec inspect``, ``verify``, ``predict``, ``doctor``, ``schedules``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import treec as package
from tests.unit.tools.tooling import Run, model_text, names


def test_inspect_shows_a_model(treec: Run, model: Path) -> None:
    ran = treec("inspect", model)
    assert ran.code == 0
    for words in (
        "LightGBM text, version v4",
        "regression",
        "21 nodes, 24 leaves",
        "4, 4 used, 1 categorical",
        "age_0, age_1",
        "in_set",
        "zero and NaN routed",
        "nothing in it is unsupported",
    ):
        assert words in ran.stdout


def test_inspect_counts_depths(treec: Run, folder: Path) -> None:
    text = model_text(trees=2, depth=2)
    stump = model_text(trees=3, depth=1, seed=4)
    (folder / "mixed.txt").write_text(
        text.replace(
            "\n\n\nend of trees", "\n\nTree=2" + stump.split("Tree=2")[1].split("\n\n\n")[0] + "\n\n\nend of trees"
        )
    )
    facts = json.loads(treec("inspect", "mixed.txt", "--json").stdout)["model"]
    assert facts["depths"] == {"1": 1, "2": 2}
    assert facts["depth"] == 2


def test_inspect_shows_a_compiled_file(treec: Run, compiled: Path) -> None:
    ran = treec("inspect", compiled)
    assert ran.code == 0
    for words in ("model.txt", "lightgbm", "3 trees, 21 nodes, 24 leaves", "boundary rows", "walk with=scalar"):
        assert words in ran.stdout
    card = json.loads(treec("inspect", compiled, "--json").stdout)["card"]
    assert card == package.load(compiled).card


def test_predict_writes_what_the_library_call_gives(
    treec: Run, compiled: Path, folder: Path, rows: NDArray[np.float64]
) -> None:
    np.save(folder / "rows.npy", rows)
    model = package.load(compiled)
    for words, expected in (
        ((), model.predict(rows)),
        (("--raw",), model.predict(rows, raw=True)),
        (("--leaves", "--threads", "2"), model.apply(rows)),
    ):
        assert treec("predict", compiled, "--data", "rows.npy", "-o", "out.npy", *words).code == 0
        got = np.load(folder / "out.npy")
        assert got.dtype == expected.dtype
        assert np.array_equal(got, expected)


def test_predicted_text_reads_back_to_the_same_bits(
    treec: Run, compiled: Path, folder: Path, rows: NDArray[np.float64]
) -> None:
    np.save(folder / "rows.npy", rows)
    expected = package.load(compiled).predict(rows, raw=True)
    printed = treec("predict", compiled, "--data", "rows.npy", "--raw").stdout
    assert np.array_equal(np.array(printed.split(), np.float64), expected)
    treec("predict", compiled, "--data", "rows.npy", "--raw", "-o", "out.csv")
    assert (folder / "out.csv").read_text() == printed


def test_predict_reads_csv_like_npy(treec: Run, compiled: Path, folder: Path, rows: NDArray[np.float64]) -> None:
    np.save(folder / "rows.npy", rows)
    lines = [",".join("" if np.isnan(v) else repr(float(v)) for v in row) for row in rows]
    (folder / "rows.csv").write_text("\n".join(["age_0,age_1,age_2,age_3", *lines]))
    assert (
        treec("predict", compiled, "--data", "rows.csv").stdout == treec("predict", compiled, "--data", "rows.npy").stdout
    )


def test_columns_in_another_order_are_refused(treec: Run, compiled: Path, folder: Path) -> None:
    (folder / "rows.csv").write_text("age_1,age_0,age_2,age_3\n1,2,3,4\n")
    ran = treec("predict", compiled, "--data", "rows.csv")
    assert ran.code == 2
    assert "column 1 is 'age_1'" in ran.stderr


def test_a_regression_has_no_probabilities(treec: Run, compiled: Path, folder: Path) -> None:
    np.save(folder / "rows.npy", np.zeros((2, 4)))
    assert treec("predict", compiled, "--data", "rows.npy", "--proba").code == 2


def test_verify_repeats_the_check(treec: Run, compiled: Path, model: Path, folder: Path, rows: NDArray[Any]) -> None:
    np.save(folder / "rows.npy", rows)
    ran = treec("verify", compiled, "--against", model, "--data", "rows.npy", "--rows", 300, "--json")
    said = json.loads(ran.stdout)
    assert said["ok"], ran.stderr
    assert said["verification"]["nodes_reached"] == said["verification"]["nodes_reachable"] > 0
    assert [part["rows"] for part in said["compared"]] == [50, 300]


def test_verify_notes_another_source_file(treec: Run, compiled: Path, model: Path) -> None:
    model.write_text(model.read_text().replace("split_gain=1", "split_gain=2", 1))
    ran = treec("verify", compiled, "--against", model)
    assert ran.code == 0
    assert "other sha256" in ran.stdout


def test_schedules_lists_and_prints(treec: Run, model: Path) -> None:
    listed = treec("schedules").stdout
    assert "one-row-at-a-time" in listed
    shown = treec("schedules", "one-row-at-a-time").stdout
    Path("copy.sched").write_text(shown)
    assert treec(model, "--schedule", "copy.sched", "-o", "out.so", "--quiet").code == 0


def test_each_preset_is_listed_with_what_it_is_and_printed_as_it_is(treec: Run) -> None:
    from treec.schedule.library import preset_names, preset_text

    listed = treec("schedules").stdout.splitlines()
    assert [line.split(" ")[0] for line in listed] == list(preset_names())
    for line, name in zip(listed, preset_names(), strict=True):
        first = preset_text(name).splitlines()[0].removeprefix("# ")
        assert line.removeprefix(name).strip()[:40] == first[:40]
        assert treec("schedules", name).stdout == preset_text(name)


def test_the_schedule_and_its_hash_are_in_the_card(treec: Run, compiled: Path) -> None:
    from treec.runtime.card import read_card
    from treec.schedule.schedule import Schedule

    card = read_card(str(compiled))["schedule"]
    assert card["sha256"] == Schedule.from_text(card["text"]).digest()
    shown = treec("inspect", compiled).stdout
    assert f"sha256 {card['sha256'][:12]}" in shown
    assert card["text"].splitlines()[-1] in shown
    assert json.loads(treec("inspect", compiled, "--json").stdout)["card"]["schedule"] == card


def test_doctor_finds_everything_here(treec: Run) -> None:
    ran = treec("doctor", "--json")
    said = json.loads(ran.stdout)
    assert ran.code == 0, said["problems"]
    assert said["cpu"]["usable"] >= 1
    assert said["packages"]["llvmlite"]
    assert said["temp"]["free_bytes"] > 0


def test_doctor_without_a_linker_fails(treec: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREEC_LINKER", "nosuch-linker")
    ran = treec("doctor")
    assert ran.code == 1
    assert "nosuch-linker" in ran.stdout


def test_doctor_without_a_temporary_folder_fails(treec: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", "/proc/nosuch")
    assert treec("doctor").code == 1


def test_doctor_names_versions_out_of_bounds(treec: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from treec.tools.cli import doctor_command

    def installed(name: str) -> str:
        return "0.1" if name == "xdsl" else "3.2.1"

    monkeypatch.setattr(doctor_command, "_installed", installed)
    ran = treec("doctor")
    assert ran.code == 1
    assert "xdsl 0.1 is outside" in ran.stdout


@pytest.mark.parametrize(
    ("bounds", "version", "fits"),
    [
        (">=0.74,<0.75", "0.74.3", True),
        (">=0.74,<0.75", "0.75.0", False),
        (">=0.74,<0.75", "0.9", False),
        ("==1.2", "1.2.0", True),
        ("<2,>=1.26", "1.26", True),
        ("", "anything", True),
    ],
)
def test_version_bounds(bounds: str, version: str, fits: bool) -> None:
    from treec.tools.cli.requirements import Requirement

    assert Requirement("x", bounds).allows(version) is fits


def test_nothing_is_written_by_reading_commands(treec: Run, model: Path, folder: Path) -> None:
    treec("inspect", model)
    treec("schedules")
    treec("doctor")
    assert names(folder) == {"model.txt"}
