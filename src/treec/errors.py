"""Every error a user of treec can meet. Each says what is wrong, where, and what to do about it."""

from __future__ import annotations


class TreecError(Exception):
    """Base of all user errors; ``exit_code`` is what the command line returns for it."""

    exit_code = 2

    def __init__(self, message: str, *, place: str | None = None, fix: str | None = None) -> None:
        self.message = message
        self.place = place
        self.fix = fix
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text}\n  fix: {self.fix}" if self.fix else text


class UsageError(TreecError):
    """A call or a command line that makes no sense: unknown option, unwritable path, wrong argument."""


class InputError(TreecError):
    """Rows that do not fit the model: width, dtype or shape."""


class ModelError(TreecError):
    """A model that can't be read: truncated, corrupt, hostile, or of an unknown format."""

    exit_code = 3


class UnsupportedModelError(ModelError):
    """A sound model that uses something treec does not do yet; names the feature and its place."""


class ScheduleError(TreecError):
    """A schedule line that can't be parsed or does not apply.

    ``place`` is ``file:line:column`` where known; ``directive`` is the text of the line; ``kernel`` the kernel whose plan
    can't be lowered.
    """

    kernel: str | None = None

    def __init__(
        self, reason: str, *, directive: str | None = None, place: str | None = None, fix: str | None = None
    ) -> None:
        self.directive = directive
        super().__init__(f"{reason} (in `{directive}`)" if directive else reason, place=place, fix=fix)


class VerificationError(TreecError):
    """Machine code that does not answer like the model; no artifact is left behind."""

    exit_code = 4


class BudgetError(TreecError):
    """A limit on time or memory that the user set was exceeded."""

    exit_code = 5


class ArtifactError(TreecError):
    """A compiled file that can't be loaded: not ours, damaged, or for another CPU."""


class ToolchainError(TreecError):
    """An outside tool (the linker) is missing or failed."""


class CodegenError(TreecError):
    """The compiler itself could not lower something; a defect of treec, not of the model."""

    exit_code = 70
