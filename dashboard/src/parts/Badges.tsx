/** Small coloured words: states, tiers, risk, levels. The word says it; the colour only helps. */
import type { ReactNode } from "react";
import styles from "./Badges.module.css";

export type Tone = "plain" | "good" | "bad" | "warn" | "info" | "odd";

export function Badge({
  tone = "plain",
  dot = false,
  children,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
}) {
  return (
    <span className={styles.badge} data-tone={tone}>
      {dot && <span className={styles.dot} aria-hidden="true" />}
      {children}
    </span>
  );
}

const STATES: Record<string, Tone> = {
  idle: "good",
  assigned: "info",
  working: "info",
  running: "info",
  executing: "info",
  queued: "plain",
  pending: "warn",
  blocked: "warn",
  paused: "warn",
  orphaned: "warn",
  degraded: "warn",
  expired: "warn",
  offline: "plain",
  retired: "plain",
  cancelled: "plain",
  quarantined: "bad",
  failed: "bad",
  dead_letter: "bad",
  denied: "bad",
  unknown: "odd",
  succeeded: "good",
  completed: "good",
  approved: "good",
  forced: "odd",
};

/** Any status word of the product (spec 1, enumerations). */
export function State({ of }: { of: string }) {
  return (
    <Badge tone={STATES[of] ?? "plain"} dot>
      {of.replaceAll("_", " ")}
    </Badge>
  );
}

const TIERS: Record<string, Tone> = {
  UNTRUSTED: "bad",
  PROBATIONARY: "warn",
  TRUSTED: "plain",
  VERIFIED: "info",
  CERTIFIED: "good",
  ELITE: "good",
};

export function Tier({ of }: { of: string }) {
  return <Badge tone={TIERS[of] ?? "plain"}>{of.charAt(0) + of.slice(1).toLowerCase()}</Badge>;
}

const BANDS: Record<string, Tone> = { low: "good", medium: "info", high: "warn", critical: "bad" };

/** The band of a risk of 0 to 100 (spec 3.1: 25, 50, 75). */
export function bandOf(score: number): string {
  return score >= 75 ? "critical" : score >= 50 ? "high" : score >= 25 ? "medium" : "low";
}

/** `bare`: the band without the number. */
export function RiskBadge({ score, bare = false }: { score: number; bare?: boolean }) {
  const band = bandOf(score);
  return (
    <Badge tone={BANDS[band] ?? "plain"}>
      {band} {!bare && <b className="number">{score}</b>}
    </Badge>
  );
}

const LEVELS = ["autonomous", "notify", "confirm", "approve", "committee"];

export function levelWord(level: number): string {
  return LEVELS[level] ?? `level ${level}`;
}
