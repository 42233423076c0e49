"""Numbers that order songs, with gaps between them, so that a move changes one row and no other."""

GAP = 1 << 32  # thirty-two songs may each be put before the one before, until all are numbered anew
FURTHEST = 1 << 62  # from zero, of what a bigint holds


def between(left: int | None, right: int | None, count: int) -> list[int] | None:
    """`count` places in ascending order between two neighbours; None is no neighbour. None where they do not fit.

    >>> between(None, None, 2) == [0, GAP], between(10, None, 1) == [10 + GAP], between(None, 10, 1) == [10 - GAP]
    (True, True, True)
    >>> between(0, 4, 3), between(0, 4, 4), between(0, 100, 1), between(FURTHEST, None, 1)
    ([1, 2, 3], None, [50], None)
    """
    if left is not None and right is not None:
        if right - left <= count:
            return None
        return [left + (right - left) * number // (count + 1) for number in range(1, count + 1)]
    if left is not None:
        first = left + GAP
    else:
        first = 0 if right is None else right - count * GAP
    places = [first + GAP * number for number in range(count)]
    return places if places[0] >= -FURTHEST and places[-1] <= FURTHEST else None
