/** Time left until a deadline; red when it is short. */
import styles from "./Left.module.css";
import { useNow } from "./Time";
import { span } from "./times";

const SOON_MS = 5 * 60_000;

export function Left({ at }: { at: number }) {
  const left = at / 1_000 - useNow();
  return (
    <span className={styles.left} data-soon={left < SOON_MS || undefined}>
      {left > 0 ? span(left) : "time is up"}
    </span>
  );
}
