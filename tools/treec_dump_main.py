"""``treec-dump``: the IR after every pass, LLVM IR and assembly, and a page that shows what each pass did."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from treec.errors import TreecError, UsageError
from treec.tools.cli.command import Command, json_option, option, trust_option
from treec.tools.cli.report import Report

if TYPE_CHECKING:
    from treec.compiler import Compilation
    from treec.tools.dump.stages import Recorder

PAGE = "index.html"
FILES = (
    ("final.ll", "LLVM IR as treec emits it"),
    ("optimized.ll", "LLVM IR after LLVM's passes"),
    ("model.s", "assembly"),
)


def main() -> None:
    """The console script: parse ``sys.argv``, run, exit."""
    treec_dump.main(prog_name="treec-dump")


@click.command(
    cls=Command,
    name="treec-dump",
    usage="MODEL [--schedule S] -o DIR",
    examples=(
        ("every pass of the schedule that treec chooses", "treec-dump model.ubj -o ir"),
        ("a schedule of your own, with tree 7 drawn", "treec-dump model.pkl --schedule tiled.sched --tree 7 -o ir"),
        ("go on by hand from any of the files", 'tree-opt ir/02-plan-kernels.mlir -p "layout{kind=packed}"'),
    ),
)
@click.argument("model")
@option("--schedule", metavar="S", section="Schedule", help="A schedule file or a preset's name. Default: treec chooses.")
@option("--level", metavar="LEVEL", section="Schedule", help="CPU level, instead of the schedule's.")
@option(
    "--rows", type=click.Choice(["f32", "f64", "any"]), section="Schedule", help="Dtype of rows, instead of the schedule's."
)
@option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    section="Output",
    help="The folder to write; an earlier dump is replaced.",
)
@option(
    "--tree", type=click.IntRange(min=0), default=0, metavar="N", section="Output", help="The tree to draw. Default: 0."
)
@json_option
@trust_option
@click.pass_obj
def treec_dump(
    report: Report,
    model: str,
    schedule: str | None,
    level: str | None,
    rows: str | None,
    output: str,
    tree: int,
    trust: bool,
) -> None:
    """Compile a model and write what every pass made of it: IR that tree-opt can read, LLVM IR, assembly, and a page."""
    report.command = "dump"
    from treec.compiler import generate, start
    from treec.tools.cli.facts import headline, model_facts
    from treec.tools.cli.progress import Progress
    from treec.tools.dump.stages import Recorder

    target = _target(output)
    with Progress(report) as progress:
        compilation = start(model, schedule, level=level, rows=rows, trust=trust, progress=progress)
        _check_tree(compilation, tree)
        facts = model_facts(compilation.forest)
        with _pending_folder(target) as folder:
            recorder = Recorder(compilation, folder, tree)
            generate(compilation, observer=recorder, progress=progress)
            recorder.write(folder)
            _write_code(compilation, folder)
            _write_page(compilation, recorder, folder, schedule, headline(facts), tree)
    _say(report, compilation, recorder, output)


def _target(output: str) -> Path:
    """The folder to write; refused if it holds anything but an earlier dump."""
    target = Path(os.path.realpath(output))
    if not target.parent.is_dir():
        raise UsageError("the output's folder does not exist", place=str(target.parent), fix="create it first")
    if not target.exists():
        return target
    if not target.is_dir():
        raise UsageError("this is a file", place=output, fix="name a folder")
    if any(target.iterdir()) and not ((target / PAGE).is_file() and (target / "00-import.mlir").is_file()):
        raise UsageError("this folder holds other files than a dump", place=output, fix="name a new or an empty folder")
    return target


@contextmanager
def _pending_folder(target: Path) -> Generator[Path]:
    """A folder beside ``target`` that takes its name when all went well, and is gone otherwise."""
    folder = target.with_name(f".treec-{secrets.token_hex(6)}.tmp")
    old = target.with_name(f".treec-{secrets.token_hex(6)}.old")
    try:
        folder.mkdir()
        yield folder
        if target.exists():
            target.rename(old)
        folder.rename(target)
    except UsageError as error:
        inside = error.place is not None and error.place.startswith(str(folder))
        raise UsageError(error.message, place=str(target) if inside else error.place, fix=error.fix) from None
    except OSError as error:
        raise UsageError(
            f"cannot write here: {error.strerror or error}",
            place=str(target),
            fix="free some space, or choose another folder",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_tree(compilation: Compilation, tree: int) -> None:
    n = compilation.forest.trees.n_trees
    if tree >= n:
        raise UsageError(f"the model has {n} trees, 0 to {n - 1}", place=f"--tree {tree}", fix="choose one of them")


def _write_code(compilation: Compilation, folder: Path) -> None:
    from treec.codegen.llvm.target import Optimised

    built = compilation.object
    if built is None:
        raise TreecError("the model is not compiled")
    optimised = Optimised(built.ir_text, built.target)
    texts = (built.ir_text, optimised.ir_text(), optimised.assembly())
    for (name, _), text in zip(FILES, texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")


def _write_page(
    compilation: Compilation, recorder: Recorder, folder: Path, schedule: str | None, headline: str, tree: int
) -> None:
    from treec.tools.dump.page import PageFacts, page

    facts = PageFacts(
        headline=headline,
        schedule_name=schedule or "chosen by treec",
        schedule=compilation.schedule.to_text(),
        reasons=compilation.reasons,
        tree=tree,
        cpu_level=compilation.object.level if compilation.object else "",
        seconds=compilation.seconds,
        files=FILES,
    )
    (folder / PAGE).write_text(page(recorder.stages, facts), encoding="utf-8")


def _say(report: Report, compilation: Compilation, recorder: Recorder, output: str) -> None:
    report.facts["path"] = output
    report.facts["schedule"] = compilation.schedule.to_text()
    report.facts["stages"] = [
        {"file": stage.file_name, "asked": stage.asked, "spec": stage.spec, "seconds": stage.seconds, "ops": stage.ops}
        for stage in recorder.stages
    ]
    for stage in recorder.stages:
        asked = stage.asked or ("the model as it was read" if stage.number == 0 else "every schedule needs it")
        report.line(
            f"{stage.number:02d}", f"{stage.name:<20} {1000 * stage.seconds:8.1f} ms {stage.n_ops:>7,} ops   {asked}"
        )
    report.line("wrote", f"{output}/{PAGE}, {len(recorder.stages)} .mlir files, {', '.join(name for name, _ in FILES)}")


if __name__ == "__main__":
    main()
