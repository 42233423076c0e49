"""Writes what serving knows of listeners back into Redis from the warehouse: nothing, where the event path has told it all."""

from collections import Counter

from feature_store.write_back import everyone, write_back, write_back_songs
from pipelines.context import Context, Outcome

NAME = "online_features"


def build(done: Counter[str], songs: int, version: str) -> Outcome:
    """What is said of a run: of how many listeners what was done, and of how many songs Redis knew too little.

    >>> build(Counter(left=1200, written=34), 0, "now").summary
    '1,234 listeners: 34 written, 0 changed, 1,200 left as they were; 0 songs'
    """
    changes = done["written"] + done["changed"]
    summary = (
        f"{changes + done['left']:,} listeners: {done['written']:,} written, {done['changed']:,} changed, "
        f"{done['left']:,} left as they were; {songs:,} songs"
    )
    rare = (f"; {done[each]:,} {each}" for each in ("deleted", "silent") if done[each])
    return Outcome(version, changed=changes + songs > 0, summary=summary + "".join(rare))


def run(context: Context) -> Outcome:
    """Write back everyone, or those who are named, and what the catalog told of songs lately.

    It takes what is known now, whatever moment it is run for: what is online is what holds.
    """
    now, done, songs = context.now(), Counter[str](), 0
    named = context.listeners
    listeners = everyone(context.clickhouse) if named is None else sorted(set(named))
    if named is None:
        songs = write_back_songs(context.clickhouse, context.redis, now)
    for some in write_back(context.clickhouse, context.redis, listeners, now):
        done += some
        context.progress("writing listeners back", done.total() / len(listeners))
    return build(done, songs, f"{now:%Y-%m-%dT%H:%M:%SZ}")
