"""`segue recommend`: feeds for one listener or for everyone, through the code that the API uses."""

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from cli import say
from cli.running import running
from foundation import settings as foundation_settings
from foundation.errors import Problem
from foundation.ids import UserId

if TYPE_CHECKING:
    from serving.recommend.schemas import Slate


class WhichListener(Problem):
    """The command does not say whom to recommend to."""


class CannotWrite(Problem):
    """The output file cannot be written."""


def one(
    *, source: str | None, external_id: str | None, user_id: int | None, limit: int, as_json: bool
) -> None:
    """Print the feed of one listener with its reasons."""
    if user_id is None and (source is None or external_id is None):
        raise WhichListener(
            "say who: --source NAME --external-id ID, or --user-id ID (or --all --out FILE.parquet)"
        )
    with running(foundation_settings.load()) as connected:
        from cli.tokens import find
        from serving.in_process import open_recommender

        if user_id is None:
            user_id = find(connected.engines.postgres, f"{source}:{external_id}")
        with open_recommender(connected) as recommender:
            slate = recommender.recommend(UserId(user_id), limit)
    if as_json:
        print_json(slate)
    else:
        print_slate(slate)


def print_json(slate: "Slate") -> None:
    """The feed as the API answers it, indented."""
    from serving.recommend.schemas import encoded

    say.out.print(
        orjson.dumps(orjson.loads(encoded(slate)), option=orjson.OPT_INDENT_2).decode(), markup=False
    )


def print_slate(slate: "Slate") -> None:
    """The feed as a table: rank, song, artist, and why."""
    from rich.table import Table

    if not slate.items:
        say.out.print("Nothing is left to recommend: this listener has heard every song.", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("#", "song", "artist", "why"):
        table.add_column(heading, justify="right" if heading == "#" else "left", overflow="fold")
    for item in slate.items:
        table.add_row(str(item.rank), item.title, item.artist, item.reason.text)
    say.out.print(table)
    say.out.print(f"model {slate.model}, version {slate.version}", markup=False)


def everyone(out: str | None, *, limit: int) -> None:
    """Write the feeds of all listeners to a Parquet file, batch by batch; it appears whole or not at all."""
    import polars as pl
    import pyarrow.parquet as pq

    if out is None:
        raise WhichListener("say where to write: --out FILE.parquet")
    path = Path(out)
    if path.is_dir() or not path.parent.is_dir():
        raise CannotWrite(f"cannot write {path}: say a file in a folder that is there")
    unfinished = path.with_name(path.name + ".part")
    rows = 0
    with running(foundation_settings.load()) as connected, say.bars() as bars:
        from serving.in_process import COLUMNS, open_recommender

        plain = pl.CompatLevel.oldest()  # strings as every reader of Parquet knows them
        schema = pl.DataFrame(schema=COLUMNS).to_arrow(compat_level=plain).schema
        try:
            with (
                open_recommender(connected) as recommender,
                pq.ParquetWriter(unfinished, schema, compression="zstd") as writer,
            ):
                listeners = len(recommender.listeners)
                for batch in recommender.recommend_all(limit):
                    writer.write_table(batch.to_arrow(compat_level=plain))
                    rows += batch.height
                    bars("recommending", rows / (limit * listeners))
                bars("recommending", 1.0)
            unfinished.replace(path)
        except OSError as error:
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            unfinished.unlink(missing_ok=True)
    say.out.print(f"{rows:,} rows written to {path}", markup=False)
