-- The projection: what people look up. Made from the log's events and nothing else; deleted, it is rebuilt the same.
-- Integers as in the log: prices in ticks, quantities in lots, virtual money in 1e-8 units, times in ns since the epoch.
-- Rows are clustered as they are asked for, so that an insert writes one tree: a player's facts by that player's message
-- numbers, which the engine counts without gaps; candles by instrument and length.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log_id BLOB NOT NULL,       -- of the log that it is made from; empty before the first one
    sequence INTEGER NOT NULL   -- last entry whose events are in, set in the transaction that put them there
);
INSERT INTO meta VALUES (1, x'', 0);

-- Every fill opens the position that has the order's id; it is told, and numbered, by the message that says so.
CREATE TABLE fills (
    player INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    match INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    order_type INTEGER NOT NULL,
    leverage INTEGER NOT NULL,
    price INTEGER NOT NULL,
    lots INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    margin INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    liquidation INTEGER NOT NULL,
    stop_loss INTEGER NOT NULL,
    take_profit INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,
    PRIMARY KEY (player, message)
) WITHOUT ROWID;

-- A row for each part of a position that closed; "left" is 0 with the last one.
CREATE TABLE closed_positions (
    player INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    match INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    leverage INTEGER NOT NULL,
    price INTEGER NOT NULL,
    lots INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    margin INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    profit INTEGER NOT NULL,
    "left" INTEGER NOT NULL,
    PRIMARY KEY (player, message)
) WITHOUT ROWID;

-- Settled fixed-time trades. Entry and exit are bid + ask, so in half ticks; an entry of 0: none. Of an asset other than
-- 0 it was staked from the player's wallet, and stake and profit are in native units of it.
CREATE TABLE fixed_trades (
    player INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    match INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    id INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    result INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    stake INTEGER NOT NULL,
    payout_percent INTEGER NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    exit INTEGER NOT NULL,
    entry_sequence INTEGER NOT NULL,
    exit_sequence INTEGER NOT NULL,
    profit INTEGER NOT NULL,
    asset INTEGER NOT NULL,
    PRIMARY KEY (player, message)
) WITHOUT ROWID;

-- Those of the shortest interval are kept for a time while the arena runs; a projection that is rebuilt has them all,
-- until it goes on.
CREATE TABLE candles (
    instrument INTEGER NOT NULL,
    interval_s INTEGER NOT NULL,
    open_at_ns INTEGER NOT NULL,
    open INTEGER NOT NULL,
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    close INTEGER NOT NULL,
    ticks INTEGER NOT NULL,
    PRIMARY KEY (instrument, interval_s, open_at_ns)
) WITHOUT ROWID;

-- The journal: every transfer of the ledger, and every hold and its end, as the engine told it. Amounts are in native
-- units; accounts are owner * 65536 + Account * 256 + Asset. An account changes once for each of its versions, so a
-- transfer is found by either side.
CREATE TABLE transfers (
    debit INTEGER NOT NULL,
    debit_version INTEGER NOT NULL,
    credit INTEGER NOT NULL,
    credit_version INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    id_low INTEGER NOT NULL,
    id_high INTEGER NOT NULL,
    hold_low INTEGER NOT NULL,
    hold_high INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    held INTEGER NOT NULL,
    code INTEGER NOT NULL,
    reference INTEGER NOT NULL,
    status INTEGER NOT NULL,
    PRIMARY KEY (debit, debit_version)
) WITHOUT ROWID;

-- What a player was told of changes of his accounts.
CREATE TABLE wallet_changes (
    player INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    match INTEGER NOT NULL,
    asset INTEGER NOT NULL,
    change INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    held INTEGER NOT NULL,
    version INTEGER NOT NULL,
    code INTEGER NOT NULL,
    PRIMARY KEY (player, message)
) WITHOUT ROWID;

-- Which message told a player that there is a seat: all that happened in it comes later.
CREATE TABLE seats (
    player INTEGER NOT NULL,
    match INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (player, match)
) WITHOUT ROWID;

-- How a match ended for a player. "rule" has put the seat out of the game; 0: none did.
CREATE TABLE finished_matches (
    player INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    match INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    seats INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    prize INTEGER NOT NULL,
    asset INTEGER NOT NULL,
    trades INTEGER NOT NULL,
    wins INTEGER NOT NULL,
    max_drawdown INTEGER NOT NULL,
    profit INTEGER NOT NULL,
    fees INTEGER NOT NULL,
    starting_balance INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    PRIMARY KEY (player, match)
) WITHOUT ROWID;
CREATE INDEX finished_by_message ON finished_matches (player, message);
CREATE INDEX finished_by_rank ON finished_matches (match, rank);

-- What a seat was worth while its match was played. All seats of a match are told of at once, so they lie together.
CREATE TABLE equity_points (
    match INTEGER NOT NULL,
    player INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    equity INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (match, player, at_ns)
) WITHOUT ROWID;

-- How each player stands, or stood at its end, in each season in which he finished a match that counts.
CREATE TABLE standings (
    season INTEGER NOT NULL,
    player INTEGER NOT NULL,
    cups INTEGER NOT NULL,
    cups_at_ns INTEGER NOT NULL,    -- since when there are so many
    matches INTEGER NOT NULL,
    PRIMARY KEY (season, player)
) WITHOUT ROWID;
CREATE INDEX standings_by_cups ON standings (season, cups DESC, cups_at_ns, player);
