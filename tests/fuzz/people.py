"""Who asks: throw-away accounts, replaced as soon as a token of theirs is refused, so that no run saws off its own branch."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import psycopg

from foundation.clock import utc_now
from foundation.ids import UserId
from tests.authorisation.world import HASHED, PASSWORD
from tests.gateway.conftest import TOKENS

NOBODY = "nobody"
ROLES: Mapping[str, tuple[str, ...]] = {
    "user": ("user",),
    "artist": ("user", "artist"),
    "analyst": ("user", "analyst"),
    "admin": ("user", "admin"),
}
HOW_OFTEN = {"artist": 8, "user": 6, "admin": 5, "analyst": 1, NOBODY: 1}
OF_EACH = 2  # who are there at once, so that they can follow, invite and block each other


@dataclass(frozen=True)
class Person:
    """An account with one session, and music where they make some."""

    kind: str
    number: int
    token: str
    things: Mapping[str, object]  # of theirs, by the names that requests have for them

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class People:
    """Those who are there now."""

    db: psycopg.Connection
    chance: Random
    made: int = 0
    refused_tokens: int = 0
    _there: dict[str, list[Person]] = field(default_factory=dict)

    def gather(self) -> None:
        """Make everybody, while there is a database to make them in."""
        for kind in ROLES:
            self._there[kind] = [self._new(kind) for _ in range(OF_EACH)]

    def anybody(self) -> Person | None:
        """Somebody by chance; None is nobody."""
        (kind,) = self.chance.choices(list(HOW_OFTEN), list(HOW_OFTEN.values()))
        return None if kind == NOBODY else self.chance.choice(self._there[kind])

    def instead_of(self, person: Person) -> Person:
        """The same account signed in anew, or another in its place; the same as before where nobody can be made."""
        self.refused_tokens += 1
        there = self._there[person.kind]
        try:
            new = self._again(person) if self.chance.random() < 0.7 else self._new(person.kind)
        except psycopg.Error:
            return person
        if person in there:
            there[there.index(person)] = new
        return new

    def _again(self, person: Person) -> Person:
        """With a session of its own, where the account is still there."""
        found = self.db.execute("SELECT 1 FROM users WHERE id = %s", [person.number]).fetchone()
        if found is None:
            return self._new(person.kind)
        session_id, token = self._signed_in(person.number, person.kind)
        return replace(person, token=token, things={**person.things, "session_id": str(session_id)})

    def _signed_in(self, number: int, kind: str) -> tuple[UUID, str]:
        now, session_id = utc_now(), uuid4()
        begun = """
            INSERT INTO sessions (id, user_id, device, created_at, last_used_at, expires_at)
            VALUES (%s, %s, 'a radio', %s, %s, %s)
        """
        self.db.execute(begun, [session_id, number, now, now, now + timedelta(days=1)])
        token = TOKENS.issue(UserId(number), roles=ROLES[kind], now=now, session_id=session_id)
        return session_id, token

    def _new(self, kind: str) -> Person:
        email = f"{kind}.{secrets.token_hex(8)}@example.org"
        made = """
            INSERT INTO users (display_name, country, email, password_hash, roles)
            VALUES (%s, 'NZ', %s, %s, %s) RETURNING id
        """
        number = self._number(made, kind.title(), email, HASHED, list(ROLES[kind]))
        session_id, token = self._signed_in(number, kind)
        self._befriend(number, utc_now())
        things: dict[str, object] = {
            "user_id": number,
            "email": email,
            "password": PASSWORD,
            "session_id": str(session_id),
        }
        if kind != "user":
            things |= self._music(number)
        things["playlist_id"] = self._invitation(number, utc_now())
        self.made += 1
        return Person(kind, number, token, things)

    def _befriend(self, number: int, now: datetime) -> None:
        """Whoever is there follows the new one, and is followed: so that they can send each other songs."""
        follows = "INSERT INTO listener_follows SELECT id, %s, %s FROM users WHERE id = ANY(%s)"
        followed = "INSERT INTO listener_follows SELECT %s, id, %s FROM users WHERE id = ANY(%s)"
        others = [person.number for there in self._there.values() for person in there]
        self.db.execute(follows, [number, now, others])
        self.db.execute(followed, [number, now, others])

    def _invitation(self, number: int, now: datetime) -> int | None:
        """To a playlist of somebody who is there."""
        others = [person.number for there in self._there.values() for person in there]
        if not others:
            return None
        owner = self.chance.choice(others)
        made = """
            INSERT INTO playlists (user_id, name, created_at, updated_at)
            SELECT id, 'Long drive', %s, %s FROM users WHERE id = %s RETURNING id
        """
        row = self.db.execute(made, [now, now, owner]).fetchone()
        if row is None:
            return None
        invited = "INSERT INTO playlist_members VALUES (%s, %s, 'editor', %s, %s)"
        self.db.execute(invited, [row[0], number, owner, now])
        return int(row[0])

    def _music(self, owner: int) -> dict[str, object]:
        artist = self._number("INSERT INTO artists (name, owner_id) VALUES ('Band', %s) RETURNING id", owner)
        album = self._number(
            "INSERT INTO albums (artist_id, title) VALUES (%s, 'First') RETURNING id", artist
        )
        made = "INSERT INTO songs (artist_id, album_id, title) VALUES (%s, %s, 'Dawn') RETURNING id"
        song = self._number(made, artist, album)
        isrc = f"NZABC{song % 10**7:07}"
        known = "INSERT INTO external_ids (kind, source, external_id, id) VALUES ('song', 'isrc', %s, %s)"
        self.db.execute(known, [isrc, song])
        return {"artist_id": artist, "album_id": album, "song_id": song, "isrc": isrc, "source": "isrc"}

    def _number(self, statement: str, *values: object) -> int:
        row = self.db.execute(statement.encode(), values).fetchone()
        assert row is not None
        return int(row[0])
