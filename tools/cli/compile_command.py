"""``treec MODEL -o OUT``: compile, verify, write."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from treec.errors import UsageError
from treec.tools.cli.command import CommandWithOthers, json_option, option, trust_option
from treec.tools.cli.doctor_command import doctor_command
from treec.tools.cli.inspect_command import inspect_command
from treec.tools.cli.predict_command import predict_command
from treec.tools.cli.report import Report
from treec.tools.cli.schedules_command import schedules_command
from treec.tools.cli.transcript import say_schedule, say_total, say_verified, say_written
from treec.tools.cli.tune_command import tune_command
from treec.tools.cli.verify_command import verify_command

if TYPE_CHECKING:
    from treec.compiler import Compilation
    from treec.tools.cli.progress import Progress

EXAMPLES = (
    ("let treec choose, and print, the schedule", "treec model.ubj -o model.so"),
    ("kernels for a GPU, in one file, by treec's choice", "treec model.ubj -o model.gpu"),
    ("the same by a preset, for another GPU", "treec model.ubj --schedule gpu-direct --arch sm_80 -o model.gpu"),
    ("a schedule of your own, and a header for C", "treec model.pkl --schedule tiled.sched --header model.h -o model.so"),
)
EXIT_CODES = (
    "Exit codes: 0 done, 1 doctor found something missing, 2 usage, 3 model unreadable or unsupported, 4 verification "
    "failed, 5 over --max-seconds, 70 internal error. A file that is named like a command is ./inspect."
)


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"treec {version('treec')}")
        ctx.exit()


@click.command(
    cls=CommandWithOthers,
    name="treec",
    usage="MODEL [--schedule S] -o OUT",
    examples=EXAMPLES,
    epilog=EXIT_CODES,
    others={
        "inspect": inspect_command,
        "verify": verify_command,
        "predict": predict_command,
        "tune": tune_command,
        "schedules": schedules_command,
        "doctor": doctor_command,
    },
)
@click.argument("model")
@option("--schedule", metavar="S", section="Schedule", help="A schedule file or a preset's name. Default: treec chooses.")
@option(
    "--target",
    type=click.Choice(["cpu", "gpu"]),
    section="Schedule",
    help="What treec's choice is for. Default: a GPU if OUT ends in .gpu.",
)
@option(
    "--arch",
    metavar="ARCH",
    section="Schedule",
    help="NVIDIA's name of the GPU, or several with commas, instead of the schedule's: sm_90, …",
)
@option("--level", metavar="LEVEL", section="Schedule", help="CPU level, instead of the schedule's: native, x86-64-v3, …")
@option(
    "--rows",
    type=click.Choice(["f32", "f64", "any"]),
    section="Schedule",
    help="Dtype of rows that the code takes, instead of the schedule's.",
)
@option(
    "--profile",
    metavar="ROWS.npy",
    section="Schedule",
    help="Sample rows that count how often nodes are reached, in place of the model's own counts.",
)
@option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    section="Output",
    help="The file to write: a shared library or, if the schedule is for a GPU, kernels.",
)
@option(
    "--emit",
    type=click.Choice(["rocm", "metal", "vulkan"]),
    multiple=True,
    section="Output",
    help="Put the kernels also in this language into the file, untested: HIP for rocm, Metal. May be repeated.",
)
@option("--header", metavar="FILE", section="Output", help="Also write a C header for it.")
@option("--quiet", is_flag=True, section="Output", help="Print errors only.")
@json_option
@option("--no-verify", is_flag=True, section="Checks", help="Skip the check of the written code; its card says so.")
@trust_option
@option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    section="Checks",
    help="Give up after N seconds and write nothing; looked at between phases and while verifying.",
)
@option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version and exit.")
@click.pass_obj
def treec(
    report: Report,
    model: str,
    schedule: str | None,
    target: str | None,
    arch: str | None,
    level: str | None,
    rows: str | None,
    profile: str | None,
    output: str,
    emit: tuple[str, ...],
    header: str | None,
    quiet: bool,
    no_verify: bool,
    trust: bool,
    max_seconds: float | None,
) -> None:
    """Compile a trained decision-tree ensemble (XGBoost, LightGBM, scikit-learn) into a shared library, and check the
    library against the model, bit for bit."""
    report.quiet = quiet
    from treec.tools.cli.progress import Progress

    _check_paths(model, output, header)
    _check_target(level, schedule)
    if schedule is None and target is None and output.endswith(".gpu"):
        target = "gpu"
    with contextlib.ExitStack() as stack:
        pending = _pending_header(stack, header, output)
        progress = Progress(report, max_seconds)
        compilation = _start(
            report,
            progress,
            model,
            schedule,
            trust,
            verify=not no_verify,
            target=target,
            arch=arch,
            level=level,
            rows=rows,
            profile=profile,
            emit=emit,
        )
        if compilation.schedule.gpu is not None and header is not None:
            raise UsageError("kernels for a GPU have no C header", place="--header", fix="leave it out")
        _generate(report, progress, compilation)
        _write(report, progress, compilation, output, verify=not no_verify, pending=pending)
    say_total(report, compilation)


def _check_paths(model: str, output: str, header: str | None) -> None:
    """Refuse at once what would be refused after all the work."""
    from treec.codegen.files import PendingFile
    from treec.tools.cli.tables import same_file

    for one, other, what in (
        (model, output, "the model itself"),
        (model, header, "the model itself"),
        (output, header, "-o"),
    ):
        if other is not None and same_file(one, other):
            raise UsageError(f"this would overwrite {what}", place=other, fix="choose another name")
    if os.path.exists(model):  # else the error about the model is the better one
        with PendingFile(output):
            pass


def _check_target(level: str | None, schedule: str | None) -> None:
    from treec.errors import ScheduleError
    from treec.schedule.directives import TargetCpu
    from treec.schedule.library import preset_names

    try:
        TargetCpu(level=level or "native")
    except ScheduleError as error:
        fix = "`treec doctor` lists the levels that this machine runs"
        raise UsageError(error.message.partition(" (in ")[0], place="--level", fix=fix) from None
    if schedule is not None and schedule not in preset_names() and not os.path.exists(schedule):
        fix = f"name a file, or one of the presets {', '.join(preset_names())}"
        raise UsageError("there is no such schedule", place=schedule, fix=fix)


def _pending_header(stack: contextlib.ExitStack, header: str | None, output: str) -> Any:
    from treec.codegen.files import PendingFile

    return None if header is None else stack.enter_context(PendingFile(header))


def _start(
    report: Report,
    progress: Progress,
    model: str,
    schedule: str | None,
    trust: bool,
    *,
    verify: bool,
    **options: Any,
) -> Compilation:
    from treec.compiler import start
    from treec.tools.cli.facts import headline, model_facts

    with progress:
        compilation = start(model, schedule, trust=trust, progress=progress, **options)
    if verify and compilation.schedule.gpu is None:
        _check_host(compilation.schedule.target.level)
    facts = model_facts(compilation.forest)
    report.facts["model"] = facts
    report.line("model", headline(facts))
    if compilation.profile is not None:
        report.facts["profile"] = compilation.profile
        report.line(
            "profile", f"{compilation.profile['rows']:,} rows count the nodes, sha256 {compilation.profile['sha256'][:12]}"
        )
    for note in facts["notes"]:
        report.line("note", note)
    say_schedule(report, compilation, schedule)
    return compilation


def _check_host(level: str) -> None:
    from treec.codegen.cpu_levels import LEVELS
    from treec.runtime.cpu import missing_features

    wanted = LEVELS.get(level)
    if wanted is None:
        return
    lacks = missing_features([feature.llvm for feature in wanted.features])
    if wanted.machine != os.uname().machine or lacks:
        why = f"it is a {os.uname().machine}" if wanted.machine != os.uname().machine else f"it lacks {', '.join(lacks)}"
        raise UsageError(
            f"this machine can't run {level} code ({why}), so it can't check it",
            place="--level",
            fix="compile on such a machine, choose a lower level, or give --no-verify",
        )


def _generate(report: Report, progress: Progress, compilation: Compilation) -> None:
    from treec.compiler import generate

    with progress:
        generate(compilation, progress=progress)
    if compilation.gpu is not None:
        target = f"GPU {compilation.gpu.arch}, OpenCL"
    elif compilation.object is not None:
        target = compilation.object.level
    else:
        raise RuntimeError("generate() made no object")
    seconds = dict(compilation.seconds)
    report.facts["seconds"] = seconds
    phases = [f"{name} {seconds[name]:.2f} s" for name in ("parse", "schedule", "passes", "machine code")]
    report.line("compile", " · ".join([*phases, f"for {target}"]))


def _write(
    report: Report, progress: Progress, compilation: Compilation, output: str, *, verify: bool, pending: Any
) -> None:
    from treec.codegen.files import unwritable
    from treec.compiler import write

    if pending is not None:
        try:
            pending.path.write_text(_header_text(compilation))
        except OSError as error:
            raise unwritable(pending.target, error) from None
    with progress:
        path = write(compilation, output, verify=verify, progress=progress)
    report.facts["seconds"] = dict(compilation.seconds)
    say_verified(report, compilation)
    say_written(report, compilation, path, output)
    if pending is not None:
        report.facts["header"] = str(pending.commit())
        report.line("", f"header {pending.target.name}")


def _header_text(compilation: Compilation) -> str:
    """From a card without what is known only after linking; the header names none of that."""
    from treec.codegen.card import card_of
    from treec.codegen.header import header_text

    level = "" if compilation.object is None else compilation.object.level
    return header_text(card_of(compilation.forest, schedule=compilation.schedule.to_text(), cpu_level=level))
