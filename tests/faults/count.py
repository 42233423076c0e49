"""What is in the warehouse in the end, play by play, beside what was acknowledged."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from foundation.engines.clickhouse import Client
from tests.faults.traffic import Traffic

COPIES = {
    "playback_events": "SELECT play_id, count() FROM playback_events GROUP BY play_id",
    "listens": "SELECT play_id, count() FROM listens GROUP BY play_id",
    "seen": "SELECT toUUID(hex(play_key)), uniqExact(kind) FROM seen GROUP BY play_key",
}
DIFFERING_DAYS = """
SELECT count()
FROM (SELECT day, song_id, sum(listens) AS listens FROM song_days GROUP BY day, song_id) AS kept
FULL JOIN (
    SELECT toDate(listened_at) AS day, song_id, count() AS listens FROM listens GROUP BY day, song_id
) AS counted USING (day, song_id)
WHERE kept.listens != counted.listens
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of a trial; `lost` and `duplicated` are by table."""

    plays: int
    requests: int
    acknowledged: int
    killed: Counter[str]
    lost: dict[str, int]
    duplicated: dict[str, int]
    differing_days: int

    @property
    def is_exact(self) -> bool:
        """Whether everything acknowledged is everywhere exactly once, and the rollup equals a recount."""
        return not (any(self.lost.values()) or any(self.duplicated.values()) or self.differing_days)

    def table(self) -> str:
        kills = ", ".join(f"{victim} {number}" for victim, number in sorted(self.killed.items()))
        lines = [
            f"killed       {kills or 'nobody'}",
            f"tried        {self.plays} plays in {self.requests} requests",
            f"acknowledged {self.acknowledged}",
        ]
        for word, by_table in (("lost", self.lost), ("duplicated", self.duplicated)):
            told = ", ".join(f"{table} {number}" for table, number in by_table.items())
            lines.append(f"{word:<12} {sum(by_table.values())} ({told})")
        lines.append(f"song_days    {self.differing_days} days and songs differ from a recount of listens")
        return "\n".join(lines)


def count(warehouse: Client, traffic: Traffic, *, killed: Counter[str]) -> Verdict:
    """Look up every acknowledged play in every table that must hold it."""
    should_count = {play.play_id for play in traffic.plays if play.counts}
    wanted = {
        "playback_events": traffic.acknowledged,
        "listens": traffic.acknowledged & should_count,
        "seen": traffic.acknowledged,
    }
    told = {play.play_id for play in traffic.plays}
    lost, duplicated = {}, {}
    for table, query in COPIES.items():
        copies: dict[UUID, int] = dict(warehouse.query(query).result_rows)
        lost[table] = len(wanted[table] - copies.keys())
        # A play that should not be there is one too many as well.
        strangers = copies.keys() - (told if table != "listens" else should_count)
        duplicated[table] = sum(number - 1 for number in copies.values()) + len(strangers)
    differing = int(str(warehouse.command(DIFFERING_DAYS)))
    return Verdict(
        len(traffic.plays), traffic.requests, len(traffic.acknowledged), killed, lost, duplicated, differing
    )
