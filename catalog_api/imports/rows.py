"""Which rows of a file are left out and why, and from how many of them on the whole file is refused."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from catalog_api.imports.errors import BrokenFile
from catalog_api.imports.json_rows import LineOf
from catalog_api.imports.tsv import LINE, REASON

LONGEST_NAME = 1000  # bytes: two of them must fit into one key of a Postgres index (2,704 bytes)
CONTROL = "[\\x00-\\x1f\\x7f]"
Rule = tuple[pl.Expr, str]  # a row for which this holds is refused with this reason


def name_rules(column: str, what: str) -> list[Rule]:
    """A name must be there, and be one that every store can hold."""
    name = pl.col(column)
    return [
        (name.is_null() | (name.str.strip_chars() == ""), f"no {what}"),
        (name.str.len_bytes() > LONGEST_NAME, f"{what} longer than {LONGEST_NAME:,} bytes"),
        (name.str.contains(CONTROL), f"control character in {what}"),
    ]


def judged(rows: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """The rows with `reason` filled in by the first rule that holds, where none was given before."""
    first = pl.coalesce(
        pl.col(REASON),
        *(pl.when(holds).then(pl.lit(reason)) for holds, reason in rules),
        pl.lit(None, pl.String),
    )
    return rows.with_columns(first.alias(REASON))


def accepted(
    rows: pl.DataFrame, path: Path, harmless: Collection[str] = (), line_of: LineOf = int
) -> tuple[pl.DataFrame, Counter[str]]:
    """The good rows, and how many others there were by reason. Raises BrokenFile when more are bad than good.

    Where most rows are bad the file is not what it seems, and its good rows are good by accident. A row left out
    for a `harmless` reason is neither: it is what such a file may hold and we do not want. `line_of` turns what the rows
    tell as their line into the line, where that is dear to know.
    """
    good = rows.filter(pl.col(REASON).is_null())
    left_out = rows.filter(pl.col(REASON).is_not_null())
    bad = left_out.filter(~pl.col(REASON).is_in(list(harmless)))
    if bad.height > good.height:
        first = bad.row(0, named=True)
        judged_rows = good.height + bad.height
        what = f"{first[REASON]}; {bad.height:,} of {judged_rows:,} rows are bad, so none is taken"
        raise BrokenFile(path, line_of(first[LINE]), what)
    return good.drop(REASON), Counter(left_out[REASON].to_list())
