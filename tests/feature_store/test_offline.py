"""What the warehouse says of past moments is what the online store said at them, whatever was told in whatever order."""

import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import numpy as np
import pytest

from event_log.clickhouse import ClickHouseSink
from feature_store.definitions import KNOWN_LISTENER, RECENT_SONGS, WISHES
from feature_store.keeping import SPARE
from feature_store.offline import AT_ONCE, Asked, lately_then
from feature_store.online import Lately, RecentSongsSink, lately_of
from foundation.clock import utc_now
from foundation.contracts.events import (
    BlockChanged,
    Event,
    FeedbackGiven,
    FollowChanged,
    ListenerChanged,
    ListenRemoved,
    OpinionChanged,
    PlaybackEvent,
    PreferencesChanged,
)
from foundation.engines.clickhouse import Client
from foundation.engines.redis import Redis
from foundation.ids import UserId
from tests.feature_store.conftest import NOON, listen
from warehouse.checking import correct

PEOPLE, SONGS, TELLINGS = 24, 170, 45
COUNTRIES = ("FJ", "NZ", "TO")
LISTENS = ["play_id", "listener_id", "song_id", "listened_at", "played_ms", "source", "ingested_at"]


class Town:
    """What some listeners do, in the order in which it is told: late, twice, in private, with changes of mind that overtake others."""

    def __init__(self, first: int, seed: int, *, is_punctual: bool = False) -> None:
        """Who is punctual says when a play began, also when it is told again."""
        self.is_punctual = is_punctual
        self.rng = np.random.default_rng(seed)
        self.listeners = [UserId(first + number) for number in range(PEOPLE)]
        self._weights = np.arange(PEOPLE, 0, -1.0) ** 3  # few listen to more songs than are recent
        self._weights /= self._weights.sum()
        self._told: list[PlaybackEvent] = []
        self._gone: list[PlaybackEvent] = []
        self.removed: dict[int, int] = {}
        self._versions = iter(range(1_700_000_000_000_000, 1_800_000_000_000_000))
        self._late: list[Event] = []
        self._ends: list[PlaybackEvent] = []

    def telling(self) -> list[Event]:
        """The next segment."""
        plays = [*self._ends, *(self._play() for _ in range(self.rng.integers(20, 120)))]
        self._ends = plays[-5:]  # of these plays only how far they have come is told as yet
        plays[-5:] = [
            msgspec.structs.replace(play, kind="heartbeat", played_ms=40_000) for play in self._ends
        ]
        again = [self._told[at] for at in self.rng.integers(0, len(self._told), 10)] if self._told else []
        again += self._gone_again()
        events: list[Event] = [*plays, *again, *self._removals(plays), *self._words()]
        return events

    def _listener(self) -> UserId:
        return self.listeners[int(self.rng.choice(PEOPLE, p=self._weights))]

    def _play(self) -> PlaybackEvent:
        played: list[int | None] = [None, 5_000, 20_000, 60_000, 60_000, 60_000]
        lengths: list[int | None] = [None, 30_000, 200_000]
        return listen(
            self._listener(),
            int(self.rng.integers(1, SONGS)),
            float(self.rng.integers(5_000)) / 10,
            played_ms=played[self.rng.integers(len(played))],
            song_ms=lengths[self.rng.integers(len(lengths))],
            is_private=bool(self.rng.random() < 0.15),
        )

    def _gone_again(self) -> list[PlaybackEvent]:
        """Plays that were taken back, told again as they were, or as by a client that does not say when they began."""
        told = [self._gone[at] for at in self.rng.integers(0, len(self._gone), 4)] if self._gone else []
        if self.is_punctual:
            return told
        later = [self._at(play, float(self.rng.integers(5_000, 6_000)) / 10) for play in told[::2]]
        return [*later, *told[1::2]]

    def _removals(self, plays: list[PlaybackEvent]) -> list[ListenRemoved]:
        """Listens of this or an earlier telling that are taken back; as few of each listener as the store can bear."""
        earlier = [self._told[at] for at in self.rng.permutation(len(self._told))[:4].tolist()]
        self._told += plays
        taken = [
            play for play in (*earlier, *plays[5:7]) if play.played_ms == 60_000
        ]  # the first five were told before
        return [removal for play in taken for removal in self._removal(play)]

    def _removal(self, play: PlaybackEvent) -> list[ListenRemoved]:
        if play.is_private or self.removed.get(play.listener_id, 0) == SPARE:
            return []
        self.removed[play.listener_id] = self.removed.get(play.listener_id, 0) + 1
        self._told = [told for told in self._told if told.play_id != play.play_id]
        self._gone.append(play)
        who, song = play.listener_id, play.song_id
        return [
            ListenRemoved(
                play_id=play.play_id,
                listener_id=who,
                song_id=song,
                started_at=play.started_at,
                removed_at=utc_now(),
            )
        ]

    @staticmethod
    def _at(play: PlaybackEvent, minute: float) -> PlaybackEvent:
        return msgspec.structs.replace(play, started_at=NOON + timedelta(minutes=minute))

    def _words(self) -> list[Event]:
        """Changes of mind, some of which are told after newer ones."""
        made = [self._word() for _ in range(12)]
        kept = [self.rng.random() < 0.3 for _ in made]
        told = [word for word, is_kept in zip(made, kept, strict=True) if not is_kept]
        if self.rng.random() < 0.3:
            told += self._late
            self._late = []
        self._late += [word for word, is_kept in zip(made, kept, strict=True) if is_kept]
        return told

    def _word(self) -> Event:
        who, version, target = self._listener(), next(self._versions), int(self.rng.integers(1, 6))
        pick = self.rng.choice
        match int(self.rng.integers(6)):
            case 0:
                return ListenerChanged(listener_id=who, country=str(pick([*COUNTRIES, ""])), version=version)
            case 1:
                told = {"kind": pick(["song", "artist"]), "opinion": pick(["love", "hide", ""])}
                return convert(OpinionChanged, listener_id=who, target_id=target, version=version, **told)
            case 2:
                told = {"kind": pick(["listener", "artist"]), "is_following": bool(pick([True, False]))}
                return convert(FollowChanged, listener_id=who, target_id=target, version=version, **told)
            case 3:
                is_blocked = bool(pick([True, False]))
                return BlockChanged(
                    listener_id=who, blocked_id=target, is_blocked=is_blocked, version=version
                )
            case 4:
                genres = tuple(pick(["dub", "r&b", "Été"], int(self.rng.integers(3)), replace=False).tolist())
                return PreferencesChanged(
                    listener_id=who, allows_explicit=False, language="mi", genres=genres, version=version
                )
            case _:
                kind = str(pick(["song", "artist", "genre", "taste"]))
                about = {"song": {"target_id": target}, "artist": {"target_id": target}}.get(
                    kind, {"genre": "new wave" if kind == "genre" else ""}
                )
                wish, until = pick(["more", "less", ""]), [None, NOON][int(self.rng.integers(2))]
                return convert(
                    FeedbackGiven,
                    listener_id=who,
                    kind=kind,
                    wish=wish,
                    until=until,
                    version=version,
                    **about,
                )


def convert(shape: type[Event], **told: object) -> Event:
    """An event of what chance told, checked as a line of the log is."""
    plain = {name: str(value) if isinstance(value, np.str_) else value for name, value in told.items()}
    return msgspec.convert(plain | {"type": shape.__struct_config__.tag}, shape)


def said(lately: Lately) -> dict[str, object]:
    """All of it that can be asked for the past."""
    sets = {each.name: sorted(getattr(lately.wishes, each.name).tolist()) for each in WISHES}
    return {
        "is_known": lately.is_known,
        "songs": [(song.song_id, song.listened_at) for song in lately.songs],
        "country": lately.country,
        "preferences": lately.wishes.preferences,
        "feedback": lately.wishes.feedback,
        **sets,
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_what_was_known_online_at_any_moment_is_what_the_warehouse_says_of_it(
    writer: Client, redis: Redis, listener: UserId, tmp_path: Path, seed: int
) -> None:
    town = Town(listener + 2_000_000 + 1_000 * seed, seed)
    sinks = (ClickHouseSink(lambda: writer, tmp_path, correct), RecentSongsSink(redis))
    asked: list[Asked] = []
    online: list[Lately] = []

    for number in range(TELLINGS):
        events = town.telling()
        for sink in sinks:
            sink.apply([f"{town.listeners[0]}-{number}"], events)
        time.sleep(0.003)
        asked += [Asked(each, utc_now()) for each in town.listeners]
        online += lately_of(redis, town.listeners).values()
        time.sleep(0.003)
    order = town.rng.permutation(len(asked)).tolist()
    offline = lately_then(writer, [asked[each] for each in order])

    assert len(asked) > AT_ONCE
    for place, told in zip(order, offline, strict=True):
        assert said(told) == said(online[place]), asked[place]
    assert max(len(each.songs) for each in online) == RECENT_SONGS.limit
    assert sum(town.removed.values()) > TELLINGS
    assert {each.country for each in online} == {"", *COUNTRIES}
    assert any(each.wishes.feedback and each.wishes.followed_artists.size for each in online)


def test_songs_run_out_together_and_what_is_told_then_begins_anew(writer: Client, listener: UserId) -> None:
    ends_at = NOON + RECENT_SONGS.kept
    told = [(7, NOON - timedelta(days=1)), (8, NOON), (9, ends_at + timedelta(days=1))]
    writer.insert(
        "listens",
        [[uuid4(), listener, song, at, 60_000, "organic", at] for song, at in told],
        column_names=LISTENS,
    )
    moments = (
        NOON - timedelta(days=2),
        NOON,
        ends_at - timedelta(seconds=1),
        ends_at,
        ends_at + timedelta(days=2),
    )

    found = lately_then(writer, [Asked(listener, at) for at in moments])

    assert [each.song_ids for each in found] == [(), (8, 7), (8, 7), (), (9,)]
    assert [each.is_known for each in found] == [False, True, True, False, True]


def test_a_country_is_known_for_as_long_as_online(writer: Client, listener: UserId) -> None:
    writer.insert(
        "listener_words",
        [[listener, "listener", "FJ", 1, NOON]],
        column_names=["listener_id", "what", "value", "version", "told_at"],
    )
    ends_at = NOON + KNOWN_LISTENER.kept
    moments = (NOON - timedelta(seconds=1), NOON, ends_at - timedelta(seconds=1), ends_at)

    found = lately_then(writer, [Asked(listener, at) for at in moments])

    assert [each.country for each in found] == ["", "FJ", "FJ", ""]


def test_nobody_asked_for_is_nobody_told_of(writer: Client) -> None:
    assert lately_then(writer, []) == []
