"""Python's collector of garbage, out of the way of what makes many objects that live."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Generator[None]:
    """No search for cycles meanwhile. IR is tens of thousands of small objects that refer to one another and live to the
    end; looking for dead ones among them, and among all others of a large process, took a fifth of the time to compile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
