"""Chooses what a blend is made of, by listeners held back from the past it may learn from, and trains it on everything."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.blend.blend import Blend
from models.blend.families import FAMILIES, Family, Variant, learnt
from models.blend.sheet import Sheet
from models.blend.weighing import chosen
from models.evaluation.cuts import Cut, held_back
from models.past import Past

Progress = Callable[[str, float], None]
BLENDED = ("als", "paths", "low-pass", "sharpened", "autoencoder", "sessions", "transitions", "lately")


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was chosen: the weight of each variant, and how good each was alone on the listeners held back."""

    weights: Mapping[str, float]
    alone: Mapping[str, float]  # recall and NDCG, added
    worth: float  # of the whole, on the same listeners
    listeners: int


def tuned(
    past: Past,
    cut: Cut,
    k: int,
    families: Iterable[str] = BLENDED,
    *,
    seed: int = 1,
    thorough: bool = False,
    progress: Progress = lambda _step, _part: None,
) -> Tuned:
    """The weights of the variants of these families that suit the listeners held back best.

    `k` is the length of the lists they are judged by; a `thorough` search tries more variants. A past that is too small to
    hold anybody back gets the first family's usual variant alone.
    """
    asked = offered(past, families, thorough=thorough)
    sheet = compared(past, cut, asked, seed=seed, progress=progress)
    if sheet is None:
        return Tuned({next(iter(asked.values()))[0].name: 1.0}, {}, 0.0, 0)
    return tuned_by(sheet, k)


def compared(
    past: Past,
    cut: Cut,
    variants: Mapping[str, Sequence[Variant]],
    *,
    seed: int = 1,
    progress: Progress = lambda _step, _part: None,
) -> Sheet | None:
    """What each variant says for the listeners held back; None where nobody can be."""
    folds = held_back(past, cut, np.random.default_rng(seed))
    sheets, steps, done = [], max(len(folds), 1) * (len(variants) + 1), 0

    def tell(_family: str) -> None:
        nonlocal done
        progress("choosing", done / steps)
        done += 1

    for fold in folds:
        retrievers = learnt(fold.past, variants, seed, tell)
        tell("")
        sheets.append(Sheet.of(retrievers, fold.past, fold.rows, fold.relevant))
    progress("choosing", 1.0)
    return Sheet.together(sheets) if sheets else None


def tuned_by(sheet: Sheet, k: int) -> Tuned:
    """The weights that suit the listeners of a sheet best."""
    weights = chosen(sheet, k)
    alone = {
        name: sheet.worth(row, k) for name, row in zip(sheet.names, np.eye(len(sheet.names)), strict=True)
    }
    whole = np.array([weights.get(name, 0.0) for name in sheet.names])
    return Tuned(weights, alone, sheet.worth(whole, k), len(sheet.loved))


def blended(
    past: Past, weights: Mapping[str, float], *, seed: int = 1, progress: Progress = lambda _step, _part: None
) -> Blend:
    """The blend of these variants, trained on the whole past."""
    asked = {
        family.name: [each for each in (*family.usual, *family.more) if each.name in weights]
        for family in FAMILIES.values()
    }
    asked = {name: variants for name, variants in asked.items() if variants}
    done = 0

    def tell(_family: str) -> None:
        nonlocal done
        progress("training", done / len(asked))
        done += 1

    retrievers = learnt(past, asked, seed, tell)
    progress("training", 1.0)
    return Blend(tuple(retrievers.values()), tuple(weights[name] for name in retrievers), past.known())


def offered(past: Past, families: Iterable[str], *, thorough: bool) -> dict[str, Sequence[Variant]]:
    """The variants worth trying on this past, which may know plays or not."""
    wanted: list[Family] = [FAMILIES[name] for name in families]
    return {
        family.name: (*family.usual, *family.more) if thorough else family.usual
        for family in wanted
        if not family.wants_plays or past.plays is not None
    }
