/** Somebody takes over for some hours, whoever's turn it is. */
import { Button, Group, Modal, NumberInput, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { plain } from "../parts/odd";
import lines from "../parts/Lines.module.css";
import { peopleQuery } from "../parts/names";

export function CoverShift({
  schedule,
  open,
  onClose,
}: {
  schedule: string;
  open: boolean;
  onClose: () => void;
}) {
  const people = useQuery(peopleQuery);
  const [person, setPerson] = useState("");
  const [from, setFrom] = useState(0);
  const [hours, setHours] = useState(8);
  const cover = useCommand({
    run: (input: { person: string; from: number; hours: number }, key) => {
      const from_at = (Date.now() + input.from * 3_600_000) * 1_000;
      return ask(
        api.POST("/api/v1/schedules/{schedule}/override", {
          params: { path: { schedule }, header: { "Idempotency-Key": key } },
          body: { person: input.person, from_at, until_at: from_at + input.hours * 3_600_000_000 },
        }),
      );
    },
    touches: [["schedules"]],
    done: () => "Covered",
    onDone: onClose,
  });
  return (
    <Modal opened={open} onClose={onClose} title="Cover a shift">
      <form
        className={lines.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (person) cover.mutate({ person, from, hours });
        }}
      >
        <Select
          label="Who"
          searchable
          data={(people.data?.items ?? [])
            .filter((one) => one.enabled)
            .map((one) => ({ value: one.person_id, label: plain(one.name || one.handle) }))}
          value={person || null}
          onChange={(wanted) => setPerson(wanted ?? "")}
        />
        <div className={lines.halves}>
          <NumberInput
            label="Beginning in"
            suffix=" hours"
            min={0}
            max={720}
            value={from}
            onChange={(wanted) => typeof wanted === "number" && setFrom(wanted)}
          />
          <NumberInput
            label="For"
            suffix=" hours"
            min={1}
            max={720}
            value={hours}
            onChange={(wanted) => typeof wanted === "number" && setHours(wanted)}
          />
        </div>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!person} loading={cover.isPending}>
            Cover it
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
