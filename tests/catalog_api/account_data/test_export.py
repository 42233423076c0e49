"""The copy of all that is kept of a person."""

import csv
import io
import json
from zipfile import ZipFile

import pytest

from catalog_api.account_data.export import PARTS, Elsewhere
from foundation.ids import UserId
from tests.catalog_api.account_data.town import ANN, heard, settle
from tests.catalog_api.api import Api, people

pytestmark = pytest.mark.anyio


async def exported(api: Api, user: int) -> ZipFile:
    answer = await api.as_(user).get("/me/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    return ZipFile(io.BytesIO(answer.content))


async def test_an_export_holds_everything_of_a_person_and_says_what_each_file_is(api: Api) -> None:
    settle(api)

    archive = await exported(api, ANN)

    told = {part.name: json.loads(archive.read(part.file)) for part in PARTS if part.form != "table"}
    about = archive.read("README.txt").decode()
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == sorted(["README.txt", *(part.file for part in PARTS)])
    assert all(part.file in about and part.sentence in about for part in PARTS)
    assert told["profile"]["display_name"] == "ann"
    assert told["preferences"]["genres"] == ["jazz", "rock"]
    assert [each["device"] for each in told["sessions"]] == ["radio"]
    assert [song["title"] for song in told["playlists"][0]["songs"]] == ["His 1", "Hers 1"]
    assert [each["name"] for each in told["shared_playlists"]] == ["His"]
    assert {(each["direction"], each["kind"]) for each in told["follows"]} == {
        ("follows", "listener"),
        ("follows", "artist"),
        ("followed_by", "listener"),
    }
    assert [(each["opinion"], each["name"]) for each in told["opinions"]] == [
        ("love", "Bob Band"),
        ("love", "His 1"),
    ]
    assert [each["message"] for each in told["shares"]] == ["hear this", "you too"]
    assert [each["payment_method"] for each in told["subscriptions"]] == ["card"]
    assert [each["user_id"] for each in told["blocks"]] == [2]
    assert [each["title"] for each in told["songs"]] == ["Hers 1"]
    assert told["songs"][0]["lyrics"][0]["text"] == "la la"


async def test_an_export_holds_what_other_parts_keep_of_a_person(api: Api) -> None:
    settle(api)

    async def wishes(user_id: UserId) -> bytes:
        return b'[{"of": %d}]' % user_id

    api.app.state.kept_elsewhere = (Elsewhere("wishes", "What you wish for.", wishes),)

    archive = await exported(api, ANN)

    assert json.loads(archive.read("wishes.json")) == [{"of": ANN}]
    assert "wishes.json\n    What you wish for." in archive.read("README.txt").decode()
    assert archive.testzip() is None


async def test_an_export_holds_no_digest_of_a_password_or_token(api: Api) -> None:
    settle(api)
    api.sql("UPDATE users SET password_hash = '$argon2id$secret' WHERE id = 1")

    archive = await exported(api, ANN)

    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"argon2id" not in everything
    assert b"password_hash" not in everything
    assert b"digest" not in everything.replace(b"one-way digest", b"").replace(
        b"digests of your password", b""
    )


async def test_an_export_says_what_is_not_in_it(api: Api) -> None:
    settle(api)

    about = (await exported(api, ANN)).read("README.txt").decode()

    _, _, missing = about.partition("What is not here:")
    for each in (
        "before it was a listen",
        "private",
        "import",
        "Redis",
        "models",
        "covers",
        "Idempotency-Key",
    ):
        assert each in missing


async def test_a_long_history_comes_whole_and_in_order(api: Api) -> None:
    (user,) = people(api.catalog, "ann")
    heard(api, user, 5_000)

    archive = await exported(api, user)

    rows = list(csv.DictReader(io.StringIO(archive.read("listening_history.csv").decode())))
    assert len({row["play_id"] for row in rows}) == 5_000
    assert rows[0]["played_at"] == "2026-03-01T12:00:00+00:00"


async def test_an_export_of_someone_without_anything_has_every_file_too(api: Api) -> None:
    (user,) = people(api.catalog, "ann")

    archive = await exported(api, user)

    assert json.loads(archive.read("playlists.json")) == []
    assert json.loads(archive.read("preferences.json")) is None
    assert archive.read("activities.csv").decode().splitlines() == ["happened_at,verb,kind,target_id"]


async def test_an_export_needs_a_token_and_an_account(api: Api) -> None:
    nobody = await api.as_().get("/me/export")
    gone = await api.as_(77).get("/me/export")

    assert (nobody.status_code, gone.status_code) == (401, 404)
