"""Holds what the online store told of listeners, until Redis says that any of it has changed."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from foundation.ids import UserId

Told = TypeVar("Told")  # what is known of one listener

MOST = 2_000  # listeners: as many as lists are kept of


def never() -> bool:
    """Of who does not follow what changes."""
    return False


@dataclass(slots=True)
class HeldListeners(Generic[Told]):
    """The newest of each listener, those asked for last; nothing where it is not certain that every change was heard."""

    are_changes_heard: Callable[[], bool] = never
    most: int = MOST
    _held: "OrderedDict[UserId, Told]" = field(default_factory=OrderedDict)
    _asked: dict[UserId, object] = field(
        default_factory=dict
    )  # the last who asks for each, until there is a change

    def of(self, listener: UserId) -> Told | None:
        """What is held of one, where it is as Redis would tell it now."""
        held = self._held.get(listener)
        if held is None or not self.are_changes_heard():
            return None
        self._held.move_to_end(listener)
        return held

    def ask(self, listener: UserId) -> object:
        """Begin to ask; what this gives is given back to `hold` with the answer."""
        mark = self._asked[listener] = object()
        return mark

    def hold(self, listener: UserId, mark: object, told: Told | None) -> None:
        """Hold an answer, None for none, where nothing has changed since it was asked for."""
        if self._asked.get(listener) is not mark:
            return
        del self._asked[listener]
        if told is not None and self.are_changes_heard():
            self._held[listener] = told
            if len(self._held) > self.most:
                self._held.popitem(last=False)

    def forget(self, listener: UserId) -> None:
        """Something of one listener has changed."""
        self._held.pop(listener, None)
        self._asked.pop(listener, None)

    def changed(self, keys: Sequence[bytes] | None) -> None:
        """These keys of the online store have changed; None: nobody knows which."""
        if keys is None:
            self._held.clear()
            self._asked.clear()
            return
        for key in keys:
            self.forget(UserId(int(key[key.index(b"{") + 1 : -1])))
