import pytest

from catalog_api.playlists.service import Playlists
from catalog_api.songs.keys import PLAYLIST
from foundation.contracts.events import PlaylistChanged
from tests.catalog_api.api import Api
from tests.catalog_api.playlists.world import ANN, BOB, EVE, made, order_of, settle, together
from tests.catalog_api.queries import counted

pytestmark = pytest.mark.anyio


async def test_a_playlist_is_made_with_its_songs_in_order(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)

    answer = await ann.post(
        "/playlists", json={"name": " Long drive ", "description": "For two.", "song_ids": [3, 1, 3]}
    )
    read = await ann.get(answer.headers["location"].removeprefix("/api/v1"))

    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert read.json() == answer.json()
    told = read.json()
    assert (told["name"], told["description"], told["is_public"]) == ("Long drive", "For two.", False)
    assert told["owner"] == {"user_id": ANN, "display_name": "ann"}
    assert (told["readers"], told["is_collaborative"], told["version"]) == ([ANN], False, 1)
    assert (told["song_count"], told["duration"]) == (2, 20)
    assert [(song["position"], song["song_id"], song["title"]) for song in told["songs"]] == [
        (0, 3, "Song 3"),
        (1, 1, "Song 1"),
    ]


async def test_charts_are_told_which_playlists_everyone_may_see(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    private, public = await made(ann), await made(ann, is_public=True, name="Loud")

    await ann.patch(f"/playlists/{public}", json={"name": "Louder"})
    await ann.patch(f"/playlists/{private}", json={"is_public": True})
    await ann.put(f"/playlists/{private}", json={"name": "Hidden"})
    async with api.app.state.postgres.reading() as db:
        shown = await Playlists(db).public_among([private, public, 999])
    await ann.delete(f"/playlists/{public}")

    told = [event for event in api.outbox() if isinstance(event, PlaylistChanged)]
    assert [(event.playlist_id, event.is_public) for event in told] == [
        (public, True),
        (private, True),
        (private, False),
        (public, False),
    ]
    assert [event.version for event in told] == sorted({event.version for event in told})
    assert shown == [(public, "Louder", ANN, "ann")]


async def test_a_private_playlist_is_not_found_by_others_and_by_no_administrator(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    strangers = [api.as_(BOB), api.as_(BOB, roles=["user", "admin"]), api.as_()]
    await api.as_(ANN).get(f"/playlists/{playlist}")

    paths = [f"/playlists/{playlist}{rest}" for rest in ("", "/songs", "/jspf")]
    answers = [await stranger.get(path) for stranger in strangers for path in paths]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["code"] for answer in answers} == {"playlist-not-found"}


async def test_what_a_stranger_may_see_and_not_change_is_refused_as_that(api: Api) -> None:
    settle(api)
    public = await made(api.as_(ANN), is_public=True, song_ids=[1, 2])
    private = await made(api.as_(ANN), song_ids=[1, 2])

    async def tried(playlist: int) -> set[int]:
        admin, path = api.as_(EVE, roles=["user", "admin"]), f"/playlists/{playlist}"
        return {
            (await admin.put(path, json={"name": "x"})).status_code,
            (await admin.patch(path, json={"name": "x"})).status_code,
            (await admin.delete(path)).status_code,
            (await admin.post(f"{path}/songs", json={"song_id": 3})).status_code,
            (await admin.delete(f"{path}/songs/1")).status_code,
            (await admin.post(f"{path}/songs/1/move", json={"to": 1})).status_code,
            (await admin.get(f"{path}/members")).status_code,
            (await admin.post(f"{path}/members", json={"user_id": EVE})).status_code,
            (await admin.patch(f"{path}/members/2", json={"role": "viewer"})).status_code,
            (await admin.delete(f"{path}/members/2")).status_code,
            (await admin.get(f"{path}/links")).status_code,
            (await admin.post(f"{path}/links", json={})).status_code,
            (await admin.delete(f"{path}/links/0195506e-0a00-7c3c-8f6e-2f8f4a1de111")).status_code,
        }

    assert await tried(public) == {403}
    assert await tried(private) == {404}
    assert await order_of(api.as_(ANN), private) == [1, 2]


async def test_a_hit_asks_postgres_nothing_and_a_miss_once(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    private, public = await made(ann, song_ids=[1]), await made(ann, song_ids=[1], is_public=True)
    await together(api, private, BOB, "viewer")

    with counted(api) as missed:
        first = [await ann.get(f"/playlists/{private}"), await api.as_().get(f"/playlists/{public}")]
    with counted(api) as hit:
        again = [
            await api.as_(BOB).get(f"/playlists/{private}"),
            await api.as_(EVE).get(f"/playlists/{public}"),
        ]
        refused = await api.as_(EVE).get(f"/playlists/{private}")

    assert missed.count == 2  # one for each of the two
    assert hit.count == 0
    assert [answer.content for answer in again] == [answer.content for answer in first]
    assert refused.status_code == 404


async def test_what_the_client_holds_is_not_sent_again_but_only_to_who_may_read(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1])
    tag = (await ann.get(f"/playlists/{playlist}")).headers["etag"]

    same = await ann.get(f"/playlists/{playlist}", headers={"If-None-Match": tag})
    stranger = await api.as_(BOB).get(f"/playlists/{playlist}", headers={"If-None-Match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert stranger.status_code == 404


async def test_each_write_is_seen_at_once_by_who_reads_from_memory(api: Api) -> None:
    settle(api)
    ann, eve = api.as_(ANN), api.as_(EVE)
    playlist = await made(ann, is_public=True, song_ids=[1, 2])
    path = f"/playlists/{playlist}"
    await eve.get(path)

    await ann.post(f"{path}/songs", json={"song_id": 3, "position": 0})
    added = await order_of(eve, playlist)
    await ann.patch(path, json={"name": "Night drive"})
    renamed = (await eve.get(path)).json()["name"]
    await ann.patch(path, json={"is_public": False})
    hidden = (await eve.get(path)).status_code
    await together(api, playlist, EVE)
    member = (await eve.get(path)).status_code
    await ann.delete(f"{path}/members/{EVE}")
    gone = (await eve.get(path)).status_code
    await ann.patch(path, json={"is_public": True})
    public = (await eve.get(path)).status_code
    await ann.delete(path)
    deleted = (await eve.get(path)).status_code

    assert (added, renamed) == ([3, 1, 2], "Night drive")
    assert (hidden, member, gone, public, deleted) == (404, 200, 404, 200, 404)


async def test_an_id_that_was_asked_for_too_early_is_found_once_it_is_made(api: Api) -> None:
    settle(api)
    early = await api.as_(ANN).get("/playlists/1")

    playlist = await made(api.as_(ANN))

    assert (early.status_code, playlist) == (404, 1)
    assert (await api.as_(ANN).get("/playlists/1")).status_code == 200


async def test_put_says_everything_and_patch_some(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, description="For two.", is_public=True, song_ids=[1])

    patched = await ann.patch(f"/playlists/{playlist}", json={"name": "Night"})
    nothing = await ann.patch(f"/playlists/{playlist}", json={})
    put = await ann.put(f"/playlists/{playlist}", json={"name": "Day"})

    assert [patched.json()[name] for name in ("name", "description", "is_public", "version")] == [
        "Night",
        "For two.",
        True,
        2,
    ]
    assert nothing.json()["version"] == 2
    assert [put.json()[name] for name in ("name", "description", "is_public", "version")] == [
        "Day",
        "",
        False,
        3,
    ]
    assert put.headers["etag"] == '"3"'
    assert put.json()["song_count"] == 1


async def test_only_the_first_hundred_songs_are_told_at_once(api: Api) -> None:
    settle(api, songs=120)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=list(range(1, 121)))

    whole = (await ann.get(f"/playlists/{playlist}")).json()
    with counted(api) as asked:
        rest = (await ann.get(f"/playlists/{playlist}/songs?limit=100&offset=100")).json()
    beyond = (await ann.get(f"/playlists/{playlist}/songs?offset=500")).json()

    assert (whole["song_count"], whole["duration"], len(whole["songs"])) == (120, 1200, 100)
    assert [song["position"] for song in rest["results"]] == list(range(100, 120))
    assert [song["song_id"] for song in rest["results"]] == list(range(101, 121))
    assert (rest["total"], rest["offset"], asked.count) == (120, 100, 1)
    assert (beyond["results"], beyond["total"]) == ([], 120)


async def test_lists_tell_ones_own_and_shared_ones_and_the_public_ones_of_others(api: Api) -> None:
    settle(api)
    ann, bob = api.as_(ANN), api.as_(BOB)
    private, public = (
        await made(ann, name="Private", song_ids=[1, 2]),
        await made(ann, name="Public", is_public=True),
    )
    own = await made(bob, name="Own")
    await together(api, private, BOB)

    with counted(api) as asked:
        mine = (await bob.get("/me/playlists")).json()
    shown = (await bob.get(f"/users/{ANN}/playlists")).json()

    assert [(each["playlist_id"], each["role"], each["song_count"]) for each in mine["results"]] == [
        (own, "owner", 0),
        (private, "editor", 2),
    ]
    assert (mine["total"], asked.count) == (2, 2)
    assert [(each["playlist_id"], each["role"]) for each in shown["results"]] == [(public, None)]
    assert shown["total"] == 1
    assert (await bob.get("/users/99/playlists")).status_code == 404


async def test_a_copy_is_ones_own_and_private(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN), is_public=True, description="For two.", song_ids=[3, 1, 2])
    bob = api.as_(BOB)

    copied = await bob.post(f"/playlists/{playlist}/copy")
    named = await bob.post(f"/playlists/{playlist}/copy", json={"name": "Mine"})
    await api.as_(ANN).delete(f"/playlists/{playlist}/songs/3")

    told = copied.json()
    assert (copied.status_code, told["name"], told["description"]) == (201, "Long drive", "For two.")
    assert (told["owner"]["user_id"], told["is_public"], told["version"]) == (BOB, False, 1)
    assert await order_of(bob, told["playlist_id"]) == [3, 1, 2]
    assert named.json()["name"] == "Mine"
    assert (await bob.post("/playlists/99/copy")).status_code == 404


async def test_a_post_that_is_sent_again_makes_one_playlist(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    key = {"Idempotency-Key": "k1"}

    first = await ann.post("/playlists", json={"name": "Once"}, headers=key)
    again = await ann.post("/playlists", json={"name": "Once"}, headers=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert (await ann.get("/me/playlists")).json()["total"] == 1


async def test_a_song_that_leaves_the_catalog_leaves_its_playlists(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann, song_ids=[1, 2, 3])

    api.sql("DELETE FROM songs WHERE id = 2")
    await api.app.state.cache.drop([PLAYLIST.key(playlist)])
    told = (await ann.get(f"/playlists/{playlist}")).json()

    assert [song["song_id"] for song in told["songs"]] == [1, 3]
    assert told["song_count"] == 2


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"name": ""}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": "x", "description": "\0"}, 422),
        ({"name": "x", "user_id": 2}, 422),
        ({"name": "x", "version": 9}, 422),
        ({"name": "x", "song_ids": [0]}, 422),
        ({"name": "x", "song_ids": [2**63]}, 422),
        ({"name": "x", "song_ids": [99]}, 404),
    ],
)
async def test_what_makes_no_playlist_is_refused(api: Api, said: dict[str, object], status: int) -> None:
    settle(api)

    answer = await api.as_(ANN).post("/playlists", json=said)

    assert answer.status_code == status
    assert (await api.as_(ANN).get("/me/playlists")).json()["total"] == 0


async def test_one_whose_account_is_gone_makes_nothing(api: Api) -> None:
    settle(api)
    public = await made(api.as_(ANN), is_public=True)
    ghost = api.as_(99)

    answers = [
        await ghost.post("/playlists", json={"name": "x"}),
        await ghost.post(f"/playlists/{public}/copy"),
        await ghost.post("/playlists/import", json={"playlist": {}}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (await api.as_().post("/playlists", json={"name": "x"})).status_code == 401
