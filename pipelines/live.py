"""Which model serves: flipping to a published one, going back, and keeping the registry's alias true to it.

The pointer of the vectors, `current("songs")`, is what serves and the only truth. The alias `live` in MLflow follows it:
it is set after the pointer, and when somebody is killed between the two, `reconcile` sets it. The journal is written
before the pointer, so that the model of every version that ever served is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from foundation.engines.vectors.port import UnknownVersion
from foundation.errors import Problem
from pipelines import journal
from pipelines.context import Context
from pipelines.journal import Entry, Journal
from pipelines.run import run
from pipelines.versions import Versions

COLLECTION = "songs"
ALS = "als_model"  # the job whose models go live
PUBLISHES = "song_vectors"  # the job that publishes them


class Withdrawn(Problem):
    """A model that was rolled back while somebody was about to flip to it."""

    status, title = 409, "The model was withdrawn"


class NothingLive(Problem):
    """No model serves yet."""

    status, title = 409, "No model is live"


class NoEarlierModel(Problem):
    """There is nothing to go back to."""

    status, title = 409, "There is no earlier model"


class NoSuchModel(Problem):
    """A model that was never registered, or whose factors are no longer kept."""

    status, title = 404, "There is no such model"


@dataclass(frozen=True, slots=True)
class Change:
    """What serves now, and what served before."""

    model: str
    version: str
    before: str | None

    @property
    def is_news(self) -> bool:
        """Whether another model serves than before."""
        return self.model != self.before


def model(context: Context) -> str | None:
    """The registered name of the model that serves, "als/3"."""
    return journal.read(context.blobs).model_of(context.vectors.current(COLLECTION))


def flip(context: Context, version: str, model: str) -> None:
    """Let a published version serve, and tell the registry.

    Raises UnknownVersion when it is not published (any more), and Withdrawn when its model was rolled back meanwhile.
    """
    decided = journal.read(context.blobs)
    if model in decided.withdrawn:
        raise Withdrawn(
            f"{model} was rolled back: ./segue models promote {model} takes it up again", model=model
        )
    if decided.version_of(model) != version:
        _note(context, "flip", model, version)
    context.vectors.flip(COLLECTION, version)
    _set_alias(context, model)


def rollback(context: Context) -> Change:
    """Let the model serve that did so before this one, and keep this one from coming back by itself.

    Its published version is flipped to at once; when it is gone, it is published again from the factors kept.
    Raises NothingLive and NoEarlierModel.
    """
    decided = journal.read(context.blobs)
    current = decided.model_of(context.vectors.current(COLLECTION))
    if current is None:
        raise NothingLive("no model is live: run ./segue job --all first")
    earlier = decided.before(current)
    if earlier is None:
        raise NoEarlierModel(f"no model was live before {current}")
    _note(context, "promote", earlier)
    _note(context, "withdraw", current)
    change = _back(context, earlier, decided, before=current)
    context.registry().mark(current, f"rolled back {context.now():%Y-%m-%d %H:%M} UTC")
    return change


def promote(context: Context, model: str) -> Change:
    """Let this model serve whatever the gate said of it, until a newer one passes. Raises NoSuchModel."""
    about_of(context, model)
    decided = journal.read(context.blobs)
    current = context.vectors.current(COLLECTION)
    before = decided.model_of(current)
    _note(context, "promote", model)
    if before == model and current is not None:
        return Change(model, current, before)
    change = _back(context, model, decided, before=before)
    context.registry().mark(model, f"promoted {context.now():%Y-%m-%d %H:%M} UTC")
    return change


def reconcile(context: Context, *, thoroughly: bool = False) -> str | None:
    """Make the registry's alias say what serves; gives the model when the alias was wrong.

    The journal remembers to what the alias was last set, so that MLflow, which takes seconds to load, is opened
    only when somebody was killed between pointer and alias; `thoroughly` asks MLflow itself.
    """
    decided = journal.read(context.blobs)
    serving = decided.model_of(context.vectors.current(COLLECTION))
    if serving is None or (serving == decided.alias and not thoroughly):
        return None
    if context.registry().live(_name(serving)) == serving:
        if serving != decided.alias:
            _note(context, "alias", serving)
        return None
    _set_alias(context, serving)
    return serving


def abouts(context: Context) -> dict[str, Mapping[str, object]]:
    """What is known of each model whose factors are kept, by registered name, the oldest first."""
    versions = Versions(ALS, context.blobs)
    known = [about for about in versions.abouts() if "registered" in about]
    return {
        str(about["registered"]): about for about in sorted(known, key=lambda about: str(about["written_at"]))
    }


def about_of(context: Context, model: str) -> Mapping[str, object]:
    """What is known of one model. Raises NoSuchModel when its factors are not kept."""
    known = abouts(context)
    if model not in known:
        there = ", ".join(known) or "none yet"
        raise NoSuchModel(
            f"there is no model {model!r} whose factors are kept; there are: {there}", model=model
        )
    return known[model]


def _back(context: Context, model: str, decided: Journal, *, before: str | None) -> Change:
    """Flip to what is published of a model, or have it published: by now it is the chosen one."""
    version = decided.version_of(model)
    try:
        if version is None:
            raise UnknownVersion(f"{model} was never published")
        flip(context, version, model)
    except UnknownVersion:
        version = run(PUBLISHES, context).version
    return Change(model, version, before)


def _set_alias(context: Context, model: str) -> None:
    context.registry().set_live(model)
    if journal.read(context.blobs).alias != model:
        _note(context, "alias", model)


def _note(context: Context, what: journal.What, model: str, version: str = "") -> None:
    journal.add(context.blobs, Entry(what, model, version, context.now().isoformat()))


def _name(registered: str) -> str:
    return registered.rsplit("/", maxsplit=1)[0]
