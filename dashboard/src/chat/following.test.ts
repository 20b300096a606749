import { expect, it } from "vitest";
import { type Told, withMessage, withPart } from "./following";
import type { Message } from "./queries";

const nothing: Told = { messages: [], parts: new Map(), state: "live" };
const message = (number: number, stream = ""): Message => ({
  number,
  stream,
  at: 0,
  author: { kind: "agent", id: "agt_1", name: "a" },
  text: `text ${number}`,
  untrusted: true,
  seq: number,
  reply_to: 0,
  task_id: "",
});

it("keeps messages in order and each once", () => {
  const told = [2, 1, 2].reduce((before, number) => withMessage(before, message(number)), nothing);
  expect(told.messages.map((one) => one.number)).toEqual([1, 2]);
});

it("joins the parts of an answer until the whole of it is there", () => {
  let told = withPart(nothing, { stream: "s", text: "Hel", lost: false });
  told = withPart(told, { stream: "s", text: "lo", lost: false });
  expect(told.parts.get("s")).toBe("Hello");
  expect(withMessage(told, message(1, "s")).parts.size).toBe(0);
});
