"""``treec predict``: run a compiled model on a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from treec.tools.cli.command import Command, json_option, option
from treec.tools.cli.report import Report, say

if TYPE_CHECKING:
    from numpy.typing import NDArray


@click.command(
    cls=Command,
    usage="COMPILED --data ROWS [-o OUT]",
    examples=(
        ("responses or labels, as the model's own predict", "treec predict model.so --data rows.npy -o answers.npy"),
        ("raw margins of a CSV file, to the terminal", "treec predict model.so --data rows.csv --raw"),
    ),
)
@click.argument("compiled")
@option("--data", required=True, metavar="ROWS", section="Input", help="Rows: .npy, .npz (FILE.npz:NAME) or .csv.")
@option("--raw", "what", flag_value="raw", section="Results", help="Raw margins instead of responses or labels.")
@option("--proba", "what", flag_value="proba", section="Results", help="Probabilities of the classes instead.")
@option("--leaves", "what", flag_value="leaves", section="Results", help="Leaf ids, per tree, instead.")
@option("--threads", type=click.IntRange(min=1), metavar="N", section="Results", help="Threads. Default: as many as pay.")
@option("-o", "--output", metavar="OUT", section="Output", help="A .npy, .npz or .csv file. Default: CSV to the terminal.")
@json_option
@click.pass_obj
def predict_command(
    report: Report, compiled: str, data: str, what: str | None, threads: int | None, output: str | None
) -> None:
    """Run a compiled model on the rows of a file. Needs neither the model's library nor the compiler."""
    import time

    from treec.runtime import load
    from treec.tools.cli.tables import csv_lines, read_rows, write_results

    model = load(compiled)
    rows = read_rows(data, model.feature_names)
    start = time.perf_counter()
    results: NDArray[Any] | list[NDArray[Any]]
    if what == "proba":
        results = model.predict_proba(rows, n_threads=threads)
    elif what == "leaves":
        results = model.apply(rows, n_threads=threads)
    else:
        results = model.predict(rows, raw=what == "raw", n_threads=threads)
    seconds = time.perf_counter() - start
    report.facts["device"] = model.device
    first = results[0] if isinstance(results, list) else results
    report.facts["results"] = {
        "rows": len(rows),
        "shape": list(first.shape),
        "dtype": first.dtype.str,
        "seconds": seconds,
        "path": output,
    }
    if output is not None:
        write_results(results, output)
        report.line("wrote", f"{output}: {len(rows):,} rows, {first.dtype.name} {first.shape}, computed in {seconds:.3f} s")
    elif report.json:
        parts = results if isinstance(results, list) else [results]
        report.facts["results"]["values"] = [part.tolist() for part in parts]
    else:
        for line in csv_lines(results):
            say(line, newline=False)
