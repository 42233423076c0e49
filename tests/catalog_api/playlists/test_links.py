from datetime import timedelta

import pytest

from tests.catalog_api.api import Api
from tests.catalog_api.playlists.world import ANN, BOB, made, settle, together

pytestmark = pytest.mark.anyio


async def test_a_private_playlist_is_read_by_a_link_without_an_account(api: Api) -> None:
    settle(api)
    ann, nobody = api.as_(ANN), api.as_()
    playlist = await made(ann, song_ids=[2, 1])

    link = (await ann.post(f"/playlists/{playlist}/links", json={"expires_in_days": 7})).json()
    shared = await nobody.get(link["url"].removeprefix("/api/v1"))
    songs = await nobody.get(f"/shared/{link['token']}/songs?limit=1&offset=1")

    assert shared.status_code == 200
    assert [song["song_id"] for song in shared.json()["songs"]] == [2, 1]
    assert (shared.json()["name"], shared.json()["expires_at"]) == ("Long drive", link["expires_at"])
    assert not shared.json().keys() & {"readers", "playlist_id"}
    assert [song["song_id"] for song in songs.json()["results"]] == [1]
    assert (await nobody.get(f"/playlists/{playlist}")).status_code == 404


async def test_a_link_holds_until_it_expires(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann)
    token = (await ann.post(f"/playlists/{playlist}/links", json={"expires_in_days": 1})).json()["token"]

    api.clock.push(timedelta(hours=23))
    before = await api.as_().get(f"/shared/{token}")
    api.clock.push(timedelta(hours=2))
    after = [await api.as_().get(f"/shared/{token}{rest}") for rest in ("", "/songs")]

    assert before.status_code == 200
    assert {(each.status_code, each.json()["code"]) for each in after} == {(404, "link-not-found")}


async def test_links_that_hold_no_longer_are_not_listed(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    path = f"/playlists/{await made(ann)}/links"
    await ann.post(path, json={})

    before = (await ann.get(path)).json()["total"]
    api.sql("UPDATE share_links SET expires_at = now()")

    assert (before, (await ann.get(path)).json()["total"]) == (1, 0)


async def test_a_revoked_link_holds_no_longer(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist, other = await made(ann), await made(ann)
    link = (await ann.post(f"/playlists/{playlist}/links")).json()
    listed = (await ann.get(f"/playlists/{playlist}/links")).json()["results"]
    revoke = f"/playlists/{playlist}/links/{link['link_id']}"

    elsewhere = await ann.delete(f"/playlists/{other}/links/{link['link_id']}")
    stranger = await api.as_(BOB).delete(revoke)
    held = await api.as_().get(f"/shared/{link['token']}")
    revoked = await ann.delete(revoke)

    assert [each["link_id"] for each in listed] == [link["link_id"]]
    assert "token" not in listed[0]
    assert (elsewhere.status_code, stranger.status_code, held.status_code) == (404, 404, 200)
    assert revoked.status_code == 204
    assert (await api.as_().get(f"/shared/{link['token']}")).status_code == 404
    assert (await ann.delete(revoke)).status_code == 404


async def test_a_token_has_256_bits_and_is_not_kept(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann)

    tokens = {(await ann.post(f"/playlists/{playlist}/links", json={})).json()["token"] for _ in range(3)}
    rows = str(api.sql("SELECT * FROM share_links"))

    assert {len(token) for token in tokens} == {43}  # of six bits each
    assert len(tokens) == 3
    assert not any(token in rows for token in tokens)


async def test_only_the_owner_shares(api: Api) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))
    await together(api, playlist, BOB, "editor")

    answer = await api.as_(BOB).post(f"/playlists/{playlist}/links", json={})

    assert answer.status_code == 403


@pytest.mark.parametrize("token", ["x", "%00", "%ED%A0%80", "\u00e9", "a" * 200])
async def test_what_is_no_token_opens_nothing(api: Api, token: str) -> None:
    answer = await api.as_().get(f"/shared/{token}")

    assert answer.status_code == 404


@pytest.mark.parametrize("days", [0, 366, -1, 10**30, "x", None])
async def test_a_link_holds_for_a_day_to_a_year(api: Api, days: object) -> None:
    settle(api)
    playlist = await made(api.as_(ANN))

    answer = await api.as_(ANN).post(f"/playlists/{playlist}/links", json={"expires_in_days": days})

    assert answer.status_code == 422


async def test_there_are_not_more_links_than_can_be_looked_through(api: Api) -> None:
    settle(api)
    ann = api.as_(ANN)
    playlist = await made(ann)
    made_anew = "INSERT INTO share_links SELECT gen_random_uuid(), sha256(n::text::bytea), %s, 1, now(), now() + %s FROM generate_series(1, 100) n"
    api.sql(made_anew, playlist, timedelta(days=1))

    full = await ann.post(f"/playlists/{playlist}/links", json={})
    api.sql("UPDATE share_links SET expires_at = now()")
    later = await ann.post(f"/playlists/{playlist}/links", json={})

    assert (full.status_code, full.json()["code"]) == (409, "too-many-links")
    assert later.status_code == 201
    assert api.sql("SELECT count(*) FROM share_links") == [(1,)]
