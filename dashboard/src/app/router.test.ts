import { expect, it } from "vitest";
import { pages } from "./pages";
import { parseSearch, writeSearch } from "./search";

it("what stands in the URL is read back as it was written", () => {
  const search = { q: "a b&c=1", state: "idle", n: "07" };
  expect(parseSearch(writeSearch(search))).toEqual(search);
  expect(writeSearch({ q: "", x: undefined })).toBe("");
});

it("every page has a path, a key and a route of its own", () => {
  const paths = pages.flatMap((page) => page.routes.map((route) => route.path));
  expect(new Set(paths).size).toBe(paths.length);
  expect(new Set(pages.map((page) => page.key)).size).toBe(pages.length);
  for (const page of pages) expect(page.routes.map((route) => route.path)).toContain(page.path);
});
