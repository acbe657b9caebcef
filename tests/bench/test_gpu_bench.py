"""The benchmark for GPUs: who takes part, what is checked, and whose turn it is."""

# pyright: basic

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.gpu import measure
from bench.gpu_engines import Absent, check, rival, treec_contestant
from bench.gpu_pack import DEFAULT, digest, pack, unpack
from bench.gpu_times import EACH, MARKER, Contestant, split_at_markers, take_turns
from bench.models import BenchModel

RAW = np.array([1.0, np.nan, 3.0], np.float32)


def contestant(answer: Any, name: str = "one", *, exact: bool = False, log: list[str] | None = None) -> Contestant:
    def kernel() -> None:
        if log is not None:
            log.append(name)

    return Contestant(name, lambda: np.asarray(answer), kernel, lambda: None, exact)


def test_raw_outputs_are_compared_bit_for_bit() -> None:
    assert check(contestant(RAW.copy(), exact=True), digest(RAW), RAW) is None
    assert "raw outputs" in (check(contestant(np.nextafter(RAW, np.float32(9)), exact=True), digest(RAW), RAW) or "")
    assert check(contestant(RAW.reshape(-1, 1), exact=True), digest(RAW), RAW) is None
    assert digest(RAW) != digest(RAW.astype(np.float64))


def test_responses_are_near() -> None:
    response = np.array([0.25, 0.5])
    assert check(contestant(response + 1e-6), "", response) is None
    assert check(contestant(np.stack([1 - response, response], axis=1)), "", response) is None
    assert check(contestant(response + np.array([0.0, 0.01])), "", response) == "1 of the first 512 rows are not near"
    assert check(contestant([0.25, np.nan]), "", response) == "1 of the first 512 rows are not near"
    assert "shape" in (check(contestant(np.zeros((2, 3))), "", response) or "")


def test_all_take_turns_and_each_begins() -> None:
    log: list[str] = []
    times = take_turns([contestant(0, "a", log=log), contestant(0, "b", log=log)], rounds=2)
    assert set(times) == {"a", "b"}
    assert log == ["a", "b", "b", "a", "a", "b"]
    assert times["a"].spread[0] <= times["a"].kernel <= times["a"].spread[1]


def test_events_belong_to_the_turn_before_them() -> None:
    """In the order of time; a turn may have no events, and what comes before the first marker is nobody's."""
    events = [(5, EACH * 2000, "b"), (0, 9, "warm"), (1, 7, MARKER), (2, EACH * 1000, "a"), (4, 7, MARKER), (9, 7, MARKER)]
    assert split_at_markers(events) == pytest.approx([1e-6, 2e-6, 0.0])


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.gpu_engines.find_spec", lambda name: None)
    with pytest.raises(Absent, match="nvforest and cupy not installed"):
        rival("nvforest", None, RAW)  # type: ignore[arg-type]


def test_a_folder_has_all_that_another_machine_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tvm")
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(700, 5)).astype(np.float32)
    booster = xgboost.train({"max_depth": 3}, xgboost.DMatrix(rows, rows[:, 0] * rows[:, 1]), 9)
    booster.save_model(tmp_path / "model.json")
    model = BenchModel("small", tmp_path / "model.json", rows)
    pack(model, [DEFAULT, "gpu-direct", "gpu-tahoe-shared-forest"], [512, 900], tmp_path / "packed")
    (packed,) = unpack(tmp_path / "packed")
    assert set(packed.schedules) == {DEFAULT, "gpu-direct", "gpu-tahoe-shared-forest"}
    assert packed.rows(900).shape == (900, 5)
    np.testing.assert_array_equal(packed.rows(900)[:700], rows)
    made = treec_contestant("gpu-direct", packed, packed.rows(900))
    assert check(made, packed.raw[900], packed.responses) is None
    assert "raw outputs" in (check(made, packed.raw[512], packed.responses) or "")
    options = Namespace(schedule=[DEFAULT], engine=["nvforest"], rounds=1, log=str(tmp_path / "log.jsonl"))
    assert measure([packed], options)
    assert "µs of kernels" in capsys.readouterr().out
    cells = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [cell["batch"] for cell in cells] == [512, 900]
    assert list(cells[0]["times"]) == [DEFAULT]
    assert "not installed" in cells[0]["absent"]["nvforest"]


def test_schedules_that_do_not_apply_are_packed_with_their_reason(tmp_path: Path) -> None:
    pytest.importorskip("tvm")
    xgboost = pytest.importorskip("xgboost")
    rows = np.random.default_rng(3).normal(size=(2000, 3)).astype(np.float32)
    booster = xgboost.train({"max_depth": 9, "min_child_weight": 0}, xgboost.DMatrix(rows, np.arange(2000) % 97), 2)
    booster.save_model(tmp_path / "model.json")
    packed = pack(BenchModel("deep", tmp_path / "model.json", rows), ["gpu-hummingbird-gemm"], [10], tmp_path / "packed")
    with pytest.raises(Absent, match="more than the 128 that a gemm counts for"):
        treec_contestant("gpu-hummingbird-gemm", packed, packed.rows(10))
