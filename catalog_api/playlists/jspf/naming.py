"""The URIs by which documents name songs, and when two names are the same."""

import re
import unicodedata
from typing import Final

from foundation.ids import BIGGEST_ID

_OURS: Final = re.compile(r"(?:urn:segue:song:|https?://[^/\s]+/api/v1/songs/)([0-9]{1,19})/?", re.IGNORECASE)
_ISRC: Final = re.compile(r"urn:isrc:([A-Z]{2}-?[A-Z0-9]{3}-?[0-9]{2}-?[0-9]{5})", re.IGNORECASE)
_RECORDING: Final = re.compile(
    r"https?://(?:www\.|beta\.)?musicbrainz\.org/recording/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?",
    re.IGNORECASE,
)


def our_id(address: str) -> int | None:
    """The number of a song of ours.

    >>> our_id("urn:segue:song:7"), our_id("https://segue.example/api/v1/songs/7"), our_id("urn:segue:song:0")
    (7, 7, None)
    """
    found = _OURS.fullmatch(address)
    number = int(found[1]) if found else 0
    return number if 0 < number <= BIGGEST_ID else None


def external_id(address: str) -> tuple[str, str] | None:
    """The source and its name of a song.

    >>> external_id("urn:isrc:gb-um7-10-29604")
    ('isrc', 'GBUM71029604')
    >>> external_id("https://musicbrainz.org/recording/B1A9C0E9-D987-4042-AE91-78D6A3267D69")
    ('musicbrainz', 'b1a9c0e9-d987-4042-ae91-78d6a3267d69')
    """
    if found := _ISRC.fullmatch(address):
        return "isrc", found[1].replace("-", "").upper()
    if found := _RECORDING.fullmatch(address):
        return "musicbrainz", found[1].lower()
    return None


def address_of(source: str, name: str) -> str:
    """
    >>> external_id(address_of("isrc", "GBUM71029604"))
    ('isrc', 'GBUM71029604')
    """
    return f"urn:isrc:{name}" if source == "isrc" else f"https://musicbrainz.org/recording/{name}"


def normal(name: str) -> str:
    """A title or a person's name, without what people write differently and mean the same by.

    >>> normal("  Bohemian  RHAPSODY ") == normal("bohemian rhapsody")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def one_line(text: str, most: int) -> str:
    """A text of at most so many characters, without line breaks and other controls.

    >>> one_line("a\\n b\\x07", 10), one_line("abc", 2)
    ('a b', 'ab')
    """
    plain = "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
    return " ".join(plain.split())[:most].rstrip()
