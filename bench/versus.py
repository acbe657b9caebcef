# pyright: basic
"""The benchmark: treec beside other engines, over models, batch sizes and threads.

usage: python -m bench.versus [MODEL …] [--batch N …] [--threads N …] [--log FILE] [--minutes M] …

A MODEL is a name of `bench.models` or a model file. With ``--log`` every finished cell is written at once, and a run that
was cut off goes on where it stopped; ``python -m bench.report FILE`` makes tables and plots of it.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.cells import Cell, linked
from bench.journal import Journal, describe_run
from bench.limit import limit_folder, run_limit
from bench.models import BenchModel, known_models, load
from bench.processes import RIVALS, Contestant, pins_of, prepare, serve
from bench.scaling import run_scaling

BATCHES = [1, 16, 256, 4096, 65536]
HEADLINE = 10_000
"""Measured with one thread alone, unless ``--batch`` asks for it."""
PARTS = ("grid", "limit", "scaling")


class OutOfTime(Exception):
    """``--minutes`` are over."""


class Session:
    """A model with its contestants running. A context manager: leaving it ends them."""

    def __init__(self, model: BenchModel, options: argparse.Namespace, n_rows: int) -> None:
        self.model, self.options, self.n_rows = model, options, n_rows
        self.folder = Path(tempfile.mkdtemp(prefix="treec-bench-"))
        self.contestants: list[Contestant] = []
        self.outputs: NDArray[np.float64] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for contestant in self.contestants:
            contestant.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, names: list[str], journal: Journal) -> None:
        """The library first: its outputs are what all are compared with, and what like models learn."""
        rows = self.folder / "rows.npy"
        np.save(rows, self.model.batch(self.n_rows))
        sample = self.folder / "sample.npy"
        np.save(sample, self.model.batch(4000))
        task = {"path": str(self.model.path), "facts": self.model.facts, "rows": str(rows)}
        key = json.dumps([self.model.digests, self.model.facts], sort_keys=True)
        self._run_one(Contestant("library", "library"), task, key, journal)
        self.outputs = self._ask_outputs()
        if self.outputs is not None:
            labels = self.folder / "labels.npy"
            np.save(labels, self.outputs[:4000])
            task = {**task, "facts": {**self.model.facts, "labels": str(labels)}}
        for schedule in self.options.schedule:
            name = "treec" if schedule == "default" else f"treec {schedule}"
            self._run_one(Contestant(name, "treec", None if schedule == "default" else schedule), task, key, journal)
        for rival in names:
            if rival != "library":
                built_from = {**task, "rows": str(sample)}
                self._run_one(Contestant(rival, rival), task, key, journal, built_from)

    def _run_one(
        self,
        contestant: Contestant,
        task: dict[str, Any],
        key: str,
        journal: Journal,
        built_from: dict[str, Any] | None = None,
    ) -> None:
        self.contestants.append(contestant)
        prepare(contestant, built_from or task, key, self.options.patience)
        if contestant.error is None:
            serve(contestant, task, max(self.options.threads), self.options.patience)
        journal.add(
            "engine",
            model=self.model.name,
            engine=contestant.name,
            pins=pins_of(contestant.engine).split(),
            built=contestant.built,
            loaded=contestant.loaded,
            error=contestant.error,
            bytes=contestant.built.get("bytes") or os.path.getsize(self.model.path),
        )

    def _ask_outputs(self) -> NDArray[np.float64] | None:
        library = self.contestants[0]
        if library.error is not None:
            return None
        place = self.folder / "expected.npy"
        library.error = library.ask(rows=self.n_rows, threads=1, out=str(place)).get("error")
        return None if library.error else np.asarray(np.load(place), np.float64).reshape(self.n_rows, -1)

    def expected(self, gives: str, batch: int) -> NDArray[np.float64]:
        assert self.outputs is not None
        raw = self.outputs[:batch]
        return linked(self.model.facts["link"], raw) if gives == "probability" else raw

    def cell(self, batch: int, threads: int, pace: dict[str, float]) -> dict[str, Any]:
        cell = Cell(self.contestants, batch, threads, pace)
        expected = self.expected if self.outputs is not None else None
        return cell.run(self.options.rounds, self.options.cell_seconds, expected, self.folder)


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the engines are ended
    journal = Journal(Path(options.log) if options.log else None)
    run = describe_run()
    machines = {record["cpu"] for record in journal.of("run")}
    if machines - {run["cpu"]}:
        raise SystemExit(f"{options.log} is of another machine: {', '.join(machines)}; name another log")
    journal.add("run", **run, options={key: value for key, value in vars(options).items() if key != "log"})
    until = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    try:
        _run_steps(options, journal, until)
    except OutOfTime:
        print(f"the {options.minutes} minutes are over; the same command goes on from here")
    from bench.report import print_tables

    print_tables(journal)
    return 0


def _run_steps(options: argparse.Namespace, journal: Journal, until: float) -> None:
    """Step by step over all models, what matters most first: a run that is cut off has no model without figures."""
    models = [load(name) for name in options.models or known_models()]
    for model in models:
        _note_model(model, journal)
    first, *others = [functools.partial(_grid, threads=threads) for threads in options.threads]
    steps = [("grid", first), ("limit", _limit), ("scaling", _scaling), *(("grid", grid) for grid in others)]
    for part, step in steps:
        for number, model in enumerate(models):
            if part in options.parts:
                print(f"{part}: {model.name} ({number + 1} of {len(models)})", flush=True)
                step(model, options, journal, until)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="default: all")
    add("--batch", type=int, nargs="+", help=f"default: {BATCHES}, and {HEADLINE} with one thread")
    add("--threads", type=int, nargs="+", default=[1, 2])
    add("--rounds", type=int, default=7)
    add("--rivals", nargs="+", default=list(RIVALS), choices=RIVALS)
    add("--schedule", nargs="+", default=["default"], help="of treec: default, presets or files")
    add("--patience", type=float, default=300.0, help="seconds that an engine may take to compile or load a model")
    add("--cell-seconds", type=float, default=60.0, help="when up, only treec and the fastest rival go on")
    add("--minutes", type=float, help="begin no cell after so many minutes")
    add("--log", metavar="FILE", help="JSON lines; finished cells in it are not measured again")
    add("--again", action="store_true", help="measure cells again that the log has")
    add("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    return parser.parse_args()


def _note_model(model: BenchModel, journal: Journal) -> None:
    sha = hashlib.sha256(model.path.read_bytes()).hexdigest()
    departs = model.departures()
    if departs:
        print(f"  not the frozen model: differs in {', '.join(departs)}")
    journal.add(
        "model", model=model.name, file=model.path.name, sha256=sha, digests=model.digests, departs=departs, **model.facts
    )


def _grid(model: BenchModel, options: argparse.Namespace, journal: Journal, until: float, threads: int) -> None:
    batches = sorted(options.batch or [*BATCHES, *([HEADLINE] if threads == 1 else [])])
    pending = [batch for batch in batches if options.again or journal.get("cell", model.name, batch, threads) is None]
    if not pending:
        return
    _in_time(until)
    with Session(model, options, max(4000, *batches)) as session:
        session.start(options.rivals, journal)
        for batch in pending:
            _in_time(until)
            found = session.cell(batch, threads, _pace(journal, model.name, batch, threads))
            run = journal.of("run")[-1]["time"]
            cell = journal.add("cell", model=model.name, run=run, **found)
            print(f"  {batch:6} rows, {threads} threads: {_brief(cell)}", flush=True)


def _in_time(until: float) -> None:
    if time.monotonic() > until:
        raise OutOfTime


def _pace(journal: Journal, model: str, batch: int, threads: int) -> dict[str, float]:
    """µs a row of each engine at the largest smaller batch that the log has."""
    seen = [c for c in journal.of("cell") if c["model"] == model and c["threads"] == threads and c["batch"] < batch]
    if not seen:
        return {}
    last = max(seen, key=lambda cell: cell["batch"])
    return {name: float(np.median(values)) / last["batch"] * 1e6 for name, values in last["seconds"].items()}


def _brief(cell: dict[str, Any]) -> str:
    by_time = sorted(cell["seconds"], key=lambda name: np.median(cell["seconds"][name]))
    micros = (f"{name} {np.median(cell['seconds'][name]) / cell['batch'] * 1e6:.3g}" for name in by_time[:4])
    return f"{', '.join(micros)} µs/row ({cell['took']:.0f} s)"


def _limit(model: BenchModel, options: argparse.Namespace, journal: Journal, until: float) -> None:
    if limit_folder() is None or (journal.get("limit", model.name) is not None and not options.again):
        return
    _in_time(until)
    with Session(model, options, HEADLINE) as session:
        session.start([], journal)
        run_limit(model, session.contestants, HEADLINE, options.rounds, journal)


def _scaling(model: BenchModel, options: argparse.Namespace, journal: Journal, until: float) -> None:
    if max(options.threads) < 2 or (journal.get("scaling", model.name) is not None and not options.again):
        return
    _in_time(until)
    batch = max(options.batch or BATCHES)
    with Session(model, options, batch) as session:
        session.start([], journal)
        ours = next(c for c in session.contestants if c.ours)
        if ours.error is None:
            journal.add("scaling", model=model.name, **run_scaling(session, ours, batch, max(9, options.rounds)))


if __name__ == "__main__":
    sys.exit(main())
