"""Progress of long work on standard error, and the limit on its time."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from treec.errors import BudgetError
from treec.tools.cli.report import Report

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SHOW_AFTER = 0.5
"""Seconds before a bar appears: short work needs none."""

PLAIN_EVERY = 2.0
"""Seconds between lines where there is no terminal."""


class Progress:
    """Told phases by the compiler (see `treec.compiler.Progress`): shows them, and raises `BudgetError` past the limit.

    On a terminal a bar, elsewhere a plain line now and then. Use as a context; the bar is gone when it ends.
    """

    def __init__(self, report: Report, max_seconds: float | None = None) -> None:
        self.report = report
        self.max_seconds = max_seconds
        self._shown = not report.silent
        self._bar: Bar | None = None
        self._task: Any = None
        self._begun = time.perf_counter()
        self._said = self._begun

    def __enter__(self) -> Self:
        self._begun = self._said = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __call__(self, phase: str, done: float) -> None:
        self.check(phase)
        if not self._shown:
            return
        if sys.stderr.isatty():
            self._draw(phase, done)
        elif time.perf_counter() - self._said > PLAIN_EVERY:
            self._said = time.perf_counter()
            click.echo(f"treec: {phase} {done:.0%} after {self.report.elapsed:.0f} s", err=True)

    def check(self, phase: str) -> None:
        """Raise `BudgetError` if the time is over."""
        if self.max_seconds is not None and self.report.elapsed > self.max_seconds:
            raise BudgetError(
                f"{self.report.elapsed:.1f} s have passed and the limit is {self.max_seconds:g} s; nothing was written",
                place=phase,
                fix="raise --max-seconds, or compile a smaller model",
            )

    def _draw(self, phase: str, done: float) -> None:
        if self._bar is None:
            if time.perf_counter() - self._begun < SHOW_AFTER:
                return
            self._start(phase)
        if self._bar is not None:
            self._bar.update(self._task, description=phase, completed=done)

    def _start(self, phase: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<12}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(phase, total=1.0)
        self._bar.start()
