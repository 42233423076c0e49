"""What may be wrong with a playlist, or with what someone wants to do to it."""

from collections.abc import Iterable

from foundation.errors import Problem

MOST_SONGS = 10_000
MOST_MEMBERS = 100


class PlaylistNotFound(Problem):
    """There is no playlist of this id, or it is not for the one who asks: which of the two is not told."""

    status, title = 404, "There is no such playlist"

    def __init__(self, playlist_id: int) -> None:
        super().__init__(f"there is no playlist {playlist_id} that you may see", playlist_id=playlist_id)


class PlaylistChanged(Problem):
    """If-Match names a version that is not the newest one: read it again, and decide anew."""

    status, title = 409, "Somebody has changed this playlist since"

    def __init__(self, playlist_id: int, version: int) -> None:
        super().__init__(
            f"playlist {playlist_id} is at version {version} by now", playlist_id=playlist_id, version=version
        )


class PlaylistFull(Problem):
    """No more songs fit on it."""

    status, title = 409, "This playlist is full"

    def __init__(self, playlist_id: int) -> None:
        detail = f"a playlist holds at most {MOST_SONGS:,} songs"
        super().__init__(detail, playlist_id=playlist_id, limit=MOST_SONGS)


class SongsNotFound(Problem):
    """The catalog has none of these songs."""

    status, title = 404, "There are no such songs"

    def __init__(self, song_ids: Iterable[int]) -> None:
        missing = sorted(song_ids)
        told = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
        super().__init__(f"the catalog has no song {told}", song_ids=missing[:100])


class SongNotInPlaylist(Problem):
    """The playlist does not hold this song, or no longer."""

    status, title = 404, "This song is not on the playlist"

    def __init__(self, playlist_id: int, song_id: int) -> None:
        detail = f"song {song_id} is not on playlist {playlist_id}"
        super().__init__(detail, playlist_id=playlist_id, song_id=song_id)


class MoveIntoItself(Problem):
    """A song cannot stand before or behind itself."""

    status, title = 409, "A song cannot be moved beside itself"


class MemberNotFound(Problem):
    """This person is neither a member nor invited."""

    status, title = 404, "There is no such member"

    def __init__(self, playlist_id: int, user_id: int) -> None:
        detail = f"playlist {playlist_id} has no member {user_id}"
        super().__init__(detail, playlist_id=playlist_id, user_id=user_id)


class AlreadyMember(Problem):
    """This person is the owner, or has accepted before."""

    status, title = 409, "This listener is a member already"


class TooManyMembers(Problem):
    """No more people fit on it."""

    status, title = 409, "This playlist has as many members as it can have"

    def __init__(self, playlist_id: int) -> None:
        detail = f"a playlist has at most {MOST_MEMBERS} members beside its owner"
        super().__init__(detail, playlist_id=playlist_id, limit=MOST_MEMBERS)


class InvitationRefused(Problem):
    """One of the two has blocked the other."""

    status, title = 403, "You cannot invite this listener"


class LinkNotFound(Problem):
    """There is no such link, or it holds no longer."""

    status, title = 404, "This link does not hold"


class TooManyLinks(Problem):
    """Links that hold must be few enough to be looked through."""

    status, title = 409, "This playlist has as many links as it can have"
