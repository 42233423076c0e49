"""Who sent a request, checked once for all who ask: the rate limit first, the endpoint later."""

import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Any

from foundation.http.revocations import Revocations
from foundation.security import InvalidToken, Principal, TokenMaker
from foundation.telemetry import span

IDENTITY = "segue.identity"  # the key in an ASGI scope under which a Principal or an InvalidToken stands
LONGEST = 4 * 1024  # bytes of a header; our tokens are a tenth of it
_BEARER = b"bearer "
_USUAL = (b"Bearer ", b"bearer ")


@dataclass(slots=True)
class Identities:
    """Checks bearer tokens, and knows a checked one again until it expires: that saves nine tenths of the work."""

    tokens: TokenMaker
    room: int = 10_000  # tokens; who has not come for longest is forgotten first
    seconds: Callable[[], float] = time.time  # since 1970
    revocations: Revocations = field(default_factory=Revocations)
    _known: OrderedDict[bytes, Principal] = field(default_factory=OrderedDict)

    def known(self, authorization: bytes) -> Principal | None:
        """Who this header speaks for, where its token was checked before and still holds; None where `of` must tell."""
        if not authorization.startswith(_USUAL):
            return None
        token = authorization[len(_BEARER) :]
        known = self._known.get(token)
        if known is None or known.expires_at <= self.seconds():
            return None
        try:
            self.revocations.check(known)
        except InvalidToken:
            return None
        self._known.move_to_end(token)
        return known

    def of(self, authorization: bytes) -> Principal | InvalidToken | None:
        """Who this header speaks for; None where it holds no bearer token."""
        with span("validate_user"):
            if len(authorization) > LONGEST:
                return InvalidToken("the token is not one of ours")
            if authorization[: len(_BEARER)].lower() != _BEARER:
                return None
            # Known by the token alone: one with other spaces around it takes no room of its own.
            token = authorization[len(_BEARER) :].strip()
            known = self._known.get(token)
            if known is not None and known.expires_at > self.seconds():
                try:
                    self.revocations.check(known)
                except InvalidToken as refusal:
                    del self._known[token]
                    return refusal
                self._known.move_to_end(token)
                return known
            return self._checked(token)

    def _checked(self, token: bytes) -> Principal | InvalidToken:
        self._known.pop(token, None)
        try:
            principal = self.tokens.check(token.decode("latin-1"))
            self.revocations.check(principal)
        except InvalidToken as refusal:
            return refusal
        self._known[token] = principal
        if len(self._known) > self.room:
            self._known.popitem(last=False)
        return principal


def identified(scope: MutableMapping[str, Any]) -> Principal | None:
    """The principal that the door found for this request; None where there was no door. Raises InvalidToken."""
    found = scope.get(IDENTITY)
    if isinstance(found, InvalidToken):
        raise InvalidToken(found.detail)
    return found if isinstance(found, Principal) else None


def bearer_of(scope: MutableMapping[str, Any]) -> str | None:
    """The key under which things of the one who asks are kept, as far as the door or the endpoint knows who that is.

    >>> from foundation.ids import UserId
    >>> bearer_of({IDENTITY: Principal(UserId(7), frozenset())})
    'user:7'
    """
    found = scope.get(IDENTITY)
    return f"user:{found.user_id}" if isinstance(found, Principal) else None


def address_of(scope: MutableMapping[str, Any]) -> str:
    """Where a request comes from; of IPv6 the network, since a household has as many addresses as it likes.

    >>> address_of({"client": ("2001:db8:1:2:a:b:c:d", 443)}), address_of({"client": ("2001:db8::1:a:b:c:d", 443)})
    ('2001:db8:1:2', '2001:db8:0:1')
    """
    host: str = (scope.get("client") or ("unknown",))[0]
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:  # a proxy may say of its client what it likes
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return ":".join(f"{int(part, 16):x}" for part in address.exploded.split(":")[:4])
