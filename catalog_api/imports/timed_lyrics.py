"""Lyrics of a history as the catalog keeps them: plain words, and lines with times where the text was LRC."""

import orjson
import polars as pl

from catalog_api.lyrics.lrc import in_seconds, parsed
from foundation.contracts.history import History


def with_lines(history: History) -> pl.DataFrame:
    """The history's lyrics with `lines` as JSON, null where the text tells no times; `text` is without them."""
    told = history.lyrics.join(
        history.songs.select(pl.col("external_id").alias("song_external_id"), "song_ms"),
        on="song_external_id",
        how="left",
        maintain_order="left",
    )
    words = [parsed(text, song_ms) for text, song_ms in told.select("text", "song_ms").iter_rows()]
    lines = [None if each.lines is None else orjson.dumps(in_seconds(each.lines)).decode() for each in words]
    return history.lyrics.with_columns(
        pl.Series("text", [each.text for each in words], pl.String), pl.Series("lines", lines, pl.String)
    )
