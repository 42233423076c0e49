"""The scheduler parses pipelines/catalog.py again and again (C12)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import Found, Rule, Source
from tests.architecture.rules.directions import imported


def find(source: Source) -> Iterator[Found]:
    if source.path != PurePosixPath("pipelines/catalog.py"):
        return
    for node in ast.walk(source.tree):
        for module in imported(node):
            if module.split(".")[0] not in sys.stdlib_module_names:
                yield node.lineno, f"imports {module}"


RULE = Rule(
    name="light-catalogue",
    reason="the list of jobs is standard library only, so that the scheduler reads it in milliseconds",
    find=find,
    good=Source(PurePosixPath("pipelines/catalog.py"), "from datetime import timedelta\n"),
    bad=Source(PurePosixPath("pipelines/catalog.py"), "from pipelines.jobs.als_model import job\n"),
)
