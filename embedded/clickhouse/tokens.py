"""ClickHouse SQL cut into words, literals and marks, so that rules about statements never read inside a string."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

__all__ = ["Kind", "Token", "tokens"]


class Kind(Enum):
    """What a piece of SQL is."""

    WORD = auto()  # a keyword or a bare identifier
    QUOTED = auto()  # a quoted identifier: `a`, "a" or “a”
    STRING = auto()  # 'a', ‘a’ or $tag$a$tag$
    NUMBER = auto()
    MARK = auto()  # one character of punctuation
    BROKEN = auto()  # an opened quote or comment that never ends


class Token(NamedTuple):
    """A piece of SQL and where it stands, in bytes."""

    kind: Kind
    text: bytes
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword it may be, in upper case; empty for anything but a bare word."""
        return self.text.decode("ascii").upper() if self.kind is Kind.WORD else ""

    @property
    def name(self) -> str:
        """The identifier it may be, without its quotes; empty for anything else.

        >>> next(tokens(b'`fi\\\\\\\\le`')).name
        'fi\\\\le'
        """
        if self.kind is Kind.WORD:
            return self.text.decode("ascii")
        if self.kind is not Kind.QUOTED:
            return ""
        if self.text.startswith(b"\xe2"):
            return self.text[3:-3].decode(errors="replace")
        quote = self.text[:1]
        inner = re.sub(rb"\\(.)", rb"\1", self.text[1:-1].replace(quote * 2, quote), flags=re.DOTALL)
        return inner.decode(errors="replace")

    def is_mark(self, mark: bytes) -> bool:
        """Whether it is this punctuation."""
        return self.kind is Kind.MARK and self.text == mark


# ClickHouse takes Unicode's spaces between words, too: what it skips must be skipped here.
_UNICODE_SPACE = rb"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe1\xa0\x8e|\xe2\x80[\x80-\x8f\xa8\xa9\xaf]|\xe2\x81[\x9f-\xa4]|\xe3\x80\x80|\xef\xbb\xbf"
_TOKEN = re.compile(
    rb"""
      (?P<skip> (?: [\x00-\x20\x7f] | """
    + _UNICODE_SPACE
    + rb""" )++ | --[^\n]*+ | //[^\n]*+ | \#[\ !][^\n]*+ | /\*.*?\*/ )
    | (?P<string> '(?: [^'\\]++ | \\. | '' )*+' | \xe2\x80\x98.*?\xe2\x80\x99 | \$(?P<tag>[A-Za-z0-9_]*+)\$.*?\$(?P=tag)\$ )
    | (?P<quoted> `(?: [^`\\]++ | \\. | `` )*+` | "(?: [^"\\]++ | \\. | "" )*+" | \xe2\x80\x9c.*?\xe2\x80\x9d )
    | (?P<word> [A-Za-z_][A-Za-z0-9_$]*+ )
    | (?P<number> [0-9][A-Za-z0-9_]*+ )
    | (?P<broken> (?: ['"`] | /\* | \xe2\x80[\x98\x9c] ).* )
    | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "string": Kind.STRING,
    "quoted": Kind.QUOTED,
    "word": Kind.WORD,
    "number": Kind.NUMBER,
    "broken": Kind.BROKEN,
    "mark": Kind.MARK,
}


def tokens(sql: bytes) -> Iterator[Token]:
    """The pieces of `sql` in order, without spaces and comments.

    >>> [token.text for token in tokens(b"SELECT 'a -- b' /* c */ FROM t")]
    [b'SELECT', b"'a -- b'", b'FROM', b't']
    """
    for match in _TOKEN.finditer(sql):
        group = match.lastgroup
        if group == "tag":
            group = "string"
        if group is not None and group != "skip":
            yield Token(_KINDS[group], match.group(), match.start(), match.end())
