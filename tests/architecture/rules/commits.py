"""The request owns the transaction (C4)."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import Found, Rule, Source


def find(source: Source) -> Iterator[Found]:
    if source.is_under("foundation/engines", "tests"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield node.lineno, "commits by itself"


RULE = Rule(
    name="commit",
    reason="a half-done request must leave nothing behind, so the one commit is in foundation/engines/postgres.py",
    find=find,
    good=Source(
        PurePosixPath("catalog_api/songs/service.py"),
        "async def rename(db, song, title):\n    song.title = title\n    await db.flush()\n",
    ),
    bad=Source(
        PurePosixPath("catalog_api/songs/service.py"),
        "async def rename(db, song, title):\n    song.title = title\n    await db.commit()\n",
    ),
)
