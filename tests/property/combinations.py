"""Random schedules, random forests and random batches in machine code, with a quota for each word of the language.

usage: python -m tests.property.combinations [--cases 2000] [--jobs 2] [--quota N] [--seed S] [--case N]

Every directive, every value of its choices and every argument that has a default must have met, at least ``--quota`` times,
each kind of forest: with missing values, with categories, of several columns, with trees of one leaf, with leaf vectors.
Answers are compared with the reference interpreter bit for bit (under `float reassociate`: with the plan's own sums, and
these with the exact ones within the bound). The table of counts comes last; a word that no schedule drew is a failure.
``--case N`` runs one case again and prints it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from math import prod
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.property.drawing import draw
from tests.property.test_pipeline import (
    DTYPES,
    STRIDES,
    assert_same,
    expected,
    forests,
    lowered,
    planned_sums,
    reads,
    refused,
    schedules,
    strided,
)
from treec.codegen.abi import DType
from treec.codegen.cpu_levels import LEVELS
from treec.codegen.llvm.target import host_level
from treec.compiler import Compilation, generate, load_in_process
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Missing, Test, Trees
from treec.frontends.load import LoadedModel
from treec.runtime.execute import run_task
from treec.schedule.arguments import Argument, Choice, Neighbours, NumberOrWord
from treec.schedule.base import Directive
from treec.schedule.directives import CPU_LEVELS, DIRECTIVES, FissionLoop, TargetCpu, UnrollLoop, Walk
from treec.schedule.kernel import KernelWhen
from treec.schedule.schedule import Schedule
from treec.verify.rows import Domain, random_rows

CANDIDATES = 6
"""Forests and schedules drawn for a case; the pair that fills most of the quota is run."""
HEAVIEST = 400.0
"""The most code that a case makes, see `weight`."""
SIZES = (1, 2, 3, 5, 7, 17, 64, 100, 150)
SMALL_SIZES = (1, 2, 5, 7, 17)
"""For plans that reassociate: what they must answer is computed row by row."""
STALLED = 600.0
"""Seconds after which a case counts as hung."""


def _nodes_with(forest: Forest, column: NDArray[Any]) -> bool:
    return isinstance(forest.trees, Trees) and bool(column[forest.trees.predicate].any())


def _has_leaf_trees(forest: Forest) -> bool:
    return isinstance(forest.trees, Trees) and bool((np.diff(forest.trees.leaf_offset) == 1).any())


KINDS: dict[str, Callable[[Forest], bool]] = {
    "missing": lambda f: _nodes_with(f, f.predicates.missing != Missing.NONE),
    "category": lambda f: _nodes_with(f, f.predicates.test == Test.IN_SET),
    "multiclass": lambda f: f.n_columns > 1,
    "one-leaf": _has_leaf_trees,
    "leaf vector": lambda f: f.leaf_width > 1,
}
"""What a forest may have. The first row of every batch lacks a value."""


ON_A_GPU = (
    "target gpu",
    "bind",
    "cache nodes",
    "cache rows in=shared",
    "reduce in=shared",
    "reduce in=atomic",
    "reduce in=shuffle",
)
"""Words of a plan for another machine than this one: what begins so is tested where there is a GPU, or refused there."""


def language() -> list[str]:
    """All words that a plan for a CPU may use."""
    words = [word for cls in DIRECTIVES.values() for word in sorted(words_of(cls))]
    return [word for word in words if not word.startswith(ON_A_GPU)]


def levels() -> tuple[str, ...]:
    """The levels that this host runs."""
    host = host_level()
    known = [name for name, level in LEVELS.items() if level.machine == host.machine]
    return tuple(level for level in CPU_LEVELS if level == "native" or level in known[: known.index(host.name) + 1])


def words_of(cls: type[Directive]) -> set[str]:
    """The words that a directive stands for: its name, and what its arguments may say."""
    return {cls.keyword, *(word for a in cls.arguments() for word in _argument_words(cls, a))}


def _argument_words(cls: type[Directive], a: Argument) -> list[str]:
    values: Iterable[str] = ()
    match a.kind:
        case Choice(values=values) if cls is TargetCpu and a.spelled == "level":
            values = levels()
        case Choice(values=values):
            pass
        case Neighbours(axes=values):
            pass
        case NumberOrWord(word=word):
            values = (word,)
        case _:
            return [] if a.required else [f"{cls.keyword} {a.spelled}="]
    return [_word(cls, a, value) for value in values if not (a.quiet and value == a.default)]


def _word(cls: type[Directive], a: Argument, value: str) -> str:
    return f"{cls.keyword} {value}" if a.positional else f"{cls.keyword} {a.spelled}={value}"


def words_in(schedule: Schedule) -> set[str]:
    """The words that a schedule uses."""
    return {word for d in _all(schedule.directives) for word in _used(d)}


def _all(directives: Iterable[Directive]) -> Iterator[Directive]:
    for d in directives:
        yield d
        if isinstance(d, KernelWhen):
            yield from d.directives


def _used(d: Directive) -> Iterator[str]:
    cls = type(d)
    yield cls.keyword
    for a in cls.arguments():
        value = getattr(d, a.field)
        match a.kind:
            case Choice():
                yield _word(cls, a, value)
            case Neighbours():
                yield _word(cls, a, value.partition(":")[0])
            case NumberOrWord(word=word):
                yield from [_word(cls, a, word)] if value == word else []
            case _:
                yield from [f"{cls.keyword} {a.spelled}="] if not a.required and value != a.default else []


@dataclass(frozen=True)
class Case:
    """A pair, by the numbers that draw it."""

    number: int
    forest: int
    schedule: int

    def drawn(self) -> tuple[Forest, Schedule]:
        return draw_forest(self.forest), draw_schedule(self.schedule)

    def __str__(self) -> str:
        return f"--case {self.number}/{self.forest}/{self.schedule}"


def draw_forest(seed: int) -> Forest:
    return draw(forests(), seed)


def draw_schedule(seed: int) -> Schedule:
    choices = levels()
    return draw(schedules(), seed).with_target(level=choices[seed % len(choices)])


def weight(schedule: Schedule) -> float:
    """About how much code it makes, in walks: a case of much code costs minutes in LLVM."""
    dtypes = 2 if schedule.target.input == "any" else 1
    return dtypes * sum(_walks(scope.done) for scope in schedule.scopes().values())


def _walks(plan: list[Directive]) -> float:
    copies = prod(d.by if isinstance(d.by, int) else 4 for d in plan if isinstance(d, UnrollLoop))
    parts = 4 if any(isinstance(d, FissionLoop) for d in plan) else 1
    walk = next(d for d in plan if isinstance(d, Walk))
    together = int(walk.interleave.partition(":")[2] or 1)
    straight = 6 if walk.unroll == "full" else 1 + walk.peel
    return 3.0 + copies * parts * straight * together


@dataclass
class Quota:
    """How often each word has met each kind of forest."""

    wanted: int
    words: list[str]
    met: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    cases: Counter[str] = field(default_factory=Counter[str])

    def worth(self, words: set[str], kinds: list[str]) -> int:
        """How much a pair would bring nearer to the quota."""
        return sum(max(0, self.wanted - self.met[word, kind]) for word in words for kind in kinds)

    def add(self, words: set[str], kinds: list[str]) -> None:
        self.cases.update(words)
        self.met.update((word, kind) for word in words for kind in kinds)

    def lacking(self) -> list[str]:
        lacks = [(w, k, self.met[w, k]) for w in self.words for k in KINDS if self.met[w, k] < self.wanted]
        return [f"`{word}` met forests with {kind} {n} times" for word, kind, n in lacks]

    def next_case(self, number: int, seed: int) -> Case:
        """The best of some candidates, which then counts as done."""
        first = seed * 1_000_000 + number * CANDIDATES
        seeds = range(first, first + CANDIDATES)
        drawn = [
            (s, forest, [kind for kind, has in KINDS.items() if has(forest)]) for s in seeds if (forest := draw_forest(s))
        ]
        plans = [(s, schedule, words_in(schedule)) for s in seeds if (schedule := draw_schedule(s))]
        pairs = [
            ((self.worth(words, kinds) + 0.1) / (20 + weight(schedule)) ** 1.5, f, s, words, kinds)
            for f, forest, kinds in drawn
            for s, schedule, words in plans
            if forest.trees.n_trees and not refused(forest, schedule) and weight(schedule) < HEAVIEST
        ]
        if not pairs:
            return self.next_case(number, seed + 1000)
        _, f, s, words, kinds = max(pairs, key=lambda pair: pair[0])
        self.add(words, kinds)
        return Case(number, f, s)


def run_case(case: Case) -> int:
    """Compile and compare; returns how many answers were compared. Raises `AssertionError`."""
    forest, schedule = case.drawn()
    rng = np.random.default_rng([case.number, case.forest, case.schedule])
    reassociates = schedule.float_policy == "reassociate"
    planned = lowered(forest, schedule).planned if reassociates else None
    compilation = Compilation(LoadedModel(forest, lambda: None), schedule, ())
    generate(compilation)
    library = load_in_process(compilation, verify=False).library
    compared = 0
    for dtype in [dtype for dtype in DType if reads(schedule, dtype)]:
        sizes = SMALL_SIZES if reassociates else SIZES
        for n in (int(rng.choice(sizes)), int(rng.choice((0, *sizes)))):
            rows = random_rows(Domain(forest, DTYPES[dtype]), n, int(rng.integers(1000)))
            rows[:1, forest.inputs.column[:1]] = np.nan
            rows = strided(rows, str(rng.choice(STRIDES)))
            trees = (0, forest.trees.n_trees)
            if rng.random() < 0.3:
                first, last = sorted(rng.integers(0, forest.trees.n_trees + 1, 2).tolist())
                trees = (first, last)
            outputs = expected(forest, rows, trees)
            if planned is not None:
                outputs = planned_sums(forest, planned, rows, trees, outputs)
            for task, wanted in outputs.items():
                threads = int(rng.integers(1, 3))
                assert_same(
                    run_task(library, task, rows, tree_begin=trees[0], tree_end=trees[1], n_threads=threads), wanted
                )
                compared += wanted.size
    return compared


def outcome(case: Case) -> tuple[int, str | None]:
    """Answers compared, or what went wrong."""
    try:
        return run_case(case), None
    except (AssertionError, ScheduleError) as error:
        return 0, f"{case}: {str(error)[:2000]}"
    except Exception as error:  # a crash of the compiler is what is looked for
        return 0, f"{case}: {type(error).__name__}: {str(error)[:2000]}"


@dataclass
class Result:
    """What a run has found."""

    quota: Quota
    cases: int = 0
    compared: int = 0
    failures: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    def add(self, outcome: tuple[int, str | None]) -> None:
        compared, failure = outcome
        self.cases += 1
        self.compared += compared
        self.failures += [failure] if failure else []


def run(cases: int, quota: int, *, seed: int = 0, jobs: int = 1, progress: Callable[[str], None] | None = None) -> Result:
    """Run so many cases in ``jobs`` processes."""
    start = time.perf_counter()
    result = Result(Quota(quota, language()))
    chosen = (result.quota.next_case(number, seed) for number in range(cases))
    for done in map(outcome, chosen) if jobs == 1 else _in_processes(chosen, jobs):
        result.add(done)
        if progress is not None and (result.cases % 50 == 0 or done[1]):
            seconds = time.perf_counter() - start
            progress(f"{result.cases} of {cases} cases, {seconds:.0f} s, {len(result.failures)} failed {done[1] or ''}")
    result.seconds = time.perf_counter() - start
    return result


def _in_processes(cases: Iterator[Case], jobs: int) -> Iterator[tuple[int, str | None]]:
    """A crash of machine code ends its process, and with it the run; so does a case that hangs."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running: dict[Future[tuple[int, str | None]], Case] = {}
        while True:
            while len(running) < 2 * jobs and (case := next(cases, None)) is not None:
                running[pool.submit(outcome, case)] = case
            if not running:
                return
            done, _ = wait(running, timeout=STALLED, return_when=FIRST_COMPLETED)
            names = ", ".join(str(case) for case in running.values())
            if not done:
                raise TimeoutError(f"no case is done within {STALLED:.0f} s; running are {names}")
            for future in done:
                crash = future.exception()
                if crash is not None:
                    raise RuntimeError(f"a process ended while these ran: {names}") from crash
                del running[future]
                yield future.result()


def print_table(result: Result) -> None:
    """Counts by word and kind of forest; what is below the quota in red."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result.cases} cases, {result.compared:,} answers compared, {result.seconds:.0f} s")
    table.add_column("word")
    for name in ("cases", *KINDS):
        table.add_column(name, justify="right")
    for word in result.quota.words:
        counts = [result.quota.met[word, kind] for kind in KINDS]
        cells = [f"[red]{n}[/]" if n < result.quota.wanted else str(n) for n in counts]
        table.add_row(word, str(result.quota.cases[word]), *cells)
    Console(width=110).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quota", type=int, help="default: a case in 100")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", metavar="N/F/S", help="run one case again, as a failure names it")
    options = parser.parse_args()
    if options.case:
        case = Case(*(int(part) for part in options.case.split("/")))
        print(*case.drawn(), sep="\n")
        print(run_case(case), "answers compared")
        return 0
    quota = options.quota or max(1, options.cases // 100)
    result = run(options.cases, quota, seed=options.seed, jobs=options.jobs, progress=lambda line: print(line, flush=True))
    print_table(result)
    for line in (*result.failures, *result.quota.lacking()):
        print(line)
    return 1 if result.failures or result.quota.lacking() else 0


if __name__ == "__main__":
    sys.exit(main())
