/** Unified diffs as rows with line numbers. What does not parse is said to, and shown as it stands. */

export interface DiffRow {
  kind: "hunk" | "add" | "del" | "same" | "note";
  text: string;
  before: number | null;
  after: number | null;
}

export interface DiffFile {
  path: string;
  /** new file, removed, renamed; empty for a change. */
  what: string;
  added: number;
  removed: number;
  rows: DiffRow[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

export function isDiff(name: string, value: unknown): value is string {
  return (
    ["diff", "patch"].includes(name) &&
    typeof value === "string" &&
    (value.includes("@@ ") || value.includes("diff --git"))
  );
}

function pathOf(line: string): string {
  const path = line.slice(4).split("\t")[0] ?? "";
  return path === "/dev/null" ? path : path.replace(/^[ab]\//, "");
}

/** The files of a unified diff; null when a line fits nowhere: then nobody may trust a rendering. */
export function parseDiff(text: string): DiffFile[] | null {
  const files: DiffFile[] = [];
  let old = "";
  let file: DiffFile | null = null;
  let before = 0;
  let after = 0;
  let left = { before: 0, after: 0 };
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const inHunk = file !== null && (left.before > 0 || left.after > 0);
    if (inHunk && file) {
      const sign = line[0] ?? " ";
      if (sign === "+") {
        file.rows.push({ kind: "add", text: line.slice(1), before: null, after: after++ });
        file.added++;
        left.after--;
      } else if (sign === "-") {
        file.rows.push({ kind: "del", text: line.slice(1), before: before++, after: null });
        file.removed++;
        left.before--;
      } else if (sign === " ") {
        file.rows.push({ kind: "same", text: line.slice(1), before: before++, after: after++ });
        left.before--;
        left.after--;
      } else if (sign === "\\") {
        file.rows.push({ kind: "note", text: line.slice(2), before: null, after: null });
      } else return null;
      continue;
    }
    const hunk = HUNK.exec(line);
    if (hunk && file) {
      before = Number(hunk[1]);
      after = Number(hunk[3]);
      left = { before: Number(hunk[2] ?? 1), after: Number(hunk[4] ?? 1) };
      file.rows.push({ kind: "hunk", text: line, before: null, after: null });
    } else if (line.startsWith("--- ")) {
      old = pathOf(line);
      file = null;
    } else if (line.startsWith("+++ ")) {
      const now = pathOf(line);
      const what =
        old === "/dev/null" ? "new file" : now === "/dev/null" ? "removed" : old !== now ? `was ${old}` : "";
      file = { path: now === "/dev/null" ? old : now, what, added: 0, removed: 0, rows: [] };
      files.push(file);
    } else if (line.startsWith("\\") && file) {
      file.rows.push({ kind: "note", text: line.slice(2), before: null, after: null });
    } else if (
      /^(diff --git |index |new file mode |deleted file mode |old mode |new mode |similarity |rename )/.test(
        line,
      )
    ) {
      if (/mode /.test(line) && !line.startsWith("index ")) files.push(modeOf(line));
      file = null;
    } else if (line.trim() !== "") return null;
  }
  return files.length && left.before <= 0 && left.after <= 0 ? files.filter((one) => one.rows.length) : null;
}

/** A change of mode is a change people have to see: 120000 is a symbolic link. */
function modeOf(line: string): DiffFile {
  const rows: DiffRow[] = [{ kind: "note", text: line, before: null, after: null }];
  return { path: "", what: "mode", added: 0, removed: 0, rows };
}
