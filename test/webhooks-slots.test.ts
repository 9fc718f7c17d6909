import { expect, it } from "vitest";
import { createSlots } from "../src/server/webhooks/outgoing/slots.ts";

const key = (webhookId: string, taskId = "t") => ({ webhookId, taskId });

it("one webhook has as many slots as it may, one that fails has one", () => {
  const slots = createSlots({ perWebhook: 2, total: 8 });
  const taken = ["1", "2", "3"].map((task) => slots.take(key("a", task), false));
  expect(taken).toEqual([true, true, false]);
  expect(["1", "2"].map((task) => slots.take(key("b", task), true))).toEqual([true, false]);
  expect(slots.full()).toEqual(["a"]);
  slots.release(key("a", "1"));
  slots.release(key("a", "1"));
  expect([slots.count("a"), slots.has(key("a", "1")), slots.has(key("a", "2"))]).toEqual([1, false, true]);
  expect(slots.free()).toEqual({ room: 6, scarce: false });
});

it("half of the slots are for webhooks that have none", () => {
  const slots = createSlots({ perWebhook: 8, total: 8 });
  const taken = ["1", "2", "3", "4", "5"].map((task) => slots.take(key("a", task), false));
  expect(taken).toEqual([true, true, true, true, false]);
  expect(slots.free()).toEqual({ room: 4, scarce: true });
  expect(slots.full()).toEqual(["a"]);
  expect(["b", "c", "d", "e", "f"].map((name) => slots.take(key(name), false))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
});
