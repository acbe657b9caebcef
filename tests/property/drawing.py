"""One value of a Hypothesis strategy by a number: the same number gives the same value, with no test around it."""

from __future__ import annotations

import random
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.control import BuildContext
from hypothesis.errors import StopTest
from hypothesis.internal.conjecture.data import ConjectureData

T = TypeVar("T")
TRIES = 100


def draw(strategy: st.SearchStrategy[T], seed: int) -> T:
    """A random value; what a strategy rejects is drawn again."""
    for attempt in range(TRIES):
        data = ConjectureData(random=random.Random(f"{seed}/{attempt}"))
        try:
            with BuildContext(data, wrapped_test=draw):
                return data.draw(strategy)
        except StopTest:
            continue
    raise ValueError(f"{strategy} gives no value in {TRIES} tries")
