"""Every retriever there is, with the parameters worth trying: what a blend is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.als.parameters import Parameters
from models.als.retriever import Als
from models.autoencoder.ease import Ease
from models.blend.blend import Blend
from models.blend.popular import Popular
from models.cooccurrence.neighbours import Neighbours
from models.cooccurrence.recency import Recently
from models.cooccurrence.sessions import Sessions
from models.cooccurrence.transitions import Transitions
from models.graph.low_pass import LowPass, singular
from models.graph.paths import Paths
from models.graph.sharpened import Sharpened
from models.past import Past
from models.retriever import Retriever

KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        Als,
        Blend,
        Ease,
        LowPass,
        Neighbours,
        Paths,
        Popular,
        Recently,
        Sessions,
        Sharpened,
        Transitions,
    )
}
MEMORY, FLOOR = 0.9, 0.1
# Alternating least squares as most people run it: what others are compared with.
_PLAIN = {"members": (32,), "regularisation": 0.1, "weighting": "binary", "alpha": 10.0, "damping": 0.0}
_SPARSEST = 4  # as many listeners and songs as vectors at least, times this: beyond it vectors are noise


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to train a retriever of a family, by the name it has in tables and in the weights of a blend."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """Retrievers trained in the same way with different parameters; what they share is computed once."""

    name: str
    learn: Callable[[Past, Sequence[Variant], int], Mapping[str, Retriever]]
    usual: tuple[Variant, ...]  # what a blend tries; the first one is the family's default
    more: tuple[Variant, ...] = ()  # what tuning tries too
    wants_plays: bool = False  # offered only where the order of plays is known


def _each(
    make: Callable[..., Retriever],
) -> Callable[[Past, Sequence[Variant], int], Mapping[str, Retriever]]:
    return lambda past, variants, _seed: {each.name: make(past, **each.options) for each in variants}


def _als(past: Past, variants: Sequence[Variant], seed: int) -> Mapping[str, Retriever]:
    return {each.name: Als.learn(past, replace(Parameters(), **each.options), seed) for each in variants}


def _low_pass(past: Past, variants: Sequence[Variant], seed: int) -> Mapping[str, Retriever]:
    """One decomposition for all numbers of vectors with the same powers; too many vectors are as many as there can be."""
    most = max(min(past.shape) // _SPARSEST, 1)
    made: dict[str, Retriever] = {}
    powers = {(each.options["listener"], each.options["song"]) for each in variants}
    for listener, song in sorted(powers):
        alike = [
            each for each in variants if (each.options["listener"], each.options["song"]) == (listener, song)
        ]
        wanted = {each.name: min(int(each.options["vectors"]), most) for each in alike}
        right = singular(past, max(wanted.values()), listener, song, seed)
        for each in alike:
            made[each.name] = LowPass.of(right, past, wanted[each.name], song, each.options["target"])
    return made


def _lately(past: Past, variants: Sequence[Variant], seed: int) -> Mapping[str, Retriever]:
    """The filters, asked by what was heard lately."""
    plain: dict[str, Retriever] = {"paths, lately": Paths.learn(past)}
    ranks = [each for each in variants if each.name != "paths, lately"]
    if ranks:
        plain |= _low_pass(past, ranks, seed)
    return {each.name: Recently(plain[each.name], MEMORY, FLOOR) for each in variants}


def _sharp_paths(past: Past) -> Retriever:
    return Sharpened.of(Paths.learn(past), past)


def _rank(vectors: int, listener: float = 0.3, song: float = 0.4, target: float = 0.2) -> Variant:
    powers = "" if (listener, song) == (0.3, 0.4) else f" ({listener}, {song})"
    return Variant(
        f"low pass {vectors}{powers}",
        {"vectors": vectors, "listener": listener, "song": song, "target": target},
    )


def _paths(listener: float, source: float, target: float) -> Variant:
    return Variant(
        f"paths {listener}/{source}/{target}", {"listener": listener, "source": source, "target": target}
    )


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family("most-popular", _each(Popular.learn), (Variant("most popular", {}),)),
        Family("item-knn", _each(Neighbours.learn), (Variant("item-kNN 200", {"neighbours": 200}),)),
        Family(
            "als",
            _als,
            (
                Variant("ALS", {}),
                Variant("ALS of 24, 48, 96", {"members": (24, 48, 96)}),
                Variant("ALS reg 20 alpha 20", {"regularisation": 20.0, "alpha": 20.0}),
                Variant("ALS damping 0.6", {"damping": 0.6}),
            ),
            (
                Variant("ALS reg 1", {"regularisation": 1.0}),
                Variant("ALS binary", {"weighting": "binary"}),
            ),
        ),
        Family("plain-als", _als, (Variant("plain ALS", _PLAIN),)),
        Family(
            "paths",
            _each(Paths.learn),
            (_paths(1.0, 0.5, 0.3),),
            (_paths(1.0, 0.5, 0.5), _paths(1.0, 0.4, 0.2), _paths(0.6, 0.5, 0.4), _paths(0.6, 0.5, 0.3)),
        ),
        Family(
            "low-pass",
            _low_pass,
            tuple(_rank(vectors) for vectors in (128, 64, 256, 512)),
            (
                _rank(32),
                _rank(1024),
                _rank(64, 0.5, 0.5, 0.5),
                _rank(256, 0.5, 0.5, 0.5),
                _rank(512, 0.3, 0.5, 0.3),
            ),
        ),
        Family("sharpened", _each(_sharp_paths), (Variant("paths, sharpened", {}),)),
        Family(
            "autoencoder",
            _each(Ease.learn),
            (Variant("autoencoder 50", {"ridge": 50.0}),),
            (Variant("autoencoder 10", {"ridge": 10.0}), Variant("autoencoder 200", {"ridge": 200.0})),
        ),
        Family("sessions", _each(Sessions.learn), (Variant("sessions", {}),), wants_plays=True),
        Family(
            "transitions",
            _each(Transitions.learn),
            (
                Variant("transitions 20", {"reach": 20, "fading": 0.9}),
                Variant("transitions 10", {"reach": 10, "target": 0.5}),
            ),
            (Variant("transitions 3", {"reach": 3}),),
            wants_plays=True,
        ),
        Family(
            "lately",
            _lately,
            (
                Variant("paths, lately", {}),
                replace(_rank(128), name="low pass 128, lately"),
            ),
            wants_plays=True,
        ),
    )
}


def learnt(
    past: Past, variants: Mapping[str, Sequence[Variant]], seed: int, told: Callable[[str], None]
) -> dict[str, Retriever]:
    """The retrievers of these variants by family, trained; `told` hears each family before its turn."""
    made: dict[str, Retriever] = {}
    for family, wanted in variants.items():
        told(family)
        made |= FAMILIES[family].learn(past, wanted, seed)
    return made
