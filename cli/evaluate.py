"""`segue evaluate`: how good recommendations are on a data set, beside what others published."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli import say
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.disk import replace_file
from foundation.errors import Problem
from foundation.settings import Settings
from models.evaluation.tables import markdown

if TYPE_CHECKING:
    from models.evaluation.datasets import Dataset
    from models.ranker.learning import Learnt
    from pipelines.evaluation import served
    from pipelines.evaluation.ablation import Line
    from pipelines.evaluation.judge import Evaluation

EVENTS, WORLD = "events", "world"
HISTORY = "listening_history"
FORMATS = ("lightgcn", "triples", "sequences", "events")
EXPERIMENT = "evaluation"  # in MLflow


class WhatToEvaluate(Problem):
    """The command does not say on what to evaluate, or says it twice."""

    status, title = 422, "There is nothing named to evaluate on"


class NoSuchDataset(Problem):
    """A name of no data set."""

    status, title = 404, "There is no such data set"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line said."""

    dataset: str | None
    path: str | None
    format: str | None
    data: str | None
    model: str
    is_tuned: bool
    is_ablation: bool
    is_logged: bool
    seed: int
    json: str | None
    page: str | None


def run(asked: Asked) -> None:
    """Train, judge, print, write and log."""
    settings = foundation_settings.load()
    if asked.page is not None:
        from cli.evaluation_page import rewrite

        def task(name: str, seed: int) -> "Dataset":
            return dataset_of(replace(asked, dataset=name, seed=seed), settings)

        rewrite(Path(asked.page), asked.dataset, task)
        return
    data = dataset_of(asked, settings)
    if asked.is_ablation:
        _ablate(asked, data)
        return
    from pipelines.evaluation.judge import evaluate

    with say.bars() as bars:
        told = evaluate(data, asked.model, is_tuned=asked.is_tuned, seed=asked.seed, progress=bars)
    for table in tables(told):
        say.out.print(table, markup=False)
    if asked.json is not None:
        replace_file(Path(asked.json), json.dumps(told.as_dict(), ensure_ascii=False, indent=1).encode())
    if asked.is_logged:
        _log(settings, asked, told)


def tables(told: "Evaluation") -> list[str]:
    """The evaluation as Markdown: what was done, our numbers beside published ones, the lists' character, the cohorts."""
    data, means = told.dataset, told.report.means()
    listeners, songs = data.past.shape
    head = (
        f"{data.name}: {data.how}. {listeners:,} listeners, {songs:,} songs, {data.past.listens.nnz:,} pairs to learn from;"
        f" {len(data.rows):,} listeners judged, every song ranked."
    )
    rows = [
        [name, *(f"{numbers[each]:.4f}" for each in data.headline)]
        for name, numbers in data.published.items()
    ]
    ours = [f"{told.report.estimate(each)}" for each in data.headline]
    beside = markdown(["system", *data.headline], [*rows, [f"**{told.model}**", *ours]])
    cuts = sorted({int(name.partition("@")[2]) for name in means})
    kinds = list(dict.fromkeys(name.partition("@")[0] for name in means))
    every = markdown(
        ["at", *kinds], [[str(k), *(f"{means[f'{kind}@{k}']:.4f}" for kind in kinds)] for k in cuts]
    )
    character = told.report.character.as_dict()
    shape = markdown(
        [name.replace("_", " ") for name in character], [[f"{value:.3f}" for value in character.values()]]
    )
    cohorts = markdown(
        ["cohort", "listeners", "recall@20", "ndcg@20"],
        [
            [name, f"{size:,}", *(f"{value:.4f}" for value in numbers.values())]
            for name, (size, numbers) in told.report.cohorts.items()
        ],
    )
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in told.seconds.items())
    parts = [head, beside, every, shape, cohorts]
    if told.again:
        names = ["recall@20", "ndcg@20", "mrr@20"]
        repeats = [
            [name, *(f"{numbers[each]:.4f}" for each in names)] for name, numbers in told.again.items()
        ]
        parts.append(
            f"Songs known and heard again, by {len(data.repeat_rows):,} listeners:\n\n"
            + markdown(["known songs ranked by", *names], repeats)
        )
    return [f"{part}\n" for part in (*parts, f"{told.model}: {_weights(told)}; {seconds}")]


def _weights(told: "Evaluation") -> str:
    return ", ".join(f"{name} {weight:.2f}" for name, weight in told.tuned.weights.items())


def dataset_of(asked: Asked, settings: Settings) -> "Dataset":
    """What to judge on. Raises WhatToEvaluate, NoSuchDataset, DatasetMissing and what reading it refuses."""
    if (asked.dataset is None) == (asked.path is None):
        raise WhatToEvaluate("say one of --dataset NAME and --path DIR --format FORMAT")
    if asked.path is not None:
        return _of_path(Path(asked.path), asked.format, asked.seed)
    from models.evaluation import folders

    name = asked.dataset or ""
    if name == EVENTS:
        return _of_platform(settings, asked.seed)
    if name == WORLD:
        from pipelines.evaluation.events import of_world

        return of_world(asked.seed)
    known = (*folders.PUBLIC, HISTORY, EVENTS, WORLD)
    if name not in known:
        raise NoSuchDataset(f"there is no data set {name!r}; there are {', '.join(known)}")
    root = Path(asked.data) if asked.data is not None else settings.datasets
    if name == HISTORY:
        folder = root / HISTORY
        if not (folder / "events.tsv").is_file():
            raise folders.DatasetMissing(
                f"{name} is not here: {folder} holds no events.tsv", path=str(folder)
            )
        return _of_history(name, folder / "events.tsv", asked.seed)
    return folders.public(name, root / name, asked.seed)


def _of_path(path: Path, form: str | None, seed: int) -> "Dataset":
    from models.evaluation import folders

    if form not in FORMATS:
        raise WhatToEvaluate(f"say what {path} holds: --format {', '.join(FORMATS)}")
    if not path.exists():
        raise folders.DatasetMissing(f"{path}: there is no such file or folder", path=str(path))
    match form:
        case "lightgcn":
            return folders.lightgcn(path, seed=seed)
        case "triples":
            return folders.triples(path, seed=seed)
        case "sequences":
            return folders.sequences(path)
        case _:
            events = path / "events.tsv"
            return _of_history(path.resolve().name, events if events.is_file() else path, seed)


def _of_history(name: str, path: Path, seed: int) -> "Dataset":
    from catalog_api.imports.recognise import read
    from foundation.contracts.history import History
    from pipelines.evaluation.events import of_history

    history = read(path, now=utc_now()).history
    if not isinstance(history, History):
        raise WhatToEvaluate(f"{path} is a catalog: nobody listened")
    return of_history(name, history, seed)


def _of_platform(settings: Settings, seed: int) -> "Dataset":
    from cli.running import running
    from pipelines.context import open_context
    from pipelines.evaluation.events import of_platform

    with running(settings) as connected, open_context(connected) as context:
        return of_platform(context, seed)


def _ablate(asked: Asked, data: "Dataset") -> None:
    from pipelines.evaluation import served
    from pipelines.evaluation.ablation import ablation

    with say.bars() as bars:
        lines = ablation(data, seed=asked.seed, progress=bars)
        learnt, stages = served.ablation(data, seed=asked.seed, progress=bars)
    for part in (ablation_table(data, lines), stages_table(data, learnt, stages)):
        say.out.print(f"{part}\n", markup=False)
    if asked.json is not None:
        told: list[Mapping[str, object]] = [
            {"system": line.system, **line.report.as_dict(), "train": line.train, "ms": line.milliseconds}
            for line in lines
        ]
        told += [{"system": line.system, **line.report.as_dict(), "ms": line.milliseconds} for line in stages]
        replace_file(Path(asked.json), json.dumps(told, ensure_ascii=False, indent=1).encode())


def ablation_table(data: "Dataset", lines: "Sequence[Line]") -> str:
    """Each system of an ablation with its accuracy, the character of its lists, and its price."""
    heads = ["system", *data.headline, "coverage", "novelty", "diversity", "train CPU s", "ms/listener"]
    rows = []
    for line in lines:
        means, character = line.report.means(), line.report.character
        shape = f"{character.coverage:.3f}", f"{character.novelty:.2f}", f"{character.diversity:.3f}"
        cost = f"{line.train:.1f}", f"{line.milliseconds:.2f}"
        rows.append([line.system, *(f"{means[each]:.4f}" for each in data.headline), *shape, *cost])
    return markdown(heads, rows)


def stages_table(data: "Dataset", learnt: "Learnt", lines: "Sequence[served.Line]") -> str:
    """The feed without each of its parts, and what the ranker learnt."""
    heads = [
        "system",
        *data.headline,
        "coverage",
        "novelty",
        "diversity",
        "miscalibration",
        "exposure Gini",
        "ms/list",
    ]
    rows = []
    for line in lines:
        means, character = line.report.means(), line.report.character
        shape = (
            f"{character.coverage:.3f}",
            f"{character.novelty:.2f}",
            f"{character.diversity:.3f}",
            f"{character.miscalibration:.3f}",
            f"{character.exposure_gini:.3f}",
        )
        rows.append(
            [
                line.system,
                *(f"{means[each]:.4f}" for each in data.headline),
                *shape,
                f"{line.milliseconds:.2f}",
            ]
        )
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in learnt.ranker.as_dict().items() if weight)
    told = f"The ranker: {learnt.reason}. Its weights: {weights}."
    reliable = [
        [f"{each.predicted:.4f}", f"{each.observed:.4f}", f"{each.candidates:,}"]
        for each in learnt.reliability
    ]
    parts = [markdown(heads, rows), told]
    if reliable:
        parts.append(markdown(["predicted", "observed", "candidates"], reliable))
    return "\n\n".join(parts)


def _log(settings: Settings, asked: Asked, told: "Evaluation") -> None:
    """Keep the run in MLflow. Where the engines do not run and cannot be started, one line says so: numbers are printed."""
    from cli.running import running
    from pipelines.context import open_context
    from pipelines.evaluation.plots import pictures

    files = {f"plots/{name}": content for name, content in pictures(told).items()}
    files |= {
        "evaluation.json": json.dumps(told.as_dict(), ensure_ascii=False, indent=1).encode(),
        "evaluation.md": "\n".join(tables(told)).encode(),
    }
    character = told.report.character.as_dict()
    seconds = {f"seconds_{name}": value for name, value in told.seconds.items()}
    try:
        with running(settings) as connected, open_context(connected) as context:
            context.registry().record(
                EXPERIMENT,
                f"{told.model} on {told.dataset.name}",
                at=utc_now(),
                parameters={
                    "dataset": told.dataset.name,
                    "model": told.model,
                    "tuned": asked.is_tuned,
                    "seed": asked.seed,
                    "weights": _weights(told),
                },
                metrics={**told.report.means(), **character, **seconds},
                files=files,
            )
    except Problem as problem:
        say.line(f"not logged to MLflow: {problem.detail}")
