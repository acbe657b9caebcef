# pyright: basic
"""Schedules beside the model's own library: what each transformation brings, one at a time and together.

usage: python -m bench.walks [--batch 1024] [--rounds 9] [--only NAME …] [--json FILE] [MODEL …]

One thread. Raw outputs are compared bit for bit with the library before anything is timed, or within 1e-4 where a schedule
reassociates. In each round every schedule runs right behind the library: the ratio is the library's time over treec's in
these two turns, and above 1 treec is faster. Behind ± is half the distance of the quartiles. `*` marks the fastest walk.
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

MODELS = ("airline", "higgs", "year", "covtype_like", "letters_like", "abalone_like", "higgs_like_missing")
SCALAR = "walk with=scalar"
PLAIN = ["layout packed", "order row, tree", "walk with=scalar"]
BLOCKED = ["split row into=(block, row) by=64", "order block, tree, row"]
RANKED = ["split row into=(block, row) by=64", "rank features at=block to=u16"]
ORDER = "order block, tree, row"
BESIDE = "walk with=scalar interleave=row:8"
ALONE: dict[str, list[str]] = {
    "plain": PLAIN,
    "blocks of rows": ["layout packed", *BLOCKED, "walk with=scalar"],
    "blocks of trees": [
        "layout packed",
        "split tree into=(group, tree) by=16",
        "order group, row, tree",
        "walk with=scalar",
    ],
    "trees outside": ["layout packed", "order tree, row", "walk with=scalar"],
    "interleave rows": ["layout packed", "order tree, row", BESIDE],
    "interleave trees": ["layout packed", "walk with=scalar interleave=tree:4"],
    "peel": ["layout packed", "walk with=scalar peel=3"],
    "unroll walk": ["layout packed", "walk with=scalar unroll=full"],
    "unroll loop": ["layout packed", "walk with=scalar", "unroll tree by=4"],
    "pad": ["pad trees limit=64", *PLAIN],
    "swap children": ["swap children", *PLAIN],
    "reorder, fission": ["reorder trees by=depth", "layout packed", "fission tree by=depth limit=64", "walk with=scalar"],
    "reorder similar": ["reorder trees by=similarity", *PLAIN],
    "specialize": ["layout packed", "split tree into=(few, tree) by=25", "specialize few limit=256", "walk with=scalar"],
    "share, table": ["share predicates", "layout packed predicates=table", "walk with=scalar"],
    "share leaves": ["share leaves", *PLAIN],
    "tiles of 3": ["tile nodes size=3", "layout sparse", "walk with=tile"],
    "tiles of 8": ["tile nodes size=8", "layout sparse align=64", "walk with=tile"],
    "likely tiles": ["tile nodes size=3 shape=probability alpha=1", "layout sparse", "walk with=tile"],
    "sparse": ["layout sparse", "walk with=scalar"],
    "array": ["layout array", "walk with=scalar"],
    "reorg": ["layout reorg", "walk with=scalar"],
    "cache rows": ["layout packed", *BLOCKED, "cache rows at=block", "walk with=scalar"],
    "cache columns": ["layout packed", *BLOCKED, "cache rows at=block layout=column", "walk with=scalar"],
    "ranks": [*RANKED, "layout packed", ORDER, "walk with=scalar"],
    "ranks, pairs": [*RANKED, "layout pairs", ORDER, "walk with=scalar"],
    "prefetch": ["layout packed", *BLOCKED, "prefetch rows at=block", "walk with=scalar"],
    "reduce": [
        "float reassociate",
        "layout packed",
        "split tree into=(group, tree) by=50",
        "reduce group in=vector",
        SCALAR,
    ],
    "branch": ["specialize tree limit=10000", "order row, tree", "walk with=branch"],
    "vectorize": ["layout packed", *BLOCKED, "vectorize row", "walk with=lanes"],
}
"""Each transformation by itself, on the plain walk or, where it needs them, on blocks of rows."""
TOGETHER: dict[str, list[str] | str] = {
    "blocks, interleave": ["layout packed", *BLOCKED, BESIDE],
    "+ peel": ["layout packed", *BLOCKED, f"{BESIDE} peel=3"],
    "+ unroll": ["layout packed", *BLOCKED, f"{BESIDE} unroll=full"],
    "+ pad, unroll": ["pad trees limit=64", "layout packed", *BLOCKED, f"{BESIDE} unroll=full"],
    "+ reorder, fission": ["reorder trees by=depth", "layout packed", *BLOCKED, "fission tree by=depth limit=64", BESIDE],
    "depth groups": [
        *("pad trees limit=64", "reorder trees by=depth", "layout packed", *BLOCKED),
        *("fission tree by=depth limit=64", f"{BESIDE} unroll=full"),
    ],
    "+ swap children": ["swap children", "layout packed", *BLOCKED, BESIDE],
    "+ table": ["share predicates", "layout packed predicates=table", *BLOCKED, BESIDE],
    "+ cache rows": ["layout packed", *BLOCKED, "cache rows at=block", BESIDE],
    "+ specialize": [
        *("layout packed", "split tree into=(few, tree) by=25", "split row into=(block, row) by=64"),
        *("order block, few, tree, row", "specialize few limit=256", BESIDE),
    ],
    "+ ranks": [*RANKED, "layout packed", ORDER, BESIDE],
    "+ ranks, pairs": [*RANKED, "layout pairs", ORDER, BESIDE],
    "+ ranks, pairs, peel": [*RANKED, "layout pairs", ORDER, f"{BESIDE} peel=4"],
    "+ ranks, pairs, 16": [*RANKED, "layout pairs", ORDER, "walk with=scalar interleave=row:16 peel=4"],
    "+ reorg": ["layout reorg", *BLOCKED, BESIDE],
    "+ ranks, reorg": [*RANKED, "layout reorg", ORDER, BESIDE],
    "+ ranks, reorg, depth": [
        *("reorder trees by=depth", *RANKED, "layout reorg", ORDER, "fission tree by=depth limit=64", BESIDE),
    ],
    "+ tiles of 3": ["tile nodes size=3", "layout sparse", *BLOCKED, "walk with=tile interleave=row:8"],
    "+ tiles of 8": ["tile nodes size=8", "layout sparse align=64", *BLOCKED, "walk with=tile interleave=row:8"],
    "lanes, interleave": ["layout packed", *BLOCKED, "vectorize row", "walk with=lanes interleave=row:2"],
    "lanes, ranks": [*RANKED, "layout packed", ORDER, "vectorize row", "walk with=lanes interleave=row:2"],
    "+ prefetch": ["layout packed", *BLOCKED, "prefetch rows at=block", BESIDE],
    "preset treebeard": "treebeard",
    "preset ranked": "ranked",
}
"""Several transformations; `+` is added to blocks of rows whose walks are interleaved."""
OTHERS: dict[str, list[str] | str] = {
    "bitslice (no walk)": [
        *("split row into=(block, row) by=512", "rank features at=block to=u16", "predicates at=block", ORDER),
        "walk with=bitslice",
    ],
    "default": [],
}
"""Beside the walks: no walk at all, and what treec picks."""
SCHEDULES: dict[str, list[str] | str] = {**ALONE, **TOGETHER, **OTHERS}
"""Name → schedule lines, or a preset's name."""


def main() -> int:
    options = _options()
    warnings.filterwarnings("ignore")
    print(f"{machine()}, one thread, batch {options.batch}, {options.rounds} rounds")
    results: dict[str, dict[str, Any]] = {}
    for model in bench_models(options.models or list(MODELS)):
        timings, refused = _run(model, options.batch, options.rounds, options.only or list(SCHEDULES))
        results[model.name] = _summary(timings, refused, options.batch)
        _print_model(model.name, results[model.name])
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": machine(), "batch": options.batch, "models": results}, file, indent=1)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"default: {', '.join(MODELS)}")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(SCHEDULES), help="these schedules alone")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def _text(lines: list[str] | str) -> str | None:
    return lines if isinstance(lines, str) else "\n".join(lines) + "\n" if lines else None


def _run(model: BenchModel, batch: int, rounds: int, names: list[str]) -> tuple[Timings, dict[str, str]]:
    """Times of every schedule, and of the library before it; and why schedules were refused."""
    import treec
    from treec.errors import TreecError

    rows = model.batch(batch)
    library, expected = _library_call(model, rows)
    contestants: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            compiled = treec.compile(model.path, _text(SCHEDULES[name]), verify=False)
        except TreecError as error:
            refused[name] = error.message
            continue
        _compare(model.name, name, compiled, rows, expected)
        contestants[f"library {name}"] = library
        contestants[name] = lambda compiled=compiled: compiled.predict(rows, raw=True, n_threads=1)
    return take_turns(contestants, rounds), refused


def _compare(model: str, name: str, compiled: Any, rows: np.ndarray, expected: np.ndarray) -> None:
    ours = np.ravel(compiled.predict(rows, raw=True, n_threads=1))
    near = np.allclose(ours, np.ravel(expected), rtol=1e-4, atol=1e-4)
    exact = np.array_equal(ours, np.ravel(expected))
    if not exact and not (near and "float reassociate" in str(compiled.schedule)):
        sys.exit(f"{model}: schedule {name} does not give the library's bits")


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


def _summary(timings: Timings, refused: dict[str, str], batch: int) -> dict[str, Any]:
    names = [name for name in SCHEDULES if name in timings.seconds]
    ratios = {name: timings.ratio(f"library {name}", name) for name in names}
    walks = [name for name in names if name not in OTHERS]
    libraries = [timings.median(f"library {name}") for name in names]
    return {
        "library_us_per_row": float(np.median(libraries)) / batch * 1e6,
        "us_per_row": {name: timings.median(name) / batch * 1e6 for name in names},
        "ratio": {name: middle for name, (middle, _, _) in ratios.items()},
        "spread": {name: high - low for name, (_, low, high) in ratios.items()},
        "best_walk": max(walks, key=lambda name: ratios[name][0]) if walks else None,
        "refused": refused,
    }


def _print_model(model: str, summary: dict[str, Any]) -> None:
    print(f"\n{model}: library {summary['library_us_per_row']:.2f} µs/row")
    print(f"  {'schedule':24}{'µs/row':>9}{'library/treec':>16}{'plain/treec':>13}")
    times = summary["us_per_row"]
    for head, group in (("one at a time", ALONE), ("together", TOGETHER), ("beside", OTHERS)):
        print(f"  {head}")
        for name in group:
            if name in summary["refused"]:
                print(f"  - {name:22}  refused: {summary['refused'][name].splitlines()[0][:80]}")
            elif name in times:
                mark = "*" if name == summary["best_walk"] else " "
                ratio = f"{summary['ratio'][name]:.2f} ±{summary['spread'][name] / 2:.2f}"
                gain = f"{times['plain'] / times[name]:.2f}" if "plain" in times else "-"
                print(f"  {mark} {name:22}{times[name]:>9.3f}{ratio:>16}{gain:>13}")
    best = summary["best_walk"]
    if best is not None:
        print(f"  best walk: {best}, {summary['ratio'][best]:.2f} times the library's speed", flush=True)


if __name__ == "__main__":
    sys.exit(main())
