"""What the running process has cost so far."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from pathlib import Path


def process_seconds() -> float:
    """Seconds since this process started, the interpreter's own start included; to 0.01 s."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    return time.process_time()


def peak_bytes() -> int:
    """The most memory that was resident at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
