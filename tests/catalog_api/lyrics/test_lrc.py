"""The reader of LRC: what was written is read, and the liberties that writers take are understood."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_api.lyrics.languages import code_of
from catalog_api.lyrics.lrc import LAST_LINE, TimedLine, TooManyLines, parsed

LETTERS = st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp"), blacklist_characters="[]<>\ufeff")
TEXTS = st.text(LETTERS, min_size=1, max_size=30).map(str.strip).filter(bool)
TIMES = st.integers(0, 9_999 * 60_000)


def clock(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    seconds, rest = divmod(rest, 1000)
    return f"{minutes:02}:{seconds:02}.{rest:03}"


def rendered(lines: list[tuple[int, str]], newline: str = "\n") -> str:
    return newline.join(f"[{clock(start)}]{text}" for start, text in lines)


@st.composite
def songs(draw: st.DrawFn) -> list[tuple[int, str]]:
    starts = sorted(draw(st.sets(TIMES, min_size=1, max_size=20)))
    return [(start, draw(TEXTS)) for start in starts]


@given(songs(), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
def test_what_is_written_is_read(song: list[tuple[int, str]], newline: str, mark: str) -> None:
    words = parsed(mark + rendered(song, newline))

    ends = [start for start, _ in song[1:]] + [song[-1][0] + LAST_LINE]
    assert words.lines == tuple(
        TimedLine(start, end, text) for (start, text), end in zip(song, ends, strict=True)
    )
    assert words.text == "\n".join(text for _, text in song)


@given(songs(), st.randoms(use_true_random=False))
def test_the_order_in_which_lines_are_written_does_not_matter(
    song: list[tuple[int, str]], chance: Random
) -> None:
    shuffled = list(song)
    chance.shuffle(shuffled)

    assert parsed(rendered(shuffled)) == parsed(rendered(song))


@given(st.text(max_size=300))
def test_every_text_is_understood_somehow(body: str) -> None:
    words = parsed(body)

    assert words.lines is None or all(0 <= line.start < line.end for line in words.lines)


@given(st.text("[]<>:.0123456789 \nax", max_size=200))
def test_so_is_every_text_of_brackets_and_digits(body: str) -> None:
    words = parsed(body)

    assert words.lines is None or all(0 <= line.start < line.end for line in words.lines)


@pytest.mark.parametrize(
    ("told", "start"),
    [
        ("[00:01]a", 1_000),
        ("[00:01.5]a", 1_500),
        ("[00:01.50]a", 1_500),
        ("[00:01.503]a", 1_503),
        ("[00:01:50]a", 1_500),
        ("[0:01.50] a", 1_500),
        ("[123:04.00]a", 7_384_000),
        ("  [00:01.50]a", 1_500),
    ],
)
def test_times_are_written_in_many_ways(told: str, start: int) -> None:
    assert parsed(told).lines == (TimedLine(start, start + LAST_LINE, "a"),)


def test_a_line_with_several_times_is_sung_several_times() -> None:
    lines = parsed("[00:01.00][00:05.00]Oh\n[00:03.00]Ah").lines

    assert lines == (
        TimedLine(1_000, 3_000, "Oh"),
        TimedLine(3_000, 5_000, "Ah"),
        TimedLine(5_000, 10_000, "Oh"),
    )


@pytest.mark.parametrize("words", ["Oh", "Oh " * 3_000])
def test_a_line_that_is_sung_without_end_is_refused_before_it_takes_any_room(words: str) -> None:
    body = "[00:01.00]" * 6_000 + words

    with pytest.raises(TooManyLines):
        parsed(body)


def test_an_empty_line_ends_the_one_before() -> None:
    lines = parsed("[00:01.00]Oh\n[00:02.50]\n[00:09.00]Ah").lines

    assert lines == (TimedLine(1_000, 2_500, "Oh"), TimedLine(9_000, 14_000, "Ah"))


@pytest.mark.parametrize(
    ("offset", "start"), [("+500", 500), ("500", 500), ("-500", 1_500), ("often", 1_000)]
)
def test_a_positive_offset_lets_everything_come_sooner(offset: str, start: int) -> None:
    lines = parsed(f"[00:01.00]Oh\n[offset:{offset}]").lines

    assert lines == (TimedLine(start, start + LAST_LINE, "Oh"),)


def test_nothing_is_sung_before_the_song_begins() -> None:
    lines = parsed("[offset:60000]\n[00:01.00]Oh\n[01:30.00]Ah").lines

    assert lines == (TimedLine(0, 30_000, "Oh"), TimedLine(30_000, 35_000, "Ah"))


@pytest.mark.parametrize(
    ("tag", "song_ms", "end"), [("", 8_000, 8_000), ("[length:00:07]\n", None, 7_000), ("", 500, 6_000)]
)
def test_the_last_line_ends_with_the_song(tag: str, song_ms: int | None, end: int) -> None:
    assert parsed(f"{tag}[00:01.00]Oh", song_ms).lines == (TimedLine(1_000, end, "Oh"),)


def test_the_times_of_words_are_no_words() -> None:
    words = parsed("[00:01.00]<00:01.00>Is <00:01.40>this <00:01.80>real<00:02.20>\n[00:05.00]I <3 you")

    assert words.text == "Is this real\nI <3 you"
    assert words.lines is not None
    assert words.lines[0].end == 2_200


def test_two_lines_of_one_time_last_until_the_next_time() -> None:
    lines = parsed("[00:01.00]Aube\n[00:01.00]Dawn\n[00:04.00]Oh").lines

    assert [(line.text, line.end) for line in lines or ()] == [
        ("Aube", 4_000),
        ("Dawn", 4_000),
        ("Oh", 9_000),
    ]


def test_tags_are_told_and_are_no_words() -> None:
    words = parsed("[ti: Dawn ]\n[AR:Ann]\nFirst light\n[Chorus: all]\nLight")

    assert words.tags == {"ti": "Dawn", "ar": "Ann"}
    assert words.lines is None
    assert words.text == "First light\n[Chorus: all]\nLight"


def test_a_text_without_times_is_given_as_it_is() -> None:
    body = "First light\r\n\r\n  (second)\n"

    assert parsed(body).text == body


@pytest.mark.parametrize(
    ("told", "code"), [("FRENCH", "fr"), ("de", "de"), ("en_GB", "en"), ("Español", "es"), ("?", "")]
)
def test_languages_are_known_by_name_and_code(told: str, code: str) -> None:
    assert code_of(told) == code
