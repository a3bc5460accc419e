/**
 * The JavaScript client at the end of a pipe: a line of JSON is a method and its arguments, a line of JSON its outcome.
 * So a test written in Python plays with it: see remote.py.
 */

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { Arena } = await import(pathToFileURL(process.argv[2]));

let arena;
let events;

const METHODS = {
  open: (url, options) => {
    arena = new Arena(url, options);
    events = arena.events();
    return arena.connect().then(() => null);
  },
  request: (op, args, options) => arena.request(op, args, options),
  guest: (name, options) => arena.guest(name, options),
  register: (account) => arena.register(account),
  login: (account) => arena.login(account),
  refresh: (token) => arena.refresh(token),
  auth: (token) => arena.auth(token),
  subscribe: (...channels) => arena.subscribe(...channels),
  unsubscribe: (...channels) => arena.unsubscribe(...channels),
  event: () => events.next(),
  attributes: () => {
    const { player, token, refreshToken, matches, channels, reconnects, eventsDropped, unexpected } = arena;
    return { player, token, refreshToken, matches, channels, reconnects, events_dropped: eventsDropped, unexpected };
  },
  close: () => arena.close(),
};

function plain({ name, message, code, retry, retryAfter, details, key }) {
  return { name, message, code, retry, retry_after: retryAfter, details, key };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { call, method, args } = JSON.parse(line);
  const answer = (outcome) => process.stdout.write(JSON.stringify({ call, ...outcome }) + "\n");
  Promise.resolve()
    .then(() => METHODS[method](...args))
    .then((value) => answer({ value: value ?? null }), (error) => answer({ error: plain(error) }));
}
arena?.close();
