# pyright: basic
"""Tables and plots of a benchmark's log.

usage: python -m bench.report LOG [--write] [--csv FILE] [--plots FOLDER]

Without options it prints the tables as Markdown. ``--write`` puts them into docs/benchmarks.md and README.md, between the
lines that mark the place, and the plots into docs/img.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.cells import WRONG_SHARE
from bench.figures import OURS, Figures, Ratio, paired
from bench.journal import Journal
from bench.models import FIRST_EIGHT, ROOT
from bench.processes import LIKE

HEADLINE = (10_000, 1)
NAMES = {
    "treec": "treec",
    "library": "own library",
    "onedal": "oneDAL",
    "tl2cgen": "tl2cgen",
    "lleaves": "lleaves",
    "onnx": "ONNX Runtime",
    "ydf": "YDF",
    "catboost": "CatBoost ~",
}
PACKAGES = {"onedal": "scikit-learn-intelex", "onnx": "onnxruntime"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--write", action="store_true", help="into docs and README")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every time of every engine")
    parser.add_argument("--plots", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if not options.log.is_file():
        raise SystemExit(f"there is no log {options.log}")
    figures = Figures(Journal(options.log))
    plots = ROOT / "docs" / "img" if options.write else options.plots
    if options.csv:
        write_csv(figures, options.csv)
    if plots:
        from bench.plots import draw

        for place in draw(figures, plots):
            print(f"wrote {place}", file=sys.stderr)
    if options.write:
        fill(ROOT / "docs" / "benchmarks.md", "measured", document(figures, images=True))
        fill(ROOT / "README.md", "speed", f"{introduction(figures)}\n\n{headline(figures, short=True)}")
    else:
        print(document(figures, images=False))
    return 0


def print_tables(journal: Journal) -> None:
    print(document(Figures(journal), images=False))


def fill(place: Path, mark: str, text: str) -> None:
    """Put text between ``<!-- MARK: begin … -->`` and ``<!-- MARK: end -->``; SystemExit where they are not."""
    lines = place.read_text().splitlines()
    begin = [n for n, line in enumerate(lines) if line.startswith(f"<!-- {mark}: begin")]
    end = [n for n, line in enumerate(lines) if line.startswith(f"<!-- {mark}: end")]
    if len(begin) != 1 or len(end) != 1 or begin[0] > end[0]:
        raise SystemExit(f"{place} needs one line '<!-- {mark}: begin -->' and one '<!-- {mark}: end -->' below it")
    place.write_text("\n".join([*lines[: begin[0] + 1], "", text.strip(), "", *lines[end[0] :]]) + "\n")


def document(figures: Figures, *, images: bool) -> str:
    parts: list[tuple[str, str]] = [
        ("", machine(figures)),
        ("Ten thousand rows, one thread", headline(figures, short=False)),
        *((f"All engines, {threads_text(t)}", all_engines(figures, t)) for t in figures.threads),
        ("Cells that treec loses", lost(figures)),
        ("Differences to the library", differences(figures)),
        ("Compiling: CPU seconds, all threads together", compiling(figures)),
        ("MiB: compiled file, memory while compiling, memory while answering", memory(figures)),
        ("Two threads", scaling(figures)),
        ("Beside a hand-written program", limit(figures)),
        ("Who can't run what", refusals(figures)),
    ]
    if images:
        parts.insert(2, ("", "![rival's time over treec's, by model and batch](img/bench-ratio.png)"))
        parts.insert(3, ("", "![µs a row by batch size](img/bench-micros.png)"))
    return "\n\n".join(f"### {title}\n\n{text}" if title else text for title, text in parts if text)


def machine(figures: Figures) -> str:
    runs = figures.journal.of("run")
    if not runs:
        return ""
    last = runs[-1]
    commits = [*dict.fromkeys(f"{run['commit']}{' with changes' if run['changed'] else ''}" for run in runs)]
    versions = ", ".join(f"{name} {found}" for name, found in last["versions"].items())
    departs = [record["model"] for record in figures.journal.of("model") if record["departs"]]
    text = (
        f"{last['cpu']} ({last['level']}, {last['cpus']} CPUs), {last['system']}; commit {', '.join(commits)}; {versions}. "
    )
    text += f"Measured {runs[0]['time'][:10]}" + (
        f" to {last['time'][:10]}." if last["time"][:10] != runs[0]["time"][:10] else "."
    )
    return text + (f" Not the frozen model: {', '.join(departs)}." if departs else "")


def introduction(figures: Figures) -> str:
    """What the README says above its table: the machine, and the rivals with their versions."""
    run = figures.journal.of("run")[-1]
    libraries = {"xgboost": "XGBoost", "lightgbm": "LightGBM", "scikit-learn": "scikit-learn"}
    own = ", ".join(f"{name} {minor(run['versions'][package])}" for package, name in libraries.items())
    others = []
    for record in figures.journal.of("engine"):
        name = NAMES.get(record["engine"], record["engine"])
        package = PACKAGES.get(record["engine"], record["engine"])
        version = next((pin.split("==")[1] for pin in record["pins"] if pin.startswith(f"{package}==")), None)
        text = f"{name} {minor(version)}" if version else ""
        if text and record["engine"] not in LIKE and text not in others:
            others.append(text)
    return (
        f"µs a row at batches of 10,000, one thread, default schedule ({run['cpu']}, {run['level']}). The rival is the "
        f"fastest of the model's own library ({own}), {', '.join(others)}; ratios are taken within rounds. "
        "[docs/benchmarks.md](docs/benchmarks.md) has all of them, and `make bench` repeats it."
    )


def minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def threads_text(threads: int) -> str:
    return {1: "one thread", 2: "two threads"}.get(threads, f"{threads} threads")


def table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def spread(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{number(ratio.median)} ({number(ratio.low)} to {number(ratio.high)})"


def headline(figures: Figures, *, short: bool) -> str:
    rows = []
    for model in figures.models:
        cell = figures.cells.get((model, *HEADLINE))
        if cell is None or OURS not in cell["seconds"]:
            continue
        fastest = figures.fastest(cell)
        ratio, own = figures.ratio(cell, fastest), figures.ratio(cell, "library")
        line = [described(figures, model), micros(figures, cell, "library")]
        line += [f"{NAMES.get(fastest, fastest)} {number(figures.micros(cell, fastest))}" if fastest else ""]
        line += [number(figures.micros(cell, OURS)) + ("" if figures.exact(cell) else " ≠")]
        line += [number(ratio.median) if short and ratio else spread(ratio), number(own.median) if own else ""]
        rows.append(line)
    head = ["model", "own library, µs/row", "fastest rival", "treec", "rival / treec", "library / treec"]
    means = figures.mean_ratio(*HEADLINE), figures.mean_ratio(*HEADLINE, "library")
    if rows and means[0] and means[0][1] == len(FIRST_EIGHT):
        cells = [f"**{number(mean[0])}**" if mean else "" for mean in means]
        rows.append(["geometric mean of the first eight", "", "", "", *cells])
    return table(head, rows)


def described(figures: Figures, model: str) -> str:
    facts = figures.journal.get("model", model)
    if facts is None:
        return model
    library = {"xgboost": "XGBoost", "lightgbm": "LightGBM", "sklearn": "scikit-learn"}[facts["library"]]
    return f"{model} ({library}, {facts['trees']:,} trees, {facts['leaves'] / facts['trees']:.0f} leaves)"


def micros(figures: Figures, cell: dict[str, Any], engine: str, *, least: bool = False) -> str:
    if engine not in cell["seconds"]:
        return "can't" if engine in cell["errors"] else ""
    text = number(figures.micros(cell, engine))
    if least:
        text += f" ({number(figures.least_micros(cell, engine))})"
    off = cell["off_rows"].get(engine, 0.0)
    text += " ‡" if off > WRONG_SHARE else " ≠" if cell["difference"].get(engine, 0.0) != 0 else ""
    return text + (" *" if engine in cell["dropped"] else "")


def all_engines(figures: Figures, threads: int) -> str:
    rows = []
    for model in figures.models:
        for batch in figures.batches:
            cell = figures.cells.get((model, batch, threads))
            if cell is None:
                continue
            fastest = figures.fastest(cell)
            line = [model, f"{batch:,}"]
            for engine in figures.engines:
                text = micros(figures, cell, engine, least=engine in (*cell["ours"], fastest))
                line.append(f"**{text}**" if engine == fastest else text)
            rows.append([*line, spread(figures.ratio(cell, fastest))])
    head = ["model", "rows", *(NAMES.get(engine, engine) for engine in figures.engines), "rival / treec"]
    return table(head, rows)


def lost(figures: Figures) -> str:
    if not figures.cells:
        return ""
    rows = []
    for cell, ratio in figures.lost():
        rival = f"{NAMES.get(ratio.rival, ratio.rival)} {number(figures.micros(cell, ratio.rival))}"
        line = [cell["model"], f"{cell['batch']:,}", str(cell["threads"]), number(figures.micros(cell, OURS)), rival]
        rows.append([*line, spread(ratio)])
    head = ["model", "rows", "threads", "treec, µs/row", "rival", "rival / treec"]
    return table(head, rows) or f"None of {len(figures.cells)}."


def differences(figures: Figures) -> str:
    def cell(model: str, engine: str) -> str:
        found = figures.largest_difference(model, engine)
        if found is None:
            return ""
        return f"{found[0]:.1e}".replace("0.0e+00", "0") + (f" ({found[1]:.1%} of rows)" if found[1] else "")

    return by_engine(figures, cell, [engine for engine in figures.engines if engine != "catboost"])


def compiling(figures: Figures) -> str:
    def cell(model: str, engine: str) -> str:
        found = figures.built(model, engine)
        if found is None or found["error"]:
            return "can't" if found else ""
        used = found["built"].get("cpu_seconds")
        return "" if used is None else number(used)

    return by_engine(figures, cell, [engine for engine in figures.engines if engine != "library"])


def memory(figures: Figures) -> str:
    batch = HEADLINE[0] if HEADLINE[0] in figures.batches else max(figures.batches, default=0)

    def cell(model: str, engine: str) -> str:
        found = figures.built(model, engine)
        if found is None or found["error"]:
            return ""
        text = f"{number(found['bytes'] / 2**20)}"
        run = figures.cells.get((model, batch, 1), {}).get("peak_mb", {}).get(engine)
        compiled = "" if engine == "library" else f" / {number(found['built']['peak_mb'])}"
        return text + compiled + (f" / {number(run)}" if run else "")

    return by_engine(figures, cell, figures.engines)


def by_engine(figures: Figures, cell: Callable[[str, str], str], engines: list[str]) -> str:
    rows = [[model, *(cell(model, engine) for engine in engines)] for model in figures.models]
    return table(["model", *(NAMES.get(engine, engine) for engine in engines)], rows)


def scaling(figures: Figures) -> str:
    rows, middles = [], []
    for record in figures.journal.of("scaling"):
        speedup = paired(record["one_thread"], record["two_threads"])
        control = 2 * paired(record["alone"], record["both"])
        middles.append(float(np.median(speedup)))
        rows.append([record["model"], f"{record['batch']:,}", quartiles(speedup), quartiles(control)])
    if len(rows) > 1:
        rows.append(["median", "", f"**{number(float(np.median(middles)))}**", ""])
    return table(["model", "rows", "two threads / one", "two processes / one (control)"], rows)


def quartiles(values: Any) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def limit(figures: Figures) -> str:
    rows = []
    for record in figures.journal.of("limit"):
        if "error" in record:
            continue
        ratios = paired(record["treec"], record["limit"])
        best = [number(float(np.median(record[name]))) for name in ("limit", "treec")]
        rows.append([record["model"], *best, quartiles(ratios), f"{record['difference']:g}"])
    return table(["model", "program, µs/row", "treec", "treec / program", "its difference"], rows)


def refusals(figures: Figures) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for (model, _, _), cell in figures.cells.items():
        for engine, reason in cell["errors"].items():
            models = reasons.setdefault((engine, reason), [])
            if model not in models:
                models.append(model)
    lines = [f"- {NAMES.get(e, e)}: {why} ({', '.join(models)})" for (e, why), models in sorted(reasons.items())]
    return "\n".join(lines)


def write_csv(figures: Figures, place: Path) -> None:
    with place.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["model", "batch", "threads", "engine", "median_us", "min_us", "rounds", "difference", "note"])
        for (model, batch, threads), cell in figures.cells.items():
            for engine, seconds in cell["seconds"].items():
                times = [figures.micros(cell, engine), figures.least_micros(cell, engine)]
                note = cell["dropped"].get(engine, "like model" if engine in cell["like"] else "")
                difference = cell["difference"].get(engine, "")
                out.writerow([model, batch, threads, engine, *times, len(seconds), difference, note])
            for engine, reason in cell["errors"].items():
                out.writerow([model, batch, threads, engine, "", "", 0, "", reason])


if __name__ == "__main__":
    sys.exit(main())
