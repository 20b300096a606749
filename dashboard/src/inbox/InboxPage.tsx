/**
 * The inbox: what waits at the left, what it is about at the right, one key for each thing to do. On phones the list is
 * one page and the decision another.
 */
import { SegmentedControl } from "@mantine/core";
import { useMediaQuery, useWindowEvent } from "@mantine/hooks";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { isBusy, usePageKeys } from "../app/Keys";
import { useMe } from "../app/me";
import { Answer } from "../parts/Answer";
import { useFilters } from "../parts/filters";
import { Empty } from "../parts/states";
import { Batch } from "./Batch";
import { DecisionView } from "./DecisionView";
import styles from "./inbox.module.css";
import { byTimeLeft, following, neighbour, picked, WHOSE, type Whose } from "./order";
import { type Decision, decisionQuery, waitingQuery } from "./queries";
import { WaitingList } from "./WaitingList";

const KEYS = [
  { keys: "j k", does: "next, previous decision" },
  { keys: "a", does: "approve (Enter confirms)" },
  { keys: "d", does: "deny (Enter confirms)" },
  { keys: "e", does: "approve with changed parameters, where you may" },
  { keys: "x", does: "choose for a batch" },
  { keys: "u", does: "back to the list" },
];
const NOTHING: ReadonlySet<string> = new Set();

export default function InboxPage() {
  usePageKeys(KEYS);
  const query = useInfiniteQuery(waitingQuery);
  const [filters, setFilters] = useFilters();
  const me = useMe();
  const whose = WHOSE.find((one) => one === filters.whose) ?? "mine";
  const all = useMemo(() => byTimeLeft(query.data?.pages.flatMap((page) => page.items) ?? []), [query.data]);
  const shown = useMemo(() => picked(all, whose, me.roles), [all, whose, me.roles]);
  useEffect(() => {
    document.title = shown.length ? `(${shown.length}) Inbox · Watchfloor` : "Inbox · Watchfloor";
  }, [shown.length]);
  return (
    <Answer of={query} what="the inbox">
      {() => (
        <Inbox
          all={all}
          shown={shown}
          whose={whose}
          onWhose={(wanted) => setFilters({ whose: wanted === "mine" ? "" : wanted })}
          more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
        />
      )}
    </Answer>
  );
}

interface InboxProps {
  all: readonly Decision[];
  shown: readonly Decision[];
  whose: Whose;
  onWhose: (whose: string) => void;
  more: (() => void) | undefined;
}

function Inbox({ all, shown, whose, onWhose, more }: InboxProps) {
  const { decision: inUrl = "" } = useParams({ strict: false });
  const phone = useMediaQuery("(max-width: 900px)", false, { getInitialValueInEffect: false }) ?? false;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(NOTHING);
  const client = useQueryClient();
  const navigate = useNavigate();
  const here = inUrl || (phone ? "" : (shown[0]?.decision_id ?? ""));
  const go = useCallback(
    (decision: string) =>
      void navigate({
        to: decision ? `/inbox/${decision}` : "/inbox",
        search: (before: Record<string, string>) => before,
        replace: decision !== "" && inUrl !== "",
      }),
    [navigate, inUrl],
  );
  const choose = useCallback((decision: string) => {
    setChosen((before) => {
      const after = new Set(before);
      if (!after.delete(decision)) after.add(decision);
      return after;
    });
  }, []);
  const [came, setCame] = useState({ after: "", next: "" });
  const next = following(shown, here, came.after === here ? came.next : "");
  if (came.after !== here || came.next !== next) setCame({ after: here, next });
  useEffect(() => {
    if (next) void client.prefetchQuery(decisionQuery(next));
  }, [client, next]);
  useWindowEvent("keydown", (event) => {
    if (isBusy(event)) return;
    const moves: Record<string, () => void> = {
      j: () => go(neighbour(shown, here, 1)),
      k: () => go(neighbour(shown, here, -1)),
      x: () => here && choose(here),
      u: () => go(""),
    };
    const move = moves[event.key];
    if (move) {
      event.preventDefault();
      move();
    }
  });
  const batch = all.filter((one) => chosen.has(one.decision_id) && one.may_vote);
  const empty = shown.length === 0 && !inUrl;
  return (
    <div className={styles.inbox} data-phone={phone || undefined} data-empty={empty || undefined}>
      {(!phone || !inUrl) && (
        <section className={styles.left} aria-label="Waiting decisions">
          <div className={styles.leftHead}>
            <h1 className={styles.title}>
              Inbox <span className={styles.number}>{shown.length || ""}</span>
            </h1>
            <SegmentedControl
              size="xs"
              aria-label="Whose decisions"
              value={whose}
              onChange={onWhose}
              data={[
                { value: "mine", label: "Mine" },
                { value: "role", label: "My role" },
                { value: "all", label: "All" },
              ]}
            />
          </div>
          <Batch of={batch} onDone={() => setChosen(NOTHING)} />
          {shown.length ? (
            <WaitingList of={shown} here={here} chosen={chosen} onGo={go} onChoose={choose} more={more} />
          ) : (
            <Nothing whose={whose} others={all.length} onAll={() => onWhose("all")} />
          )}
        </section>
      )}
      {here && (
        <DecisionView
          key={here}
          decision={here}
          phone={phone}
          position={shown.findIndex((one) => one.decision_id === here) + 1}
          count={shown.length}
          onDone={() => go(phone && !next ? "" : next)}
          onBack={() => go("")}
        />
      )}
    </div>
  );
}

function Nothing({ whose, others, onAll }: { whose: Whose; others: number; onAll: () => void }) {
  return (
    <Empty title="Nothing to decide" icon="check">
      {others > 0 && whose !== "all" ? (
        <>
          Nothing waits for you.{" "}
          <button type="button" className={styles.link} onClick={onAll}>
            {others} {others === 1 ? "waits" : "wait"} for others.
          </button>
        </>
      ) : (
        "When an agent needs somebody's agreement, it appears here by itself, the least time left first."
      )}
    </Empty>
  );
}
