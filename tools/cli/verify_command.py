"""``treec verify``: check a compiled file against its model again, also on rows of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from treec.errors import VerificationError
from treec.tools.cli.command import Command, json_option, option, trust_option
from treec.tools.cli.report import Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from treec.frontends.base import Forest
    from treec.frontends.load import LoadedModel
    from treec.frontends.oracle import Oracle
    from treec.runtime import CompiledModel
    from treec.tools.cli.progress import Progress
    from treec.verify.check import Verification

CHUNK_CELLS = 1 << 22
"""Rows x features compared at a time."""


@click.command(
    cls=Command,
    short_help="Check a compiled file against its model again.",
    usage="COMPILED --against MODEL",
    examples=(
        ("on boundary rows and random rows", "treec verify model.so --against model.ubj"),
        ("on rows of your own as well", "treec verify model.so --against model.pkl --data test.npy"),
    ),
)
@click.argument("compiled")
@option("--against", required=True, metavar="MODEL", section="Input", help="The model it was compiled from.")
@option("--data", metavar="ROWS", section="Input", help="Also compare on these rows: .npy, .npz or .csv.")
@option(
    "--rows", type=click.IntRange(min=0), default=0, metavar="N", section="Input", help="Also compare on N random rows."
)
@option(
    "--seed", type=click.IntRange(min=0), default=0, metavar="N", section="Input", help="Of the random rows. Default: 0."
)
@trust_option
@option("--quiet", is_flag=True, section="Output", help="Print errors only.")
@json_option
@click.pass_obj
def verify_command(
    report: Report, compiled: str, against: str, data: str | None, rows: int, seed: int, trust: bool, quiet: bool
) -> None:
    """Check a compiled file against its model: the reference interpreter and, where it is installed, the model's library,
    bit for bit."""
    report.quiet = quiet
    from treec.compiler import import_library
    from treec.frontends.load import load_model
    from treec.runtime import load
    from treec.tools.cli.facts import headline, model_facts
    from treec.tools.cli.progress import Progress

    code = load(compiled)
    loaded = load_model(against, trust=trust)
    report.facts["model"] = model_facts(loaded.forest)
    report.line("model", headline(report.facts["model"]))
    _check_same_model(code, loaded.forest, compiled, against)
    if code.card["source"]["digest"] != loaded.forest.source.digest:
        report.line("note", "the compiled file names another model file as its source (other sha256)")
    import_library(loaded.forest.source.library)
    oracle = loaded.oracle()
    with Progress(report) as progress:
        _verify(report, code, loaded, oracle, seed, progress)
        _compare(report, code, loaded.forest, oracle, data, rows, seed, progress)
    report.line("result", "verified")


def _check_same_model(code: CompiledModel, forest: Forest, compiled: str, against: str) -> None:
    for what, mine, theirs in (
        ("features", code.n_features, forest.inputs.n_features),
        ("trees", code.n_trees, forest.trees.n_trees),
        ("outputs", code.library.n_columns, forest.n_columns),
    ):
        if mine != theirs:
            raise VerificationError(
                f"it has {mine} {what} and {against} has {theirs}",
                place=compiled,
                fix="name the model it was compiled from",
            )


def _verify(
    report: Report, code: CompiledModel, loaded: LoadedModel, oracle: Oracle | None, seed: int, progress: Progress
) -> None:
    from treec.compiler import why_no_oracle
    from treec.gpu_compiler import unlike_functions
    from treec.schedule.schedule import Schedule
    from treec.verify.check import verify
    from treec.verify.runner import CompiledRunner

    found = verify(
        loaded.forest,
        CompiledRunner(code),
        oracle,
        seed=seed,
        oracle_absent=why_no_oracle(loaded.forest.source),
        reassociated=_reassociated(code),
        repeats=Schedule.from_text(code.card["schedule"]["text"]).repeats,
        unlike=unlike_functions(loaded.forest) if code.card.get("gpu") else (),
        progress=lambda done: progress("verify", done),
    )
    report.facts["verification"] = found.to_dict()
    report.line("verify", "\n".join(verified_lines(found, found.seconds)))


def verified_lines(found: Verification, seconds: float) -> list[str]:
    """What was compared, in a few lines."""
    share = found.nodes_reached / found.nodes_reachable if found.nodes_reachable else 1.0
    sample = "" if found.nodes_tested == found.nodes else f", of a sample of {found.nodes_tested:,} of {found.nodes:,}"
    beyond = f"; {found.nodes_unreachable:,} more are out of any row's reach" if found.nodes_unreachable else ""
    verdict = found.verdict if found.reassociated else f"{found.verdict}, max |Δ| = {found.max_difference:g}"
    lines = [
        f"{verdict}: {found.boundary_rows:,} boundary and {found.random_rows:,} "
        f"random rows against the interpreter; {seconds:.2f} s",
        f"boundary rows reached {found.nodes_reached:,} of {found.nodes_reachable:,} reachable nodes "
        f"({100 * share:.1f} %{sample}){beyond}",
    ]
    lines += [] if found.c_library_note is None else [found.c_library_note]
    if found.oracle is None:
        return [*lines, f"not compared with the library: {found.oracle_absent}"]
    links = f", links within {found.oracle_ulp} ulp" if found.oracle_bound else ""
    same = "agrees within the bound" if found.reassociated else "gives the same bits"
    return [*lines, f"{found.oracle} {found.oracle_version} {same} on {found.oracle_rows:,} rows{links}"]


def _compare(
    report: Report,
    code: CompiledModel,
    forest: Forest,
    oracle: Oracle | None,
    data: str | None,
    n_random: int,
    seed: int,
    progress: Progress,
) -> None:
    from treec.tools.cli.tables import read_rows
    from treec.verify.rows import Domain, random_rows

    tables: dict[str, NDArray[Any]] = {}
    if data is not None:
        tables[data] = read_rows(data, code.feature_names)
    if n_random:
        tables[f"{n_random:,} random rows"] = random_rows(Domain(forest, forest.inputs.dtype), n_random, seed)
    for name, rows in tables.items():
        with_library = compare_rows(code, forest, oracle, rows, name, progress)
        report.facts.setdefault("compared", []).append({"rows": len(rows), "what": name, "library_rows": with_library})
        library = f", with {oracle.library} {oracle.version} on {with_library:,}" if oracle is not None else ""
        how = "within the bound of" if _reassociated(code) else "bit-identical with"
        report.line("compare", f"{name}: {how} the interpreter on {len(rows):,} rows{library}")


def _reassociated(code: CompiledModel) -> bool:
    return code.card["float"] == "reassociate"


def compare_rows(
    code: CompiledModel, forest: Forest, oracle: Oracle | None, rows: NDArray[Any], name: str, progress: Progress
) -> int:
    """Compare raw outputs and leaf ids on ``rows``; returns on how many the library was asked too. Raises
    `VerificationError` at the first difference, `InputError` for rows that do not fit."""
    import numpy as np

    from treec.runtime.rows import as_rows
    from treec.treeir.interp import forest as interpreter
    from treec.verify.bounds import sum_bound

    step = max(1, CHUNK_CELLS // max(1, forest.inputs.n_features))
    asked = 0
    for begin in range(0, len(rows), step):
        part = as_rows(rows[begin : begin + step], code.library.facts)
        raw = code.predict(part, raw=True).reshape(len(part), -1)
        bound = sum_bound(forest, part) if _reassociated(code) else np.zeros(raw.shape)
        _same(name, begin, raw, interpreter.raw(forest, part), bound, "the reference interpreter")
        if oracle is not None:
            taken = np.flatnonzero(oracle.accepts(part))
            asked += len(taken)
            if len(taken):
                against = f"{oracle.library} {oracle.version}"
                _same(name, begin, raw[taken], oracle.raw(part[taken]), bound[taken], against, taken)
        progress("compare", (begin + len(part)) / len(rows))
    return asked


def _same(
    name: str,
    begin: int,
    got: NDArray[Any],
    expected: NDArray[Any],
    bound: NDArray[Any],
    against: str,
    taken: NDArray[Any] | None = None,
) -> None:
    import numpy as np

    from treec.verify.bounds import within
    from treec.verify.compare import same
    from treec.verify.report import HINT

    equal = within(expected, got, bound) if bound.any() else same(expected, got)
    if got.shape == expected.shape and got.dtype == expected.dtype and equal.all():
        return
    row, column = (int(index) for index in np.argwhere(~equal)[0])
    number = begin + (row if taken is None else int(taken[row]))
    raise VerificationError(
        f"raw output {column} is {got[row, column]!r}, {against} says {expected[row, column]!r}",
        place=f"{name}: row {number}",
        fix=HINT,
    )
