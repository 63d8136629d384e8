// The server goes away while a client listens and calls.

import { connect, end, outcome, rows, say, subscribe, until } from "./sdk.mjs";

let gone = 0;
const client = await connect({ onDisconnect: () => gone++ });
await subscribe(client, "SELECT * FROM person");
say("ready", { active: client.isActive });
await until(() => gone);
say("gone", { gone, active: client.isActive, rows: rows(client.db.person) });
say("again", await outcome(connect().then(() => "connected")));
end();
