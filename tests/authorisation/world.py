"""A small world around one listener: what is hers, and the people who come for it; made by SQL in one round trip."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import psycopg
from argon2 import PasswordHasher

from foundation.ids import UserId
from foundation.security import TokenMaker

PASSWORD = "seven brown horses"
HASHED = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)

ROLES: Mapping[str, tuple[str, ...]] = {
    "owner": ("user", "artist"),  # whose everything is
    "editor": ("user",),  # a member of her playlist, whom she follows
    "viewer": ("user",),  # likewise, who may only read
    "invited": ("user",),  # has not answered
    "blocked": ("user",),  # by her
    "stranger": ("user",),
    "artist": ("user", "artist"),  # another
    "analyst": ("user", "analyst"),
    "admin": ("user", "admin"),
}
NOBODY, BROKEN = "nobody", "broken token"
ASKING = (NOBODY, BROKEN, *ROLES)

SECRETS: Mapping[str, frozenset[str]] = {
    "sealed-letter": frozenset({"owner", "admin"}),  # in her e-mail address, which administrators may look up
    "sealed-list": frozenset({"owner", "editor", "viewer", "invited"}),  # the name of her private playlist
    "sealed-message": frozenset({"owner", "editor"}),  # what the editor wrote to her
    "sealed-device": frozenset({"owner"}),  # where she is signed in
    "sealed-file": frozenset({"owner"}),  # what she brings along
    "sealed-song": frozenset({"owner"}),  # that she listened to, and hid
}
"""Words that stand in what is hers, and who may ever read them."""


@dataclass(frozen=True)
class World:
    """People by name, and things by the name that stands in a path or a body."""

    people: Mapping[str, int]
    sessions: Mapping[str, UUID]
    things: dict[str, object] = field(default_factory=dict)

    def headers(self, name: str, tokens: TokenMaker, now: datetime) -> dict[str, str]:
        """What this person sends with a request."""
        if name == NOBODY:
            return {}
        if name == BROKEN:
            return {"Authorization": "Bearer " + self.token("owner", tokens, now)[:-4] + "AAAA"}
        return {"Authorization": f"Bearer {self.token(name, tokens, now)}"}

    def token(self, name: str, tokens: TokenMaker, now: datetime) -> str:
        return tokens.issue(
            UserId(self.people[name]), roles=ROLES[name], now=now, session_id=self.sessions[name]
        )


@dataclass(frozen=True)
class Settler:
    """Makes worlds, with ids that the API does not give."""

    db: psycopg.Connection
    now: datetime
    ids: Iterator[int] = field(default_factory=lambda: count(10**9))

    def settle(self, *, is_public: bool) -> World:
        """A new world; `is_public` says it of her playlist."""
        with self.db.pipeline():
            people = {name: self._person(name) for name in ROLES}
            sessions = {name: self._session(person, name) for name, person in people.items()}
            owner = people["owner"]
            things = self._music(owner)
            things |= self._private_taste(owner, things["artist_id"])
            things |= self._playlist(
                people, [things["song_id"], things["other_song_id"]], is_public=is_public
            )
            things |= self._people(people, things["song_id"])
            things |= {
                "session_id": sessions["owner"],
                "refresh_token": self._refresh_token(sessions["owner"]),
                "deletion_id": self._made("deletions", id=uuid4(), user_id=1, requested_at=self.now),
            }
        return World(people, sessions, things)

    def _made(self, table: str, **columns: object) -> object:
        """A new row; gives its id, where it has one."""
        names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
        made = f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({places})"  # noqa: S608
        self.db.execute(made.encode(), list(columns.values()))
        return columns.get("id")

    def _numbered(self, table: str, **columns: object) -> int:
        number = next(self.ids)
        self._made(table, id=number, **columns)
        return number

    def _person(self, name: str) -> int:
        number = next(self.ids)
        address = f"{'sealed-letter' if name == 'owner' else name}.{number}@example.org"
        roles = list(ROLES[name])
        self._made(
            "users",
            id=number,
            display_name=name,
            country="NZ",
            password_hash=HASHED,
            roles=roles,
            email=address,
        )
        return number

    def _session(self, person: int, name: str) -> UUID:
        session = uuid4()
        self._made(
            "sessions",
            id=session,
            user_id=person,
            device="a sealed-device" if name == "owner" else "a radio",
            created_at=self.now,
            last_used_at=self.now,
            expires_at=self.now + timedelta(days=1),
        )
        return session

    def _refresh_token(self, session: UUID) -> str:
        token = secrets.token_urlsafe(32)
        self._made("refresh_tokens", digest=_digest(token), session_id=session, issued_at=self.now)
        return token

    def _music(self, owner: int) -> dict[str, object]:
        artist = self._numbered("artists", name="Queen", owner_id=owner)
        album = self._numbered("albums", artist_id=artist, title="A Night at the Opera")
        song, other, third = (
            self._numbered("songs", artist_id=artist, album_id=album, title=title)
            for title in ("One", "Two", "Three")
        )
        genre, isrc = f"genre {song}", f"GBUM7{song % 10**7:07}"
        self._made("genres", name=genre)
        self._made("lyrics", song_id=song, language="en", text="Is this the real life?")
        self._made("external_ids", kind="song", source="isrc", external_id=isrc, id=song)
        return {
            "artist_id": artist,
            "album_id": album,
            "song_id": song,
            "kind": "song",
            "about": song,
            "other_song_id": other,
            "new_song_id": third,
            "empty_artist_id": self._numbered("artists", name="Silence", owner_id=owner),
            "empty_album_id": self._numbered("albums", artist_id=artist, title="Silence"),
            "name": genre,
            "language": "en",
            "source": "isrc",
            "external_id": isrc,
        }

    def _private_taste(self, owner: int, artist: object) -> dict[str, object]:
        heard, play = self._numbered("songs", artist_id=artist, title="A sealed-song"), uuid4()
        self._made(
            "listening_history",
            user_id=owner,
            song_id=heard,
            play_id=play,
            played_at=self.now - timedelta(minutes=5),
            played_ms=60_000,
            source="organic",
        )
        self._made("song_opinions", user_id=owner, song_id=heard, opinion="hide", said_at=self.now)
        sent = self._made(
            "history_imports",
            id=uuid4(),
            user_id=owner,
            name="a sealed-file.zip",
            size=1,
            digest=b"",
            is_preview=False,
            threshold=0.8,
            status="waiting",
            asked_at=self.now,
        )
        return {"play_id": play, "import_id": sent}

    def _playlist(
        self, people: Mapping[str, int], songs: list[object], *, is_public: bool
    ) -> dict[str, object]:
        owner, now = people["owner"], self.now
        name = "A public list" if is_public else "A sealed-list"
        playlist = self._numbered(
            "playlists", user_id=owner, name=name, is_public=is_public, created_at=now, updated_at=now
        )
        for place, song in enumerate(songs, start=1):
            self._made(
                "playlist_songs",
                playlist_id=playlist,
                song_id=song,
                place=place * 2**20,
                added_by=owner,
                added_at=now,
            )
        for member, role in (("editor", "editor"), ("viewer", "viewer"), ("invited", "editor")):
            self._made(
                "playlist_members",
                playlist_id=playlist,
                user_id=people[member],
                role=role,
                invited_by=owner,
                invited_at=now,
                accepted_at=None if member == "invited" else now,
            )
        token = secrets.token_urlsafe(32)
        link = self._made(
            "share_links",
            id=uuid4(),
            token_sha256=_digest(token),
            playlist_id=playlist,
            created_by=owner,
            created_at=now,
            expires_at=now + timedelta(days=1),
        )
        return {"playlist_id": playlist, "link_id": link, "token": token}

    def _people(self, people: Mapping[str, int], song: object) -> dict[str, object]:
        owner, now = people["owner"], self.now
        for name in ("editor", "viewer"):
            self._made("listener_follows", follower_id=owner, followed_id=people[name], followed_at=now)
        self._made("blocks", blocker_id=owner, blocked_id=people["blocked"], blocked_at=now)
        share = self._numbered(
            "shares",
            from_id=people["editor"],
            to_id=owner,
            song_id=song,
            message="a sealed-message",
            shared_at=now,
        )
        return {
            "user_id": owner,
            "to_user_id": owner,
            "member_id": people["viewer"],
            "newcomer_id": people["stranger"],
            "share_id": share,
            "email": f"sealed-letter.{owner}@example.org",
        }


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
