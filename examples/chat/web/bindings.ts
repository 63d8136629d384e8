// TypeScript bindings of the module chat.
// Made by: python -m qsdb generate --lang typescript examples.chat:chat
// Do not edit it.

import {
  DbConnectionBuilder,
  DbConnectionImpl,
  SubscriptionBuilderImpl,
  convertToAccessorMap,
  makeQueryBuilder,
  procedureSchema,
  procedures as declareProcedures,
  reducerSchema,
  reducers as declareReducers,
  schema,
  t,
  table,
  type DbConnectionConfig,
  type ErrorContextInterface,
  type EventContextInterface,
  type Infer,
  type ReducerEventContextInterface,
  type SubscriptionEventContextInterface,
} from "spacetimedb";

export const User = t.object("User", {
  identity: t.identity(),
  name: t.option(t.string()),
  online: t.bool(),
});
export type User = Infer<typeof User>;

export const Room = t.object("Room", {
  name: t.string(),
  opened: t.timestamp(),
});
export type Room = Infer<typeof Room>;

export const Message = t.object("Message", {
  id: t.u64(),
  room: t.string(),
  sender: t.identity(),
  sent: t.timestamp(),
  text: t.string(),
});
export type Message = Infer<typeof Message>;

const tablesOfModule = schema({
  user: table({
    name: "user",
    indexes: [],
    constraints: [
      { name: "user_identity_key", constraint: "unique", columns: ["identity"] },
    ],
  }, t.row("User", {
    identity: t.identity().primaryKey(),
    name: t.option(t.string()),
    online: t.bool(),
  })),
  room: table({
    name: "room",
    indexes: [],
    constraints: [
      { name: "room_name_key", constraint: "unique", columns: ["name"] },
    ],
  }, t.row("Room", {
    name: t.string().primaryKey(),
    opened: t.timestamp(),
  })),
  message: table({
    name: "message",
    indexes: [
      { accessor: "room", name: "message_room_idx_btree", algorithm: "btree", columns: ["room"] },
    ],
    constraints: [
      { name: "message_id_key", constraint: "unique", columns: ["id"] },
    ],
  }, t.row("Message", {
    id: t.u64().primaryKey(),
    room: t.string(),
    sender: t.identity(),
    sent: t.timestamp(),
    text: t.string(),
  })),
});

const reducersOfModule = declareReducers(
  reducerSchema("set_name", {
    name: t.string(),
  }),
  reducerSchema("open_room", {
    name: t.string(),
  }),
  reducerSchema("send", {
    room: t.string(),
    text: t.string(),
  }),
);

const proceduresOfModule = declareProcedures(
);

/** All that the package knows of the module. */
export const REMOTE_MODULE = {
  versionInfo: { cliVersion: "2.10.1" as const },
  tables: tablesOfModule.schemaType.tables,
  reducers: reducersOfModule.reducersType.reducers,
  ...proceduresOfModule,
};

/** Begins queries: tables.user.where(row => row.online.eq(true)). */
export const tables = makeQueryBuilder(tablesOfModule.schemaType);

/** What is known of reducers, by accessor. */
export const reducers = convertToAccessorMap(
  reducersOfModule.reducersType.reducers,
);

export type EventContext = EventContextInterface<typeof REMOTE_MODULE>;
export type ReducerEventContext =
  ReducerEventContextInterface<typeof REMOTE_MODULE>;
export type SubscriptionEventContext =
  SubscriptionEventContextInterface<typeof REMOTE_MODULE>;
export type ErrorContext = ErrorContextInterface<typeof REMOTE_MODULE>;

export class SubscriptionBuilder
  extends SubscriptionBuilderImpl<typeof REMOTE_MODULE> {}

/** A client's connection; begin with DbConnection.builder(). */
export class DbConnection extends DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder<DbConnection> =>
    new DbConnectionBuilder<DbConnection>(
      REMOTE_MODULE,
      (config: DbConnectionConfig<typeof REMOTE_MODULE>) =>
        new DbConnection(config),
    );

  override subscriptionBuilder = (): SubscriptionBuilder =>
    new SubscriptionBuilder(this);
}
