"""How a job keeps what it writes: a folder of blobs per version, and a pointer to the newest, written last.

    interactions/3f2a…/rows.parquet     the content
    interactions/3f2a…/about.json       what it was made from
    interactions/newest.json            the pointer, a copy of that about.json

A version is a digest of everything that determines the content, so the same inputs lead to the same folder, a run that
was interrupted is simply repeated, and a run without news finds its version there and does nothing.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.engines.blobs import Blobs

About = Mapping[str, object]


def digest(*parts: object) -> str:
    """A short name for what `parts` say: 16 hexadecimal digits of the SHA-256 of their JSON.

    >>> digest("als_model", {"factors": 32}) == digest("als_model", {"factors": 32}) != digest("als_model", {})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of what one job writes."""

    job: str
    blobs: Blobs

    def folder(self, version: str) -> str:
        """Where the blobs of a version are."""
        return f"{self.job}/{version}"

    def newest(self) -> dict[str, object] | None:
        """What is known of the newest version, `version` among it; None when the job never finished a run."""
        if not self.blobs.exists(f"{self.job}/newest.json"):
            return None
        about: dict[str, object] = json.loads(self.blobs.read(f"{self.job}/newest.json"))
        return about

    def write(self, version: str, parts: Mapping[str, bytes], about: About) -> None:
        """Keep a version's blobs; it is the newest only after `point`."""
        for name, content in parts.items():
            self.blobs.put(f"{self.folder(version)}/{name}", content)
        self.describe(version, about)

    def publish(self, version: str, parts: Mapping[str, bytes], about: About, kept: int) -> None:
        """Write a version, make it the newest, and delete all but the `kept` last ones."""
        self.write(version, parts, about)
        self.point(version, about)
        self.prune(kept)

    def has(self, version: str) -> bool:
        """Whether a version is there as a whole."""
        return self.blobs.exists(f"{self.folder(version)}/about.json")

    def about(self, version: str) -> dict[str, Any]:
        """What is known of a version that is there. Raises BlobMissing."""
        told: dict[str, Any] = json.loads(self.read(version, "about.json"))
        return told

    def describe(self, version: str, about: About) -> None:
        """Say more of a version that is there."""
        self.blobs.put(f"{self.folder(version)}/about.json", _json(version, about))

    def abouts(self) -> list[dict[str, object]]:
        """What is known of every whole version, in no order."""
        told = [name for name in sorted(self._all()) if self.has(name)]
        return [self.about(name) for name in told]

    def point(self, version: str, about: About) -> None:
        """Make a version the newest one."""
        self.blobs.put(f"{self.job}/newest.json", _json(version, about))

    def read(self, version: str, name: str) -> bytes:
        """One blob of a version. Raises BlobMissing when it is not there."""
        return self.blobs.read(f"{self.folder(version)}/{name}")

    def prune(self, kept: int, *, spared: Collection[str] = ()) -> list[str]:
        """Delete all but the newest version, the `kept` last written and those `spared`; returns those deleted."""
        newest = self.newest()
        written = [(self._written_at(version), version) for version in self._all()]
        expendable = [version for _, version in sorted(written, reverse=True)[kept:]]
        deleted = [
            version for version in expendable if version not in {*spared, newest and newest["version"]}
        ]
        for version in deleted:
            self.blobs.delete(self.folder(version))
        return deleted

    def _all(self) -> set[str]:
        return {key.split("/")[1] for key in self.blobs.keys(self.job) if key.count("/") > 1}

    def _written_at(self, version: str) -> str:
        if not self.has(version):
            return ""  # half a version: the first to go
        return str(self.about(version).get("written_at", ""))


def _json(version: str, about: About) -> bytes:
    return json.dumps({"version": version, **about}, indent=2).encode()
