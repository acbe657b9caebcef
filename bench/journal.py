# pyright: basic
"""The log of a benchmark: one JSON object a line, written as soon as it is known, so that a run that was cut off goes on.

Records have a ``kind``: ``run`` (machine, versions, options), ``model``, ``engine`` (what was built for a model), ``cell``
(times of a model at a batch and a number of threads), ``limit`` and ``scaling``. A later record replaces an earlier one of
the same place.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measure import machine

KEYS = {
    "run": ("time",),
    "model": ("model",),
    "engine": ("model", "engine"),
    "cell": ("model", "batch", "threads"),
    "limit": ("model",),
    "scaling": ("model",),
}
Place = tuple[str, ...]


class Journal:
    """``path``: None keeps the records in memory alone."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.records: dict[Place, dict[str, Any]] = {}
        if path is not None and path.exists():
            _mend(path)
        for record in read(path) if path is not None and path.exists() else ():
            self.records[_place(record)] = record

    def add(self, kind: str, **what: Any) -> dict[str, Any]:
        record = {"kind": kind, **what}
        self.records[_place(record)] = record
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        return record

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records.values() if record["kind"] == kind]

    def get(self, kind: str, *place: Any) -> dict[str, Any] | None:
        return self.records.get((kind, *map(str, place)))


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a log. A last line that was cut off is passed over."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            if number != len(lines) - 1:
                raise SystemExit(f"{path}:{number + 1}: this line is no record") from None


def _mend(path: Path) -> None:
    """Take off a last line that was cut off, so that the next record begins a line."""
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        path.write_bytes(data[: data.rfind(b"\n") + 1])


def _place(record: dict[str, Any]) -> Place:
    return (record["kind"], *(str(record[key]) for key in KEYS[record["kind"]]))


def describe_run() -> dict[str, Any]:
    """Machine, versions and commit."""
    libraries = {name: version(name) for name in ("treec", "xgboost", "lightgbm", "scikit-learn", "numpy", "llvmlite")}
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "level": _level(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        "versions": libraries,
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def _level() -> str | None:
    from treec.runtime.cpu import host_level

    return host_level()


def _git(*arguments: str) -> str:
    root = Path(__file__).resolve().parents[1]
    try:
        found = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except OSError:
        return ""
    return found.stdout.strip()
