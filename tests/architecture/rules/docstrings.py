"""Every module opens with a sentence (C20)."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import WHOLE_FILE, Found, Rule, Source


def find(source: Source) -> Iterator[Found]:
    if source.path.name.startswith("test_"):
        return  # the names of its tests are its sentences
    if not (ast.get_docstring(source.tree) or "").strip():
        yield WHOLE_FILE, "opens without a sentence"


RULE = Rule(
    name="docstring",
    reason="a stranger reads first what a file is for",
    find=find,
    good=Source(PurePosixPath("models/als/fold_in.py"), '"""A listener\'s vector from a few songs."""\n'),
    bad=Source(PurePosixPath("models/als/fold_in.py"), "import numpy as np\n"),
)
