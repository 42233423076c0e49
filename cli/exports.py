"""`segue export`: writes a listener's history to a file that other services, and `segue import`, read."""

import asyncio
import os
from pathlib import Path

from cli import say
from cli.running import running
from cli.tokens import find
from foundation import settings
from foundation.clock import utc_now
from foundation.engines.disk import sync_directory
from foundation.errors import Problem
from foundation.ids import UserId


class CannotWrite(Problem):
    """The file cannot be written."""


def run(listener: str, *, out: str) -> None:
    """Write the file, whole or not at all, and say how many listens are in it."""
    with running(settings.load()) as connected:
        user_id = find(connected.engines.postgres, listener)
        listens = asyncio.run(_write(connected.engines.postgres, user_id, Path(out)))
    say.out.print(f"{listens:,} listens written to {out}", markup=False)


async def _write(postgres_url: str, listener: UserId, path: Path) -> int:
    from catalog_api.history.export import HistoryExport
    from foundation.engines.postgres import open_postgres

    listens = 0
    unfinished = path.with_name(f"{path.name}.unfinished")
    postgres = open_postgres(postgres_url, connections=1)
    try:
        with unfinished.open("wb") as file:
            async for piece in HistoryExport(postgres).pieces_of(listener, utc_now()):
                file.write(piece)
                listens += piece.count(b"\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
        await postgres.close()
    return listens
