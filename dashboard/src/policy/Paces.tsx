/** Limits of their own for agents, and types of agents, that are meant to be faster or slower than all others (spec 3.3). */
import { Button, NumberInput, Select, TextInput, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Icon } from "../parts/Icon";
import { agentNamesQuery, useNames } from "../parts/names";
import { plain } from "../parts/odd";
import { Name } from "../parts/Words";
import { at, escaped } from "./draft";
import { useEditing } from "./Fields";
import styles from "./editor.module.css";

type Section = "agents" | "agent_types";

const LIMITS = [
  { name: "requests_per_second", label: "Requests a second" },
  { name: "executed_per_10s", label: "Actions in 10 s" },
  { name: "same_digest_per_60s", label: "The same in a minute" },
  { name: "throttles_per_minute", label: "Throttled in a minute" },
] as const;
const NONE = Object.fromEntries(LIMITS.map(({ name }) => [name, 0]));

export function Paces() {
  return (
    <>
      <Own section="agent_types" title="Types of agents with limits of their own" />
      <Own section="agents" title="Agents with limits of their own" />
    </>
  );
}

function Own({ section, title }: { section: Section; title: string }) {
  const { document, readOnly, change } = useEditing();
  const all = document.runaway[section] ?? {};
  const add = (name: string) => {
    if (name && !(name in all)) change(`/runaway/${section}`, { ...all, [name]: NONE });
  };
  return (
    <div className={styles.group} role="group" aria-label={title}>
      <h3 className={styles.sub}>{title}</h3>
      {Object.keys(all).length === 0 && <p className={styles.about}>None: all have those above.</p>}
      {Object.keys(all).map((name) => (
        <One key={name} section={section} name={name} />
      ))}
      {!readOnly && (section === "agents" ? <AddAgent taken={all} add={add} /> : <AddType add={add} />)}
    </div>
  );
}

function One({ section, name }: { section: Section; name: string }) {
  const { document, active, faults, readOnly, change } = useEditing();
  const named = useNames();
  const shown = section === "agents" ? named(name) : name;
  const place = `/runaway/${section}/${escaped(name)}`;
  const before = at(active, place);
  return (
    <div className={styles.pace} role="group" aria-label={plain(shown)}>
      <h4 className={styles.sub}>
        <Name text={shown} />
        {!readOnly && (
          <UnstyledButton
            className={styles.away}
            aria-label={`Remove the limits of ${plain(shown)}`}
            onClick={() => change(place, undefined)}
          >
            <Icon name="cross" size={14} />
          </UnstyledButton>
        )}
      </h4>
      {faults[place] && <p className={styles.fault}>{faults[place]}</p>}
      <div className={styles.fields}>
        {LIMITS.map((limit) => {
          const value = Number(at(document, `${place}/${limit.name}`) ?? 0);
          const was = before === undefined ? undefined : Number(at(before, `/${limit.name}`) ?? 0);
          const common = Number(at(document, `/runaway/${limit.name}`));
          return (
            <NumberInput
              key={limit.name}
              size="sm"
              label={limit.label}
              description={
                was !== undefined && was !== value ? (
                  <b className={styles.was}>was {was || `as all, ${common}`}</b>
                ) : value ? undefined : (
                  `as all: ${common}`
                )
              }
              inputWrapperOrder={["label", "input", "description", "error"]}
              error={faults[`${place}/${limit.name}`]}
              disabled={readOnly}
              min={0}
              placeholder="as all"
              value={value || ""}
              onChange={(wanted) => change(`${place}/${limit.name}`, Math.round(Number(wanted) || 0))}
            />
          );
        })}
      </div>
    </div>
  );
}

function AddAgent({ taken, add }: { taken: Record<string, unknown>; add: (name: string) => void }) {
  const agents = useQuery(agentNamesQuery);
  const data = (agents.data?.items ?? [])
    .filter((one) => !(one.agent_id in taken))
    .map((one) => ({ value: one.agent_id, label: plain(one.name) }));
  return (
    <Select
      size="xs"
      searchable
      aria-label="An agent that gets limits of its own"
      placeholder="Add an agent"
      nothingFoundMessage="No agent of that name"
      data={data}
      value={null}
      onChange={(wanted) => wanted && add(wanted)}
    />
  );
}

function AddType({ add }: { add: (name: string) => void }) {
  const [name, setName] = useState("");
  return (
    <form
      className={styles.adding}
      onSubmit={(event) => {
        event.preventDefault();
        add(name.trim());
        setName("");
      }}
    >
      <TextInput
        size="xs"
        aria-label="A type of agents that gets limits of its own"
        placeholder="executor"
        maxLength={128}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button size="xs" type="submit" variant="default" disabled={!name.trim()}>
        Add a type
      </Button>
    </form>
  );
}
