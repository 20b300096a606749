/** A unified diff, read by file and line. */
import { Alert } from "@mantine/core";
import { useMemo } from "react";
import styles from "./Diff.module.css";
import { type DiffFile, parseDiff } from "./diffs";
import { Name, Words } from "./Words";

const LINES_MAX = 1_500;
const CHARS_MAX = 300_000;

export function Diff({ text }: { text: string }) {
  const files = useMemo(() => (text.length > CHARS_MAX ? null : parseDiff(text)), [text]);
  if (!files) {
    return (
      <>
        <Alert color="warn" mb="xs">
          This cannot be read as a unified diff. It is shown as it stands.
        </Alert>
        <Words text={text} mono charsMax={20_000} />
      </>
    );
  }
  const added = files.reduce((sum, file) => sum + file.added, 0);
  const removed = files.reduce((sum, file) => sum + file.removed, 0);
  const real = files.filter((file) => file.what !== "mode").length;
  return (
    <div>
      <p className={styles.summary}>
        {real} {real === 1 ? "file" : "files"}, <span className={styles.plus}>+{added}</span>{" "}
        <span className={styles.minus}>−{removed}</span>
      </p>
      {files.map((file, place) => (
        <File key={`${place} ${file.path}`} file={file} />
      ))}
    </div>
  );
}

const SIGN = { add: "+", del: "−", same: " ", hunk: "", note: "" } as const;
const SAID = { add: "added", del: "removed", same: "", hunk: "", note: "" } as const;

function File({ file }: { file: DiffFile }) {
  const shown = file.rows.slice(0, LINES_MAX);
  return (
    <section className={styles.file}>
      <div className={styles.head}>
        <span className={styles.path}>
          {file.path && <Name text={file.path} charsMax={300} />}{" "}
          {file.what && <em className={styles.what}>{file.what}</em>}
        </span>
        <span className={styles.count}>
          +{file.added} −{file.removed}
        </span>
      </div>
      <div className={styles.scroll} tabIndex={0} role="group" aria-label={`Changes to ${file.path}`}>
        <table className={styles.table}>
          <tbody>
            {shown.map((row, place) => (
              <tr key={place} data-kind={row.kind}>
                <td className={styles.at}>{row.before ?? ""}</td>
                <td className={styles.at}>{row.after ?? ""}</td>
                <td className={styles.line}>
                  <span className={styles.sign} aria-hidden="true">
                    {SIGN[row.kind]}
                  </span>
                  {SAID[row.kind] && <span className="hidden-text">{SAID[row.kind]}: </span>}
                  <Line text={row.text} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {file.rows.length > shown.length && (
        <p className={styles.summary}>Only the first {LINES_MAX} lines are shown.</p>
      )}
    </section>
  );
}

function Line({ text }: { text: string }) {
  return <Name text={text} charsMax={2_000} code />;
}
