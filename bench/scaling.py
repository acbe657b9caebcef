# pyright: basic
"""Two threads against one, and what the machine can give: the same work in two processes at once against one alone.

In a round: treec with one thread, treec with two, one process of one thread alone, two such processes at once. The speed-up
of two threads is a ratio within a round; that of two processes is the control: no two threads can be faster than the
machine's second core lets two processes be.
"""

from __future__ import annotations

from typing import Any

from bench.processes import Contestant, serve

WORK = 0.25
"""Seconds of work of a turn: long beside what it takes to start both."""


def run_scaling(session: Any, ours: Contestant, batch: int, rounds: int) -> dict[str, Any]:
    second = Contestant("second", "treec", folder=ours.folder)
    rows = session.folder / "rows.npy"
    serve(second, {"path": str(session.model.path), "facts": session.model.facts, "rows": str(rows)}, 2, 60.0)
    found: dict[str, list[float]] = {"one_thread": [], "two_threads": [], "alone": [], "both": []}
    try:
        once = ours.ask(rows=batch, threads=1)["seconds"]
        calls = max(1, int(WORK / once))
        for _ in range(rounds):
            found["one_thread"].append(ours.ask(rows=batch, threads=1, calls=calls)["seconds"])
            found["two_threads"].append(ours.ask(rows=batch, threads=2, calls=2 * calls)["seconds"])
            found["alone"].append(second.ask(rows=batch, threads=1, calls=calls)["seconds"])
            for process in (ours, second):
                process.tell(rows=batch, threads=1, calls=calls)
            found["both"].append(sum(process.hear()["seconds"] for process in (ours, second)) / 2)
    finally:
        second.folder = None  # it is the first one's
        second.close()
    speedups = sorted(one / two for one, two in zip(found["one_thread"], found["two_threads"], strict=True))
    control = sorted(2 * alone / both for alone, both in zip(found["alone"], found["both"], strict=True))
    middle = len(speedups) // 2
    print(f"  two threads: {speedups[middle]:.2f} times one; two processes: {control[middle]:.2f}", flush=True)
    return {"batch": batch, "calls": calls, **found}
