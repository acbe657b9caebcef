"""Run a compiled model where its library is not loaded, and compare with the library's saved answers.

    python examples/demo_predict.py demo-output

The folder holds ``model.so``, ``rows.npy`` and ``xgboost-{raw,probability,label}.npy``; ``examples/demo.py`` makes it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import treec

ABSENT = ("xgboost", "sklearn", "scipy", "xdsl", "llvmlite")
ULPS = 10  # of a softmax over ten classes, see docs/exactness.md


def main(folder: Path) -> int:
    model = treec.load(folder / "model.so")
    rows = np.load(folder / "rows.npy")
    raw = model.predict(rows, raw=True)
    probability = np.asarray(model.predict_proba(rows))
    label = model.predict(rows)

    loaded = [name for name in ABSENT if name in sys.modules]
    print(f"loaded libraries of {', '.join(ABSENT)}: {', '.join(loaded) or 'none'}")
    good = not loaded
    good &= report("raw margins", raw, np.load(folder / "xgboost-raw.npy"), ulps=0)
    good &= report("probabilities", probability, np.load(folder / "xgboost-probability.npy"), ulps=ULPS)
    good &= report("labels", label, np.load(folder / "xgboost-label.npy"), ulps=0)
    return 0 if good else 1


def report(what: str, ours: NDArray[Any], theirs: NDArray[Any], *, ulps: int) -> bool:
    """Print how two answers differ; true if shape and dtype are equal and no value is more than ``ulps`` away."""
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        print(f"{what}: {ours.dtype}{list(ours.shape)}, but XGBoost has {theirs.dtype}{list(theirs.shape)}")
        return False
    kind = f"{what:<14} {ours.dtype.name}{list(ours.shape)}"
    if ours.tobytes() == theirs.tobytes():
        print(f"{kind}: all {ours.size:,} values are XGBoost's, bit for bit")
        return True
    differing = int(np.count_nonzero(ours != theirs))
    furthest = ulp_distance(ours, theirs) if ours.dtype.kind == "f" else None
    unit = f", by up to {furthest} ulp" if furthest is not None else ""
    print(f"{kind}: {differing:,} of {ours.size:,} values differ{unit}; allowed: {ulps} ulp")
    return furthest is not None and furthest <= ulps


def ulp_distance(ours: NDArray[Any], theirs: NDArray[Any]) -> int:
    """The largest number of steps between neighbouring floats from one array's values to the other's."""
    return max(abs(a - b) for a, b in zip(steps_from_zero(ours), steps_from_zero(theirs), strict=True))


def steps_from_zero(values: NDArray[Any]) -> list[int]:
    """Each float's place in the order of all floats of its width, 0.0 and -0.0 at 0."""
    bits = values.ravel().view(f"i{values.itemsize}")
    return np.where(bits < 0, np.iinfo(bits.dtype).min - bits, bits).tolist()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
