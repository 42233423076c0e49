"""A token is checked once and known again, until it expires."""

from datetime import timedelta

from foundation.clock import utc_now
from foundation.http.identity import Identities
from foundation.ids import UserId
from foundation.security import InvalidToken, Principal, TokenMaker

TOKENS = TokenMaker("a secret of at least thirty-two bytes", "segue", "segue-api", timedelta(hours=1))


def header(listener: int, scheme: str = "Bearer") -> bytes:
    return f"{scheme} {TOKENS.issue(UserId(listener), roles=['user'], now=utc_now())}".encode()


def test_a_known_token_speaks_for_its_listener_again() -> None:
    identities, sent = Identities(TOKENS), header(7, "bearer")

    first, again = identities.of(sent), identities.of(sent)

    assert isinstance(first, Principal)
    assert first.user_id == 7
    assert again is first


def test_a_known_token_is_refused_once_it_has_expired() -> None:
    now = [utc_now().timestamp()]
    maker = TokenMaker(TOKENS.secret, "segue", "segue-api", timedelta(seconds=-1))
    identities = Identities(TOKENS, seconds=lambda: now[0])
    sent = header(7)
    known = identities.of(sent)
    expired = f"Bearer {maker.issue(UserId(7), roles=['user'], now=utc_now())}".encode()

    now[0] += 3601
    rechecked = identities.of(sent)

    assert isinstance(known, Principal)
    assert rechecked is not known
    assert isinstance(identities.of(expired), InvalidToken)


def test_what_is_no_bearer_token_is_nobody_and_what_is_forged_is_refused() -> None:
    identities = Identities(TOKENS)

    assert identities.of(b"Basic YW5uOnF1ZWVu") is None
    assert isinstance(identities.of(b"Bearer forged"), InvalidToken)
    assert isinstance(identities.of(b"Bearer \xff\xfe"), InvalidToken)


def test_no_more_tokens_are_kept_than_there_is_room() -> None:
    identities = Identities(TOKENS, room=3)

    for listener in range(10):
        identities.of(header(listener + 1))

    assert len(identities._known) == 3


def test_however_a_token_is_padded_it_takes_one_place() -> None:
    identities, sent = Identities(TOKENS), header(7)
    _, _, token = sent.partition(b" ")

    found = [identities.of(b"bearer " + b" " * padding + token + b" " * padding) for padding in range(20)]

    assert all(each is found[0] for each in found)
    assert len(identities._known) == 1


def test_a_header_that_is_too_long_is_refused_and_not_kept() -> None:
    identities, sent = Identities(TOKENS), header(7)

    found = identities.of(sent + b" " * 4096)

    assert isinstance(found, InvalidToken)
    assert len(identities._known) == 0
