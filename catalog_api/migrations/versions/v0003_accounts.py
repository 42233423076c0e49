"""Accounts: how people sign in, what they prefer and pay, and which of their tokens no longer hold."""

from alembic import op

revision = "v0003_accounts"
down_revision = "v0002_lyrics"

STATEMENTS = (
    """
    ALTER TABLE users
        ADD COLUMN email text,
        ADD COLUMN password_hash text,
        ADD COLUMN roles text[] NOT NULL DEFAULT '{user}'
            CHECK (roles <@ '{user,artist,analyst,admin}'::text[] AND cardinality(roles) > 0),
        ADD COLUMN subscription_type text NOT NULL DEFAULT 'free' CHECK (subscription_type IN ('free', 'premium')),
        ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()
    """,
    "CREATE UNIQUE INDEX idx_users_email ON users (email)",
    "CREATE INDEX idx_users_subscription ON users (subscription_type)",
    """
    CREATE TABLE preferences (
        user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
        allows_explicit boolean NOT NULL DEFAULT true,
        language text NOT NULL DEFAULT '' CHECK (language ~ '^([a-z]{2})?$'),
        genres text[] NOT NULL DEFAULT '{}',
        is_private_session boolean NOT NULL DEFAULT false,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE sessions (
        id uuid PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        device text NOT NULL DEFAULT '',
        address text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL,
        last_used_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        revoked_because text
    )
    """,
    "CREATE INDEX idx_sessions_user ON sessions (user_id)",
    "CREATE INDEX idx_sessions_expiry ON sessions (expires_at)",
    """
    CREATE TABLE refresh_tokens (
        digest bytea PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
        issued_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX idx_refresh_tokens_session ON refresh_tokens (session_id)",
    "CREATE INDEX idx_refresh_tokens_used ON refresh_tokens (used_at) WHERE used_at IS NOT NULL",
    """
    CREATE TABLE revocations (
        subject text PRIMARY KEY,
        not_before timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX idx_revocations_expiry ON revocations (expires_at)",
    """
    CREATE TABLE subscriptions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        plan text NOT NULL,
        status text NOT NULL CHECK (status IN ('active', 'cancelled', 'past_due', 'expired')),
        started_at timestamptz NOT NULL,
        renews_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        cancelled_at timestamptz,
        ended_at timestamptz,
        payment_method text NOT NULL,
        payment_reference text NOT NULL DEFAULT ''
    )
    """,
    "CREATE UNIQUE INDEX idx_subscriptions_current ON subscriptions (user_id) WHERE ended_at IS NULL",
    "CREATE INDEX idx_subscriptions_due ON subscriptions (due_at) WHERE ended_at IS NULL",
    "COMMENT ON TABLE refresh_tokens IS 'SHA-256 digests alone: who reads this table can sign in as nobody.'",
    "COMMENT ON COLUMN subscriptions.renews_at IS 'Until when it is paid.'",
    "COMMENT ON COLUMN subscriptions.due_at IS 'When it is looked at next: to renew it, to try again, or to end it.'",
    "COMMENT ON TABLE revocations IS 'session:ID or user:ID, and the moment before which its access tokens do not hold.'",
)

UNDO = (
    "DROP TABLE subscriptions, revocations, refresh_tokens, sessions, preferences",
    "DROP INDEX idx_users_email, idx_users_subscription",
    "ALTER TABLE users DROP COLUMN email, DROP COLUMN password_hash, DROP COLUMN roles, DROP COLUMN subscription_type, DROP COLUMN updated_at",
)


def upgrade() -> None:
    """Let listeners become accounts."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Make them listeners again; accounts, sessions and subscriptions are lost."""
    for statement in UNDO:
        op.execute(statement)
