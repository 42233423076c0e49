"""Every job of the platform, one line each. Standard library only: schedulers parse this file again and again."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Job:
    """What a job writes, from what, and when it runs."""

    writes: str  # also its name, and its folder under pipelines/jobs
    reads: tuple[str, ...]
    does: str  # one sentence for lists and documents
    cron: str | None = None  # None: run when an input changes
    limit: timedelta = timedelta(minutes=30)
    is_of_listeners: bool = False  # it can be run for some of them alone


JOBS = (
    Job(
        "reports",
        ("listens", "removals", "playback_events", "impressions", "songs"),
        "Writes the reports on the last week.",
        cron="30 4 * * 1",
    ),
    Job("interactions", ("listens", "imported_counts"), "Counts who listened to what.", cron="0 3 * * *"),
    Job(
        "als_model",
        ("interactions", "songs"),
        "Trains and registers the model of taste.",
        limit=timedelta(hours=2),
    ),
    Job(
        "session_neighbours",
        ("interactions", "listens"),
        "Counts which songs are played together in one sitting.",
    ),
    Job("graph_filter", ("interactions",), "Finds the broad tastes in the graph of who listened to what."),
    Job("song_texts", ("songs", "lyrics"), "Says each song in words.", cron="0 3 * * *"),
    Job("text_vectors", ("song_texts",), "Embeds the words of songs that changed.", limit=timedelta(hours=8)),
    Job(
        "ranker",
        ("als_model", "text_vectors", "listens", "impressions", "songs", "listeners"),
        "Learns how much each thing that speaks for a song counts.",
        limit=timedelta(hours=2),
    ),
    Job(
        "online_features",
        ("listens", "removals", "seen", "imported_counts", "listener_words", "songs"),
        "Writes what serving knows of listeners back into Redis, where it lacks anything.",
        cron="0 2 * * *",
        limit=timedelta(hours=2),
        is_of_listeners=True,
    ),
    Job(
        "song_vectors",
        ("als_model", "session_neighbours", "graph_filter", "text_vectors", "ranker", "songs", "listeners"),
        "Publishes the model and the vectors of texts, then flips to them.",
    ),
)
# Inputs that are tables, not jobs.
TABLES = frozenset(
    {
        "listens",
        "removals",
        "playback_events",
        "impressions",
        "imported_counts",
        "songs",
        "lyrics",
        "listeners",
        "listener_words",
        "seen",
    }
)


def job(name: str) -> Job:
    """The job of that name. Raises KeyError when there is none."""
    return {each.writes: each for each in JOBS}[name]


def in_order(jobs: tuple[Job, ...] = JOBS) -> tuple[Job, ...]:
    """The jobs with every one after those it reads, in the order of the list otherwise.

    >>> [each.writes for each in in_order(tuple(reversed(JOBS)))]
    ['online_features', 'song_texts', 'text_vectors', 'interactions', 'graph_filter', 'session_neighbours', 'als_model', \
'ranker', 'song_vectors', 'reports']
    """
    waiting = list(jobs)
    done: list[Job] = []
    names = {each.writes for each in jobs}
    while waiting:
        written = {each.writes for each in done}
        following = next((each for each in waiting if names.intersection(each.reads) <= written), None)
        if following is None:
            raise ValueError("these jobs wait for each other: " + ", ".join(each.writes for each in waiting))
        done.append(following)
        waiting.remove(following)
    return tuple(done)
