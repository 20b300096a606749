/** Values over time, drawn by uPlot, which is loaded when the first chart is shown. Colours follow light and dark. */
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useMemo, useRef } from "react";
import type uPlot from "uplot";
import { useZone } from "../app/zone";

export interface Line {
  name: string;
  values: readonly (number | null)[];
  /** A name of floor.css without the dashes; default `accent`. */
  colour?: string;
}

export function Series({
  label,
  times,
  lines,
  height = 150,
  min,
  max,
}: {
  label: string;
  /** Microseconds, ascending. */
  times: readonly number[];
  lines: readonly Line[];
  height?: number;
  min?: number;
  max?: number;
}) {
  const { ref: sized, width } = useElementSize<HTMLDivElement>();
  const ref = useRef<HTMLDivElement>(null);
  const both = useMergedRef(sized, ref);
  const scheme = useComputedColorScheme("light");
  const { zone } = useZone();
  const chart = useRef<uPlot | null>(null);
  const data = useMemo<uPlot.AlignedData>(
    () => [times.map((at) => at / 1_000_000), ...lines.map((line) => [...line.values])],
    [times, lines],
  );
  const shape = JSON.stringify([lines.map((line) => [line.name, line.colour]), min, max]);
  useEffect(() => {
    const box = ref.current;
    if (!box || !width) return;
    let gone = false;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    void import("./uplot").then(({ default: UPlot }) => {
      if (gone) return;
      const [named, low, high] = JSON.parse(shape) as [[string, string | undefined][], number?, number?];
      const axis = {
        stroke: colour("soft"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { show: false },
      };
      chart.current = new UPlot(
        {
          width,
          height,
          legend: { show: named.length > 1 },
          cursor: { y: false },
          tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), zone),
          scales: { y: { range: (_, from, to) => [low ?? from, high ?? Math.max(to, from + 1)] } },
          axes: [
            { ...axis, font: "11px Inter Variable, sans-serif" },
            { ...axis, size: 46, font: "11px Inter Variable, sans-serif" },
          ],
          series: [
            {},
            ...named.map(([name, tone]) => ({
              label: name,
              stroke: colour(tone ?? "accent"),
              width: 2,
              points: { show: data[0].length < 40, size: 5 },
            })),
          ],
        },
        data,
        box,
      );
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
  const last = lines.map((line) => `${line.name} ${line.values.at(-1) ?? "none"}`).join(", ");
  return (
    <div ref={both} role="img" aria-label={`${label}: ${last} at the end`} style={{ minHeight: height }} />
  );
}
