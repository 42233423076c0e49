"""Says each song in words: its title, artist, album, genre, and how its lyrics begin."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from foundation.contracts.tables import Lyrics, Songs, SongTexts
from models.files import parquet
from pipelines.context import Context, InputMissing, Outcome, Schema
from pipelines.versions import Versions, digest

NAME = "song_texts"
RECIPE = 1  # part of every version: raise it when `build` or the SQL changes its meaning
KEPT = 3
HERE = Path(__file__).parent
_PARTS = (Songs.title, Songs.artist, Songs.album, Songs.genre, Lyrics.opening)  # in this order
_SONGS: Schema = {Songs.song_id: pl.Int64, **dict.fromkeys(_PARTS[:-1], pl.String)}
_LYRICS: Schema = {Lyrics.song_id: pl.Int64, Lyrics.language: pl.String, Lyrics.opening: pl.String}
_STATE: Schema = dict.fromkeys(("song_rows", "song_hash", "lyric_rows", "lyric_hash"), pl.UInt64)


@dataclass(frozen=True, slots=True)
class Written:
    """The newest texts, as the job after this one reads them."""

    version: str
    rows: pl.DataFrame  # song_id ascending, text, hash


def build(songs: pl.DataFrame, lyrics: pl.DataFrame) -> pl.DataFrame:
    """One row per song, by id: what is known of it, a line each, languages of lyrics in order; and a hash of that.

    Lyrics of songs that the catalog does not name are left out.
    """
    sung = (
        lyrics.sort(Lyrics.song_id, Lyrics.language)
        .group_by(Lyrics.song_id, maintain_order=True)
        .agg(pl.col(Lyrics.opening).str.join("\n"))
    )
    parts = [pl.when(pl.col(part) != "").then(pl.col(part)) for part in _PARTS]  # null is left out of a text
    texts = (
        songs.join(sung, on=Songs.song_id, how="left")
        .sort(Songs.song_id)
        .select(
            pl.col(Songs.song_id).alias(SongTexts.song_id),
            pl.concat_str(parts, separator="\n", ignore_nulls=True).alias(SongTexts.text),
        )
    )
    hashes = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts[SongTexts.text]]
    return texts.with_columns(pl.Series(SongTexts.hash, hashes, dtype=pl.Binary))


def run(context: Context) -> Outcome:
    """Write the texts of all songs; the same songs and lyrics again change nothing."""
    versions = Versions(NAME, context.blobs)
    context.progress("collecting texts", 0.0)
    state = context.frame(HERE / "state.sql", _STATE).row(0, named=True)
    version = digest(NAME, RECIPE, state)
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    lyrics = context.frame(HERE / "lyrics.sql", _LYRICS)
    rows = build(context.frame(HERE / "songs.sql", _SONGS), lyrics)
    about = {
        "songs": rows.height,
        "with_lyrics": lyrics[Lyrics.song_id].n_unique(),
        "state": state,
        "written_at": context.now().isoformat(),
    }
    versions.publish(version, {"rows.parquet": parquet(rows)}, about, KEPT)
    context.progress("collecting texts", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def newest(context: Context) -> Written:
    """What this job last wrote. Raises InputMissing when it never ran."""
    versions = Versions(NAME, context.blobs)
    about = versions.newest()
    if about is None:
        raise InputMissing("there are no texts of songs yet: run the job song_texts first", job=NAME)
    version = str(about["version"])
    return Written(version, pl.read_parquet(versions.read(version, "rows.parquet")))


def _summary(about: Mapping[str, object]) -> str:
    return "{songs:,} songs in words, {with_lyrics:,} with lyrics".format_map(about)
