/**
 * The types of the JavaScript client, generated from the server's definitions by
 * gateway/documents/typescript.py. Decimals are text; times are ms since 1970 UTC.
 */

/** Every op: what it takes, what it answers, and whether it changes something. */
export interface Ops {
  "auth": { args: Auth; result: Authenticated; command: false };
  "renew": { args: Nothing; result: Renewed; command: false };
  "auth.ticket": { args: Nothing; result: Ticket; command: false };
  "resume": { args: Resume; result: Resumed; command: false };
  "ping": { args: Nothing; result: Empty; command: false };
  "time": { args: Nothing; result: Time; command: false };
  "subscribe": { args: Subscribe; result: Subscribed; command: false };
  "unsubscribe": { args: Unsubscribe; result: Subscribed; command: false };
  "me.get": { args: Nothing; result: Me; command: false };
  "instruments": { args: Nothing; result: Instrument[]; command: false };
  "quote": { args: QuoteOf; result: Quote; command: false };
  "candles": { args: CandlesOf; result: Candle[]; command: false };
  "tickers": { args: TickersOf; result: Ticker[]; command: false };
  "game.list": { args: Nothing; result: Game[]; command: false };
  "game.get": { args: OfGame; result: Game; command: false };
  "board.cups": { args: CupsOf; result: CupsBoard; command: false };
  "match.list": { args: MatchList; result: Match[]; command: false };
  "match.get": { args: OfMatch; result: Match; command: false };
  "match.board": { args: OfMatch; result: Board; command: false };
  "match.summary": { args: OfMatch; result: Summary; command: false };
  "match.join": { args: JoinMatch; result: MatchRef; command: true };
  "match.leave": { args: OfMatch; result: MatchRef; command: true };
  "match.reset": { args: OfMatch; result: MatchRef; command: true };
  "queue.join": { args: OfGame; result: QueueRef; command: true };
  "queue.leave": { args: OfGame; result: QueueRef; command: true };
  "order.place": { args: PlaceOrder; result: Placed; command: true };
  "order.amend": { args: AmendOrder; result: AmendedOrder; command: true };
  "order.cancel": { args: CancelOrder; result: Canceled; command: true };
  "order.cancel_all": { args: OfMatch; result: CanceledAll; command: true };
  "cancel_on_disconnect": { args: CancelOnDisconnect; result: CancelsOnDisconnect; command: true };
  "order.list": { args: OfMatch; result: Order[]; command: false };
  "order.get": { args: OfOrder; result: OrderLife; command: false };
  "order.history": { args: OrdersOf; result: PagedOrderRecord; command: false };
  "order.test": { args: PlaceOrder; result: Tested; command: false };
  "position.close": { args: ClosePosition; result: Closed; command: true };
  "position.amend": { args: AmendPosition; result: Amended; command: true };
  "position.list": { args: OfMatch; result: Position[]; command: false };
  "fixed.buy": { args: BuyFixed; result: FixedBought; command: true };
  "fixed.list": { args: Nothing; result: FixedTrade[]; command: false };
  "me.matches": { args: OfMatches; result: PagedFinishedMatch; command: false };
  "me.trades": { args: SeatTrades; result: PagedClosedTrade; command: false };
  "me.fills": { args: SeatTrades; result: PagedFill; command: false };
  "me.fixed": { args: FixedTradesOf; result: PagedSettledTrade; command: false };
  "me.notifications": { args: NotificationsOf; result: Notifications; command: false };
  "me.read": { args: ReadNotifications; result: Empty; command: true };
  "me.keys.create": { args: CreateKey; result: CreatedKey; command: false };
  "me.keys.list": { args: Nothing; result: ApiKey[]; command: false };
  "me.keys.update": { args: UpdateKey; result: ApiKey; command: false };
  "me.keys.revoke": { args: OfKey; result: Empty; command: false };
  "me.keys.usage": { args: UsageOf; result: KeyUsage[]; command: false };
  "me.wallet": { args: Nothing; result: Balance[]; command: false };
  "me.ledger": { args: OfMatches; result: PagedWalletChange; command: false };
  "wallet.top_up": { args: Money; result: Credited; command: true };
  "store.list": { args: Nothing; result: Offer[]; command: false };
  "wallet.purchase": { args: Purchase; result: Purchased; command: true };
  "inventory.list": { args: Nothing; result: Item[]; command: false };
  "referral.get": { args: Nothing; result: Referral; command: false };
  "admin.log": { args: ActionsOf; result: PagedOperatorAction; command: false };
  "admin.keys": { args: KeysOf; result: KeyRecord[]; command: false };
  "admin.players": { args: PlayersOf; result: PagedPlayerEntry; command: false };
  "admin.player": { args: OfPlayer; result: PlayerRecord; command: false };
  "admin.ledger": { args: LedgerOf; result: PagedWalletChange; command: false };
  "admin.exposure": { args: Nothing; result: Exposure[]; command: false };
  "admin.limits": { args: Nothing; result: ArenaLimits; command: false };
  "admin.audit": { args: Nothing; result: Audited; command: false };
  "admin.solvency": { args: OfMatch; result: Solvency; command: false };
  "admin.fund_rewards": { args: Money; result: Credited; command: true };
  "admin.fund_referrals": { args: Money; result: Credited; command: true };
  "admin.set_referrals": { args: ReferralTerms; result: Made; command: true };
  "admin.set_offer": { args: OfferSpec; result: Made; command: true };
  "admin.stock": { args: Stock; result: Made; command: true };
  "admin.define_instrument": { args: InstrumentSpec; result: Defined; command: true };
  "admin.settle_instrument": { args: SettleInstrument; result: Made; command: true };
  "admin.create_game": { args: GameSpec; result: Made; command: true };
  "admin.update_game": { args: GameUpdate; result: Made; command: true };
  "admin.delete_game": { args: OfGame; result: Made; command: true };
  "admin.activate_game": { args: ActivateGame; result: Made; command: true };
  "admin.start_season": { args: StartSeason; result: Made; command: true };
  "admin.create_match": { args: CreateMatch; result: Made; command: true };
  "admin.start_match": { args: OfMatch; result: Made; command: true };
  "admin.cancel_match": { args: CancelMatch; result: Made; command: true };
  "admin.archive_match": { args: OfMatch; result: Made; command: true };
  "admin.end_match": { args: EndMatch; result: Made; command: true };
  "admin.set_switch": { args: SetSwitch; result: Made; command: true };
}

export interface Message<Channel, Type, Data> {
  channel: Channel;
  /** Counts the channel's messages without gaps. */
  n: number;
  seq: number;
  at: number;
  type: Type;
  /** Of a message of the kind "ended", and of a candle or ticker that nothing is known of yet, it is empty. */
  data: Data;
  kind?: "snapshot" | "conflated" | "ended";
  place?: number;
}

/** Any message of any channel. */
export type ArenaEvent =
  | Message<`tick.${string}`, "tick", Quote>
  | Message<`ticker.${string}`, "ticker", Ticker>
  | Message<`candle.${string}`, "candle", CandleEvent>
  | Message<`board.${string}`, "board", Board>
  | Message<`match.${string}`, "match", Match>
  | Message<`match.${string}`, "room.joined", RoomEvent>
  | Message<`match.${string}`, "room.left", RoomEvent>
  | Message<`match.${string}`, "room.started", RoomEvent>
  | Message<`match.${string}`, "room.canceled", RoomEvent>
  | Message<`match.${string}`, "room.finished", RoomEvent>
  | Message<`match.${string}`, "room.archived", RoomEvent>
  | Message<`match.${string}`, "room.timed", RoomEvent>
  | Message<`match.${string}`, "room.paused", RoomEvent>
  | Message<`match.${string}`, "room.resumed", RoomEvent>
  | Message<"me", "me", Me>
  | Message<"me", "order.accepted", OrderEvent>
  | Message<"me", "order.filled", OrderEvent>
  | Message<"me", "order.canceled", OrderEvent>
  | Message<"me", "order.expired", OrderEvent>
  | Message<"me", "order.refused", OrderEvent>
  | Message<"me", "order.changed", OrderEvent>
  | Message<"me", "position.opened", PositionEvent>
  | Message<"me", "position.changed", PositionEvent>
  | Message<"me", "position.closed", PositionEvent>
  | Message<"me", "position.reduced", PositionEvent>
  | Message<"me", "position.margin_changed", PositionEvent>
  | Message<"me", "match.joined", SeatEvent>
  | Message<"me", "seat.changed", SeatEvent>
  | Message<"me", "seat.warned", Judgement>
  | Message<"me", "seat.disqualified", Judgement>
  | Message<"me", "seat.locked", Judgement>
  | Message<"me", "match.left", MatchRef>
  | Message<"me", "queue.joined", QueueEvent>
  | Message<"me", "queue.left", QueueEvent>
  | Message<"me", "match.created", MatchRef>
  | Message<"me", "match.started", MatchRef>
  | Message<"me", "match.paused", MatchRef>
  | Message<"me", "match.resumed", ResumedEvent>
  | Message<"me", "match.canceled", CanceledEvent>
  | Message<"me", "match.finished", FinishedEvent>
  | Message<"me", "player.registered", Empty>
  | Message<"me", "wallet.changed", WalletEvent>
  | Message<"me", "player.progressed", ProgressEvent>
  | Message<"me", "fixed.opened", FixedEvent>
  | Message<"me", "fixed.entered", FixedEvent>
  | Message<"me", "fixed.settled", FixedEvent>
  | Message<"me", "switch.changed", SwitchEvent>
  | Message<"me", "notification", Notification>
  | Message<"me", "notification.read", ReadEvent>
  | Message<"sys", "hello", Hello>
  | Message<"sys", "shutdown", Empty>
  | Message<"sys", "instrument.changed", InstrumentEvent>
  | Message<"sys", "instrument.stale", StaleEvent>
  | Message<"sys", "switch.changed", SwitchEvent>
  | Message<"sys", "season.started", SeasonEvent>
  | Message<"sys", "match.created", MatchCreated>
  | Message<string, "refused", ErrorBody>;

export type ErrorCode =
  | "BAD_MESSAGE"
  | "NOT_JSON"
  | "NOT_MSGPACK"
  | "UNKNOWN_OP"
  | "BAD_ARGUMENTS"
  | "FLOAT_NOT_ALLOWED"
  | "NOT_DECIMAL"
  | "TOO_PRECISE"
  | "OUT_OF_RANGE"
  | "KEY_NOT_ALLOWED"
  | "NOT_AUTHENTICATED"
  | "ALREADY_AUTHENTICATED"
  | "TOKEN_INVALID"
  | "ADMINS_ONLY"
  | "ROLE_FORBIDDEN"
  | "PLAYERS_ONLY"
  | "ORIGIN_FORBIDDEN"
  | "NOT_ALLOWED"
  | "CREDENTIALS_INVALID"
  | "REFRESH_REUSED"
  | "ACCOUNT_DISABLED"
  | "ACCOUNT_NEEDED"
  | "NOT_ELIGIBLE"
  | "SELF_EXCLUDED"
  | "PLAY_LIMIT_REACHED"
  | "ACCOUNT_EXISTS"
  | "CODE_NEEDED"
  | "PARTNERS_ONLY"
  | "KEY_SCOPE"
  | "KEY_ADDRESS"
  | "SIGNATURE_INVALID"
  | "TOO_MANY_KEYS"
  | "TOO_MANY_PLAYERS"
  | "SAME_PERSON"
  | "CHANNEL_UNKNOWN"
  | "TOO_MANY_CHANNELS"
  | "HANDSHAKE_INVALID"
  | "HANDSHAKE_VERSION"
  | "TOO_LATE"
  | "OVERLOADED"
  | "RATE_LIMITED"
  | "STOPPING"
  | "SYMBOL_UNKNOWN"
  | "MATCH_CALLED_OFF"
  | "INTERVAL_UNKNOWN"
  | "SEASON_UNKNOWN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "TOO_LARGE"
  | "INTERNAL"
  | "ACCEPTED"
  | "KEY_REUSED"
  | "COMMAND_UNKNOWN"
  | "KEYS_EXHAUSTED"
  | "KEY_LIMITS_INVALID"
  | "MATCH_NOT_FOUND"
  | "MATCH_NOT_OPEN"
  | "MATCH_NOT_PRACTICE"
  | "GAME_NOT_FOUND"
  | "GAME_INVALID"
  | "NOT_JOINED"
  | "SEAT_NOT_FLAT"
  | "MATCH_LOCKED"
  | "PLAYER_LOCKED"
  | "SEAT_LOCKED"
  | "SEAT_DISQUALIFIED"
  | "MATCH_ENDLESS"
  | "ALREADY_JOINED"
  | "MATCH_FULL"
  | "MATCH_NOT_WAITING"
  | "MATCH_EMPTY"
  | "MATCH_NOT_OVER"
  | "CODE_WRONG"
  | "PLAYER_NOT_FOUND"
  | "GAME_NOT_ACTIVE"
  | "SEASON_INVALID"
  | "NOTIFICATION_NOT_FOUND"
  | "INSTRUMENT_NOT_FOUND"
  | "INSTRUMENT_INVALID"
  | "INSTRUMENT_DISABLED"
  | "INSTRUMENT_LOCKED"
  | "INSTRUMENT_HALTED"
  | "INSTRUMENT_CLOSE_ONLY"
  | "FEED_STALE"
  | "QUOTE_NOT_USABLE"
  | "MARKET_CLOSED"
  | "INSTRUMENT_NOT_HALTED"
  | "INSTRUMENT_SETTLED"
  | "ZONE_INVALID"
  | "ZONE_NOT_FOUND"
  | "ORDER_NOT_FOUND"
  | "SIDE_INVALID"
  | "TYPE_INVALID"
  | "TIME_IN_FORCE_INVALID"
  | "SIZE_INVALID"
  | "SIZE_ZERO"
  | "QUANTITY_TOO_LOW"
  | "QUANTITY_TOO_HIGH"
  | "NOTIONAL_TOO_LOW"
  | "EXPOSURE_TOO_HIGH"
  | "LEVERAGE_INVALID"
  | "LEVERAGE_TOO_HIGH"
  | "PRICE_INVALID"
  | "EXPIRY_INVALID"
  | "CASH_TOO_LOW"
  | "TOO_MANY_POSITIONS"
  | "WOULD_LIQUIDATE_NOW"
  | "WOULD_TRIGGER_NOW"
  | "SLIPPAGE_INVALID"
  | "SLIPPAGE_TOO_HIGH"
  | "ORDER_EXECUTING"
  | "INSTRUMENT_NOT_ALLOWED"
  | "SIDE_NOT_ALLOWED"
  | "TOO_MANY_TRADES"
  | "TRAILING_STOP_INVALID"
  | "WOULD_FILL_NOW"
  | "HEDGING_NOT_ALLOWED"
  | "DISCONNECT_DELAY_INVALID"
  | "DISCONNECT_NOT_SET"
  | "DISCONNECTED"
  | "POSITION_NOT_FOUND"
  | "PERCENT_INVALID"
  | "POSITION_CLOSING"
  | "MARGIN_INVALID"
  | "MARGIN_TOO_LOW"
  | "TRADING_LOCKED"
  | "ARENA_CLOSE_ONLY"
  | "SWITCH_INVALID"
  | "FIXED_NOT_OFFERED"
  | "DIRECTION_INVALID"
  | "STAKE_TOO_LOW"
  | "STAKE_TOO_HIGH"
  | "DURATION_INVALID"
  | "EXPOSURE_CAP_REACHED"
  | "QUOTES_TOO_FEW"
  | "ENTRY_MISSED"
  | "HOUSE_LIMIT"
  | "TRANSFER_INVALID"
  | "DIFFERENT_TRANSFER_SAME_ID"
  | "ACCOUNT_NOT_FOUND"
  | "ASSET_UNKNOWN"
  | "SAME_ACCOUNT"
  | "ASSETS_DIFFER"
  | "AMOUNT_INVALID"
  | "INSUFFICIENT_FUNDS"
  | "VERSION_CONFLICT"
  | "HOLD_NOT_FOUND"
  | "HOLD_RESOLVED"
  | "HOLD_EXPIRED"
  | "LINK_FAILED"
  | "ALREADY_QUEUED"
  | "NOT_QUEUED"
  | "QUEUE_NOT_OFFERED"
  | "QUEUE_TIMED_OUT"
  | "OUTAGE"
  | "CALLED_OFF"
  | "QUEUE_FULL"
  | "GAME_CHANGED"
  | "REFERRAL_CODE_UNKNOWN"
  | "REFERRALS_INVALID"
  | "ITEM_UNKNOWN"
  | "OFFER_INVALID"
  | "OFFER_NOT_FOUND"
  | "OFFER_NOT_ACTIVE"
  | "COUNT_INVALID"
  | "OUT_OF_STOCK"
  | "TOP_UP_LIMIT";

/** An access token, a ticket, or a whole API key; or a signature. `external_user_id` is a partner's user. */
export interface Auth {
  token?: string;
  signature?: Signature;
  external_user_id?: string;
}

/** In place of an API key that is never sent. What is signed: gateway/identity/keys/signatures.py. */
export interface Signature {
  /** ak_ and its number */
  key: string;
  timestamp: number;
  nonce: string;
  /** base64 */
  signature: string;
  /** ms */
  recv_window?: number;
}

export interface Authenticated {
  player: number;
  session: string;
  role: string;
  /** s, of the token */
  expires_in: number;
}

/** No arguments. */
export interface Nothing {

}

/** A token that lasts longer than the one before, of the same player and session. */
export interface Renewed {
  token: string;
  /** s */
  expires_in: number;
}

/** For one `auth`, in the place of a token. */
export interface Ticket {
  ticket: string;
  /** s */
  expires_in: number;
}

/** `session` is what auth answered on the connection that was lost, `last` the number of each channel's last message
 * there. */
export interface Resume {
  session: string;
  last: Record<string, number>;
}

/** By channel, what follows this reply: all that was missed and nothing else, or a snapshot. */
export interface Resumed {
  channels: Record<string, "replayed" | "reset">;
}

/** No result, or no data. */
export interface Empty {

}

export interface Time {
  /** ms */
  at: number;
}

export interface Subscribe {
  channels: string[];
}

/** The channels that the session has afterwards. */
export interface Subscribed {
  channels: string[];
}

export interface Unsubscribe {
  channels: string[];
}

/** The player and all that is open: result of me.get, and the snapshot of the private channel. */
export interface Me {
  player: number;
  name: string;
  role: string;
  seats: Seat[];
  orders: Order[];
  positions: Position[];
  fixed: FixedTrade[];
  queues: QueuePlace[];
  career: Career;
  /** by a kill switch: the player opens nothing */
  locked: boolean;
}

/** A player in a match. `floors`, `distance` and `warnings` are by the names of the rules.
 * 
 * `floors` are of equity, and only of a seat that plays; `distance` is how far equity is above each, and how far
 * net equity is from the profit target. `warnings` are today's, in percent of the way to the floor. `out` says which
 * rule has disqualified the seat, `locked` that it has reached the profit target. `profit` is what prices have brought
 * in closed trades, `fees` all that was paid, `net` the one less the other; so it is everywhere. */
export interface Seat {
  match: number;
  equity: string;
  cash: string;
  reserved: string;
  margin: string;
  profit: string;
  fees: string;
  net: string;
  trades: number;
  wins: number;
  orders: number;
  positions: number;
  /** ms */
  joined_at: number;
  stakes: string;
  status: "disqualified" | "locked" | "playing";
  floors?: Record<string, string>;
  distance?: Record<string, string>;
  warnings?: Record<string, number>;
  out?: Judgement;
  locked?: Judgement;
  /** when the match is over */
  rank?: number;
  prize?: string;
  /** less open stakes and the fees of closing all now; where there is a profit target */
  net_equity?: string;
}

/** What a challenge rule found, and at which quote; without one, the start of a day found it, or it is a warning.
 * 
 * A drawdown holds the seat's `equity` against a `floor`, the profit target holds it, less the fees of closing all,
 * against a `target`; the loss per trade holds a trade's `result`, without fees, against a `limit`. `percent` is how
 * much of the way to the floor a warning goes out at. */
export interface Judgement {
  match: number;
  rule: string;
  equity?: string;
  floor?: string;
  target?: string;
  result?: string;
  limit?: string;
  percent?: number;
  symbol?: string;
  bid?: string;
  ask?: string;
  /** of the log, as the next */
  quote_seq?: number;
  /** of what broke the rule; of an event, its own */
  seq?: number;
}

/** An order that waits for its price, or for its quote. */
export interface Order {
  order: number;
  match: number;
  symbol: string;
  side: "long" | "short";
  type: "limit" | "market" | "stop";
  leverage: number;
  quantity: string;
  price: string;
  margin: string;
  fee: string;
  /** ms */
  accepted_at: number;
  expires_at?: number;
  stop_loss?: string;
  take_profit?: string;
  client_order_id?: string;
  /** ppm of the closing side's price at the fill */
  trailing_stop?: number;
  /** held back by the speed bump: its price counts when that is over */
  pending?: boolean;
}

/** An open position, valued at the price at which it could be closed.
 * 
 * A `stop_loss` with a `trailing_distance` follows the price, which is that far from it at best. */
export interface Position {
  position: number;
  match: number;
  symbol: string;
  side: "long" | "short";
  leverage: number;
  quantity: string;
  entry_price: string;
  mark_price: string;
  margin: string;
  profit: string;
  fee: string;
  /** ms */
  opened_at: number;
  closing?: boolean;
  liquidation_price?: string;
  stop_loss?: string;
  take_profit?: string;
  trailing_distance?: string;
  /** other stops were set, which count when the speed bump is over */
  pending?: boolean;
}

/** An open trade, staked from the seat in a `match` or from a `wallet`; without an entry until its quote has
 * come. */
export interface FixedTrade {
  trade: number;
  symbol: string;
  direction: "down" | "up";
  stake: string;
  /** percent of the stake */
  payout: number;
  /** ms */
  accepted_at: number;
  /** ms */
  expires_at: number;
  entry_price?: string;
  entry_sequence?: number;
  match?: number;
  wallet?: string;
}

/** Where the player stands in the queue of a game, and until when (ms) at most; None: however long it takes. */
export interface QueuePlace {
  game: number;
  place: number;
  until?: number;
}

/** What matches have made of the player; `season` is the current one, 0 before the first. */
export interface Career {
  cups: number;
  season: number;
  season_cups: number;
  experience: number;
  level: number;
  /** experience that it takes */
  to_next_level: number;
  wins: number;
  matches: number;
}

/** Fees are fractions of the notional. */
export interface Instrument {
  symbol: string;
  name: string;
  type: string;
  base: string;
  quote: string;
  tick_size: string;
  lot_size: string;
  min_quantity: string;
  max_quantity: string;
  min_notional: string;
  max_leverage: number;
  taker_fee: string;
  maker_fee: string;
  markup: string;
  enabled: boolean;
  locked: boolean;
  halted: boolean;
  close_only: boolean;
  brackets: Bracket[];
  /** such as "mon 00:00 - fri 22:00"; none: always open */
  hours: string[];
  /** of the hours */
  zone: string;
  highest_price: string;
  /** as a fraction of the bid; a quote with a wider one is none */
  max_spread: string;
  quote_lifetime_ms: number;
  fixed: FixedTerms | null;
}

/** One step of an instrument's margin table; the last one has no cap. */
export interface Bracket {
  maintenance_rate: string;
  max_leverage: number;
  maintenance_amount: string;
  notional_cap?: string;
}

/** On what terms fixed-time trades are offered; the payout in percent of the stake, durations in seconds. From
 * `wallets` they may be staked as well, in all of them on these terms. */
export interface FixedTerms {
  payout: number;
  min_stake: string;
  max_stake: string;
  min_duration: number;
  max_duration: number;
  wallets: string[];
  /** most open stakes of a direction and expiry minute, over all players */
  exposure_cap: string | null;
}

export interface QuoteOf {
  symbol: string;
}

/** Prices are None before the first one; `stale` says whether it is too old to open on. `last` is the last trade. */
export interface Quote {
  symbol: string;
  bid: string | null;
  ask: string | null;
  last: string | null;
  /** ms */
  at: number;
  stale?: boolean;
}

/** The latest that opened before `until`, or before `to`, which is the same; with `from`, the first that opened then
 * or later. */
export interface CandlesOf {
  symbol: string;
  interval: string;
  limit?: number;
  until?: number;
  from?: number;
  to?: number;
}

/** Of the bid. `ticks` is how many quotes are in it. */
export type Candle = [open_at: number, open: string, high: string, low: string, close: string, ticks: number];

/** Of one symbol, or of all. */
export interface TickersOf {
  symbol?: string;
}

/** The bid over the last 24 hours, to the quarter of an hour, from `since` on: `change` is from the first to the
 * last price, `change_rate` as a fraction of the first. Prices are None when there was no quote. */
export interface Ticker {
  symbol: string;
  /** ms */
  since: number;
  open: string | null;
  high: string | null;
  low: string | null;
  last: string | null;
  change: string | null;
  change_rate: string | null;
  /** how many quotes */
  ticks: number;
}

/** A game as its latest version says, in the very fields that admin.update_game takes. */
export interface Game {
  title: string;
  description: string;
  starting_balance: string;
  max_positions: number;
  max_leverage: number;
  fees: boolean;
  execution: "last" | "next";
  speed_bump_ms: number;
  allowed_symbols: string[];
  allowed_directions: "both" | "long_only" | "short_only";
  max_trades_per_minute: number;
  min_trades: number;
  min_hold_s: number;
  max_daily_drawdown_pct: string;
  daily_anchor: "balance" | "equity" | "higher";
  max_total_drawdown_pct: string;
  total_drawdown: "static" | "trailing" | "trailing_lock";
  max_loss_per_trade_pct: string;
  loss_per_trade: "close" | "disqualify";
  profit_target_pct: string;
  profit_target: "ends" | "locks";
  min_players: number;
  max_players: number;
  countdown_s: number;
  duration_s: number;
  currency: "" | "BT" | "DEMO" | "SOL" | "USDC" | "USDT";
  entry_fee: string;
  reward_price: string;
  house_fee_pct: string;
  prize_split: number[];
  nobody_wins: "keep" | "refund";
  ranks_by_trades: boolean;
  queue_timeout_s: number;
  outage_s: number;
  outage: "extend" | "void";
  cover: string;
  cup: number;
  win_exp: number;
  lose_exp: number;
  item_rewards: Record<string, number>;
  allow_hedging: boolean | null;
  day_zone: string;
  day_start: string;
  game: number;
  /** counts its updates, from 1 */
  version: number;
  /** new matches of it may be made, and players see it */
  active: boolean;
}

export interface OfGame {
  game: number;
}

/** Of all time, or of one season. */
export interface CupsOf {
  season?: number;
}

/** The board of cups, of so many `players`: of all time, or of a season. */
export interface CupsBoard {
  players: number;
  rows: CupsRow[];
  season?: number;
  /** of the season; the time before the first one has none */
  name?: string;
  /** of the player who asks */
  rank?: number;
}

export interface CupsRow {
  rank: number;
  player: number;
  name: string;
  cups: number;
  matches: number;
}

/** Of one status, or all but the archived ones: the latest `limit`, or those before match `before`. */
export interface MatchList {
  status?: "archived" | "canceled" | "closed" | "open" | "waiting";
  game?: number;
  limit?: number;
  before?: number;
}

/** A match as match.list shows it; with the seat of the player who asks for this one by its id. */
export interface Match {
  match: number;
  game: number;
  title: string;
  description: string;
  status: "archived" | "canceled" | "closed" | "open" | "waiting";
  practice: boolean;
  fees: boolean;
  execution: "last" | "next";
  speed_bump_ms: number;
  starting_balance: string;
  max_positions: number;
  max_leverage: number;
  players: number;
  rules: Rules;
  game_version: number;
  /** it waits for so many */
  min_players?: number;
  max_players?: number;
  /** it asks for a code */
  private?: boolean;
  /** ms; when enough have joined; of one that has begun, when it did */
  starts_at?: number;
  /** ms; None: never */
  ends_at?: number;
  money?: MatchMoney;
  seat?: Seat;
  /** for how long it goes on without prices */
  outage_s?: number;
  /** then: "void" calls it off, "extend" pauses it and moves its end */
  outage?: "extend" | "void";
  paused?: boolean;
  cover?: string;
  /** cups that the winner gains, and the others lose */
  cup?: number;
  win_exp?: number;
  lose_exp?: number;
}

/** The challenge rules that a match has; what is left out is no rule. Percents are of the starting balance. */
export interface Rules {
  allowed_symbols?: string[];
  allowed_directions?: "both" | "long_only" | "short_only";
  max_trades_per_minute?: number;
  /** closed, and held for min_hold_s, to be ranked for a prize */
  min_trades?: number;
  min_hold_s?: number;
  max_daily_drawdown_pct?: string;
  daily_anchor?: "balance" | "equity" | "higher";
  max_total_drawdown_pct?: string;
  total_drawdown?: "static" | "trailing" | "trailing_lock";
  max_loss_per_trade_pct?: string;
  loss_per_trade?: "close" | "disqualify";
  profit_target_pct?: string;
  profit_target?: "ends" | "locks";
  /** a seat may be long and short in one instrument */
  allow_hedging?: boolean;
  /** less stakes and closing fees */
  profit_target_measure?: "net_equity";
  /** by whose clock a day of the daily drawdown begins */
  day_zone?: string;
  /** such as "17:00" */
  day_start?: string;
}

/** What a match costs and pays, in `currency`; without one, prizes are only named. The house's fee is a percent of
 * the entry fees; the rest is split among the first ranks by `prize_split`, or the first one wins the reward. */
export interface MatchMoney {
  currency?: string;
  entry_fee?: string;
  house_fee_pct?: string;
  prize_split?: number[];
  reward_price?: string;
  /** that the winner gets, by asset */
  item_rewards?: Record<string, number>;
}

export interface OfMatch {
  match: number;
}

/** A leaderboard, by equity, or the final ranking; `rank` is that of the player who asks. */
export interface Board {
  match: number;
  players: number;
  rows: BoardRow[];
  rank?: number;
}

export interface BoardRow {
  rank: number;
  player: number;
  name: string;
  equity: string;
  profit: string;
  fees: string;
  net: string;
  trades: number;
  positions: number;
  status: "disqualified" | "locked" | "playing";
  /** when the match is over */
  prize?: string;
}

/** A finished match as the player looks back at it. `equity` is the curve. */
export interface Summary {
  match: FinishedMatch;
  equity: EquityPoint[];
  best?: TradeResult;
  worst?: TradeResult;
  /** which rule has disqualified the seat, and its evidence */
  out?: Judgement;
  locked?: Judgement;
}

/** How a match ended for the player: message `n` of the private channel. `out` is the rule that has disqualified the
 * seat; `locked`: it has reached the profit target. Without a `currency` the prize is only named. */
export interface FinishedMatch {
  n: number;
  seq: number;
  at: number;
  match: number;
  title: string;
  rank: number;
  players: number;
  starting_balance: string;
  balance: string;
  profit: string;
  fees: string;
  net: string;
  max_drawdown: string;
  trades: number;
  wins: number;
  prize: string;
  currency?: string;
  out?: string;
  locked?: boolean;
}

/** What a seat was worth at a time (ms). */
export type EquityPoint = [at: number, equity: string];

/** What a `position`, or a fixed-time `trade`, has brought in all, less all its fees. */
export interface TradeResult {
  symbol: string;
  side: "down" | "long" | "short" | "up";
  net: string;
  position?: number;
  trade?: number;
}

export interface JoinMatch {
  match: number;
  code?: string;
}

/** The match that the player has joined, left or begun anew; of an event, the match it is about. */
export interface MatchRef {
  match: number;
}

/** The game whose queue the player has joined or left. */
export interface QueueRef {
  game: number;
}

/** A trailing stop is a stop loss that follows the best price since the fill. It stays so many ppm of the price at
 * the fill behind: 10000 is one percent. Both prices are the closing side's: of a long the bid, of a short the ask.
 * `max_slippage` is in ppm too, of the price at acceptance. */
export interface PlaceOrder {
  match: number;
  symbol: string;
  side: "long" | "short";
  leverage: number;
  type?: "limit" | "market" | "stop";
  margin?: number | string;
  quantity?: number | string;
  price?: number | string;
  stop_loss?: number | string;
  take_profit?: number | string;
  time_in_force?: "gtc" | "gtd" | "ioc";
  expires_at?: number;
  max_slippage?: number;
  client_order_id?: string;
  trailing_stop?: number;
}

/** An order that was accepted; with a position and its figures when it filled at once. */
export interface Placed {
  order: number;
  status: string;
  position?: number;
  fill_price?: string;
  liquidation_price?: string;
  fee?: string;
}

/** "0" takes a stop loss or take profit away, an `expires_at` of 0 the end; what is left out stays. */
export interface AmendOrder {
  order: number | string;
  price?: number | string;
  stop_loss?: number | string;
  take_profit?: number | string;
  expires_at?: number;
}

/** An order that rests with other figures. */
export interface AmendedOrder {
  order: number;
  status: string;
  liquidation_price?: string;
}

export interface CancelOrder {
  order: number | string;
}

export interface Canceled {
  order: number;
  status: string;
}

/** `canceled` is how many orders were. */
export interface CanceledAll {
  match: number;
  canceled: number;
}

export interface CancelOnDisconnect {
  /** 0: take it back */
  after_ms: number;
}

export interface CancelsOnDisconnect {
  /** 0: no longer */
  after_ms: number;
}

export interface OfOrder {
  order: number | string;
}

/** An order, and what has become of the position that it opened: its closes, earliest first, what is `left` open,
 * and what it has brought so far, less all fees. */
export interface OrderLife {
  order: OrderRecord;
  closes: ClosedTrade[];
  /** left out while it is not filled, as the next one */
  left?: string;
  net?: string;
}

/** An order from its acceptance to its end: message `n` of the private channel was the last about it. A filled one
 * has a `fill_price`, and has opened the `position`. One that filled on arrival has no `price`. */
export interface OrderRecord {
  n: number;
  seq: number;
  /** ms */
  at: number;
  order: number;
  match: number;
  symbol: string;
  side: "long" | "short";
  type: "limit" | "market" | "stop";
  status: "accepted" | "canceled" | "expired" | "filled" | "refused";
  leverage: number;
  quantity: string;
  margin: string;
  fee: string;
  /** ms */
  accepted_at: number;
  price?: string;
  fill_price?: string;
  position?: number;
  stop_loss?: string;
  take_profit?: string;
  /** ppm of the closing side's price at the fill */
  trailing_stop?: number;
  client_order_id?: string;
  reason?: string;
}

/** A position that closed, or the part of it that did: message `n` of the private channel; `left` stayed open. */
export interface ClosedTrade {
  n: number;
  seq: number;
  at: number;
  match: number;
  position: number;
  symbol: string;
  side: "long" | "short";
  cause: string;
  leverage: number;
  quantity: string;
  entry_price: string;
  price: string;
  margin: string;
  profit: string;
  fee: string;
  left: string;
}

/** And those that stand so. */
export interface OrdersOf {
  limit?: number;
  before?: number;
  from?: number;
  to?: number;
  match?: number;
  symbol?: string;
  mode?: "match" | "practice";
  status?: "accepted" | "canceled" | "expired" | "filled" | "refused";
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedOrderRecord {
  items: OrderRecord[];
  next: number | null;
}

/** What order.place would do at this moment. Refusals come as order.place's would.
 * 
 * `stop_loss` is where the stop would stand, a trailing one too. `distance` is how far equity would be above each
 * floor of the seat, by its rule, once the order has opened and paid its fee and the spread of now. */
export interface Tested {
  status: string;
  quantity: string;
  price: string;
  notional: string;
  margin: string;
  fee: string;
  bankruptcy_price: string;
  liquidation_price?: string;
  stop_loss?: string;
  distance?: Record<string, string>;
}

/** So many percent of it, or so much; else all. */
export interface ClosePosition {
  position: number | string;
  percent?: number;
  quantity?: number | string;
}

/** A close that was accepted. The figures are there when it filled at once; else they come on `me`. `left` stays
 * open. */
export interface Closed {
  position: number;
  status: string;
  fill_price?: string;
  profit?: string;
  fee?: string;
  left?: string;
}

/** "0" takes a stop loss or take profit away; one that is left out stays. Margin is added, or taken back.
 * 
 * A trailing stop, in ppm of the price now, takes the place of a stop loss, and the other way round; 0 takes it away. */
export interface AmendPosition {
  position: number | string;
  stop_loss?: number | string;
  take_profit?: number | string;
  add_margin?: number | string;
  remove_margin?: number | string;
  trailing_stop?: number;
}

export interface Amended {
  position: number;
  liquidation_price?: string;
  /** "accepted": its stops count when the speed bump is over */
  status?: string;
}

/** `duration` is in seconds. */
export interface BuyFixed {
  symbol: string;
  direction: "down" | "up";
  stake: number | string;
  duration: number;
  account: FixedAccount;
}

/** What is staked: either money of the player's seat in a match, or of a wallet. */
export interface FixedAccount {
  match?: number;
  wallet?: "bt" | "demo" | "sol" | "usdc" | "usdt";
}

/** A trade that was accepted. `payout` is what a win brings, in percent of the stake; the entry comes on `me`. */
export interface FixedBought {
  trade: number;
  payout: number;
  /** ms */
  expires_at: number;
}

/** Those of a match. */
export interface OfMatches {
  limit?: number;
  before?: number;
  from?: number;
  to?: number;
  match?: number;
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedFinishedMatch {
  items: FinishedMatch[];
  next: number | null;
}

/** Those of a match, of an instrument, or of a mode. */
export interface SeatTrades {
  limit?: number;
  before?: number;
  from?: number;
  to?: number;
  match?: number;
  symbol?: string;
  mode?: "match" | "practice";
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedClosedTrade {
  items: ClosedTrade[];
  next: number | null;
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedFill {
  items: Fill[];
  next: number | null;
}

/** An order that filled, and so opened the position of the same id: message `n` of the private channel. */
export interface Fill {
  n: number;
  seq: number;
  /** ms */
  at: number;
  match: number;
  order: number;
  symbol: string;
  side: "long" | "short";
  type: "limit" | "market" | "stop";
  leverage: number;
  quantity: string;
  price: string;
  margin: string;
  fee: string;
  liquidation_price?: string;
  stop_loss?: string;
  take_profit?: string;
  client_order_id?: string;
}

/** Those of a match, of an instrument, or of a mode. */
export interface FixedTradesOf {
  limit?: number;
  before?: number;
  from?: number;
  to?: number;
  match?: number;
  symbol?: string;
  mode?: "demo" | "live" | "match" | "practice";
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedSettledTrade {
  items: SettledTrade[];
  next: number | null;
}

/** A fixed-time trade that was settled, as fixed.settled was: message `n` of the private channel; see FixedEvent. */
export interface SettledTrade {
  n: number;
  seq: number;
  at: number;
  trade: number;
  symbol: string;
  direction: "down" | "up";
  stake: string;
  payout: number;
  expires_at: number;
  result: "draw" | "lost" | "refunded" | "won";
  profit: string;
  paid_back: string;
  exit_price: string;
  exit_sequence: number;
  entry_price?: string;
  entry_sequence?: number;
  reason?: string;
  match?: number;
  wallet?: string;
}

/** Those of a match; or those that are not read. */
export interface NotificationsOf {
  limit?: number;
  before?: number;
  from?: number;
  to?: number;
  match?: number;
  unread?: boolean;
}

/** A page of notifications, and how many there are that are not read, on other pages too. */
export interface Notifications {
  items: Notification[];
  next: number | null;
  unread: number;
}

/** What a message of the private channel of that `type`, and with that `n`, comes to in words. `values` are those in
 * the text, for who has words of his own. */
export interface Notification {
  n: number;
  /** ms */
  at: number;
  type: string;
  title: string;
  text: string;
  values: Record<string, string>;
  read: boolean;
}

/** Those with these numbers; or all up to one. */
export interface ReadNotifications {
  notifications?: number[];
  up_to?: number;
}

/** `public_key` is of ed25519: 32 bytes as base64. `player` is one of the asker's sub-accounts. */
export interface CreateKey {
  label: string;
  scopes: ("read:account" | "read:markets" | "trade:fixed" | "trade:orders" | "withdraw")[];
  kind?: "ed25519" | "hmac" | "secret";
  public_key?: string;
  expires_at?: number;
  addresses?: string[];
  per_minute?: number;
  player?: number;
}

/** `secret` is shown this once; null: the asker has it already. */
export interface CreatedKey {
  key: ApiKey;
  secret: string | null;
}

/** A key, without its secret. */
export interface ApiKey {
  key: number;
  label: string;
  kind: "ed25519" | "hmac" | "secret";
  scopes: string[];
  /** networks from which it is good; empty: from anywhere */
  addresses: string[];
  per_minute: number;
  /** for whom it acts; 0: a partner */
  player: number;
  /** ms */
  created_at: number;
  /** ms; 0: never */
  expires_at: number;
  suspended: boolean;
}

/** What is left out stays as it is. */
export interface UpdateKey {
  key: number;
  label?: string;
  scopes?: ("read:account" | "read:markets" | "trade:fixed" | "trade:orders" | "withdraw")[];
  expires_at?: number;
  addresses?: string[];
  per_minute?: number;
  suspended?: boolean;
}

export interface OfKey {
  key: number;
}

/** Of the last `days`, by UTC; of one key, or of all. */
export interface UsageOf {
  key?: number;
  days?: number;
}

/** Of a key on a day. */
export interface KeyUsage {
  key: number;
  /** such as 2026-12-01 */
  day: string;
  requests: number;
  /** of them, those that change something */
  commands: number;
  /** for lack of a scope, or beyond the limit */
  refused: number;
}

/** `held` is a part of `balance` that cannot be spent; `version` counts the account's changes. */
export interface Balance {
  asset: string;
  balance: string;
  held: string;
  version: number;
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedWalletChange {
  items: WalletChange[];
  next: number | null;
}

/** A change of an account: message `n` of the private channel. */
export interface WalletChange {
  n: number;
  seq: number;
  at: number;
  asset: string;
  reason: string;
  change: string;
  balance: string;
  held: string;
  version: number;
  match?: number;
}

export interface Money {
  asset: "BT" | "DEMO" | "GOLD_COIN" | "SOL" | "TREASURE_BOX" | "USDC" | "USDT";
  amount: number | string;
}

export interface Credited {
  asset: string;
  amount: string;
}

/** One of the item costs `price` of the asset; `stock` are left. What is not active is not sold at the moment. */
export interface Offer {
  item: string;
  title: string;
  asset: string;
  price: string;
  stock: number;
  active: boolean;
}

/** `version` is that of the account that pays, as me.wallet showed it: the purchase is refused if it has changed. */
export interface Purchase {
  item: "GOLD_COIN" | "TREASURE_BOX";
  count?: number;
  version?: number;
}

/** What they cost, and the balance that is left, comes as wallet.changed. */
export interface Purchased {
  item: string;
  count: number;
}

/** So many of the item; `version` counts the changes of that. */
export interface Item {
  item: string;
  name: string;
  count: number;
  version: number;
}

/** The code to sign up with, how many have, and what that has earned, by asset. Without a bonus there are no terms
 * at the moment. */
export interface Referral {
  code: string;
  referred: number;
  earned: Record<string, string>;
  bonus: Bonus | null;
}

/** What both have when somebody signs up with the code: `at` once (sign_up), or with the end of a first paid match.
 * None when the house has not enough for both. */
export interface Bonus {
  asset: string;
  referrer: string;
  referred: string;
  at: string;
  /** for one code, UTC; none: any number */
  most_per_day: number | null;
}

/** The latest `limit`, or those before the cursor `before`; of one op, or of one operator. */
export interface ActionsOf {
  limit?: number;
  before?: number;
  op?: string;
  who?: string;
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedOperatorAction {
  items: OperatorAction[];
  next: number | null;
}

/** One that an operator took, or was refused. */
export interface OperatorAction {
  action: number;
  /** ms */
  at: number;
  who: string;
  role: string;
  op: string;
  /** without secrets */
  args: Record<string, unknown>;
  why: string;
  /** "ok", or the code of the refusal */
  outcome: string;
  /** of the command in the log */
  seq?: number;
}

/** An operator's question; of all users, or of one. */
export interface KeysOf {
  user?: number;
  days?: number;
}

/** A key as operators see it, with its owner. */
export interface KeyRecord {
  user: number;
  key: ApiKey;
  usage: KeyUsage[];
}

/** The latest `limit` players, or those before the number `before`, whose name has the `search` in it, or whose
 * number it is. */
export interface PlayersOf {
  search?: string;
  limit?: number;
  before?: number;
}

/** A page of a list. `next` is the cursor of the next one; None: there is no more. */
export interface PagedPlayerEntry {
  items: PlayerEntry[];
  next: number | null;
}

/** `connections` are those that are open now; `locked`: by a kill switch. */
export interface PlayerEntry {
  player: number;
  name: string;
  connections: number;
  locked: boolean;
}

export interface OfPlayer {
  player: number;
}

/** A player, with the seats in matches that are not over, and all accounts. */
export interface PlayerRecord {
  player: number;
  name: string;
  connections: number;
  locked: boolean;
  seats: Seat[];
  wallet: Balance[];
}

/** A page of the changes of a player's accounts. */
export interface LedgerOf {
  limit?: number;
  before?: number;
  from?: number;
  to?: number;
  match?: number;
  player: number;
}

/** What is open in an instrument on one side, over all matches: `notional` and `profit` at the price at which it
 * could be closed now, `profit` as the players see it. */
export interface Exposure {
  symbol: string;
  side: "long" | "short";
  positions: number;
  quantity: string;
  notional: string;
  margin: string;
  profit: string;
}

/** The limits of the configuration, and the kill switches that are on but for those of players. */
export interface ArenaLimits {
  limits: Record<string, number>;
  switches: SwitchEvent[];
}

/** A kill switch: `scope` is arena, instrument, match or player, `switch` locked, halted or close_only. */
export interface SwitchEvent {
  scope: string;
  switch: string;
  on: boolean;
  symbol?: string;
  match?: number;
  player?: number;
}

/** So many accounts were recomputed from so many transfers, all up to `sequence`, and `problems` found. */
export interface Audited {
  sequence: number;
  accounts: number;
  transfers: number;
  problems: string[];
}

/** What a match has in its escrow, what the house has set aside for it, and what it owes: `refunds` when it is
 * called off, `prizes` (the house's fee not counted) when it ends as it is. */
export interface Solvency {
  match: number;
  asset: string;
  escrow: string;
  set_aside: string;
  refunds: string;
  prizes: string;
  solvent: boolean;
}

/** The terms of referrals; a bonus of "0" is none: [referrals] in config.toml, and arguments of
 * admin.set_referrals. */
export interface ReferralTerms {
  asset?: "BT" | "DEMO" | "GOLD_COIN" | "SOL" | "TREASURE_BOX" | "USDC" | "USDT";
  referrer_bonus?: string;
  referred_bonus?: string;
  at?: "first_paid_match" | "sign_up";
  min_house_fee_pct?: string;
  most_per_day?: number;
}

/** The id of what an operator made or changed; of a switch, of what it is of: 0 for the arena. */
export interface Made {
  id: number;
}

/** An item, and what one costs: [[offers]] in config.toml, and arguments of admin.set_offer. */
export interface OfferSpec {
  item: "GOLD_COIN" | "TREASURE_BOX";
  price: string;
  asset?: "BT" | "DEMO" | "GOLD_COIN" | "SOL" | "TREASURE_BOX" | "USDC" | "USDT";
  title?: string;
  active?: boolean;
}

/** So many more. */
export interface Stock {
  item: "GOLD_COIN" | "TREASURE_BOX";
  count: number;
}

/** An instrument as operators define it, in [[instruments]] of config.toml and in admin.define_instrument. Prices,
 * quantities and money are decimal strings. */
export interface InstrumentSpec {
  symbol: string;
  name: string;
  base: string;
  tick_size: string;
  lot_size: string;
  min_quantity: string;
  max_quantity: string;
  highest_price: string;
  max_leverage: number;
  brackets: BracketSpec[];
  quote?: string;
  min_notional?: string;
  taker_fee_ppm?: number;
  maker_fee_ppm?: number;
  max_spread_ppm?: number;
  markup_ticks?: number;
  quote_lifetime_ms?: number;
  /** weekly, such as "mon 00:00 - fri 22:00"; none: always open */
  hours?: string[];
  fixed_payout_percent?: number;
  fixed_min_stake?: string;
  fixed_max_stake?: string;
  fixed_min_s?: number;
  fixed_max_s?: number;
  fixed_exposure_cap?: string;
  fixed_wallets?: ("DEMO" | "USDC" | "USDT")[];
  /** of the hours, such as "America/New_York" */
  zone?: string;
}

/** One step of a margin table. The last one has no cap. The cumulative amounts follow from the steps. */
export interface BracketSpec {
  maintenance_ppm: number;
  max_leverage: number;
  notional_cap?: string;
}

/** The id of an instrument. `no_prices` says why no prices of it will come, and is left out if they will. */
export interface Defined {
  id: number;
  no_prices?: string;
}

/** Close all positions of a halted instrument at this price, and cancel its orders. */
export interface SettleInstrument {
  symbol: string;
  price: number | string;
  reason: string;
}

/** A game as operators define it: [[games]] in config.toml, and arguments of admin.create_game. */
export interface GameSpec {
  title: string;
  description?: string;
  starting_balance?: string;
  max_positions?: number;
  max_leverage?: number;
  fees?: boolean;
  execution?: "last" | "next";
  speed_bump_ms?: number;
  allowed_symbols?: string[];
  allowed_directions?: "both" | "long_only" | "short_only";
  max_trades_per_minute?: number;
  min_trades?: number;
  min_hold_s?: number;
  max_daily_drawdown_pct?: string;
  daily_anchor?: "balance" | "equity" | "higher";
  max_total_drawdown_pct?: string;
  total_drawdown?: "static" | "trailing" | "trailing_lock";
  max_loss_per_trade_pct?: string;
  loss_per_trade?: "close" | "disqualify";
  profit_target_pct?: string;
  profit_target?: "ends" | "locks";
  min_players?: number;
  max_players?: number;
  countdown_s?: number;
  duration_s?: number;
  currency?: "" | "BT" | "DEMO" | "SOL" | "USDC" | "USDT";
  entry_fee?: string;
  reward_price?: string;
  house_fee_pct?: string;
  prize_split?: number[];
  nobody_wins?: "keep" | "refund";
  ranks_by_trades?: boolean;
  queue_timeout_s?: number;
  outage_s?: number;
  outage?: "extend" | "void";
  cover?: string;
  cup?: number;
  win_exp?: number;
  lose_exp?: number;
  item_rewards?: Record<string, number>;
  allow_hedging?: boolean;
  day_zone?: string;
  day_start?: string;
}

/** All of a game anew: what is left out is as in a new one. */
export interface GameUpdate {
  title: string;
  description?: string;
  starting_balance?: string;
  max_positions?: number;
  max_leverage?: number;
  fees?: boolean;
  execution?: "last" | "next";
  speed_bump_ms?: number;
  allowed_symbols?: string[];
  allowed_directions?: "both" | "long_only" | "short_only";
  max_trades_per_minute?: number;
  min_trades?: number;
  min_hold_s?: number;
  max_daily_drawdown_pct?: string;
  daily_anchor?: "balance" | "equity" | "higher";
  max_total_drawdown_pct?: string;
  total_drawdown?: "static" | "trailing" | "trailing_lock";
  max_loss_per_trade_pct?: string;
  loss_per_trade?: "close" | "disqualify";
  profit_target_pct?: string;
  profit_target?: "ends" | "locks";
  min_players?: number;
  max_players?: number;
  countdown_s?: number;
  duration_s?: number;
  currency?: "" | "BT" | "DEMO" | "SOL" | "USDC" | "USDT";
  entry_fee?: string;
  reward_price?: string;
  house_fee_pct?: string;
  prize_split?: number[];
  nobody_wins?: "keep" | "refund";
  ranks_by_trades?: boolean;
  queue_timeout_s?: number;
  outage_s?: number;
  outage?: "extend" | "void";
  cover?: string;
  cup?: number;
  win_exp?: number;
  lose_exp?: number;
  item_rewards?: Record<string, number>;
  allow_hedging?: boolean;
  day_zone?: string;
  day_start?: string;
  game: number;
}

/** Whether new matches of it may be made, and players see it. */
export interface ActivateGame {
  game: number;
  active: boolean;
}

export interface StartSeason {
  name: string;
}

/** A practice match is open for all players and has no end; another one lasts as long as its game says. */
export interface CreateMatch {
  game: number;
  practice?: boolean;
  /** who joins must know it */
  code?: string;
}

export interface CancelMatch {
  match: number;
  reason: string;
}

/** As if its time had come; or (`void`) rank nobody, and give every fee back. `evidence` is the `seq` of what was
 * wrong, such as a tick. */
export interface EndMatch {
  match: number;
  reason: string;
  void?: boolean;
  evidence?: number;
}

/** Of the instrument, match or player that is named; of the whole arena when none is. */
export interface SetSwitch {
  switch: "close_only" | "halted" | "locked";
  on: boolean;
  reason: string;
  symbol?: string;
  match?: number;
  player?: number;
}

export interface CandleEvent {
  symbol: string;
  interval: string;
  candle: Candle;
  closed: boolean;
}

/** A match that is watched, after the commands that were applied together with the one at `seq`; `player` came or
 * went. */
export interface RoomEvent {
  match: number;
  status: "archived" | "canceled" | "closed" | "open" | "waiting";
  players: number;
  /** ms; or when it began; None: not known yet */
  starts_at?: number;
  /** ms; None: never, or it has not begun */
  ends_at?: number;
  player?: number;
  name?: string;
}

/** What happened to an order; `cash` is what is free afterwards, `reason` why its fill was refused.
 * 
 * An order that fills on arrival brings a PositionEvent only. */
export interface OrderEvent {
  order: number;
  match: number;
  symbol: string;
  side: "long" | "short";
  type: "limit" | "market" | "stop";
  leverage: number;
  quantity: string;
  price: string;
  margin: string;
  fee: string;
  cash: string;
  liquidation_price?: string;
  stop_loss?: string;
  take_profit?: string;
  client_order_id?: string;
  reason?: string;
  /** ppm of the closing side's price at the fill */
  trailing_stop?: number;
}

/** What happened to a position. `quantity`, `margin`, `fee` and `profit` are of what opened or closed just now (of
 * a part, in position.reduced); of a position whose stops or margin change, `margin` is all that it has. `left` is
 * what stays open.
 * 
 * `type` and `client_order_id` are of the order that opened it, there when it opens. A `stop_loss` with a
 * `trailing_distance` follows the price, which is that far from it at best. */
export interface PositionEvent {
  position: number;
  match: number;
  symbol: string;
  side: "long" | "short";
  leverage: number;
  cash: string;
  left: string;
  margin: string;
  quantity?: string;
  price?: string;
  fee?: string;
  profit?: string;
  cause?: string;
  liquidation_price?: string;
  stop_loss?: string;
  take_profit?: string;
  type?: "limit" | "market" | "stop";
  client_order_id?: string;
  trailing_distance?: string;
}

/** A seat was taken, or begun anew: `cash` is what it has. */
export interface SeatEvent {
  match: number;
  cash: string;
}

/** The player has come to the queue of a game, and waits `until` (ms) then at most; or has left it without a seat,
 * for the `reason` if it was not asked for. */
export interface QueueEvent {
  game: number;
  until?: number;
  reason?: string;
}

/** The prices are back: the match goes on, and ends later. */
export interface ResumedEvent {
  match: number;
  /** ms */
  ends_at: number;
}

/** A match was called off, for the `reason`: OUTAGE or CALLED_OFF. Every entry fee came back. */
export interface CanceledEvent {
  match: number;
  reason: string;
}

/** How a match ended for the player: `rank` of so many `players`, by the final `balance`. `out` is the rule that
 * has disqualified the seat; `locked`: it has reached the profit target. */
export interface FinishedEvent {
  match: number;
  rank: number;
  players: number;
  balance: string;
  prize: string;
  starting_balance: string;
  profit: string;
  fees: string;
  net: string;
  max_drawdown: string;
  trades: number;
  wins: number;
  out?: string;
  locked?: boolean;
}

/** An account of the player's has changed: by `change`, for the `reason`, to `balance`, of which `held` is held. */
export interface WalletEvent {
  asset: string;
  reason: string;
  change: string;
  balance: string;
  held: string;
  version: number;
  match?: number;
}

/** What a match has made of the player: cups, by `change`, and experience, by `gained`, with its level. */
export interface ProgressEvent {
  match: number;
  cups: number;
  change: number;
  season: number;
  season_cups: number;
  experience: number;
  gained: number;
  level: number;
  level_before: number;
}

/** What happened to a trade. Prices are the middle of the quotes that the sequences name; from `result` on, of what
 * is settled: `paid_back` is what came back to the cash, `reason` why it was refunded. It is staked from the seat in a
 * `match` or from a `wallet`, whose cash is what is not held. */
export interface FixedEvent {
  trade: number;
  symbol: string;
  direction: "down" | "up";
  stake: string;
  /** percent of the stake */
  payout: number;
  /** ms */
  expires_at: number;
  cash: string;
  entry_price?: string;
  entry_sequence?: number;
  result?: "draw" | "lost" | "refunded" | "won";
  exit_price?: string;
  exit_sequence?: number;
  profit?: string;
  paid_back?: string;
  reason?: string;
  match?: number;
  wallet?: string;
}

/** The player has read the notifications with these numbers, on this device or another. */
export interface ReadEvent {
  first: number;
  last: number;
}

/** How things stand when somebody begins to listen: the instruments whose last quote is stale, and the kill switches
 * that are on, but for those of players. And what the server is: its versions, limits and intervals of candles. */
export interface Hello {
  /** ms */
  at: number;
  stale: string[];
  switches: SwitchEvent[];
  /** version of the program */
  server: string;
  /** version */
  rules: number;
  /** version */
  protocol: number;
  intervals: string[];
  limits: LimitsInForce;
}

/** What holds for the one who asks. */
export interface LimitsInForce {
  frame_bytes: number;
  /** of this connection */
  messages_per_s: number;
  messages_burst: number;
  /** over all connections of a player */
  player_messages_per_s: number;
  player_messages_burst: number;
  connections_per_player: number;
  channels_per_connection: number;
  resume_messages: number;
  ping_every_ms: number;
  silence_ms: number;
}

/** An instrument was defined, or defined anew. */
export interface InstrumentEvent {
  symbol: string;
}

/** An instrument's last quote has become too old to open on, or (not stale) there is a fresh one again. */
export interface StaleEvent {
  symbol: string;
  stale: boolean;
}

/** A season has begun. */
export interface SeasonEvent {
  season: number;
}

export interface MatchCreated {
  match: number;
  game: number;
}

/** A player who signed in without an account, and the token. `matches` are those in which there is a seat. */
export interface Guest {
  token: string;
  player: number;
  name: string;
  matches: number[];
}

/** A new account, for a new player; or, with a guest's token in the header, for the guest. One of `email` and
 * `username`. `otp` is a code that was sent to the address; with it a password is not needed. */
export interface Register {
  email?: string;
  username?: string;
  password?: string;
  otp?: string;
  /** that others see */
  name?: string;
  referral_code?: string;
  birth_date?: string;
  /** ISO 3166-1 */
  country?: string;
}

/** One of `email` and `username`; one of `password` and `otp`, which goes with `email`. */
export interface Login {
  email?: string;
  username?: string;
  password?: string;
  otp?: string;
}

/** A session has begun, or goes on. */
export interface SignedIn {
  /** 0: an operator */
  player: number;
  access_token: string;
  /** good once: it brings the next one */
  refresh_token: string;
  /** s, of the access token */
  expires_in: number;
  session: string;
  role: string;
}

/** An error as clients see it. */
export interface ErrorBody {
  code: string;
  message: string;
  retry: string;
  /** ms */
  retry_after?: number;
  details?: Record<string, unknown>;
}

export type Side = PlaceOrder["side"];

/** What an op takes, where it takes nothing without which it cannot be asked for. */
type GivenTo<Op extends keyof Ops> = {} extends Ops[Op]["args"] ? [args?: Ops[Op]["args"]] : [args: Ops[Op]["args"]];

export interface RequestOptions {
  /** Of idempotency; a command gets one if none is given. */
  key?: string;
  /** By the arena's clock, in ms since the epoch. */
  deadline?: number;
  timeoutMs?: number;
}

export interface Reply<Result> {
  seq: number;
  at: number;
  result: Result;
  replayed: boolean;
}

export interface Status {
  state: "lost" | "connected" | "ended";
  code: number | string | null;
  error: ArenaError | null;
}

export interface ArenaOptions {
  reconnect?: boolean;
  retry?: boolean;
  timeoutMs?: number;
  eventsKept?: number;
  onStatus?: (status: Status) => void;
  WebSocket?: new (url: string, protocols: string[]) => unknown;
}

/** One connection of one player, that stays up. */
export declare class Arena {
  constructor(url?: string, options?: ArenaOptions);
  readonly url: string;
  player: number;
  token: string | null;
  refreshToken: string | null;
  matches: number[];
  channels: string[];
  reconnects: number;
  eventsDropped: number;
  unexpected: number;
  connect(): Promise<this>;
  close(): void;
  guest(name?: string, options?: { referralCode?: string }): Promise<Guest>;
  register(account: Register): Promise<SignedIn>;
  login(account: Login): Promise<SignedIn>;
  refresh(refreshToken: string): Promise<SignedIn>;
  auth(token: string): Promise<Authenticated>;
  call<Op extends keyof Ops>(
    op: Op, ...given: [...GivenTo<Op>, options?: RequestOptions]
  ): Promise<Ops[Op]["result"]>;
  request<Op extends keyof Ops>(
    op: Op, ...given: [...GivenTo<Op>, options?: RequestOptions]
  ): Promise<Reply<Ops[Op]["result"]>>;
  post(path: string, body?: object): Promise<unknown>;
  subscribe(...channels: string[]): Promise<string[]>;
  unsubscribe(...channels: string[]): Promise<string[]>;
  events(): AsyncGenerator<ArenaEvent, void, void>;
}

export declare class ArenaError extends Error {}

export declare class Refused extends ArenaError {
  constructor(error: ErrorBody);
  readonly code: ErrorCode;
  readonly retry: "never" | "after" | "query";
  readonly retryAfter: number | null;
  readonly details: Record<string, unknown>;
}

export declare class Unreachable extends ArenaError {}

export declare class Disconnected extends ArenaError {
  constructor(code: number | null);
  readonly code: number | null;
}

export declare class Garbled extends ArenaError {}

export declare class Unanswered extends ArenaError {
  constructor(op: string, key?: string);
  readonly op: string;
  readonly key: string | null;
}

/** Ops that change something, and so are sent with a key. */
export declare const COMMANDS: Set<string>;

/** An idempotency key that nobody has used. */
export declare function newKey(): string;
