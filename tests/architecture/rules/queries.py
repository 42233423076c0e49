"""SQL lives in repositories or in .sql files (C5)."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import Found, Rule, Source


def find(source: Source) -> Iterator[Found]:
    if source.path.name == "repository.py" or source.is_under("tests") or "migrations" in source.path.parts:
        return
    from_sqlalchemy = {
        alias.asname or alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy"
        for alias in node.names
        if alias.name == "select"
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            *from_sqlalchemy,
            "sqlalchemy.select",
            "sa.select",
        }:
            yield node.lineno, "asks the database"


RULE = Rule(
    name="select",
    reason="who wants to know what is read from a table reads its repository.py, and nothing else",
    find=find,
    good=Source(
        PurePosixPath("catalog_api/songs/repository.py"),
        "from sqlalchemy import select\n\ndef newest(db):\n    return db.scalars(select(Song))\n",
    ),
    bad=Source(
        PurePosixPath("catalog_api/songs/service.py"),
        "from sqlalchemy import select\n\ndef newest(db):\n    return db.scalars(select(Song))\n",
    ),
)
