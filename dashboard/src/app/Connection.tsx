/** The connection's state in words, always; in a banner as soon as it is lost. */
import { useEffect, useState } from "react";
import { useConnection } from "../live/LiveProvider";
import { Icon } from "../parts/Icon";
import styles from "./Connection.module.css";

export function ConnectionDot() {
  const state = useConnection();
  const words = { live: "Live", connecting: "Connecting …", lost: "Connection lost", over: "Signed out" }[
    state
  ];
  return (
    <span className={styles.dot} data-state={state} data-testid="connection">
      {words}
    </span>
  );
}

export function ConnectionBanner() {
  const state = useConnection();
  const [since, setSince] = useState<number | null>(null);
  useEffect(() => setSince(state === "lost" ? Date.now() : null), [state]);
  if (state !== "lost" || since === null) return <div role="status" className="hidden-text" />;
  return (
    <div role="alert" className={styles.banner}>
      <Icon name="warning" size={16} />
      <span>
        <b>Connection lost</b> since {new Date(since).toLocaleTimeString("en-GB")}. What you see may be out of
        date; trying again by itself, nothing will be missed.
      </span>
    </div>
  );
}
