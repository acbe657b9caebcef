# pyright: basic
"""One cell: a model at one batch size and number of threads, every contestant in turn, round after round.

In a round each contestant has its turn, one at a time, beginning with another one each round, so that noise meets all
alike; ratios are taken within rounds. A rival that is `FAR` times slower than the fastest one after two rounds has no more
turns, and the cell says so; the fastest rival and treec always have all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.processes import Contestant

FAR = 5.0
"""Times slower than the fastest rival, from which a rival is dropped after two rounds."""
SLOW = 1.5
"""Seconds of a call, from which a rival known to be far behind gets one call alone, which also gives its outputs."""
WRONG = 1e-3
"""Difference, relative to the larger of 1 and the output, from which a row's answer is another one than the library's: more
than a `WRONG_SHARE` of such rows, and the rival is not the fastest, whatever its time."""
WRONG_SHARE = 0.01

Expected = Callable[[str, int], NDArray[np.float64]]


class Cell:
    """``pace``: µs a row by contestant, as seen at smaller batches of the model with as many threads."""

    def __init__(self, contestants: list[Contestant], batch: int, threads: int, pace: dict[str, float]) -> None:
        self.contestants, self.batch, self.threads, self.pace = contestants, batch, threads, pace
        self.seconds: dict[str, list[float]] = {}
        self.least: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self.dropped: dict[str, str] = {}
        self.difference: dict[str, float] = {}
        self.off: dict[str, float] = {}
        self.errors: dict[str, str] = {}

    def run(self, rounds: int, seconds: float, expected: Expected | None, folder: Path) -> dict[str, Any]:
        """Measure. ``seconds``: when this time is up, only treec and the fastest rival go on. ``expected``: gives the
        library's outputs of so many rows, raw or as probabilities."""
        begun, load = time.perf_counter(), os.getloadavg()[0]
        self._first(expected, folder)
        for number in range(rounds):
            self._round(number)
            if number == 1:
                self._drop_far()
            if number >= 1 and time.perf_counter() - begun > seconds:
                self._drop_all_but_fastest(number + 1)
        return {
            "batch": self.batch,
            "threads": self.threads,
            "seconds": self.seconds,
            "least": self.least,
            "peak_mb": self.peak_mb,
            "difference": self.difference,
            "off_rows": self.off,
            "dropped": self.dropped,
            "errors": self.errors,
            "like": [c.name for c in self.contestants if c.like],
            "ours": [c.name for c in self.contestants if c.ours],
            "load_before": load,
            "took": time.perf_counter() - begun,
        }

    def _running(self) -> Iterable[Contestant]:
        for contestant in self.contestants:
            if contestant.name not in self.errors and contestant.name not in self.dropped:
                yield contestant

    def _first(self, expected: Expected | None, folder: Path) -> None:
        """One call of each, to warm up and to compare its outputs, before anything is timed. For a slow rival that is far
        behind, it is the time as well."""
        best = min((pace for name, pace in self.pace.items() if self._counts(name)), default=0.0)
        for contestant in self.contestants:
            if contestant.error is not None:
                self.errors[contestant.name] = contestant.error
                continue
            place = folder / "outputs.npy"
            answer = contestant.ask(rows=self.batch, threads=self.threads, out=str(place))
            if "error" in answer:
                self.errors[contestant.name] = answer["error"]
                continue
            if expected is not None and not contestant.like:
                self._compare(contestant, np.load(place), expected)
            pace = self.pace.get(contestant.name, 0.0)
            if not contestant.ours and pace > FAR * best and answer["seconds"] > SLOW:
                self._note(contestant, answer)
                self.dropped[contestant.name] = f"one call: {pace / best:.0f} times the fastest at a smaller batch"

    def _compare(self, contestant: Contestant, found: NDArray[Any], expected: Expected) -> None:
        want = expected(contestant.loaded.get("gives", "raw"), self.batch)
        found = np.asarray(found, np.float64).reshape(self.batch, -1)
        if found.shape != want.shape:
            self.errors[contestant.name] = f"gives {found.shape[1]} outputs a row where the library gives {want.shape[1]}"
            return
        apart = np.where(np.isnan(found) & np.isnan(want), 0.0, np.abs(found - want))
        self.difference[contestant.name] = float(apart.max(initial=0.0))
        off = (apart > WRONG * np.maximum(1.0, np.abs(want))).any(axis=1)
        self.off[contestant.name] = float(off.mean())

    def _round(self, number: int) -> None:
        running = list(self._running())
        first = number % max(1, len(running))
        for contestant in running[first:] + running[:first]:
            answer = contestant.ask(rows=self.batch, threads=self.threads)
            if "error" in answer:
                self.errors[contestant.name] = answer["error"]
            else:
                self._note(contestant, answer)

    def _note(self, contestant: Contestant, answer: dict[str, Any]) -> None:
        name = contestant.name
        self.seconds.setdefault(name, []).append(answer["seconds"])
        self.least[name] = min(answer["least"], self.least.get(name, np.inf))
        self.peak_mb[name] = max(answer["peak_mb"], self.peak_mb.get(name, 0.0))

    def _counts(self, name: str) -> bool:
        """Whether a contestant may be the fastest rival; one that had a smaller batch may not take part in this one."""
        found = next((c for c in self.contestants if c.name == name), None)
        return found is not None and not (found.ours or found.like or self.off.get(name, 0.0) > WRONG_SHARE)

    def _medians(self) -> dict[str, float]:
        return {c.name: float(np.median(self.seconds[c.name])) for c in self._running() if not c.ours}

    def _drop_far(self) -> None:
        medians = self._medians()
        best = min((value for name, value in medians.items() if self._counts(name)), default=np.inf)
        for name, value in medians.items():
            own = name == "library" and value < SLOW  # the ratio to it is wanted too
            if value > FAR * best and not own:
                self.dropped[name] = f"two rounds: {value / best:.1f} times the fastest"

    def _drop_all_but_fastest(self, rounds: int) -> None:
        medians = self._medians()
        best = min((name for name in medians if self._counts(name)), key=medians.__getitem__, default=None)
        for name in medians:
            if name != best:
                self.dropped[name] = f"{rounds} rounds: the cell's time was up"


def linked(link: str, raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities [n, classes] of raw outputs [n, K], to compare engines that give nothing else."""
    if "softmax" in link:
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    if "sigmoid" in link or "expit" in link:
        second = 1 / (1 + np.exp(-raw[:, :1]))
        return np.concatenate([1 - second, second], axis=1)
    return raw
