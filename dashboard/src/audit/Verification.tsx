/** Is the record intact? The server's own check, and this browser's, which believes nothing of the server. */
import { Button, Progress } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useMe } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Facts } from "../parts/Facts";
import { Icon } from "../parts/Icon";
import { Card } from "../parts/Page";
import { Time } from "../parts/Time";
import type { Checkpoint } from "../verifier/notes";
import styles from "./audit.module.css";
import { checkEverything, checkNewest, fingerprint, forget, said, type Verdict } from "./pinned";
import { verificationQuery } from "./queries";

export function Verification() {
  const me = useMe();
  const verdict = useQuery({
    queryKey: ["checked here", me.organisation],
    refetchInterval: 30_000,
    queryFn: () => checkNewest(me.organisation),
    staleTime: 0,
  });
  return (
    <Answer of={verdict} what="the newest checkpoint">
      {(found) => <Checked found={found} organisation={me.organisation} />}
    </Answer>
  );
}

function Checked({ found, organisation }: { found: Verdict; organisation: string }) {
  return (
    <Card title="In this browser" aside="believes nothing of the server">
      {found.state === "good" ? (
        <Good found={found} />
      ) : (
        <div className={styles.bad} role="alert">
          <Icon name="warning" size={22} />
          <div>
            <b>{found.title}</b>
            <p>{found.text}</p>
            <Forget organisation={organisation} />
          </div>
        </div>
      )}
    </Card>
  );
}

function Good({ found }: { found: Extract<Verdict, { state: "good" }> }) {
  const { pinned, before } = found;
  return (
    <>
      <p className={styles.verdict}>
        <Badge tone="good" dot>
          good
        </Badge>{" "}
        The newest checkpoint is signed by the key that this browser remembers
        {before && before.size < pinned.size && (
          <>, and continues the {before.size.toLocaleString()} events it saw before</>
        )}
        {before && before.size === pinned.size && <>, and is the one it saw before</>}.
      </p>
      <Facts
        of={[
          [
            "Events signed",
            <span key="size" className="number">
              {pinned.size.toLocaleString()}
            </span>,
          ],
          [
            "Key",
            <code key="key" title={pinned.key}>
              {fingerprint(pinned.key)}
            </code>,
          ],
          ["Known since", <Time key="since" at={pinned.since * 1_000} />],
        ]}
      />
      <Everything checkpoint={found.checkpoint} />
    </>
  );
}

function Everything({ checkpoint }: { checkpoint: Checkpoint }) {
  const [done, setDone] = useState(0);
  const stopped = useRef(false);
  const check = useMutation({
    mutationFn: () => {
      stopped.current = false;
      return checkEverything(checkpoint, setDone, () => stopped.current);
    },
  });
  return (
    <div className={styles.everything}>
      {check.isPending ? (
        <>
          <Progress value={(100 * done) / Math.max(1, checkpoint.size)} aria-label="Events checked" />
          <div className={styles.row}>
            <span className="number">
              {done.toLocaleString()} of {checkpoint.size.toLocaleString()} events
            </span>
            <Button size="xs" variant="default" onClick={() => (stopped.current = true)}>
              Stop
            </Button>
          </div>
        </>
      ) : (
        <Button
          variant="default"
          leftSection={<Icon name="check" size={16} />}
          onClick={() => check.mutate()}
        >
          Check every event here
        </Button>
      )}
      {check.data && (
        <p role="status">
          <Badge tone="good">{check.data.size === checkpoint.size ? "every event fits" : "stopped"}</Badge>{" "}
          {check.data.size.toLocaleString()} events: chain and tree computed anew from their bytes, root{" "}
          <code>{check.data.root.slice(0, 16)}…</code>
        </p>
      )}
      {check.error && (
        <div className={styles.bad} role="alert">
          <Icon name="warning" size={22} />
          <div>
            <b>The ledger is not intact</b>
            <p>{said(check.error)}</p>
          </div>
        </div>
      )}
    </div>
  );
}

function Forget({ organisation }: { organisation: string }) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  return (
    <>
      <Button variant="default" size="xs" onClick={() => setAsking(true)}>
        Forget what this browser remembers
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Forget the old key and checkpoint?"
        action="Forget"
        danger
        onConfirm={() => {
          forget(organisation);
          setAsking(false);
          void client.invalidateQueries({ queryKey: ["checked here"] });
        }}
      >
        Only when whoever runs the server has told you why they changed, by another way than this server. What
        it says next is then believed until it changes again.
      </Confirm>
    </>
  );
}

export function OnTheServer() {
  return (
    <Card title="On the server">
      <Answer of={useQuery(verificationQuery)} what="the server's check">
        {(found) => (
          <Facts
            of={[
              [
                "Chain",
                <Badge
                  key="state"
                  tone={found.state === "good" ? "good" : found.state === "bad" ? "bad" : "info"}
                  dot
                >
                  {found.state === "bad" ? `broken at event ${found.broken_seq}` : found.state}
                </Badge>,
              ],
              ["Checked up to", `${found.verified_seq.toLocaleString()} of ${found.head.toLocaleString()}`],
              ["Last looked", <Time key="at" at={found.at} ago />],
              ...(found.detail ? ([["Detail", found.detail]] as const) : []),
            ]}
          />
        )}
      </Answer>
    </Card>
  );
}
