"""The benchmark's scripts run: help, a tiny grid that goes on from its log, the report of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--rivals", "library", "--rounds", "2", "--threads", "1", "--batch", "1", "8", "--parts", "grid"]


def run(*arguments: str, folder: Path) -> str:
    environment = {**os.environ, "TREEC_BENCH_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(0)
    rows = rng.random((200, 4), np.float32)
    options = {"max_depth": 3, "nthread": 1, "objective": "reg:squarederror"}
    place = tmp_path_factory.mktemp("bench") / "tiny.json"
    xgboost.train(options, xgboost.DMatrix(rows, rows[:, 0] * rows[:, 1]), 5).save_model(place)
    return place


@pytest.fixture(scope="module")
def log(model: Path) -> Path:
    place = model.with_name("log.jsonl")
    run("bench.versus", str(model), *SMALL, "--log", str(place), folder=model.parent)
    return place


def records(log: Path, kind: str) -> list[dict[str, Any]]:
    return [found for found in map(json.loads, log.read_text().splitlines()) if found["kind"] == kind]


@pytest.mark.parametrize("module", ["bench.versus", "bench.report", "bench.make_models", "bench.walks"])
def test_help(module: str, tmp_path: Path) -> None:
    assert "usage" in run(module, "--help", folder=tmp_path)


def test_a_cell_has_paired_rounds_and_equal_outputs(log: Path) -> None:
    cells = records(log, "cell")
    assert [(cell["batch"], cell["threads"]) for cell in cells] == [(1, 1), (8, 1)]
    for cell in cells:
        assert {name: len(seconds) for name, seconds in cell["seconds"].items()} == {"library": 2, "treec": 2}
        assert cell["difference"] == {"library": 0.0, "treec": 0.0}
        assert all(value > 0 for seconds in cell["seconds"].values() for value in seconds)
    built = {record["engine"]: record for record in records(log, "engine")}
    assert built["treec"]["bytes"] > 1000
    assert built["treec"]["built"]["seconds"] > 0


def test_a_run_that_was_cut_off_goes_on(log: Path, model: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert '"kind": "cell"' in lines[-1]
    again.write_text("".join(lines[:-1]) + lines[-1][:40])  # within its last cell
    run("bench.versus", str(model), *SMALL, "--log", str(again), folder=model.parent)
    assert [cell["batch"] for cell in records(again, "cell")] == [1, 8]
    assert records(again, "cell")[0] == records(log, "cell")[0]


def test_a_report_has_the_tables(log: Path, tmp_path: Path) -> None:
    table = tmp_path / "times.csv"
    text = run("bench.report", str(log), "--csv", str(table), folder=tmp_path)
    assert "### All engines, one thread" in text
    row = next(line for line in text.splitlines() if line.startswith("| tiny | 8 |"))
    assert row.count("|") == 6
    assert table.read_text().count("tiny,") == 4


def test_a_report_has_plots(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run("bench.report", str(log), "--plots", str(tmp_path / "img"), folder=tmp_path)
    for name in ("bench-ratio.png", "bench-micros.png"):
        assert (tmp_path / "img" / name).read_bytes().startswith(b"\x89PNG")
