"""`segue models`: which models there are, which one serves, and how to change that by hand."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from foundation import settings
from foundation.errors import Problem
from models.evaluation.cohorts import OF_LISTENERS, OF_SONGS

if TYPE_CHECKING:
    from models.evaluation.radius import Radius
    from pipelines.context import Context
    from pipelines.journal import Journal
    from pipelines.live import Change


class NotAModel(Problem):
    """Something that does not name a model."""

    status, title = 422, "This names no model"


def list_(*, as_json: bool) -> None:
    """Print every model whose factors are kept, the newest first."""
    from cli import say

    with _context() as context:
        told = [_told(model, about, *_standing(context)) for model, about in _newest_first(context)]
    if as_json:
        say.out.print_json(json.dumps(told))
    elif not told:
        say.out.print("There are no models yet: ./segue job --all trains one.", markup=False)
    else:
        _print(told)


def promote(model: str, *, is_tried: bool = False) -> None:
    """Let a model serve, whatever the gate said of it, and say what changes; `is_tried` only says it."""
    name, slash, number = model.partition("/")
    if not (name and slash and number.isdecimal()):
        raise NotAModel(f"{model!r} names no model: say it as ./segue models list does, als/3", model=model)
    from cli import say
    from pipelines import live
    from pipelines.jobs.als_model.job import beside_live

    with _context() as context:
        radius = beside_live(context, model)
        if radius is not None:
            for line in _changes(radius):
                say.out.print(line, markup=False)
        if not is_tried:
            _tell(live.promote(context, model))


def _changes(radius: "Radius") -> list[str]:
    """What would change for listeners and artists."""
    told = (
        f"Beside {radius.live}, for {radius.listeners:,} listeners: overlap@20 {radius.overlap:.2f}; "
        f"{radius.churn:.0%} of feeds change by more than half, {radius.first:.0%} begin with another song; "
        f"{radius.milliseconds:.2f} ms a list ({radius.live}: {radius.live_milliseconds:.2f})."
    )
    lines = [told]
    for word, artists in (("Shown more", radius.gaining), ("Shown less", radius.losing)):
        if artists:
            lines.append(f"{word}: {', '.join(map(str, artists))}.")
    return lines


def rollback() -> None:
    """Let the model serve again that did so before this one."""
    from pipelines import live

    with _context() as context:
        _tell(live.rollback(context))


def _tell(change: "Change") -> None:
    from cli import say

    if change.is_news:
        before = f", {change.before} no more" if change.before else ""
        say.out.print(f"{change.model} is live{before} (version {change.version}).", markup=False)
    else:
        say.out.print(f"{change.model} was live already (version {change.version}).", markup=False)


@contextmanager
def _context() -> "Iterator[Context]":
    from cli import say
    from cli.running import running

    with running(settings.load()) as connected, say.bars() as bars:
        from pipelines.context import open_context

        with open_context(connected, progress=bars) as context:
            yield context


def _newest_first(context: "Context") -> list[tuple[str, Mapping[str, Any]]]:
    from pipelines import live

    return list(reversed(live.abouts(context).items()))


def _standing(context: "Context") -> "tuple[Journal, str | None]":
    from pipelines import journal, live

    return journal.read(context.blobs), live.model(context)


def _told(model: str, about: Mapping[str, Any], decided: "Journal", live: str | None) -> dict[str, object]:
    """What is worth knowing of a model, by names that JSON readers may rely on."""
    standing = [
        word
        for word, holds in {
            "live": model == live,
            "promoted": model in decided.promoted,
            "rolled back": model in decided.withdrawn,
        }.items()
        if holds
    ]
    measures = {
        name: [about[f"{name}_20"], about[f"{name}_20_low"], about[f"{name}_20_high"]]
        for name in ("recall", "ndcg")
    }
    return {
        "model": model,
        "trained_at": about["written_at"],
        "data_until": about["until"],
        "rows": about["rows"],
        **measures,
        "popular_ndcg": about["popular_ndcg_20"],
        "knn_ndcg": about.get("knn_ndcg_20"),
        "cohorts": {
            name: {
                "judged": int(about.get(f"{name}_judged", 0)),
                "ndcg": about.get(f"{name}_ndcg_20"),
                "gain_over_live": about.get(f"{name}_gain_over_live"),
            }
            for name in (*OF_LISTENERS, *OF_SONGS)
        },
        "beside_live": about.get("radius"),
        "judged": int(about["judged"]),
        "judged_by": about["judged_by"],
        "gate": "passed" if about["is_passed"] else "refused",
        "reason": about["reason"],
        "standing": standing,
    }


def _print(told: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from cli import say

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in (
        "model",
        "trained",
        "data until",
        "recall@20",
        "ndcg@20",
        "overlap@20",
        "gate",
        "",
        "why",
    ):
        table.add_column(heading, overflow="fold", no_wrap=heading != "why")
    for each in told:
        table.add_row(
            each["model"],
            _minute(each["trained_at"]),
            _minute(each["data_until"]),
            _interval(*each["recall"]),
            _interval(*each["ndcg"]),
            _overlap(each["beside_live"]),
            each["gate"],
            ", ".join(each["standing"]),
            each["reason"],
        )
    say.out.print(table, markup=False)


def _overlap(radius: Mapping[str, Any] | None) -> str:
    """
    >>> _overlap({"live": "als/3", "overlap": 0.8125})
    '0.81 als/3'
    """
    return "" if radius is None else f"{radius['overlap']:.2f} {radius['live']}"


def _minute(moment: str) -> str:
    """
    >>> _minute("2026-11-22T16:31:54.120000+00:00")
    '2026-11-22 16:31'
    """
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"


def _interval(mean: float, low: float, high: float) -> str:
    """
    >>> _interval(0.25, 0.2, 0.3)
    '0.250 (0.200–0.300)'
    """
    return f"{mean:.3f} ({low:.3f}–{high:.3f})"
