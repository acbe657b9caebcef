# pyright: basic
"""Timing by turns: every contestant runs once a round, so that noise meets all alike; only ratios within a round count."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], object]
SHORTEST = 0.02
"""Seconds that a contestant's turn should take at least: short calls are repeated."""


@dataclass(frozen=True)
class Timings:
    """``seconds[name]`` f64 [rounds]: per call, one entry a round."""

    seconds: dict[str, NDArray[np.float64]]

    def median(self, name: str) -> float:
        return float(np.median(self.seconds[name]))

    def ratio(self, slower: str, faster: str) -> tuple[float, float, float]:
        """Median and quartiles of ``slower`` time / ``faster`` time, over rounds."""
        ratios = self.seconds[slower] / self.seconds[faster]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        return float(middle), float(low), float(high)


def take_turns(contestants: Mapping[str, Call], rounds: int) -> Timings:
    """Time every contestant ``rounds`` times, in turn, after one turn to warm up and to find how often to repeat it."""
    repeats = {name: _repeats(call) for name, call in contestants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            seconds[name].append((time.perf_counter() - start) / repeats[name])
    return Timings({name: np.array(values) for name, values in seconds.items()})


def _repeats(call: Call) -> int:
    call()
    start = time.perf_counter()
    call()
    return max(1, int(SHORTEST / max(1e-9, time.perf_counter() - start)))


def machine() -> str:
    """The CPU's name, for the head of a table."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
