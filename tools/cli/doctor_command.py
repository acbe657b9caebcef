"""``treec doctor``: what this machine has for treec, and what it lacks."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile

import click

from treec.tools.cli.command import Command, json_option
from treec.tools.cli.report import Report

NEEDED = ("numpy", "xdsl", "llvmlite", "click", "rich")
SOURCES = {"xgboost": "xgboost", "lightgbm": "lightgbm", "scikit-learn": "sklearn", "joblib": "sklearn"}
"""Distribution → the extra of treec that says which versions are tested."""


@click.command(
    cls=Command,
    usage="",
    examples=(
        ("is everything here?", "treec doctor"),
        ("for a bug report", "treec doctor --json"),
    ),
)
@json_option
@click.pass_context
def doctor_command(ctx: click.Context) -> int:
    """Show what this machine has and lacks for treec."""
    report = ctx.ensure_object(Report)
    problems: list[str] = []
    for check in (_python, _cpu, _packages, _linker, _sources, _gpu, _folder):
        check(report, problems)
    report.facts["problems"] = problems
    for problem in problems:
        report.line("problem", problem)
    if not problems:
        report.line("result", "nothing is missing")
    return 1 if problems else 0


def _python(report: Report, problems: list[str]) -> None:
    text = f"{platform.python_version()} at {sys.executable}"
    report.facts["python"] = {"version": platform.python_version(), "path": sys.executable}
    report.line("python", text)
    if sys.platform != "linux":
        problems.append(f"treec runs on Linux, not on {sys.platform}")


def _cpu(report: Report, problems: list[str]) -> None:
    from treec.codegen.cpu_levels import LEVELS
    from treec.runtime.cpu import cgroup_quota, host_flags, host_level, missing_features, usable_cpus

    machine, level = os.uname().machine, host_level()
    levels = [
        entry.name
        for entry in LEVELS.values()
        if entry.machine == machine and not missing_features([f.llvm for f in entry.features])
    ]
    quota = cgroup_quota()
    affinity = len(os.sched_getaffinity(0))
    report.facts["cpu"] = {
        "machine": machine,
        "native": level,
        "levels": levels,
        "features": sorted(host_flags()),
        "usable": usable_cpus(),
        "affinity": affinity,
        "cgroup_quota": quota,
    }
    report.line("cpu", f"{machine}; native is {level or 'unknown'}; runs {', '.join(levels) or 'no level'}")
    limit = "no cgroup limit" if quota is None else f"cgroup limit {quota}"
    report.line("cpus", f"{usable_cpus()} usable of {os.cpu_count()} (affinity {affinity}, {limit})")
    if level is None:
        problems.append(f"no CPU level is known for this {machine}; name one with --level")


def _packages(report: Report, problems: list[str]) -> None:
    from treec.tools.cli.requirements import requirement_of

    found: dict[str, str | None] = {name: _installed(name) for name in ("treec", *NEEDED)}
    report.facts["packages"] = found
    report.line("packages", ", ".join(f"{name} {have or 'missing'}" for name, have in found.items()))
    for name in NEEDED:
        wanted = requirement_of(name, None)
        have = found[name]
        if have is None:
            problems.append(f"{name} is missing: pip install '{wanted or name}'")
        elif wanted is not None and not wanted.allows(have):
            problems.append(f"{name} {have} is outside {wanted}: pip install '{wanted}'")


def _sources(report: Report, problems: list[str]) -> None:
    from treec.tools.cli.requirements import requirement_of

    found: dict[str, dict[str, str | None]] = {}
    for number, (name, extra) in enumerate(SOURCES.items()):
        have, wanted = _installed(name), requirement_of(name, extra)
        found[name] = {"installed": have, "tested": str(wanted) if wanted else None}
        state = "not installed: models are checked against the reference interpreter alone" if have is None else have
        if have is not None and wanted is not None and not wanted.allows(have):
            state = f"{have}, not tested with treec (tested: {wanted})"
        report.line("sources" if number == 0 else "", f"{name} {state}")
    report.facts["sources"] = found


def _installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _linker(report: Report, problems: list[str]) -> None:
    from treec.codegen.link import LINKER_VARIABLE, LINKERS

    chosen = os.environ.get(LINKER_VARIABLE, "").split()
    names = chosen[:1] or LINKERS
    path = next((found for name in names if (found := shutil.which(name))), None)
    report.facts["linker"] = path
    report.line("linker", path or "none")
    if path is None:
        problems.append(
            f"no linker (looked for {', '.join(names)}); without one models can't be written to files: apt install gcc"
        )


def _gpu(report: Report, problems: list[str]) -> None:
    """What makes and runs kernels; nothing of it is needed for CPUs, so nothing of it is a problem."""
    from importlib.util import find_spec

    from treec.codegen.tir.nvcc import nvcc_path

    packages = {name: _installed(name) for name in ("apache-tvm", "pyopencl", "pocl-binary-distribution")}
    devices: list[str] = []
    if find_spec("pyopencl") is not None:
        from treec.runtime.gpu_opencl import opencl_devices

        devices = [f"{device.name.strip()} ({device.platform.name})" for device in opencl_devices()]
    cupy = None
    if find_spec("cupy") is not None:
        from treec.runtime.gpu_cuda import cuda_devices

        cupy = cuda_devices()
    report.facts["gpu"] = {"packages": packages, "nvcc": nvcc_path(), "opencl_devices": devices, "cuda_devices": cupy}
    report.line("gpu", ", ".join(f"{name} {have or 'not installed'}" for name, have in packages.items()))
    report.line("", f"nvcc {nvcc_path() or 'none'}; OpenCL devices: {', '.join(devices) or 'none'}")
    report.line("", f"CUDA devices: {'CuPy is not installed' if cupy is None else ', '.join(cupy) or 'none'}")


def _folder(report: Report, problems: list[str]) -> None:
    folder = "none"
    try:
        folder = tempfile.gettempdir()
        with tempfile.NamedTemporaryFile(prefix="treec-") as file:
            file.write(b"\0" * 4096)
            file.flush()
        free: int | None = shutil.disk_usage(folder).free
        report.line("temp", f"{folder} is writable, {free / 2**20:,.0f} MiB free")
    except OSError as error:
        free = None
        report.line("temp", f"{folder} can't be written: {error.strerror or error}")
        problems.append(f"the folder for temporary files can't be written: {error.strerror or error}; set TMPDIR")
    report.facts["temp"] = {"folder": folder, "free_bytes": free}
