# pyright: basic
"""Rivals' environments, what was built for a model, and engines that run: one process each."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.engines import ENGINES, booster_of, treelite_model

HERE = Path(__file__).resolve().parent
VENVS = Path(os.environ.get("TREEC_BENCH_VENVS", HERE / ".venvs"))
CACHE = Path(os.environ.get("TREEC_BENCH_CACHE", HERE / ".cache"))
RIVALS = ("library", "onedal", "tl2cgen", "lleaves", "onnx", "ydf", "catboost")
LIKE = ("catboost",)
"""Rivals that run a model of their own, of the same shape: shown, and in no ratio."""


def pins_of(rival: str) -> str:
    place = HERE / "rivals" / f"{rival}.txt"
    return place.read_text() if place.exists() else ""


def python_of(rival: str) -> str:
    """The interpreter of a rival's environment, made where there is none yet or its pins have changed."""
    pins = pins_of(rival)
    if not pins:
        return sys.executable
    place = VENVS / rival
    python, stamp = place / "bin" / "python", place / "pins.txt"
    if not stamp.exists() or stamp.read_text() != pins:
        print(f"installing {rival} into {place}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        requirements = str(HERE / "rivals" / f"{rival}.txt")
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", requirements], check=True)
        stamp.write_text(pins)
    return str(python)


@dataclass
class Contestant:
    """An engine for one model. ``error``: why it is out; ``built``: seconds, peak memory and size of what was built."""

    name: str
    engine: str
    schedule: str | None = None
    error: str | None = None
    built: dict[str, Any] = field(default_factory=dict)
    loaded: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    folder: Path | None = None

    @property
    def ours(self) -> bool:
        return self.engine == "treec"

    @property
    def like(self) -> bool:
        return self.engine in LIKE

    def ask(self, **request: Any) -> dict[str, Any]:
        self.tell(**request)
        return self.hear()

    def tell(self, **request: Any) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # `hear` says so
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("\x1e"):
                return json.loads(line[1:])
        status = self.process.wait()
        return {"error": f"its process ended with status {status}", "ended": status}

    def close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.folder is not None and CACHE not in self.folder.parents:
            shutil.rmtree(self.folder, ignore_errors=True)


def prepare(contestant: Contestant, task: dict[str, Any], key: str, patience: float) -> None:
    """Build what the engine needs, or take it from the cache. ``key`` names the model's content and the facts that count.
    What treec builds is never cached. A build longer than ``patience`` seconds is ended, and its failure remembered."""
    if contestant.ours:
        contestant.folder = Path(tempfile.mkdtemp(prefix="treec-bench-"))
    else:
        made = hashlib.sha256(f"{key}{pins_of(contestant.engine)}{_source_of(contestant.engine)}".encode())
        contestant.folder = CACHE / contestant.engine / made.hexdigest()[:24]
    summary = contestant.folder / "built.json"
    if summary.exists():
        built = json.loads(summary.read_text())
        if built.get("patience", patience) >= patience:
            contestant.built, contestant.error = built, built.get("error")
            return
    shutil.rmtree(contestant.folder, ignore_errors=True)
    contestant.folder.mkdir(parents=True)
    process = _start(contestant, "build", task, threads=2)
    try:
        answer, late = _first_answer(contestant, process, patience)
        process.wait()
    finally:  # an interrupt must not leave a compiler running
        _kill(process)
    if late:
        answer = {"error": f"more than {patience:.0f} s to compile", "patience": patience}  # replaces "ended"
    answer["bytes"] = sum(file.stat().st_size for file in contestant.folder.rglob("*") if file.is_file())
    answer["bytes"] -= (contestant.folder / "task.json").stat().st_size
    if "ended" not in answer:  # a process that something ended from outside says nothing of the engine
        summary.write_text(json.dumps(answer))
    contestant.built, contestant.error = answer, answer.get("error")


def _source_of(engine: str) -> str:
    """The code that builds an engine's files."""
    parts = [ENGINES[engine], booster_of, treelite_model]
    text = "".join(inspect.getsource(part) for part in parts)
    return text + ((HERE / "ydf_model.py").read_text() if engine == "ydf" else "")


def serve(contestant: Contestant, task: dict[str, Any], threads: int, patience: float) -> None:
    """Start the process that answers calls."""
    contestant.process = _start(contestant, "serve", task, threads)
    contestant.loaded, late = _first_answer(contestant, contestant.process, patience)
    if late:
        contestant.loaded = {"error": f"more than {patience:.0f} s to load"}
    contestant.error = contestant.loaded.get("error")


def _start(contestant: Contestant, what: str, task: dict[str, Any], threads: int) -> subprocess.Popen[str]:
    assert contestant.folder is not None
    place = contestant.folder / "task.json"
    facts = {**task["facts"], "schedule": contestant.schedule}
    place.write_text(json.dumps({**task, "facts": facts, "folder": str(contestant.folder)}))
    command = [python_of(contestant.engine), str(HERE / "worker.py"), what, contestant.engine, str(place)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,  # compilers that it starts end with it
    )


def _kill(process: subprocess.Popen[str]) -> None:
    """End it and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _first_answer(contestant: Contestant, process: subprocess.Popen[str], patience: float) -> tuple[dict[str, Any], bool]:
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(patience, end)
    timer.start()
    contestant.process = process
    try:
        answer = contestant.hear()
    finally:
        timer.cancel()
    return answer, late.is_set()
