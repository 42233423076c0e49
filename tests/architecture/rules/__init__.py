"""Rules of this code base that no linter knows: each was a mistake made twice, and has a reason and an escape.

The escape is a comment on the line, or on the one above: `# allow: <rule> because <reason>`.
A rule about a whole file is escaped among its first lines.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ESCAPE = re.compile(r"#\s*allow:\s*(?P<rule>\S+)(?P<because>\s+because\s+\S+.*)?")
WHOLE_FILE = 1
OPENING_LINES = 15


@dataclass(frozen=True)
class Source:
    """One Python file, by its path in the repository."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def is_under(self, *folders: str) -> bool:
        return any(self.path.is_relative_to(folder) for folder in folders)

    def escapes(self, rule: str, line: int) -> bool:
        nearby = self.lines[:OPENING_LINES] if line == WHOLE_FILE else self.lines[max(line - 2, 0) : line]
        return any(
            found["rule"] == rule and found["because"]
            for found in map(ESCAPE.search, nearby)
            if found is not None
        )


Found = tuple[int, str]
"""A line and what is wrong with it."""


@dataclass(frozen=True)
class Rule:
    name: str
    reason: str
    find: Callable[[Source], Iterator[Found]]
    good: Source
    bad: Source

    def violations(self, source: Source) -> list[Found]:
        return [found for found in self.find(source) if not source.escapes(self.name, found[0])]


def violations(rules: Sequence[Rule], sources: Sequence[Source]) -> list[str]:
    """One line for each: where, what, why, and by which name it may be escaped."""
    said = [
        f"{source.path}:{line}: {what}: {rule.reason} [{rule.name}]"
        for source in sources
        for rule in rules
        for line, what in rule.violations(source)
    ]
    return said + [complaint for source in sources for complaint in idle_escapes(rules, source)]


def idle_escapes(rules: Sequence[Rule], source: Source) -> Iterator[str]:
    """An escape must name a rule and say why."""
    names = {rule.name for rule in rules}
    if source.is_under("tests/architecture"):
        return
    for number, line in enumerate(source.lines, start=1):
        found = ESCAPE.search(line)
        if found is not None and found["rule"] not in names:
            yield f"{source.path}:{number}: there is no rule named {found['rule']}"
        elif found is not None and not found["because"]:
            yield f"{source.path}:{number}: an escape says why: # allow: {found['rule']} because …"


def sources_under(root: Path) -> list[Source]:
    """Every Python file of the repository; hidden folders and `var/` are not part of it."""
    paths = [
        path
        for top in sorted(root.iterdir())
        if top.is_dir() and top.name != "var" and not top.name.startswith(".")
        for path in sorted(top.rglob("*.py"))
    ]
    return [Source(PurePosixPath(path.relative_to(root).as_posix()), path.read_text()) for path in paths]
