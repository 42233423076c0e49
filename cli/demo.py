"""`segue demo`: a small world with a known truth, from nothing to a personal feed with reasons."""

import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from cli import platform, say
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.ids import UserId
from foundation.settings import Settings

if TYPE_CHECKING:
    from pipelines.world.world import World

SHOWN = 10


def run(*, listeners: int, songs: int, days: int, seed: int, port: int | None, stop_after: bool) -> None:
    """Start everything, make the world, train, print one listener's taste and feed, and serve."""
    began = time.monotonic()
    settings = foundation_settings.load()
    started_here = platform.ensure_up(settings, port=port)
    try:
        connected = foundation_settings.connected(settings)
        world = _world(settings.home, listeners=listeners, songs=songs, days=days, seed=seed)
        _take_in(connected, world)
        _train(connected)
        address = foundation_settings.running_engines(settings)["api"]
        shown = _show(connected, world, address)
        _listen(connected, world, address, seed)
        say.out.print(f"\nReady after {time.monotonic() - began:.0f} s.", markup=False)
        if stop_after:
            return
        _invite(shown, address)
        if started_here:
            say.line("Press Ctrl-C to stop.")
            platform.wait(settings)
    finally:
        if started_here:
            platform.stop(settings)


def _world(home: Path, *, listeners: int, songs: int, days: int, seed: int) -> "World":
    """The world of these numbers; its last moment is kept, so that asking for it again adds nothing."""
    import numpy as np

    from pipelines.world.world import make_world

    asked = {"listeners": listeners, "songs": songs, "days": days, "seed": seed}
    kept = home / "worlds" / ("-".join(f"{name}{number}" for name, number in asked.items()) + ".json")
    if kept.exists():
        until = datetime.fromisoformat(json.loads(kept.read_text())["until"])
    else:
        until = utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(asked | {"until": until.isoformat()}))
    say.line(f"Making a world of {listeners:,} listeners, {songs:,} songs and {days} days …")
    return make_world(np.random.default_rng(seed), listeners=listeners, songs=songs, days=days, until=until)


def _take_in(connected: Settings, world: "World") -> None:
    from cli.imports import import_with_progress

    report = import_with_progress(connected, world.history)
    say.line(f"Plays taken in: {report.accepted:,} new, {report.duplicate:,} known already.")


def _train(connected: Settings) -> None:
    from pipelines.catalog import JOBS
    from pipelines.context import open_context
    from pipelines.run import run as run_job

    with say.bars() as bars, open_context(connected, progress=bars) as context:
        for job in JOBS:
            result = run_job(job.writes, context)
            say.line(f"{result.name}: {'written' if result.changed else 'unchanged'} ({result.summary})")


def _show(connected: Settings, world: "World", address: str) -> UserId:
    """Print one listener as the generator knows them and what the API recommends to them; returns who it was."""
    from cli.tokens import find

    index = _typical_listener(world)
    external_id = world.history.listeners["external_id"][index]
    user_id = find(connected.engines.postgres, f"{world.history.source}:{external_id}")
    feed = _feed(connected, address, user_id)
    taste = ", ".join(f"{genre} {weight:.0%}" for genre, weight in world.expected_taste(index)[:4])
    say.out.print(f"\nListener {user_id} ({external_id}) really likes: {taste}", markup=False)
    say.out.print(f"Their feed, by {feed['model']} (version {feed['version']}):\n", markup=False)
    for item in feed["items"][:SHOWN]:
        genre = f"({item['genre']})" if item.get("genre") else ""
        say.out.print(f"{item['rank']:>3}  {item['title']} — {item['artist']} {genre}", markup=False)
        say.out.print(f"     {item['reason']['text']}", markup=False, style="dim")
    return user_id


def _listen(connected: Settings, world: "World", address: str, seed: int) -> None:
    from cli.demo_feeds import listen

    feeds, plays = listen(connected, world, address, seed)
    say.out.print(
        f"\n{feeds:,} listeners asked for their feed and played {plays:,} songs from it.", markup=False
    )


def _typical_listener(world: "World") -> int:
    """The index of the listener with the median number of plays: nobody chosen for a good result."""
    plays = world.history.plays.group_by("listener_external_id").len().sort("len", "listener_external_id")
    median = plays["listener_external_id"][plays.height // 2]
    return world.history.listeners["external_id"].to_list().index(median)


def _feed(connected: Settings, address: str, user_id: UserId) -> dict[str, Any]:
    """What the API answers this listener, as soon as it serves the newest version."""
    from cli.demo_feeds import feed_of, speak_for
    from foundation.engines.vectors import open_vectors

    newest = open_vectors(connected.engines.vectors).current("songs")
    with httpx.Client(base_url=f"{address}/api/v1", timeout=10) as client:
        speak_for(client, connected, user_id)
        return feed_of(client, newest)


def _invite(listener: UserId, address: str) -> None:
    say.out.print(
        f"\nSegue serves at {address}/docs. A token for this listener: ./segue token {listener}\n\n"
        f'  curl -H "Authorization: Bearer $(./segue token {listener})" "{address}/api/v1/recommendations?limit=5"\n',
        markup=False,
    )
