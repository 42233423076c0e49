"""Asking for imports: what is refused before anything is kept, and what a request sent again does."""

import pytest

from tests.catalog_api.history_imports.conftest import Listening, export, play, zipped

pytestmark = pytest.mark.anyio

FILE = export([play(1), play(2)])


async def test_a_form_may_bring_the_file(listening: Listening) -> None:
    form = {"file": ("../../etc/my_data.zip", zipped(endsong_0=FILE), "application/zip")}

    sent = await listening.client.post("/me/history/import", files=form)

    assert sent.status_code == 202, sent.text
    assert sent.json()["name"] == "my_data.zip"
    assert [path.read_bytes() for path in listening.kept] == [zipped(endsong_0=FILE)]


@pytest.mark.parametrize(
    "data",
    [b"", b"Dear Ann", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, b"a,b,c\n1,2,3\n", b'{"name": "Ann"}'],
    ids=["nothing", "a letter", "a picture", "another table", "another object"],
)
async def test_what_is_no_history_is_refused_at_once(listening: Listening, data: bytes) -> None:
    answer = await listening.send(data)

    assert (answer.status_code, answer.json()["code"]) == (422, "nothing-to-import")
    assert "/tmp" not in answer.text  # noqa: S108 - where it was looked at is nobody's concern
    assert listening.kept == []


@pytest.mark.parametrize("query", [{"threshold": 0.3}, {"threshold": 1.1}, {"preview": "perhaps"}])
async def test_what_is_asked_amiss_is_refused_and_nothing_kept(
    listening: Listening, query: dict[str, object]
) -> None:
    answer = await listening.send(FILE, **query)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert listening.kept == []


async def test_a_form_without_a_file_is_refused(listening: Listening) -> None:
    forms = [{"data": {"file": "x"}, "files": {"other": ("a", b"b")}}, {"files": {"a": b"1", "file": b"2"}}]

    answers = [await listening.client.post("/me/history/import", **form) for form in forms]  # type: ignore[arg-type]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(422, "invalid-request")] * 2


async def test_with_its_key_again_it_is_one_import(listening: Listening) -> None:
    key = {"Idempotency-Key": "monday"}

    first, again = await listening.send(FILE, key), await listening.send(FILE, key)
    other = await listening.send(FILE + b"\n", key)
    looked = await listening.send(FILE, key, preview=True)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["import_id"] == again.json()["import_id"]
    assert [each.json()["code"] for each in (other, looked)] == ["idempotency-key-reused"] * 2
    assert listening.api.sql("SELECT count(*) FROM history_imports") == [(1,)]
    assert len(listening.kept) == 1


async def test_only_so_many_wait_at_once(listening: Listening) -> None:
    sent = [await listening.send(FILE) for _ in range(4)]

    assert [each.status_code for each in sent] == [202, 202, 202, 409]
    assert sent[3].json()["code"] == "too-many-history-imports"
    assert len(listening.kept) == 3


async def test_who_is_not_here_brings_nothing(listening: Listening) -> None:
    nobody = await listening.api.as_().post(
        "/me/history/import", content=FILE, headers={"Idempotency-Key": "k"}
    )
    gone = await listening.api.as_(999).post("/me/history/import", content=FILE)

    assert (nobody.status_code, gone.status_code) == (401, 404)
    assert listening.kept == []


async def test_everyone_sees_their_own_alone(listening: Listening) -> None:
    sent = [await listening.send(FILE) for _ in range(3)]
    address = sent[0].headers["location"].removeprefix("/api/v1")
    (bob,) = listening.api.sql("INSERT INTO users (display_name) VALUES ('bob') RETURNING id")[0]
    his = listening.api.as_(bob)

    first = (await listening.client.get("/me/history/imports", params={"limit": 2})).json()
    rest = (await listening.client.get("/me/history/imports", params={"cursor": first["next_cursor"]})).json()
    seen = [each["import_id"] for each in (*first["results"], *rest["results"])]

    assert seen == [each.json()["import_id"] for each in reversed(sent)]
    assert (await his.get("/me/history/imports")).json()["results"] == []
    assert (await his.get(address)).status_code == (await his.delete(address)).status_code == 404
    wrong = await his.get("/me/history/imports", params={"cursor": "WzFd"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid-request")
