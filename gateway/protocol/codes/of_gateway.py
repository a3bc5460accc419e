"""The error codes of the gateway: for each, what brings it about and what to do. Grouped as in docs/errors.md."""

from __future__ import annotations

from typing import Final, NamedTuple


class Help(NamedTuple):
    """Beside a code's message: what brings it about, and what to do about it."""

    cause: str
    cure: str


GATEWAY: Final[dict[str, dict[str, Help]]] = {
    "Messages": {
        "BAD_MESSAGE": Help(
            "a field of the envelope is missing, misspelt or of another type, or a body did not arrive whole",
            "send an object with id, op and args, and beside them nothing but key and deadline",
        ),
        "NOT_JSON": Help(
            "a text frame or a body that no JSON parser reads",
            "print what you send; for msgpack ask for the subprotocol arena.v1+msgpack",
        ),
        "NOT_MSGPACK": Help(
            "a binary frame that is cut off or is not msgpack",
            "send one whole object per frame; for JSON ask for the subprotocol arena.v1+json",
        ),
        "UNKNOWN_OP": Help("the name of the op is misspelt, or of another version", "look it up in the table of ops"),
        "BAD_ARGUMENTS": Help(
            "a field is missing, unknown, of another type or out of bounds",
            "the details name the field, its value and what is allowed: correct that field",
        ),
        "FLOAT_NOT_ALLOWED": Help(
            "a price, quantity, amount or other number came as a JSON float such as 0.1",
            'send decimals as text ("0.1"), and whole numbers without a point',
        ),
        "NOT_DECIMAL": Help(
            "a decimal has an exponent, a plus sign, spaces or other characters", 'write it plainly, such as "61837.64"'
        ),
        "TOO_PRECISE": Help(
            "more decimals than the tick size, the lot size or the asset has",
            "round to a multiple of `steps_of` in the details; op instruments has tick_size and lot_size",
        ),
        "OUT_OF_RANGE": Help(
            "the number is below `at_least` or above `at_most`", "send a number between these two of the details"
        ),
        "KEY_NOT_ALLOWED": Help("a query, or order.place with a client_order_id, came with a key", "leave the key out"),
        "TOO_LARGE": Help("the body of the request is longer than frame_bytes of the limits", "send less at once"),
    },
    "Sessions": {
        "NOT_AUTHENTICATED": Help(
            "the op or channel is not for strangers, and nothing has said who is asking",
            "send auth first; over HTTP send Authorization: Bearer with the token",
        ),
        "ALREADY_AUTHENTICATED": Help(
            "auth came with another player's token than the connection has",
            "open another connection for another player",
        ),
        "TOKEN_INVALID": Help(
            "the token, key or ticket is mistyped, expired, used up or revoked, or is of another arena",
            "get a new one: renew or refresh in time, else sign in again",
        ),
        "ADMINS_ONLY": Help("a player has asked for an operator's op", "use the token of an operator"),
        "ROLE_FORBIDDEN": Help(
            "the operator's role is a lower one: support reads, finance moves money, admin may do all",
            "ask an admin to do it, or for the role",
        ),
        "CREDENTIALS_INVALID": Help(
            "the password or code is wrong or has expired, or there is no such account: which of these is not told",
            "try again, each time after a longer wait; or reset the password by mail",
        ),
        "REFRESH_REUSED": Help(
            "a refresh token came twice: a copy of it is about, or its answer was lost on the way",
            "sign in again; keep each new refresh token before the old one is thrown away",
        ),
        "ACCOUNT_DISABLED": Help("an operator has disabled the account", "ask the operator why"),
        "ACCOUNT_NEEDED": Help(
            "a guest has asked for what is of accounts", "turn the guest into an account by auth/register"
        ),
        "ACCOUNT_EXISTS": Help(
            "the user name or address is taken, perhaps by yourself", "sign in instead, or take another name"
        ),
        "CODE_NEEDED": Help(
            "signing up with an address needs the code that was mailed to it",
            "ask for one by auth/otp/request and send it along",
        ),
        "NOT_ELIGIBLE": Help(
            "birth_date or country is not what the operator may let play", "correct it if it was mistyped; else nothing"
        ),
        "SELF_EXCLUDED": Help(
            "the player has asked to be shut out until the time in the details", "close and withdraw; come back then"
        ),
        "PLAY_LIMIT_REACHED": Help(
            "the limit of deposit, loss or time that the details name is used up",
            "wait until it counts anew; a higher limit holds a day after it was asked for",
        ),
        "PLAYERS_ONLY": Help("an operator has asked for what needs a seat or a wallet", "use a player's token"),
        "ORIGIN_FORBIDDEN": Help(
            "a page of a site that the configuration does not name has asked",
            "let the operator add the site to allowed_origins of [server]",
        ),
        "NOT_ALLOWED": Help(
            "the configuration has switched this off, as guests and top-ups are outside of development",
            "do without, or let the operator allow it",
        ),
        "PARTNERS_ONLY": Help(
            "a user of a partner was named, and the API key is no partner's",
            "leave external_user_id out, or use the key of a partner",
        ),
        "KEY_SCOPE": Help(
            "the op needs a scope that the key has not, or is closed to keys",
            "the details say which scope it `needs`: give it to the key, or sign in",
        ),
        "KEY_ADDRESS": Help(
            "the key has a list of addresses, and the request came from another one",
            "the details have the address: add it to the key's list with me.keys.update",
        ),
        "SIGNATURE_INVALID": Help(
            "other bytes were signed than were sent, with another key, too long ago, or with a nonce that was used",
            "sign each request anew with a nonce of its own, and set the clock by `server_time` of the details",
        ),
        "TOO_MANY_KEYS": Help("keys_per_user of the configuration are there", "revoke one that is not used"),
        "TOO_MANY_PLAYERS": Help(
            "as many sub-accounts, or users of a partner, are there as the configuration allows",
            "use one that there is",
        ),
        "SAME_PERSON": Help(
            "the owner or another of his sub-accounts is in the match or the queue, or tries to get in",
            "take part with one account only",
        ),
        "CHANNEL_UNKNOWN": Help(
            "no channel has such a name: it is misspelt, or what it is of does not exist",
            "the details name the channel and its place; see the table of channels",
        ),
        "TOO_MANY_CHANNELS": Help(
            "the connection would listen to more than channels_per_connection",
            "unsubscribe from something first, or open another connection",
        ),
        "HANDSHAKE_INVALID": Help(
            "a request to /ws without the headers of a WebSocket, as when it is opened like a page",
            "use a WebSocket client; a proxy in between must pass Upgrade and Connection on",
        ),
        "HANDSHAKE_VERSION": Help("the client speaks an old draft of WebSocket", "use one that speaks RFC 6455"),
    },
    "Load": {
        "TOO_LATE": Help(
            "the deadline had passed by the arena's clock, which the op time tells",
            "decide anew whether the command still makes sense, and send it with a later deadline",
        ),
        "OVERLOADED": Help(
            "commands wait for longer than the limits allow, or too many of the connection's history ops do",
            "wait for retry_after and send it again with the same key; closes and cancels are let in longest",
        ),
        "RATE_LIMITED": Help(
            "more messages or requests in a time than the limits of the connection, player, address or key",
            "wait for retry_after; listen to channels instead of asking again and again",
        ),
        "STOPPING": Help(
            "the server is being stopped or restarted",
            "connect again after some seconds and send what was not answered once more, with the same keys",
        ),
        "INTERNAL": Help(
            "something failed in the server, or the answer did not come in time",
            "ask for the state, or send the command again with its key; tell the operator the X-Request-Id",
        ),
    },
    "Things": {
        "SYMBOL_UNKNOWN": Help(
            "the arena has no instrument of that name; capitals matter", "take one that the op instruments lists"
        ),
        "MATCH_CALLED_OFF": Help(
            "a summary was asked for of a match that has no ranking", "ask match.get for why it was called off"
        ),
        "INTERVAL_UNKNOWN": Help("candles are not kept in this interval", "take one that the message lists"),
        "SEASON_UNKNOWN": Help(
            "the number of the season is higher than that of the current one", "leave season out, or take a lower one"
        ),
        "NOT_FOUND": Help("the path is misspelt, or nothing of that id is yours", "compare it with the documents"),
        "METHOD_NOT_ALLOWED": Help("the path is right, the method is not", "take one of the header Allow"),
    },
}
