"""An empty catalog knows the genres that songs could always be sorted by."""

from alembic import op

revision = "v0015_genres"
down_revision = "v0014_charts"


def upgrade() -> None:
    """Add those that are not there."""
    op.execute(
        "INSERT INTO genres (name) VALUES ('rock'), ('pop'), ('jazz'), ('classical'), ('hip-hop') "
        "ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    """Leave them: songs may be of them by now, and an administrator removes what nobody wants."""
