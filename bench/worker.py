# pyright: basic
"""One engine in a process of its own, in its own virtual environment.

usage: python worker.py build|serve ENGINE TASK.json

``build`` makes the engine's files and says ``{"seconds", "cpu_seconds", "peak_mb"}``. ``serve`` loads them, answers one
line, then a line for each it reads: ``{"rows": n, "threads": t}`` is answered by ``{"seconds", "least", "calls",
"peak_mb"}``: the mean and least time of a call in this turn and the largest resident set during it. With ``"out": FILE`` it
is one call, whose raw outputs are stored; ``"calls": k`` settles how often to call. The end of input ends it.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from engines import ENGINES, CannotRun, Task

SHORTEST = 0.02
"""Seconds that a turn takes at least: short calls are repeated."""
LONG = 0.25
"""Seconds of a call from which the first one counts: what it warms up is small beside it."""
SAMPLE = 2e-4
"""Seconds of a sample for the least time: shorter calls are grouped, as the clock is a part of them."""


def main() -> None:
    warnings.filterwarnings("ignore")
    what, name, place = sys.argv[1:]
    document = json.loads(Path(place).read_text())
    task = Task(document["path"], Path(document["folder"]), document["facts"], document["rows"])
    engine = ENGINES[name]()
    reset_peak()
    started, used = time.perf_counter(), cpu_seconds()
    try:
        if what == "build":
            engine.build(task)
            say(seconds=time.perf_counter() - started, cpu_seconds=cpu_seconds() - used, peak_mb=peak_mb())
            return
        rows = np.load(task.rows)
        started = time.perf_counter()
        engine.load(task)
        engine.predict(rows[:1], 1)
    except CannotRun as error:
        say(error=str(error))
        return
    except Exception as error:  # shown in the table: it can't run this model
        say(error=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:200])
        return
    say(seconds=time.perf_counter() - started, gives=engine.gives, peak_mb=peak_mb())
    for line in sys.stdin:
        say(**answer(engine, rows, json.loads(line)))


def answer(engine: Any, rows: Any, request: dict[str, Any]) -> dict[str, Any]:
    batch, threads = rows[: request["rows"]], request["threads"]
    reset_peak()
    try:
        if "out" in request:
            start = time.perf_counter()
            found = engine.predict(batch, threads)
            seconds = time.perf_counter() - start
            np.save(request["out"], np.asarray(found))
            return {"seconds": seconds, "least": seconds, "calls": 1, "peak_mb": peak_mb()}
        return {**timed(lambda: engine.predict(batch, threads), request.get("calls")), "peak_mb": peak_mb()}
    except Exception as error:  # shown in the table
        return {"error": f"{type(error).__name__}: {str(error)[:160]}"}


def timed(call: Callable[[], Any], calls: int | None) -> dict[str, float]:
    """Mean and least seconds of a call. The first call warms up, unless it is so long that it counts itself."""
    start = time.perf_counter()
    call()
    first = time.perf_counter() - start
    if calls is None and first >= LONG:
        return {"seconds": first, "least": first, "calls": 1}
    calls = calls or max(1, int(SHORTEST / max(1e-9, first)))
    group = max(1, min(calls, int(SAMPLE / max(1e-9, first))))
    samples = []
    for _ in range(max(1, calls // group)):
        start = time.perf_counter()
        for _ in range(group):
            call()
        samples.append((time.perf_counter() - start) / group)
    return {"seconds": sum(samples) / len(samples), "least": min(samples), "calls": len(samples) * group}


def reset_peak() -> None:
    """Let the kernel forget the largest resident set so far, where it can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def cpu_seconds() -> float:
    """Of this process and the compilers it waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def say(**what: Any) -> None:
    print("\x1e" + json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
