/** What would run: canonical parameters as the server has them; a diff as a diff. Nothing is shortened silently. */
import { Alert } from "@mantine/core";
import { Diff } from "../parts/Diff";
import { isDiff } from "../parts/diffs";
import { plain } from "../parts/odd";
import { exactUtc, span } from "../parts/times";
import { Name, Words } from "../parts/Words";
import styles from "./decision.module.css";

const ITEMS_MAX = 200;
const DEPTH_MAX = 8;
const INLINE_CHARS_MAX = 160;

export function Parameters({ of }: { of: unknown }) {
  if (of === null || of === undefined) {
    return <Alert color="bad">The parameters were erased and cannot be inspected.</Alert>;
  }
  const pairs = typeof of === "object" ? Object.entries(of) : [];
  const diffs = pairs.filter(([name, value]) => isDiff(name, value));
  const rest = pairs.filter(([name, value]) => !isDiff(name, value));
  return (
    <div className={styles.parameters}>
      {(rest.length > 0 || diffs.length === 0) && (
        <Tree of={pairs.length || typeof of === "object" ? Object.fromEntries(rest) : of} depth={0} />
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
  if (of === null) return <em className={styles.quiet}>null</em>;
  if (typeof of === "object") {
    const pairs = Object.entries(of as object);
    if (!pairs.length) return <em className={styles.quiet}>nothing</em>;
    if (depth >= DEPTH_MAX) return <Words text={JSON.stringify(of, null, 2)} mono />;
    return (
      <dl className={styles.pairs}>
        {pairs.slice(0, ITEMS_MAX).map(([name, value]) => (
          <div key={name} className={styles.pair}>
            <dt>
              <Name text={name} />
            </dt>
            <dd>
              <Tree of={value} depth={depth + 1} name={name} />
            </dd>
          </div>
        ))}
        {pairs.length > ITEMS_MAX && <div>… and {pairs.length - ITEMS_MAX} more</div>}
      </dl>
    );
  }
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
  if (of.length > INLINE_CHARS_MAX || of.includes("\n")) return <Words text={of} mono />;
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
