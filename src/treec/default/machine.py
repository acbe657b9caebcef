"""The core that a default schedule is for: its caches, its registers, and how it looks values up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from treec.codegen.cpu_levels import LEVELS, host_level
from treec.passes.plan.walk import best_lookup

L1_BYTES, L2_BYTES = 32 << 10, 1 << 20
"""First cache for data and second cache of a core that is not known."""

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20}


@dataclass(frozen=True)
class Machine:
    """``register_bits``: of a vector register; ``lookup``: see `treec.passes.algo.lookups`."""

    register_bits: int = 512
    lookup: str = "bytes"
    l1_bytes: int = L1_BYTES
    l2_bytes: int = L2_BYTES


def machine_of(level: str | None, caches: Path = _CACHES) -> Machine:
    """A machine of a CPU level. None and ``native`` are this host, whose caches count; those of others are not known."""
    is_host = level in (None, "native")
    found = LEVELS.get((host_level() or "") if level in (None, "native") else level)
    bits = next((bits for feature, bits in (("avx512f", 512), ("avx2", 256)) if found and found.has(feature)), 128)
    lookup = best_lookup("native" if level is None else level)
    if not is_host:
        return Machine(bits, lookup)
    return Machine(bits, lookup, host_cache_bytes(1, L1_BYTES, caches), host_cache_bytes(2, L2_BYTES, caches))


def host_cache_bytes(level: int, unknown: int, folder: Path = _CACHES) -> int:
    """A cache for data of this machine's first core; ``unknown`` where the system does not say."""
    for index in sorted(folder.glob("index*")):
        try:
            found, size = ((index / name).read_text(encoding="ascii").strip() for name in ("level", "size"))
            kind = (index / "type").read_text(encoding="ascii").strip() if (index / "type").exists() else ""
        except (OSError, UnicodeDecodeError):
            continue
        number, unit = size[:-1], _UNITS.get(size[-1:])
        of_code = kind == "Instruction"
        if found == str(level) and not of_code and unit is not None and number.isdigit() and int(number) > 0:
            return int(number) * unit
    return unknown
