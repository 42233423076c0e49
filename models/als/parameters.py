"""What there is to choose about a model of taste, light enough for those who only serve it to import."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from models.als.confidence import Weighting


@dataclass(frozen=True, slots=True)
class Parameters:
    """What there is to choose; together with the data it determines the model."""

    members: tuple[int, ...] = (16, 32, 64)  # the factors of each member of the committee
    regularisation: float = 5.0
    weighting: Weighting = "log"
    alpha: float = 7.0
    damping: float = 0.35
    iterations: int = 15
    seed: int = 1

    @property
    def factors(self) -> int:
        """The length of a row of the whole model."""
        return sum(self.members)

    def as_dict(self) -> dict[str, str | int | float]:
        """The parameters by name, as the registry, a manifest and the version digest want them."""
        return {
            "members": "+".join(map(str, self.members)),
            "regularisation": self.regularisation,
            "weighting": self.weighting,
            "alpha": self.alpha,
            "damping": self.damping,
            "iterations": self.iterations,
            "seed": self.seed,
        }

    @classmethod
    def of(cls, named: Mapping[str, Any]) -> Self:
        """The parameters that `as_dict` named; values that became text on their way are read back.

        >>> Parameters.of(Parameters(members=(4, 6), alpha=3.0).as_dict()) == Parameters(members=(4, 6), alpha=3.0)
        True
        """
        return cls(
            members=tuple(int(factors) for factors in str(named["members"]).split("+") if factors),
            regularisation=float(named["regularisation"]),
            weighting=cast("Weighting", named["weighting"]),
            alpha=float(named["alpha"]),
            damping=float(named["damping"]),
            iterations=int(named["iterations"]),
            seed=int(named["seed"]),
        )
