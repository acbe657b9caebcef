# pyright: basic
"""treec beside other engines, in turn, in one table: models, batch sizes, threads.

usage: python -m bench.versus [MODEL …] [--batch N …] [--threads N …] [--rivals NAME …] [--schedule S …] [--json FILE]

Every engine is a process of its own (`bench.worker`), rivals in virtual environments of their own, made at first use from
the pinned requirements in ``bench/rivals`` under ``bench/.venvs``. In a round each engine has its turn; ratios are taken
within rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.measure import machine
from bench.models import BenchModel, bench_models

HERE = Path(__file__).resolve().parent
VENVS = Path(os.environ.get("TREEC_BENCH_VENVS", HERE / ".venvs"))
RIVALS = ("library", "onedal", "tl2cgen", "lleaves", "onnx")


@dataclass
class Engine:
    """A worker. ``error``: why it can't run the model; ``ready``: seconds from start to its first answer."""

    name: str
    process: subprocess.Popen[str]
    ready: float = 0.0
    error: str | None = None
    seconds: dict[int, list[float]] = field(default_factory=dict)
    difference: float = float("nan")

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        if request:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("\x1e"):
                return json.loads(line[1:])
        return {"error": f"its process ended with status {self.process.wait()}"}

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def main() -> int:
    options = _options()
    console = Console(width=160)
    console.print(f"{machine()}; batches {options.batch}, {options.rounds} rounds in turn; µs a row, median")
    results: list[dict[str, Any]] = []
    table = _table(options)
    for model in track(bench_models(options.models or None), "models", console=Console(stderr=True)):
        for threads in options.threads:
            found = run(model, options, threads)
            results += found
            for row in found:
                table.add_row(*_cells(row, options))
    console.print(table)
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine(), "results": results}, indent=1))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 256, 10000])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rivals", nargs="+", default=list(RIVALS), choices=RIVALS)
    parser.add_argument("--schedule", nargs="+", default=["default"], help="of treec: default, presets or files")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds that an engine may take to load a model")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def python_of(rival: str) -> str:
    """The interpreter of a rival's environment, made where there is none yet."""
    pins = HERE / "rivals" / f"{rival}.txt"
    if not pins.exists():
        return sys.executable
    place = VENVS / rival
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", str(pins)], check=True)
    return str(python)


def start(
    name: str, engine: str, model: BenchModel, rows: Path, threads: int, schedule: str | None, patience: float
) -> Engine:
    command = [python_of(engine), str(HERE / "worker.py"), engine, str(model.path), str(rows), str(threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    if schedule:
        command.append(schedule)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    made = Engine(name, process)
    timer = threading.Timer(patience, process.kill)
    timer.start()
    answer = made.ask()
    timer.cancel()
    made.error, made.ready = answer.get("error"), answer.get("seconds", 0.0)
    return made


def run(model: BenchModel, options: argparse.Namespace, threads: int) -> list[dict[str, Any]]:
    """A result for each batch size."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npy"
        np.save(rows, model.batch(max(options.batch)))
        ours = [f"treec {schedule}" for schedule in options.schedule]
        engines = [
            start(name, "treec", model, rows, threads, None if schedule == "default" else schedule, options.patience)
            for name, schedule in zip(ours, options.schedule, strict=True)
        ]
        engines += [start(rival, rival, model, rows, threads, None, options.patience) for rival in options.rivals]
        _compare(engines, Path(folder), min(1000, max(options.batch)))
        for batch in options.batch:
            for _ in range(options.rounds + 1):  # the first warms up
                for engine in engines:
                    if engine.error is None:
                        answer = engine.ask(rows=batch)
                        engine.error = answer.get("error")
                        engine.seconds.setdefault(batch, []).append(answer.get("seconds", float("nan")))
        for engine in engines:
            engine.close()
    return [_result(model, engines, ours, threads, batch) for batch in options.batch]


def _compare(engines: list[Engine], folder: Path, n_rows: int) -> None:
    """Each engine's largest difference to the model's own library, of raw outputs."""
    outputs: dict[str, np.ndarray] = {}
    for engine in engines:
        if engine.error is None:
            place = folder / f"{len(outputs)}.npy"
            engine.error = engine.ask(rows=n_rows, out=str(place)).get("error")
            if engine.error is None:
                outputs[engine.name] = np.asarray(np.load(place), np.float64).reshape(-1)
    wanted = outputs.get("library")
    for engine in engines:
        found = outputs.get(engine.name)
        if found is not None and wanted is not None and found.shape == wanted.shape:
            engine.difference = float(np.abs(found - wanted).max(initial=0.0))


def _result(model: BenchModel, engines: list[Engine], ours: list[str], threads: int, batch: int) -> dict[str, Any]:
    seconds = {e.name: np.array(e.seconds[batch][1:]) for e in engines if e.error is None and batch in e.seconds}
    rivals = {name: values for name, values in seconds.items() if name not in ours}
    fastest = min(rivals, key=lambda name: float(np.median(rivals[name]))) if rivals else None
    result: dict[str, Any] = {
        "model": model.name,
        "batch": batch,
        "threads": threads,
        "us_per_row": {name: float(np.median(values)) / batch * 1e6 for name, values in seconds.items()},
        "errors": {e.name: e.error for e in engines if e.error is not None},
        "difference": {e.name: e.difference for e in engines if e.error is None},
        "ready_seconds": {e.name: e.ready for e in engines if e.error is None},
        "fastest_rival": fastest,
    }
    for name in ours:
        if name in seconds and fastest is not None:
            low, middle, high = np.quantile(rivals[fastest] / seconds[name], [0.25, 0.5, 0.75])
            result.setdefault("ratio", {})[name] = [float(middle), float(low), float(high)]
    return result


def _table(options: argparse.Namespace) -> Table:
    title = "µs a row; ratio: fastest rival / treec, within rounds, with quartiles; ≠: outputs differ from the library's"
    table = Table(title=title)
    names = [*(f"treec {s}" for s in options.schedule), *options.rivals]
    columns = ["model", "rows", "threads", *names, *(f"ratio {s}" for s in options.schedule), "fastest rival"]
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right")
    return table


def _cells(row: dict[str, Any], options: argparse.Namespace) -> list[str]:
    cells = [row["model"], f"{row['batch']:,}", str(row["threads"])]
    for name in [*(f"treec {s}" for s in options.schedule), *options.rivals]:
        if name in row["errors"]:
            cells.append("can't")
            continue
        difference = row["difference"].get(name, float("nan"))
        cells.append(f"{row['us_per_row'][name]:.3f}" + ("" if difference == 0 else " ≠"))
    for schedule in options.schedule:
        ratio = row.get("ratio", {}).get(f"treec {schedule}")
        cells.append("" if ratio is None else f"{ratio[0]:.2f} ({ratio[1]:.2f}-{ratio[2]:.2f})")
    return [*cells, row["fastest_rival"] or ""]


if __name__ == "__main__":
    sys.exit(main())
