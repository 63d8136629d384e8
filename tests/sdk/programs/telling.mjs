// Events, views and procedures.

import { connect, end, note, outcome, rows, say, subscribe, until } from "./sdk.mjs";

const [a, b] = [await connect(), await connect()];
say("who", { a: a.shownIdentity, b: b.shownIdentity });

// Rows of an event table are told and not kept.
const rings = { a: [], b: [] };
for (const [name, client] of [
  ["a", a],
  ["b", b],
]) {
  client.db.ring.onInsert((_, row) =>
    rings[name].push([row.door, row.who.toHexString()]),
  );
  await subscribe(
    client,
    name === "a" ? "SELECT * FROM ring" : "SELECT * FROM ring WHERE door = 2",
  );
}
await a.reducers.ring({ door: 1 });
await b.reducers.ring({ door: 2 });
await until(() => rings.a.length === 2 && rings.b.length === 1);
say("rings", { rings, kept: Number(a.db.ring.count()) + Number(b.db.ring.count()) });

// Views: one result for all, and one for each.
const changes = [];
note(b.db.neighbours, changes, "neighbours");
await subscribe(a, ["SELECT * FROM neighbours", "SELECT * FROM myself"]);
await subscribe(b, ["SELECT * FROM neighbours", "SELECT * FROM myself"]);
say("views", {
  neighbours: rows(b.db.neighbours),
  a: rows(a.db.myself),
  b: rows(b.db.myself),
});
changes.length = 0;
await a.reducers.addMe({});
await until(() => changes.length === 1);
await b.reducers.move({ number: 2, city: 1 });
await until(() => rows(a.db.neighbours).length === 4);
say("views later", {
  changes: changes.map(each => each[0]),
  neighbours: rows(a.db.neighbours),
  a: rows(a.db.myself),
  b: rows(b.db.myself),
});

// Procedures.
await subscribe(a, "SELECT * FROM person");
say("echo", await outcome(a.procedures.echo({ text: "Zoë 😀" })));
say("settled", await outcome(a.procedures.settleMany({ count: 50 })));
say("people", { count: Number(a.db.person.count()) });
say("stumbled", await outcome(a.procedures.stumble({})));
const texts = Array.from({ length: 64 }, (_, number) => `text ${number}`);
const answers = await Promise.all(texts.map(text => a.procedures.echo({ text })));
say("many", {
  right: answers.every(
    (each, number) => each === [...texts[number]].reverse().join(""),
  ),
});
end();
