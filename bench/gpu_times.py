# pyright: basic
"""Times of engines that take turns on a GPU.

*kernel*: what the device itself was at work for a call with rows and results in its memory, as CUPTI reports it (through
torch's profiler, of all engines alike; without torch the time between two events). *call*: such a call from Python, to its
end. *total*: from numpy to numpy.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Run = Callable[[], Any]
EACH = 3
"""Calls at a turn."""


@dataclass
class Contestant:
    """``total``: host to host, answers as numpy. ``kernel``: on the device alone, returns nothing; ``wait`` for its end."""

    name: str
    total: Callable[[], NDArray[Any]]
    kernel: Run
    wait: Run
    exact: bool = False


@dataclass(frozen=True)
class Times:
    """Medians over rounds, in seconds; ``spread``: the lower and the upper quartile of ``kernel``."""

    kernel: float
    spread: tuple[float, float]
    call: float
    total: float


def seconds(call: Run, wait: Run) -> float:
    """Of one call, to its end."""
    wait()
    start = time.perf_counter()
    call()
    wait()
    return time.perf_counter() - start


def turns(n_contestants: int, rounds: int) -> list[int]:
    """Who is next; each round lets each run once, and another one begins."""
    return [(at + number) % n_contestants for number in range(rounds) for at in range(n_contestants)]


def take_turns(contestants: list[Contestant], rounds: int) -> dict[str, Times]:
    """Times of all."""
    order = turns(len(contestants), rounds + 1)
    call, total, kernel = ([list[float]() for _ in contestants] for _ in range(3))
    for at in order:
        call[at].append(seconds(contestants[at].kernel, contestants[at].wait))
        total[at].append(seconds(contestants[at].total, contestants[at].wait))
    for at, spent in zip(order, device_seconds([contestants[at] for at in order]) or (), strict=False):
        kernel[at].append(spent)
    made: dict[str, Times] = {}
    for at, contestant in enumerate(contestants):
        one = kernel[at][1:] or call[at][1:]  # the first round warms up
        low, middle, high = (float(np.quantile(one, q)) for q in (0.25, 0.5, 0.75))
        made[contestant.name] = Times(
            middle, (low, high), statistics.median(call[at][1:]), statistics.median(total[at][1:])
        )
    return made


def device_seconds(sequence: list[Contestant]) -> list[float] | None:
    """Of each turn, for one call: the device's own time in kernels and copies. None where there is no CUDA device."""
    if find_spec("cupy") is None:
        return None
    import cupy

    try:
        if cupy.cuda.runtime.getDeviceCount() == 0:
            return None
    except cupy.cuda.runtime.CUDARuntimeError:
        return None
    return _by_events(sequence) if find_spec("torch") is None else _by_cupti(sequence)


def _by_events(sequence: list[Contestant]) -> list[float]:
    import cupy

    found: list[float] = []
    for contestant in sequence:
        begun, ended = cupy.cuda.Event(), cupy.cuda.Event()
        contestant.wait()
        begun.record()
        for _ in range(EACH):
            contestant.kernel()
        ended.record()
        ended.synchronize()
        found.append(cupy.cuda.get_elapsed_time(begun, ended) / 1e3 / EACH)
    return found


MARKER = "treec_bench_marker"


def _by_cupti(sequence: list[Contestant]) -> list[float]:
    """A kernel that does nothing stands between turns, so that what the profiler lists can be told apart."""
    import cupy
    import torch
    from torch.profiler import ProfilerActivity, profile

    marker = cupy.RawKernel(f'extern "C" __global__ void {MARKER}() {{}}', MARKER)
    marker((1,), (1,), ())
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for contestant in sequence:
            torch.cuda.synchronize()
            marker((1,), (1,), ())
            torch.cuda.synchronize()
            for _ in range(EACH):
                contestant.kernel()
            torch.cuda.synchronize()
    events = profiler.profiler.kineto_results.events()
    on_device = [e for e in events if "CUDA" in str(e.device_type()) and "Sync" not in e.name()]
    return split_at_markers([(e.start_ns(), e.duration_ns(), e.name()) for e in on_device])


def split_at_markers(events: list[tuple[int, int, str]]) -> list[float]:
    """Seconds a call between markers. ``events``: start and duration in nanoseconds, name."""
    found: list[float] = []
    for _, duration, name in sorted(events):
        if name == MARKER:
            found.append(0.0)
        elif found:
            found[-1] += duration / 1e9 / EACH
    return found
