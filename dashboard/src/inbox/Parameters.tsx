/**
 * What would run: canonical parameters as the server has them; a diff as a diff, a list as lines, what is nested indented.
 * What is long is folded and says by how much: nothing is shortened silently.
 */
import { Alert, UnstyledButton } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Diff } from "../parts/Diff";
import { isDiff } from "../parts/diffs";
import { plain } from "../parts/odd";
import { exactUtc, span } from "../parts/times";
import { Name, Words } from "../parts/Words";
import styles from "./decision.module.css";

const ITEMS_SHOWN = 50;
const DEPTH_MAX = 8;
const INLINE_CHARS_MAX = 160;
const FOLD_CHARS = 1_200;

export function Parameters({ of }: { of: unknown }) {
  if (of === null || of === undefined) {
    return <Alert color="bad">The parameters were erased and cannot be inspected.</Alert>;
  }
  const pairs = typeof of === "object" && !Array.isArray(of) ? Object.entries(of) : [];
  const diffs = pairs.filter(([name, value]) => isDiff(name, value));
  const rest = pairs.filter(([name, value]) => !isDiff(name, value));
  return (
    <div className={styles.parameters}>
      {(rest.length > 0 || diffs.length === 0) && (
        <Tree of={pairs.length ? Object.fromEntries(rest) : of} depth={0} />
      )}
      {diffs.map(([name, value]) => (
        <Diff key={name} text={String(value)} />
      ))}
    </div>
  );
}

/** What a number says by the unit at the end of its name, for people; the number itself is what counts. */
export function meaning(name: string, value: unknown): string {
  if (typeof value !== "number") return "";
  if (name.endsWith("_micro")) {
    return `= ${(value / 1_000_000).toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
  }
  if (name.endsWith("_ms")) return `= ${span(value)}`;
  if (name.endsWith("_at") && value > 0) return `= ${exactUtc(value)}`;
  return name.endsWith("_bytes") ? `= ${(value / 1_048_576).toLocaleString("en-GB")} MiB` : "";
}

function Tree({ of, depth, name = "" }: { of: unknown; depth: number; name?: string }) {
  if (of === null || typeof of !== "object") return <Plain of={of} name={name} />;
  const list = Array.isArray(of);
  const pairs = Object.entries(of);
  if (!pairs.length) return <em className={styles.quiet}>{list ? "an empty list" : "nothing"}</em>;
  if (depth >= DEPTH_MAX) return <Words text={JSON.stringify(of, null, 2)} mono charsMax={FOLD_CHARS} />;
  return list ? <List of={of} depth={depth} name={name} /> : <Pairs of={pairs} depth={depth} />;
}

/** Names and values; what holds more stands indented below its name. */
function Pairs({ of, depth }: { of: readonly [string, unknown][]; depth: number }) {
  const [shown, more] = useFold(of);
  return (
    <>
      <dl className={styles.pairs}>
        {shown.map(([name, value]) => (
          <div key={name} className={`${styles.pair} ${isNested(value) ? styles.nest : ""}`}>
            <dt>{name ? <Name text={name} charsMax={INLINE_CHARS_MAX} /> : <em>no name</em>}</dt>
            <dd>
              <Tree of={value} depth={depth + 1} name={name} />
            </dd>
          </div>
        ))}
      </dl>
      {more}
    </>
  );
}

/** A line each, numbers one after another; what is more than a line is numbered from 1. */
function List({ of, depth, name }: { of: readonly unknown[]; depth: number; name: string }) {
  const [shown, more] = useFold(of);
  const lines = of.every((one) => one === null || typeof one !== "object");
  const flows = of.every((one) => typeof one === "number" || typeof one === "boolean");
  const items = shown.map((one, place) => (
    <li key={place}>
      <Tree of={one} depth={depth + 1} name={name} />
    </li>
  ));
  return (
    <>
      {lines ? (
        <ul className={`${styles.items} ${flows ? styles.flow : ""}`}>{items}</ul>
      ) : (
        <ol className={styles.numbered}>{items}</ol>
      )}
      {more}
    </>
  );
}

/** Does it take more room than beside its name? Lists of plain values do not. */
function isNested(value: unknown): boolean {
  if (Array.isArray(value))
    return value.some(isNested) || value.some((one) => one && typeof one === "object");
  return value !== null && typeof value === "object" && Object.keys(value).length > 0;
}

/** The first of many, and a button that says how many more there are. */
function useFold<One>(of: readonly One[]): [readonly One[], ReactNode] {
  const [all, setAll] = useState(false);
  if (all || of.length <= ITEMS_SHOWN) return [of, null];
  const left = (of.length - ITEMS_SHOWN).toLocaleString("en-GB");
  return [
    of.slice(0, ITEMS_SHOWN),
    <UnstyledButton key="more" className={styles.toggle} onClick={() => setAll(true)}>
      … {left} more, show them
    </UnstyledButton>,
  ];
}

function Plain({ of, name }: { of: unknown; name: string }) {
  if (of === null) return <em className={styles.quiet}>null</em>;
  if (typeof of !== "string") {
    const means = meaning(name, of);
    return (
      <>
        <code className="number">{String(of)}</code>
        {means && <span className={styles.means}> {means}</span>}
      </>
    );
  }
  if (of === "") return <em className={styles.quiet}>empty text</em>;
  if (of.length > INLINE_CHARS_MAX || of.includes("\n"))
    return <Words text={of} mono charsMax={FOLD_CHARS} />;
  return (
    <>
      <code className={styles.value}>
        <Name text={of} charsMax={INLINE_CHARS_MAX} code />
      </code>
      <Mixed text={of} />
    </>
  );
}

const ALPHABETS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u] as const;

/** A word of more than one alphabet looks like another: `раypal`. It is spelled out. */
export function mixesAlphabets(text: string): boolean {
  return text.split(/[^\p{L}\p{M}]+/u).some((word) => ALPHABETS.filter((one) => one.test(word)).length > 1);
}

function Mixed({ text }: { text: string }) {
  if (!mixesAlphabets(text)) return null;
  const spelled = [...plain(text)]
    .map((one) =>
      one.charCodeAt(0) < 128 ? one : `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
    )
    .join("");
  return <div className={styles.mixed}>Mixes alphabets; spelled out: {spelled.slice(0, 400)}</div>;
}
