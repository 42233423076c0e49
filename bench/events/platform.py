"""The platform as the parts of this benchmark need it: engines, a small world, a shipper or none, servers to be asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from bench.load import program, wait_until
from cli.imports import import_with_progress
from cli.tokens import find
from embedded.engines import embedded_engines
from embedded.supervisor import Supervisor
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse_reader
from foundation.security import token_maker
from foundation.settings import Limits, Settings, child_environment
from pipelines.world.world import make_world

PLAYERS, SONGS = 1_000, 5_000  # enough that hardly anybody hears a song four times a day


@dataclass(frozen=True, slots=True)
class Platform:
    """Engines with a small world in them; `environment` makes our programs use them."""

    settings: Settings
    environment: dict[str, str]
    songs: list[int]
    listeners: list[int]
    tokens: list[str]  # one of each listener

    @property
    def _ready(self) -> Path:
        return self.settings.home / "run" / "shipper.ready"

    def shipper_pid(self) -> int:
        """The process of the shipper at work."""
        return int(self._ready.read_text())

    @contextmanager
    def shipping(self) -> Iterator[None]:
        """A shipper at work."""
        self._ready.unlink(missing_ok=True)
        with program(self.environment, "cli.shipper", "--ready", str(self._ready)) as shipper:
            wait_until(self._ready.exists, shipper)
            yield


@contextmanager
def platform(home: Path) -> Iterator[Platform]:
    """Up while inside. One address and a few listeners send everything: no budget of requests is meant for that."""
    children, urls = embedded_engines(home, wanted={"postgres", "redis", "clickhouse"})
    with Supervisor(home, children, say=lambda _: None, urls=urls).running():
        settings = foundation_settings.connected(Settings(SEGUE_HOME=home, limits=Limits(enabled=False)))
        environment = {**child_environment(settings), "SEGUE__LIMITS__ENABLED": "false"}
        empty = Platform(settings, environment, [], [], [])
        with empty.shipping():
            songs, listeners, tokens = furnished(settings)
        yield Platform(settings, environment, songs, listeners, tokens)


def furnished(settings: Settings) -> tuple[list[int], list[int], list[str]]:
    """A small world in the catalog; its songs, its listeners, and a token of each."""
    world = make_world(
        np.random.default_rng(1), listeners=PLAYERS, songs=SONGS, days=2, until=utc_now() - timedelta(hours=1)
    )
    import_with_progress(settings, world.history)
    with open_clickhouse_reader(settings.engines.clickhouse_reader) as client:
        songs = client.query("SELECT song_id FROM songs FINAL ORDER BY song_id").result_columns[0]
    maker = token_maker(settings)
    names = [f"{world.history.source}:{name}" for name in world.history.listeners["external_id"]]
    players = sorted(find(settings.engines.postgres, name) for name in names)
    tokens = [maker.issue(player, roles=["user"], now=utc_now()) for player in players]
    return [int(song) for song in songs], [int(player) for player in players], tokens
