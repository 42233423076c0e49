"""The ids of imported plays: the same listening has the same id, whichever file tells it and in what order."""

from hashlib import sha256

import polars as pl
import pyarrow as pa

from event_log.columns import ids_of

KEY = ("listener", "ended_at", "artist", "title", "played_ms")
_SECOND = "%Y-%m-%dT%H:%M:%SZ"
_SEPARATOR = "\x1f"
_VERSION_8, _VARIANT = 8 << 12, 0b10 << 62


def with_play_ids(plays: pl.DataFrame, source: str) -> pl.DataFrame:
    """The plays of one file with `play_id`: 16 bytes, as `foundation.ids.hashed_play_id` makes them.

    Hashed are source, listener, end time, artist, title, played_ms and the row's number among equals. Equal rows
    are interchangeable, so the numbers 0, 1, 2 … do not depend on the order of the file. They are counted within
    one file: a row that two files tell is one play, while a file that tells it twice means two.
    """
    # Only rows of one moment and length can be equal: asking the others for their names would take half of the time.
    are_maybe_equal = pl.struct("ended_at", "played_ms").is_duplicated()
    placed = plays.with_row_index("place")
    equals = placed.filter(are_maybe_equal).select(
        "place", pl.int_range(pl.len(), dtype=pl.UInt32).over(KEY, order_by="song").alias("number")
    )
    numbered = placed.join(equals, on="place", how="left", maintain_order="left").with_columns(
        pl.col("number").fill_null(0)
    )
    told = pl.concat_str(
        pl.lit(source),
        "listener",
        pl.col("ended_at").dt.strftime(_SECOND),
        "artist",
        "title",
        pl.col("played_ms").cast(pl.String),
        pl.col("number").cast(pl.String),
        separator=_SEPARATOR,
    )
    return plays.with_columns(_hashed(numbered.select(pl.col("ended_at").alias("at"), told.alias("told"))))


def with_scrobble_ids(scrobbles: pl.DataFrame, source: str) -> pl.DataFrame:
    """The scrobbles of one file with `play_id`, made of source, listener, second of the start, artist and title.

    How long a song is belongs not to it: one export knows, another does not. Nobody begins a song twice in a second:
    a row told again is the same listen.
    """
    told = pl.concat_str(
        pl.lit(source),
        "listener",
        pl.col("listened_at").dt.strftime(_SECOND),
        "artist",
        "title",
        separator=_SEPARATOR,
    )
    return scrobbles.with_columns(
        _hashed(scrobbles.select(pl.col("listened_at").dt.truncate("1s").alias("at"), told.alias("told")))
    )


def _hashed(rows: pl.DataFrame) -> pl.Series:
    """`hashed_play_id(at, …).bytes` of each row, whose parts are joined in `told`: an eighth of its price.

    Of the digest the first 12 bits go behind the version, the next 62 behind the variant.
    """
    digests = [sha256(told).digest()[:10] for told in rows["told"].cast(pl.Binary).to_list()]
    cut = pl.DataFrame({"at": rows["at"], "digest": pl.Series(digests, dtype=pl.Binary)}).select(
        pl.col("at").dt.epoch("ms").cast(pl.UInt64),
        pl.col("digest").bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big").alias("first"),
        pl.col("digest").bin.slice(8, 2).bin.reinterpret(dtype=pl.UInt16, endianness="big").alias("last"),
    )
    first, last = pl.col("first"), pl.col("last").cast(pl.UInt64)
    halves = cut.select(
        high=pl.col("at") * 2**16 + _VERSION_8 + first // 2**52,
        low=_VARIANT + first % 2**52 * 2**10 + last // 2**6,
    )
    ids = ids_of(halves["high"].to_numpy(), halves["low"].to_numpy())
    return pl.Series("play_id", ids.cast(pa.large_binary()), dtype=pl.Binary)
