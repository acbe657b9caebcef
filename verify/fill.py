"""Rows that meet the demands of a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.treeir.interp.predicates import ZERO_BOUND
from treec.verify.paths import Demands, Paths, ZeroBand, confine
from treec.verify.rows import Domain, Pools

Values = NDArray[Any]
Bools = NDArray[np.bool_]

TEMPLATES = 61
NAN_SHARE = 0.04
INVALID_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Filler:
    """Makes one encoded row per target: random where the path leaves it free, drawn to its edge elsewhere."""

    paths: Paths
    domain: Domain
    templates: Values
    rng: np.random.Generator

    def rows(self, targets: NDArray[np.int64], demands: Demands) -> tuple[Values, Bools]:
        """[m, n_inputs] encoded values that lead to each target, and whether any row can: a contradictory path cannot."""
        with np.errstate(all="ignore"):
            confine(demands, self.domain)
            values = self.templates.take(self.rng.integers(0, len(self.templates), len(targets)), axis=0)
            np.clip(values, demands.lo, demands.hi, out=values)  # keeps NaN
            closed = demands.lo > demands.hi
            if demands.band is not None:
                closed = self._pass_band(values, demands, demands.band)
            self._pass_codes(values, demands, closed)
            if not np.isnan(self.domain.forest.inputs.missing_value):
                self._leave_missing_value(values, demands, closed)
            if self.paths.holes:
                closed |= self.paths.move_off_holes(values, targets, demands, self.domain)
            values[closed & demands.nan] = np.nan
            self._replace_nan(values, demands)
        return values, np.asarray((~closed | demands.nan).all(axis=1))

    def _pass_band(self, values: Values, d: Demands, band: ZeroBand) -> Bools:
        """Move values out of the band of zeros, or into it where zeros pass; returns where no number passes."""
        dtype = values.dtype.type
        bound, infinity = dtype(ZERO_BOUND), dtype(np.inf)
        low = np.maximum(d.lo, self.domain.up(np.nextafter(bound, infinity)))
        high = np.minimum(d.hi, self.domain.down(np.nextafter(-bound, -infinity)))
        above, below = low <= d.hi, high >= d.lo
        zeros = band.asked & band.passes & (band.lo <= band.hi)
        into = zeros & (~(above | below) | (self.rng.random(values.shape) < 0.25))
        out = band.asked & ~into & (np.abs(values) <= bound)
        outside = np.where(above & (~below | (self.rng.random(values.shape) < 0.5)), low, high)
        values[out] = outside[out]
        values[into] = np.clip(dtype(0), band.lo, band.hi)[into]
        return np.where(band.asked, ~above & ~below & ~zeros, d.lo > d.hi)

    def _pass_codes(self, values: Values, d: Demands, closed: Bools) -> None:
        m = len(values)
        for slot, index in enumerate(self.paths.set_inputs):
            table = int(self.domain.table_sizes[index])
            words = d.codes[:, slot]
            n_codes = 32 * words.shape[1]
            if table:
                n_codes = min(n_codes, table)
                words = words & self._known_positions(int(index), words.shape[1])
            random = self.rng.integers(0, n_codes, m)
            drawn = (words[np.arange(m), random >> 5] >> (random & 31).astype(np.uint32)) & 1 == 1
            some = (words != 0).any(axis=1)
            code = np.where(drawn, random, _lowest_bit(words)).astype(values.dtype)
            if d.band is not None and not table:
                code[d.band.asked[:, index] & (code == 0)] = 0.5  # still category 0, but no missing zero
            invalid = d.invalid[:, slot] & (table == 0)
            as_invalid = invalid & (~some | (self.rng.random(m) < INVALID_SHARE))
            keep_nan = np.isnan(values[:, index]) & d.nan[:, index]
            no_category = -2 if self.domain.forest.inputs.missing_value == -1 else -1
            values[:, index] = np.where(keep_nan, np.nan, np.where(as_invalid, no_category, code))
            closed[:, index] = ~some & ~invalid

    def _known_positions(self, index: int, n_words: int) -> NDArray[np.uint32]:
        """Bits of the table positions that a row can have: not of the number that stands for missing."""
        table, bits = self.domain.tables[index], np.zeros(32 * n_words, bool)
        known = table != self.domain.forest.inputs.missing_value
        bits[: len(table)] = known[: len(bits)]
        return np.packbits(bits, bitorder="little").view("<u4").astype(np.uint32)

    def _leave_missing_value(self, values: Values, d: Demands, closed: Bools) -> None:
        """No row can have the number that stands for missing: take a neighbour."""
        named = values == values.dtype.type(self.domain.forest.inputs.missing_value)
        named[:, self.domain.table_inputs] = False  # these values are positions
        row, index = np.nonzero(named)
        below, _, above = self.domain.neighbours(values[row, index], index)
        rises, falls = above <= d.hi[row, index], below >= d.lo[row, index]
        values[row, index] = np.where(rises, above, below)
        closed[row, index] |= ~rises & ~falls

    def _replace_nan(self, values: Values, d: Demands) -> None:
        wrong = np.isnan(values) & ~d.nan
        if wrong.any():
            values[wrong] = np.clip(values.dtype.type(0), d.lo[wrong], d.hi[wrong])


def _lowest_bit(words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The lowest bit set in each row of words; arbitrary where there is none."""
    word = (words != 0).argmax(axis=1)
    chosen = words[np.arange(len(words)), word].astype(np.int64)
    lowest = chosen & -chosen
    return 32 * word + np.log2(np.maximum(lowest, 1)).astype(np.int64)


def filler(paths: Paths, domain: Domain, near: Pools, seed: int) -> Filler:
    """A filler whose free values are drawn from ``near`` (and some NaN)."""
    rng = np.random.default_rng(seed)
    templates = near.draw(TEMPLATES, rng)
    templates[rng.random(templates.shape) < NAN_SHARE] = np.nan
    return Filler(paths, domain, templates, rng)
