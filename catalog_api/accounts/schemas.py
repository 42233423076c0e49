"""Accounts as the API takes and tells them."""

from datetime import date, datetime
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)

from foundation.http.inputs import Change, Country, Input, Language, Name, Word, storable

LONGEST_EMAIL = 254  # RFC 5321 leaves room for no more
MOST_GENRES = 50


def normal_email(text: str) -> str:
    """The one form in which we keep an address. Raises ValueError for what is none.

    >>> normal_email("Ann@Example.org")
    'ann@example.org'
    """
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


def known_email(text: str) -> str:
    """The form in which an address would be kept; of what is none, one that nobody signed up with."""
    try:
        return normal_email(storable(text))
    except ValueError:
        return storable(text).lower()


def _once_each(genres: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(genre.lower() for genre in genres))


Email = Annotated[
    str,
    StringConstraints(max_length=LONGEST_EMAIL),
    AfterValidator(normal_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": LONGEST_EMAIL}),
]
KnownEmail = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_EMAIL), AfterValidator(known_email)
]
"""One that is only looked up: what is no address is nobody's."""
Genres = Annotated[tuple[Word, ...], Field(max_length=MOST_GENRES), AfterValidator(_once_each)]
Role = Literal["user", "artist", "analyst", "admin"]


class AccountOut(BaseModel):
    """An account as its owner and administrators see it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": 12345,
                    "email": "john@example.org",
                    "display_name": "John Doe",
                    "country": "NZ",
                    "roles": ["user"],
                    "subscription_type": "premium",
                    "created_at": "2026-03-01T12:00:00Z",
                }
            ]
        }
    )

    user_id: int
    email: str | None = Field(description="null for listeners who were imported and never signed up.")
    display_name: str
    country: str | None = Field(description="ISO 3166-1 alpha-2; null where unknown.")
    roles: list[str]
    subscription_type: str = Field(description="free or premium.")
    created_at: datetime


class AccountChange(Change):
    """What of a profile may change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "John D.", "country": "DE"}]})

    # What is left out has no default that a client could send: null is refused.
    display_name: Name = Field(default_factory=str)
    country: Country = Field(default_factory=str)


class ProfileOut(BaseModel):
    """What everybody may know of a person here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": 12345, "display_name": "John Doe", "since": "2026-03-01"}]
        }
    )

    user_id: int
    display_name: str
    since: date


class PreferencesOut(BaseModel):
    """What we mind when we serve a listener."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "allows_explicit": False,
                    "language": "en",
                    "genres": ["rock", "jazz"],
                    "is_private_session": False,
                }
            ]
        }
    )

    allows_explicit: bool = True
    language: str | None = Field(default=None, description="ISO 639-1; null where not told.")
    genres: list[str] = Field(
        default_factory=list, description="What a feed begins with, before there is listening to learn from."
    )
    is_private_session: bool = Field(
        default=False, description="While true, plays count for the songs, and for nobody's history or taste."
    )


class PreferencesChange(Change):
    """What of the preferences is to change."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"allows_explicit": False, "genres": ["rock", "jazz"]}]}
    )

    allows_explicit: StrictBool = Field(default_factory=bool)
    language: Language | None = Field(default=None, description="null: none in particular.")
    genres: Genres = Field(default_factory=tuple)
    is_private_session: StrictBool = Field(default_factory=bool)


class RolesIn(Input):
    """The roles an account has from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["user", "artist"]}]})

    roles: Annotated[list[Role], Field(min_length=1, max_length=8)]
