// The arena, played with SpacetimeDB's own SDK (npm package `spacetimedb`).
//
// node arena_sdk.mjs PORT: waits for a line of JSON, does what it says, and answers with
// a line of JSON. The package is looked for beside this file's copy.
import { createInterface } from 'node:readline';
import {
  DbConnectionBuilder,
  DbConnectionImpl,
  SubscriptionBuilderImpl,
  reducerSchema,
  reducers,
  schema,
  t,
  table,
  procedures,
} from 'spacetimedb';

const tables = schema({
  player: table(
    {
      name: 'player',
      indexes: [
        { accessor: 'id', name: 'player_id', algorithm: 'btree', columns: ['id'] },
      ],
      constraints: [{ name: 'player_id', constraint: 'unique', columns: ['id'] }],
    },
    t.row({ id: t.u32().primaryKey(), name: t.string() })
  ),
});
const calls = reducers(reducerSchema('rename', { number: t.u32(), name: t.string() }));
const remote = {
  versionInfo: { cliVersion: '2.8.3' },
  tables: tables.schemaType.tables,
  reducers: calls.reducersType.reducers,
  ...procedures(),
};
class Connection extends DbConnectionImpl {
  static builder = () => new DbConnectionBuilder(remote, config => new Connection(config));
  subscriptionBuilder = () => new SubscriptionBuilderImpl(this);
}

const port = process.argv[2];
const connect = () =>
  new Promise((resolve, reject) =>
    Connection.builder()
      .withUri(`ws://127.0.0.1:${port}`)
      .withDatabaseName('arena')
      .onConnect(resolve)
      .onConnectError((_, error) => reject(error))
      .build()
  );
const subscribe = connection =>
  new Promise((resolve, reject) =>
    connection
      .subscriptionBuilder()
      .onApplied(resolve)
      .onError(reject)
      .subscribe('SELECT * FROM player')
  );

async function callMany(connection, count, inFlight) {
  let begun = 0;
  const worker = async () => {
    while (begun < count) {
      const number = begun++;
      await connection.reducers.rename({ number: number % 100, name: `name ${number}` });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

async function play({ count, inFlight, listeners }) {
  const connection = await connect();
  await subscribe(connection);
  let told = 0;
  const others = [];
  let enough = () => {};
  for (let n = 0; n < listeners; n++) {
    const other = await connect();
    other.db.player.onUpdate(() => {
      if (++told === listeners * count) enough();
    });
    await subscribe(other);
    others.push(other);
  }
  await callMany(connection, Math.min(count, 2000), inFlight);
  await new Promise(resolve => setTimeout(resolve, 200));
  told = 0;
  const all = listeners ? new Promise(resolve => (enough = resolve)) : Promise.resolve();
  const began = performance.now();
  await callMany(connection, count, inFlight);
  await all;
  const seconds = (performance.now() - began) / 1000;
  const last = connection.db.player.id.find((count - 1) % 100);
  for (const each of [connection, ...others]) each.disconnect();
  return { seconds, told, last: last.name };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await play(JSON.parse(line))));
}
process.exit(0);
