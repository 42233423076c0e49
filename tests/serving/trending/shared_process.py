"""A process that follows the charts of a warehouse beside others of its host, until it is killed: FOLDER READER."""

import asyncio
import sys
from pathlib import Path

from foundation.clock import utc_now
from foundation.engines.clickhouse import open_clickhouse_reader_async
from serving.trending.charts import Charts
from serving.trending.sharing import Sharing


async def main(folder: str, reader: str) -> None:
    charts = Charts(
        lambda: open_clickhouse_reader_async(reader), utc_now, sharing=Sharing(Path(folder), reader)
    )
    charts.units = {name: unit for name, unit in charts.units.items() if unit.window == "day"}
    assert await charts.look()
    print("looks", flush=True)
    await charts.follow()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
