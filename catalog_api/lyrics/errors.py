"""What may be wrong with lyrics that someone asks for or brings."""

from foundation.errors import Problem
from foundation.ids import SongId


class LyricsNotFound(Problem):
    """The catalog has no words of this song, or none in this language."""

    status, title = 404, "There are no such lyrics"

    def __init__(self, song_id: SongId, language: str | None = None) -> None:
        where = "" if language is None else f" in the language {language}"
        facts = {} if language is None else {"language": language}
        super().__init__(f"the catalog has no lyrics of the song {song_id}{where}", song_id=song_id, **facts)


class LyricsTooLong(Problem):
    """With every line as often as it is sung, they are longer than any song's."""

    status, title = 422, "These lyrics are too long"


class NoWords(Problem):
    """There are times or tags in it, and nothing that is sung."""

    status, title = 422, "These lyrics have no words"
