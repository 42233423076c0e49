"""What was asked and answered, counted; and what was wrong, each kind once with a request that shows it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Failure:
    """One kind of wrong answer."""

    what: str
    shown_by: str
    times: int = 1


@dataclass
class Findings:
    """Of one run."""

    operations: list[str] = field(default_factory=list)  # all that there are to ask for
    answered: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    by_phase: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, int, str], Failure] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        return self.by_phase.total()

    def count(self, label: str, status: int, phase: str) -> None:
        self.answered[label][status] += 1
        self.by_phase[phase] += 1

    def note(self, label: str, status: int, what: str, shown_by: str) -> None:
        key = label, status, what.partition("\n")[0]
        if key in self.failures:
            self.failures[key].times += 1
        else:
            self.failures[key] = Failure(what, shown_by)

    def table(self) -> str:
        """Counts by endpoint and status, then every failure."""
        statuses = sorted({status for counted in self.answered.values() for status in counted})
        width = max(map(len, self.answered), default=0)
        lines = [" " * width + "".join(f"{status:>7}" for status in statuses)]
        for label, counted in sorted(self.answered.items(), key=lambda each: each[0].split()[::-1]):
            lines.append(f"{label:<{width}}" + "".join(f"{counted[status] or '':>7}" for status in statuses))
        totals = [sum(counted[status] for counted in self.answered.values()) for status in statuses]
        lines.append(f"{'all':<{width}}" + "".join(f"{total:>7}" for total in totals))
        lines.append("")
        for (label, status, _), failure in self.failures.items():
            lines += [
                f"FAILURE {label} -> {status}, {failure.times} times: {failure.what}",
                failure.shown_by,
                "",
            ]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        answered = sum(
            counted[status] for counted in self.answered.values() for status in counted if status < 300
        )
        phases = ", ".join(f"{count:,} {phase}" for phase, count in sorted(self.by_phase.items()))
        broken = sum(
            counted[status] for counted in self.answered.values() for status in counted if status >= 500
        )
        return "\n".join(
            (
                f"endpoints    {len(self.answered)} of {len(self.operations)}",
                f"cases        {self.cases:,} ({phases})",
                f"answered 2xx {answered:,}",
                f"answered 5xx {broken:,}",
                f"failures     {len(self.failures)} kinds",
            )
        )
