# pyright: basic
"""Two plots of a log: how far ahead of the fastest rival, by model and batch; µs a row by batch. Colours are told apart by
colour-blind readers, and never alone: cells carry numbers, lines have markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import OURS, Figures
from bench.report import HEADLINE, NAMES, threads_text

STYLES = {  # Okabe and Ito's colours
    "treec": ("#000000", "o"),
    "library": ("#E69F00", "s"),
    "onedal": ("#0072B2", "^"),
    "tl2cgen": ("#D55E00", "v"),
    "lleaves": ("#009E73", "D"),
    "onnx": ("#CC79A7", "P"),
    "ydf": ("#56B4E9", "X"),
    "catboost": ("#999999", "*"),
}


def draw(figures: Figures, folder: Path) -> list[Path]:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    folder.mkdir(parents=True, exist_ok=True)
    return [_ratios(figures, folder / "bench-ratio.png"), _micros(figures, folder / "bench-micros.png")]


def _ratios(figures: Figures, place: Path) -> Path:
    """A heat map for each number of threads, on one scale: purple, treec is faster; orange, a rival is."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import TwoSlopeNorm

    tables = [_ratio_table(figures, threads) for threads in figures.threads]
    widths = [max(1, len(batches)) for batches, _ in tables]
    height = 1.3 + 0.27 * len(figures.models)
    shape = {"squeeze": False, "sharey": True, "layout": "constrained", "width_ratios": widths}
    figure, axes = plt.subplots(1, len(tables), figsize=(max(4.8, 1.9 + 0.62 * sum(widths)), height), **shape)
    scale = TwoSlopeNorm(0, -2, 6)  # log2: a quarter to 64 times
    for axis, threads, (batches, values) in zip(axes[0], figures.threads, tables, strict=True):
        axis.imshow(np.log2(values), cmap="PuOr", norm=scale, aspect="auto")
        axis.set_xticks(range(len(batches)), [f"{batch:,}" for batch in batches])
        axis.set_yticks(range(len(figures.models)), figures.models)
        axis.tick_params(length=0)
        axis.set_xlabel("rows in a call")
        axis.set_title(threads_text(threads), fontsize=9)
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                dark = np.log2(value) > 3.3 or np.log2(value) < -1.3
                weight = "bold" if value < 1 else "normal"
                text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
                axis.text(column, row, text, ha="center", va="center", color="white" if dark else "black", weight=weight)
        for side in axis.spines.values():
            side.set_visible(False)
    figure.suptitle("fastest rival's time / treec's (below 1, in bold: the rival is faster)", fontsize=9)
    _save(figure, place, dpi=110)
    return place


def _save(figure: Any, place: Path, dpi: int) -> None:
    """With 64 colours: a third of the size, and no difference to see."""
    import matplotlib.pyplot as plt
    from PIL import Image

    figure.savefig(place, dpi=dpi)
    plt.close(figure)
    with Image.open(place) as image:
        small = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    small.save(place, optimize=True)


def short(batch: int) -> str:
    return f"{batch // 1024}k" if batch % 1024 == 0 else f"{batch:,}"


def _ratio_table(figures: Figures, threads: int) -> tuple[list[int], Any]:
    batches = [b for b in figures.batches if any((m, b, threads) in figures.cells for m in figures.models)]
    values = np.full((len(figures.models), len(batches)), np.nan)
    for row, model in enumerate(figures.models):
        for column, batch in enumerate(batches):
            cell = figures.cells.get((model, batch, threads))
            ratio = None if cell is None else figures.ratio(cell, figures.fastest(cell))
            if ratio is not None:
                values[row, column] = ratio.median
    return batches, values


def _micros(figures: Figures, place: Path) -> Path:
    """One small plot a model: µs a row by batch, one thread, every engine."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    columns = min(4, max(1, len(figures.models)))
    rows = -(-len(figures.models) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.5 * columns, 1.9 * rows + 0.5), squeeze=False, sharex=True, layout="constrained"
    )
    drawn: dict[str, Any] = {}
    shown = [batch for batch in figures.batches if batch != HEADLINE[0]]
    for axis, model in zip(axes.flat, figures.models, strict=False):
        for engine in figures.engines:
            cells = [
                c for (m, _, t), c in sorted(figures.cells.items()) if m == model and t == 1 and engine in c["seconds"]
            ]
            if not cells:
                continue
            colour, marker = STYLES.get(engine, ("#444444", "."))
            style = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 2 if engine == OURS else 1}
            style["zorder"] = 3 if engine == OURS else 2
            style["linestyle"] = ":" if engine in cells[0]["like"] else "-"
            batches, values = [c["batch"] for c in cells], [figures.micros(c, engine) for c in cells]
            (drawn[engine],) = axis.plot(batches, values, **style)
        axis.set(xscale="log", yscale="log")
        axis.set_title(model, fontsize=8)
        axis.grid(alpha=0.3, linewidth=0.5)
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_xticks(shown, [short(batch) for batch in shown])
        axis.xaxis.minorticks_off()
    for axis in axes.flat[len(figures.models) :]:
        axis.set_visible(False)
    figure.supxlabel("rows in a call", fontsize=8)
    figure.supylabel("µs a row, one thread", fontsize=8)
    names = [NAMES.get(engine, engine).replace(" ~", " (like model)") for engine in drawn]
    figure.legend(drawn.values(), names, loc="outside upper center", ncols=8, frameon=False)
    _save(figure, place, dpi=100)
    return place
