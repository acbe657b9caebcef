"""What verification found: counts for the card, a line for the transcript, the error of a mismatch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.errors import VerificationError
from treec.frontends.base import Forest
from treec.verify.bounds import within
from treec.verify.compare import shown

SHOWN_COLUMNS = 8
HINT = (
    "this is a defect of treec, please report it with the model; to find the level at fault, write all levels with "
    "`treec-dump MODEL -o DIR` and run the reference interpreter of each on this row"
)


@dataclass
class Verification:
    """Counts of one verification; all differences are 0 or there would be an error instead. Where sums are
    ``reassociated``, raw outputs are within a bound of their own (`treec.verify.bounds`) of the interpreter's and the
    library's: ``max_difference`` is the largest difference, ``bound_share`` the largest part of its bound that one took.
    Code that ``repeats`` its sums gives them the same bits in each call.

    Nodes: ``nodes`` in the model, ``nodes_tested`` of them (all, or a random sample beyond the budget),
    ``nodes_unreachable`` of the tested that no row can reach, ``nodes_reached`` by a boundary row. ``comparisons``: numbers
    compared with the interpreter. ``oracle_rows`` compared with the library, ``oracle_ulp`` the largest distance of a
    response from the library's, of ``oracle_bound`` allowed; raw outputs, labels and leaf ids are always equal.
    ``unlike``: functions that this machine's C library has with other bits than kernels for GPUs do; responses were then
    ``unlike_ulp`` from the interpreter's, which calls it.
    """

    nodes: int = 0
    nodes_tested: int = 0
    nodes_unreachable: int = 0
    nodes_reached: int = 0
    boundary_rows: int = 0
    random_rows: int = 0
    comparisons: int = 0
    max_difference: float = 0.0
    reassociated: bool = False
    repeats: bool = True
    bound_share: float = 0.0
    oracle: str | None = None
    oracle_version: str | None = None
    oracle_absent: str | None = None
    oracle_rows: int = 0
    oracle_ulp: int = 0
    oracle_bound: int = 0
    unlike: tuple[str, ...] = ()
    unlike_ulp: int = 0
    row_dtypes: tuple[str, ...] = ()
    seed: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def nodes_reachable(self) -> int:
        """Tested nodes that are not proven to be out of reach."""
        return self.nodes_tested - self.nodes_unreachable

    @property
    def verdict(self) -> str:
        """How raw outputs compare, in two words or with figures."""
        if not self.reassociated:
            return "bit-identical"
        how = "reassociated" if self.repeats else "in any order, other bits in each call"
        return f"sums {how}, max |Δ| = {self.max_difference:.2g}, {100 * self.bound_share:.2g} % of the bound"

    def within(self, expected: NDArray[Any], found: NDArray[Any], bound: NDArray[np.float64]) -> tuple[int, ...] | None:
        """Record how far sums are apart; the place of the first that is beyond its bound, or None."""
        with np.errstate(all="ignore"):
            apart = np.abs(expected.astype(np.float64) - found.astype(np.float64))
            share = apart / bound
        self.max_difference = max(self.max_difference, float(apart[np.isfinite(apart)].max(initial=0.0)))
        self.bound_share = max(self.bound_share, float(share[np.isfinite(share)].max(initial=0.0)))
        wrong = np.argwhere(~within(expected, found, bound))
        return tuple(int(index) for index in wrong[0]) if len(wrong) else None

    def to_dict(self) -> dict[str, Any]:
        """For the card: plain JSON values."""
        oracle: dict[str, Any] = {"absent": self.oracle_absent}
        if self.oracle is not None:
            oracle = {
                "library": self.oracle,
                "version": self.oracle_version,
                "rows": self.oracle_rows,
                "max_ulp": self.oracle_ulp,
                "ulp_bound": self.oracle_bound,
            }
        return {
            "nodes": self.nodes,
            "nodes_tested": self.nodes_tested,
            "nodes_reachable": self.nodes_reachable,
            "nodes_reached": self.nodes_reached,
            "boundary_rows": self.boundary_rows,
            "random_rows": self.random_rows,
            "row_dtypes": list(self.row_dtypes),
            "comparisons": self.comparisons,
            "max_difference": self.max_difference,
            **({"bound_share": self.bound_share, "repeats": self.repeats} if self.reassociated else {}),
            **({"c_library": {"unlike": list(self.unlike), "max_ulp": self.unlike_ulp}} if self.unlike else {}),
            "library": oracle,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
        }

    def summary(self) -> str:
        """One line for the transcript."""
        sample = "" if self.nodes_tested == self.nodes else f" (a sample of {self.nodes:,})"
        unreachable = f", {self.nodes_unreachable:,} out of any row's reach" if self.nodes_unreachable else ""
        library = f"not with the library: {self.oracle_absent}"
        if self.oracle is not None:
            library = f"{self.oracle} {self.oracle_version} on {self.oracle_rows:,} rows"
            library += f", links within {self.oracle_ulp} ulp" if self.oracle_bound else ""
        note = "" if self.c_library_note is None else f"; {self.c_library_note}"
        return (
            f"{self.verdict}: {self.nodes_reached:,} of {self.nodes_reachable:,} nodes{sample} reached{unreachable}; "
            f"{self.boundary_rows:,} boundary and {self.random_rows:,} random rows; {library}{note}"
        )

    @property
    def c_library_note(self) -> str | None:
        """That the C library of this machine is another one, where it is."""
        if not self.unlike:
            return None
        return (
            f"the C library here has another {' and '.join(self.unlike)} than kernels, which have glibc's with fused "
            f"multiply-adds: responses within {self.unlike_ulp} ulp of its"
        )


def mismatch(
    what: str, place: str, row: str, expected: Any, got: Any, *, against: str = "the reference interpreter"
) -> VerificationError:
    """The error for one wrong number."""
    return VerificationError(
        f"the compiled model is wrong: its {what} is {shown(got)}, {against} says {shown(expected)}; {row}",
        place=place,
        fix=HINT,
    )


def describe_row(forest: Forest, row: NDArray[Any], inputs: NDArray[np.integer] | None = None) -> str:
    """A row's values by column: of those ``inputs`` that matter, or the first few."""
    columns = np.arange(len(row)) if inputs is None else np.unique(forest.inputs.column[inputs])
    parts = [f"[{column}]={shown(row[column])}" for column in columns[:SHOWN_COLUMNS]]
    more = f" and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else ""
    return f"{row.dtype} row {', '.join(parts)}{more}"
