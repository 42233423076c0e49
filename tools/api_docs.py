"""Writes docs/api.md from the OpenAPI document: python -m tools.api_docs, or with --check to see that it is current."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from catalog_api.accounts.service import PROFILE
from catalog_api.genres.service import GENRES
from catalog_api.lyrics.service import LYRICS
from catalog_api.songs.keys import ALBUM, ARTIST, PLAYLIST, SONG
from foundation.cache import Kind
from foundation.http.app import PREFIX
from tools.api_document import Operation, document, operations

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"

KEPT: Mapping[str, Kind] = {
    "/songs/{song_id}": SONG,
    "/songs/{song_id}/lyrics": LYRICS,
    "/artists/{artist_id}": ARTIST,
    "/albums/{album_id}": ALBUM,
    "/playlists/{playlist_id}": PLAYLIST,
    "/users/{user_id}": PROFILE,
    "/genres": GENRES,
}
"""Answers that are kept in memory and in Redis."""

EVERYWHERE = frozenset({304, 401, 413, 422, 429, 500, 503})
"""Statuses that the page explains once; of them only what is particular is told again."""
USUAL = frozenset(
    {
        "missing-token",
        "invalid-token",
        "not-allowed",
        "invalid-request",
        "request-too-large",
        "too-many-requests",
        "failed",
        "unreachable",
        "idempotency-key-reused",
    }
)
REPEATABLE = frozenset({"GET", "PUT", "DELETE", "PATCH"})

HEAD = """\
# The API

This page is made by `python -m tools.api_docs` from the OpenAPI document, which a running platform serves at `/openapi.json`
and shows at `/docs`, with an example of every body.

## The endpoints of the brief

What the platform was asked for, and whether it is here. Each one that is here has a test of the request and the answer that
the brief shows, in `tests/gateway/test_brief.py`.

"""

BETWEEN = """
## Every endpoint

All are below `{prefix}`. Identity comes from the access token alone (`Authorization: Bearer …`).

- **Who**: *anyone* needs no token; *anyone, token read* needs none and refuses one that does not hold; *token* is for everyone who is signed in, *artist*, *analyst* and *admin* for this role; an administrator
  may do what artists and analysts may. Whether a thing is one's own is asked besides, where the answers tell of a 403 or a 404.
- **Answers**: success, then the refusals that are particular, each with its code in `application/problem+json`. Besides, where they can happen: 304 `If-None-Match` names what the client has; 401
  `missing-token`, `invalid-token`; 403 `not-allowed` without the role; 413 `request-too-large`; 422 `invalid-request`, which says where; 429 `too-many-requests`, with `Retry-After`; 503 `unreachable`, when a store is away; and 500
  `failed` for a fault of ours.
- **Again**: what happens when the same request is sent twice. *same*: nothing more than the first time. *key*: likewise with an `Idempotency-Key`, for a day; the same key with another body is 422
  `idempotency-key-reused`. *no*: it happens again.
- **Cache**: *ETag*: the answer has one, and `If-None-Match` is answered 304. A key: the answer is kept in each process's memory and in Redis under it, so long, and dropped by whatever changes it.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One endpoint that the brief names, with the section that does."""

    method: str
    path: str
    section: str
    takes: tuple[str, ...] = ()  # of the query

    @property
    def test(self) -> str:
        """How its test is named.

        >>> Asked("GET", "/songs/{song_id}/lyrics", "8").test
        'test_get_songs_song_id_lyrics'
        """
        words = self.path.replace("{", "").replace("}", "").strip("/").replace("/", "_")
        return f"test_{self.method.lower()}_{words}"

    def is_among(self, known: Sequence[Operation]) -> bool:
        return self._of(known) is not None

    def state(self, known: Sequence[Operation]) -> str:
        """Whether it is here, and what of it is not."""
        found = self._of(known)
        if found is None:
            return "comes with its own part"
        taken = {each["name"] for each in found.parameters}
        missing = [f"`{name}`" for name in self.takes if name not in taken]
        return f"here; {' and '.join(missing)} come with a part of their own" if missing else "here"

    def _of(self, known: Sequence[Operation]) -> Operation | None:
        named = f"{self.method} {PREFIX}{self.path}"
        return next((each for each in known if each.name == named), None)


BRIEF = (
    Asked("POST", "/auth/register", "5, authentication"),
    Asked("POST", "/auth/login", "5, authentication"),
    Asked("POST", "/auth/refresh", "5, authentication"),
    Asked("POST", "/auth/logout", "5, authentication"),
    Asked("GET", "/search", "5, search and discovery", ("q", "type", "limit", "offset")),
    Asked("GET", "/songs/trending", "5, search and discovery", ("genre", "region", "limit")),
    Asked("GET", "/recommendations", "5, search and discovery", ("user_id", "limit")),
    Asked("GET", "/songs/{song_id}", "5, songs and streaming"),
    Asked("GET", "/songs/{song_id}/stream", "5, songs and streaming", ("quality",)),
    Asked("POST", "/songs/{song_id}/play", "5, songs and streaming"),
    Asked("GET", "/playlists/{playlist_id}", "5, playlists"),
    Asked("POST", "/playlists", "5, playlists"),
    Asked("PUT", "/playlists/{playlist_id}", "5, playlists"),
    Asked("DELETE", "/playlists/{playlist_id}", "5, playlists"),
    Asked("POST", "/playlists/{playlist_id}/songs", "5, playlists"),
    Asked("DELETE", "/playlists/{playlist_id}/songs/{song_id}", "5, playlists"),
    Asked("POST", "/upload/song", "5, artist upload"),
    Asked("GET", "/upload/status/{upload_id}", "5, artist upload"),
    Asked("GET", "/songs/{song_id}/lyrics", "8, lyrics"),
)


def page() -> str:
    """The whole page."""
    known = list(operations(document()))
    return "\n".join([*_asked_for(known), *_every(known), ""])


def _asked_for(known: Sequence[Operation]) -> Iterator[str]:
    yield HEAD + "| endpoint | section of the brief | state |\n|---|---|---|"
    for each in BRIEF:
        yield f"| `{each.method} {PREFIX}{each.path}` | {each.section} | {each.state(known)} |"


def _every(known: Sequence[Operation]) -> Iterator[str]:
    yield BETWEEN.format(prefix=PREFIX).rstrip()
    tags = dict.fromkeys(_tag(each) for each in known)
    for tag in tags:
        yield f"\n### {tag.capitalize()}\n"
        yield "| endpoint | what | who | answers | again | cache |\n|---|---|---|---|---|---|"
        for each in sorted((each for each in known if _tag(each) == tag), key=_place):
            yield f"| {' | '.join(_row(each))} |"
    counted = f"{len(known)} endpoints, of which {sum(each.needs_token for each in known)} need a token."
    yield f"\n{counted}"


def _tag(operation: Operation) -> str:
    return str(next(iter(operation.told.get("tags", ())), "other"))


def _place(operation: Operation) -> tuple[str, int]:
    return operation.path, ("GET", "POST", "PUT", "PATCH", "DELETE").index(operation.method)


def _row(operation: Operation) -> Iterator[str]:
    path = operation.path.removeprefix(PREFIX)
    yield f"`{operation.method} {path}`"
    yield operation.sentence.replace("|", "\\|")
    yield _who(operation)
    yield _answers(operation)
    yield _again(operation)
    yield _cache(operation, path)


def _who(operation: Operation) -> str:
    if operation.needs_token:
        return operation.role or "token"
    return "anyone, token read" if operation.reads_token else "anyone"


def _answers(operation: Operation) -> str:
    told = [" ".join(map(str, operation.successes))]
    for status, codes in operation.refusals.items():
        particular = [code for code in codes if code not in USUAL]
        if particular:
            told.append(f"{status} {', '.join(f'`{code}`' for code in particular)}")
        elif status not in EVERYWHERE | {403}:
            told.append(str(status))
    return "; ".join(told)


def _again(operation: Operation) -> str:
    if operation.method in REPEATABLE:
        return "same"
    if operation.is_idempotent_by_key:
        return "key"
    return "same, by `play_id`" if operation.path.endswith("/play") else "no"


def _cache(operation: Operation, path: str) -> str:
    if operation.method != "GET" or 304 not in operation.statuses:
        return "–"
    kept = KEPT.get(path)
    return "ETag" if kept is None else f"ETag; `{kept.template}` {_told(kept.kept)}"


def _told(kept: timedelta) -> str:
    """
    >>> _told(timedelta(hours=1)), _told(timedelta(minutes=15))
    ('1 h', '15 min')
    """
    minutes = round(kept.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def main() -> int:
    """Write the page; with --check, say whether it is current: status 1 when it is not."""
    parser = argparse.ArgumentParser(prog="python -m tools.api_docs", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; status 1 when the page is not current"
    )
    made = page()
    if not parser.parse_args().check:
        PAGE.write_text(made)
        return 0
    if PAGE.is_file() and PAGE.read_text() == made:
        return 0
    sys.stderr.write("docs/api.md is not what the API is now: run python -m tools.api_docs\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
