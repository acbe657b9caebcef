"""Searches by pivots find the ranks that numpy finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.passes.algo.search import PIVOTS, search_levels, search_tables


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(1,), (15, 16), (17, 3), (255, 256), (256,), (257, 300), (4096, 1), (5000,)])
def test_the_parts_found_are_the_number_of_cuts_not_above(
    sizes: tuple[int, ...], dtype: type[np.float32 | np.float64]
) -> None:
    rng = np.random.default_rng(sum(sizes))
    cuts: list[NDArray[Any]] = [np.unique(rng.normal(size=n).astype(dtype)) for n in sizes]
    levels = max(search_levels(len(own)) for own in cuts)
    tables = search_tables(cuts, levels)
    for number, own in enumerate(cuts):
        edges = np.concatenate([own, np.nextafter(own, -np.inf), np.nextafter(own, np.inf)])
        values = np.concatenate([edges, np.array([np.inf, -np.inf, 0.0, -0.0], dtype)])
        found = np.zeros(len(values), int)
        for table in tables:
            pivots = table[number][PIVOTS * found[:, None] + np.arange(PIVOTS)]
            found = PIVOTS * found + (pivots <= values[:, None]).sum(axis=1)
        np.testing.assert_array_equal(found, np.searchsorted(own, values, side="right"))


def test_levels_hold_sixteen_times_more_each() -> None:
    assert [search_levels(n) for n in (0, 1, 16, 17, 256, 257, 4096, 4097)] == [0, 1, 1, 2, 2, 3, 3, 4]
