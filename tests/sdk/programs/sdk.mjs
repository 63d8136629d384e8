// What all programs share: how they connect, and how they say what they see.

import readline from "node:readline";
import { DbConnection } from "./bindings.mjs";

export { DbConnection, REMOTE_MODULE, tables } from "./bindings.mjs";

// The package talks on the console; lines of standard output are for the test alone.
console.log = console.info = console.debug = console.warn = console.error;

const [url, database] = process.argv.slice(2);

function shown(key, value) {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return value;
}

/** Say something to the test. */
export function say(what, fields = {}) {
  process.stdout.write(JSON.stringify({ what, ...fields }, shown) + "\n");
}

const lines = readline.createInterface({ input: process.stdin });
const told = lines[Symbol.asyncIterator]();

/** Wait until the test says something. */
export async function hear() {
  return (await told.next()).value;
}

/** Connect; what happens is told, and goes to the callbacks given. */
export function connect({ token, tweak = b => b, onDisconnect = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const builder = DbConnection.builder()
      .withUri(url)
      .withDatabaseName(database)
      .withToken(token)
      .onConnect((connection, identity, token) =>
        resolve(
          Object.assign(connection, {
            shownIdentity: identity.toHexString(),
            shownToken: token,
          }),
        ),
      )
      .onConnectError((_, error) => reject(error))
      .onDisconnect((_, error) => onDisconnect(error));
    tweak(builder).build();
  });
}

/** Subscribe; gives the handle when the rows are there. */
export function subscribe(connection, queries) {
  return new Promise((resolve, reject) => {
    const handle = connection
      .subscriptionBuilder()
      .onApplied(() => resolve(handle))
      .onError(context => reject(context.event))
      .subscribe(queries);
  });
}

export function unsubscribe(handle) {
  return new Promise(resolve => handle.unsubscribeThen(() => resolve()));
}

/** Note each change of a table. */
export function note(table, into, name) {
  table.onInsert((context, row) => into.push(["insert", name, row, context.event.tag]));
  table.onDelete((context, row) => into.push(["delete", name, row, context.event.tag]));
  table.onUpdate?.((context, old, row) =>
    into.push(["update", name, old, row, context.event.tag]),
  );
}

/** Give the rows of a table in the order of their keys. */
export function rows(table) {
  return [...table.iter()].sort((a, b) => a.id - b.id);
}

/** Wait for something that callbacks bring about. */
export async function until(condition) {
  const ends = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > ends) throw new Error(`never: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

/** Say what a promise comes to. */
export async function outcome(promise) {
  return promise.then(
    value => ({ value }),
    error => ({
      error: error.constructor.name,
      message: error.message ?? String(error),
    }),
  );
}

export function end() {
  say("end");
  process.exit(0);
}
