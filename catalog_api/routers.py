"""Every router of the catalog's API, for whoever puts them behind a port."""

from catalog_api.account_data.router import router as account_data
from catalog_api.accounts.router import router as accounts
from catalog_api.albums.router import hot as hot_albums
from catalog_api.albums.router import router as albums
from catalog_api.artists.router import hot as hot_artists
from catalog_api.artists.router import router as artists
from catalog_api.auth.router import router as auth
from catalog_api.genres.router import router as genres
from catalog_api.history.router import router as history
from catalog_api.history_imports.router import router as history_imports
from catalog_api.lyrics.router import router as lyrics
from catalog_api.playback.router import hot as hot_playback
from catalog_api.playback.router import router as playback
from catalog_api.playlists.router import hot as hot_playlists
from catalog_api.playlists.router import router as playlists
from catalog_api.social.router import router as social
from catalog_api.songs.router import hot as hot_songs
from catalog_api.songs.router import router as songs
from catalog_api.subscriptions.router import router as subscriptions

ROUTERS = (
    auth,
    accounts,
    subscriptions,
    account_data,
    songs,
    artists,
    albums,
    genres,
    lyrics,
    playlists,
    social,
    history,
    history_imports,
    playback,
)
HOT = (hot_songs, hot_artists, hot_albums, hot_playlists, hot_playback)
