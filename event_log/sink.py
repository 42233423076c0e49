"""The port of a store that events flow into: the log knows no more of it than this."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from event_log.plays import Told
from foundation.contracts.events import Event


class Sink(Protocol):
    """A store that takes whole segments, in order, each as often as it is offered."""

    name: str  # letters, digits, dash and underscore: it names the sink's cursor file

    def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
        """Take the events of one segment, or of several that follow each other; the same again must change nothing.

        An exception means "not now": the same segments are offered again later, together and before any other.
        """


@runtime_checkable
class PreparedSink(Sink, Protocol):
    """A sink that has something to compute before it asks its store: while the store is busy with what came before."""

    def prepare(self, events: Told) -> None:
        """Compute it, and keep it with the events (`Told.once`). Called in another thread than `apply`, or not at all."""
