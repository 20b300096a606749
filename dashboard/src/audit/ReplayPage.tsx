/** The organisation as it was: an axis of time, step by event, and what is different now. Folded from the ledger. */
import { Button, NumberInput, Slider, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useZone } from "../app/zone";
import { Answer } from "../parts/Answer";
import { Document } from "../parts/Document";
import { useFilters } from "../parts/filters";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Card, Columns, Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { inZone } from "../parts/times";
import { Name } from "../parts/Words";
import styles from "./audit.module.css";
import { envelope, eventQuery, headQuery, type Then, replayQuery } from "./queries";
import { changes, compared } from "./replay";

const STOPS = 200;
const number = (text: string | undefined): number => (/^\d{1,16}$/.test(text ?? "") ? Number(text) : 0);

export default function ReplayPage() {
  const [filters, setFilters] = useFilters();
  const of = (filters.of ?? "").trim();
  const now = useQuery(replayQuery(0, 0, of));
  const first = useQuery(eventQuery("1"));
  return (
    <Page
      title="As it was"
      back={{ to: "/audit", text: "Audit" }}
      lead="The whole organisation after any event or at any instant, folded anew from the record."
    >
      <Answer of={now} what="the state now">
        {(today) => (
          <Answer of={first} what="the first event">
            {(event) => (
              <Replay
                now={today}
                begun={envelope(event).at}
                of={of}
                newest={() => {
                  setFilters({ seq: "", at: "" });
                  void now.refetch();
                }}
              />
            )}
          </Answer>
        )}
      </Answer>
    </Page>
  );
}

function Replay({
  now,
  begun,
  of,
  newest,
}: {
  now: Then;
  begun: number;
  of: string;
  /** Read the state as it is now again. */
  newest: () => void;
}) {
  const head = useQuery(headQuery);
  const newer = (head.data?.seq ?? 0) - now.seq;
  const [filters, setFilters] = useFilters();
  const at = number(filters.at);
  const seq = at ? 0 : Math.min(Math.max(1, number(filters.seq) || now.seq), now.seq);
  const then = useQuery(replayQuery(seq, at, of));
  const here = then.data?.seq ?? seq;
  const go = (wanted: number) => setFilters({ seq: String(wanted), at: "" });
  return (
    <>
      <Card
        title="When"
        aside={
          <span className="number">
            event {here} of {now.seq}
          </span>
        }
      >
        <Axis
          from={begun}
          to={now.at}
          at={at || (then.data?.at ?? now.at)}
          onChosen={(wanted) => setFilters({ at: String(wanted), seq: "" })}
        />
        <div className={styles.steps}>
          <Button size="xs" variant="default" disabled={here <= 1} onClick={() => go(here - 1)}>
            One event back
          </Button>
          <Button size="xs" variant="default" disabled={here >= now.seq} onClick={() => go(here + 1)}>
            One event on
          </Button>
          <Jump key={here} seq={here} head={now.seq} onGo={go} />
          {newer > 0 && (
            <Button size="xs" variant="default" onClick={newest}>
              {newer} newer
            </Button>
          )}
          <Button size="xs" variant="subtle" disabled={here >= now.seq} onClick={() => go(now.seq)}>
            Now
          </Button>
        </div>
        {here > 0 && <What seq={here} />}
      </Card>
      <Answer of={then} what="the state then">
        {(past) => (
          <div style={{ marginTop: 16 }} aria-busy={then.isPlaceholderData}>
            <Columns
              wide={<Compared then={past} now={now} />}
              narrow={<OneThing then={past} now={now} of={of} />}
            />
          </div>
        )}
      </Answer>
    </>
  );
}

/** From the first event to the newest, in the person's zone; moved by pointer or arrow keys. */
function Axis({
  from,
  to,
  at,
  onChosen,
}: {
  from: number;
  to: number;
  at: number;
  onChosen: (at: number) => void;
}) {
  const { zone } = useZone();
  const [held, setHeld] = useState<number | null>(null);
  const length = Math.max(1, to - from);
  const said = (permille: number) => inZone(from + (length * permille) / STOPS, zone);
  return (
    <div className={styles.axis}>
      <Slider
        thumbLabel="Instant"
        min={0}
        max={STOPS}
        label={said}
        value={held ?? Math.round(((at - from) / length) * STOPS)}
        onChange={setHeld}
        onChangeEnd={(chosen) => {
          setHeld(null);
          onChosen(Math.round(from + (length * chosen) / STOPS));
        }}
      />
      <div className={styles.ends} aria-hidden="true">
        <span>{said(0)}</span>
        <span>{said(STOPS)}</span>
      </div>
    </div>
  );
}

function Jump({ seq, head, onGo }: { seq: number; head: number; onGo: (seq: number) => void }) {
  const [wanted, setWanted] = useState(seq);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onGo(wanted);
      }}
    >
      <NumberInput
        size="xs"
        w={130}
        aria-label="Go to event"
        prefix="event "
        min={1}
        max={head}
        value={wanted}
        onChange={(value) => typeof value === "number" && setWanted(value)}
      />
    </form>
  );
}

function What({ seq }: { seq: number }) {
  const event = useQuery(eventQuery(String(seq)));
  if (!event.data) return <p className={styles.what}>&nbsp;</p>;
  const { type, actor, at } = envelope(event.data);
  return (
    <p className={styles.what}>
      Just after <Go to={`/audit/events/${seq}`}>{type}</Go> by <Name text={actor.id || actor.kind} />,{" "}
      <Time at={at} />
    </p>
  );
}

function Compared({ then, now }: { then: Then; now: Then }) {
  const [all, setAll] = useState(true);
  const rows = compared(then, now).filter((row) => all || row.then !== row.now);
  return (
    <Card
      title="The organisation"
      aside={
        <Switch
          size="xs"
          label="Only what differs"
          checked={!all}
          onChange={(event) => setAll(!event.currentTarget.checked)}
        />
      }
    >
      <table className={styles.compared}>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Then</th>
            <th scope="col">Now</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.group} ${row.name}`} data-differs={row.then !== row.now || undefined}>
              <td>
                <span className={styles.group}>{row.group}</span> {row.name}
              </td>
              <td className="number">{row.then.toLocaleString()}</td>
              <td className="number">{row.now.toLocaleString()}</td>
              <td className="number">{signed(row.now - row.then)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p>Nothing differs.</p>}
    </Card>
  );
}

function signed(difference: number): string {
  if (!difference) return "";
  return difference > 0 ? `+${difference.toLocaleString()}` : `−${Math.abs(difference).toLocaleString()}`;
}

/** One agent, task, action or decision of then, and what of it is different now. */
function OneThing({ then, now, of }: { then: Then; now: Then; of: string }) {
  const [, setFilters] = useFilters();
  const [id, setId] = useState(of);
  const found = of ? changes(then.subject, now.subject) : [];
  return (
    <Card title="One thing of it">
      <form
        className={styles.row}
        onSubmit={(event) => {
          event.preventDefault();
          setFilters({ of: id.trim() });
        }}
      >
        <TextInput
          size="xs"
          aria-label="Its id"
          placeholder="tsk_…, agt_…, act_…, dec_…"
          maxLength={40}
          value={id}
          onChange={(event) => setId(event.currentTarget.value)}
        />
        <Button size="xs" type="submit" variant="default" leftSection={<Icon name="search" size={14} />}>
          Show
        </Button>
      </form>
      {of && then.subject === null && <p className={styles.what}>It did not exist then, or was over.</p>}
      {of && then.subject !== null && (
        <>
          <p className={styles.what}>
            {found.length ? "What is different now:" : "It is now as it was then."}
          </p>
          <dl className={styles.changes}>
            {found.map((one) => (
              <div key={one.path}>
                <dt>{one.path}</dt>
                <dd>
                  <Name text={one.then || "nothing"} charsMax={200} /> →{" "}
                  <Name text={one.now || "nothing"} charsMax={200} />
                </dd>
              </div>
            ))}
          </dl>
          <Document of={then.subject} by="the record, as it was folded then" />
        </>
      )}
    </Card>
  );
}
