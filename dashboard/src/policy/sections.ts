/** What people change most, as forms: sections of fields. Everything else of the document is in the text beside them. */

export type Kind =
  | { is: "number"; min?: number; max?: number; unit?: string }
  /** Kept in milliseconds (or micro units), shown in the unit named. */
  | { is: "scaled"; by: number; unit: string; min?: number }
  | { is: "yes" }
  | { is: "level" }
  | { is: "role" }
  | { is: "pick"; options: readonly string[] }
  | { is: "list"; placeholder?: string };

export interface FieldOf {
  path: string;
  label: string;
  help?: string;
  kind: Kind;
}

export interface SectionOf {
  id: string;
  title: string;
  about: string;
  fields: readonly FieldOf[];
}

const minutes = { is: "scaled", by: 60_000, unit: "minutes", min: 1 } as const;
const hours = { is: "scaled", by: 3_600_000, unit: "hours", min: 1 } as const;
const perMinute = { is: "number", min: 1, unit: "a minute" } as const;

export const SECTIONS: readonly SectionOf[] = [
  {
    id: "levels",
    title: "Levels",
    about: "How much agreement an action of each risk needs.",
    fields: [
      { path: "/levels/low", label: "Low risk (below 25)", kind: { is: "level" } },
      { path: "/levels/medium", label: "Medium (25 to 49)", kind: { is: "level" } },
      { path: "/levels/high", label: "High (50 to 74)", kind: { is: "level" } },
      { path: "/levels/critical", label: "Critical (75 and above)", kind: { is: "level" } },
    ],
  },
  {
    id: "auto",
    title: "Automatic approval",
    about: "When an agent may go on without anybody being asked.",
    fields: [
      {
        path: "/auto/score_min",
        label: "Trust above",
        kind: { is: "number", min: 0, max: 1000, unit: "of 1000" },
      },
      {
        path: "/auto/per_hour",
        label: "At most",
        help: "For one agent and type",
        kind: { is: "number", min: 0, unit: "an hour" },
      },
      { path: "/auto/look_back_ms", label: "No failure within", kind: hours },
      {
        path: "/auto/bootstrap_actions",
        label: "Supervised first actions",
        help: "0: none; a new agent waits for trust",
        kind: { is: "number", min: 0 },
      },
      {
        path: "/auto/usual_hour_from",
        label: "Usual hours from",
        kind: { is: "number", min: 0, max: 23, unit: "o’clock UTC" },
      },
      {
        path: "/auto/usual_hour_to",
        label: "Usual hours to",
        kind: { is: "number", min: 1, max: 24, unit: "o’clock UTC" },
      },
      { path: "/auto/medium_allowed", label: "Medium risk may be automatic too", kind: { is: "yes" } },
    ],
  },
  {
    id: "envelope",
    title: "Safety envelope",
    about: "What nobody can approve. Lists are compared by component, never by prefix of a name.",
    fields: [
      {
        path: "/envelope/forbidden_types",
        label: "Forbidden action types",
        kind: { is: "list", placeholder: "payment.send" },
      },
      {
        path: "/envelope/forbidden_tools",
        label: "Forbidden tools",
        kind: { is: "list", placeholder: "bank" },
      },
      { path: "/envelope/forbidden_hosts", label: "Forbidden hosts", kind: { is: "list" } },
      { path: "/envelope/forbidden_paths", label: "Forbidden paths", kind: { is: "list" } },
      {
        path: "/envelope/allowed_hosts",
        label: "Only these hosts",
        help: "Empty: any that is not forbidden",
        kind: { is: "list" },
      },
      {
        path: "/envelope/allowed_paths",
        label: "Only these paths",
        help: "Empty: any that is not forbidden",
        kind: { is: "list" },
      },
      {
        path: "/envelope/spend_per_day_micro",
        label: "Spend of one agent",
        kind: { is: "scaled", by: 1_000_000, unit: "a day", min: 0 },
      },
    ],
  },
  {
    id: "rates",
    title: "Rates and containment",
    about: "How fast one agent may be before it is slowed, stopped or quarantined.",
    fields: [
      { path: "/rates/light", label: "Light actions", kind: perMinute },
      { path: "/rates/normal", label: "Normal actions", kind: perMinute },
      { path: "/rates/heavy", label: "Heavy actions", kind: perMinute },
      {
        path: "/runaway/requests_per_second",
        label: "Runaway above",
        kind: { is: "number", min: 1, unit: "requests a second" },
      },
      {
        path: "/runaway/executed_per_10s",
        label: "Runaway above",
        kind: { is: "number", min: 1, unit: "actions in 10 s" },
      },
      {
        path: "/runaway/same_digest_per_60s",
        label: "Runaway above",
        kind: { is: "number", min: 1, unit: "times the same in a minute" },
      },
      {
        path: "/runaway/throttles_per_minute",
        label: "Runaway when throttled",
        kind: { is: "number", min: 1, max: 8, unit: "times in a minute" },
      },
      {
        path: "/breaker/failures",
        label: "Breaker opens after",
        kind: { is: "number", min: 1, unit: "failures" },
      },
      { path: "/breaker/window_ms", label: "… within", kind: minutes },
      { path: "/breaker/open_ms", label: "… and stays open", kind: minutes },
    ],
  },
  {
    id: "routing",
    title: "Routing and deadlines",
    about: "Who is asked, how many must agree, and what happens when nobody answers.",
    fields: [
      { path: "/routing/confirm/role", label: "Level 2 is asked of", kind: { is: "role" } },
      { path: "/routing/confirm/deadline_ms", label: "Level 2 expires after", kind: minutes },
      { path: "/routing/approve/role", label: "Level 3 is asked of", kind: { is: "role" } },
      {
        path: "/routing/approve/needed",
        label: "Level 3 needs",
        kind: { is: "number", min: 1, max: 16, unit: "approvals" },
      },
      { path: "/routing/deadlines/immediate/wait_ms", label: "Immediate escalates after", kind: minutes },
      { path: "/routing/deadlines/high/wait_ms", label: "High escalates after", kind: minutes },
      { path: "/routing/deadlines/normal/wait_ms", label: "Normal ends after", kind: minutes },
      { path: "/routing/deadlines/low/wait_ms", label: "Low ends after", kind: minutes },
      {
        path: "/routing/loosened_days",
        label: "No vote under a policy one loosened",
        kind: { is: "number", min: 0, unit: "days" },
      },
    ],
  },
  {
    id: "modes",
    title: "Mode",
    about:
      "Observe judges and records everything and holds nothing; the envelope and kill switches hold in both.",
    fields: [
      {
        path: "/modes/organisation",
        label: "The organisation",
        kind: { is: "pick", options: ["enforce", "observe"] },
      },
    ],
  },
];
