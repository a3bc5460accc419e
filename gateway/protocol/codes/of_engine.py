"""The reasons for which the engine refuses: for each, what brings it about and what to do."""

from __future__ import annotations

from typing import Final

from gateway.protocol.codes.of_gateway import Help

ENGINE: Final[dict[str, dict[str, Help]]] = {
    "Requests": {
        "KEY_REUSED": Help(
            "the key has come before with another op or other arguments, within the last day",
            "draw a new key for every new request; use an old one only to send the very same again",
        ),
        "COMMAND_UNKNOWN": Help(
            "the log has a command that this version does not know",
            "run the version that has written it, or a newer one",
        ),
        "KEYS_EXHAUSTED": Help(
            "the player has keys_per_player keys that are younger than a day",
            "send without a key, or give orders a client_order_id, which does not count",
        ),
        "KEY_LIMITS_INVALID": Help(
            "keys_per_player or keys_in_all of the configuration is out of bounds", "correct it in [limits]"
        ),
    },
    "Players, matches and seats": {
        "MATCH_NOT_FOUND": Help("no match has this id, or it is private and not yours", "take one of match.list"),
        "MATCH_NOT_OPEN": Help(
            "the match waits for players, is paused, or is over", "look at its status; room.started tells when it opens"
        ),
        "MATCH_NOT_PRACTICE": Help("the op is for practice matches", "use it in a practice match only"),
        "GAME_NOT_FOUND": Help("no game has this id, or it was deleted", "take one of game.list"),
        "GAME_INVALID": Help(
            "two rules of the game contradict each other, or one is out of bounds",
            "see [[games]] in config.toml for what each rule may be",
        ),
        "NOT_JOINED": Help("the player has no seat there", "match.join first, or queue.join and wait for the match"),
        "SEAT_NOT_FLAT": Help(
            "something is still open in the seat", "order.cancel_all and position.close, then send it again"
        ),
        "MATCH_LOCKED": Help(
            "an operator has locked the match", "close and cancel as you like; wait for switch.changed"
        ),
        "PLAYER_LOCKED": Help("an operator has locked the player", "close and cancel as you like; ask the operator"),
        "SEAT_LOCKED": Help(
            "the profit target was reached, and the game's rule is that it locks", "nothing: it is done"
        ),
        "SEAT_DISQUALIFIED": Help(
            "the seat broke a rule of the game", "match.summary and seat.disqualified say which; join another match"
        ),
        "MATCH_ENDLESS": Help("the game has no duration, and the match is no practice", "set duration_s of the game"),
        "ALREADY_JOINED": Help("the seat is taken, by the same player", "nothing: go on with the seat that there is"),
        "MATCH_FULL": Help("max_players have joined", "take another match of match.list, or queue.join"),
        "MATCH_NOT_WAITING": Help(
            "joining, leaving, starting or calling off came when the match had begun or was over",
            "take another match; one that goes on is ended by admin.end_match",
        ),
        "MATCH_EMPTY": Help("it was to be started without players", "wait until somebody has joined, or call it off"),
        "MATCH_NOT_OVER": Help("the op is for matches that are over", "wait for match.finished"),
        "CODE_WRONG": Help(
            "the match is private, and the code is missing or another", "ask whoever has made the match for its code"
        ),
        "PLAYER_NOT_FOUND": Help("no player has this id", "search for the player first"),
        "GAME_NOT_ACTIVE": Help("an operator has switched the game off", "take another of game.list"),
        "NOTIFICATION_NOT_FOUND": Help(
            "a number that no notification of the player has, or more numbers than one request may name",
            "take numbers that me.notifications lists, some at a time",
        ),
        "SEASON_INVALID": Help("the name of the season is empty or too long", "give 1 to 64 characters"),
    },
    "Instruments and quotes": {
        "INSTRUMENT_NOT_FOUND": Help("no instrument has this id", "take one that the op instruments lists"),
        "INSTRUMENT_INVALID": Help(
            "a size, fee, bracket or the hours are out of bounds, or tick, lot or quote currency was to change",
            "see [[instruments]] in config.toml for what each field may be",
        ),
        "INSTRUMENT_DISABLED": Help("the instrument is defined, and not traded", "take one that is enabled"),
        "INSTRUMENT_LOCKED": Help(
            "an operator lets nothing be opened in it for now", "close and cancel as you like; wait for switch.changed"
        ),
        "INSTRUMENT_HALTED": Help(
            "an operator has halted it, or its prices cannot be trusted", "wait for switch.changed; orders keep resting"
        ),
        "INSTRUMENT_CLOSE_ONLY": Help(
            "it is about to be taken out of trading", "close what is open; trade another one"
        ),
        "FEED_STALE": Help(
            "no quote has come for longer than quote_lifetime_ms",
            "wait for the next tick; closes wait for it by themselves",
        ),
        "QUOTE_NOT_USABLE": Help(
            "what the market sent is crossed, wider than max_spread, above highest_price, or old",
            "nothing: the next quote that is right counts",
        ),
        "MARKET_CLOSED": Help("it is outside of the hours of the instrument", "come back at opens_at of the details"),
        "INSTRUMENT_NOT_HALTED": Help(
            "the instrument was to be settled while it can fill", "halt it by admin.set_switch"
        ),
        "INSTRUMENT_SETTLED": Help(
            "an operator closed all positions and cancelled all orders of it, at a price of his", "trade another one"
        ),
        "ZONE_INVALID": Help(
            "the data of a time zone are not in order", "update the package tzdata and start the arena again"
        ),
        "ZONE_NOT_FOUND": Help("no time zone has this name", 'take a name such as "America/New_York" or "UTC"'),
    },
    "Orders": {
        "ORDER_NOT_FOUND": Help(
            "it has filled, ended or never was, or is not the player's", "order.get tells what has become of it"
        ),
        "SIDE_INVALID": Help("side is neither long nor short", "send one of the two"),
        "TYPE_INVALID": Help("the match or instrument does not offer this type", "send market, limit or stop"),
        "TIME_IN_FORCE_INVALID": Help("a market order came with gtd, or a stop order with ioc", "leave it out for gtc"),
        "SIZE_INVALID": Help("both margin and quantity were given, or neither, or 0", "give one of them, above 0"),
        "SIZE_ZERO": Help("margin x leverage is less than the price of one lot", "give more margin, or more leverage"),
        "QUANTITY_TOO_LOW": Help("less than min_quantity of the instrument", "order at least that much"),
        "QUANTITY_TOO_HIGH": Help("more than max_quantity of the instrument", "split the order"),
        "NOTIONAL_TOO_LOW": Help("price x quantity is below min_notional of the instrument", "order more of it"),
        "EXPOSURE_TOO_HIGH": Help(
            "all that is open in the seat together would pass what the engine counts with", "close something first"
        ),
        "LEVERAGE_INVALID": Help("leverage is below 1", "send a whole number from 1 on"),
        "LEVERAGE_TOO_HIGH": Help(
            "above max_leverage of the match or the instrument, or of the bracket that the notional falls into",
            "take less leverage, or a smaller order",
        ),
        "PRICE_INVALID": Help(
            "a market order with a price, a limit or stop order without one, or one that is 0 or above highest_price",
            "give a price to limit and stop orders, and to no other",
        ),
        "EXPIRY_INVALID": Help(
            "expires_at is past, or stands beside another time in force than gtd", "send a later time, with gtd"
        ),
        "CASH_TOO_LOW": Help(
            "free cash is less than margin and fee; resting orders and stakes hold theirs",
            "order less, or cancel or close something; order.test says what an order costs",
        ),
        "TOO_MANY_POSITIONS": Help("max_positions of the match are open or rest", "close or cancel something first"),
        "WOULD_LIQUIDATE_NOW": Help(
            "at this leverage the spread and fee alone pass the maintenance margin", "take less leverage"
        ),
        "WOULD_TRIGGER_NOW": Help(
            "a stop at or beyond the price of now would fire at once",
            "put stops behind the price and targets ahead of it, seen from the side of the position",
        ),
        "SLIPPAGE_INVALID": Help(
            "max_slippage is 0, too large, or of a limit or stop order", "send 1 to 1000000, or none"
        ),
        "SLIPPAGE_TOO_HIGH": Help(
            "the price moved between acceptance and fill", "order again at the price of now, or allow more slippage"
        ),
        "ORDER_EXECUTING": Help(
            "it could fill already and waits for the next quote",
            "wait for order.filled, order.refused or order.expired",
        ),
        "INSTRUMENT_NOT_ALLOWED": Help(
            "allowed_symbols of the game has others", "take one that rules of match.get names"
        ),
        "SIDE_NOT_ALLOWED": Help("the game is long_only or short_only", "take the other direction"),
        "TOO_MANY_TRADES": Help(
            "max_trades_per_minute of the game were placed in the last minute", "wait for retry_after"
        ),
        "TRAILING_STOP_INVALID": Help(
            "trailing_stop is out of bounds, or stands beside a stop_loss", "give one of the two; 10000 is one percent"
        ),
        "WOULD_FILL_NOW": Help(
            "an amended limit price is at or through the market", "cancel the order and place a new one at this price"
        ),
        "HEDGING_NOT_ALLOWED": Help(
            "the match allows one side at a time in an instrument", "close or cancel the other side first"
        ),
        "DISCONNECT_DELAY_INVALID": Help(
            "after_ms is below 1000 or above a day", "send 1000 to 86400000, or 0 for never"
        ),
        "DISCONNECT_NOT_SET": Help("there was nothing to do when the player went away", "nothing: no client sees it"),
        "DISCONNECTED": Help(
            "no connection of the player was open for after_ms of cancel_on_disconnect", "place the order again"
        ),
    },
    "Positions": {
        "POSITION_NOT_FOUND": Help(
            "it was closed, by its stop perhaps, or is not the player's", "me.trades tells how it closed"
        ),
        "PERCENT_INVALID": Help("percent is below 1 or above 100", "send 1 to 100, or a quantity, or neither for all"),
        "POSITION_CLOSING": Help("a close was accepted and waits for its quote", "wait for position.closed"),
        "MARGIN_INVALID": Help(
            "both add_margin and remove_margin were given, or an amount of 0", "give one of them, above 0"
        ),
        "MARGIN_TOO_LOW": Help(
            "what would stay is less than notional / leverage", "take back less, or close a part of the position"
        ),
    },
    "The whole arena": {
        "TRADING_LOCKED": Help(
            "an operator has locked the arena", "close and cancel as you like; wait for switch.changed"
        ),
        "ARENA_CLOSE_ONLY": Help("an operator winds the arena down", "close what is open"),
        "SWITCH_INVALID": Help(
            "the switch does not go with what it is set of, that is not there, or the reason is blank",
            "an arena can be locked or close_only, an instrument also halted, a match or player only locked",
        ),
    },
    "Fixed-time trades": {
        "FIXED_NOT_OFFERED": Help(
            "the instrument has no fixed terms, or not for this wallet", "look at `fixed` of the op instruments"
        ),
        "DIRECTION_INVALID": Help("direction is neither up nor down", "send one of the two"),
        "STAKE_TOO_LOW": Help("less than min_stake of the instrument", "stake at least that much"),
        "STAKE_TOO_HIGH": Help("more than max_stake of the instrument", "stake at most that much"),
        "DURATION_INVALID": Help(
            "below min_duration or above max_duration, or the match ends before", "take a duration in between"
        ),
        "EXPOSURE_CAP_REACHED": Help(
            "all players together have staked exposure_cap on this direction and minute",
            "stake less, in the other direction, or for another minute",
        ),
        "QUOTES_TOO_FEW": Help("the market was silent until the expiry", "nothing: the stake came back"),
        "ENTRY_MISSED": Help("no quote came between acceptance and expiry", "nothing: the stake came back"),
        "HOUSE_LIMIT": Help(
            "the payout of all open trades would pass what the house has of the asset", "stake less, or try later"
        ),
    },
    "The ledger": {
        "TRANSFER_INVALID": Help(
            "a transfer of the ledger has no id, or flags that exclude each other", "correct the program that made it"
        ),
        "DIFFERENT_TRANSFER_SAME_ID": Help(
            "the id of a transfer came again with another amount or account", "draw a new id for every new transfer"
        ),
        "ACCOUNT_NOT_FOUND": Help("the player has nothing in this asset", "look at me.wallet"),
        "ASSET_UNKNOWN": Help("the arena has no such asset", "take one of the list in the details"),
        "SAME_ACCOUNT": Help("debit and credit are the same account", "name two accounts"),
        "ASSETS_DIFFER": Help("one account is of another asset than the other", "name two accounts of one asset"),
        "AMOUNT_INVALID": Help("the amount is 0, negative or too large", "send a positive amount within the bounds"),
        "INSUFFICIENT_FUNDS": Help(
            "the balance less what is held does not cover it", "look at balance and held in me.wallet; pay in, or wait"
        ),
        "VERSION_CONFLICT": Help(
            "the balance has changed since the client saw its version", "ask me.wallet and send it with that version"
        ),
        "HOLD_NOT_FOUND": Help("no hold has this id", "correct the program that names it"),
        "HOLD_RESOLVED": Help("the hold was posted or voided before", "nothing: it is done"),
        "HOLD_EXPIRED": Help("the hold was not posted in time", "place a new one"),
        "LINK_FAILED": Help(
            "transfers that stand or fall together failed", "the one that is at fault has its own code"
        ),
    },
    "Queues, and matches that are called off": {
        "ALREADY_QUEUED": Help("the player waits there already", "wait for match.created or queue.left"),
        "NOT_QUEUED": Help("the wait is over, or never began", "me.get lists the queues that the player waits in"),
        "QUEUE_NOT_OFFERED": Help("the game has no min_players", "take a match of match.list"),
        "QUEUE_TIMED_OUT": Help("not enough players came within queue_timeout_s", "queue.join again"),
        "OUTAGE": Help("prices were missing for outage_s, and the game's rule is void", "nothing: every fee came back"),
        "CALLED_OFF": Help("an operator has ended the match without a ranking", "nothing: every fee came back"),
        "QUEUE_FULL": Help(
            "the house has not enough of the asset for another prize", "wait for retry_after, or take another game"
        ),
        "GAME_CHANGED": Help(
            "an operator has updated the game while the player waited", "look at game.get and queue.join again"
        ),
    },
    "Referrals and the store": {
        "REFERRAL_CODE_UNKNOWN": Help("the code is mistyped", "correct it, or sign up without one"),
        "REFERRALS_INVALID": Help(
            "a bonus is negative or too large, or in an asset that is none", "see [referrals] in config.toml"
        ),
        "ITEM_UNKNOWN": Help("no item has this name", "take GOLD_COIN or TREASURE_BOX"),
        "OFFER_INVALID": Help("the price is 0, too large, or in demo money or items", "price it in live money"),
        "OFFER_NOT_FOUND": Help("the item is not in the store", "take one of store.list"),
        "OFFER_NOT_ACTIVE": Help("the offer is shown, and not sold for now", "come back later"),
        "COUNT_INVALID": Help("count is below 1, or count x price is too large", "buy fewer, at least one"),
        "OUT_OF_STOCK": Help("others have bought what there was", "buy no more than `stock` of store.list"),
        "TOP_UP_LIMIT": Help("the player would have more than top_up_most of the asset", "do with what there is"),
    },
}
