import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { openApplication } from "../../../../processor/runtime/service/http/open-application.js";

const silenceMs = 100;
let app: ReturnType<typeof openApplication>;

async function listen(): Promise<number> {
  app = openApplication({
    ...{ maxBodyBytes: 1024, maxConnections: 10, trustedProxies: 0, silenceMs },
    newRequestId: () => "1",
    onTrouble: () => {},
    sendError: (reply) => reply.send("error"),
  });
  const late = () => wait(5 * silenceMs).then(() => "late");
  app.post("/slow", late);
  app.get("/slow", late);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return (app.server.address() as AddressInfo).port;
}
afterEach(() => app.close());

test.each([
  { what: "without a body", request: { method: "POST" } },
  {
    what: "with a body",
    request: { method: "POST", body: "{}", headers: { "content-type": "application/json" } },
  },
  { what: "to read", request: { method: "GET" } },
])("the answer to a request $what may take longer than a client may be silent", async ({ request }) => {
  const port = await listen();
  const answer = await fetch(`http://127.0.0.1:${port}/slow`, request);
  expect(await answer.text()).toBe("late");
});

test("a client that is silent in the middle of a body is disconnected", async () => {
  const port = await listen();
  const socket = connect(port, "127.0.0.1");
  socket.write(
    "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  );
  socket.resume();
  await once(socket, "close");
});
