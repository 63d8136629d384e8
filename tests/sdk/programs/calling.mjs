// Calls: what they come to, and very many of them in flight.

import { connect, end, outcome, rows, say, subscribe } from "./sdk.mjs";

const client = await connect();
await subscribe(client, "SELECT * FROM person");

say("added", await outcome(client.reducers.add({ name: "new", city: 1 })));
say("there", { rows: rows(client.db.person) });
say("nothing", await outcome(client.reducers.noop({})));
say("sender", await outcome(client.reducers.rename({ number: 99, name: "?" })));
say("inside", await outcome(client.reducers.crash({})));
say("unknown", await outcome(client.callReducer("nosuch", new Uint8Array())));
say("private", await outcome(client.callReducer("hidden", new Uint8Array())));
say("arguments", await outcome(client.callReducer("rename", new Uint8Array([1, 2]))));
say("lifecycle", await outcome(client.callReducer("init", new Uint8Array())));
say("unharmed", { rows: rows(client.db.person) });

// 256 in flight, again and again; every call knows its own answer.
const flight = 256,
  count = 1024;
let began = 0,
  done = 0,
  refused = 0;
async function worker() {
  while (began < count) {
    const number = began++;
    const call =
      number % 8 === 7
        ? client.reducers.rename({ number: 100_000 + number, name: "?" }).then(
            () => {
              throw new Error("it was not refused");
            },
            error => {
              if (error.message !== `no person ${100_000 + number}`) throw error;
              refused += 1;
            },
          )
        : client.reducers.rename({ number: 1 + (number % 4), name: `call ${number}` });
    await call;
    done += 1;
  }
}
await Promise.all(Array.from({ length: flight }, worker));
say("in flight", { done, refused, rows: rows(client.db.person) });
end();
