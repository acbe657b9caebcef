# pyright: basic
"""Schedules beside the model's own library: what each transformation brings, one at a time and together.

usage: python -m bench.walks [--batch 1024] [--rounds 9] [--json FILE] [MODEL …]

One thread. Raw outputs are compared bit for bit with the library before anything is timed. The ratio is the library's time
over treec's in the same round: above 1, treec is faster. Behind ± stands half the distance of the quartiles.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from typing import Any

import numpy as np

from bench.measure import Timings, machine, take_turns
from bench.models import BenchModel, bench_models

BLOCKED = ["split row into=(block, row) by=64", "order block, tree, row"]
SCHEDULES: dict[str, list[str] | str] = {
    "plain": ["layout packed", "order row, tree", "walk with=scalar"],
    "blocks": ["layout packed", *BLOCKED, "walk with=scalar"],
    "interleave": ["layout packed", *BLOCKED, "walk with=scalar interleave=row:8"],
    "peel": ["layout packed", *BLOCKED, "walk with=scalar peel=3"],
    "both": ["layout packed", *BLOCKED, "walk with=scalar interleave=row:8 peel=3"],
    "unroll": ["layout packed", *BLOCKED, "walk with=scalar interleave=row:8 unroll=full"],
    "trees": ["layout packed", "order row, tree", "walk with=scalar interleave=tree:4"],
    "lanes": "lanes",
    "ranked": "ranked",
    "padded": ["pad trees limit=64", "layout packed", *BLOCKED, "walk with=scalar interleave=row:8"],
    "cached": ["layout packed", *BLOCKED, "cache rows at=block", "walk with=scalar interleave=row:8"],
    "reordered": [
        "reorder trees by=depth",
        "layout packed",
        *BLOCKED,
        "fission tree by=depth limit=64",
        "walk with=scalar interleave=row:8",
    ],
    "bitslice": [
        "split row into=(block, row) by=512",
        "rank features at=block to=u16",
        "predicates at=block",
        "order block, tree, row",
        "walk with=bitslice",
    ],
    "table": ["share predicates", "layout packed predicates=table", *BLOCKED, "walk with=scalar interleave=row:8"],
}
"""Name → schedule lines, or a preset's name. ``default`` (what treec picks) is added for every model."""


def main() -> int:
    options = _options()
    warnings.filterwarnings("ignore")
    print(
        f"{machine()}, one thread, batch {options.batch}, {options.rounds} rounds; library µs/row, then library / treec\n"
    )
    results: dict[str, dict[str, Any]] = {}
    for model in bench_models(options.models):
        names, timings = _run(model, options.batch, options.rounds)
        results[model.name] = _summary(timings, names, options.batch)
        _print_row(model.name, results[model.name], head=len(results) == 1)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": machine(), "batch": options.batch, "models": results}, file, indent=1)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def _run(model: BenchModel, batch: int, rounds: int) -> tuple[list[str], Timings]:
    import treec
    from treec.errors import ScheduleError

    rows = model.batch(batch)
    library, expected = _library_call(model, rows)
    contestants = {"library": library}
    for name, lines in {**SCHEDULES, "default": []}.items():
        schedule = lines if isinstance(lines, str) else "\n".join(lines) + "\n" if lines else None
        try:
            compiled = treec.compile(model.path, schedule, verify=False)
        except ScheduleError:
            continue
        ours = compiled.predict(rows, raw=True, n_threads=1)
        if not np.array_equal(np.ravel(ours), np.ravel(expected)):
            sys.exit(f"{model.name}: schedule {name} does not give the library's bits")
        contestants[name] = lambda compiled=compiled: compiled.predict(rows, raw=True, n_threads=1)
    return [name for name in (*SCHEDULES, "default") if name in contestants], take_turns(contestants, rounds)


def _library_call(model: BenchModel, rows: np.ndarray) -> tuple[Any, np.ndarray]:
    """The library's fastest way from an array to raw outputs, on one thread, and what it gives."""
    if model.library == "lightgbm":
        import lightgbm

        booster = lightgbm.Booster(model_file=str(model.path))
        wide = rows.astype(np.float64)  # what LightGBM computes in: it need not convert

        def call() -> Any:
            return booster.predict(wide, raw_score=True, num_threads=1)
    else:
        import xgboost

        booster = xgboost.Booster(model_file=str(model.path))
        booster.set_param({"nthread": 1})

        def call() -> Any:
            return booster.inplace_predict(rows, predict_type="margin", validate_features=False)

    return call, np.asarray(call())


def _summary(timings: Timings, names: list[str], batch: int) -> dict[str, Any]:
    ratios = {name: timings.ratio("library", name) for name in names}
    return {
        "library_us_per_row": timings.median("library") / batch * 1e6,
        "us_per_row": {name: timings.median(name) / batch * 1e6 for name in names},
        "ratio": {name: middle for name, (middle, _, _) in ratios.items()},
        "spread": {name: high - low for name, (_, low, high) in ratios.items()},
    }


def _print_row(name: str, summary: dict[str, Any], *, head: bool) -> None:
    names = [*SCHEDULES, "default"]
    if head:
        print(f"{'model':22}{'library':>9}" + "".join(f"{schedule:>14}" for schedule in names))
    cells = [
        f"{summary['ratio'][s]:>8.2f} ±{summary['spread'][s] / 2:.2f}" if s in summary["ratio"] else "-" for s in names
    ]
    print(f"{name:22}{summary['library_us_per_row']:>9.2f}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
