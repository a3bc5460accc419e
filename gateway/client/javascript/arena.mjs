/**
 * The JavaScript client: a player of the arena, in a browser or in Node. It needs nothing but this file.
 *
 *     const arena = await new Arena("http://127.0.0.1:8080").connect();
 *     const { matches } = await arena.guest("alice");
 *     await arena.subscribe("me", "tick.BTCUSDT");
 *     await arena.call("order.place", { match: matches[0], symbol: "BTCUSDT", side: "long", margin: "100", leverage: 10 });
 *     for await (const event of arena.events()) console.log(event.type, event.data);
 *
 * A request waits for its outcome, which is sent when it is durable. When the connection breaks, the client comes back
 * with the same token, has the channels go on where they were, and sends again what is not answered; every command has
 * an idempotency key, so a request sent twice never acts twice. What the arena refuses only for now is sent again after
 * as long as it says. Amounts are text, such as "0.1", and stay text: a number of JavaScript is not exact.
 *
 * arena.d.mts has the types of all ops, results and messages. It is generated from the server's definitions.
 */

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;
/** Between two attempts to come back; the wait doubles from the first to the longest, and half of it is drawn. */

const LASTED_MS = 5_000;
/** A connection that has lasted lets the waits begin anew. */

const QUIET_MS = 15_000;
/** After so long without a message the client asks whether the arena is there, as browsers send no pings. */

const SHORTEST_RENEWAL_MS = 500;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const RETRY_AFTER_MS = 250;

const ABNORMAL = 1006;
const NOT_AUTHENTICATED = 4001;
const TURNED_AWAY = 4029;
const FINAL_CLOSES = new Set([4003, 4009]);
/** After these, coming back is of no use: forbidden, and replaced by a newer connection of the player. */

/** What a one-time ticket begins with. */
const TICKET = "tk_";

const PROTOCOL = "arena.v1+json";

/** Ops that change something, and so are sent with a key. A test holds the list against the server's. */
export const COMMANDS = new Set([
  "match.join", "match.leave", "match.reset", "queue.join", "queue.leave",
  "order.place", "order.amend", "order.cancel", "order.cancel_all", "cancel_on_disconnect",
  "position.close", "position.amend", "fixed.buy", "wallet.top_up", "wallet.purchase", "me.read",
  "admin.fund_rewards", "admin.fund_referrals", "admin.set_referrals", "admin.set_offer", "admin.stock",
  "admin.define_instrument", "admin.settle_instrument", "admin.create_game", "admin.update_game", "admin.delete_game",
  "admin.activate_game", "admin.start_season", "admin.create_match", "admin.start_match", "admin.cancel_match",
  "admin.archive_match", "admin.end_match", "admin.set_switch",
]);

/** Something between us and the arena; the message says what. */
export class ArenaError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** The arena said no. `retry` is "never", "after" (in `retryAfter` ms), or "query": the outcome is unknown, ask. */
export class Refused extends ArenaError {
  constructor({ code, message, detail, retry, retry_after: retryAfter, details }) {
    super(`${code}: ${message ?? detail}`);
    this.code = code;
    this.retry = retry;
    this.retryAfter = retryAfter ?? null;
    this.details = details ?? {};
  }
}

/** Nobody answers at that address. */
export class Unreachable extends ArenaError {}

/** The connection is gone for good; `code` is the close code. The outcome of what was asked is unknown. */
export class Disconnected extends ArenaError {
  constructor(code) {
    super(`the connection was closed with code ${code}`);
    this.code = code;
  }
}

/** The arena sent what is no message of its protocol. */
export class Garbled extends ArenaError {}

/** No reply in time. The outcome is unknown; the same request with the same `key` gets it. */
export class Unanswered extends ArenaError {
  constructor(op, key) {
    super(`${op} was not answered in time; ask again` + (key ? ` with key ${key}` : ""));
    this.op = op;
    this.key = key ?? null;
  }
}

/** A socket broke under what was asked on it alone. */
class Broken extends Error {}

/** One connection of one player, that stays up. */
export class Arena {
  /** The player's number; 0 for nobody, and for an operator. */
  player = 0;
  /** What a new socket shows. Keep it for the next time: it changes while we are connected. */
  token = null;
  /** Of an account: good once, it brings the next token. Keep it for the next time: it changes too. */
  refreshToken = null;
  /** Matches in which the player had a seat when he signed in. */
  matches = [];
  /** Subscriptions, which a new socket takes over. */
  channels = [];
  reconnects = 0;
  /** Events that were not read in time; of more than `eventsKept` the oldest are dropped. */
  eventsDropped = 0;
  /** Replies to no request of ours. */
  unexpected = 0;

  #options;
  #line = null;
  #ended = null;
  #closed = false;
  #ids = 0;
  #pending = new Map();
  #abandoned = new Set();
  #session = "";
  #last = new Map();
  #notified = 0;
  #events = [];
  #readers = [];
  #rateLimited = Promise.resolve();
  #renewal = null;
  #refreshing = null;
  #waitMs = FIRST_WAIT_MS;

  /**
   * `reconnect`: false ends all that waits with Disconnected when the connection breaks. `retry`: false throws what is
   * refused only for now like any other refusal. `onStatus` is told {state, code} when the connection is "lost", is
   * "connected" again, and has "ended". `WebSocket` is a class for a runtime that has none of its own.
   */
  constructor(url = "http://127.0.0.1:8080", options = {}) {
    this.url = url.replace(/^ws/, "http").replace(/\/+$/, "");
    this.#options = {
      reconnect: true, retry: true, timeoutMs: 10_000, eventsKept: 10_000,
      onStatus: () => {}, WebSocket: globalThis.WebSocket, ...options,
    };
    if (!this.#options.WebSocket) {
      throw new ArenaError("this runtime has no WebSocket: pass a class as the option WebSocket, or take Node 22");
    }
  }

  /** Connect. Throws Unreachable. */
  async connect() {
    const line = await this.#open();
    this.#line = line;
    this.#stayConnected(line);
    return this;
  }

  /** Leave. What still waits for a reply gets Disconnected, and events() ends. */
  close() {
    this.#closed = true;
    const line = this.#line;
    this.#line = null;
    this.#end(new Disconnected(null));
    line?.close();
  }

  // Who is asking

  /** Become a new player without giving a name to anybody; with the referral code of another player. */
  async guest(name, { referralCode } = {}) {
    const guest = await this.post("/api/v1/auth/guest", { name, referral_code: referralCode });
    this.matches = guest.matches;
    await this.auth(guest.token);
    return guest;
  }

  /** Sign up: with `username` or `email`, `password` or `otp`, and whatever else the arena asks of a new account. */
  async register(account) {
    return this.#signIn("register", account);
  }

  /** Sign in to an account: with `username` or `email`, and `password` or `otp`. */
  async login(account) {
    return this.#signIn("login", account);
  }

  /** Sign in with the refresh token of the last time. */
  async refresh(refreshToken) {
    return this.#signIn("refresh", { refresh_token: refreshToken });
  }

  /**
   * Become the player, or the operator, that the token was issued to. A guest's that has expired lately is exchanged,
   * and each is renewed while we are connected.
   */
  async auth(token) {
    this.refreshToken = null;
    return this.#auth(token);
  }

  async #auth(token) {
    let identity;
    try {
      identity = await this.call("auth", { token });
    } catch (error) {
      if (error.code !== "TOKEN_INVALID") throw error;
      token = await this.#exchange(token);
      identity = await this.call("auth", { token });
    }
    this.#session = identity.session;
    // A ticket is used now, so a new socket needs something else.
    if (token.startsWith(TICKET)) token = (await this.call("renew")).token;
    this.player = identity.player;
    this.token = token;
    this.#keepToken(identity);
    if (this.player && !this.matches.length) {
      this.matches = (await this.call("me.get")).seats.map((seat) => seat.match);
    }
    return identity;
  }

  // Requests

  /** Ask for any op and wait for its result. See request(). */
  async call(op, args = {}, options = {}) {
    return (await this.request(op, args, options)).result;
  }

  /**
   * Ask for any op and wait for the outcome, over reconnects if need be: {seq, at, result, replayed}. A command gets a
   * `key` if none is given.
   *
   * Throws Refused, Unanswered after `timeoutMs`, Disconnected and Garbled, and a TypeError for a number that is no
   * integer.
   */
  async request(op, args = {}, { key, deadline, timeoutMs = this.#options.timeoutMs } = {}) {
    holdsNoFloat(op, args);
    if (COMMANDS.has(op) && args.client_order_id === undefined) key ??= newKey();
    const id = ++this.#ids;
    const frame = JSON.stringify({ id, op, args, key, deadline });
    const endsAt = now() + timeoutMs;
    for (;;) {
      try {
        return await this.#ask(id, frame, endsAt);
      } catch (error) {
        if (error instanceof Late) throw new Unanswered(op, key);
        await this.#waitFor(error, endsAt);
      }
    }
  }

  /** A POST request to a path of the arena; what is refused for now is asked for again. */
  async post(path, body = {}) {
    const endsAt = now() + this.#options.timeoutMs;
    for (;;) {
      try {
        return await this.#post(path, body);
      } catch (error) {
        await this.#waitFor(error, endsAt);
      }
    }
  }

  // Channels

  /** Listen to channels such as "me", "tick.BTCUSDT", "candle.BTCUSDT.1m", "board.1", "match.1"; all of them now. */
  async subscribe(...channels) {
    await this.call("subscribe", { channels });
    this.channels = [...new Set([...this.channels, ...channels])];
    return this.channels;
  }

  /** Listen to them no more. */
  async unsubscribe(...channels) {
    for (const channel of channels) this.#forget(channel);
    await this.call("unsubscribe", { channels });
    return this.channels;
  }

  /**
   * The messages of the channels as they come. Ends with close(); throws why when the connection ends otherwise.
   *
   * When the connection came back and a channel was refused, its last message is of the type "refused" and of the kind
   * "ended", and its data are the error that says why.
   */
  async *events() {
    for (;;) {
      while (this.#events.length) yield this.#events.shift();
      if (this.#closed) return;
      if (this.#ended) throw this.#ended;
      await new Promise((resolve) => this.#readers.push(resolve));
    }
  }

  // Asking

  async #ask(id, frame, endsAt) {
    if (this.#ended) throw this.#ended;
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { frame, resolve, reject }));
    this.#line?.send(frame);
    try {
      return await within(answer, endsAt - now());
    } catch (error) {
      if (error instanceof Late) this.#abandoned.add(id);
      throw error;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Ask on one socket alone. Throws Refused, and Broken when it ends or is silent. */
  async #askOn(line, op, args) {
    const id = ++this.#ids;
    const frame = JSON.stringify({ id, op, args });
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { frame, resolve, reject, line }));
    line.send(frame);
    try {
      return (await within(Promise.race([answer, line.broken]), this.#options.timeoutMs)).result;
    } catch (error) {
      if (!(error instanceof Late)) throw error;
      line.cut(ABNORMAL);
      throw new Broken();
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Wait until what was refused may succeed. Throws the refusal if it never may, or not before `endsAt`. */
  async #waitFor(error, endsAt) {
    const waitMs = error.retryAfter ?? 0;
    const lasts = !(error instanceof Refused) || !this.#options.retry || error.retry !== "after";
    if (lasts || now() + waitMs >= endsAt) throw error;
    if (error.code !== "RATE_LIMITED") return sleep(waitMs);
    // One after the other, not all at once again.
    this.#rateLimited = this.#rateLimited.then(() => now() < endsAt && sleep(waitMs));
    return within(this.#rateLimited, endsAt - now()).catch(() => {
      throw error;
    });
  }

  async #post(path, body) {
    let response, content;
    try {
      response = await fetch(this.url + path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      content = await response.text();
    } catch (error) {
      throw new Unreachable(`no arena at ${this.url}: ${error.cause?.message ?? error.message}`);
    }
    let answer;
    try {
      answer = JSON.parse(content);
    } catch {
      answer = null;
    }
    if (response.ok && isObject(answer)) return answer;
    if (!response.ok && typeof answer?.code === "string") throw new Refused(answer);
    throw new Garbled(`not an answer to ${path}, with status ${response.status}`);
  }

  // Reconnecting

  async #open() {
    const line = new Line(this.#options.WebSocket, this.url.replace(/^http/, "ws") + "/ws", {
      quietMs: QUIET_MS,
      onMessage: (text) => this.#receive(text),
      onQuiet: (quiet) => this.#askOn(quiet, "ping", {}).catch(() => {}),
    });
    try {
      await within(Promise.race([line.opened, line.broken]), this.#options.timeoutMs);
    } catch {
      line.cut(ABNORMAL);
      throw new Unreachable(`no arena at ${this.url}`);
    }
    return line;
  }

  async #stayConnected(line) {
    try {
      for (;;) {
        const begunAt = now();
        const code = await line.ended;
        if (now() - begunAt > LASTED_MS) this.#waitMs = FIRST_WAIT_MS;
        if (this.#ended) return;
        this.#line = null;
        const nobody = this.token === null && (code === TURNED_AWAY || code === NOT_AUTHENTICATED);
        if (!this.#options.reconnect || FINAL_CLOSES.has(code) || nobody) throw new Disconnected(code);
        this.#tell("lost", code);
        line = await this.#reopen();
        if (this.#closed) return line.close();
        this.reconnects += 1;
        this.#line = line;
        this.#abandoned.clear(); // a new socket answers none of them
        this.#restore(line).catch((error) => error instanceof Broken || this.#end(error));
      }
    } catch (error) {
      this.#end(error);
    }
  }

  /** A new socket of the same player. Throws Refused when the token is not good any more, and no other can be had. */
  async #reopen() {
    let toldMs = 0;
    let exchanged = false;
    while (!this.#closed) {
      await sleep(Math.max(this.#waitMs * (0.5 + Math.random() / 2), toldMs));
      this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
      toldMs = 0;
      let line = null;
      try {
        line = await this.#open();
        if (this.token !== null) this.#keepToken(await this.#askOn(line, "auth", { token: this.token }));
        return line;
      } catch (error) {
        line?.close();
        if (error instanceof Unreachable || error instanceof Broken) continue;
        if (!(error instanceof Refused)) throw error;
        if (error.code === "TOKEN_INVALID" && !exchanged) {
          try {
            this.token = await this.#exchange(this.token);
            exchanged = true;
          } catch (failure) {
            if (!(failure instanceof Unreachable)) throw failure;
          }
        } else if (error.retry === "never") {
          throw error;
        }
        toldMs = error.retryAfter ?? 0;
      }
    }
    throw this.#ended;
  }

  /** Listen again, repeat what is not answered, and go on with what was refused of the channels. */
  async #restore(line) {
    const unanswered = [...this.#pending].filter(([, asked]) => !asked.line);
    const parts = [this.channels];
    await this.#listenAgain(line, parts);
    for (const [id, asked] of unanswered) {
      if (this.#pending.get(id) === asked) line.send(asked.frame);
    }
    while (parts.length) await this.#listenAgain(line, parts);
    this.#tell("connected", null);
  }

  /**
   * Listen to the last part: where they left off, or from a snapshot on. A channel that is refused for good takes no
   * other along. Where the arena does not say which one it was, the two halves of the part take its place, as they do
   * when there were more than a burst of messages pays for.
   */
  async #listenAgain(line, parts) {
    const part = parts.pop().filter((channel) => this.channels.includes(channel));
    if (!part.length) return;
    const known = this.#session ? part.filter((channel) => this.#last.has(channel)) : [];
    if (known.length && known.length < part.length) {
      parts.push(part.filter((channel) => !known.includes(channel)), known);
      return;
    }
    const last = Object.fromEntries(known.map((channel) => [channel, this.#last.get(channel)]));
    try {
      if (known.length) await this.#askOn(line, "resume", { session: this.#session, last });
      else await this.#askOn(line, "subscribe", { channels: part });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const half = Math.floor(part.length / 2);
      const named = part.includes(error.details.channel) ? error.details.channel : null;
      if (error.retry === "never" && (named !== null || !half)) {
        this.#lose(named ?? part[0], error);
        parts.push(part);
      } else if (half) {
        parts.push(part.slice(half), part.slice(0, half));
      } else {
        await sleep(error.retryAfter ?? RETRY_AFTER_MS);
        parts.push(part);
      }
    }
  }

  /** Tell the program that the arena refuses a channel now, as the channel's last message. */
  #lose(channel, error) {
    this.#forget(channel);
    const { code, message, retry, retryAfter: retry_after, details } = error;
    const data = { code, message, retry, retry_after, details };
    this.#keep({ channel, n: 0, seq: 0, at: 0, type: "refused", data, kind: "ended" });
  }

  #forget(channel) {
    this.channels = this.channels.filter((kept) => kept !== channel);
    this.#last.delete(channel);
  }

  // The token

  async #signIn(how, body) {
    const signedIn = await this.post(`/api/v1/auth/${how}`, body);
    this.refreshToken = signedIn.refresh_token;
    await this.#auth(signedIn.access_token);
    return signedIn;
  }

  /** A new token for one that has expired. */
  async #exchange(token) {
    if (this.refreshToken !== null) return (await this.#refresh()).access_token;
    return (await this.post("/api/v1/auth/renew", { token })).token;
  }

  /** The next two tokens. A refresh token that is used twice ends the session, so there is one request at a time. */
  #refresh() {
    this.#refreshing ??= this.post("/api/v1/auth/refresh", { refresh_token: this.refreshToken })
      .then((signedIn) => {
        this.refreshToken = signedIn.refresh_token;
        return signedIn;
      })
      .finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** Renew the token while we are connected, from the middle of its life on; an operator's without account is not. */
  #keepToken({ player, expires_in: expiresInS }) {
    clearTimeout(this.#renewal);
    if (!expiresInS || (!player && this.refreshToken === null)) return;
    const waitMs = Math.max(expiresInS * 500, SHORTEST_RENEWAL_MS);
    this.#renewal = setTimeout(() => this.#renew(player, expiresInS), Math.min(waitMs, LONGEST_TIMER_MS));
  }

  async #renew(player, expiresInS) {
    try {
      let renewed;
      if (this.refreshToken === null) {
        renewed = await this.call("renew");
        this.token = renewed.token;
      } else {
        renewed = await this.#refresh();
        this.token = renewed.access_token;
        await this.call("auth", { token: this.token });
      }
      this.#keepToken({ player, expires_in: renewed.expires_in });
    } catch (error) {
      // Whoever asks next is told what else is wrong.
      if (error instanceof Unanswered || error instanceof Unreachable) this.#keepToken({ player, expires_in: expiresInS / 2 });
    }
  }

  // Messages

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      message = null;
    }
    if (!isObject(message)) this.#garbled(text);
    else if (message.channel) this.#receiveEvent(message, text);
    else this.#receiveReply(message, text);
  }

  #receiveReply(message, text) {
    const asked = this.#pending.get(message.id);
    if (!asked) {
      if (!this.#abandoned.delete(message.id)) this.unexpected += 1;
    } else if (message.ok === true && message.result !== undefined) {
      const { seq, at, result, replayed = false } = message;
      asked.resolve({ seq, at, result, replayed });
    } else if (typeof message.error?.code === "string") {
      asked.reject(new Refused(message.error));
    } else {
      this.#garbled(text);
      return;
    }
    this.#pending.delete(message.id);
  }

  #receiveEvent(event, text) {
    if (typeof event.channel !== "string" || !Number.isSafeInteger(event.n) || typeof event.type !== "string") {
      this.#garbled(text);
      return;
    }
    if (this.#cameBefore(event)) return;
    if (event.kind === "ended") this.#forget(event.channel);
    else this.#last.set(event.channel, event.n);
    this.#keep(event);
  }

  /** A resume repeats the notification of the last message, as nobody can say whether it came. */
  #cameBefore({ channel, n, type, kind }) {
    if (type === "notification" && !kind) {
      if (n <= this.#notified) return true;
      this.#notified = n;
    } else if (channel === "me" && kind === "snapshot") {
      this.#notified = 0;
    }
    return false;
  }

  #garbled(text) {
    const line = this.#line;
    this.#end(new Garbled(`not a message of the protocol: ${String(text).slice(0, 200)}`));
    line?.close();
  }

  /** For whoever reads events(). */
  #keep(event) {
    if (this.#events.length >= this.#options.eventsKept) {
      this.#events.shift();
      this.eventsDropped += 1;
    }
    this.#events.push(event);
    this.#wakeReaders();
  }

  #wakeReaders() {
    for (const wake of this.#readers.splice(0)) wake();
  }

  /** Nothing more will come. */
  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    clearTimeout(this.#renewal);
    for (const asked of this.#pending.values()) asked.reject(error);
    this.#wakeReaders();
    this.#tell("ended", error.code ?? null);
  }

  #tell(state, code) {
    this.#options.onStatus({ state, code, error: this.#ended });
  }
}

/** One socket, from its opening to its end. A browser may take minutes to close one that is dead: we do not wait. */
class Line {
  #socket;
  #heardAt = now();
  #watch;
  #finish;

  constructor(Socket, url, { quietMs, onMessage, onQuiet }) {
    this.#socket = new Socket(url, [PROTOCOL]);
    /** Resolves to the close code. */
    this.ended = new Promise((resolve) => (this.#finish = resolve));
    this.opened = new Promise((resolve) => this.#socket.addEventListener("open", resolve));
    this.broken = this.ended.then(() => {
      throw new Broken();
    });
    this.broken.catch(() => {}); // who waits for it is told; often nobody does
    this.#socket.addEventListener("message", (event) => {
      this.#heardAt = now();
      if (this.#watch) onMessage(event.data);
    });
    this.#socket.addEventListener("close", (event) => this.cut(event.code));
    this.#socket.addEventListener("error", () => {}); // a close follows
    this.#watch = setInterval(() => {
      if (now() - this.#heardAt >= quietMs) onQuiet(this);
    }, quietMs);
  }

  /** Send, if it is open; what is not answered is sent again by the next one. */
  send(frame) {
    if (this.#socket.readyState === 1) this.#socket.send(frame);
  }

  close() {
    this.cut(1000);
  }

  /** End it now, as if it had been closed with this code; what still comes is not looked at. */
  cut(code) {
    if (!this.#watch) return;
    clearInterval(this.#watch);
    this.#watch = null;
    this.#finish(code);
    this.#socket.close();
  }
}

class Late extends Error {}

/** The promise's value, or Late after so long. */
function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Late()), Math.max(ms, 0));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A clock in ms that is never set. */
function now() {
  return performance.now();
}

/** An idempotency key that nobody has used. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isObject(value) {
  return value !== null && typeof value === "object";
}

function holdsNoFloat(name, value) {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new TypeError(`${name} must be text or an integer: the number ${value} is not exact`);
  }
  if (isObject(value)) for (const [field, inner] of Object.entries(value)) holdsNoFloat(field, inner);
}
