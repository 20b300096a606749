/**
 * Reads again what events have touched, as soon as the server and this window can bear it: every query by its own pace,
 * all of them together within an allowance that stays below the 1,000 requests a minute of a person.
 */
import type { Query, QueryClient } from "@tanstack/react-query";
import { idsOf, longList, onScreen, type PageOf, type Pages, withHeads, withPage } from "./pages";
import type { Touched } from "./touched";

declare module "@tanstack/react-query" {
  interface Register {
    queryMeta: {
      /** Read again no sooner than this after the last time: for what is summed up when it is asked for. */
      apartMs?: number;
      /** The field that names a row of a list whose order never changes: such a list may be read by its pages. */
      rowId?: string;
    };
  }
}

const SOON_MS = 20;
const APART_MS = { least: 60, most: 2_000 } as const;
/** Readings of this length are followed by rests of the same; those of twice the length by rests four times as long. So a
 * server that has to do for many windows is asked less by all of them before it is slow for those who decide. */
const QUICK_MS = 50;
/** The weight of the newest reading in what is usual. */
const NEWEST = 0.3;
/** Requests of this window: so many at once, and so many a second. */
const ALLOWANCE = { burst: 60, perSecond: 12 } as const;
/** So many pages of news at the head of a long list are read; with more, the list begins anew. */
const HEADS_MAX = 8;
/** Of a long list, pages read besides its head in one go. */
const PAGES_AT_ONCE = 3;

/** A window that nobody looks at keeps its counts, and asks seldom. */
function hidden(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "hidden";
}

/** How many requests reading it takes. */
function costOf(query: Query): number {
  const data = query.state.data as Partial<Pages> | undefined;
  return longList(query) ? 1 + PAGES_AT_ONCE : (data?.pages?.length ?? 1);
}

/** When a query may be read again, infinite while it is being read; and how long its readings take, one slow one aside. */
interface Pace {
  at: number;
  usual: number;
}

/** What is to be read of a query: of a long list its head, the pages at `cursors`, and where the rows `ids` have gone. */
interface Due {
  cursors: Set<unknown>;
  /** Null: any row. */
  ids: Set<string> | null;
}

export class Refresher {
  private readonly touched: Touched = new Map();
  /** By the query's hash. */
  private readonly due = new Map<string, Due>();
  /** By the query's hash. */
  private readonly paces = new Map<string, Pace>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private timerAt = 0;
  private allowance: number = ALLOWANCE.burst;
  private filledAt: number;

  constructor(
    private readonly client: QueryClient,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.filledAt = now();
  }

  touch(touched: Touched): void {
    for (const [key, ids] of touched) {
      const known = this.touched.get(key);
      if (!ids || known === null) this.touched.set(key, null);
      else if (known) for (const id of ids) known.add(id);
      else this.touched.set(key, ids);
    }
    this.arm(SOON_MS);
  }

  /** Look again after `ms`, or sooner when that was planned. */
  private arm(ms: number): void {
    const at = this.now() + ms;
    if ((!this.touched.size && !this.due.size) || (this.timer !== null && this.timerAt <= at)) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), ms);
    this.timerAt = at;
  }

  private run(): void {
    this.timer = null;
    this.resolve();
    const now = this.now();
    const cache = this.client.getQueryCache();
    let soonest: number = APART_MS.most;
    for (const [hash, due] of this.due) {
      const query = cache.get(hash);
      if (!query?.isActive()) {
        query?.invalidate();
        this.due.delete(hash);
        continue;
      }
      // What is being read now may have begun before the event: read again when it is there, and never cut it short.
      const pace = this.paces.get(hash) ?? { at: 0, usual: 0 };
      const busy = pace.at === Number.POSITIVE_INFINITY || query.state.fetchStatus === "fetching";
      const wait = busy ? SOON_MS : pace.at > now ? pace.at - now : this.lacks(costOf(query), now);
      if (wait > 0) {
        soonest = Math.min(soonest, Math.max(wait, 1));
        continue;
      }
      this.due.delete(hash);
      this.paces.set(hash, { ...pace, at: Number.POSITIVE_INFINITY });
      void this.read(query, due).then((good) => {
        const took = this.now() - now;
        const usual = pace.usual ? (1 - NEWEST) * pace.usual + NEWEST * took : took;
        const least = query.meta?.apartMs ?? APART_MS.least;
        const apart = hidden() || !good ? APART_MS.most : Math.min(APART_MS.most, usual ** 2 / QUICK_MS);
        this.paces.set(hash, { at: this.now() + Math.max(least, apart), usual });
      });
    }
    // Pages come and go: what may be read again by now need not be remembered.
    if (this.paces.size > 100)
      for (const [hash, { at }] of this.paces) if (at <= now) this.paces.delete(hash);
    this.arm(soonest);
  }

  /** From the keys that were touched to the queries that somebody looks at; the others are read when they are shown. */
  private resolve(): void {
    const cache = this.client.getQueryCache();
    for (const [key, ids] of this.touched) {
      for (const query of cache.findAll({ queryKey: JSON.parse(key) as unknown[] })) {
        if (!query.isActive()) {
          if (!query.state.isInvalidated) query.invalidate();
          continue;
        }
        const due = this.due.get(query.queryHash) ?? { cursors: new Set(), ids: new Set() };
        this.due.set(query.queryHash, due);
        const [list, rowId] = [longList(query), query.meta?.rowId];
        if (!list || !rowId) continue;
        if (!ids) due.ids = null;
        else for (const id of ids) due.ids?.add(id);
        list.pages.forEach((page, place) => {
          if (place && has(page, rowId, ids)) due.cursors.add(list.pageParams[place]);
        });
      }
    }
    this.touched.clear();
  }

  /** Milliseconds until `count` requests are allowed; when they are, they are taken. */
  private lacks(count: number, now: number): number {
    const { burst, perSecond } = ALLOWANCE;
    this.allowance = Math.min(burst, this.allowance + ((now - this.filledAt) * perSecond) / 1_000);
    this.filledAt = now;
    const lacking = Math.min(count, burst) - this.allowance;
    if (lacking > 0) return (lacking * 1_000) / perSecond;
    this.allowance -= count;
    return 0;
  }

  /** Did it go well? */
  private async read(query: Query, due: Due): Promise<boolean> {
    const list = longList(query);
    if (list)
      return await this.readPages(query, list, due).catch(() => {
        this.again(query, due);
        return false;
      });
    const { queryKey } = query;
    await this.client.refetchQueries({ queryKey, exact: true, type: "active" }, { cancelRefetch: false });
    return query.state.status !== "error" && query.state.fetchFailureCount === 0;
  }

  /** The head of a long list, the pages that are due on the screen, and of the others as many as may be. */
  private async readPages(query: Query, list: Pages, due: Due): Promise<boolean> {
    const rowId = query.meta?.rowId ?? "";
    const seen = onScreen();
    const wanted = list.pages
      .map((page, place) => ({ page, cursor: list.pageParams[place] }))
      .filter(({ cursor }) => due.cursors.has(cursor))
      .map(({ page, cursor }) => ({ cursor, seen: seen.some((id) => idsOf(page, rowId).has(id)) }))
      .sort((left, right) => Number(right.seen) - Number(left.seen))
      .slice(0, PAGES_AT_ONCE);
    const [head, ...fresh] = await Promise.all(
      [list.pageParams[0], ...wanted.map(({ cursor }) => cursor)].map((cursor) => pageAt(query, cursor)),
    );
    const base = wanted.reduce(
      (made, { cursor }, place) => withPage(made, cursor, fresh[place] as PageOf, rowId),
      list,
    );
    const heads = [head as PageOf];
    let merged = withHeads(base, heads, rowId);
    while (!merged && heads.length < HEADS_MAX) {
      heads.push(await pageAt(query, heads.at(-1)?.next));
      merged = withHeads(base, heads, rowId);
    }
    if (query.state.fetchStatus === "fetching" || query.state.data !== list) {
      // Somebody scrolled to the end meanwhile, and what that brings has the old rows.
      this.again(query, due);
      return true;
    }
    const params = heads.map((_, place) => (place ? heads[place - 1]?.next : list.pageParams[0]));
    const after = merged ?? { pages: heads, pageParams: params };
    this.client.setQueryData(query.queryKey, after);
    for (const { cursor } of wanted) due.cursors.delete(cursor);
    // The page behind the head may have got rows of it, and another cursor.
    const [tail, cursor] = [after.pages[heads.length], after.pageParams[heads.length]];
    const moved = [...due.cursors].filter((one) => !after.pageParams.includes(one));
    for (const one of moved) due.cursors.delete(one);
    if (tail && tail !== base.pages[1] && (moved.length || has(tail, rowId, due.ids)))
      due.cursors.add(cursor);
    if (due.cursors.size) this.again(query, { ...due, ids: new Set() });
    return true;
  }

  private again(query: Query, due: Due): void {
    const later = this.due.get(query.queryHash);
    if (!later) this.due.set(query.queryHash, due);
    else {
      for (const cursor of due.cursors) later.cursors.add(cursor);
      if (!due.ids) later.ids = null;
      else for (const id of due.ids) later.ids?.add(id);
    }
    this.arm(SOON_MS);
  }
}

/** Does the page have one of these rows? */
function has(page: PageOf, rowId: string, ids: ReadonlySet<string> | null): boolean {
  if (!ids) return true;
  const known = idsOf(page, rowId);
  for (const id of ids) if (known.has(id)) return true;
  return false;
}

/** The page of a list behind a cursor. */
async function pageAt(query: Query, pageParam: unknown): Promise<PageOf> {
  const read = query.options.queryFn as unknown as (context: object) => Promise<PageOf>;
  return await read({ queryKey: query.queryKey, pageParam, direction: "forward", meta: query.meta });
}
