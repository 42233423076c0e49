"""What an import did, in numbers that add up to the rows it was given."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from catalog_api.imports import endsong, jspf, lastfm_csv, listenbrainz, streaming_history
from catalog_api.imports.catalogue import Part
from catalog_api.imports.catalogue_rows import Made
from catalog_api.imports.whose import UNNAMED
from event_log.listens import LISTEN_MS
from foundation.contracts.history import History

ASSUMING = {
    reader.SOURCE for reader in (endsong, jspf, lastfm_csv, listenbrainz, streaming_history)
}  # may name nobody


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The rows of one import: each was accepted, held already, or refused for a reason."""

    source: str
    kind: str  # "plays", "counts" or "plays and counts"
    accepted: int
    duplicate: int
    refused: Counter[str]
    short: int  # plays among the rows that hold which are no listens: under 30 s, or half of a song shorter than a minute
    listeners: int  # that the rows tell of, and how many of them are new here
    artists: int
    songs: int
    notes: tuple[str, ...] = ()  # what was assumed, since the source tells less than we keep
    listener: str | None = None  # the external id of the only one, None where there are several or none
    new: Counter[str] = field(default_factory=Counter)  # listeners, artists, albums, songs made
    joined: Counter[str] = field(
        default_factory=Counter
    )  # songs that are now the catalog's, by how they were matched

    @classmethod
    def of(
        cls, history: History, *, accepted: int, new: Counter[str], joined: Counter[str]
    ) -> "ImportReport":
        """The report of a history of which `accepted` rows were not held before."""
        kinds = [kind for kind in ("plays", "counts") if getattr(history, kind).height]
        return cls(
            source=history.source,
            kind=" and ".join(kinds) or "plays",
            accepted=accepted,
            duplicate=history.plays.height + history.counts.height - accepted,
            refused=history.refused,
            short=_short(history),
            notes=history.notes,
            listeners=history.listeners.height,
            artists=history.artists.height,
            songs=history.songs.height,
            listener=history.listeners.item(0, "external_id") if history.listeners.height == 1 else None,
            new=new,
            joined=joined,
        )

    @property
    def rows(self) -> int:
        """All rows told."""
        return self.accepted + self.duplicate + self.refused.total()

    def lines(self) -> list[str]:
        """The report as people read it."""
        counted = f"{self.listeners:,} listeners, {self.artists:,} artists, {self.songs:,} songs, {self.rows:,} rows"
        lines = [
            f"{self.source}: {counted}",
            *self._named_listener(),
            f"  new in the catalog: {_counted(self.new) or 'nothing'}",
            *self._joined_songs(),
            f"  accepted  {self.accepted:>12,} {self.kind}",
            f"  duplicate {self.duplicate:>12,}",
            f"  refused   {self.refused.total():>12,}",
        ]
        lines += [f"            {number:>12,} {reason}" for reason, number in self.refused.most_common()]
        if self.short:
            lines.append(
                f"  {self.short:,} plays are shorter than 30 s: they are kept, and do not count as listens"
            )
        return lines + [f"  {note}" for note in self.notes]

    def _joined_songs(self) -> list[str]:
        if not self.joined:
            return []
        same, similar = self.joined["exact"], self.joined["alike"]
        return [f"  songs that were here:  {same:,} by the same names, {similar:,} by similar ones"]

    def _named_listener(self) -> list[str]:
        """Whose plays these are, so that one can ask for recommendations for them."""
        if self.listener is None:
            return []
        assumed = self.source in ASSUMING and self.listener == UNNAMED
        hint = "   (--listener NAME says whose history it is)" if assumed else ""
        return [f"  listener: {self.listener}{hint}"]


@dataclass(frozen=True, slots=True)
class PartReport:
    """The rows of one file of a catalogue: each brought something in, told what was known, or was refused for a reason."""

    source: str
    of: str  # what a row is: "songs" or "artists"
    accepted: int
    duplicate: int
    refused: Counter[str]
    told: Counter[str]  # artists, albums, songs, genres that the file names
    made: Made

    @classmethod
    def of_part(cls, part: Part, made: Made) -> "PartReport":
        """The report of a part of which this is new."""
        accepted = made.new[part.of] + made.completed[part.of]
        kinds = ("artists", "albums", "songs", "genres")
        return cls(
            source=part.source,
            of=part.of,
            accepted=accepted,
            duplicate=part.rows - part.refused.total() - accepted,
            refused=part.refused,
            told=Counter({kind: getattr(part, kind).height for kind in kinds}),
            made=made,
        )

    def lines(self) -> list[str]:
        """The report as people read it."""
        rows = self.accepted + self.duplicate + self.refused.total()
        lines = [
            f"{self.source}: {_counted(self.told)}, {rows:,} rows",
            f"  new in the catalog: {_counted(self.made.new) or 'nothing'}",
            f"  completed there:    {_counted(self.made.completed) or 'nothing'}",
            f"  accepted  {self.accepted:>12,} {self.of}",
            f"  duplicate {self.duplicate:>12,}",
            f"  refused   {self.refused.total():>12,}",
        ]
        return lines + [
            f"            {number:>12,} {reason}" for reason, number in self.refused.most_common()
        ]


@dataclass(frozen=True, slots=True)
class CatalogueReport:
    """What became of each file of a catalogue."""

    parts: tuple[PartReport, ...]

    def lines(self) -> list[str]:
        """The report as people read it."""
        return [line for part in self.parts for line in part.lines()]


def _short(history: History) -> int:
    """How many plays are too short for a listen; those of a song that is shorter than a minute need half of it."""
    lengths = history.songs.select(pl.col("external_id").alias("song_external_id"), "song_ms")
    plays = history.plays.join(lengths, on="song_external_id", how="left")
    enough = pl.min_horizontal(pl.lit(LISTEN_MS), pl.col("song_ms") / 2)
    return plays.filter(pl.col("played_ms") < enough).height


def _counted(numbers: Counter[str]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
