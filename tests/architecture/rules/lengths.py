"""A file over 400 lines holds two things (C1)."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rules import WHOLE_FILE, Found, Rule, Source

LONGEST = 400


def find(source: Source) -> Iterator[Found]:
    if len(source.lines) > LONGEST:
        yield WHOLE_FILE, f"has {len(source.lines)} lines"


RULE = Rule(
    name="length",
    reason=f"over {LONGEST} lines there are two nouns in one file",
    find=find,
    good=Source(PurePosixPath("serving/ranking.py"), "x = 1\n" * LONGEST),
    bad=Source(PurePosixPath("serving/ranking.py"), "x = 1\n" * (LONGEST + 1)),
)
