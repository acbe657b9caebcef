"""``treec tune``: measure schedules on this machine's GPU, and write the fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from treec.tools.cli.command import Command, json_option, option, trust_option
from treec.tools.cli.report import Report

if TYPE_CHECKING:
    from treec.tuning import Measured, Tuning


@click.command(
    cls=Command,
    short_help="Measure schedules on this machine's GPU, and write the fastest.",
    usage="MODEL --target gpu [-o BEST.sched]",
    examples=(
        ("the fastest of some 40 schedules for large calls", "treec tune model.ubj --target gpu -o best.sched"),
        ("for calls of 512 rows, on rows of your own", "treec tune model.ubj --data rows.npy --batch 512 -o best.sched"),
        ("and compile it", "treec model.ubj --schedule best.sched -o model.gpu"),
    ),
)
@click.argument("model")
@option("--target", type=click.Choice(["gpu"]), default="gpu", section="Schedule", help="What schedules are for.")
@option("--arch", metavar="ARCH", section="Schedule", help="NVIDIA's name of the GPU. Default: this machine's.")
@option("--data", metavar="ROWS", section="Input", help="Rows: .npy, .npz (FILE.npz:NAME) or .csv. Default: random rows.")
@option(
    "--batch", type=click.IntRange(min=1), metavar="N", section="Input", help="Rows of a call. Default: ROWS, or 65,536."
)
@option("--most", type=click.IntRange(min=1), metavar="N", section="Checks", help="Measure the first N schedules only.")
@option("--rounds", type=click.IntRange(min=1), metavar="N", section="Checks", help="Times that each is timed. Default: 7.")
@option("--pocl", is_flag=True, section="Checks", help="Without a GPU, use PoCL's CPU: a trial, whose times say nothing.")
@trust_option
@option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    section="Checks",
    help="Give up after N seconds and write nothing; looked at between schedules.",
)
@option("-o", "--output", metavar="BEST.sched", section="Output", help="Write the fastest schedule.")
@option("--quiet", is_flag=True, section="Output", help="Print errors only.")
@json_option
@click.pass_obj
def tune_command(
    report: Report,
    model: str,
    target: str,
    arch: str | None,
    data: str | None,
    batch: int | None,
    most: int | None,
    rounds: int | None,
    pocl: bool,
    trust: bool,
    max_seconds: float | None,
    output: str | None,
    quiet: bool,
) -> None:
    """Measure up to 40 schedules for a model on this machine's GPU: treec's choice, the presets, and a grid like
    SilvanForge's. Answers are checked, bit for bit, before anything is timed."""
    report.quiet = quiet
    from treec.runtime.gpu_device import require_gpu
    from treec.tools.cli.progress import Progress
    from treec.tools.cli.tables import read_rows
    from treec.tuning import MOST, ROUNDS, tune

    require_gpu(pocl=pocl)
    _check_output(model, output)
    table = None if data is None else read_rows(data, None)
    with Progress(report, max_seconds) as progress:
        found = tune(
            model,
            target=target,
            data=table,
            batch=batch,
            arch=arch,
            most=most or MOST,
            rounds=rounds or ROUNDS,
            pocl=pocl,
            trust=trust,
            progress=progress,
        )
    _say(report, found)
    if output is not None:
        _write(report, found.text(), output)


def _check_output(model: str, output: str | None) -> None:
    """Refuse at once what would be refused after all the work."""
    from treec.codegen.files import PendingFile
    from treec.errors import UsageError
    from treec.tools.cli.tables import same_file

    if output is None:
        return
    if same_file(model, output):
        raise UsageError("this would overwrite the model itself", place=output, fix="choose another name")
    with PendingFile(output):
        pass


def _say(report: Report, found: Tuning) -> None:
    report.facts["tuning"] = {
        "device": found.device,
        "batch": found.batch,
        "dtype": found.dtype,
        "best": found.best.name,
        "schedule": found.text(),
        "candidates": [
            {"name": one.name, "seconds": one.seconds, "refused": one.refused, "schedule": one.schedule.to_text()}
            for one in found.measured
        ],
    }
    report.line("device", found.device)
    ran = [one for one in found.measured if one.seconds is not None]
    report.line("rows", f"{found.batch:,} of {found.dtype}; the answers of {len(ran)} schedules have the bits of the CPU's")
    width = max(len(one.name) for one in found.measured)
    report.line("time", "\n".join(_row(one, found.batch, width) for one in ran))
    refused = [f"{one.name:<{width}}  {one.refused}" for one in found.measured if one.refused is not None]
    if refused:
        report.line("refused", "\n".join(refused))
    report.line("best", f"{found.best.name}\n" + "\n".join(f"  {line}" for line in found.schedule.to_text().splitlines()))


def _row(one: Measured, batch: int, width: int) -> str:
    seconds = one.seconds or 0.0
    return f"{one.name:<{width}}  {seconds * 1e6:12,.1f} µs  {batch / seconds / 1e6:10,.1f} million rows/s"


def _write(report: Report, text: str, output: str) -> None:
    from treec.codegen.files import PendingFile, unwritable

    with PendingFile(output) as pending:
        try:
            pending.path.write_text(text)
        except OSError as error:
            raise unwritable(output, error) from None
        pending.commit()
    report.facts["output"] = output
    report.line("wrote", output)
