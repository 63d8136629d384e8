// One call after another; the test looks at the disk between them.

import { connect, end, hear, say } from "./sdk.mjs";

const client = await connect();
for (let number = 0; number < 20; number++) {
  await client.reducers.add({ name: `answer ${number}`, city: 1 });
  say("answered", { number });
  await hear();
}
end();
