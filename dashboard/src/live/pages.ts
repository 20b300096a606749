/**
 * Reading a long list again by its pages. A list of 10,000 rows is 50 pages: to read all of them for one event would
 * cost 50 requests and a frame of most of a second. Rows come newest first by a key that never changes, so a page may
 * be read by itself: the first, those on the screen, and one more at a time until the list is fresh.
 */
import type { Query } from "@tanstack/react-query";

type Row = Readonly<Record<string, unknown>>;

/** A page of a list as the server gives it; `next` is the cursor behind its last row. */
export interface PageOf {
  items: readonly Row[];
  next?: string | null | undefined;
}

/** What the cache keeps of a list. `pageParams` are the cursors behind which the pages begin. */
export interface Pages {
  pages: readonly PageOf[];
  pageParams: readonly unknown[];
}

/** The most rows a page has when it is read (the lists' `limit`). */
const PAGE_ROWS = 200;

/** The list that a query keeps, when it has several pages and rows with a name (`meta.rowId`). */
export function longList(query: Query): Pages | null {
  const data = query.state.data as Pages | undefined;
  return query.meta?.rowId && Array.isArray(data?.pages) && data.pages.length > 1 ? data : null;
}

const ids = new WeakMap<PageOf, ReadonlySet<string>>();

/** The names of a page's rows; found once for every page. */
export function idsOf(page: PageOf, rowId: string): ReadonlySet<string> {
  let found = ids.get(page);
  if (!found) {
    found = new Set(page.items.map((row) => String(row[rowId])));
    ids.set(page, found);
  }
  return found;
}

/** The rows that are in the document (parts/Listing.tsx): what the person sees, and a little more. */
export function onScreen(): readonly string[] {
  if (typeof document === "undefined") return [];
  return Array.from(document.querySelectorAll<HTMLElement>("[data-row]"), (row) => row.dataset.row ?? "");
}

/**
 * The list with its beginning as it is now. `heads` are its first pages, read one after the other; rows that are not on
 * them any more go to the page behind. Null: the next page has to be read too, for nothing known has come yet.
 */
export function withHeads(list: Pages, heads: readonly PageOf[], rowId: string): Pages | null {
  const last = heads.at(-1);
  const [first, second] = list.pages;
  if (!last || !first) return null;
  const params = [list.pageParams[0], ...heads.slice(0, -1).map((page) => page.next)];
  if (!last.next) return { pages: heads, pageParams: params };
  if (!second) return null;
  const behind = idsOf(second, rowId);
  const own = last.items.filter((row) => !behind.has(String(row[rowId])));
  const came = own.length < last.items.length; // rows of the second page came up, for some of the first have left
  const fresh = idsOf(last, rowId);
  const overlap = first.items.findLastIndex((row) => fresh.has(String(row[rowId])));
  if (!came && overlap < 0) return null;
  const fell = came ? [] : first.items.slice(overlap + 1);
  const rest = { pages: list.pages.slice(1), pageParams: list.pageParams.slice(1) };
  if (!fell.length) {
    const page = { ...last, items: own, next: first.next };
    return {
      pages: [...heads.slice(0, -1), page, ...rest.pages],
      pageParams: [...params, ...rest.pageParams],
    };
  }
  if (fell.length + second.items.length > PAGE_ROWS)
    return {
      pages: [...heads, { ...second, items: fell, next: first.next }, ...rest.pages],
      pageParams: [...params, last.next, ...rest.pageParams],
    };
  return {
    pages: [...heads, { ...second, items: [...fell, ...second.items] }, ...rest.pages.slice(1)],
    pageParams: [...params, last.next, ...rest.pageParams.slice(1)],
  };
}

/** The list with the page behind `cursor` as it is now; rows that a neighbour has stay there. */
export function withPage(list: Pages, cursor: unknown, fresh: PageOf, rowId: string): Pages {
  const place = list.pageParams.indexOf(cursor);
  const [before, old, after] = list.pages.slice(place - 1, place + 2);
  if (place < 1 || !before || !old) return list;
  const others = [before, ...(after ? [after] : [])].map((page) => idsOf(page, rowId));
  const items = fresh.items.filter((row) => !others.some((set) => set.has(String(row[rowId]))));
  const pages = [...list.pages];
  pages[place] = { ...fresh, items, next: after ? old.next : fresh.next };
  return { ...list, pages };
}
