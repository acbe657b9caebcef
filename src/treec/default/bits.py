"""How many rows a block of bits has: an estimate in cycles of one core, for `treec.default.bitslice`.

Work comes in words of up to 512 rows: answers, selects and multiplexers take nearly as long for fewer, as far as a register
of the machine holds them. So a block is at least a register, and more rows are more words of the same work. Three things
differ then:

- slots that trees read (answers and what selects make, a bit a row each) stay in the first cache or come from the second;
- the whole block (answers, ranks, values, sums) stays in the second cache or goes farther;
- tables of models larger than all caches are brought once for each block, which larger blocks share out.

``cycles(R) = (work(R) + TREE * trees + NEAR * reads * beyond(slots, L1) + FAR * (nodes + predicates) * beyond(block,
L2 / 2)) / word + LINE * lines / R``, where ``beyond(bytes, cache)`` is the part that does not fit, ``word`` is R, at most
512. The smallest block within `CLOSE` of the best is taken: it suits more calls and threads; and none of more than
`MOST_BYTES`.

Measured, one thread, 16,384 rows; time over that of blocks of 512, and the estimate's:

| model, registers | 128 | 256 | 1024 | 2048 | taken |
|---|---|---|---|---|---|
| airline, 512 bits | 1.96, 1.68 | 1.31, 1.26 | 1.05, 1.03 | 1.12, 1.04 | 512 |
| higgs | 1.85, 1.91 | 1.35, 1.34 | 1.15, 1.17 | 1.32, 1.36 | 512 |
| year | 1.56, 1.55 | 1.19, 1.13 | 1.16, 1.09 | 1.26, 1.14 | 512 |
| covtype_like | 1.67, 1.63 | 1.21, 1.24 | 1.03, 1.02 | 1.05, 1.07 | 512 |
| letters_like | 1.93, 1.82 | 1.25, 1.29 | 1.05, 1.00 | 1.04, 1.05 | 512 |
| abalone_like | 1.92, 1.67 | 1.32, 1.23 | 1.01, 1.02 | 1.08, 1.03 | 512 |
| LightGBM, 500 trees of 31 leaves | 1.81, 1.92 | 1.17, 1.34 | 1.00, 1.07 | 1.16, 1.10 | 512 |
| LightGBM, 100 trees of 31 leaves, 279 predicates | 1.73, 1.76 | 1.17, 1.27 | 1.05, 1.04 | 1.13, 1.10 | 512 |
| LightGBM, 120 trees of 5 leaves, 80 predicates | 1.16, 1.41 | 1.05, 1.14 | 1.01, 1.00 | 1.01, 1.00 | 512 |
| LightGBM, 1000 trees, 255 leaves | 0.95 to 1.1, 3.2 | 0.67 to 1.5, 1.8 | 0.94 to 0.98, 0.79 | 0.74 to 0.84, 0.69 | 512 |
| airline, 256 bits | 1.25, 1.22 | 0.98, 1.01 | 1.01, 1.01 | | 256 |
| higgs | 1.18, 1.30 | 0.98, 1.04 | 1.05, 1.06 | | 512 |
| year | 1.01, 1.16 | 0.92, 0.98 | 1.03, 1.03 | | 256 |
| abalone_like | 1.28, 1.16 | 1.06, 1.01 | 1.03, 1.01 | | 512 |
| LightGBM, 500 trees of 31 leaves | 1.29, 1.27 | 1.06, 1.04 | 1.01, 1.02 | | 512 |

The model of 1000 trees has 138,352 predicates, more than any cache holds: its times vary with what else the machine does.
"""

from __future__ import annotations

from dataclasses import dataclass

from treec.default.machine import Machine

SIZES = (128, 256, 512, 1024, 2048)
WORD = 512
"""Rows that are handled together, in a block of so many or more."""
PART_OF_REGISTER = {1: 1.0, 2: 0.75, 4: 0.6}
"""Time of the work for a half and a quarter of a register, over that for all of it."""
NEAR = 0.5
"""Cycles that a slot which comes from the second cache costs, beside other work."""
FAR = 2.0
"""Likewise from behind it."""
TREE = 25.0
"""Cycles of the loops around a tree, for each word."""
LINE = 16.0
"""Cycles to bring 64 bytes of a table from memory, one after the other; those in the last cache are asked for in time."""
LARGE_TABLES = 8
"""Tables of so many second caches do not stay in the last one."""
MOST_BYTES = 16 << 20
"""Of a block of more rows than a word: memory of that size is cleared by the system for each call, which calls of a
block or less pay for. The model of 138,352 predicates took 2.5 times as long for 600 rows in blocks of 2,048."""
CLOSE = 1.01


@dataclass(frozen=True)
class BlockShape:
    """What blocks of a model are: cycles of ``work`` for a register of rows, and ``other`` cycles a row; ``trees``; slots
    of a tree, and how often trees read one; ``nodes``; ``predicates``; bytes of a row beside its answers; of all tables."""

    work: float
    other: float
    trees: int
    slots: int
    reads: int
    nodes: int
    predicates: int
    row_bytes: int
    table_bytes: int


def row_cycles(shape: BlockShape, rows: int, machine: Machine) -> float:
    """The estimate for blocks of so many rows, per row."""
    word = min(rows, WORD)
    near = NEAR * shape.reads * _beyond(shape.slots * rows / 8, machine.l1_bytes)
    far = FAR * (shape.nodes + shape.predicates) * _beyond(rows * _row_bytes(shape), machine.l2_bytes / 2)
    lines = shape.table_bytes / 64 if shape.table_bytes > LARGE_TABLES * machine.l2_bytes else 0.0
    work = shape.work * _registers(word, machine) + TREE * shape.trees
    return (work + near + far) / word + LINE * lines / rows + shape.other


def best_block(shape: BlockShape, machine: Machine) -> int:
    """Rows of a block: the smallest of `SIZES` that is close to the best."""
    fits = [rows for rows in SIZES if rows <= WORD or rows * _row_bytes(shape) <= MOST_BYTES]
    cycles = {rows: row_cycles(shape, rows, machine) for rows in fits}
    return next(rows for rows in fits if cycles[rows] <= CLOSE * min(cycles.values()))


def _row_bytes(shape: BlockShape) -> float:
    """Bytes of a row in a block."""
    return shape.predicates / 8 + shape.row_bytes


def _registers(word: int, machine: Machine) -> float:
    """Time of the work for a word, over that for a register."""
    bits = machine.register_bits
    return word / bits if word >= bits else PART_OF_REGISTER[min(4, bits // word)]


def _beyond(size: float, cache: float) -> float:
    """The part of so many bytes that a cache has no room for."""
    return max(0.0, 1.0 - cache / size) if size else 0.0
