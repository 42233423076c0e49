"""Who may ask for what: one line for each endpoint. An endpoint that is not here fails the matrix."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.authorisation.world import ASKING, BROKEN, NOBODY, ROLES

EVERYBODY = frozenset(ASKING) - {BROKEN}
SIGNED_IN = frozenset(ROLES)
READERS = frozenset({"owner", "editor", "viewer"})


@dataclass(frozen=True)
class May:
    """Those who may, and what the others are told: `refused`, but for those named in `told`."""

    who: frozenset[str]
    refused: int
    told: Mapping[str, int]
    passes: frozenset[int]  # what may be answered to who may, besides what the document calls a success

    def status_for(self, name: str, *, reads_token: bool, needs_token: bool) -> int | None:
        """The refusal that is due to this person; None for who may."""
        if name == BROKEN:
            if reads_token:
                return 401
            name = NOBODY
        if name == NOBODY and needs_token:
            return 401
        if name in self.told:
            return self.told[name]
        return None if name in self.who else self.refused


def may(who: frozenset[str] | str, otherwise: int = 403, *, passes: tuple[int, ...] = (), **told: int) -> May:
    """`who` as a set, or as words."""
    named = frozenset(who.split()) if isinstance(who, str) else who
    assert named <= frozenset(ASKING), named
    return May(named, otherwise, told, frozenset(passes))


everybody = may(EVERYBODY)
signed_in = may(SIGNED_IN)
admins = may("admin")
analysts = may("analyst admin")
artists = may("owner artist admin")
her_music = may("owner admin")
her_own = may("owner", 404)
readers = may(READERS, 404)
editors = may("owner editor", 404, viewer=403)
owner_alone = may("owner", 404, editor=403, viewer=403)
listeners_of_a_model = may(SIGNED_IN, passes=(404, 503))  # what serving has heard of, which lags the catalog
whom_she_does_not_block = may(SIGNED_IN - {"blocked"}, 404)

TABLE: Mapping[str, May] = {
    "POST /auth/register": everybody,
    "POST /auth/login": everybody,
    "POST /auth/refresh": everybody,
    "POST /auth/logout": signed_in,
    "POST /auth/password": signed_in,
    "GET /auth/sessions": signed_in,
    "DELETE /auth/sessions/{session_id}": her_own,
    "GET /me": signed_in,
    "PATCH /me": signed_in,
    "DELETE /me": signed_in,
    "GET /me/export": signed_in,
    "GET /me/preferences": signed_in,
    "PATCH /me/preferences": signed_in,
    "GET /me/history": signed_in,
    "DELETE /me/history/{play_id}": her_own,
    "GET /me/history/export": signed_in,
    "POST /me/history/import": signed_in,
    "GET /me/history/imports": signed_in,
    "GET /me/history/imports/{import_id}": her_own,
    "DELETE /me/history/imports/{import_id}": her_own,
    "GET /deletions/{deletion_id}": everybody,
    "GET /users": admins,
    "GET /users/{user_id}": everybody,
    "PUT /users/{user_id}/roles": admins,
    "GET /subscription-plans": everybody,
    "GET /me/subscription": signed_in,
    "POST /me/subscription": signed_in,
    "DELETE /me/subscription": may(SIGNED_IN, passes=(404,)),
    "GET /songs": everybody,
    "POST /songs": her_music,
    "GET /songs/{song_id}": everybody,
    "PATCH /songs/{song_id}": her_music,
    "DELETE /songs/{song_id}": her_music,
    "POST /songs/{song_id}/play": signed_in,
    "POST /songs/{song_id}/heartbeat": signed_in,
    "POST /plays": signed_in,
    "GET /songs/trending": everybody,
    "GET /artists/trending": everybody,
    "GET /albums/trending": everybody,
    "GET /playlists/trending": everybody,
    "GET /searches/trending": everybody,
    "GET /songs/{song_id}/similar": may(EVERYBODY, passes=(404, 503)),
    "GET /recommendations": may("owner analyst admin", passes=(404, 503)),
    "GET /artists/{artist_id}/similar": may(EVERYBODY, passes=(404, 503)),
    "GET /home": listeners_of_a_model,
    "GET /radio": listeners_of_a_model,
    "GET /next": listeners_of_a_model,
    "GET /recommendations/mixes": listeners_of_a_model,
    "POST /recommendations/feedback": listeners_of_a_model,
    "GET /recommendations/feedback": listeners_of_a_model,
    "DELETE /recommendations/feedback/{kind}/{about}": listeners_of_a_model,
    "GET /recommendations/taste": listeners_of_a_model,
    "DELETE /recommendations/taste": listeners_of_a_model,
    "DELETE /recommendations/taste/songs/{song_id}": listeners_of_a_model,
    "POST /recommendations/preview": listeners_of_a_model,
    "GET /me/statistics": signed_in,
    "GET /artists/{artist_id}/statistics": may("owner analyst admin", passes=(404,)),
    "GET /analytics/activity": analysts,
    "GET /analytics/retention": analysts,
    "GET /analytics/recommendations": analysts,
    "GET /songs/{song_id}/lyrics": everybody,
    "PUT /songs/{song_id}/lyrics/{language}": her_music,
    "DELETE /songs/{song_id}/lyrics/{language}": her_music,
    "GET /external-ids/{source}/{external_id}": everybody,
    "GET /artists": everybody,
    "POST /artists": artists,
    "GET /me/artists": artists,
    "GET /artists/{artist_id}": everybody,
    "PATCH /artists/{artist_id}": her_music,
    "DELETE /artists/{artist_id}": her_music,
    "GET /artists/{artist_id}/songs": everybody,
    "GET /artists/{artist_id}/albums": everybody,
    "PUT /artists/{artist_id}/owner": admins,
    "GET /albums": everybody,
    "POST /albums": her_music,
    "GET /albums/{album_id}": everybody,
    "PATCH /albums/{album_id}": her_music,
    "DELETE /albums/{album_id}": her_music,
    "PUT /albums/{album_id}/cover": her_music,
    "DELETE /albums/{album_id}/cover": her_music,
    "GET /covers/{key}/{size}.jpg": everybody,
    "GET /genres": everybody,
    "POST /genres": admins,
    "DELETE /genres/{name}": admins,
    "GET /me/playlists": signed_in,
    "GET /me/invitations": signed_in,
    "GET /users/{user_id}/playlists": everybody,
    "POST /playlists": signed_in,
    "POST /playlists/import": signed_in,
    "GET /playlists/{playlist_id}": readers,
    "PUT /playlists/{playlist_id}": owner_alone,
    "PATCH /playlists/{playlist_id}": owner_alone,
    "DELETE /playlists/{playlist_id}": owner_alone,
    "POST /playlists/{playlist_id}/copy": readers,
    "GET /playlists/{playlist_id}/jspf": readers,
    "GET /playlists/{playlist_id}/songs": readers,
    "POST /playlists/{playlist_id}/songs": editors,
    "DELETE /playlists/{playlist_id}/songs/{song_id}": editors,
    "POST /playlists/{playlist_id}/songs/{song_id}/move": editors,
    "GET /playlists/{playlist_id}/members": readers,
    "POST /playlists/{playlist_id}/members": owner_alone,
    "POST /playlists/{playlist_id}/members/accept": may("editor viewer invited", 404),
    "PATCH /playlists/{playlist_id}/members/{user_id}": owner_alone,
    "DELETE /playlists/{playlist_id}/members/{user_id}": may("owner viewer", 404, editor=403),
    "GET /playlists/{playlist_id}/links": owner_alone,
    "POST /playlists/{playlist_id}/links": owner_alone,
    "DELETE /playlists/{playlist_id}/links/{link_id}": owner_alone,
    "GET /shared/{token}": everybody,
    "GET /shared/{token}/songs": everybody,
    "GET /me/following/listeners": signed_in,
    "GET /me/following/artists": signed_in,
    "PUT /me/following/listeners/{user_id}": may(SIGNED_IN, owner=409, blocked=404),
    "DELETE /me/following/listeners/{user_id}": signed_in,
    "PUT /me/following/artists/{artist_id}": signed_in,
    "DELETE /me/following/artists/{artist_id}": signed_in,
    "GET /users/{user_id}/followers": whom_she_does_not_block,
    "GET /users/{user_id}/following": whom_she_does_not_block,
    "GET /users/{user_id}/activities": whom_she_does_not_block,
    "GET /me/loves/songs": signed_in,
    "GET /me/loves/artists": signed_in,
    "GET /me/hides/songs": signed_in,
    "GET /me/hides/artists": signed_in,
    "PUT /me/loves/songs/{song_id}": signed_in,
    "PUT /me/loves/artists/{artist_id}": signed_in,
    "PUT /me/hides/songs/{song_id}": signed_in,
    "PUT /me/hides/artists/{artist_id}": signed_in,
    "DELETE /me/loves/songs/{song_id}": signed_in,
    "DELETE /me/loves/artists/{artist_id}": signed_in,
    "DELETE /me/hides/songs/{song_id}": signed_in,
    "DELETE /me/hides/artists/{artist_id}": signed_in,
    "GET /me/shares": signed_in,
    "POST /me/shares": may("editor viewer", 403),
    "GET /me/inbox": signed_in,
    "POST /me/inbox/{share_id}/seen": her_own,
    "GET /me/blocks": signed_in,
    "PUT /me/blocks/{user_id}": may(SIGNED_IN, owner=409),
    "DELETE /me/blocks/{user_id}": signed_in,
    "GET /me/feed": signed_in,
}

OF_A_PUBLIC_PLAYLIST: Mapping[str, May] = {
    "GET /playlists/{playlist_id}": everybody,
    "POST /playlists/{playlist_id}/copy": signed_in,
    "GET /playlists/{playlist_id}/jspf": everybody,
    "GET /playlists/{playlist_id}/songs": everybody,
    "PUT /playlists/{playlist_id}": may("owner"),
    "PATCH /playlists/{playlist_id}": may("owner"),
    "DELETE /playlists/{playlist_id}": may("owner"),
    "POST /playlists/{playlist_id}/songs": may("owner editor"),
    "DELETE /playlists/{playlist_id}/songs/{song_id}": may("owner editor"),
    "POST /playlists/{playlist_id}/songs/{song_id}/move": may("owner editor"),
    "GET /playlists/{playlist_id}/members": may(READERS),
    "POST /playlists/{playlist_id}/members": may("owner"),
    "POST /playlists/{playlist_id}/members/accept": may("editor viewer invited", 404),
    "PATCH /playlists/{playlist_id}/members/{user_id}": may("owner"),
    "DELETE /playlists/{playlist_id}/members/{user_id}": may("owner viewer"),
    "GET /playlists/{playlist_id}/links": may("owner"),
    "POST /playlists/{playlist_id}/links": may("owner"),
    "DELETE /playlists/{playlist_id}/links/{link_id}": may("owner"),
}
"""The same where the playlist is public: it is no secret any more, and no less hers."""
