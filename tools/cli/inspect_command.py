"""``treec inspect``: what a model or a compiled file holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import click

from treec.errors import UnsupportedModelError, UsageError
from treec.tools.cli.command import Command, json_option, trust_option
from treec.tools.cli.report import Report

if TYPE_CHECKING:
    from treec.frontends.base import Forest

BAR_WIDTH = 40
SIMPLE = "layout packed predicates=table align=1\norder row, tree\nwalk with=scalar\n"
"""A schedule for any model that can be compiled at all."""


@click.command(
    cls=Command,
    usage="MODEL | COMPILED",
    examples=(
        ("a model's size, shape and rules", "treec inspect model.txt"),
        ("what a compiled file says about itself", "treec inspect --json model.so"),
    ),
)
@click.argument("file")
@trust_option
@json_option
@click.pass_obj
def inspect_command(report: Report, file: str, trust: bool) -> None:
    """Show what a model or a compiled file holds."""
    if is_compiled(file):
        _inspect_compiled(report, file)
    else:
        _inspect_model(report, file, trust)


def is_compiled(file: str) -> bool:
    """Whether a file is one that treec wrote, or another ELF file. Raises `UsageError` for one that can't be read."""
    from treec.runtime.card import is_gpu_file

    if os.path.isdir(file):
        raise UsageError("this is a folder", place=file, fix="name the file inside")
    try:
        with open(file, "rb") as stream:
            head = stream.read(64)
            return head.startswith(b"\x7fELF") or is_gpu_file(head)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read this file: {reason}", place=file, fix="check the path") from None


def _inspect_model(report: Report, file: str, trust: bool) -> None:
    from treec.frontends.load import load_model
    from treec.tools.cli.facts import library_name, missing_words, model_facts

    forest = load_model(file, trust=trust).forest
    facts = model_facts(forest)
    facts["unsupported"] = unsupported(forest)
    report.facts["model"] = facts
    version = f", version {facts['version']}" if facts["version"] else ""
    report.line("model", f"{facts['name']}: {library_name(facts['library'])} {facts['format']}{version}")
    report.line("objective", f"{facts['objective'] or 'not recorded'} (link {facts['link']}, label {facts['label']})")
    iterations = "" if facts["iterations"] == facts["trees"] else f" in {facts['iterations']:,} iterations"
    report.line("trees", f"{facts['trees']:,}{iterations}; {facts['nodes']:,} nodes, {facts['leaves']:,} leaves")
    report.line("depth", "\n".join(_histogram(facts["depths"])))
    _say_inputs(report, facts, missing_words(facts))
    width = f", {facts['leaf_width']} values a leaf" if facts["leaf_width"] > 1 else ""
    report.line("outputs", f"{facts['outputs']}{width}; summed in {facts['sum']}")
    for number, classes in enumerate(facts["classes"]):
        report.line("classes" if number == 0 else "", _few(classes))
    for note in facts["notes"]:
        report.line("note", note)
    report.line("sha256", facts["sha256"] or "unknown")
    report.line("compiles", facts["unsupported"] or "yes, nothing in it is unsupported")


def _say_inputs(report: Report, facts: dict[str, Any], missing: str) -> None:
    categorical = f", {facts['categorical_features']:,} categorical" if facts["categorical_features"] else ""
    report.line(
        "features",
        f"{facts['features']:,}, {facts['features_used']:,} used{categorical}; compared in {facts['compares_in']}; "
        f"{facts['distinct_predicates']:,} distinct predicates",
    )
    if facts["feature_names"]:
        report.line("", _few(facts["feature_names"]))
    sets = f", {facts['category_sets']:,} category sets" if facts["category_sets"] else ""
    report.line("tests", f"{', '.join(facts['tests']) or 'none'}{sets}")
    report.line("missing", missing)


def _histogram(depths: dict[str, int]) -> list[str]:
    most = max(depths.values(), default=1)
    width = max((len(f"{n:,}") for n in depths.values()), default=1)
    return [f"{int(depth):>4}  {n:>{width},}  {'█' * max(1, n * BAR_WIDTH // most)}" for depth, n in depths.items()]


def _few(names: list[str], most: int = 12) -> str:
    more = f", … {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def unsupported(forest: Forest) -> str | None:
    """What keeps a model from being compiled, by running the passes of a simple schedule; None if nothing does."""
    from treec.passes.pipeline import pipeline_of, run_pipeline
    from treec.schedule.schedule import Schedule
    from treec.treeir.forest_convert import forest_module

    try:
        run_pipeline(forest_module(forest), pipeline_of(Schedule.from_text(SIMPLE)))
    except UnsupportedModelError as error:
        return f"no: {error.message}"
    return None


def _inspect_compiled(report: Report, file: str) -> None:
    from treec.runtime.card import code_name, read_card

    card = read_card(file)
    report.facts["card"] = card
    source = card["source"]
    report.line("compiled", f"{file}: treec {card['treec']}, {code_name(card)}, {os.path.getsize(file):,} bytes")
    parts = [source["name"], source["library"], source["format"], source["version"], source["objective"]]
    report.line("from", " · ".join(str(part) for part in parts if part))
    report.line("sha256", source["digest"] or "unknown")
    report.line("sizes", ", ".join(f"{card[f'n_{what}']:,} {what}" for what in ("trees", "nodes", "leaves", "columns")))
    report.line("features", f"{card['inputs']['n_features']:,}; compared in {card['inputs']['dtype']}")
    report.line("outputs", f"link {card['outputs']['link']}, sum {card['sum']['dtype']}, {card['float']}")
    report.line("verified", "\n".join(_verification(card.get("verification"))))
    if gpu := card.get("gpu"):
        report.line("kernels", "\n".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in gpu.items()))
    schedule = card["schedule"]
    report.line("schedule", f"sha256 {schedule['sha256'][:12]}\n{schedule['text'].rstrip()}")


def _verification(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return ["no: it was compiled with --no-verify"]
    return [f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in found.items()]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in cast("list[Any]", value))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {part}" for key, part in cast("dict[str, Any]", value).items())
    return str(value)
