"""How a deletion is asked for, and its receipt."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from catalog_api.auth.schemas import Password
from foundation.http.inputs import Input

SOME_ID = "0199f2c4-5a3e-7d40-9c1b-2f6e8a7b1c3d"


class DeletionIn(Input):
    """That one means it: the password of the account, where it has one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "seven brown horses"}]})

    password: Password


class DeletionOut(BaseModel):
    """A deletion that has begun."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"deletion_id": SOME_ID, "receipt_url": f"/api/v1/deletions/{SOME_ID}"}]
        }
    )

    deletion_id: UUID
    receipt_url: str = Field(description="Where the receipt is; it needs no token, since nobody guesses it.")


class ReceiptOut(BaseModel):
    """What has been removed so far; everything has once `finished_at` is set."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deletion_id": SOME_ID,
                    "requested_at": "2026-11-22T20:15:00Z",
                    "finished_at": "2026-11-22T20:15:07Z",
                    "removed": {
                        "postgres": {"users": 1, "sessions": 2, "playlists": 3, "listening_history": 5120},
                        "redis": {"recent_songs": 100, "heard_songs": 812, "known_listener": 1},
                        "clickhouse": {"listens": 5120, "playback_events": 9400, "listeners": 1},
                        "models": {"bundles": 3, "interactions": 2436, "als_model": 5},
                        "blobs": {"covers": 0},
                    },
                }
            ]
        }
    )

    deletion_id: UUID
    requested_at: datetime
    finished_at: datetime | None = None
    removed: dict[str, dict[str, int]] = Field(description="How much of each kind went, by store.")
