"""Tells all of a training run on one page: from what, how good beside whom and for whom, and what would change."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from models.evaluation.cohorts import IN_WORDS
from models.evaluation.gate import KNN, LIVE, POPULAR
from models.evaluation.radius import Moved, Radius
from models.evaluation.tables import markdown
from models.registry import Card
from pipelines.context import Context
from pipelines.jobs.als_model.judging import DECIDES, NEW, SHOWN, Contest, K
from pipelines.jobs.interactions import job as interactions
from pipelines.jobs.interactions.job import Written

SYSTEMS = (NEW, LIVE, KNN, POPULAR)
GAINING, LOSING = MOVED = ("- gaining: ", "- losing: ")  # lines that name artists


def card(
    context: Context,
    version: str,
    folder: str,
    source: Written,
    held: Contest,
    radius: Radius | None,
    *,
    counts: Mapping[str, int],
    trained_at: datetime,
    took: timedelta,
    seconds: Mapping[str, float],
) -> Card:
    """The card of a model whose factors are in `folder` of the blobs."""
    changed = (
        {
            "overlap_20": radius.overlap,
            "churn": radius.churn,
            "first_changed": radius.first,
            "ms_per_list": radius.milliseconds,
            "live_ms_per_list": radius.live_milliseconds,
        }
        if radius is not None
        else {}
    )
    return Card(
        version=version,
        trained_at=trained_at,
        took=took,
        data_version=source.version,
        data_url=f"{context.blobs_url}/{interactions.NAME}/{source.version}",
        data_since=source.since,
        data_until=source.until,
        factors_url=f"{context.blobs_url}/{folder}",
        counts=counts,
        parameters=context.als.as_dict(),
        metrics={**held.metrics(), **changed},
        seconds=seconds,
        is_passed=held.ruling.is_passed,
        reason=held.ruling.reason,
        judged_by=held.how,
        sections=sections(held, radius, seconds),
    )


def sections(held: Contest, radius: Radius | None, seconds: Mapping[str, float]) -> dict[str, str]:
    """The parts of the card below its first lines, by their headings."""
    told = {"How good": quality(held), "For whom": cohorts(held)}
    told["What would change"] = (
        changes(radius) if radius is not None else "Nothing is live whose lists could change."
    )
    stages = [[stage, f"{taken:.2f}"] for stage, taken in seconds.items()]
    return told | {"How long it took": markdown(["stage", "seconds"], stages)}


def quality(held: Contest) -> str:
    """Each system with its intervals."""
    rows = [
        [
            system,
            *(str(held.estimate(system, measure)) for measure in SHOWN),
            f"{verdict.coverage:.1%}",
            f"{verdict.popularity:.1%}",
        ]
        for system in SYSTEMS
        if (verdict := held.verdicts.get(system)) is not None
    ]
    gains = [f"- over {system}: {gained}" for system, gained in held.ruling.gains.items()]
    heads = ["system", *(f"{measure}@{K}" for measure in SHOWN), "songs shown", "known to"]
    return "\n".join([markdown(heads, rows), "", f"{DECIDES}@{K} gained:", "", *gains])


def cohorts(held: Contest) -> str:
    """What decides for each cohort, of each system, and what is gained over the live model."""
    systems = [system for system in SYSTEMS if system in held.verdicts]
    rows = []
    for name, values in held.cohorts.items():
        means = [f"{values[each].mean():.4f}" if len(values[each]) else "" for each in systems]
        gained = held.ruling.cohorts.get(name, {}).get(LIVE)
        rows.append([IN_WORDS[name], f"{len(values[NEW]):,}", *means, str(gained) if gained else ""])
    return markdown(["cohort", "judged", *systems, "gained over live"], rows)


def changes(radius: Radius) -> str:
    """The blast radius as a table, and the artists who gain or lose most."""
    rows = [
        ["listeners compared", f"{radius.listeners:,}"],
        [f"overlap@{K} with {radius.live}", f"{radius.overlap:.3f}"],
        ["feeds of which more than half changes", f"{radius.churn:.1%}"],
        ["feeds whose first song changes", f"{radius.first:.1%}"],
        ["a list, ms of a processor", f"{radius.milliseconds:.2f}"],
        [f"a list of {radius.live}, ms", f"{radius.live_milliseconds:.2f}"],
    ]
    moved = [
        f"{start}{_named(each)}"
        for start, each in ((GAINING, radius.gaining), (LOSING, radius.losing))
        if each
    ]
    return "\n".join([markdown(["", radius.live], rows), "", *moved]).rstrip()


def _named(artists: tuple[Moved, ...]) -> str:
    return ", ".join(map(str, artists))
