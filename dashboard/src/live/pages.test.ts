import { describe, expect, it } from "vitest";
import { type Pages, withHeads, withPage } from "./pages";

/** Rows newest first: numbers that fall. `next` is the last of the page. */
function page(from: number, to: number, more = true) {
  const items = Array.from({ length: from - to + 1 }, (_, n) => ({ id: String(from - n) }));
  return { items, next: more ? String(to) : null };
}

function list(...pages: ReturnType<typeof page>[]): Pages {
  return { pages, pageParams: ["", ...pages.slice(0, -1).map((one) => one.next)] };
}

function rows(found: Pages | null): number[] {
  return (found?.pages ?? []).flatMap((one) => one.items.map((row) => Number(row.id)));
}

const OLD = list(page(500, 301), page(300, 101), page(100, 1, false));

describe("the head of a long list", () => {
  it("pushes what it has no room for to a page behind it, with a cursor of its own", () => {
    const found = withHeads(OLD, [page(503, 304)], "id");
    expect(rows(found)).toEqual(Array.from({ length: 503 }, (_, n) => 503 - n));
    expect(found?.pageParams).toEqual(["", "304", "301", "101"]);
    expect(found?.pages.map((one) => one.items.length)).toEqual([200, 3, 200, 100]);
  });

  it("collects such rows on one page until that is full", () => {
    const once = withHeads(OLD, [page(503, 304)], "id") as Pages;
    const twice = withHeads(once, [page(510, 311)], "id");
    expect(rows(twice)).toEqual(Array.from({ length: 510 }, (_, n) => 510 - n));
    expect(twice?.pageParams).toEqual(["", "311", "301", "101"]);
    expect(twice?.pages.map((one) => one.items.length)).toEqual([200, 10, 200, 100]);
  });

  it("forgets rows that have left, also when rows of the page behind come up for them", () => {
    const without = {
      ...page(500, 299),
      items: page(500, 299).items.filter((row) => row.id !== "450" && row.id !== "301"),
    };
    const found = withHeads(OLD, [without], "id");
    expect(rows(found)).toEqual(
      Array.from({ length: 500 }, (_, n) => 500 - n).filter((id) => id !== 450 && id !== 301),
    );
    expect(found?.pageParams).toEqual(OLD.pageParams);
  });

  it("asks for the next page while nothing known has come", () => {
    const first = page(900, 701);
    expect(withHeads(OLD, [first], "id")).toBeNull();
    expect(withHeads(OLD, [first, page(700, 501)], "id")).toBeNull();
    const found = withHeads(OLD, [first, page(700, 501), page(500, 301)], "id");
    expect(rows(found)).toEqual(Array.from({ length: 900 }, (_, n) => 900 - n));
    expect(found?.pageParams).toEqual(["", "701", "501", "301", "101"]);
  });

  it("is all there is when the server has no more", () => {
    const found = withHeads(OLD, [page(7, 1, false)], "id");
    expect(rows(found)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(found?.pageParams).toEqual([""]);
  });

  it("stays itself when nothing has changed", () => {
    const found = withHeads(OLD, [page(500, 301)], "id");
    expect(rows(found)).toEqual(rows(OLD));
    expect(found?.pages[1]).toBe(OLD.pages[1]);
  });
});

describe("a page behind the head", () => {
  it("is replaced, without rows that the page behind it has", () => {
    const fresh = { ...page(299, 99), items: page(299, 99).items.filter((row) => row.id !== "200") };
    const found = withPage(OLD, "301", fresh, "id");
    expect(rows(found)).toEqual(
      Array.from({ length: 500 }, (_, n) => 500 - n).filter((id) => id !== 300 && id !== 200),
    );
    expect(found.pages[1]?.next).toBe("101");
  });

  it("knows of rows behind it when it is the last", () => {
    const found = withPage(list(page(500, 301), page(300, 101)), "301", page(300, 101, false), "id");
    expect(found.pages[1]?.next).toBeNull();
  });

  it("is left alone when the list has no such page any more", () => {
    expect(withPage(OLD, "302", page(301, 102), "id")).toBe(OLD);
    expect(withPage(OLD, "", page(500, 301), "id")).toBe(OLD);
  });
});
