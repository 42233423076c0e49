"""Who follows, loves, hides and blocks whom and what, and what they tell each other."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.engines.postgres import Base

_OF_A_PERSON = "users.id"


class ListenerFollow(Base):
    """One row per listener whom a listener follows."""

    __tablename__ = "listener_follows"

    follower_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    followed_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    followed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ArtistFollow(Base):
    """One row per artist whom a listener follows."""

    __tablename__ = "artist_follows"

    follower_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    artist_id: Mapped[int] = mapped_column(ForeignKey("artists.id", ondelete="CASCADE"), primary_key=True)
    followed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SongOpinion(Base):
    """One row per song that a listener loves or hides."""

    __tablename__ = "song_opinions"

    user_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True)
    opinion: Mapped[str] = mapped_column(Text)  # love or hide
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ArtistOpinion(Base):
    """One row per artist whom a listener loves or hides."""

    __tablename__ = "artist_opinions"

    user_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    artist_id: Mapped[int] = mapped_column(ForeignKey("artists.id", ondelete="CASCADE"), primary_key=True)
    opinion: Mapped[str] = mapped_column(Text)  # love or hide
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Block(Base):
    """One row per listener whom a listener blocks."""

    __tablename__ = "blocks"

    blocker_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    blocked_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    blocked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Share(Base):
    """One row per song that somebody sent to a follower."""

    __tablename__ = "shares"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    from_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"))
    to_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"))
    song_id: Mapped[int] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"))
    message: Mapped[str] = mapped_column(Text, server_default="")
    shared_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Activity(Base):
    """One row per thing that somebody did and others may know of."""

    __tablename__ = "activities"
    __table_args__ = ({"comment": "What people did that others may know of: the newest 1,000 of each."},)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"))
    verb: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)  # of the target: listener, artist, song or playlist
    target_id: Mapped[int] = mapped_column(BigInteger)
    happened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Feed(Base):
    """One row per person who ever did something that others may know of."""

    __tablename__ = "feeds"
    __table_args__ = (
        {
            "comment": "Which state of a person's activities is the valid one, so that copies know whether they are."
        },
    )

    user_id: Mapped[int] = mapped_column(ForeignKey(_OF_A_PERSON, ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)  # one more with every change
    newest_id: Mapped[int] = mapped_column(BigInteger)  # of their activities; 0 where there is none
