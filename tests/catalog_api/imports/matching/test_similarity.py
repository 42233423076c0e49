"""Names that are alike: the fast way finds the pairs of the plain way, all of them and no other."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_api.imports.matching.similarity import alike, folded, recording

NAMES = st.lists(st.text("abc ", min_size=1, max_size=9), min_size=1, max_size=12)


def likeness(first: str, second: str) -> float:
    """The plain way: the trigrams of two names, counted."""
    sets = []
    for name in (first, second):
        padded = f"  {name} "
        sets.append({padded[at : at + 3] for at in range(len(padded) - 2)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def names(told: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"id": range(len(told)), "name": told, "by": [name[:1] for name in told]})


@given(left=NAMES, right=NAMES, floor=st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_no_pair_is_missed_and_none_is_made_up(left: list[str], right: list[str], floor: float) -> None:
    found = alike(names(left), names(right), floor=floor)

    expected = {
        (at, to, likeness(one, other))
        for at, one in enumerate(left)
        for to, other in enumerate(right)
        if likeness(one, other) >= floor
    }
    assert set(found.rows()) == expected


@given(left=NAMES, right=NAMES)
def test_only_what_is_of_the_same_artist_is_compared(left: list[str], right: list[str]) -> None:
    found = alike(names(left), names(right), floor=0.5, within="by")

    anywhere = alike(names(left), names(right), floor=0.5)
    assert set(found.rows()) == {row for row in anywhere.rows() if left[row[0]][:1] == right[row[1]][:1]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("Sigur Rós", "Sigur Ros"),
        ("The Rolling Stones", "rolling stones"),
        ("Earth, Wind & Fire", "Earth Wind and Fire"),
        ("Guns N' Roses", "Guns N’ Roses"),
    ],
)
def test_names_that_mean_the_same_are_folded_into_one(one: str, other: str) -> None:
    told = pl.DataFrame({"name": [one, other]}).select(folded(pl.col("name")))

    assert told["name"].n_unique() == 1


@pytest.mark.parametrize(
    ("title", "core"),
    [
        ("Help! - Remastered 2009", "Help!"),
        ("Help! (2009 Remaster)", "Help!"),
        ("Umbrella feat. JAY-Z", "Umbrella"),
        ("Umbrella [ft. JAY-Z] - Remastered", "Umbrella"),
        ("Dancing with Myself", "Dancing with Myself"),
        ("Hurt - Live", "Hurt - Live"),
        ("Remastered", "Remastered"),
    ],
)
def test_a_recording_is_the_same_however_it_was_sold(title: str, core: str) -> None:
    told = pl.DataFrame({"title": [title]}).select(recording(pl.col("title")))

    assert told.item() == core
