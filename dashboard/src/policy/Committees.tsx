/** Committees: who sits in them and what makes them agree. */
import { Button, Checkbox, NumberInput, Select, TextInput, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { Icon } from "../parts/Icon";
import { useEditing } from "./Fields";
import styles from "./editor.module.css";
import type { Policy } from "./queries";

type Committee = NonNullable<Policy["committees"]>[string];

export function Committees() {
  const { document, readOnly, change } = useEditing();
  const all = document.committees ?? {};
  const [name, setName] = useState("");
  const made = name
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "_");
  return (
    <>
      {Object.entries(all).map(([one, terms]) => (
        <One key={one} name={one} of={terms} set={(next) => change(`/committees/${one}`, next)} />
      ))}
      {!readOnly && (
        <form
          className={styles.adding}
          onSubmit={(event) => {
            event.preventDefault();
            if (!made || made in all) return;
            const seats = [{ person: "", role: "director", weight: 1, veto: false }];
            change(`/committees/${made}`, { seats, rule: "count", needed: 1 });
            setName("");
          }}
        >
          <TextInput
            size="xs"
            aria-label="Name of a new committee"
            placeholder="risk_committee"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button size="xs" type="submit" variant="default" disabled={!made}>
            Add a committee
          </Button>
        </form>
      )}
    </>
  );
}

function One({ name, of, set }: { name: string; of: Committee; set: (next: Committee | undefined) => void }) {
  const { readOnly, faults } = useEditing();
  const seats = (next: Committee["seats"]) => set({ ...of, seats: next });
  return (
    <div className={styles.group}>
      <h3 className={styles.sub}>
        {name.replaceAll("_", " ")}
        {!readOnly && (
          <UnstyledButton
            className={styles.away}
            aria-label={`Remove ${name}`}
            onClick={() => set(undefined)}
          >
            <Icon name="cross" size={14} />
          </UnstyledButton>
        )}
      </h3>
      <div className={styles.fields}>
        <Select
          label="Agrees by"
          disabled={readOnly}
          allowDeselect={false}
          data={["count", "all", "weighted"]}
          value={of.rule}
          onChange={(rule) => rule && set({ ...of, rule })}
        />
        <NumberInput
          label="Needed"
          description="0: two, or all where there are fewer"
          inputWrapperOrder={["label", "input", "description", "error"]}
          disabled={readOnly}
          error={faults[`/committees/${name}/needed`]}
          min={0}
          value={of.needed}
          onChange={(needed) => typeof needed === "number" && set({ ...of, needed })}
        />
      </div>
      {of.seats.map((seat, place) => (
        <div key={place} className={styles.seat}>
          <Select
            aria-label={`Seat ${place + 1} of ${name}: role`}
            placeholder="any role"
            clearable
            disabled={readOnly}
            data={["operator", "supervisor", "director", "admin"]}
            value={seat.role || null}
            onChange={(role) =>
              seats(of.seats.map((one, at) => (at === place ? { ...one, role: role ?? "" } : one)))
            }
          />
          <TextInput
            aria-label={`Seat ${place + 1} of ${name}: person`}
            placeholder="handle of a person"
            disabled={readOnly}
            value={seat.person}
            onChange={(event) => {
              const person = event.currentTarget.value;
              seats(of.seats.map((one, at) => (at === place ? { ...one, person } : one)));
            }}
          />
          <Checkbox
            label="veto"
            disabled={readOnly}
            checked={seat.veto}
            onChange={(event) => {
              const veto = event.currentTarget.checked;
              seats(of.seats.map((one, at) => (at === place ? { ...one, veto } : one)));
            }}
          />
          {!readOnly && (
            <UnstyledButton
              className={styles.away}
              aria-label={`Remove seat ${place + 1} of ${name}`}
              onClick={() => seats(of.seats.filter((_, at) => at !== place))}
            >
              <Icon name="cross" size={14} />
            </UnstyledButton>
          )}
        </div>
      ))}
      {!readOnly && (
        <Button
          size="xs"
          variant="default"
          leftSection={<Icon name="plus" size={14} />}
          onClick={() => seats([...of.seats, { person: "", role: "director", weight: 1, veto: false }])}
        >
          Add a seat
        </Button>
      )}
    </div>
  );
}
