/**
 * Text that an agent, a tool or a stranger wrote. Never markup: React text nodes only; odd characters by name; isolated
 * from the direction of what surrounds it; capped in length.
 *
 * `Words` is a block in a marked box, `Name` a single line inside our own sentences.
 */
import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { pieces } from "./odd";
import styles from "./Words.module.css";

const CHARS_MAX = 4_000;
const NAME_CHARS_MAX = 120;

function Pieces({ text }: { text: string }) {
  return pieces(text).map((piece, place) =>
    piece.odd ? (
      <span key={place} className={styles.odd} title="a character that would not be seen">
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
}

export function Words({
  text,
  by = "the agent",
  charsMax = CHARS_MAX,
  mono = false,
}: {
  text: string;
  by?: string;
  charsMax?: number;
  mono?: boolean;
}) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > charsMax;
  return (
    <figure className={styles.box}>
      <figcaption className={styles.by}>Words of {by}, unverified</figcaption>
      <bdi dir="auto" className={mono ? styles.mono : styles.text}>
        <Pieces text={cut ? text.slice(0, charsMax) : text} />
      </bdi>
      {cut && (
        <UnstyledButton className={styles.more} onClick={() => setAll(true)}>
          … {(text.length - charsMax).toLocaleString()} more characters, show them
        </UnstyledButton>
      )}
    </figure>
  );
}

/** One line: names, labels, types; longer ones are cut. `code` keeps spaces as they are. */
export function Name({
  text,
  charsMax = NAME_CHARS_MAX,
  code = false,
}: {
  text: string;
  charsMax?: number;
  code?: boolean;
}) {
  const one = code ? text : text.replace(/[ \n\t]+/g, " ");
  return (
    <bdi className={code ? undefined : styles.name}>
      <Pieces text={one.length > charsMax ? `${one.slice(0, charsMax)}…` : one} />
    </bdi>
  );
}
