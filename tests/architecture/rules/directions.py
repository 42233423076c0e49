"""Inside a domain the router knows the service, the service the repository, and never the other way round."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import Found, Rule, Source

ABOVE = {
    "repository": {"service", "router"},
    "tables": {"repository", "service", "router"},
    "service": {"router"},
}


def find(source: Source) -> Iterator[Found]:
    above = ABOVE.get(source.path.stem, set())
    if source.is_under("tests"):
        return
    for node in ast.walk(source.tree):
        for module in imported(node):
            if above.intersection(module.split(".")[-2:]):
                yield node.lineno, f"{source.path.stem} imports {module}"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{alias.name}" for alias in node.names]
    return []


RULE = Rule(
    name="direction",
    reason="what is below must be readable, and testable, without what is above",
    find=find,
    good=Source(
        PurePosixPath("catalog_api/songs/service.py"),
        "from catalog_api.songs import repository\nfrom catalog_api.songs.repository import newest\n",
    ),
    bad=Source(
        PurePosixPath("catalog_api/songs/repository.py"),
        "from catalog_api.songs.service import Songs\n",
    ),
)
