"""`segue follow`: plays one song for a listener and prints where the play comes to, when, and what changed."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from cli import say
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.errors import NotRunning, Problem
from foundation.ids import SongId, UserId
from foundation.security import token_maker
from foundation.settings import Settings

if TYPE_CHECKING:
    from cli.journey import Changed, Journey

STOPS = (
    "the door",
    "the log",
    "the shipper",
    "the recent songs",
    "the feed",
    "the warehouse",
    "the slow path",
)
WIDTH = 100  # columns at most: a line that is longer is hard to read
SHOWN = 10  # songs of each feed
MINUTE, HOUR = "%H:%M", "%Y-%m-%d %H:%M"


class NothingPublished(Problem):
    """There is no model whose feed could change."""

    status, title = 409, "Nothing is published yet"


@dataclass(frozen=True, slots=True)
class Slow:
    """What the slow path has made so far, and who starts it."""

    trained_until: datetime | None
    airflow: str | None  # the address of its page, when it runs


def run(listener: str | None, song: int | None) -> None:
    """Play one song over HTTP and print each stop as the play comes to it."""
    settings = foundation_settings.load()
    connected = foundation_settings.connected(settings)
    address = foundation_settings.running_engines(settings).get("api")
    if address is None:
        raise NotRunning("Segue is running without its API: ./segue down, then ./segue up", engine="api")
    user_id = _listener(connected, listener)
    token = token_maker(connected).issue(user_id, roles=["user"], now=utc_now())
    asyncio.run(_follow(connected, address, token, user_id, None if song is None else SongId(song)))


def _listener(connected: Settings, named: str | None) -> UserId:
    """Who plays: the named listener, or one with as many listens as most have. Raises ListenerNotFound."""
    from cli.tokens import find
    from foundation.engines.clickhouse import open_clickhouse_reader
    from warehouse.migrate import query

    if named is not None:
        return find(connected.engines.postgres, named)
    client = open_clickhouse_reader(connected.engines.clickhouse_reader)
    try:
        rows = client.query(query("typical_listener")).result_rows
    finally:
        client.close()
    if not rows:
        raise NothingPublished("nobody has listened to anything yet: ./segue demo makes a small world")
    return UserId(int(rows[0][0]))


async def _follow(
    connected: Settings, address: str, token: str, listener: UserId, song: SongId | None
) -> None:
    from cli.journey import Traveller

    async with AsyncExitStack() as stack:
        traveller = await Traveller.open(stack, connected, address, token, listener)
        before = await traveller.feed()
        if before["version"] is None or not before["items"]:
            raise NothingPublished("no model is published yet: run ./segue job --all")
        song = SongId(before["items"][0]["song_id"]) if song is None else song
        journey = await traveller.play(song, before)
        _introduce(listener, song, before)
        try:
            changed = await _tell(journey)
            slow = Slow(
                await asyncio.to_thread(_trained_until, connected, before["version"]),
                foundation_settings.running_engines(connected).get("airflow"),
            )
        finally:
            await journey.leave()
    _tell_slow_path(slow, (changed.feed if changed else before))
    if changed is not None:
        _compare(before, changed, song)


def _introduce(listener: UserId, song: SongId, before: Mapping[str, Any]) -> None:
    """Say who plays what, as far as the feed tells it."""
    found = [item for item in before["items"] if item["song_id"] == song]
    name = f"“{found[0]['title']}” by {found[0]['artist']}" if found else f"song {song}"
    where = (
        f" (song {song}), number {found[0]['rank']} of their feed"
        if found
        else ", which is not on their feed"
    )
    say.out.print(f"\nListener {listener} plays {name}{where}.\n", markup=False)
    _row("after", "stop", "what is there now", style="dim")


async def _tell(journey: "Journey") -> "Changed | None":
    """Print each stop as soon as the play is there, in the order of the journey; returns the changed feed."""
    door, written = journey.door, journey.written
    request = f", request {door.request_id}" if door.request_id else ""
    told = f"{door.status} Accepted in {1000 * door.after:.1f} ms: play {door.play_id}{request}"
    _stop(0, _seconds(door.after), told)
    if written is not None:
        told = f"{written.name} holds the play ({written.size:,} bytes), synced to disk before the 202"
        _stop(1, _seconds(written.after), told)
    else:
        _stop(1, "–", "no file of the log here holds the play: the API writes its log on another machine")
    shipped = await journey.shipped()
    if shipped is not None:
        told = (
            f"{shipped.name} ({shipped.size:,} bytes) is closed and read; "
            f"gone at {_seconds(shipped.gone_after)}, when every store held its events"
        )
        _stop(2, _seconds(shipped.after), told)
    else:
        _stop(2, "–", "reads the log where it is written")
    remembered = await journey.remembered()
    told = f"Redis: the song is the newest of {remembered.songs:,} recent ones; {remembered.heard:,} heard in all"
    _stop(3, _seconds(remembered.after), told)
    changed = await journey.changed()
    if changed is not None:
        feed = changed.feed
        told = f"made by {feed['policy']} from {feed['model']}, version {feed['version']}: it has changed"
        _stop(4, _seconds(changed.after), told)
    else:
        _stop(4, "–", "is as it was: the model has never heard of this song")
    row = await journey.row()
    told = (
        f"1 row in listens: {row.source}, began {row.listened_at:%H:%M:%S}, played {row.played_ms / 1000:.0f} s, "
        f"taken in at {row.ingested_at:%H:%M:%S}.{row.ingested_at.microsecond // 1000:03}"
    )
    _stop(5, _seconds(row.after), told)
    return changed


def _trained_until(connected: Settings, version: str) -> datetime | None:
    """Up to which moment the published model knows what was listened to; None when that cannot be read."""
    from foundation.engines.blobs import BlobMissing, open_blobs
    from models.bundle import trained_until

    try:
        return trained_until(version, open_blobs(connected.engines.blobs))
    except BlobMissing:
        return None


def _tell_slow_path(slow: Slow, feed: Mapping[str, Any]) -> None:
    """What retraining has made, and when it will know of this play."""
    from pipelines.catalog import job

    night = job("interactions").cron  # with which training begins
    due = _next(night, utc_now()) if night else None
    knows = f" knows the listens until {slow.trained_until:{HOUR}} UTC" if slow.trained_until else " is live"
    if slow.airflow and due:
        when = f"Airflow ({slow.airflow}) trains again at {due:{HOUR}} UTC"
    elif due:
        when = f"trained again by ./segue job --all, or at {due:{MINUTE}} UTC each day by Airflow (./segue up --with airflow)"
    else:
        when = "trained again by ./segue job --all"
    _stop(6, "later", f"{feed['model']}, version {feed['version']},{knows}; {when}")


def _next(cron: str, now: datetime) -> datetime | None:
    """When a job that runs at one minute of every day, "0 3 * * *", runs next; None for any other cron.

    >>> from datetime import UTC
    >>> _next("0 3 * * *", datetime(2026, 3, 1, 12, tzinfo=UTC)).isoformat()
    '2026-03-02T03:00:00+00:00'
    """
    minute, hour, *days = cron.split()
    if not (minute.isdecimal() and hour.isdecimal() and days == ["*"] * 3):
        return None
    today = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def _compare(before: Mapping[str, Any], changed: "Changed", song: SongId) -> None:
    """The two feeds side by side, and the difference in words."""
    after = changed.feed
    ranks = {item["song_id"]: item["rank"] for item in before["items"]}
    table = Table(box=None, pad_edge=False, width=_width(), padding=(0, 2, 0, 0))
    table.add_column("", justify="right", width=2)
    for heading in (f"before ({before['policy']})", f"after ({after['policy']})"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("moved", width=5)
    for old, new in zip(before["items"][:SHOWN], after["items"][:SHOWN], strict=False):
        is_played = old["song_id"] == song
        played = Text(_named(old), style="bold" if is_played else "")
        table.add_row(str(old["rank"]), played, Text(_named(new)), _moved(new, ranks))
    say.out.print()
    say.out.print(table)
    say.out.print()
    for what, which in _difference(before["items"], after["items"], song).items():
        _row("", what, which)
    say.out.print(f"\nThe feed had changed {changed.after:.2f} s after the play.", style="bold", markup=False)


def _difference(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], song: SongId
) -> dict[str, str]:
    ranks = {item["song_id"]: item["rank"] for item in before}
    songs = {item["song_id"] for item in after}
    left = [_named(item) for item in before if item["song_id"] not in songs]
    came = [f"{_named(item)} (at {item['rank']})" for item in after if item["song_id"] not in ranks]
    stayed = [item for item in after if item["song_id"] in ranks]
    moved = sum(item["rank"] != ranks[item["song_id"]] for item in stayed)
    because = [
        str(item["rank"]) for item in after if song in {seed["song_id"] for seed in item["reason"]["seeds"]}
    ]
    told = {
        "left": ", ".join(left) or "nothing",
        "came": ", ".join(came) or "nothing",
        "moved": f"{moved} of the {len(stayed)} songs that stayed",
    }
    return told | ({"reasons": f"the played song now speaks for {', '.join(because)}"} if because else {})


def _moved(item: Mapping[str, Any], ranks: Mapping[int, int]) -> str:
    """How far a song has come since the feed before.

    >>> _moved({"song_id": 7, "rank": 2}, {7: 5}), _moved({"song_id": 8, "rank": 2}, {7: 5})
    ('↑3', 'new')
    """
    if item["song_id"] not in ranks:
        return "new"
    up = ranks[item["song_id"]] - item["rank"]
    return f"↑{up}" if up > 0 else f"↓{-up}" if up < 0 else "="


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['title']} – {item['artist']}" if item["artist"] else str(item["title"])


def _stop(number: int, after: str, told: str) -> None:
    _row(after, STOPS[number], told)


def _row(after: str, stop: str, told: str, *, style: str = "") -> None:
    """One line of the journey, or more where the third column is long; columns are the same in every row."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.width = _width()
    grid.add_column(justify="right", width=8)
    grid.add_column(width=max(map(len, STOPS)))
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(Text(after), Text(stop), Text(told), style=style)
    say.out.print(grid)


def _seconds(after: float) -> str:
    return f"{after:.3f} s"


def _width() -> int:
    return min(WIDTH, say.out.width)
