// A large first result, and changes behind it.

import { connect, end, hear, say, subscribe, until } from "./sdk.mjs";

const client = await connect();
let [inserts, updates, deletes] = [0, 0, 0];
client.db.item.onInsert(() => inserts++);
client.db.item.onUpdate(() => updates++);
client.db.item.onDelete(() => deletes++);
const state = () => {
  let [ids, characters] = [0, 0];
  for (const row of client.db.item.iter()) {
    ids += row.id;
    characters += row.text.length;
  }
  return {
    count: Number(client.db.item.count()),
    ids,
    characters,
    inserts,
    updates,
    deletes,
  };
};

await subscribe(client, "SELECT * FROM item");
say("first", state());
await hear();
await until(() => client.db.item.id.find(1_000_000));
say("second", state());
end();
