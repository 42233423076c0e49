"""Ids carry their time, so that they sort by it."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from foundation.ids import hashed_play_id, new_id_text, new_play_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
moments = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.integers(1, 10**9))
def test_later_ids_sort_later(at: datetime, more: int) -> None:
    later = at + timedelta(milliseconds=more)

    assert new_play_id(at).bytes < new_play_id(later).bytes
    assert hashed_play_id(at, "x").bytes < hashed_play_id(later, "x").bytes


def test_ids_are_uuids_of_the_versions_they_claim() -> None:
    assert (new_play_id(NOON).version, hashed_play_id(NOON, "a").version) == (7, 8)
    assert new_play_id(NOON) != new_play_id(NOON)


@given(moments)
def test_an_id_made_as_text_is_as_any_other(at: datetime) -> None:
    text = new_id_text(at).decode()
    made = UUID(text)

    assert (str(made), made.version, made.variant) == (text, 7, RFC_4122)
    assert made.int >> 80 == new_play_id(at).int >> 80
    assert new_id_text(at) != new_id_text(at)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_the_same_parts_give_the_same_id(parts: list[str]) -> None:
    assert hashed_play_id(NOON, *parts) == hashed_play_id(NOON, *parts)
    assert hashed_play_id(NOON, *parts) != hashed_play_id(NOON, *parts, "more")
