/** One field of the policy by its place: shows what stands there, changes it, says what it was and what the server says. */
import { Checkbox, NumberInput, Select, TagsInput } from "@mantine/core";
import { createContext, useContext } from "react";
import { levelWord } from "../parts/Badges";
import { at } from "./draft";
import styles from "./editor.module.css";
import type { Policy } from "./queries";
import type { FieldOf, Kind } from "./sections";

export interface Editing {
  document: Policy;
  active: Policy;
  faults: Record<string, string>;
  readOnly: boolean;
  change: (path: string, value: unknown) => void;
}

const EditingContext = createContext<Editing | null>(null);
export const EditingProvider = EditingContext;

export function useEditing(): Editing {
  const editing = useContext(EditingContext);
  if (!editing) throw new Error("useEditing outside of EditingProvider");
  return editing;
}

const ROLES = ["operator", "supervisor", "director", "admin"];

function shown(kind: Kind, value: unknown): string {
  if (kind.is === "level") return levelWord(Number(value));
  if (kind.is === "yes") return value ? "yes" : "no";
  if (kind.is === "scaled") return `${Number(value) / kind.by} ${kind.unit}`;
  if (Array.isArray(value)) return value.join(", ") || "none";
  return String(value ?? "nothing");
}

export function Field({ of }: { of: FieldOf }) {
  const { document, active, faults, readOnly, change } = useEditing();
  const value = at(document, of.path);
  const before = at(active, of.path);
  const differs = JSON.stringify(value) !== JSON.stringify(before);
  const props = {
    label: of.label,
    description: differs ? <b className={styles.was}>was {shown(of.kind, before)}</b> : of.help,
    error: faults[of.path],
    disabled: readOnly,
    size: "sm" as const,
    inputWrapperOrder: ["label", "input", "description", "error"] as (
      "label" | "input" | "description" | "error"
    )[],
  };
  const set = (wanted: unknown) => change(of.path, wanted);
  const kind = of.kind;
  switch (kind.is) {
    case "yes":
      return (
        <Checkbox
          className={styles.across}
          label={of.label}
          description={props.description}
          disabled={readOnly}
          checked={Boolean(value)}
          onChange={(event) => set(event.currentTarget.checked)}
        />
      );
    case "level":
      return (
        <Select
          {...props}
          allowDeselect={false}
          data={[0, 1, 2, 3, 4].map((level) => ({
            value: String(level),
            label: `${level} · ${levelWord(level)}`,
          }))}
          value={String(value)}
          onChange={(level) => set(Number(level))}
        />
      );
    case "role":
    case "pick":
      return (
        <Select
          {...props}
          allowDeselect={false}
          data={kind.is === "role" ? ROLES : [...kind.options]}
          value={String(value)}
          onChange={set}
        />
      );
    case "list":
      return (
        <TagsInput
          {...props}
          className={styles.across}
          placeholder={(value as string[]).length ? "" : (kind.placeholder ?? "none")}
          value={value as string[]}
          onChange={set}
        />
      );
    default: {
      const by = kind.is === "scaled" ? kind.by : 1;
      return (
        <NumberInput
          {...props}
          min={kind.min}
          {...(kind.is === "number" && kind.max !== undefined ? { max: kind.max } : {})}
          allowDecimal={kind.is === "scaled"}
          suffix={kind.unit ? ` ${kind.unit}` : ""}
          value={Number(value) / by}
          onChange={(wanted) => typeof wanted === "number" && set(Math.round(wanted * by))}
        />
      );
    }
  }
}
