# pyright: basic
"""What a log says: ratios within rounds, fastest rivals, means. No text and no plots here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.cells import WRONG_SHARE
from bench.journal import Journal
from bench.models import FIRST_EIGHT, known_models
from bench.processes import RIVALS

OURS = "treec"


@dataclass(frozen=True)
class Ratio:
    """A rival's time over ours within rounds: above 1, ours is faster."""

    rival: str
    median: float
    low: float
    high: float
    rounds: int


class Figures:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.cells = {(c["model"], c["batch"], c["threads"]): c for c in journal.of("cell")}
        found = [*dict.fromkeys(model for model, _, _ in self.cells)]
        order = known_models()
        self.models = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
        self.batches = sorted({batch for _, batch, _ in self.cells})
        self.threads = sorted({threads for _, _, threads in self.cells})
        seen = {name for cell in self.cells.values() for name in [*cell["seconds"], *cell["errors"]]}
        self.engines = [name for name in (OURS, *RIVALS) if name in seen]
        self.engines += sorted(seen - set(self.engines))

    def micros(self, cell: dict[str, Any], engine: str) -> float:
        """Median µs a row, over rounds."""
        return float(np.median(cell["seconds"][engine])) / cell["batch"] * 1e6

    def least_micros(self, cell: dict[str, Any], engine: str) -> float:
        return cell["least"][engine] / cell["batch"] * 1e6

    def counts(self, cell: dict[str, Any], engine: str) -> bool:
        """Whether it may be the fastest rival: of the same model, with the library's answers."""
        return (
            engine in cell["seconds"]
            and engine not in cell["ours"]
            and engine not in cell["like"]
            and cell["off_rows"].get(engine, 0.0) <= WRONG_SHARE
        )

    def fastest(self, cell: dict[str, Any]) -> str | None:
        names = [name for name in cell["seconds"] if self.counts(cell, name)]
        return min(names, key=lambda name: float(np.median(cell["seconds"][name])), default=None)

    def ratio(self, cell: dict[str, Any], rival: str | None, ours: str = OURS) -> Ratio | None:
        if rival is None or rival not in cell["seconds"] or ours not in cell["seconds"]:
            return None
        ratios = paired(cell["seconds"][rival], cell["seconds"][ours])
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        return Ratio(rival, float(middle), float(low), float(high), len(ratios))

    def exact(self, cell: dict[str, Any]) -> bool:
        return all(cell["difference"].get(name) == 0.0 for name in cell["ours"] if name in cell["seconds"])

    def mean_ratio(self, batch: int, threads: int, against: str | None = None) -> tuple[float, int] | None:
        """Geometric mean over the first eight models, against the fastest rival or the one named; of how many models."""
        ratios = []
        for model in FIRST_EIGHT:
            cell = self.cells.get((model, batch, threads))
            ratio = None if cell is None else self.ratio(cell, against or self.fastest(cell))
            if ratio is not None:
                ratios.append(ratio.median)
        return (float(np.exp(np.mean(np.log(ratios)))), len(ratios)) if ratios else None

    def lost(self) -> list[tuple[dict[str, Any], Ratio]]:
        """Cells in which a rival is faster, worst first."""
        found = []
        for cell in self.cells.values():
            ratio = self.ratio(cell, self.fastest(cell))
            if ratio is not None and ratio.median < 1:
                found.append((cell, ratio))
        return sorted(found, key=lambda pair: pair[1].median)

    def built(self, model: str, engine: str) -> dict[str, Any] | None:
        return self.journal.get("engine", model, engine)

    def largest_difference(self, model: str, engine: str) -> tuple[float, float] | None:
        """Over all cells: the largest difference of an output, and the share of rows with another answer."""
        mine = [c for (name, _, _), c in self.cells.items() if name == model and engine in c["difference"]]
        if not mine:
            return None
        return max(c["difference"][engine] for c in mine), max(c["off_rows"][engine] for c in mine)


def paired(over: Iterable[float], under: Iterable[float]) -> NDArray[np.float64]:
    """Ratios within rounds, over the rounds that both have."""
    a, b = np.array([*over]), np.array([*under])
    n = min(len(a), len(b))
    return a[:n] / b[:n]
