// Two clients: each is told of all that either does, in order, and each change once.

import {
  connect,
  end,
  note,
  rows,
  say,
  subscribe,
  tables,
  unsubscribe,
  until,
} from "./sdk.mjs";

const [a, b] = [await connect(), await connect()];
const seen = { a: [], b: [] };
note(a.db.person, seen.a, "person");
note(b.db.person, seen.b, "person");
note(b.db.tag, seen.b, "tag");
await subscribe(a, "SELECT * FROM person");
const whole = await subscribe(b, ["SELECT * FROM person", "SELECT * FROM tag"]);
const narrow = await subscribe(b, [
  tables.person.where(row => row.city.eq(1)),
  tables.person.where(row => row.id.lt(3)),
]);
const began = { a: seen.a.length, b: seen.b.length };
say("began", began);
seen.a.length = seen.b.length = 0;

await a.reducers.add({ name: "Zoë", city: 1 });
await a.reducers.rename({ number: 1, name: "first" });
await b.reducers.move({ number: 2, city: 1 });
await b.reducers.move({ number: 1, city: 2 });
await a.reducers.tag({ label: "x", weight: -1 });
await a.reducers.tag({ label: "y", weight: 2 });
await a.reducers.untag({ label: "x", weight: -1 });
await a.reducers.remove({ number: 3 });
await b.reducers.add({ name: "last", city: 2 });
await until(() =>
  [seen.a, seen.b].every(list => list.some(each => each[2].name === "last")),
);
say("seen", seen);
say("cache", {
  a: rows(a.db.person),
  b: rows(b.db.person),
  tags: [...b.db.tag.iter()],
});

seen.b.length = 0;
await unsubscribe(whole);
say("narrow", {
  rows: rows(b.db.person),
  seen: seen.b.length,
  tags: Number(b.db.tag.count()),
});
await unsubscribe(narrow);
say("none", { rows: rows(b.db.person) });
end();
