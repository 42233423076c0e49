"""Signing up and in as the API takes and tells it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool, StringConstraints

from catalog_api.accounts.schemas import Email, Genres, KnownEmail
from catalog_api.auth.passwords import LONGEST, SHORTEST
from foundation.http.inputs import Country, Input, Language, Name, Word, storable

LONGEST_TOKEN = 512  # characters; ours have 43


def _storable_secret(secret: SecretStr) -> SecretStr:
    storable(secret.get_secret_value())
    return secret


NewPassword = Annotated[
    SecretStr, Field(min_length=SHORTEST, max_length=LONGEST), AfterValidator(_storable_secret)
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST), AfterValidator(_storable_secret)]
"""One that is only compared."""
Token = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TOKEN), AfterValidator(storable)]


class NewAccountIn(Input):
    """Who signs up; what is said of taste is what the first feed begins with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "john@example.org",
                    "password": "seven brown horses",
                    "display_name": "John Doe",
                    "country": "NZ",
                    "language": "en",
                    "genres": ["rock", "jazz"],
                    "allows_explicit": True,
                }
            ]
        }
    )

    email: Email
    password: NewPassword
    display_name: Name
    country: Country | None = Field(
        default=None, description="Counts where the network does not know better."
    )
    language: Language | None = None
    genres: Genres = ()
    allows_explicit: StrictBool = True


class LoginIn(Input):
    """Who signs in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "john@example.org", "password": "seven brown horses", "device": "kitchen radio"}
            ]
        }
    )

    email: KnownEmail
    password: Password
    device: Word | None = Field(default=None, description="What the list of sessions calls it.")


class RefreshTokenIn(Input):
    """The refresh token that was given last; it holds once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refresh_token": "n1Yp3v0oTz4kUq8Xc5bW7rE2sD9fG6hJ_aLmQwZxCvB"}]}
    )

    refresh_token: Token


class PasswordIn(Input):
    """A password to replace, and its successor."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "seven brown horses", "new_password": "eight grey herons"}]
        }
    )

    current_password: Password
    new_password: NewPassword


class SignedInUser(BaseModel):
    """Whose tokens they are."""

    user_id: int
    display_name: str
    subscription_type: str


class TokensOut(BaseModel):
    """What a sign-in or a refresh gives: a token for requests, and one to get the next pair with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9...",
                    "refresh_token": "n1Yp3v0oTz4kUq8Xc5bW7rE2sD9fG6hJ_aLmQwZxCvB",
                    "token_type": "bearer",
                    "expires_in": 3600,
                    "user": {"user_id": 12345, "display_name": "John Doe", "subscription_type": "premium"},
                }
            ]
        }
    )

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a scheme (RFC 6750), not a secret
    expires_in: int = Field(description="Seconds for which the access token holds.")
    user: SignedInUser


class SessionOut(BaseModel):
    """One place where you are signed in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "019a9f3c-5d20-7c5e-9b7e-2f6d1c0a4e11",
                    "device": "kitchen radio",
                    "address": "192.0.2.7",
                    "created_at": "2026-03-01T12:00:00Z",
                    "last_used_at": "2026-03-02T08:30:00Z",
                    "expires_at": "2026-04-01T08:30:00Z",
                    "is_current": True,
                }
            ]
        }
    )

    session_id: UUID
    device: str
    address: str = Field(description="From where it was begun; of IPv6 the network.")
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    is_current: bool = Field(description="Whether it is the one that asks.")
