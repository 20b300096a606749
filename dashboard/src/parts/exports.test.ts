import { expect, it } from "vitest";
import { csv, csvField } from "./exports";

it("quotes what needs quoting and disarms formulas", () => {
  expect(csvField('say "hi", now')).toBe('"say ""hi"", now"');
  expect(csvField("=HYPERLINK(1)")).toBe("'=HYPERLINK(1)");
  expect(csvField(-3)).toBe("-3");
  expect(csvField(null)).toBe("");
});

it("writes one line a row", () => {
  const rows = [{ a: 1, b: "x" }];
  expect(
    csv(rows, [
      { id: "a", value: (row) => row.a },
      { id: "b", value: (row) => row.b },
    ]),
  ).toBe("a,b\r\n1,x\r\n");
});
