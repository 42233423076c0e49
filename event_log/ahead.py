"""Makes what a sink takes next while it takes what comes before: one thread computes as the other waits for the store."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from event_log.plays import Told


class Ahead:
    """Of one sink; used by its thread alone."""

    def __init__(self, name: str, make: Callable[[Sequence[Path]], Told]) -> None:
        self._make, self._thread = make, ThreadPoolExecutor(1, name)
        self._made: dict[tuple[Path, ...], Future[Told]] = {}  # what was taken last, and what comes next

    def take(self, paths: Sequence[Path], then: Sequence[Path] = ()) -> Told:
        """What these segments tell, made by now or made now; what comes then is made beside the caller.

        Both are kept until others are asked for: a sink that is down is offered the same again. Raises what making raised.
        """
        now, later = tuple(paths), tuple(then)
        self._made = {key: told for key, told in self._made.items() if key in (now, later)}
        if now not in self._made:
            made: Future[Told] = Future()
            made.set_result(self._make(paths))
            self._made[now] = made
        if later and later not in self._made:
            self._made[later] = self._thread.submit(self._make, then)
        return self._made[now].result()

    def forget(self) -> None:
        """Let go of all that was made."""
        self._made.clear()

    def close(self) -> None:
        """End, as soon as what is being made is made."""
        self._thread.shutdown(cancel_futures=True)
