import { expect, it } from "vitest";
import { meaning, mixesAlphabets } from "./Parameters";

it("notices a word of two alphabets, and no sentence of two languages", () => {
  expect(mixesAlphabets("https://р\u0430ypal.example".replace("р", "p"))).toBe(true);
  expect(mixesAlphabets("Привет world")).toBe(false);
  expect(mixesAlphabets("plain")).toBe(false);
});

it("says what a number means by its unit", () => {
  expect(meaning("amount_micro", 4_180_000_000)).toBe("= 4,180.00");
  expect(meaning("timeout_ms", 90_000)).toBe("= 1 min 30 s");
  expect(meaning("replicas", 6)).toBe("");
});
