"""Only foundation/settings.py reads the environment (C7)."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import Found, Rule, Source

READERS = {
    PurePosixPath("foundation/settings.py"),
    PurePosixPath(
        "embedded/clickhouse/__main__.py"
    ),  # its passwords come by the environment, which others cannot see
}


def find(source: Source) -> Iterator[Found]:
    if source.path in READERS or source.is_under("tests"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {
            "os.environ",
            "os.environb",
            "os.getenv",
        }:
            yield node.lineno, f"reads {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (
                (node.lineno, f"imports {alias.name}")
                for alias in node.names
                if alias.name in {"environ", "getenv"}
            )


RULE = Rule(
    name="environment",
    reason="a setting that is read in passing is in no list, has no default and no check",
    find=find,
    good=Source(
        PurePosixPath("serving/bundle.py"),
        "def opened(settings):\n    return settings.engines.vectors\n",
    ),
    bad=Source(
        PurePosixPath("serving/bundle.py"),
        "import os\n\ndef opened():\n    return os.environ['VECTORS']\n",
    ),
)
