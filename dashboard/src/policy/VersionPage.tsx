/** One version: what it changed, what differs from now, its document; going back to it. */
import { Button, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Document } from "../parts/Document";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import lines from "../parts/Lines.module.css";
import { Card, Page } from "../parts/Page";
import { Differences } from "./Differences";
import styles from "./editor.module.css";
import { diffQuery, policyQuery, yamlQuery } from "./queries";

export default function VersionPage() {
  const { version = "" } = useParams({ strict: false });
  const number = /^\d{1,9}$/.test(version) ? Number(version) : 0;
  const now = useQuery(policyQuery);
  const [filters, setFilters] = useFilters();
  const against = filters.against === "now" ? "now" : "before";
  const inForce = now.data?.version ?? 0;
  const shown = filters.show ?? "changes";
  const diff = useQuery(against === "now" ? diffQuery(inForce, number) : diffQuery(number));
  const yaml = useQuery({ ...yamlQuery(number), enabled: shown === "yaml" });
  const isNow = number === inForce;
  return (
    <Page
      title={`Version ${version}`}
      back={{ to: "/policy/versions", text: "Versions" }}
      lead={isNow ? <Badge tone="good">in force</Badge> : <Badge>was in force</Badge>}
      actions={
        !isNow && inForce > 0 && number > 0 ? (
          <Allowed role="director">
            <Revert to={number} />
          </Allowed>
        ) : null
      }
    >
      <Card flush>
        <Tabs
          value={shown === "yaml" ? "yaml" : against === "now" ? "now" : "changes"}
          onChange={(tab) =>
            setFilters({ show: tab === "yaml" ? "yaml" : "", against: tab === "now" ? "now" : "" })
          }
          keepMounted={false}
        >
          <Tabs.List px="md">
            <Tabs.Tab value="changes">What it changed</Tabs.Tab>
            {!isNow && <Tabs.Tab value="now">What is different now</Tabs.Tab>}
            <Tabs.Tab value="yaml">YAML</Tabs.Tab>
          </Tabs.List>
          {(["changes", "now"] as const).map((tab) => (
            <Tabs.Panel key={tab} value={tab} className={styles.panel}>
              <Answer of={diff} what="the difference">
                {(data) =>
                  number === 1 && tab === "changes" ? (
                    <p className={lines.quiet}>The first version: there was none before it.</p>
                  ) : (
                    <Differences of={data.differences} patch={data.patch} />
                  )
                }
              </Answer>
            </Tabs.Panel>
          ))}
          <Tabs.Panel value="yaml" className={styles.panel}>
            <Answer of={yaml} what="the document">
              {(text) => <Document of={text} by="whoever applied it" />}
            </Answer>
          </Tabs.Panel>
        </Tabs>
      </Card>
    </Page>
  );
}

function Revert({ to }: { to: number }) {
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const revert = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/policy/revert", {
          params: { header: { "Idempotency-Key": key } },
          body: { to, reason },
        }),
      ),
    touches: [["policy"]],
    done: (answer) =>
      answer.state === "proposed" ? "Proposed: other people decide" : `Version ${answer.version} is in force`,
    onDone: (answer) => {
      setAsking(false);
      const decision = answer.state === "proposed" ? answer.decision_id : "";
      void navigate({ to: decision ? `/inbox/${decision}` : "/policy/versions" });
    },
  });
  return (
    <>
      <Button
        variant="default"
        leftSection={<Icon name="refresh" size={16} />}
        onClick={() => setAsking(true)}
      >
        Revert to this
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={`Go back to version ${to}?`}
        action={`Revert to ${to}`}
        reason="needed"
        busy={revert.isPending}
        onConfirm={(reason) => revert.mutate(reason)}
      >
        Its contents become a new version. Where that loosens something, other people decide first.
      </Confirm>
    </>
  );
}
