// A query that has run fails later: SpacetimeDB's clients then end the connection.

import { connect, end, rows, say, subscribe, until } from "./sdk.mjs";

const failures = [];
const client = await connect({ onDisconnect: () => failures.push("disconnected") });
await new Promise(resolve =>
  client
    .subscriptionBuilder()
    .onApplied(resolve)
    .onError(context => failures.push(context.event.message))
    .subscribe("SELECT * FROM fragile"),
);
say("ready", { rows: rows(client.db.fragile) });
await client.reducers.add({ name: "hammer", city: 1 }).catch(() => {});
await until(() => failures.includes("disconnected"));
say("failed", { failures });
end();
