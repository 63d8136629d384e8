// The page of the chat. Everything it shows is in the connection's cache, and is drawn
// anew when the cache has changed; texts of strangers become text nodes, never HTML.
//
// ?server=ws://host:port&database=chat says where the chat is. Who somebody is stays in
// the browser's local storage, so a page that is loaded again is the same user.

import type { Identity } from "spacetimedb";
import { DbConnection, tables, type SubscriptionBuilder } from "./bindings";

const place = new URL(window.location.href).searchParams;
const server = place.get("server") ?? "ws://127.0.0.1:3000";
const database = place.get("database") ?? "chat";
const tokenKey = `qsdb-chat ${server} ${database}`;

type Subscription = ReturnType<SubscriptionBuilder["subscribe"]>;

let room = "lobby";
let messages: Subscription | undefined;
let isDrawing = false;

function element<Sort extends HTMLElement>(id: string): Sort {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as Sort;
}

function item(text: string, className = ""): HTMLLIElement {
  const made = document.createElement("li");
  made.textContent = text;
  made.className = className;
  return made;
}

function complain(problem: unknown): void {
  element("error").textContent =
    problem instanceof Error ? problem.message : `${problem ?? ""}`;
}

function called(identity: Identity): string {
  const name = connection.db.user.identity.find(identity)?.name;
  return name ?? `…${identity.toHexString().slice(-6)}`;
}

function drawMessages(): void {
  const list = element("messages");
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const there = [...connection.db.message.room.filter(room)];
  there.sort((one, other) => (one.id < other.id ? -1 : 1));
  list.replaceChildren(
    ...there.map(message => {
      const made = item(`${called(message.sender)}: ${message.text}`);
      const time = document.createElement("time");
      time.textContent = message.sent.toDate().toLocaleTimeString();
      made.append(time);
      return made;
    }),
  );
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

function drawRooms(): void {
  const names = [...connection.db.room.iter()].map(each => each.name).sort();
  element("rooms").replaceChildren(
    ...names.map(name => {
      const made = item("");
      const button = document.createElement("button");
      button.textContent = name;
      button.setAttribute("aria-current", `${name === room}`);
      button.onclick = () => enter(name);
      made.append(button);
      return made;
    }),
  );
}

function drawUsers(): void {
  const users = [...connection.db.user.iter()];
  users.sort((one, other) => Number(other.online) - Number(one.online));
  element("users").replaceChildren(
    ...users.map(user =>
      item(called(user.identity), user.online ? "online" : "offline"),
    ),
  );
}

function draw(): void {
  if (isDrawing) return; // many changes of one moment are drawn once
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    element("room").textContent = room;
    drawMessages();
    drawRooms();
    drawUsers();
  });
}

function enter(name: string): void {
  if (messages?.isActive()) messages.unsubscribe();
  room = name;
  messages = connection
    .subscriptionBuilder()
    .onApplied(draw)
    .onError(context => complain(context.event))
    .subscribe([tables.message.where(message => message.room.eq(name))]);
}

function onSubmit(form: string, input: string, act: (text: string) => Promise<void>): void {
  element<HTMLFormElement>(form).onsubmit = event => {
    event.preventDefault();
    const field = element<HTMLInputElement>(input);
    act(field.value).then(
      () => {
        field.value = "";
        complain("");
      },
      complain,
    );
  };
}

const connection = DbConnection.builder()
  .withUri(server)
  .withDatabaseName(database)
  .withToken(localStorage.getItem(tokenKey) ?? undefined)
  .onConnect((_, identity, token) => {
    localStorage.setItem(tokenKey, token);
    element("status").textContent = "connected";
    element("status").dataset["identity"] = identity.toHexString();
    connection
      .subscriptionBuilder()
      .onApplied(draw)
      .onError(context => complain(context.event))
      .subscribe([tables.user, tables.room]);
    enter(room);
  })
  .onConnectError((_, error) => {
    element("status").textContent = "not connected";
    complain(error);
  })
  .onDisconnect((_, error) => {
    element("status").textContent = "disconnected";
    complain(error);
  })
  .build();

for (const table of [connection.db.user, connection.db.room, connection.db.message]) {
  table.onInsert(draw);
  table.onDelete(draw);
}
connection.db.user.onUpdate(draw);

onSubmit("message-form", "message-input", text =>
  connection.reducers.send({ room, text }),
);
onSubmit("name-form", "name-input", name => connection.reducers.setName({ name }));
onSubmit("room-form", "room-input", async name => {
  await connection.reducers.openRoom({ name });
  enter(name.trim());
});
