// Sets of queries that begin and end, and what the cache has afterwards.

import {
  connect,
  end,
  hear,
  outcome,
  rows,
  say,
  subscribe,
  tables,
  unsubscribe,
  until,
} from "./sdk.mjs";

const client = await connect();
const { person, city } = client.db;
const has = () => ({
  people: rows(person),
  cities: rows(city),
  count: Number(person.count()),
});

const all = await subscribe(client, "SELECT * FROM person");
say("all", has());
say("by key", { row: person.id.find(2), none: person.id.find(99) ?? null });
say("by index", { rows: [...person.city.filter(1)].sort((a, b) => a.id - b.id) });

const built = await subscribe(client, [
  tables.person.where(row => row.id.gt(1).and(row.name.ne("p3"))),
  tables.city,
]);
say("overlapping", has());
await unsubscribe(all);
say("less", has());
await unsubscribe(built);
say("nothing", has());

const joined = await subscribe(client, [
  tables.city.leftSemijoin(tables.person, (c, p) => c.id.eq(p.city)),
  "SELECT person.* FROM person JOIN city ON person.city = city.id WHERE city.name = 'Uppsala'",
]);
say("joined", has());
say("ready");
await hear();
await until(() => person.id.find(2) && !person.id.find(1));
say("moved", has());
await unsubscribe(joined);
say("left", has());

for (const query of [
  "SELECT * FROM nothing_there",
  "SELECT * FROM secret",
  "SELECT nonsense FROM person",
  "DELETE FROM person",
  "SELECT name FROM person",
  "SELECT * FROM person WHERE",
])
  say("refused", { query, ...(await outcome(subscribe(client, query))) });
say(
  "mixed",
  await outcome(subscribe(client, ["SELECT * FROM city", "SELECT * FROM secret"])),
);
say("unharmed", has());
const late = await subscribe(client, "SELECT * FROM city");
say("late", has());
end();
