/**
 * Values over time, drawn by uPlot, which is loaded when the first chart is shown. Colours follow light and dark.
 *
 * Above the drawing stands what the lines are at the point under the pointer, else at the last one. With `onPick` points
 * can be chosen: by a click, or by keys (arrows, Home, End, Enter), and a screen reader hears each as it is reached.
 */
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { useZone } from "../app/zone";
import styles from "./Series.module.css";

export interface Line {
  name: string;
  values: readonly (number | null)[];
  /** A name of floor.css without the dashes; default `accent`. */
  colour?: string;
  /** Drawn as bars from zero; `bound`: a thin line that is no measurement. */
  as?: "bars" | "bound";
}

interface SeriesProps {
  label: string;
  /** Microseconds, ascending. */
  times: readonly number[];
  lines: readonly Line[];
  height?: number;
  min?: number;
  max?: number;
  /** Each point is a whole UTC day: said and drawn as such, whatever zone the viewer has chosen. */
  daily?: boolean;
  /** A value in words. */
  say?: (value: number) => string;
  /** Distances between the lines across that make round numbers in these words; default: decimal ones. */
  steps?: readonly number[];
  /** Makes points choosable. */
  onPick?: (point: number) => void;
}

const plainly = (value: number) => value.toLocaleString("en-GB", { maximumFractionDigits: 1 });
const FONT = "11px Inter Variable, sans-serif";
const POINTS_MAX = 40;
const HALF_DAY_S = 43_200;
/** A minute to a year. */
const STEPS_S = [
  ...[1, 5, 15, 30, 60, 180, 360, 720].map((minutes) => minutes * 60),
  ...[1, 2, 7, 14, 28, 91, 365].map((days) => days * 2 * HALF_DAY_S),
];

export function Series(props: SeriesProps) {
  const { label, times, lines, height = 150, min, max, daily = false, say = plainly, steps, onPick } = props;
  const { ref: sized, width } = useElementSize<HTMLDivElement>();
  const ref = useRef<HTMLDivElement>(null);
  const both = useMergedRef(sized, ref);
  const scheme = useComputedColorScheme("light");
  const { zone: own } = useZone();
  const zone = daily ? "UTC" : own;
  const chart = useRef<uPlot | null>(null);
  const [under, setUnder] = useState<number | null>(null);
  const latest = useRef({ say, onPick });
  latest.current = { say, onPick };
  const data = useMemo<uPlot.AlignedData>(
    () => [times.map((at) => at / 1_000_000), ...lines.map((line) => [...line.values])],
    [times, lines],
  );
  const shape = JSON.stringify([
    lines.map(({ name, colour, as }) => ({ name, colour, as })),
    min,
    max,
    steps,
  ]);
  useEffect(() => {
    const box = ref.current;
    if (!box || !width) return;
    let gone = false;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    void import("./uplot").then(({ default: UPlot }) => {
      if (gone) return;
      const [named, low, high] = JSON.parse(shape) as [Omit<Line, "values">[], number?, number?];
      const axis = {
        stroke: colour("soft"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { show: false },
        font: FONT,
      };
      const made = new UPlot(
        {
          width,
          height,
          legend: { show: false },
          cursor: { y: false, points: { size: 7 }, drag: { setScale: false, x: false } },
          tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), zone),
          scales: {
            x: { range: (_, from, to) => (daily ? [from - HALF_DAY_S, to + HALF_DAY_S] : widened(from, to)) },
            y: { range: (_, from, to) => [low ?? from, high ?? Math.max(to, from + 1)] },
          },
          axes: [
            {
              ...axis,
              size: 28,
              incrs: daily ? STEPS_S.filter((one) => one % (2 * HALF_DAY_S) === 0) : STEPS_S,
              values: (_, at) => ticks(at, zone),
            },
            {
              ...axis,
              size: 66,
              ...(steps ? { incrs: [...steps] } : {}),
              values: (_, at) => at.map((one) => latest.current.say(one)),
            },
          ],
          series: [
            {},
            ...named.map((line, place) => {
              const tone = colour(line.colour ?? "accent");
              const known = (data[place + 1] ?? []).filter((value) => value !== null).length;
              return {
                label: line.name,
                stroke: tone,
                width: line.as === "bound" ? 1 : 2,
                ...(line.as === "bound" ? { dash: [4, 4] } : {}),
                ...(line.as === "bars" && UPlot.paths.bars
                  ? { fill: tone, paths: UPlot.paths.bars({ size: [0.7, 40] }) }
                  : {}),
                points: { show: !line.as && known < POINTS_MAX, size: 5 },
              };
            }),
          ],
          hooks: { setCursor: [(one) => setUnder(one.cursor.idx ?? null)] },
        },
        data,
        box,
      );
      chart.current = made;
      made.over.addEventListener("click", () => {
        const { idx } = made.cursor;
        if (idx !== null && idx !== undefined) latest.current.onPick?.(idx);
      });
    });
    return () => {
      gone = true;
      chart.current?.destroy();
      chart.current = null;
    };
    // data alone is set below, without drawing anew
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [ref, width, height, scheme, zone, shape]);
  useEffect(() => chart.current?.setData(data), [data]);

  const last = times.length - 1;
  const at = Math.min(under ?? last, last);
  const when = (point: number) => (daily ? dayOf(times[point] ?? 0) : instant(times[point] ?? 0, zone));
  const value = (line: Line, point: number) => {
    const found = line.values[point];
    return found === null || found === undefined ? "none" : say(found);
  };
  const told = `${when(at)}: ${lines.map((line) => `${line.name} ${value(line, at)}`).join(", ")}`;
  const go = (point: number) => {
    const one = chart.current;
    const to = Math.max(0, Math.min(last, point));
    if (one) one.setCursor({ left: one.valToPos((times[to] ?? 0) / 1_000_000, "x"), top: 0 });
    setUnder(to);
  };
  const keys = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
    const to = steps[event.key];
    if (to !== undefined) go(to);
    else if (event.key === "Enter" || event.key === " ") onPick?.(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const spoken = onPick
    ? ({
        role: "slider",
        tabIndex: 0,
        "aria-label": `${label}; arrows move, Enter shows what is behind a point`,
        "aria-valuemin": 0,
        "aria-valuemax": last,
        "aria-valuenow": at,
        "aria-valuetext": told,
        onKeyDown: keys,
      } as const)
    : ({ role: "img", "aria-label": `${label}; ${told}` } as const);
  return (
    <div>
      <div className={styles.legend} aria-hidden="true">
        <span className={styles.when}>{when(at)}</span>
        {lines.map((line) => (
          <span key={line.name} className={styles.line}>
            <i data-as={line.as} style={{ background: `var(--${line.colour ?? "accent"})` }} />
            {line.name} <b className="number">{value(line, at)}</b>
          </span>
        ))}
      </div>
      <div
        ref={both}
        {...spoken}
        className={onPick ? styles.pickable : styles.drawing}
        style={{ minHeight: height }}
      />
    </div>
  );
}

/** One instant alone, or several within a minute, are drawn in the middle of a minute. */
function widened(from: number, to: number): [number, number] {
  return to - from < 60 ? [from - 30, to + 30] : [from, to];
}

/** Days where the distance between two is a day or more, else times. */
function ticks(at: readonly number[], zone: string): string[] {
  const days = (at[1] ?? 0) - (at[0] ?? 0) >= 2 * HALF_DAY_S;
  const form = days
    ? ({ day: "numeric", month: "short" } as const)
    : ({ hour: "2-digit", minute: "2-digit" } as const);
  return at.map((one) => new Date(one * 1_000).toLocaleString("en-GB", { timeZone: zone, ...form }));
}

/** `21 Nov` of the UTC day that begins then. */
export function dayOf(at: number): string {
  return new Date(at / 1_000).toLocaleDateString("en-GB", {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
  });
}

function instant(at: number, zone: string): string {
  const form = {
    timeZone: zone,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  } as const;
  return new Date(at / 1_000).toLocaleString("en-GB", form);
}
