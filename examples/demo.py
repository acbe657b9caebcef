# pyright: basic
"""The whole way: train a model, compile it, run it without its library, compare bit for bit, time it.

``make demo`` runs this. The data are the 1797 handwritten digits that scikit-learn ships, each also moved by one pixel in
four directions (8985 images, 64 pixels, 10 classes); all files go to ``demo-output/``.
"""

from __future__ import annotations

import os
import pickle
import platform
import shlex
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "demo-output"
ROUNDS = 60
DEPTH = 6
TIMED_RUNS = 15


def main() -> int:
    OUT.mkdir(exist_ok=True)
    (OUT / "model.so").unlink(missing_ok=True)
    heading("1. Train an XGBoost classifier on real data and pickle it")
    classifier, rows = train()
    save_answers(classifier, rows)

    heading("2. Compile it; treec picks a schedule, and checks the very file it writes")
    compiled = relative(OUT / "model.so")
    treec = Path(sysconfig.get_path("scripts"), "treec")
    seconds = run([treec, relative(OUT / "model.pkl"), "-o", compiled], shown_as="treec")
    print(f"treec took {seconds:.2f} s, all of its process; {compiled} has {(OUT / 'model.so').stat().st_size:,} bytes")

    heading("3. Run it in a fresh process and compare")
    run([Path(sys.executable), Path("examples", "demo_predict.py"), relative(OUT)], shown_as="python")

    heading("4. Time it beside XGBoost, one thread each, taking turns")
    compare_speed(classifier, rows)
    return 0


def train():
    """A fitted ``XGBClassifier`` and all images as f32 [8985, 64]."""
    import xgboost
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    images = digits.images.astype(np.float32)
    moves = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    rows = np.concatenate([np.roll(images, move, axis=(1, 2)) for move in moves]).reshape(-1, 64)
    labels = np.tile(digits.target, len(moves))

    held_out = np.tile(np.arange(len(images)) % 5 == 0, len(moves))
    classifier = xgboost.XGBClassifier(n_estimators=ROUNDS, max_depth=DEPTH, learning_rate=0.2, n_jobs=os.cpu_count())
    with timed("trained"):
        classifier.fit(rows[~held_out], labels[~held_out])
    n_trees = len(classifier.get_booster().get_dump())
    accuracy = float(np.mean(classifier.predict(rows[held_out]) == labels[held_out]))
    print(
        f"{n_trees} trees, depth up to {DEPTH}, {rows.shape[1]} inputs, 10 classes; {accuracy:.1%} right on held-out digits"
    )
    return classifier, rows


def save_answers(classifier, rows: NDArray[np.float32]) -> None:
    """The pickle, the rows, and what XGBoost answers on them, each in a file of its own."""
    with (OUT / "model.pkl").open("wb") as file:
        pickle.dump(classifier, file)
    np.save(OUT / "rows.npy", rows)
    np.save(OUT / "xgboost-raw.npy", classifier.predict(rows, output_margin=True))
    np.save(OUT / "xgboost-probability.npy", classifier.predict_proba(rows))
    np.save(OUT / "xgboost-label.npy", classifier.predict(rows))
    print(f"{relative(OUT / 'model.pkl')} has {(OUT / 'model.pkl').stat().st_size:,} bytes")


def compare_speed(classifier, rows: NDArray[np.float32]) -> None:
    """Raw outputs of all rows and of one row; the median of runs that take turns, so that noise meets both alike."""
    import xgboost

    import treec

    compiled = treec.load(OUT / "model.so")
    booster = classifier.get_booster()
    booster.set_param({"nthread": 1})
    print(f"{cpu_name()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, XGBoost {xgboost.__version__}")
    print("XGBoost's inplace_predict is its fastest way from an array (a DMatrix seen before is answered from a cache)")
    print(f"{'rows per call':>14} {'treec':>12} {'XGBoost':>12}   XGBoost / treec")
    for n, calls in ((len(rows), 1), (64, 20), (1, 200)):
        batch = rows[:n]
        rivals: list[Callable[[], object]] = [
            lambda batch=batch: compiled.predict(batch, raw=True, n_threads=1),
            lambda batch=batch: booster.inplace_predict(batch, predict_type="margin", validate_features=False),
        ]
        ours, theirs = (1e6 * seconds for seconds in medians(rivals, calls))
        print(f"{n:>14,} {ours:>9,.1f} µs {theirs:>9,.1f} µs   {theirs / ours:.2f}")


def medians(rivals: list[Callable[[], object]], calls: int) -> list[float]:
    """Seconds per call of each rival: the median of ``TIMED_RUNS`` turns of ``calls`` calls, after one turn to warm up."""
    turns: list[list[float]] = []
    for _ in range(TIMED_RUNS + 1):
        turn: list[float] = []
        for rival in rivals:
            start = time.perf_counter()
            for _ in range(calls):
                rival()
            turn.append((time.perf_counter() - start) / calls)
        turns.append(turn)
    return [statistics.median(column) for column in zip(*turns[1:], strict=True)]


def run(command: list[Path | str], *, shown_as: str) -> float:
    """Run a command from the repository's root with its output shown; seconds taken. A failure ends the demo."""
    print(f"$ {shlex.join([shown_as, *map(str, command[1:])])}", flush=True)
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(f"{shown_as} exited with {done.returncode}")
    return time.perf_counter() - start


def relative(path: Path) -> Path:
    return path.relative_to(ROOT)


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what} in {time.perf_counter() - start:.2f} s")


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    sys.exit(main())
