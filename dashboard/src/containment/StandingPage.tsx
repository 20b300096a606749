/** Standing approvals: “trust this type for this agent for a day”, who said so, until when; granting and revoking. */
import { Button, Group, Modal, NumberInput, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { fieldErrors } from "../parts/fieldErrors";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { plain } from "../parts/odd";
import lines from "../parts/Lines.module.css";
import { Card, Page } from "../parts/Page";
import { Empty } from "../parts/states";
import { Countdown, Time, useNow } from "../parts/Time";
import { Name } from "../parts/Words";
import { PolicyNav } from "../policy/PolicyNav";
import { agentNamesQuery, useNames } from "../parts/names";
import { standingQuery } from "./queries";

type Standing = Wire["StandingItem"];

export default function StandingPage() {
  const query = useQuery(standingQuery);
  const [granting, setGranting] = useState(false);
  const nameOf = useNames();
  return (
    <Page
      title="Standing approvals"
      lead="Lets an agent do one type of action for a while without asking each time. Never above level 2."
      actions={
        <Allowed role="supervisor">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setGranting(true)}>
            Grant one
          </Button>
        </Allowed>
      }
    >
      <PolicyNav />
      <Answer of={query} what="standing approvals">
        {({ items }) =>
          items.length ? (
            <Card>
              <ul className={lines.lines}>
                {items.map((one) => (
                  <One key={one.standing_id} of={one} nameOf={nameOf} />
                ))}
              </ul>
            </Card>
          ) : (
            <Empty title="None granted" icon="clock">
              When one is granted, here or from a decision, it shows with who granted it and until when.
            </Empty>
          )
        }
      </Answer>
      <Grant open={granting} onClose={() => setGranting(false)} />
    </Page>
  );
}

function One({ of, nameOf }: { of: Standing; nameOf: (id: string) => string }) {
  const [asking, setAsking] = useState(false);
  const now = useNow();
  const over = of.revoked_at > 0 || of.expires_at / 1_000 <= now;
  const revoke = useCommand({
    run: (_: string, key) =>
      ask(
        api.POST("/api/v1/standing-approvals/{standing}/revoke", {
          params: { path: { standing: of.standing_id }, header: { "Idempotency-Key": key } },
        }),
      ),
    touches: [["standing"]],
    done: () => "Revoked: it asks again",
    onDone: () => setAsking(false),
  });
  return (
    <li className={lines.line}>
      {over ? <Badge>{of.revoked_at ? "revoked" : "over"}</Badge> : <Badge tone="good">in force</Badge>}
      <span className={lines.grow}>
        <Go to={`/agents/${of.agent_id}`}>
          <Name text={nameOf(of.agent_id)} />
        </Go>{" "}
        may do <Name text={of.type} />
        <small>
          granted by <Name text={nameOf(of.person)} /> <Time at={of.granted_at} ago />
          {over ? "" : " · "}
          {!over && (
            <>
              <Countdown at={of.expires_at} /> left
            </>
          )}
        </small>
      </span>
      {!over && (
        <Allowed role="operator">
          <Button size="xs" variant="default" onClick={() => setAsking(true)}>
            Revoke
          </Button>
        </Allowed>
      )}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Revoke this approval?"
        action="Revoke it"
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate(of.standing_id)}
      >
        From the next action on people are asked again.
      </Confirm>
    </li>
  );
}

function Grant({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [agent, setAgent] = useState("");
  const [type, setType] = useState("");
  const [hours, setHours] = useState(24);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const agents = useQuery(agentNamesQuery);
  const grant = useCommand({
    run: (body: { agent_id: string; type: string; hours: number }, key) =>
      ask(
        api.POST("/api/v1/standing-approvals", {
          params: { header: { "Idempotency-Key": key } },
          body: {
            agent_id: body.agent_id,
            type: body.type,
            expires_at: (Date.now() + body.hours * 3_600_000) * 1_000,
          },
        }),
      ),
    touches: [["standing"]],
    done: () => "Granted",
    onDone: onClose,
    onProblem: (problem) => {
      setFaults(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  return (
    <Modal opened={open} onClose={onClose} title="Grant a standing approval">
      <form
        className={lines.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (agent && type.trim()) grant.mutate({ agent_id: agent, type: type.trim(), hours });
        }}
      >
        <Select
          label="Agent"
          searchable
          error={faults.agent_id}
          data={(agents.data?.items ?? []).map((one) => ({ value: one.agent_id, label: plain(one.name) }))}
          value={agent || null}
          onChange={(wanted) => setAgent(wanted ?? "")}
        />
        <TextInput
          label="Type of action"
          placeholder="file.write"
          error={faults.type}
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
        />
        <NumberInput
          label="For"
          suffix=" hours"
          min={1}
          max={24}
          error={faults.expires_at}
          value={hours}
          onChange={(wanted) => typeof wanted === "number" && setHours(wanted)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!agent || !type.trim()} loading={grant.isPending}>
            Grant it
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
