/** One anomaly: what was measured against what is usual, the events that show it, and what people make of it. */
import { Button, Group, Modal, Select, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { Facts, Id } from "../parts/Facts";
import { Go, pageOf } from "../parts/Go";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { type Anomaly, anomalyQuery } from "./queries";

export default function AnomalyPage() {
  const { anomaly = "" } = useParams({ strict: false });
  const query = useQuery(anomalyQuery(anomaly));
  return (
    <Answer of={query} what="the anomaly">
      {(found) => (
        <Page
          title={found.what.replaceAll("_", " ")}
          back={{ to: "/alerts?show=anomalies", text: "Anomalies" }}
          lead={
            <>
              <State of={found.status} /> found <Time at={found.found_at} ago />
            </>
          }
          actions={<Switches anomaly={found} />}
        >
          <Columns
            wide={
              <Card title="What was seen">
                <p style={{ margin: "0 0 12px", lineHeight: 1.6 }}>
                  <Name text={found.meaning} charsMax={1_000} />
                </p>
                <p style={{ margin: 0, fontSize: 15 }}>
                  <b className="number">{found.measured.toLocaleString("en-GB")}</b> {found.unit}, where{" "}
                  {found.threshold.toLocaleString("en-GB")} would have been noticed.
                </p>
              </Card>
            }
            narrow={<About anomaly={found} />}
          />
        </Page>
      )}
    </Answer>
  );
}

function About({ anomaly }: { anomaly: Anomaly }) {
  return (
    <Card title="About">
      <Facts
        of={[
          ["Id", <Id key="id" of={anomaly.anomaly_id} />],
          ["About", <Name key="about" text={anomaly.about} />],
          [
            "Agents",
            anomaly.agents.length
              ? anomaly.agents.map((agent) => (
                  <div key={agent}>
                    <Go to={pageOf(agent)}>{agent}</Go>
                  </div>
                ))
              : "none in particular",
          ],
          [
            "Evidence",
            anomaly.evidence.map((seq) => (
              <div key={seq}>
                <Go to={`/audit/events/${seq}`}>event {seq}</Go>
              </div>
            )),
          ],
          [
            "Looked after",
            anomaly.acknowledged_by ? <Name key="by" text={anomaly.acknowledged_by} /> : "by nobody yet",
          ],
          ["Judged", anomaly.outcome ? anomaly.outcome.replaceAll("_", " ") : "not yet"],
          ["Reason", anomaly.reason ? <Name key="reason" text={anomaly.reason} charsMax={400} /> : "none"],
        ]}
      />
    </Card>
  );
}

type Resolution = Wire["ResolveAnomalyBody"];

function Switches({ anomaly }: { anomaly: Anomaly }) {
  const [asking, setAsking] = useState(false);
  const touches = [["anomaly", anomaly.anomaly_id], ["anomalies"]];
  const path = { anomaly: anomaly.anomaly_id };
  const acknowledge = useCommand({
    run: (_: null, key) =>
      ask(
        api.POST("/api/v1/anomalies/{anomaly}/acknowledge", {
          params: { path, header: { "Idempotency-Key": key } },
        }),
      ),
    touches,
    done: () => "Yours: others see that you look after it",
  });
  const resolve = useCommand({
    run: (body: Resolution, key) =>
      ask(
        api.POST("/api/v1/anomalies/{anomaly}/resolve", {
          params: { path, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    touches,
    done: () => "Judged",
    onDone: () => setAsking(false),
  });
  if (anomaly.resolved_at) return null;
  return (
    <>
      {!anomaly.acknowledged_at && (
        <Allowed role="operator">
          <Button onClick={() => acknowledge.mutate(null)} loading={acknowledge.isPending}>
            I look after it
          </Button>
        </Allowed>
      )}
      <Allowed role="supervisor">
        <Button variant="default" onClick={() => setAsking(true)}>
          Judge it
        </Button>
        <Modal opened={asking} onClose={() => setAsking(false)} title="What was it?">
          <Judge
            onJudged={(body) => resolve.mutate(body)}
            busy={resolve.isPending}
            onClose={() => setAsking(false)}
          />
        </Modal>
      </Allowed>
    </>
  );
}

/** Confirmed or a false alarm, and why: it teaches the thresholds. */
function Judge({
  onJudged,
  busy,
  onClose,
}: {
  onJudged: (body: Resolution) => void;
  busy: boolean;
  onClose: () => void;
}) {
  const [outcome, setOutcome] = useState<Resolution["outcome"]>("confirmed");
  const [reason, setReason] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim()) onJudged({ outcome, reason: reason.trim() });
      }}
    >
      <Select
        label="It was"
        allowDeselect={false}
        value={outcome}
        onChange={(value) => setOutcome(value === "false_alarm" ? "false_alarm" : "confirmed")}
        data={[
          { value: "confirmed", label: "real: something was wrong" },
          { value: "false_alarm", label: "a false alarm" },
        ]}
      />
      <Textarea
        mt="sm"
        label="Reason"
        description="Recorded for ever; name no secrets."
        withAsterisk
        autosize
        minRows={2}
        maxLength={1_000}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy} disabled={!reason.trim()}>
          Judge it
        </Button>
      </Group>
    </form>
  );
}
