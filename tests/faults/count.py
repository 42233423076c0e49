"""What the stores hold in the end, play by play, beside what was acknowledged."""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass
from uuid import UUID

from feature_store.definitions import RECENT_SONGS
from feature_store.online import EPOCH, MILLISECOND, lately_of
from foundation.engines import postgres
from foundation.engines.clickhouse import Client
from foundation.engines.redis import Redis
from foundation.ids import UserId
from tests.faults.traffic import Traffic
from warehouse.checking import check

COPIES = {
    "playback_events": "SELECT play_id, count() FROM playback_events WHERE kind = 'end' GROUP BY play_id",
    "listens": "SELECT play_id, count() FROM valid_listens GROUP BY play_id",
    "listens_as_ended": "SELECT play_id, count() FROM valid_listens WHERE outcome != 'unknown' GROUP BY play_id",
    "seen": "SELECT toUUID(hex(play_key)), uniqExact(kind) FROM seen WHERE kind IN ('start', 'end') GROUP BY play_key",
}
# Every heartbeat that was told, once: by its play and how far that had come.
BEATS = "SELECT play_id, played_ms, count() FROM playback_events WHERE kind = 'heartbeat' GROUP BY play_id, played_ms"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of a trial; `lost` and `duplicated` are by table of ClickHouse or Postgres and by feature in Redis."""

    plays: int
    requests: int
    acknowledged: int
    killed: Counter[str]
    starts: int
    lost: dict[str, int]
    duplicated: dict[str, int]
    differing: dict[str, int]  # cells of each rollup

    @property
    def is_exact(self) -> bool:
        """Whether everything acknowledged is everywhere exactly once, and every rollup equals a recount."""
        return not (any(self.lost.values()) or any(self.duplicated.values()) or any(self.differing.values()))

    def table(self) -> str:
        kills = ", ".join(f"{victim} {number}" for victim, number in sorted(self.killed.items()))
        lines = [
            f"killed       {self.killed.total()} ({kills or 'nobody'}); `segue up` was run {self.starts} times",
            f"tried        {self.plays} plays in {self.requests} requests",
            f"acknowledged {self.acknowledged}",
        ]
        for word, by_store in (("lost", self.lost), ("duplicated", self.duplicated)):
            told = ", ".join(f"{store} {number}" for store, number in by_store.items())
            lines.append(f"{word:<12} {sum(by_store.values())} ({told})")
        rollups = ", ".join(f"{rollup} {number}" for rollup, number in self.differing.items())
        lines.append(f"rollups      {sum(self.differing.values())} cells differ from a recount ({rollups})")
        return "\n".join(lines)


def count(
    warehouse: Client, catalog: str, redis: Redis, traffic: Traffic, *, killed: Counter[str], starts: int
) -> Verdict:
    """Look up every acknowledged play wherever it must be; `catalog` is the URL of Postgres."""
    lost, duplicated = {}, {}
    should_count = {play.play_id for play in traffic.plays if play.counts}
    wanted = {
        "playback_events": traffic.acknowledged,
        "listens": traffic.acknowledged & should_count,
        "listens_as_ended": traffic.acknowledged & should_count,
        "seen": traffic.acknowledged,
    }
    told = {play.play_id for play in traffic.plays}
    for table, query in COPIES.items():
        copies: dict[UUID, int] = dict(warehouse.query(query).result_rows)
        lost[table] = len(wanted[table] - copies.keys())
        # A play that should not be there is one too many as well.
        strangers = copies.keys() - (should_count if table.startswith("listens") else told)
        duplicated[table] = sum(number - 1 for number in copies.values()) + len(strangers)
    for table, (missing, too_many) in in_catalog(catalog, traffic).items():
        lost[table], duplicated[table] = missing, too_many
    beats: dict[tuple[UUID, int], int] = {
        (play_id, played_ms): number for play_id, played_ms, number in warehouse.query(BEATS).result_rows
    }
    should_beat = {
        (play.play_id, beat)
        for play in traffic.plays
        if play.play_id in traffic.acknowledged
        for beat in play.beats
    }
    lost["heartbeats"] = len(should_beat - beats.keys())
    duplicated["heartbeats"] = sum(beats.values()) - len(beats) + len(beats.keys() - should_beat)
    for feature, (should, found) in online(redis, traffic).items():
        lost[feature], duplicated[feature] = len(should - found), len(found - should)
    differing = {checked.rollup.table: checked.wrong for checked in check(warehouse, repair=False)}
    acknowledged = len(traffic.acknowledged)
    return Verdict(
        len(traffic.plays), traffic.requests, acknowledged, killed, starts, lost, duplicated, differing
    )


def in_catalog(catalog: str, traffic: Traffic) -> dict[str, tuple[int, int]]:
    """How many plays Postgres lacks and has too many of: in the history one by one, in the counts of songs added up."""
    listens = {play.play_id: play for play in traffic.plays if play.counts}
    wanted = listens.keys() & traffic.acknowledged
    with postgres.connection(catalog) as db:
        kept: dict[UUID, int] = dict(
            db.execute("SELECT play_id, count(*) FROM listening_history GROUP BY play_id").fetchall()
        )
        counted: Counter[int] = Counter(dict(db.execute("SELECT id, play_count FROM songs").fetchall()))
    should = Counter(listens[play_id].song_id for play_id in wanted)
    repeated = sum(number - 1 for number in kept.values())
    return {
        "listening_history": (len(wanted - kept.keys()), repeated + len(kept.keys() - wanted)),
        "play_count": ((should - counted).total(), (counted - should).total()),
    }


def online(redis: Redis, traffic: Traffic) -> dict[str, tuple[set[object], set[object]]]:
    """What Redis should hold of every listener, counted here in the plainest way, and what it holds."""
    latest: defaultdict[UserId, dict[int, int]] = defaultdict(dict)
    for play in traffic.plays:
        if play.counts and play.play_id in traffic.acknowledged:
            at = (play.started_at - EPOCH) // MILLISECOND
            latest[play.listener][play.song_id] = max(at, latest[play.listener].get(play.song_id, 0))
    kept = lately_of(redis, sorted({play.listener for play in traffic.plays}))
    newest = {
        listener: heapq.nlargest(RECENT_SONGS.limit, songs.items(), key=lambda song: (song[1], str(song[0])))
        for listener, songs in latest.items()
    }
    return {
        "recent_songs": (
            {
                (listener, place, *song)
                for listener, songs in newest.items()
                for place, song in enumerate(songs)
            },
            {
                (listener, place, int(song), at)
                for listener, lately in kept.items()
                for place, (song, at) in enumerate(zip(lately.song_ids, lately.listened_ms, strict=True))
            },
        ),
        "heard_songs": (
            {(listener, song) for listener, songs in latest.items() for song in songs},
            {(listener, int(song)) for listener, lately in kept.items() for song in lately.heard},
        ),
    }
