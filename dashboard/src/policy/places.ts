/** Where in a text of the policy a fault is. */

const SAID = /\(line (\d+)\)$/;

/**
 * The line, from 1, of the value at a JSON pointer; 0 where the text has no such key. The server says the line of what
 * is wrong in YAML; in JSON the keys of the pointer are looked for, each further in than the one before.
 */
export function lineOf(text: string, pointer: string, detail = ""): number {
  const said = SAID.exec(detail);
  if (said) return Number(said[1]);
  const lines = text.split("\n");
  let found = 0;
  let inner = -1;
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (/^\d+$/.test(key)) continue; // a place in a list: the line of the list is near enough
    const next = lines.findIndex((line, place) => {
      const indent = line.length - line.trimStart().length;
      return place >= found && indent > inner && keyOf(line) === key;
    });
    if (next < 0) break;
    inner = (lines[next] ?? "").length - (lines[next] ?? "").trimStart().length;
    found = next + 1;
  }
  return found;
}

function keyOf(line: string): string {
  const [, quoted, plain] = /^\s*(?:- )?(?:"((?:[^"\\]|\\.)*)"|([\w./-]+))\s*:/.exec(line) ?? [];
  return quoted ?? plain ?? "";
}

/** From where to where a line reaches, to select it. */
export function reachOf(text: string, line: number): [number, number] {
  const lines = text.split("\n");
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return [from, from + (lines[line - 1] ?? "").length];
}
