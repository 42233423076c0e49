"""What is given before anybody lives in the world: kinds of music, and countries with their clocks."""

from typing import NamedTuple


class Genre(NamedTuple):
    """A kind of music; hours and days are when it is sought most."""

    name: str
    weight: float
    minutes: float
    hour: int
    yearday: int


GENRES = (
    Genre("pop", 1.6, 3.4, 17, 170),
    Genre("rock", 1.3, 3.9, 18, 200),
    Genre("hip-hop", 1.3, 3.2, 20, 190),
    Genre("electronic", 1.0, 4.6, 23, 210),
    Genre("indie", 0.9, 3.7, 16, 290),
    Genre("r&b", 0.8, 3.6, 22, 40),
    Genre("latin", 0.8, 3.4, 19, 190),
    Genre("metal", 0.6, 4.8, 15, 320),
    Genre("jazz", 0.5, 5.4, 21, 330),
    Genre("folk", 0.5, 3.8, 9, 300),
    Genre("classical", 0.5, 6.5, 8, 350),
    Genre("ambient", 0.4, 5.8, 1, 10),
)


class Country(NamedTuple):
    """Where people live; `clock` is hours ahead of UTC."""

    code: str
    weight: float
    clock: int


COUNTRIES = (
    Country("US", 2.4, -6),
    Country("BR", 1.4, -3),
    Country("DE", 1.1, 1),
    Country("IN", 1.1, 5),
    Country("GB", 1.0, 0),
    Country("MX", 0.9, -6),
    Country("FR", 0.8, 1),
    Country("JP", 0.8, 9),
    Country("ES", 0.6, 1),
    Country("SE", 0.4, 1),
    Country("NG", 0.4, 1),
    Country("AU", 0.4, 10),
)
