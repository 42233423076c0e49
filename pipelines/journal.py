"""What was decided about models, kept for good: which were flipped to, which served, which people promoted or withdrew.

Each decision is a blob of its own, numbered, written whole and never changed, so that two who decide at the same time
lose nothing of each other, and whoever is killed leaves everything that was decided before.

    journal/00000007-1b2c3d4e.json      {"what": "flip", "model": "als/3", "version": "9f…", "at": "2026-…"}

`pipelines.live` decides; this file only remembers.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from foundation.engines.blobs import Blobs

FOLDER = "journal"
KEPT = 100  # entries; beyond them, the last of each model
What = Literal["flip", "promote", "withdraw", "alias"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision: a flip that begins, the registry's alias that ends it, or a model promoted or withdrawn by hand."""

    what: What
    model: str  # "als/3"
    version: str  # of what was published, for a flip; empty otherwise
    at: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class Journal:
    """All decisions that count, the oldest first."""

    entries: Sequence[Entry]

    @property
    def flips(self) -> list[Entry]:
        """What was flipped to, in order; the last may not have come to pass."""
        return [entry for entry in self.entries if entry.what == "flip"]

    @property
    def withdrawn(self) -> frozenset[str]:
        """The models that must not come back by themselves.

        >>> Journal([Entry("withdraw", "als/1", "", ""), Entry("promote", "als/1", "", "")]).withdrawn
        frozenset()
        """
        return frozenset(model for model, mark in self._marks().items() if mark.what == "withdraw")

    @property
    def promoted(self) -> dict[str, datetime]:
        """The models that somebody promoted, whatever the gate said, and when."""
        marks = self._marks().items()
        return {model: datetime.fromisoformat(mark.at) for model, mark in marks if mark.what == "promote"}

    @property
    def alias(self) -> str | None:
        """The model to which the registry's alias was last set."""
        return next((entry.model for entry in reversed(self.entries) if entry.what == "alias"), None)

    def model_of(self, version: str | None) -> str | None:
        """Which model a published version holds, when it was ever flipped to."""
        return next((flip.model for flip in reversed(self.flips) if flip.version == version), None)

    def before(self, model: str) -> str | None:
        """The last model that served and is neither this one nor withdrawn.

        >>> said = [Entry(what, model, "", "") for model in ("als/1", "als/2") for what in ("flip", "alias")]
        >>> Journal([*said, Entry("flip", "als/3", "killed before the pointer", "")]).before("als/2")
        'als/1'
        """
        served = (entry.model for entry in reversed(self.entries) if entry.what == "alias")
        return next((other for other in served if other not in {model, *self.withdrawn}), None)

    def version_of(self, model: str) -> str | None:
        """The version in which a model was last published."""
        return next((flip.version for flip in reversed(self.flips) if flip.model == model), None)

    def _marks(self) -> dict[str, Entry]:
        """The last word on each model that somebody spoke by hand."""
        return {entry.model: entry for entry in self.entries if entry.what in {"promote", "withdraw"}}


def read(blobs: Blobs) -> Journal:
    """Everything that was decided so far."""
    return Journal([Entry(**json.loads(blobs.read(key))) for key in blobs.keys(FOLDER)])


def add(blobs: Blobs, entry: Entry) -> None:
    """Remember a decision; durable on return."""
    keys = blobs.keys(FOLDER)
    number = 1 + (_number(keys[-1]) if keys else 0)
    blobs.put(f"{FOLDER}/{number:08d}-{secrets.token_hex(4)}.json", json.dumps(asdict(entry)).encode())
    if number % KEPT == 0:
        _forget(blobs)


def _forget(blobs: Blobs) -> None:
    """Drop what is old and not the last of its kind for a model; what was said by hand stays."""
    entries = {key: Entry(**json.loads(blobs.read(key))) for key in blobs.keys(FOLDER)}
    last = {(entry.what, entry.model): key for key, entry in entries.items()}
    kept = {*last.values(), *list(entries)[-KEPT:]}
    for key, entry in entries.items():
        if entry.what in {"flip", "alias"} and key not in kept:
            blobs.delete(key)


def _number(key: str) -> int:
    return int(key.rsplit("/", maxsplit=1)[-1].split("-", maxsplit=1)[0])
