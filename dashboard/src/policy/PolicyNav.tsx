/** The rooms of Trust & policy, as a row of links under its heading. */
import { Link } from "@tanstack/react-router";
import styles from "./editor.module.css";

const ROOMS = [
  ["/policy", "In force"],
  ["/policy/edit", "Change it"],
  ["/policy/versions", "Versions"],
  ["/policy/shadows", "Shadows & modes"],
  ["/policy/on-call", "On call"],
  ["/policy/standing", "Standing approvals"],
  ["/policy/bypasses", "Bypasses"],
  ["/policy/stops", "Kill switches"],
] as const;

export function PolicyNav() {
  return (
    <nav className={styles.nav} aria-label="Trust & policy">
      {ROOMS.map(([to, name]) => (
        <Link
          key={to}
          to={to}
          className={styles.room}
          activeOptions={{ exact: to === "/policy" }}
          activeProps={{ "data-here": true, "aria-current": "page" }}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
