"""Words for the songs of a made-up world: each kind of music sings of its own things, and no line is anybody's."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from foundation.contracts.history import LYRICS
from pipelines.world.names import TWISTS

LANGUAGE = "en"
VERSES, LINES = 2, 4
SUNG = 0.4  # share of the songs that have words, where a kind of music is sung at all


class Words(NamedTuple):
    """What a kind of music sings of: a line is someone, what they do, and where."""

    sung: float  # how much more or less than others it has words
    someone: tuple[str, ...]
    does: tuple[str, ...]
    where: tuple[str, ...]


def _words(sung: float, someone: str, does: str, where: str) -> Words:
    first, second, third = (tuple(part.split(" / ")) for part in (someone, does, where))
    return Words(sung, first, second, third)


WORDS = {
    "pop": _words(
        1.2,
        "my heart / everybody / the night / a stranger / the radio / your smile",
        "won't stop dancing / keeps calling your name / comes alive / wants one more kiss / shines so bright / sings along",
        "under the city lights / on a summer night / like a first date / until the morning / all over again / on the phone",
    ),
    "rock": _words(
        1.1,
        "the drummer / the engine / a broken guitar / the highway / my old man / a rebel",
        "burns it down / screams out loud / won't come home / rolls on / breaks the chains / drives too fast",
        "on an empty road / past the factory gates / in the pouring rain / on a Saturday night / out of this town / in the back row",
    ),
    "hip-hop": _words(
        1.3,
        "my brother / the block / my crew / the whole city / mama / a young king",
        "stays on the grind / holds the ground / counts every dollar / moves in silence / spits the truth / made it out",
        "from the corner to the stage / on the late train / with the bass up high / since day one / in the mirror / on that beat",
    ),
    "electronic": _words(
        0.5,
        "the signal / my body / a machine / the strobe / this frequency / the night",
        "pulses / goes on and on / takes control / repeats / feels electric / lifts us higher",
        "through the warehouse / in the dark / in slow motion / on the dance floor / at four in the morning / inside the wire",
    ),
    "indie": _words(
        1.0,
        "some stranger / your roommate / the cassette / my bicycle / September / a polaroid",
        "still thinks about it / forgets the words / fades a little / writes a letter / misses the last bus / pretends to read",
        "in your kitchen / at the bookshop / by the fire escape / in a borrowed sweater / after college / over cold coffee",
    ),
    "r&b": _words(
        1.2,
        "my baby / your touch / my body / my lover / that slow song / the night",
        "feels so right / takes its time / wants you closer / melts like sugar / stays until dawn / knows the way",
        "between the sheets / by candlelight / all night long / on your skin / when the lights go low / in velvet",
    ),
    "latin": _words(
        1.1,
        "mi corazón / the drum / una morena / la luna / my cousin / the whole barrio",
        "dances with me / calls me home / moves those hips / sings of Havana / won't let go / shakes the ground",
        "en la playa / under the palm trees / por la noche / at the carnival / with rum and lime / hasta mañana",
    ),
    "metal": _words(
        1.0,
        "the legion / a raven / the iron king / my wrath / the abyss / a cursed blade",
        "rises from the ashes / devours the light / marches to war / swears vengeance / bleeds / tears the heavens down",
        "beneath the black sun / upon the frozen throne / through hellfire / in the crypt / at the end of days / on blood-red fields",
    ),
    "jazz": _words(
        0.4,
        "the saxophone / my darling / a smoky tune / Monsieur / the bartender / the blue moon",
        "swings easy / lingers on / whispers a melody / pours another / strolls / plays it again",
        "on 52nd Street / at half past two / by the piano / down in the basement bar / in three-four time / along the Seine",
    ),
    "folk": _words(
        1.1,
        "the shepherd / my grandmother / an old oak / the river / a sailor's wife / the miller's girl",
        "waits for the tide / remembers the harvest / mends the nets / carries water / tells a tale / walks the long mile",
        "over the green hills / by the hearth / in the valley below / at the market / along the shore / when the barley's high",
    ),
    "classical": _words(
        0.15,
        "the soul / a nightingale / eternal spring / the shepherdess / the evening star / sorrow",
        "ascends / weeps softly / praises the dawn / sleeps / beholds the heavens / answers the choir",
        "among the cypresses / in the cathedral / upon the lake / in silent prayer / beyond the clouds / at vespers",
    ),
    "ambient": _words(
        0.15,
        "the mist / breath / distant rain / a glacier / the horizon / sleep",
        "drifts / dissolves / is still / opens slowly / hums / turns to air",
        "over water / without end / in the half light / above the ice / inside the quiet / far below",
    ),
}


def make_lyrics(rng: np.random.Generator, songs: pl.DataFrame) -> pl.DataFrame:
    """The words of those songs that have any, as `History.lyrics`: two verses, the second line names the song."""
    genres = songs["genre"].to_list()
    chances = np.array([SUNG * WORDS[genre].sung for genre in genres])
    sung = np.flatnonzero(rng.random(len(genres)) < chances)
    drawn = rng.random((len(sung), VERSES * LINES, 3))
    titles = songs["title"].gather(sung).to_list()
    texts = [
        _text(WORDS[genres[song]], title, lines)
        for song, title, lines in zip(sung.tolist(), titles, drawn, strict=True)
    ]
    ids = songs["external_id"].gather(sung)
    return pl.DataFrame({"song_external_id": ids, "language": LANGUAGE, "text": texts}, schema=LYRICS)


def _text(words: Words, title: str, drawn: npt.NDArray[np.float64]) -> str:
    lines = []
    for someone, does, where in drawn.tolist():
        picked = (_at(words.someone, someone), _at(words.does, does), _at(words.where, where))
        line = " ".join(picked)
        lines.append(line[0].upper() + line[1:])
    for twist in filter(None, TWISTS):
        title = title.removesuffix(twist)
    lines[1] = title
    verses = ("\n".join(lines[start : start + LINES]) for start in range(0, len(lines), LINES))
    return "\n\n".join(verses)


def _at(words: tuple[str, ...], drawn: float) -> str:
    """The word at a place between 0 and 1."""
    return words[int(drawn * len(words))]
