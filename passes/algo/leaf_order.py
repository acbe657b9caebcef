"""The order in which the leaves of a tree are numbered, so that the bits of their numbers take few selects. Pure numpy.

The leaves below a node have neighbouring numbers; which of its sides has the lower ones is free. Numbers are written in
Gray code, where neighbours differ in one bit: in n numbers about log2 n bits vary, wherever they begin, while of plain
ones 7 and 8 differ in four. A node takes a select for each bit that varies on either side. The one bit in which the sides
meet, if it varies on none, is the predicate itself where it is 1 on the true side, else one more select.

The best order of each node depends on where its numbers begin; it is found for all beginnings modulo `PERIOD`, from the
leaves up. That is exact for half as many leaves, and close for more: trees of 31 leaves that took 81 selects in their
order, in plain numbers, take 57 and with a period of 32 one less; 45 is less than any order can have.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

I64 = NDArray[np.int64]
PERIOD = 16
MANY = 2 * PERIOD
"""In so many numbers all bits vary."""
_HIGH = 4
"""All bits that flip at multiples of the period."""


def gray(number: I64) -> I64:
    return number ^ number >> 1


def true_first(levels: list[I64], true: I64, false: I64, below: I64) -> NDArray[np.bool_]:
    """Of each node and each beginning of its numbers, [N, PERIOD]: does the true side have the lower ones?

    ``levels``: nodes by depth, the roots first; ``true``, ``false`` i64[N]: a node, or negative for a leaf; ``below``
    i64[N]: leaves below each node.
    """
    n_nodes = len(true)
    # Selects of a subtree, over two periods; a leaf's, in the last row, are none.
    least = np.zeros((n_nodes + 1, 2 * PERIOD), np.uint16)
    first = np.zeros((n_nodes, PERIOD), np.bool_)
    for level in levels[::-1]:
        sides = [np.where(side[level] >= 0, side[level], n_nodes) for side in (true, false)]
        sizes = [np.where(side[level] >= 0, below[np.maximum(side[level], 0)], 1) for side in (true, false)]
        straight = _selects(least, sides, sizes, _PRICE[1])
        reverse = _selects(least, sides[::-1], sizes[::-1], _PRICE[0])
        first[level] = straight < reverse
        least[level] = np.tile(np.minimum(straight, reverse), 2)
    return first


def _selects(
    least: NDArray[np.uint16], sides: list[I64], sizes: list[I64], price: NDArray[np.uint16]
) -> NDArray[np.uint16]:
    """Of nodes whose first side has the lower numbers, [nodes, PERIOD]."""
    (lower, upper), (n_lower, n_upper) = sides, sizes
    own = price[np.minimum(n_lower, MANY + n_lower % PERIOD), np.minimum(n_upper, MANY)]
    beginnings = sliding_window_view(least, PERIOD, axis=1)
    return own + least[lower, :PERIOD] + beginnings[upper, n_lower % PERIOD]


def _flipped() -> I64:
    """The bit of the Gray code that a number modulo the period and the one before it differ in."""
    number = np.arange(PERIOD)
    return np.where(number == 0, 1 << _HIGH, number & -number)


def _vary() -> I64:
    """The bits that vary among n numbers from s on, [n, s]; more numbers are as many as the last."""
    table = np.zeros((MANY + 1, PERIOD), np.int64)
    for n in range(2, len(table)):
        table[n] = table[n - 1] | _flipped()[(np.arange(PERIOD) + n - 1) % PERIOD]
    return table


def _price() -> NDArray[np.uint16]:
    """The selects of a node, by whether the true side has the lower numbers, how many leaves the lower and the upper side
    have, and where numbers begin: [2, lower, upper, PERIOD]. `MANY` lower ones or more are counted modulo the period."""
    n_lower = np.arange(MANY + PERIOD)
    meet = np.arange(PERIOD) + n_lower[:, None] & PERIOD - 1
    vary = _vary()[np.minimum(n_lower, MANY)][:, None] | _vary()[:, meet].transpose(1, 0, 2)
    count = np.unpackbits(vary.astype(np.uint8)[..., None], axis=-1).sum(axis=-1)
    bit = _flipped()[meet][:, None]
    upper = (meet[:, None] // np.maximum(2 * bit, 1) & 1) == 0  # the bit is 1 in the upper numbers
    lone = (2 * bit < PERIOD) & (vary & bit == 0)
    return np.stack([count + (lone & (upper == side)) for side in (False, True)]).astype(np.uint16)


_PRICE = _price()
