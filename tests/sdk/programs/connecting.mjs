// Who a client is: nobody known, the same again, and nobody who is let in.

import { connect, end, hear, outcome, rows, say, subscribe } from "./sdk.mjs";

const first = await connect();
say("anonymous", { identity: first.shownIdentity, token: first.shownToken });
const other = await connect();
say("another", { identity: other.shownIdentity });
await first.reducers.addMe({});
first.disconnect();

const again = await connect({ token: first.shownToken });
say("again", { identity: again.shownIdentity, token: again.shownToken });
await subscribe(again, "SELECT * FROM myself");
say("myself", { rows: rows(again.db.myself) });

say("bad", await outcome(connect({ token: `${first.shownToken}x` })));
say("no token", await outcome(connect({ token: "nonsense" })));
const foreign = await hear();
say("no database", await outcome(connect({ tweak: b => b.withDatabaseName(foreign) })));
end();
