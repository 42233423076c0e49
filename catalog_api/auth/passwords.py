"""Passwords kept as argon2id hashes (RFC 9106), a few computed at a time, and the easiest to guess refused."""

import asyncio
import base64
import logging
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from catalog_api.auth.errors import SigningInBusy, WeakPassword
from foundation.settings import Accounts

log = logging.getLogger(__name__)

SHORTEST, LONGEST = 8, 256  # characters
AT_ONCE = 2  # hashes computed in one process; each takes a core and tens of megabytes
WAITING = 64  # people who may wait for theirs; more would wait for seconds
SALT, HASH = 16, 32  # bytes

Given = ParamSpec("Given")
Computed = TypeVar("Computed")

# What a look at any list of leaked passwords begins with, as letters alone.
COMMONEST = frozenset(
    """
    abc qwe qwer asd asdf zxc password passwort motdepasse contrasena senha parola letmein welcome admin administrator login master secret
    changeme default guest root test testing tester user username access trustno hello whatever nothing freedom
    iloveyou iloveu loveyou lovely sweetheart sunshine princess angel flower butterfly football baseball basketball
    soccer hockey superman batman spiderman starwars pokemon naruto dragon monkey tiger shadow ninja mustang ferrari
    corvette harley phoenix killer hunter ranger cowboy eagle falcon jordan michael michelle jessica jennifer ashley
    charlie daniel thomas robert andrew matthew joshua nicole hannah liverpool arsenal chelsea barcelona realmadrid
    juventus computer internet samsung google facebook myspace linkedin microsoft windows apple iphone android cheese
    chocolate cookie pepper ginger summer winter spring autumn january february march april june july august september
    october november december monday tuesday wednesday thursday friday saturday sunday qwerty qwertyuiop qwertz
    qwertzuiop azerty azertyuiop asdfghjkl asdfgh zxcvbnm yxcvbnm qazwsx qazwsxedc qweasd qweasdzxc asdzxc abcd abcdef
    abcdefgh passw passwd pass letmeinnow music musiclover spotify segue playlist rockstar blink slipknot metallica
    nirvana eminem beatles
    """.split()
)
ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)
_PLAIN = str.maketrans("013457@$!|", "oieastasil")


class Passwords:
    """Hashes and checks passwords of one process."""

    def __init__(self, kept: Accounts, *, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._hasher = PasswordHasher(
            time_cost=kept.argon2_passes,
            memory_cost=kept.argon2_memory_kib,
            parallelism=1,
            hash_len=HASH,
            salt_len=SALT,
            type=Type.ID,
        )
        self._nobodys = _hash_of_nobody(self._hasher)
        self._turns, self._room = asyncio.Semaphore(at_once), at_once + waiting
        self._inside = 0

    async def hashed(self, password: str) -> str:
        """The hash to keep of a password. Raises SigningInBusy."""
        return await self._in_turn(self._hasher.hash, _normal(password))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether this is the password of that hash; None, of nobody, takes as long as a wrong one.

        Raises SigningInBusy.
        """
        fits = await self._in_turn(self._verified, kept or self._nobodys, _normal(password))
        return fits and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than ours are now."""
        return self._hasher.check_needs_rehash(kept)

    def _verified(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError) as error:
            log.warning("a password hash that cannot be read: %s", error)
            return False

    async def _in_turn(
        self, compute: Callable[Given, Computed], *given: Given.args, **named: Given.kwargs
    ) -> Computed:
        async with self._turn():
            return await asyncio.to_thread(compute, *given, **named)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._inside >= self._room:
            raise SigningInBusy("try again in a moment", retry_after=2)
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1


def refuse_weak(password: str, email: str) -> None:
    """Raise WeakPassword for one of the commonest, for a row of keys or one character, and for the address itself."""
    if reason := weakness(password, email):
        raise WeakPassword(reason, errors=[{"where": "body.password", "what": reason}])


def weakness(password: str, email: str = "") -> str | None:
    """Why a password is easy to guess; None where we know no reason.

    >>> weakness("P4ssw0rd123!"), weakness("12345678"), weakness("ann@example.org", "ann@example.org")
    ('it is among the commonest', 'it is a row of keys', 'it is your e-mail address')
    >>> weakness("correct horse")
    """
    plain = _normal(password).casefold()
    if email and plain in {email, email.partition("@")[0]}:
        return "it is your e-mail address"
    if len(set(plain)) <= 2:
        return "it is one character or two, again and again"
    if any(plain in row or plain in row[::-1] for row in (row * 2 for row in ROWS)):
        return "it is a row of keys"
    # Digits and signs at its ends are what everybody adds, and 0 for o is what everybody puts in.
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    if {bare, bare.translate(_PLAIN), plain.translate(_PLAIN)} & COMMONEST:
        return "it is among the commonest"
    return None


def _normal(password: str) -> str:
    """The same characters however a keyboard composes them (RFC 8265 asks for NFC; compatibility forms are one too)."""
    return unicodedata.normalize("NFKC", password)


def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """A hash that no password has: to check one against it takes as long as against a real one."""
    salt, made_up = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (SALT, HASH)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${made_up}"
