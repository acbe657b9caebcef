"""The reference of the directives as Markdown, from their descriptions.

``python -m treec.schedule.reference docs/schedule.md`` rewrites the part of the page between the two marks.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from treec.errors import TreecError, UsageError
from treec.schedule.arguments import Argument
from treec.schedule.base import Directive, Stage
from treec.schedule.directives import DIRECTIVES
from treec.schedule.kernel import KernelWhen as KernelWhen  # a word of the language, once imported

BEGIN = "<!-- directives: begin (written by treec.schedule.reference) -->"
END = "<!-- directives: end -->"

_TITLES = {Stage.TARGET: "The target", Stage.FOREST: "The trees", Stage.PLAN: "Loops, layout, walk"}


def reference(page: str = "") -> str:
    """A section for each stage and a sub-section for each directive, in the order of the table. Between the excerpt marks
    of a directive stays what ``page`` has there: the IR before and after, which other tools write."""
    parts: list[str] = []
    for stage, title in _TITLES.items():
        parts.append(f"## {title}")
        parts.extend(_section(cls, page) for cls in DIRECTIVES.values() if cls.stage is stage)
    return "\n\n".join(parts)


def excerpt_marks(keyword: str) -> tuple[str, str]:
    """What stands before and behind the excerpt of a directive."""
    return f"<!-- IR of {keyword}: begin -->", f"<!-- IR of {keyword}: end -->"


def _excerpt(keyword: str, page: str) -> str:
    begin, end = excerpt_marks(keyword)
    kept = page.partition(begin)[2].partition(end)[0].strip()
    return f"{begin}\n{kept}\n{end}" if kept else f"{begin}\n{end}"


def rewrite(page: str) -> str:
    """The page with the reference between its marks renewed; raises `UsageError` if a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"the page lacks the line `{END if begin else BEGIN}`")
    return f"{before}{BEGIN}\n\n{reference(page)}\n\n{END}{after}"


def _section(cls: type[Directive], page: str) -> str:
    about = inspect.cleandoc(cls.__doc__ or "")
    for word in ("Needs:", "Pays:"):
        about = about.replace(f"\n\n{word}", f"\n\n**{word}**")
    parts = [f"### `{cls.keyword}`", f"```\n{cls.usage()}\n```", about]
    if cls.arguments():
        rows = "\n".join(_row(a) for a in cls.arguments())
        parts.append(f"| argument | values | default | meaning |\n|---|---|---|---|\n{rows}")
    options = " ".join(a.field for a in cls.arguments()) or "none"
    parts.append(f"Pass: `{cls.pass_name}`; options: {options}.")
    parts.append(_excerpt(cls.keyword, page))
    return "\n\n".join(parts)


def _row(a: Argument) -> str:
    default = "required" if a.required else f"`{a.default}`"
    name = f"`{a.spelled}`" + (" (unnamed)" if a.positional else "")
    return f"| {name} | {a.kind.allowed()} | {default} | {a.about} |"


def main() -> int:
    try:
        if len(sys.argv) != 2:
            raise UsageError("give the page to rewrite", fix="python -m treec.schedule.reference docs/schedule.md")
        path = Path(sys.argv[1])
        path.write_text(rewrite(path.read_text(encoding="utf-8")), encoding="utf-8")
    except TreecError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
