# pyright: basic
"""An optional contestant: a hand-written program for the same models, where a folder has one (``TREEC_LIMIT``, default
``../shared/limit``): ``limit.cpp`` and ``dump_model.py``. It is no code of the project, and its table is left out without
it.

The program prints the best of 15 passes over 10,240 rows. What stands beside it is therefore the best of 15 calls of treec,
in turn with it, round after round; it handles XGBoost models of depth 8 without missing values.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.journal import Journal
from bench.models import ROOT, BenchModel
from bench.processes import Contestant

CALLS = 15


def limit_folder() -> Path | None:
    folder = Path(os.environ.get("TREEC_LIMIT", ROOT.parent / "shared" / "limit"))
    return folder if (folder / "limit.cpp").is_file() and (folder / "dump_model.py").is_file() else None


@functools.cache
def _program(folder: Path) -> tuple[Path, tempfile.TemporaryDirectory[str]]:
    made = tempfile.TemporaryDirectory(prefix="treec-limit-")  # kept by the cache until the end
    program = Path(made.name) / "limit"
    command = ["g++", "-O3", "-march=native", "-std=c++17", "-o", str(program), str(folder / "limit.cpp")]
    subprocess.run(command, check=True, capture_output=True)
    return program, made


def run_limit(model: BenchModel, contestants: list[Contestant], batch: int, rounds: int, journal: Journal) -> None:
    folder = limit_folder()
    ours = next(c for c in contestants if c.ours)
    if folder is None or ours.error is not None:
        return
    if model.library != "xgboost" or model.facts["missing"] or model.facts["categories"] or model.facts["bits"] > 8:
        journal.add("limit", model=model.name, error="handles XGBoost models of depth 8 without missing values")
        return
    try:
        program, _ = _program(folder)
        data = _dump(model, folder, program.parent)
        found = [_turn(program, data, ours, batch) for _ in range(rounds)]
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        journal.add("limit", model=model.name, error=f"{type(error).__name__}: {error}"[:200])
        return
    journal.add(
        "limit",
        model=model.name,
        batch=batch,
        limit=[limit for limit, _, _ in found],
        treec=[mine for _, mine, _ in found],
        difference=max(difference for _, _, difference in found),
    )
    ratios = [mine / limit for limit, mine, _ in found]
    print(f"  beside the limit: {np.median(ratios):.2f} times its time", flush=True)


def _dump(model: BenchModel, folder: Path, place: Path) -> Path:
    rows, data = place / "rows.csv", place / "model.bin"
    np.savetxt(rows, np.concatenate([model.rows, np.zeros((len(model.rows), 1), np.float32)], axis=1), "%.9g", ",")
    command = [sys.executable, str(folder / "dump_model.py"), str(model.path), str(rows), str(data)]
    subprocess.run(command, check=True, capture_output=True)
    return data


def _turn(program: Path, data: Path, ours: Contestant, batch: int) -> tuple[float, float, float]:
    """µs a row of the program and of treec, and the program's difference to the library."""
    printed = subprocess.run([str(program), str(data)], check=True, capture_output=True, text=True).stdout
    limit = re.search(r"([0-9.]+) us/row", printed)
    difference = re.search(r"difference ([-0-9.e+naif]+)", printed)
    if limit is None or difference is None:
        raise ValueError(f"the program printed {printed[:80]!r}")
    answer: dict[str, Any] = ours.ask(rows=batch, threads=1, calls=CALLS)
    if "error" in answer:
        raise ValueError(answer["error"])
    return float(limit[1]), answer["least"] / batch * 1e6, float(difference[1])
