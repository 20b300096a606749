/**
 * A table that stays smooth at 10,000 rows: only what is on the screen is in the document. Sorting by header and export
 * work on all rows that are loaded. Below 640 px rows become small cards of two lines. Rows can be links or open with Enter.
 */
import { Menu, UnstyledButton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useCallback, useMemo, useRef } from "react";
import { csv, save } from "./exports";
import { useFilters } from "./filters";
import { Icon } from "./Icon";
import styles from "./Listing.module.css";

export interface Column<Row> {
  id: string;
  title: string;
  /** For sorting and export. */
  value: (row: Row) => string | number | boolean | null | undefined;
  /** What is shown; without it, `value`. */
  cell?: (row: Row) => ReactNode;
  /** CSS grid width: `minmax(160px, 2fr)`. */
  width?: string;
  right?: boolean;
  /** On phones: `title` is the first line, `aside` at its right, `line` in the second; else left out. */
  phone?: "title" | "aside" | "line";
}

/** The height of a row with columns, as in Listing.module.css. */
const ROW_PX = 45;

interface ListingProps<Row> {
  name: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  idOf: (row: Row) => string;
  to?: (row: Row) => string;
  empty: ReactNode;
  /** Called when the end comes into view and there is more. */
  more?: (() => void) | undefined;
  toolbar?: ReactNode;
  /** Height of the scrolling part; the default fills the window. */
  height?: string;
}

export function Listing<Row>(props: ListingProps<Row>) {
  const { name, rows, columns, empty, toolbar } = props;
  const [filters, setFilters] = useFilters();
  const sort = filters.sort ?? "";
  const sorted = useMemo(() => sortRows(rows, columns, sort), [rows, columns, sort]);
  return (
    <div className={styles.listing}>
      <div className={styles.toolbar}>
        <div className={styles.tools}>{toolbar}</div>
        <span className={styles.count}>
          <span className="number">{rows.length.toLocaleString()}</span>
          {props.more ? "+" : ""} {name}
        </span>
        <Export name={name} rows={sorted} columns={columns} />
      </div>
      {rows.length ? (
        <Rows {...props} rows={sorted} sort={sort} onSort={(wanted) => setFilters({ sort: wanted })} />
      ) : (
        empty
      )}
    </div>
  );
}

/** By `id` or `-id`; stable, and unchanged when no column has that id. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: string,
): readonly Row[] {
  const down = sort.startsWith("-");
  const column = columns.find((one) => one.id === sort.replace(/^-/, ""));
  if (!column) return rows;
  const sign = down ? -1 : 1;
  return [...rows].sort((left, right) => {
    const [a, b] = [column.value(left) ?? "", column.value(right) ?? ""];
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  });
}

function Export<Row>({
  name,
  rows,
  columns,
}: {
  name: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
}) {
  const file = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}`;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <UnstyledButton className={styles.tool} aria-label={`Export ${name}`} title="Export">
          <Icon name="download" size={16} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save(`${file}.csv`, "text/csv", csv(rows, columns))}>
          CSV, the columns shown
        </Menu.Item>
        <Menu.Item onClick={() => save(`${file}.json`, "application/json", JSON.stringify(rows, null, 2))}>
          JSON, every field
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Rows<Row>({
  name,
  rows,
  columns,
  idOf,
  to,
  more,
  height = "calc(100dvh - 230px)",
  sort,
  onSort,
}: ListingProps<Row> & { sort: string; onSort: (sort: string) => void }) {
  const phone = useMediaQuery("(max-width: 640px)", false, { getInitialValueInEffect: false }) ?? false;
  const box = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => (phone ? 66 : ROW_PX),
    overscan: 12,
    getItemKey: useCallback((index: number) => idOf(rows[index]!), [rows, idOf]),
    onChange: (instance) => {
      const last = instance.getVirtualItems().at(-1);
      if (last && last.index >= rows.length - 20) more?.();
    },
  });
  const template = columns.map((column) => column.width ?? "minmax(90px, 1fr)").join(" ");
  const open = (row: Row) => to && void navigate({ to: to(row) });
  return (
    <div
      ref={box}
      className={styles.scroll}
      style={{ maxHeight: height }}
      role="table"
      aria-label={name}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
    >
      {!phone && <Head columns={columns} template={template} sort={sort} onSort={onSort} />}
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index]!;
          return (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              data-index={item.index}
              data-row={item.key} // what is on the screen is read again first (live/pages.ts)
              ref={phone ? virtual.measureElement : undefined} // elsewhere all rows are equally high
              className={to ? styles.link : styles.row}
              tabIndex={to ? 0 : undefined}
              style={{
                transform: `translateY(${item.start}px)`,
                ...(phone ? {} : { gridTemplateColumns: template }),
              }}
              onClick={(event) => {
                if (!(event.target as HTMLElement).closest("a,button,input,label")) open(row);
              }}
              onKeyDown={(event) => {
                if (event.key === "Enter" && event.target === event.currentTarget) open(row);
              }}
            >
              {phone ? <PhoneCells row={row} columns={columns} /> : <Cells row={row} columns={columns} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head<Row>({
  columns,
  template,
  sort,
  onSort,
}: {
  columns: readonly Column<Row>[];
  template: string;
  sort: string;
  onSort: (sort: string) => void;
}) {
  return (
    <div role="rowgroup" className={styles.headgroup}>
      <div role="row" className={styles.head} style={{ gridTemplateColumns: template }}>
        {columns.map((column) => {
          const mine = sort.replace(/^-/, "") === column.id;
          const down = mine && sort.startsWith("-");
          const next = !mine ? column.id : down ? "" : `-${column.id}`;
          return (
            <div
              key={column.id}
              role="columnheader"
              className={column.right ? styles.right : undefined}
              aria-sort={mine ? (down ? "descending" : "ascending") : "none"}
            >
              <UnstyledButton className={styles.sort} onClick={() => onSort(next)}>
                {column.title}
                {mine && <Icon name={down ? "down" : "up"} size={12} />}
              </UnstyledButton>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function shown<Row>(row: Row, column: Column<Row>): ReactNode {
  return column.cell ? column.cell(row) : String(column.value(row) ?? "");
}

/** Live lists are read again several times a second: a row that is the same object as before is not drawn anew. */
function sameRow<Part>(part: Part): Part {
  return memo(part as never) as unknown as Part;
}

const Cells = sameRow(function Cells<Row>({ row, columns }: { row: Row; columns: readonly Column<Row>[] }) {
  return columns.map((column) => (
    <div key={column.id} role="cell" className={column.right ? styles.rightCell : styles.cell}>
      {shown(row, column)}
    </div>
  ));
});

const PhoneCells = sameRow(function PhoneCells<Row>({
  row,
  columns,
}: {
  row: Row;
  columns: readonly Column<Row>[];
}) {
  const of = (place: Column<Row>["phone"]) => columns.filter((column) => column.phone === place);
  return (
    <div className={styles.phone} role="cell">
      <div className={styles.phoneTop}>
        <span className={styles.phoneTitle}>
          {of("title").map((column) => (
            <span key={column.id}>{shown(row, column)}</span>
          ))}
        </span>
        {of("aside").map((column) => (
          <span key={column.id}>{shown(row, column)}</span>
        ))}
      </div>
      <div className={styles.phoneLine}>
        {of("line").map((column) => (
          <span key={column.id}>{shown(row, column)}</span>
        ))}
      </div>
    </div>
  );
});
