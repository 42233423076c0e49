"""Answers from memory are given before the server makes a task: they say and count what all others do."""

import socket
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from foundation.clock import utc_now
from tests.gateway.conftest import Gateway, StartGateway, token_of
from tests.gateway.test_workers import metric

pytestmark = pytest.mark.slow

OWN_TO_EACH = {"x-request-id", "ratelimit", "date"}


def told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in OWN_TO_EACH}
    return answer.status_code, headers, answer.content


def pipelined(gateway: Gateway, requests: list[bytes]) -> list[tuple[int, bytes]]:
    """Send all of them at once on one connection, and give of each answer its status and its name."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
        connection.sendall(b"".join(requests))
        received = connection.makefile("rb")
        answers = []
        for _ in requests:
            status = int(received.readline().split()[1])
            headers = {}
            while line := received.readline().strip():
                name, _, value = line.partition(b": ")
                headers[name.lower()] = value
            received.read(int(headers[b"content-length"]))
            answers.append((status, headers[b"x-request-id"]))
        return answers


def test_an_answer_from_memory_is_the_one_that_was_waited_for(start_gateway: StartGateway) -> None:
    gateway = start_gateway(workers=1)
    with httpx.Client(base_url=gateway.address, headers=token_of(1)) as client:
        waited = client.get("/api/v1/songs/1")
        at_once = client.get("/api/v1/songs/1", headers={"X-Request-ID": "mine"})
        insane = client.get("/api/v1/songs/1", headers={"X-Request-ID": "not sane"})
        known = client.get("/api/v1/songs/1", headers={"If-None-Match": waited.headers["etag"]})
        head = client.head("/api/v1/songs/1")
        refused = client.get("/api/v1/songs/1", headers={"Authorization": "Bearer nonsense"})
        left = [int(each.headers["ratelimit"].split("r=")[1].split(";")[0]) for each in (waited, at_once)]

    assert told(waited) == told(at_once)
    assert at_once.headers["x-request-id"] == "mine"
    assert insane.headers["x-request-id"] not in ("mine", "not sane")
    assert left[0] - left[1] == 1
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", waited.headers["etag"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == waited.headers["content-length"]
    assert refused.status_code == 401


def test_requests_sent_behind_each_other_are_answered_in_order(start_gateway: StartGateway) -> None:
    gateway = start_gateway(workers=1)
    token = token_of(1)["Authorization"]
    body = b'{"play_id": "%s"}' % str(uuid4()).encode()
    play = (
        f"POST /api/v1/songs/1/play HTTP/1.1\r\nHost: segue\r\nAuthorization: {token}\r\nX-Request-ID: 0\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    asks = [
        f"GET /api/v1/songs/1 HTTP/1.1\r\nHost: segue\r\nAuthorization: {token}\r\nX-Request-ID: {number}\r\n\r\n".encode()
        for number in range(1, 2001)
    ]

    answers = pipelined(gateway, [play, *asks, play])

    assert [status for status, _ in answers] == [202, *[200] * 2000, 202]
    assert [name for _, name in answers] == [b"%d" % number for number in (*range(2001), 0)]


def test_a_play_that_is_taken_at_once_is_answered_as_one_that_was_waited_for(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway(workers=1)
    began_at = utc_now().isoformat()
    play = {"play_id": str(uuid4()), "started_at": began_at, "played_ms": 31_000}
    with httpx.Client(base_url=gateway.address, headers=token_of(1)) as client:
        waited, at_once, again = (client.post("/api/v1/songs/1/play", json=play) for _ in range(3))
        late = client.post("/api/v1/songs/1/play", json=play | {"started_at": "2020-01-01T00:00:00Z"})
        nonsense = client.post("/api/v1/songs/1/play", content=b"{")
        nowhere = client.post("/api/v1/songs/999999999/play", json=play)
        heard = client.post("/api/v1/songs/1/heartbeat", json=play)

    first, second = (answer.json() for answer in (waited, at_once))
    assert first.pop("received_at") < second.pop("received_at")
    assert first == second
    assert told(waited)[:2] == told(at_once)[:2]
    assert [each.status_code for each in (waited, at_once, again, heard)] == [202] * 4
    assert [(each.status_code, each.json()["code"]) for each in (late, nonsense, nowhere)] == [
        (422, "play-out-of-time"),
        (422, "invalid-request"),
        (404, "song-not-found"),
    ]
    left = [int(each.headers["ratelimit"].split("r=")[1].split(";")[0]) for each in (waited, at_once, again)]
    assert left == [left[0], left[0] - 1, left[0] - 2]
    route = 'http_requests_total{endpoint="/api/v1/songs/{song_id}/play",method="POST",status="202"}'
    assert metric(gateway, route) == 3
    assert metric(gateway, 'play_events_acknowledged_total{kind="end"}') == 3


def test_they_are_paid_from_the_budget_and_counted(
    start_gateway: StartGateway, own_redis: "tuple[str, object]"
) -> None:
    settings = {"SEGUE__LIMITS__FREE": "50", "SEGUE__LIMITS__WINDOW": "PT1H"}
    gateway = start_gateway(workers=1, SEGUE__ENGINES__REDIS=own_redis[0], **settings)

    with httpx.Client(base_url=gateway.address, headers=token_of(1)) as client:
        statuses = Counter(client.get("/api/v1/songs/1").status_code for _ in range(70))

    assert statuses == {200: 50, 429: 20}
    route = 'http_requests_total{endpoint="/api/v1/songs/{song_id}",method="GET",status="200"}'
    assert metric(gateway, route) == 50
    assert metric(gateway, 'cache_lookups_total{cache_type="song",outcome="memory"}') == 49


def test_behind_a_proxy_each_address_has_its_own_budget(
    start_gateway: StartGateway, own_redis: "tuple[str, object]"
) -> None:
    settings = {"SEGUE__LIMITS__ADDRESS": "5", "SEGUE__LIMITS__WINDOW": "PT1H"}
    settings |= {"SEGUE__HTTP__TRUSTED_PROXIES": "127.0.0.1"}
    gateway = start_gateway(workers=1, SEGUE__ENGINES__REDIS=own_redis[0], **settings)

    def asked(address: str) -> Counter[int]:
        with httpx.Client(base_url=gateway.address, headers={"X-Forwarded-For": address}) as client:
            return Counter(client.get("/api/v1/songs/1").status_code for _ in range(8))

    assert asked("192.0.2.1") == asked("192.0.2.2") == {200: 5, 429: 3}


def test_a_private_playlist_in_memory_is_for_its_readers_alone(start_gateway: StartGateway) -> None:
    gateway = start_gateway(workers=1)
    with (
        httpx.Client(base_url=gateway.address, headers=token_of(1)) as owner,
        httpx.Client(base_url=gateway.address, headers=token_of(2)) as other,
        httpx.Client(base_url=gateway.address) as nobody,
    ):
        made = owner.post("/api/v1/playlists", json={"name": "Mine", "is_public": False}).json()
        path = f"/api/v1/playlists/{made['playlist_id']}"
        answers = [[client.get(path).status_code for client in (owner, other, nobody)] for _ in range(3)]
        owner.patch(path, json={"is_public": True})
        afterwards = [client.get(path).status_code for client in (owner, other, nobody)]

    assert answers == [[200, 404, 404]] * 3
    assert afterwards == [200, 200, 200]


def test_one_who_closes_each_connection_pays_once(
    start_gateway: StartGateway, own_redis: "tuple[str, object]"
) -> None:
    settings = {"SEGUE__LIMITS__FREE": "20", "SEGUE__LIMITS__WINDOW": "PT1H"}
    gateway = start_gateway(workers=1, SEGUE__ENGINES__REDIS=own_redis[0], **settings)

    closing = token_of(1) | {"Connection": "close"}
    statuses = Counter(
        httpx.get(f"{gateway.address}/api/v1/songs/1", headers=closing).status_code for _ in range(25)
    )

    assert statuses == {200: 20, 429: 5}
