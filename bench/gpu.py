# pyright: basic
"""treec on a GPU beside nvForest, XGBoost's GPU predictor and Hummingbird on torch: one command for a machine with a GPU.

usage: python -m bench.gpu [MODEL …] [--batch N …] [--schedule NAME …] [--engine NAME …] [--rounds N] [--log FILE]
       python -m bench.gpu --pack FOLDER [MODEL …]      compile here, and measure on a machine without compilers:
       python -m bench.gpu --packed FOLDER

Answers are checked before anything is timed: raw outputs of treec have the bits of its machine code for CPUs, responses
of others are near to those. Then all take turns, `--rounds` times, and medians are printed: *kernel*, the device's own
time for rows and results in its memory, *call*, that from Python, and *total*, from numpy to numpy. nvForest comes after
its own `optimize` for the batch. What is not installed is named and left out. Without a GPU, the kernels run on PoCL,
which shows that all of this works, and no speed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import treec
from bench.gpu_engines import RIVALS, Absent, check, rival, treec_contestant
from bench.gpu_pack import DEFAULT, Packed, pack, unpack
from bench.gpu_times import Contestant, take_turns
from bench.models import bench_models
from treec.errors import TreecError

MODELS = ["airline", "higgs", "year", "covtype_like", "letters_like", "abalone_like"]
BATCHES = [512, 4096, 65_536, 1 << 20]
ON_POCL = 2048
"""The largest batch where there is no GPU."""


def names_of(options: argparse.Namespace) -> list[str]:
    """treec's choice and presets, as asked for."""
    if options.schedule:
        return options.schedule
    from treec.schedule.library import preset, preset_names

    return [DEFAULT, *(name for name in preset_names() if preset(name).gpu is not None)]


def run_cell(packed: Packed, batch: int, names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """One model and batch: who takes part, and their times."""
    rows = packed.rows(batch)
    contestants, absent = list[Contestant](), dict[str, str]()
    makers = [(name, treec_contestant) for name in names] + [(name, rival) for name in options.engine]
    for name, make in makers:
        try:
            contestant = make(name, packed, rows)
            wrong = check(contestant, packed.raw[batch], packed.responses)
        except (Absent, TreecError) as error:
            absent[name] = str(error)
            continue
        if wrong is None:
            contestants.append(contestant)
        else:
            absent[name] = f"wrong: {wrong}"
    times = take_turns(contestants, options.rounds) if contestants else {}
    return {"model": packed.name, "batch": batch, "times": {k: asdict(v) for k, v in times.items()}, "absent": absent}


def say(cell: dict[str, Any]) -> None:
    batch = cell["batch"]
    print(f"\n{cell['model']}, {batch:,} rows: µs of kernels, a call, all; million rows/s of kernels")
    for name, at in sorted(cell["times"].items(), key=lambda item: item[1]["kernel"]):
        low, high = (f"{edge * 1e6:,.1f}" for edge in at["spread"])
        times = " ".join(f"{at[what] * 1e6:11,.1f}" for what in ("kernel", "call", "total"))
        print(f"  {name:26}{times} {batch / at['kernel'] / 1e6:10,.1f}   ({low} to {high})")
    for name, why in cell["absent"].items():
        print(f"  {name:26} {why}")


def measure(models: list[Packed], options: argparse.Namespace) -> bool:
    """Whether all of treec's answers were right."""
    right = True
    for packed in models:
        names = options.schedule or [*packed.schedules, *packed.refused]
        device = treec.load(packed.folder / next(iter(packed.schedules.values()))).device
        print(f"\n{packed.name}: {packed.trees} trees, {device}")
        for batch in packed.raw:
            if not device.startswith("CUDA") and batch > ON_POCL:
                print(f"{packed.name}, {batch:,} rows: left out, for this is no GPU")
                continue
            cell = run_cell(packed, batch, names, options)
            say(cell)
            sys.stdout.flush()
            right &= not any(why.startswith("wrong") for why in cell["absent"].values())
            if options.log:
                with open(options.log, "a") as log:
                    log.write(json.dumps({**cell, "device": device}) + "\n")
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of bench.models, or files")
    parser.add_argument("--batch", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--schedule", nargs="+", metavar="NAME", help=f'presets, files, "{DEFAULT}"; default: all presets')
    parser.add_argument("--engine", nargs="*", choices=tuple(RIVALS), default=list(RIVALS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--log", metavar="FILE", help="append each cell, as a line of JSON")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="compile into this folder, and measure nothing")
    parser.add_argument("--packed", type=Path, metavar="FOLDER", help="measure what such a folder has")
    options = parser.parse_args()
    if options.packed is not None:
        chosen = [model for model in unpack(options.packed) if not options.models or model.name in options.models]
        return 0 if measure(chosen, options) else 1
    with tempfile.TemporaryDirectory() as scratch:
        folder, names = options.pack or Path(scratch), names_of(options)
        packed = []
        for model in bench_models(options.models or MODELS):
            packed.append(pack(model, names, options.batch, folder))
            print(f"{model.name}: {len(packed[-1].schedules)} of {len(names)} schedules compiled", file=sys.stderr)
        return 0 if options.pack is not None or measure(packed, options) else 1


if __name__ == "__main__":
    sys.exit(main())
