// Values of all kinds: as they come, as they are shown, and back again.

import { ProductType } from "spacetimedb";
import {
  BinaryWriter,
  ConnectionId,
  Identity,
  ScheduleAt,
  TimeDuration,
  Timestamp,
  Uuid,
} from "spacetimedb";
import { connect, end, REMOTE_MODULE, rows, say, subscribe, until } from "./sdk.mjs";

const client = await connect();
const type = REMOTE_MODULE.tables.sample.rowType;
const write = ProductType.makeSerializer(type);
const bytes = row => {
  const writer = new BinaryWriter(1024);
  write(writer, row);
  return Buffer.from(writer.getBuffer()).toString("hex");
};

await subscribe(client, "SELECT * FROM sample");
const given = rows(client.db.sample);
for (const row of given) say("row", { id: row.id, bytes: bytes(row), row });
for (const row of given)
  await client.reducers.put({ sample: { ...row, id: row.id + 1000 } });
say("returned", {
  same: given.every(
    row =>
      bytes({ ...row, id: row.id + 1000 }) ===
      bytes(client.db.sample.id.find(row.id + 1000)),
  ),
});

await client.reducers.put({
  sample: {
    id: 5000,
    truth: true,
    a8: -128,
    a16: -32768,
    a32: -(2 ** 31),
    a64: -(2n ** 63n),
    a128: -(2n ** 127n),
    a256: -(2n ** 255n),
    b8: 255,
    b16: 65535,
    b64: 2n ** 64n - 1n,
    b128: 2n ** 127n + 5n,
    b256: 2n ** 255n + 7n,
    single: 1.5,
    double: -0.1,
    text: "Zoë😀",
    data: new Uint8Array([1, 2, 255]),
    maybe: 7,
    deep: { x: 1, note: "q" },
    perhaps: undefined,
    mood: { tag: "angry" },
    shape: { tag: "Circle", value: { radius: 2.25 } },
    who: new Identity("c200" + "00".repeat(29) + "2a"),
    link: ConnectionId.fromString("0102030405060708090a0b0c0d0e0f10"),
    at: new Timestamp(1_700_000_000_123_456n),
    lasts: new TimeDuration(-1n),
    number: Uuid.parse("01888d6e-5c00-7000-8000-000000000001"),
    due: ScheduleAt.interval(10_000n),
    words: ["a", ""],
    grid: [[1, 2], [], [65535]],
    places: [{ x: 2, note: "" }],
  },
});
await until(() => client.db.sample.id.find(5000));
say("made", { bytes: bytes(client.db.sample.id.find(5000)) });
end();
