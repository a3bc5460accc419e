-- Who may come in: people, their sessions, and what operators did. The truth of it: it cannot be made again from the log.
-- Times are milliseconds since 1970. A change of this file is a step in MIGRATIONS of database.py, too.

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    player INTEGER NOT NULL DEFAULT 0,      -- 0: an operator, or a player whom the engine has not made yet
    registration INTEGER NOT NULL DEFAULT 0,    -- what the player's registration in the log is named by; 0: an operator
    role TEXT NOT NULL,
    username TEXT,
    username_key TEXT UNIQUE,               -- in small letters
    email TEXT,
    email_key TEXT UNIQUE,
    email_confirmed INTEGER NOT NULL DEFAULT 0,
    password TEXT,                          -- argon2id, in its own format; NULL: there is none
    name TEXT NOT NULL,                     -- with which the player is registered
    referrer INTEGER NOT NULL DEFAULT 0,    -- and by whom
    birth_date TEXT,
    country TEXT,
    created_ms INTEGER NOT NULL,
    disabled_ms INTEGER,
    disabled_why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX users_by_registration ON users (registration) WHERE registration != 0;
CREATE UNIQUE INDEX users_by_player ON users (player) WHERE player != 0;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    how TEXT NOT NULL,                      -- it began: password, code, passkey, register
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);

CREATE TABLE refresh_tokens (
    hash BLOB PRIMARY KEY,                  -- SHA-256
    session TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
    used_ms INTEGER                         -- exchanged for the next one; once more, and the session is revoked
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session);

CREATE TABLE revocations (                  -- sessions whose access tokens have not expired by themselves yet
    session TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE codes (                        -- sent by mail
    purpose TEXT NOT NULL,
    email_key TEXT NOT NULL,
    user INTEGER NOT NULL DEFAULT 0,
    hash BLOB NOT NULL,
    expires_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (purpose, email_key, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkeys (
    id BLOB PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    label TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_user ON passkeys (user);

CREATE TABLE actions (                      -- of operators
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    user INTEGER NOT NULL,                  -- 0: by a token or a command on the machine itself
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    op TEXT NOT NULL,
    arguments TEXT NOT NULL,                -- JSON, without secrets
    why TEXT NOT NULL,
    outcome TEXT NOT NULL,                  -- "ok", or the code of the refusal
    sequence INTEGER NOT NULL               -- of the command in the log; 0: it was none
) STRICT;

CREATE TABLE play_limits (                  -- that a player has set for himself
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    kind TEXT NOT NULL,                     -- deposit, loss, time
    value INTEGER NOT NULL,                 -- millionths of a dollar, or seconds, of a day; -1: none
    next_value INTEGER,                     -- a higher one, or none, that is asked for
    next_from_ms INTEGER,                   -- and from when it holds
    PRIMARY KEY (user, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE exclusions (                   -- players who have shut themselves out
    user INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE play_days (                    -- what counts for limits of a day
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    day INTEGER NOT NULL,                   -- since 1970, UTC
    seconds INTEGER NOT NULL DEFAULT 0,     -- played
    deposited INTEGER NOT NULL DEFAULT 0,   -- millionths of a dollar
    lost INTEGER NOT NULL DEFAULT 0,        -- of them, less what was won
    PRIMARY KEY (user, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,   -- whose it is
    acts_for INTEGER NOT NULL,              -- the same, or one of his dependents: another row of users
    label TEXT NOT NULL,
    kind TEXT NOT NULL,                     -- secret, hmac, ed25519
    secret BLOB NOT NULL,                   -- SHA-256 of the key; what the key is derived with; or the public key
    scopes TEXT NOT NULL,                   -- with a space between them
    addresses TEXT NOT NULL,                -- networks from which it is good, the same; none: from anywhere
    per_minute INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,            -- 0: never
    suspended INTEGER NOT NULL DEFAULT 0,
    revoked_ms INTEGER
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user);

CREATE TABLE key_usage (
    key INTEGER NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    day TEXT NOT NULL,                      -- 2026-12-01, by UTC
    requests INTEGER NOT NULL,
    commands INTEGER NOT NULL,              -- of them
    refused INTEGER NOT NULL,               -- for lack of a scope, or beyond the limit
    PRIMARY KEY (key, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE dependents (                   -- sub-accounts of players, users of partners
    user INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    owner INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,                     -- by which the owner knows it
    created_ms INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;
