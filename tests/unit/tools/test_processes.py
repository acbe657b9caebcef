"""Real processes: what is imported when, signals, closed pipes, full disks."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.tools.tooling import Run, model_text, names, script

HEAVY = ("numpy", "xdsl", "llvmlite", "rich", "xgboost", "lightgbm", "sklearn")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['treec', '--help']\n"
        "from treec.tools.treec_main import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        f"sys.exit(code or ','.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage" in done.stdout.lower()


def test_prediction_imports_no_compiler(compiled: Path, folder: Path) -> None:
    np.save(folder / "rows.npy", np.zeros((2, 4)))
    code = (
        f"import sys; sys.argv = ['treec', 'predict', {str(compiled)!r}, '--data', 'rows.npy']\n"
        "from treec.tools.treec_main import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        f"sys.exit(code or ','.join(m for m in {HEAVY[1:]!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly(folder: Path, plain: Path, number: signal.Signals, code: int) -> None:
    (folder / "model.txt").write_text(model_text(trees=200, depth=7))
    started = subprocess.Popen(
        [*script("treec"), "model.txt", "-o", "out.so", "--schedule", str(plain)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    assert started.stdout is not None
    assert started.stdout.readline().startswith("model")  # the passes come next
    started.send_signal(number)
    _, stderr = started.communicate(timeout=60)
    assert started.returncode == code, stderr
    assert "Traceback" not in stderr
    assert names(folder) == {"model.txt"}


def test_a_reader_that_went_away_is_no_error(model: Path, folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*script("treec"), "inspect", str(model)], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_standard_output_is_told(model: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*script("treec"), "inspect", str(model)], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"treec: error: standard output: cannot write: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


NO_BYTECODE = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
"""Python 3.11 itself leaves a truncated .pyc behind where files may not grow, which breaks every later import of it."""


@pytest.mark.parametrize("name", ["treec", "treec-dump"])
def test_a_disk_that_is_full_leaves_nothing(process: Run, model: Path, plain: Path, folder: Path, name: str) -> None:
    ran = process(
        name,
        model,
        "-o",
        "out.so",
        "--schedule",
        plain,
        "--quiet" if name == "treec" else "--json",
        preexec_fn=small_files,
        env=NO_BYTECODE,
    )
    assert ran.code == 2
    assert f"{name}: error: " in ran.stderr
    assert "fix: " in ran.stderr
    assert "Traceback" not in ran.stderr
    assert names(folder) == {"model.txt"}


def test_results_on_a_full_disk_leave_nothing(process: Run, compiled: Path, folder: Path) -> None:
    np.save(folder / "rows.npy", np.zeros((5000, 4)))
    ran = process(
        "treec", "predict", compiled, "--data", "rows.npy", "-o", "out.npy", preexec_fn=small_files, env=NO_BYTECODE
    )
    assert ran.code == 2
    assert "out.npy: cannot write this file" in ran.stderr
    assert names(folder) == {"compiled.so", "rows.npy"}
