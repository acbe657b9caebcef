"""The host's CPU: what it can do, and how much of it this process may use."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from treec.codegen.cpu_levels import has_feature, host_flags
from treec.codegen.cpu_levels import host_level as host_level

_CGROUP_ROOT = Path("/sys/fs/cgroup")


def missing_features(features: Iterable[str]) -> list[str]:
    """Those of LLVM's feature names that this CPU does not have; all unknown (an empty list) without ``/proc/cpuinfo``."""
    flags = host_flags()
    if not flags:
        return []
    return [name for name in features if not has_feature(name, flags)]


def usable_cpus() -> int:
    """How many CPUs this process may use: its affinity, bounded by the quota of its cgroups (v1 and v2), at least 1."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        allowed = os.cpu_count() or 1
    quota = cgroup_quota()
    return allowed if quota is None else max(1, min(allowed, quota))


@functools.cache
def cgroup_quota() -> int | None:
    """CPUs that the cgroups allow, rounded up; None without a limit. Read once: a quota rarely changes."""
    return read_cgroup_quota(Path("/proc/self/cgroup"), _CGROUP_ROOT)


def read_cgroup_quota(membership: Path, root: Path) -> int | None:
    """The tightest quota of the cgroups in ``membership`` (a ``/proc/PID/cgroup``) and their parents, under ``root``."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    quotas: list[float] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:  # v2, alone or beside v1
            for mount in (root, root / "unified"):
                quotas += _quotas(mount, path, _v2_quota)
        elif "cpu" in controllers.split(","):
            for mount in (root / controllers, root / "cpu"):
                quotas += _quotas(mount, path, _v1_quota)
    return max(1, math.ceil(min(quotas))) if quotas else None


def _quotas(mount: Path, path: str, read: Callable[[Path], float | None]) -> list[float]:
    # Inside a container the path may be that of the host, and only the mount's own files are there.
    inner = PurePosixPath(path.lstrip("/"))
    found: list[float] = []
    for part in (inner, *inner.parents):
        value = read(mount / part)
        if value is not None:
            found.append(value)
    return found


def _v2_quota(folder: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def _v1_quota(folder: Path) -> float | None:
    with contextlib.suppress(OSError, ValueError):
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota <= 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    return None
