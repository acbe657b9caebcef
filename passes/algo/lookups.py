"""Tables of leaf values that are looked up in registers, and what each way of looking up costs. Pure numpy.

``gather``: from memory, lane by lane. ``permute``: by permutes of registers with 4 bytes a lane. ``bytes``: by those with 4
bytes a lane where codes have few bits, else with a byte a lane, 64 rows at a time. A value is cut in *planes* as wide as a
lane: the first bytes of all values, then the second bytes, and so on; each plane is looked up, and the results of all are
put together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.passes.algo.bitslice import Cost

REGISTER = 64
"""Bytes of a vector register."""
FEW_BITS = 5
"""Codes of at most so many bits are looked up by 4 bytes a lane, as two registers of 16 lanes have them."""
MOST = {"gather": -1, "permute": 7, "bytes": 8}
"""Bits of the longest codes that each way looks up in registers; longer ones are gathered."""

_CYCLES: dict[tuple[str, int], tuple[float, ...]] = {
    ("permute", 4): (64, 64, 64, 64, 64, 64, 130, 260),
    ("permute", 8): (160, 160, 160, 160, 160, 160, 300, 540),
    ("bytes", 4): (64, 64, 64, 64, 64, 64, 100, 110, 170),
    ("bytes", 8): (160, 160, 160, 160, 160, 160, 270, 270, 400),
}
"""For 512 rows, by bits, for values of 4 and 8 bytes: from the number of permutes, on Zen 4, which does one a cycle."""
_GATHER = {4: 800.0, 8: 900.0}


def cost_of(lookup: str, itemsize: int) -> Cost:
    """What trees cost whose leaf values of ``itemsize`` bytes are looked up that way."""
    cycles = _CYCLES.get((lookup, itemsize), ())
    by_matrix = lookup == "bytes"  # CPUs that permute bytes also transpose matrices of bits
    return Cost(
        codes=40.0 if by_matrix else 0.0,
        bit=1.0 if by_matrix else 16.0,
        lookups=cycles,
        gather=_GATHER[itemsize],
        widths=tuple(range(FEW_BITS - 1, MOST[lookup] + 1)),
    )


def plane_bytes(lookup: str, n_bits: int) -> int:
    """Bytes of a lane of the planes that codes of so many bits look up; 0 where they gather."""
    if n_bits > MOST[lookup]:
        return 0
    return 4 if lookup == "permute" or n_bits <= FEW_BITS else 1


def plane_entries(width: int, n_bits: int) -> int:
    """Lanes of a plane: at least a register of them."""
    return max(REGISTER // width, 1 << n_bits)


def planes_of(values: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """The planes of tables ``values`` [tables, 2**bits], u8 [tables, bytes], one plane after the other, whole registers."""
    n, count = values.shape
    entries = plane_entries(width, count.bit_length() - 1)
    parts = np.zeros((n, values.dtype.itemsize // width, entries, width), np.uint8)
    parts[:, :, :count] = values.view(np.uint8).reshape(n, count, -1, width).transpose(0, 2, 1, 3)
    return parts.reshape(n, -1)
