"""The port of a store that events flow into: the log knows no more of it than this."""

from collections.abc import Sequence
from typing import Protocol

from foundation.contracts.events import Event


class Sink(Protocol):
    """A store that takes whole segments, in order, each as often as it is offered."""

    name: str  # letters, digits, dash and underscore: it names the sink's cursor file

    def apply(self, segment_ids: Sequence[str], events: Sequence[Event]) -> None:
        """Take the events of one segment, or of several that follow each other; the same again must change nothing.

        An exception means "not now": the same segments are offered again later, together and before any other.
        """
