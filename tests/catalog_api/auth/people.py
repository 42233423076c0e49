"""People who sign up and in, as a client of the API would."""

from typing import Any

import httpx

from tests.catalog_api.api import Api

PASSWORD = "seven brown horses"


async def signed_up(api: Api, name: str = "ann", **told: Any) -> int:
    """The id of a new account, `name`@example.org."""
    body = {"email": f"{name}@example.org", "password": PASSWORD, "display_name": name} | told
    answer = await api.as_().post("/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["user_id"])


async def login(api: Api, name: str = "ann", password: str = PASSWORD, **told: Any) -> httpx.Response:
    body = {"email": f"{name}@example.org", "password": password} | told
    return await api.as_().post("/auth/login", json=body)


async def signed_in(api: Api, name: str = "ann", password: str = PASSWORD, **told: Any) -> dict[str, Any]:
    """The tokens of a new session."""
    answer = await login(api, name, password, **told)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refreshed(api: Api, refresh_token: str) -> httpx.Response:
    return await api.as_().post("/auth/refresh", json={"refresh_token": refresh_token})


def bearing(api: Api, tokens: dict[str, Any]) -> httpx.AsyncClient:
    """A client with this access token."""
    return api.with_headers({"Authorization": f"Bearer {tokens['access_token']}"})
