/** One alert: what it means, what shows it; saying that one looks after it, and that it is over. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Facts, Id } from "../parts/Facts";
import { Go, pageOf } from "../parts/Go";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { Severity } from "./AlertsPage";
import { type Alert, alertQuery } from "./queries";

export default function AlertPage() {
  const { alert = "" } = useParams({ strict: false });
  const query = useQuery(alertQuery(alert));
  return (
    <Answer of={query} what="the alert">
      {(found) => (
        <Page
          title={<Name text={found.title} charsMax={200} />}
          tab={found.title}
          back={{ to: "/alerts", text: "Alerts" }}
          lead={
            <>
              <Severity of={found.severity} /> <State of={found.status} /> raised{" "}
              <Time at={found.raised_at} ago />
            </>
          }
          actions={<Switches alert={found} />}
        >
          <Columns
            wide={
              <Card title="What it means">
                <p style={{ margin: 0, lineHeight: 1.6 }}>
                  <Name text={found.meaning} charsMax={1_000} />
                </p>
              </Card>
            }
            narrow={<About alert={found} />}
          />
        </Page>
      )}
    </Answer>
  );
}

function About({ alert }: { alert: Alert }) {
  const thing = pageOf(alert.thing_id);
  return (
    <Card title="About">
      <Facts
        of={[
          ["Id", <Id key="id" of={alert.alert_id} />],
          ["Kind", alert.what.replaceAll("_", " ")],
          [
            "Look at",
            thing ? (
              <Go key="thing" to={thing}>
                {alert.thing_kind} {alert.thing_id}
              </Go>
            ) : (
              alert.thing_kind || "nothing in particular"
            ),
          ],
          [
            "Shown by",
            <Go key="source" to={`/audit/events/${alert.source}`}>
              event {alert.source}
            </Go>,
          ],
          [
            "Looked after",
            alert.acknowledged_at ? (
              <span key="by">
                by <Name text={alert.acknowledged_by} /> since <Time at={alert.acknowledged_at} />
              </span>
            ) : (
              "by nobody yet"
            ),
          ],
          [
            "Over",
            alert.resolved_at ? (
              <span key="over">
                <Time at={alert.resolved_at} />, {alert.how}
                {alert.reason && (
                  <>
                    : <Name text={alert.reason} charsMax={400} />
                  </>
                )}
              </span>
            ) : alert.by_hand ? (
              "not yet"
            ) : (
              "by itself, when what it is about is"
            ),
          ],
        ]}
      />
    </Card>
  );
}

function Switches({ alert }: { alert: Alert }) {
  const [asking, setAsking] = useState(false);
  const touches = [["alert", alert.alert_id], ["alerts"], ["situation"]];
  const acknowledge = useCommand({
    run: (_: null, key) =>
      ask(
        api.POST("/api/v1/alerts/{alert}/acknowledge", {
          params: { path: { alert: alert.alert_id }, header: { "Idempotency-Key": key } },
        }),
      ),
    touches,
    done: () => "Yours: others see that you look after it",
  });
  const resolve = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/alerts/{alert}/resolve", {
          params: { path: { alert: alert.alert_id }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches,
    done: () => "Resolved",
    onDone: () => setAsking(false),
  });
  if (alert.resolved_at) return null;
  return (
    <>
      {!alert.acknowledged_at && (
        <Allowed role="operator">
          <Button onClick={() => acknowledge.mutate(null)} loading={acknowledge.isPending}>
            I look after it
          </Button>
        </Allowed>
      )}
      {alert.by_hand && (
        <Allowed role="supervisor">
          <Button variant="default" onClick={() => setAsking(true)}>
            Resolve
          </Button>
          <Confirm
            open={asking}
            onClose={() => setAsking(false)}
            title="Is it over?"
            action="Resolve"
            reason="needed"
            busy={resolve.isPending}
            onConfirm={(reason) => resolve.mutate(reason)}
          />
        </Allowed>
      )}
    </>
  );
}
