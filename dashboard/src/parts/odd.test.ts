import { describe, expect, it } from "vitest";
import { hasOdd, pieces, plain } from "./odd";

describe("odd characters", () => {
  it("shows direction overrides, zero-width and control characters by name", () => {
    expect(plain("pay\u202eevil\u202c me\u200b!\u0007")).toBe("payU+202EevilU+202C meU+200B!U+0007");
  });
  it("shows tag characters and lone surrogates", () => {
    expect(plain("a\u{e0041}b\ud800c")).toBe("aU+E0041bU+D800c");
  });
  it("leaves words, emoji, tabs, newlines and markup as they are", () => {
    const text = "Grüße 👍🏽 日本\n\t<b>&amp;</b>";
    expect(pieces(text)).toEqual([{ text, odd: false }]);
    expect(hasOdd(text)).toBe(false);
  });
});
