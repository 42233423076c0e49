"""Which access tokens no longer hold before they expire: known in memory, so that asking costs no round trip."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from foundation.ids import UserId
from foundation.security import InvalidToken, Principal

CHANNEL = "revoked"  # of Postgres: messages are pairs of a subject and milliseconds since 1970
ROOM = 1_000_000  # subjects; a day of a large service


@dataclass(slots=True)
class Revocations:
    """By subject, `session:ID` or `user:ID`, the millisecond since 1970 before which its tokens do not hold."""

    _not_before: dict[str, int] = field(default_factory=dict)

    def add(self, subject: str, not_before_ms: int) -> None:
        """Tokens of this subject issued before the moment no longer hold."""
        self._not_before[subject] = max(not_before_ms, self._not_before.pop(subject, 0))
        if len(self._not_before) > ROOM:
            del self._not_before[next(iter(self._not_before))]

    def add_all(self, revoked: Iterable[tuple[str, int]]) -> None:
        for subject, not_before_ms in revoked:
            self.add(subject, not_before_ms)

    def hear(self, message: str) -> None:
        """Take a message of the channel."""
        words = message.split()
        self.add_all(zip(words[::2], map(int, words[1::2]), strict=True))

    def check(self, principal: Principal) -> None:
        """Raise InvalidToken where the principal's token was revoked."""
        if not self._not_before:
            return
        before = self._not_before.get(of_user(principal.user_id), 0)
        if principal.session_id is not None:
            before = max(before, self._not_before.get(f"session:{principal.session_id}", 0))
        if principal.issued_ms < before:
            raise InvalidToken("the token has been revoked")


def of_user(user_id: UserId) -> str:
    """The subject of all tokens of one account."""
    return f"user:{user_id}"
