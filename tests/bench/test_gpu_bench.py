"""The benchmark for GPUs: who takes part, what is checked, and whose turn it is."""

# pyright: basic

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.gpu import Absent, Contestant, check, rival, take_turns

RAW = np.array([1.0, np.nan, 3.0], np.float32)


def contestant(answer: Any, name: str = "one", *, exact: bool = False, log: list[str] | None = None) -> Contestant:
    def kernel() -> None:
        if log is not None:
            log.append(name)

    return Contestant(name, lambda: np.asarray(answer), kernel, lambda: None, exact)


def test_raw_outputs_are_compared_bit_for_bit() -> None:
    assert check(contestant(RAW.copy(), exact=True), RAW, RAW) is None
    assert "raw outputs" in (check(contestant(np.nextafter(RAW, np.float32(9)), exact=True), RAW, RAW) or "")


def test_responses_are_near() -> None:
    response = np.array([0.25, 0.5])
    assert check(contestant(response + 1e-6), RAW, response) is None
    assert check(contestant(np.stack([1 - response, response], axis=1)), RAW, response) is None
    assert check(contestant(response + np.array([0.0, 0.01])), RAW, response) == "1 of 2 rows are not near"
    assert check(contestant([0.25, np.nan]), RAW, response) == "1 of 2 rows are not near"
    assert "shape" in (check(contestant(np.zeros((2, 3))), RAW, response) or "")


def test_all_take_turns_and_each_begins() -> None:
    log: list[str] = []
    times = take_turns([contestant(0, "a", log=log), contestant(0, "b", log=log)], rounds=2)
    assert set(times) == {"a", "b"}
    assert log == ["a", "b", "b", "a", "a", "b"]


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.gpu.find_spec", lambda name: None)
    with pytest.raises(Absent, match="nvforest and cupy not installed"):
        rival("nvforest", None, RAW)  # type: ignore[arg-type]
