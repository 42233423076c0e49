"""How the command speaks: results on stdout, progress and refusals on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

PIPED_WIDTH = 200  # for tables that go to a file or another program

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def line(text: str) -> None:
    """One line about what is going on."""
    err.print(text, markup=False)


def refusal(text: str) -> None:
    """Why it did not work, in one line."""
    err.print(f"segue: {text}", markup=False, style="bold red")


class Bars:
    """Named progress bars on a terminal; elsewhere one line when each is done."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, object] = {}

    def __call__(self, name: str, share: float) -> None:
        """Say that `share` (0 to 1) of `name` is done."""
        if self._progress is None:
            if share >= 1 and self._tasks.get(name) != "done":
                self._tasks[name] = "done"
                line(f"{name}: done")
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=1.0)
        self._progress.update(self._tasks[name], completed=min(share, 1.0))  # type: ignore[arg-type]


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars for as long as the block runs."""
    if not sys.stderr.isatty():
        yield Bars(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        yield Bars(progress)
