/** One shadow: how many decisions since it was set would have gone otherwise, which, and why. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Confirm } from "../parts/Confirm";
import { Card, Page } from "../parts/Page";
import { Empty } from "../parts/states";
import { Otherwise } from "./Otherwise";
import styles from "./editor.module.css";
import { shadowDifferencesQuery, shadowQuery } from "./queries";

export default function ShadowPage() {
  const { shadow = "" } = useParams({ strict: false });
  const query = useQuery(shadowQuery(shadow));
  const differences = useQuery(shadowDifferencesQuery(shadow));
  const [removing, setRemoving] = useState(false);
  const navigate = useNavigate();
  const remove = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/policy/shadows/{shadow}/remove", {
          params: { path: { shadow }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches: [["policy"]],
    done: () => "Removed",
    onDone: () => void navigate({ to: "/policy/shadows" }),
  });
  return (
    <Page
      title={`Shadow ${shadow}`}
      back={{ to: "/policy/shadows", text: "Shadows & modes" }}
      actions={
        <Allowed role="director">
          <Button variant="default" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        </Allowed>
      }
    >
      <Answer of={query} what="the comparison">
        {(one) => (
          <Card title="Compared" aside={one.behind ? `${one.behind} events behind` : "up to date"}>
            <p className={styles.sentence}>
              Of <b className="number">{one.decisions}</b> decisions since then{" "}
              <b className="number">{one.same}</b> went the same way, <b className="number">{one.stricter}</b>{" "}
              would have been stricter, <b className="number">{one.looser}</b> looser.
            </p>
            <Answer of={differences} what="the differences">
              {({ items }) =>
                items.length ? (
                  <Otherwise kinds={one.kinds} rows={items} />
                ) : (
                  <Empty title="No difference yet">Every decision would have gone as it did.</Empty>
                )
              }
            </Answer>
          </Card>
        )}
      </Answer>
      <Confirm
        open={removing}
        onClose={() => setRemoving(false)}
        title="Remove this shadow?"
        action="Remove it"
        reason="needed"
        busy={remove.isPending}
        onConfirm={(reason) => remove.mutate(reason)}
      >
        It is compared no more; the ledger keeps that it was there.
      </Confirm>
    </Page>
  );
}
