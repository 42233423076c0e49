"""Imports as listeners are told of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from catalog_api.history_imports.tables import HistoryImport, Status

_EXAMPLE: dict[str, Any] = {
    "import_id": "019a9f3c-5d20-7c5e-9b7e-2f6d1c0a4e11",
    "name": "my_spotify_data.zip",
    "bytes": 9_120_344,
    "is_preview": False,
    "threshold": 0.8,
    "status": "done",
    "asked_at": "2026-03-01T12:00:00Z",
    "started_at": "2026-03-01T12:00:00.4Z",
    "finished_at": "2026-03-01T12:00:09Z",
    "outcome": {
        "source": "endsong",
        "rows": 16_340,
        "accepted": 15_820,
        "duplicate": 210,
        "unmatched": 302,
        "refused": 8,
        "refused_because": {"not music": 8},
        "songs": {
            "known": {"songs": 0, "rows": 0},
            "exact": {"songs": 2_104, "rows": 15_400},
            "alike": {"songs": 71, "rows": 630},
            "near": {"songs": 1, "rows": 2},
            "new": {"songs": 84, "rows": 300},
        },
        "unmatched_songs": [
            {
                "artist": "Queen",
                "title": "Innuendo Live",
                "rows": 2,
                "closest": {"song_id": 98765, "artist": "Queen", "title": "Innuendo", "score": 0.6429},
            }
        ],
        "matched_by_least": [
            {
                "artist": "Beyonce",
                "title": "Halo - Radio Edit",
                "rows": 4,
                "closest": {
                    "song_id": 98766,
                    "artist": "Beyoncé",
                    "title": "Halo (Radio Edit)",
                    "score": 0.81,
                },
            }
        ],
        "notes": [],
    },
}


class Progress(BaseModel):
    """What is being done at the moment, and how much of it is done."""

    stage: str
    done: int
    total: int


class MatchedSong(BaseModel):
    """A song of the catalog whose names are like those of the file."""

    song_id: int
    artist: str
    title: str
    score: float = Field(description="How alike the names are, from 0 to 1.")


class ToldSong(BaseModel):
    """A song as the file names it."""

    artist: str
    title: str
    rows: int
    closest: MatchedSong | None = Field(description="null where no song of the catalog comes near.")


class Counted(BaseModel):
    """How many songs, and how many rows of the file tell of them."""

    songs: int
    rows: int


class BySongs(BaseModel):
    """The songs of a file by what they are in the catalog."""

    known: Counted = Field(description="Told by this source before.")
    exact: Counted = Field(description="With the same names in the catalog.")
    alike: Counted = Field(description="With names alike by the threshold or more.")
    near: Counted = Field(description="With names alike by less: not matched.")
    new: Counted = Field(description="Not in the catalog: not matched.")


class Outcome(BaseModel):
    """What became of the rows, or for a preview what would: accepted + duplicate + unmatched + refused = rows."""

    source: str = Field(description="What kind of file it is.")
    rows: int
    accepted: int = Field(description="Plays that were not here yet.")
    duplicate: int = Field(description="Plays that were here, or that the file tells again.")
    unmatched: int = Field(description="Plays of songs that the catalog does not have: they are left out.")
    refused: int
    refused_because: dict[str, int]
    songs: BySongs
    unmatched_songs: list[ToldSong] = Field(description="Those with the most rows.")
    matched_by_least: list[ToldSong] = Field(description="Those that the threshold just let pass.")
    notes: list[str] = Field(description="What was assumed, where the file tells less than we keep.")


class HistoryImportOut(BaseModel):
    """An import that a listener asked for, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    import_id: UUID
    name: str
    bytes: int
    is_preview: bool
    threshold: float
    status: Status
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: Progress | None = Field(default=None, description="null where it does not run.")
    outcome: Outcome | None = Field(description="null until it is done.")
    problem: dict[str, Any] | None = Field(
        default=None,
        description="Why it failed, as RFC 9457 has it; of a broken file with `file` and `line`.",
    )

    @classmethod
    def of(cls, told: HistoryImport) -> "HistoryImportOut":
        """What is told of a row."""
        progress = Progress(stage=told.stage, done=told.done, total=told.total)
        return cls(
            import_id=told.id,
            name=told.name,
            bytes=told.size,
            is_preview=told.is_preview,
            threshold=told.threshold,
            status=told.status,
            asked_at=told.asked_at,
            started_at=told.started_at,
            finished_at=told.finished_at,
            progress=progress if told.status == "running" else None,
            outcome=None if told.outcome is None else Outcome.model_validate(told.outcome),
            problem=told.problem,
        )
