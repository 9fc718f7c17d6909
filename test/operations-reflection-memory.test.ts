import { create } from "@bufbuild/protobuf";
import { createHandlerContext } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { ServerReflection, ServerReflectionRequestSchema } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { createReflectionServices } from "../src/server/reflection-service.ts";
import { heldMemory } from "./subscriptions-watch.ts";

it("a stream of server reflection keeps nothing of the questions that it has answered", async () => {
  const stopping = new AbortController();
  const { v1 } = createReflectionServices({ services: [], files: [], stopping: stopping.signal });
  const context = createHandlerContext({
    service: ServerReflection,
    method: ServerReflection.method.serverReflectionInfo,
    requestMethod: "POST",
    protocolName: "grpc",
    url: "http://localhost/",
  });
  const many = 10_000;
  async function* questions() {
    for (let asked = 0; asked < many; asked++) yield create(ServerReflectionRequestSchema);
  }
  const before = await heldMemory();
  let answered = 0;
  let held = 0;
  for await (const _ of v1.serverReflectionInfo(questions(), context)) {
    answered += 1;
    if (answered === many) held = (await heldMemory()) - before;
  }
  expect(held / many).toBeLessThan(100);
});
