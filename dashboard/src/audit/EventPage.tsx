/** One event as it was hashed: its document, its private part, its receipt checked here, its ruling judged again. */
import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed, useMe } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Document } from "../parts/Document";
import { save } from "../parts/exports";
import { Facts, Id } from "../parts/Facts";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { hex, sha256, utf8 } from "../verifier/bytes";
import { canonical, type Json } from "../verifier/canonical";
import { LOG, Notary, parseKey } from "../verifier/notes";
import { checkReceipt } from "../verifier/receipts";
import styles from "./audit.module.css";
import { remembered, said } from "./pinned";
import { envelope, eventQuery } from "./queries";

export default function EventPage() {
  const { seq = "" } = useParams({ strict: false });
  return (
    <Answer of={useQuery(eventQuery(seq))} what="the event">
      {(item) => <One key={item.seq} item={item} />}
    </Answer>
  );
}

function One({ item }: { item: Wire["EventItem"] }) {
  const event = envelope(item);
  return (
    <Page
      title={`Event ${item.seq}`}
      back={{ to: "/audit", text: "Audit" }}
      lead={
        <>
          <Badge>{event.type}</Badge> <Time at={event.at} />
        </>
      }
      actions={
        <>
          <Go to={`/audit/events/${Math.max(1, item.seq - 1)}`}>
            <Icon name="left" size={14} /> before
          </Go>
          <Go to={`/audit/events/${item.seq + 1}`}>
            after <Icon name="right" size={14} />
          </Go>
          {event.private && item.private !== null && <Redact seq={item.seq} />}
        </>
      }
    >
      <Columns
        wide={
          <>
            <Card title="As it was hashed">
              <Document of={event} by="the ledger (canonical, here indented)" />
            </Card>
            {event.private && (
              <Card title="Private part" aside="erasable; the event holds only its salted hash">
                {item.private === null ? (
                  <p>Erased, or not for your role. The commitment stays: verification goes on.</p>
                ) : (
                  <Document of={item.private} by="whoever did this" />
                )}
              </Card>
            )}
          </>
        }
        narrow={
          <>
            <Card title="Envelope">
              <Facts
                of={[
                  ["By", <Name key="by" text={event.actor.id || event.actor.kind} />],
                  [
                    "With",
                    event.actor.credential ? <Id key="with" of={event.actor.credential} /> : "no credential",
                  ],
                  ["On behalf of", event.of ? <Id key="of" of={event.of} /> : "nobody else"],
                  ["About", `${event.subject.kind} ${event.subject.id}`],
                  [
                    "Because of",
                    event.cause ? (
                      <Go key="cause" to={`/audit/events/${event.cause}`}>
                        event {event.cause}
                      </Go>
                    ) : (
                      "a command from outside"
                    ),
                  ],
                  ["Hash", <Id key="hash" of={item.hash} short />],
                ]}
              />
            </Card>
            <Card title="As it was then">
              <Go to="/audit/replay" search={{ seq: String(item.seq) }}>
                The organisation after this event
              </Go>
            </Card>
            <Receipt item={item} />
            {event.type.startsWith("action.decided/") && <Again seq={item.seq} />}
          </>
        }
      />
    </Page>
  );
}

/** Fetches the receipt and checks it here, against the key this browser remembers. */
function Receipt({ item }: { item: Wire["EventItem"] }) {
  const me = useMe();
  const check = useMutation({
    mutationFn: async () => {
      const pinned = remembered(me.organisation);
      if (!pinned) throw new Error("this browser has no key yet: open the audit page once");
      const { seq } = item;
      const answer = await ask(
        api.GET("/api/v1/ledger/events/{seq}/receipt", { params: { path: { seq } }, parseAs: "text" }),
      );
      const receipt = answer as unknown as string;
      const bytes = utf8(canonical(item.event as Json));
      const checkpoint = checkReceipt(utf8(receipt), bytes, new Notary(parseKey(pinned.key, LOG)));
      return { receipt, size: checkpoint.size, leaf: hex(sha256(Uint8Array.of(0), bytes)) };
    },
  });
  return (
    <Card title="Receipt">
      <div className={styles.everything} style={{ marginTop: 0 }}>
        {check.data && (
          <p role="status">
            <Badge tone="good">proven here</Badge> This event is in the tree of{" "}
            {check.data.size.toLocaleString()} events that the ledger&apos;s key signed.
          </p>
        )}
        {check.error && (
          <div className={styles.bad} role="alert">
            <Icon name="warning" size={22} />
            <div>{said(check.error)}</div>
          </div>
        )}
        <div className={styles.row}>
          <Button variant="default" loading={check.isPending} onClick={() => check.mutate()}>
            Prove it here
          </Button>
          {check.data && (
            <Button
              variant="subtle"
              onClick={() => save(`event-${item.seq}.tlog-proof`, "text/plain", check.data.receipt)}
            >
              Download
            </Button>
          )}
        </div>
      </div>
    </Card>
  );
}

function Again({ seq }: { seq: number }) {
  const judge = useMutation({
    mutationFn: () => ask(api.GET("/api/v1/ledger/events/{seq}/audit", { params: { path: { seq } } })),
  });
  return (
    <Card title="Judged again">
      <div className={styles.everything} style={{ marginTop: 0 }}>
        {judge.data && (
          <p role="status">
            <Badge tone={judge.data.verdict === "differs" ? "bad" : "good"}>{judge.data.verdict}</Badge>{" "}
            {judge.data.detail || "The recorded evidence leads to the same ruling."}
          </p>
        )}
        {judge.error && <p role="alert">{said(judge.error)}</p>}
        <Button variant="default" loading={judge.isPending} onClick={() => judge.mutate()}>
          Judge this ruling again
        </Button>
      </div>
    </Card>
  );
}

function Redact({ seq }: { seq: number }) {
  const [asking, setAsking] = useState(false);
  const redact = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/ledger/events/{seq}/redact", {
          params: { path: { seq }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches: [["event", String(seq)]],
    done: () => "Erased; the event and its proof stay",
    onDone: () => setAsking(false),
  });
  return (
    <Allowed role="admin">
      <Button variant="default" onClick={() => setAsking(true)}>
        Erase the private part
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Erase the private part?"
        action="Erase for good"
        danger
        reason="needed"
        busy={redact.isPending}
        onConfirm={(reason) => redact.mutate(reason)}
      >
        It cannot be brought back. The event, its hash and every proof stay valid; that it was erased, by whom
        and why, is recorded.
      </Confirm>
    </Allowed>
  );
}
