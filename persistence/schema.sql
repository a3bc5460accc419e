-- The projection, for history queries. It is made from the log's events only, and can be rebuilt from them.
-- Integers as in the log: prices in ticks, quantities in lots, virtual money in 1e-8 units, times in ns since the epoch.
-- Tables are clustered by the key of their queries (WITHOUT ROWID), so that an insert writes one tree: a player's rows by
-- message number, which has no gaps; candles by instrument and interval.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log_id BLOB NOT NULL,       -- of the log that it is made from; empty before the first one
    sequence INTEGER NOT NULL   -- last entry whose events are in, set in the transaction that put them there
);
INSERT INTO meta VALUES (1, x'', 0);

-- Orders, one row each, from the first event about it to the last: "kind" is that event, and POSITION_OPENED of one that is
-- filled. "price" and "trailing" are 0 of one that filled on arrival, for then only the fill is told.
CREATE TABLE orders (
    player INTEGER NOT NULL,
    id INTEGER NOT NULL,
    match INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    side INTEGER NOT NULL,
    order_type INTEGER NOT NULL,
    leverage INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,
    accepted_sequence INTEGER NOT NULL,
    accepted_at_ns INTEGER NOT NULL,
    accepted_message INTEGER NOT NULL,
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    lots INTEGER NOT NULL,
    price INTEGER NOT NULL,
    margin INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    stop_loss INTEGER NOT NULL,
    take_profit INTEGER NOT NULL,
    trailing_ppm INTEGER NOT NULL,
    fill_price INTEGER NOT NULL,
    PRIMARY KEY (player, id)
) WITHOUT ROWID;
CREATE INDEX orders_by_client ON orders (player, client_order_id, id) WHERE client_order_id <> '';

-- Filled orders. A fill opens the position with the order's id; "message" is the number of the player's message about it.
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

-- One row per close of a position or a part of it; "left" is 0 for the last one.
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
CREATE INDEX closed_by_position ON closed_positions (player, id);

-- Settled fixed-time trades. Entry and exit are bid + ask, in half ticks; an entry of 0: none. With an asset other than
-- 0 it was staked from the player's wallet: stake and profit are in native units.
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

-- Candles of the shortest interval are pruned while the arena runs; a rebuilt projection has all of them until then.
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

-- The journal: every transfer of the ledger, every hold and its end. Amounts are in native units; an account's id is
-- owner * 65536 + Account * 256 + Asset. Each transfer raises the versions of both accounts by 1, so (account, version)
-- identifies it on either side.
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

-- WALLET_CHANGED messages to players.
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

-- What players are notified of: the event as it is in the batch, of which the text is made when it is looked at.
CREATE TABLE notifications (
    player INTEGER NOT NULL,
    message INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    match INTEGER NOT NULL,
    event BLOB NOT NULL,
    read_at_ns INTEGER NOT NULL,    -- 0: it is not
    PRIMARY KEY (player, message)
) WITHOUT ROWID;
CREATE INDEX unread_notifications ON notifications (player, message) WHERE read_at_ns = 0;

-- The message with which a seat was opened: all messages of the seat have higher numbers.
CREATE TABLE seats (
    player INTEGER NOT NULL,
    match INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (player, match)
) WITHOUT ROWID;

-- Results of players in finished matches. "rule" is the one that took the seat out; 0: none.
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

-- Equity samples of seats. All seats of a match are sampled together, so they are clustered by match.
CREATE TABLE equity_points (
    match INTEGER NOT NULL,
    player INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    equity INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (match, player, at_ns)
) WITHOUT ROWID;

-- Results of players per season: current, or final. Only players with a counted match.
CREATE TABLE standings (
    season INTEGER NOT NULL,
    player INTEGER NOT NULL,
    cups INTEGER NOT NULL,
    cups_at_ns INTEGER NOT NULL,    -- since when there are so many
    matches INTEGER NOT NULL,
    PRIMARY KEY (season, player)
) WITHOUT ROWID;
CREATE INDEX standings_by_cups ON standings (season, cups DESC, cups_at_ns, player);
