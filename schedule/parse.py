"""From text to directives. One directive a line; ``#`` begins a comment.

    directive := word [word] [value…] [name=value…]
    value     := word | number | (value, value, …)
    kernel    := "kernel" "when" "rows" "<=" number "{" line end directive… "}" line end

An error has the line and column of the word at fault, and names the nearest known word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn, cast

from treec.errors import ScheduleError
from treec.schedule.arguments import LARGEST, quoted, suggest
from treec.schedule.base import Directive, assemble
from treec.schedule.directives import DIRECTIVES
from treec.schedule.kernel import KernelWhen
from treec.schedule.place import SourcePlace

_TOKEN = re.compile(r"[ \t]+|(?P<word>[A-Za-z_][A-Za-z0-9_.:-]*)|(?P<number>-?[0-9][A-Za-z0-9_.]*)|(?P<mark><=|[=(),{}])")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+(?:e-?[0-9]+)?")

Raw = str | int | tuple[str | int, ...]


def parse_directives(text: str, file: str = "<schedule>") -> tuple[Directive, ...]:
    """The directives of a schedule's text, each with its place; lines end in LF or CRLF.

    Every directive is right in itself; `treec.schedule.check` looks at them together. Raises `ScheduleError`.
    """
    found: list[Directive] = []
    block: KernelWhen | None = None
    inside: list[Directive] = []
    for number, source in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = _Line(file, number, source.removesuffix("\r").split("#", 1)[0])
        if not line.source.strip(" \t"):
            continue
        line.tokens = line.split()
        if line.begins_kernel():
            if block is not None:
                line.fail_nested(block)
            block, inside = line.kernel(), []
        elif line.ends_kernel():
            found.append(replace(line.closed(block), directives=tuple(inside), end=line.end_of_line()))
            block = None
        else:
            (found if block is None else inside).append(line.directive())
    if block is not None:
        raise block.error("`{` is not closed", "write `}` on a line of its own behind the kernel's plan", argument="{")
    return tuple(found)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


@dataclass
class _Line:
    """One line on its way from characters to a directive."""

    file: str
    number: int
    source: str
    tokens: list[_Token] = field(default_factory=list[_Token])
    at: int = 0
    columns: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    def begins_kernel(self) -> bool:
        return self.tokens[0].text == KernelWhen.keyword

    def ends_kernel(self) -> bool:
        return self.tokens[0].text == "}"

    def kernel(self) -> KernelWhen:
        """The block that this line opens, still without directives."""
        for wanted in ("kernel", "when", "rows", "<="):
            self._expect(wanted)
        rows = self._value("rows")
        self.columns["{"] = (self.tokens[self.at].column if self._peek() else self._end(),)
        self._expect("{")
        self._expect_nothing("write the kernel's directives on lines of their own")
        place = self._place(self.tokens[0].column)
        made = assemble(KernelWhen, {"rows": rows}, place)
        return cast("KernelWhen", made)

    def closed(self, block: KernelWhen | None) -> KernelWhen:
        """The block that this line closes."""
        if block is None:
            self._fail("`}` closes no kernel", self.tokens[0].column, "remove it")
        self.at = 1
        self._expect_nothing("write it on a line of its own")
        return block

    def end_of_line(self) -> SourcePlace:
        return self._place(self.tokens[0].column)

    def fail_nested(self, block: KernelWhen) -> NoReturn:
        reason = f"the kernel of {block.where()} is not closed, and a kernel can't stand inside a kernel"
        self._fail(reason, self.tokens[0].column, "write `}` on a line of its own before this line")

    def _expect(self, word: str) -> None:
        token = self._peek()
        if token is None or token.text != word:
            column, found = (token.column, f"`{token.text}`") if token else (self._end(), "the end of the line")
            self._fail(f"`{word}` is missing before {found}", column, "write `kernel when rows <= N {`")
        self.at += 1

    def _expect_nothing(self, fix: str) -> None:
        token = self._peek()
        if token is not None:
            self._fail(f"`{token.text}` does not belong here", token.column, fix)

    def directive(self) -> Directive:
        cls = self._keyword()
        values: dict[str, Raw] = {}
        positional = [a for a in cls.arguments() if a.positional]
        for a in positional:
            if self._peek() is None or self._is_name():
                break
            values[a.spelled] = self._list(a.spelled) if a.kind.is_list else self._value(a.spelled)
        while (token := self._peek()) is not None:
            if not self._is_name():
                self._stray(cls, token)
            name = self._name(values)
            if any(name == a.spelled for a in positional):
                column = self.columns[f"{name}="][0]
                self._fail(f"`{name}` is written without its name", column, f"write `{cls.usage()}`")
            values[name] = self._value(name)
        return assemble(cls, values, self._place(self.tokens[0].column))

    def _stray(self, cls: type[Directive], token: _Token) -> NoReturn:
        """A word behind the unnamed arguments that begins no ``name=``."""
        fix = f"write `{cls.usage()}`"
        if token.kind == "word" and any(a.positional and a.kind.is_list for a in cls.arguments()):
            fix = f"put `,` between the values: {fix}"
        self._fail(f"`{token.text}` does not belong here", token.column, fix)

    def split(self) -> list[_Token]:
        """The line's words, numbers and marks."""
        tokens: list[_Token] = []
        at = 0
        while at < len(self.source):
            match = _TOKEN.match(self.source, at)
            if match is None:
                self._fail(f"unexpected character {self.source[at]!r}", at + 1, "remove it, or put `#` before a comment")
            if match.lastgroup is not None:
                tokens.append(_Token(match.lastgroup, match.group(), at + 1))
            at = match.end()
        return tokens

    def _keyword(self) -> type[Directive]:
        words: list[str] = []
        for i, token in enumerate(self.tokens[:2]):
            if token.kind != "word" or (i + 1 < len(self.tokens) and self.tokens[i + 1].text == "="):
                break
            words.append(token.text)
        for n in (2, 1):
            cls = DIRECTIVES.get(" ".join(words[:n]))
            if cls is not None:
                self.at = len(words[:n])
                return cls
        self._unknown(words)

    def _unknown(self, words: list[str]) -> NoReturn:
        first = self.tokens[0]
        known = f"the directives are {', '.join(DIRECTIVES)}"
        if not words:
            self._fail(f"a directive begins with its name, not with `{first.text}`", first.column, known)
        begins_two = any(k.startswith(f"{words[0]} ") for k in DIRECTIVES)
        shown = " ".join(words) if begins_two else words[0]
        guess = suggest(" ".join(words), DIRECTIVES) or suggest(words[0], DIRECTIVES)
        self._fail(f"unknown directive `{shown}`", first.column, f"{guess} {known}" if guess else known)

    def _peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _next_is(self, mark: str) -> bool:
        token = self._peek()
        if token is None or token.text != mark:
            return False
        self.at += 1
        return True

    def _is_name(self) -> bool:
        after = self.tokens[self.at + 1 : self.at + 2]
        return self.tokens[self.at].kind == "word" and bool(after) and after[0].text == "="

    def _name(self, values: dict[str, Raw]) -> str:
        token = self.tokens[self.at]
        if token.text in values:
            self._fail(f"`{token.text}` is given twice", token.column, "keep one of the two")
        self.columns[f"{token.text}="] = (token.column,)
        self.at += 2
        return token.text

    def _value(self, name: str) -> Raw:
        if not self._next_is("("):
            value, column = self._atom(f"a value for `{name}`")
            self.columns[name] = (column,)
            return value
        opened = self.tokens[self.at - 1].column
        if self._next_is(")"):
            self.columns[name] = (opened,)
            return ()
        items = self._list(name)
        if not self._next_is(")"):
            token = self._peek()
            self._fail("`(` is not closed", token.column if token else self._end(), "write `)` or `,` here")
        return items

    def _list(self, name: str) -> tuple[str | int, ...]:
        atoms = [self._atom(f"a value for `{name}`")]
        while self._next_is(","):
            atoms.append(self._atom("a value after `,`"))
        self.columns[name] = tuple(column for _, column in atoms)
        return tuple(value for value, _ in atoms)

    def _atom(self, wanted: str) -> tuple[str | int, int]:
        token = self._peek()
        if token is None or token.kind == "mark":
            column, found = (token.column, f"`{token.text}`") if token else (self._end(), "the end of the line")
            fix = "a value is a word, a number or a list in parentheses"
            self._fail(f"{wanted} is missing before {found}", column, fix)
        self.at += 1
        if token.kind == "word" or _DECIMAL.fullmatch(token.text):
            return token.text, token.column
        if not token.text.removeprefix("-").isdigit():
            self._fail(f"{quoted(token.text)} is not a whole number", token.column, "write digits only")
        if len(token.text) > 18:
            self._fail(f"{quoted(token.text)} is too large", token.column, f"the largest number is {LARGEST}")
        return int(token.text), token.column

    def _end(self) -> int:
        return len(self.source.rstrip()) + 1

    def _place(self, column: int) -> SourcePlace:
        return SourcePlace(self.file, self.number, column, self.source.strip(), tuple(self.columns.items()))

    def _fail(self, reason: str, column: int, fix: str) -> NoReturn:
        place = self._place(column)
        raise ScheduleError(reason, directive=place.shown, place=str(place), fix=fix)
