// The SDK of version 1 of the protocol: two clients, each told of what either does.

import readline from "node:readline";
import {
  DbConnectionBuilder,
  DbConnectionImpl,
  SubscriptionBuilderImpl,
  procedures,
  reducerSchema,
  reducers as declareReducers,
  schema,
  t,
  table,
} from "spacetimedb";

console.log = console.info = console.debug = console.warn = console.error;
const say = (what, fields = {}) =>
  process.stdout.write(JSON.stringify({ what, ...fields }) + "\n");
const told = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const tablesOfModule = schema(
  table(
    {
      name: "person",
      indexes: [{ name: "id", algorithm: "btree", columns: ["id"] }],
      constraints: [{ name: "person_id_key", constraint: "unique", columns: ["id"] }],
    },
    t.row({ id: t.u32().primaryKey(), name: t.string(), city: t.u32() }),
  ),
);
const reducersOfModule = declareReducers(
  reducerSchema("add", { name: t.string(), city: t.u32() }),
  reducerSchema("rename", { number: t.u32(), name: t.string() }),
  reducerSchema("remove", { number: t.u32() }),
  reducerSchema("noop", {}),
);
const REMOTE_MODULE = {
  versionInfo: { cliVersion: "1.12.0" },
  tables: tablesOfModule.schemaType.tables,
  reducers: reducersOfModule.reducersType.reducers,
  ...procedures(),
};
class SubscriptionBuilder extends SubscriptionBuilderImpl {}
class DbConnection extends DbConnectionImpl {
  static builder = () =>
    new DbConnectionBuilder(REMOTE_MODULE, config => new DbConnection(config));
  subscriptionBuilder = () => new SubscriptionBuilder(this);
}

const [url, database] = process.argv.slice(2);
const connect = token =>
  new Promise((resolve, reject) =>
    DbConnection.builder()
      .withUri(url)
      .withModuleName(database)
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
      .build(),
  );
const subscribe = (client, queries) =>
  new Promise((resolve, reject) => {
    const handle = client
      .subscriptionBuilder()
      .onApplied(() => resolve(handle))
      .onError(context => reject(context.event))
      .subscribe(queries);
  });
const rows = client => [...client.db.person.iter()].sort((a, b) => a.id - b.id);
const until = async condition => {
  const ends = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > ends) throw new Error(`never: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
};

const [a, b] = [await connect(), await connect()];
const again = await connect(a.shownToken);
say("who", { a: a.shownIdentity, b: b.shownIdentity, again: again.shownIdentity });
const seen = { a: [], b: [] };
for (const [name, client] of [
  ["a", a],
  ["b", b],
]) {
  await subscribe(client, ["SELECT * FROM person"]);
  client.db.person.onInsert((context, row) =>
    seen[name].push(["insert", row, context.event.tag]),
  );
  client.db.person.onDelete((context, row) =>
    seen[name].push(["delete", row, context.event.tag]),
  );
  client.db.person.onUpdate((context, _, row) =>
    seen[name].push(["update", row, context.event.tag]),
  );
}
seen.again = [];
again.db.person.onUpdate((_, old, row) => seen.again.push([old.name, row.name]));
// Several queries may match a row: it is there as long as one of them is.
await subscribe(again, ["SELECT * FROM person WHERE id < 4"]);
const narrow = await subscribe(again, ["SELECT * FROM person WHERE city = 1"]);
say("first", { a: rows(a), b: rows(b) });

// Calls give no promise: what came of them is told where it was asked for.
const calls = [];
a.reducers.onAdd((context, args) =>
  calls.push(["add", args, context.event.status.tag]),
);
a.reducers.onRename((context, args) =>
  calls.push(["rename", args, context.event.status.tag]),
);
a.reducers.onNoop(context => calls.push(["noop", context.event.status.tag]));
a.reducers.add({ name: "Zoë", city: 1 });
a.reducers.rename({ number: 99, name: "?" });
a.reducers.rename({ number: 1, name: "first" });
a.reducers.noop({});
b.reducers.remove({ number: 2 });
await until(
  () =>
    calls.length === 4 &&
    seen.again.length &&
    [seen.a, seen.b].every(each => each.length === 3),
);
say("seen", seen);
say("calls", { calls });
await until(() => rows(again).length === 3 && !rows(again).some(each => each.id === 2));
await until(() => rows(again)[0].name === "first");
say("cache", { a: rows(a), b: rows(b), again: rows(again) });
await new Promise(resolve => narrow.unsubscribeThen(resolve));
say("less", { again: rows(again) });
await subscribe(a, ["SELECT * FROM secret"]).then(
  () => say("refused", { message: "" }),
  error => say("refused", { message: error.message }),
);
say("ready");
await told.next();
await until(
  () =>
    rows(a).length === rows(b).length &&
    rows(a).some(each => each.name === "by the server"),
);
say("server", { a: rows(a), b: rows(b) });
say("end");
process.exit(0);
