"""Reads LRC, the text format of lyrics that say when each line is sung, with the liberties that writers of it take."""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

Milliseconds: TypeAlias = int

MOST_LINES = (
    5_000  # also of those that are sung again and again: each time in front of a line writes it once more
)
MOST_CHARACTERS = 200_000  # of all these lines together
LAST_LINE: Milliseconds = 5_000  # for how long the last line is shown where nobody knows when the song ends
_BREAK = re.compile(r"\r\n|\r|\n")
_CLOCK = r"(\d{1,4}):(\d{1,2})(?:[.:](\d{1,3}))?"  # minutes may pass 99, and hundredths may be left out
_TIME = re.compile(rf"\s*\[{_CLOCK}\]")
_WORD_TIME = re.compile(rf"<{_CLOCK}>")
_LAST_WORD_TIME = re.compile(rf"<{_CLOCK}>\s*$")
_TAG = re.compile(r"\s*\[(al|ar|au|by|la|length|offset|re|ti|tool|ve)\s*:([^\]]*)\]\s*$", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_OFFSET = re.compile(r"[+-]?\d{1,9}")


class TooManyLines(ValueError):
    """What a text would be with all its repetitions is larger than any song."""


@dataclass(frozen=True, slots=True)
class TimedLine:
    """A line, and from when until when it is sung."""

    start: Milliseconds
    end: Milliseconds
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a text of lyrics holds: `text` without any times; `lines` where times are told, in their order; its tags."""

    text: str
    lines: tuple[TimedLine, ...] | None = None
    tags: dict[str, str] = field(default_factory=dict)


def parsed(body: str, song_ms: Milliseconds | None = None) -> Words:
    r"""The words of an LRC text; one without any time is plain text and is given as it is.

    A line ends where the next one begins, or where an empty one stands; the last ends with the song. Lines that tell
    no time, in a text that tells others, are comments. Raises TooManyLines.

    >>> parsed("[ti:Dawn]\n[00:01.50]First light\n[00:03]").lines
    (TimedLine(start=1500, end=3000, text='First light'),)
    >>> parsed("First light\nSecond light").lines is None
    True
    """
    body = body.removeprefix("\ufeff")
    if "[" not in body:
        return Words(body)
    tags: dict[str, str] = {}
    sung: list[tuple[Milliseconds, Milliseconds | None, str]] = []
    others: list[str] = []
    count = size = 0
    for line in _BREAK.split(body):
        times, rest = _times_of(line)
        if times:
            text, until = _without_word_times(rest)
            count += len(times)
            size += len(times) * len(text)
            if count > MOST_LINES or size > MOST_CHARACTERS:
                raise TooManyLines(
                    f"more than {MOST_LINES:,} lines, or {MOST_CHARACTERS:,} characters, are sung"
                )
            # Of a line that is sung more than once, its words tell the times of the first.
            sung += [(time, until if place == 0 else None, text) for place, time in enumerate(times)]
        elif tag := _TAG.match(line):
            tags[tag[1].lower()] = tag[2].strip()
        else:
            others.append(line)
    if not sung:
        return Words("\n".join(others) if tags else body, tags=tags)
    lines = _lasting(_shifted(sung, _offset_of(tags)), song_ms or length_of(tags))
    return Words("\n".join(line.text for line in lines), lines, tags)


def _times_of(line: str) -> tuple[list[Milliseconds], str]:
    """The times in front of a line, and what stands behind them."""
    times: list[Milliseconds] = []
    at = 0
    while told := _TIME.match(line, at):
        times.append(_milliseconds(told))
        at = told.end()
    return times, line[at:]


def _without_word_times(text: str) -> tuple[str, Milliseconds | None]:
    """The text without the times of its words, and the time behind the last word, where there is one."""
    if "<" not in text:
        return text.strip(), None
    last = _LAST_WORD_TIME.search(text)
    words = _SPACES.sub(" ", _WORD_TIME.sub("", text)) if _WORD_TIME.search(text) else text
    return words.strip(), _milliseconds(last) if last else None


def _milliseconds(clock: re.Match[str]) -> Milliseconds:
    minutes, seconds, fraction = clock.groups()
    return 60_000 * int(minutes) + 1000 * int(seconds) + int((fraction or "").ljust(3, "0"))


def _offset_of(tags: dict[str, str]) -> Milliseconds:
    """By how much everything is sung earlier than it says; what is no number shifts nothing."""
    told = tags.get("offset", "")
    return int(told) if _OFFSET.fullmatch(told) else 0


def length_of(tags: dict[str, str]) -> Milliseconds | None:
    """How long the song is, by its tag; None where it has none that can be understood.

    >>> length_of({"length": "3:45"}), length_of({"length": "long"})
    (225000, None)
    """
    told = re.fullmatch(_CLOCK, tags.get("length", ""))
    return (_milliseconds(told) or None) if told else None


def _shifted(
    sung: list[tuple[Milliseconds, Milliseconds | None, str]], offset: Milliseconds
) -> list[tuple[Milliseconds, Milliseconds | None, str]]:
    moved = [
        (max(start - offset, 0), None if until is None else until - offset, text)
        for start, until, text in sung
    ]
    return sorted(moved, key=lambda line: line[0])  # those of one time stay in the order of the text


def _lasting(
    sung: list[tuple[Milliseconds, Milliseconds | None, str]], song_ms: Milliseconds | None
) -> tuple[TimedLine, ...]:
    """The lines that have words, each until what comes next: also until an empty one, which is a silence."""
    lines: list[TimedLine] = []
    following: Milliseconds | None = None  # when something begins that is later than the line looked at
    later: Milliseconds | None = None
    for start, until, text in reversed(sung):
        if later is not None and later > start:
            following = later
        end = following
        if end is None:
            end = song_ms if song_ms is not None and song_ms > start else start + LAST_LINE
        if until is not None and start < until < end:
            end = until
        if text:
            lines.append(TimedLine(start, end, text))
        later = start
    return tuple(reversed(lines))


def in_seconds(lines: tuple[TimedLine, ...] | None) -> list[dict[str, float | str]] | None:
    """Timed lines as the catalog keeps and tells them.

    >>> in_seconds((TimedLine(500, 3200, "Is it dawn?"),))
    [{'start_time': 0.5, 'end_time': 3.2, 'text': 'Is it dawn?'}]
    """
    if lines is None:
        return None
    return [
        {"start_time": line.start / 1000, "end_time": line.end / 1000, "text": line.text} for line in lines
    ]
