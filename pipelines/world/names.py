"""Names for artists, albums and songs, put together from word lists, so that none is anybody's."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Maker = Callable[[np.random.Generator, int], Texts]


def _listed(words: str) -> list[str]:
    return words.split()


FIRST = _listed("""
    Ada Alba Anouk Ayo Bela Bruna Caio Ciro Dara Dilan Edda Elio Emre Enzo Fia Freja Gael Hana Hugo Ida
    Ilse Inka Isla Ivo Jaro Juno Kaia Kenji Kofi Lael Leni Lior Luz Mads Maite Malik Mara Milo Mina Naoki
    Nela Nico Noor Odile Oona Orla Pilar Quim Rafa Rhea Runa Saba Selma Siv Sunniva Tariq Thea Tove Uma
    Vera Wren Yael Zeno Zora
""")
SUR_HEAD = _listed("""
    Al Bar Bel Bran Cal Cor Dal Dor El Fal Fen Gal Hal Hol Is Jor Kal Kes Lan Lor Mal Mar Mer Nor Or Pel
    Quin Ral Ros Sal Sel Tal Tor Ul Val Ver Wes Wil Yar Zel
""")
SUR_TAIL = _listed("""
    berg brook by dane dell don dottir estra field grove hart ino is itz lund mar mere mont nova oak ona
    ovic quist rell rian ridge sen shaw stad stone strom thorne vale vane wick win wyn ya zen
""")
ADJECTIVES = _listed("""
    Amber Ashen Autumn Borrowed Brass Bright Broken Calm Cedar Cobalt Copper Coral Crooked Distant Dusty
    Early Electric Emerald Endless Faded Feral Foreign Frozen Gentle Gilded Golden Grey Hidden Hollow
    Humble Idle Indigo Ivory Jade Late Little Lonesome Lost Lucid Lunar Marble Midnight Mild Misty Narrow
    Neon Nocturnal Northern Opal Pale Paper Patient Plastic Polar Quiet Restless Rusty Salt Scarlet Secret
    Silver Sleepless Slow Solar Southern Static Still Stolen Sudden Sunday Tender Tidal Timber Velour
    Violet Wandering Warm Weightless Western Wild Winter Wooden Young
""")
NOUNS = _listed("""
    Anchor Antler Arcade Atlas Avenue Badger Balcony Basin Bicycle Bridge Candle Canyon Carousel Cellar
    Cinder Comet Compass Corner Crane Current Delta Desert Dial Dune Echo Ember Engine Falcon Feather Fern
    Ferry Field Fjord Fountain Fox Garden Garage Glacier Glass Harbour Heron Hill Horizon Island Junction
    Kettle Kite Ladder Lagoon Lamp Lantern Library Lighthouse Lily Lynx Machine Magpie Map Marsh Meadow
    Meridian Mirror Monsoon Moth Motel Mountain Needle Ocean Orchard Otter Parade Pavement Pepper Pier
    Pilot Pine Planet Pocket Prairie Quarry Radio Railway Raven Reef River Rooftop Saddle Sail Satellite
    Shadow Signal Skyline Sparrow Spiral Station Steeple Summit Swallow Telegram Terrace Theatre Thunder
    Tiger Tower Tram Tunnel Umbrella Valley Veranda Village Viola Volcano Wagon Walnut Water Weather
    Whistle Window Wolf Yard Zephyr
""")
ENSEMBLES = _listed("""
    Assembly Band Choir Circle Club Collective Company Duo Ensemble Exchange Family Orchestra Parade
    Project Quartet Society Trio Union Unit
""")
TO_SOMEBODY = _listed("""
    Answer Believe Borrow Bury Call Carry Catch Chase Count Cover Feed Find Follow Forget Gather Hold Keep
    Leave Lend Lose Mend Miss Move Paint Pull Read Remember Steal Trust Turn Wake Watch Wear
""")
SOMEBODY = ["Me", "Me", "Me", "You", "You", "Us", "It", "Them"]
BY_ONESELF = _listed("""
    Cross Dance Draw Dream Drift Fall Float Fly Hum Listen Ride Rise Run Sail Sing Sleep Slip Spin Stay
    Swim Wait Walk Whisper Write
""")
WHERE = _listed("""
    Across After Along Around Before Behind Below Beneath Beside Between Beyond Inside Near Outside Over
    Past Through Toward Under Without
""")
WHEN = [
    "Again Alone Anyway At Dawn",
    "At Night",
    "By Heart",
    "For Now",
    "In August",
    "In Colour",
    "In Reverse",
    "Instead",
    "On Sunday",
    "Once More",
    "Out Loud",
    "Slowly",
    "Till Morning",
    "Together",
    "Tomorrow",
    "Tonight",
    "Twice",
]
TWISTS = ["", "", "", "", "", "", "", " II", " (Live)", " (Interlude)", " (Reprise)", " (Demo)"]


def artists(rng: np.random.Generator, count: int) -> Texts:
    """As many artists' names, none twice: a name that comes again gets a number, as a namesake does."""
    makers: list[tuple[float, Maker]] = [
        (0.42, _person),
        (0.2, _band),
        (0.16, _group),
        (0.12, _pair),
        (0.1, _project),
    ]
    return numbered(_mixed(rng, count, makers))


def albums(rng: np.random.Generator, count: int) -> Texts:
    """As many titles of albums; two artists may have the same thought."""
    makers: list[tuple[float, Maker]] = [(0.35, _thing), (0.25, _place), (0.25, _things), (0.15, _plan)]
    return _mixed(rng, count, makers)


def songs(rng: np.random.Generator, count: int) -> Texts:
    """As many titles of songs; titles do come again, as they do everywhere."""
    makers: list[tuple[float, Maker]] = [
        (0.3, _thing),
        (0.2, _plea),
        (0.15, _plan),
        (0.2, _place),
        (0.15, _things),
    ]
    return _joined(_mixed(rng, count, makers), _words(rng, TWISTS, count))


def numbered(names: Texts) -> Texts:
    """The same names, where the second of a name is `NAME 2`, the third `NAME 3`.

    >>> numbered(np.array(["Ida Norvale", "The Pale Foxes", "Ida Norvale"], dtype=object)).tolist()
    ['Ida Norvale', 'The Pale Foxes', 'Ida Norvale 2']
    """
    texts = names.astype(str)
    order = np.argsort(texts, kind="stable")
    alike = np.concatenate([[False], texts[order][1:] == texts[order][:-1]])
    run_starts = np.maximum.accumulate(np.where(alike, 0, np.arange(len(texts))))
    number = np.empty(len(texts), dtype=np.int64)
    number[order] = np.arange(len(texts)) - run_starts + 1
    again = number > 1
    unique = names.copy()
    unique[again] = _joined(names[again], " ", number[again].astype(str).astype(object))
    return unique


def _mixed(rng: np.random.Generator, count: int, makers: list[tuple[float, Maker]]) -> Texts:
    kinds = rng.choice(len(makers), size=count, p=[share for share, _ in makers])
    names = np.empty(count, dtype=object)
    for kind, (_, make) in enumerate(makers):
        chosen = np.flatnonzero(kinds == kind)
        names[chosen] = make(rng, len(chosen))
    return names


def _words(rng: np.random.Generator, words: list[str], count: int) -> Texts:
    drawn: Texts = np.array(words, dtype=object)[rng.integers(len(words), size=count)]
    return drawn


def _joined(*parts: Texts | str) -> Texts:
    whole: Texts = np.array("", dtype=object)
    for part in parts:
        whole = whole + part
    return whole


def _surname(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_words(rng, SUR_HEAD, count), _words(rng, SUR_TAIL, count))


def _person(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_words(rng, FIRST, count), " ", _surname(rng, count))


def _band(rng: np.random.Generator, count: int) -> Texts:
    thing, ensemble = _thing(rng, count), _words(rng, ENSEMBLES, count)
    return _joined("The ", thing, " ", ensemble)


def _group(rng: np.random.Generator, count: int) -> Texts:
    where = _words(rng, WHERE, count)
    return _joined(_words(rng, NOUNS, count), " ", where, " ", _words(rng, NOUNS, count))


def _pair(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_surname(rng, count), " & ", _surname(rng, count))


def _project(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_surname(rng, count), " ", _words(rng, ENSEMBLES, count))


def _thing(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_words(rng, ADJECTIVES, count), " ", _words(rng, NOUNS, count))


def _things(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_words(rng, NOUNS, count), " and ", _words(rng, NOUNS, count))


def _place(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_words(rng, WHERE, count), " the ", _words(rng, NOUNS, count))


def _plea(rng: np.random.Generator, count: int) -> Texts:
    what, whom = _words(rng, TO_SOMEBODY, count), _words(rng, SOMEBODY, count)
    return _joined(what, " ", whom, " ", _words(rng, WHEN, count))


def _plan(rng: np.random.Generator, count: int) -> Texts:
    return _joined(_words(rng, BY_ONESELF, count), " ", _words(rng, WHEN, count))
