/** What a program in TypeScript writes: it is checked by the compiler, and never run. */

import { Arena, Refused, newKey, type ArenaEvent, type Placed } from "./arena.mjs";

const arena = await new Arena("http://127.0.0.1:8080", { timeoutMs: 5_000, onStatus: ({ state }) => state }).connect();
const { matches } = await arena.guest("alice");
const placed: Placed = await arena.call(
  "order.place",
  { match: matches[0]!, symbol: "BTCUSDT", side: "long", margin: "100", leverage: 10 },
  { key: newKey() },
);
const fee: string | undefined = placed.fee;
const { seq, result } = await arena.request("position.list", { match: 1 });
const prices: string[] = result.map((position) => position.entry_price);
await arena.call("me.get");
await arena.subscribe("me", "tick.BTCUSDT");

function told(event: ArenaEvent): string | null | number {
  if (event.type === "tick") return event.data.bid;
  if (event.type === "position.closed") return event.data.position;
  return event.n + seq + prices.length + (fee?.length ?? 0);
}

for await (const event of arena.events()) told(event);

try {
  await arena.call("time");
} catch (error) {
  if (error instanceof Refused && error.code === "MARKET_CLOSED") console.log(error.retryAfter);
}

// @ts-expect-error: there is no such op
await arena.call("order.plaec", {});
// @ts-expect-error: the symbol is missing
await arena.call("quote", {});
// @ts-expect-error: no such side
await arena.call("order.place", { match: 1, symbol: "BTCUSDT", side: "up", margin: "100", leverage: 10 });
// @ts-expect-error: what has to be given cannot be left out
await arena.call("order.place");
// @ts-expect-error: a decimal is text
const wrong: number = placed.fee;
