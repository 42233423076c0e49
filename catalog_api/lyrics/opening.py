"""How lyrics begin: what the rest of Segue is told of them."""

from itertools import islice

from foundation.contracts.events import OPENING_LINES

LONGEST_LINE = 200  # characters; a text without line breaks is no line


def opening_of(text: str) -> str:
    r"""The first lines that are not empty, at most OPENING_LINES, each without the space around it.

    >>> opening_of("\n  First light \n\nSecond\nThird\nFourth\nFifth")
    'First light\nSecond\nThird\nFourth'
    """
    lines = (line.strip()[:LONGEST_LINE] for line in text.splitlines())
    return "\n".join(islice((line for line in lines if line), OPENING_LINES))
