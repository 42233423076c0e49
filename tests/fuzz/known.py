"""What the API has told: ids, links, cursors and tokens, put into later requests in the places of made-up ones."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

ROOM = 40  # values of a name; the newest
KEY_OF_COVER = re.compile(r"/covers/([0-9a-f]{32})/")
TOLD = frozenset({"token", "next_cursor", "refresh_token", "version", "link_id", "isrc", "musicbrainz"})
STANDS_FOR: Mapping[str, str] = {
    "to_user_id": "user_id",
    "before": "song_id",
    "after": "song_id",
    "cursor": "next_cursor",
    "external_id": "isrc",
    "genre": "genre",
    "parent": "genre",
    "key": "cover",
    "email": "email",
    "current_password": "password",
    "password": "password",
}
LISTS: Mapping[str, str] = {"song_ids": "song_id", "ids": "song_id", "genres": "genre"}
ONLY_FOR: Mapping[str, str] = {"name": "DELETE /api/v1/genres/{name}"}


class Known:
    """The newest values of each name, those first that were told to the one who asks."""

    def __init__(self, chance: Random, share: float = 0.75) -> None:
        self._chance, self._share = chance, share
        self._values: defaultdict[tuple[str, int | None], deque[Any]] = defaultdict(
            lambda: deque(maxlen=ROOM)
        )

    def note(self, name: str, value: Any, who: int | None) -> None:
        for values in (self._values[name, who], self._values[name, None]):
            if value is not None and value not in values:
                values.append(value)

    def learn(self, path: str, answer: Any, who: int | None) -> None:
        """Everything in an answer that may stand in another request."""
        for name, value in _members(answer):
            if name.endswith("_id") or name in TOLD:
                self.note(name, value, who)
            elif name == "name" and path.startswith("/api/v1/genres"):
                self.note("genre", value, who)
            elif isinstance(value, str) and (found := KEY_OF_COVER.search(value)):
                self.note("cover", found[1], who)

    def forget(self, gone: Mapping[str, Any], who: int | None) -> None:
        """What this person does not find need not be asked for again."""
        for name, value in gone.items():
            for values in (self._values[name, who], self._values[name, None]):
                if value in values:
                    values.remove(value)

    def place(self, label: str, where: dict[str, Any], who: int | None) -> None:
        """Put known values, now and then, into the path, the query or the body of a request."""
        for name, value in list(where.items()):
            if self._chance.random() > self._share:
                continue
            source = "genre" if ONLY_FOR.get(name) == label else STANDS_FOR.get(name, name)
            known = self._of(LISTS.get(name, source), who)
            if not known or value in known:  # what a link has put there stays
                continue
            if name in LISTS:
                where[name] = self._chance.sample(known, min(len(known), self._chance.randint(1, 4)))
            else:
                where[name] = self._chance.choice(known)

    def _of(self, name: str, who: int | None) -> list[Any]:
        own = self._values.get((name, who))
        if own and self._chance.random() < self._share:
            return list(own)
        return list(self._values.get((name, None), ()))


def _members(answer: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(answer, list):
        for each in answer:
            yield from _members(each)
    elif isinstance(answer, dict):
        for name, value in answer.items():
            if isinstance(value, dict | list):
                yield from _members(value)
            else:
                yield name, value
