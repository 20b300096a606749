/** Casting votes: one vote per person and decision, whatever is pressed how often and in how many tabs. */
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { useMe } from "../app/me";
import { told, toldProblem } from "../parts/toasts";

export type Say = "approve" | "deny" | "abstain";

export interface Ballot {
  decision: string;
  digest: string;
  say: Say;
  comment: string;
}

/** Same person, decision and say: same key. A second click, tab or reload repeats the first vote instead of voting. */
export function ballotKey(person: string, ballot: Ballot): string {
  return `vote-${person}-${ballot.decision}-${ballot.say}`;
}

const OVERTAKEN = new Set(["over", "late", "already_voted", "idempotency_key_reused"]);

export function isOvertaken(code: string): boolean {
  return OVERTAKEN.has(code);
}

export function cast(person: string, ballot: Ballot): Promise<Wire["VoteRecorded"]> {
  return ask(
    api.POST("/api/v1/decisions/{decision}/vote", {
      params: {
        path: { decision: ballot.decision },
        header: { "Idempotency-Key": ballotKey(person, ballot) },
      },
      body: { vote: ballot.say, digest: ballot.digest, comment: ballot.comment },
    }),
  );
}

export type Voted = Wire["ManyVoted"];

/** So many votes one request takes. */
export const AT_ONCE_MAX = 50;

/** The same say on several decisions in one request: a line each, in their order. `key` makes a repeat the same votes. */
export async function castMany(
  of: readonly { decision_id: string; digest: string }[],
  say: Say,
  key: string,
): Promise<Voted[]> {
  const votes = of.map(({ decision_id, digest }) => ({ decision_id, digest, vote: say }));
  const params = { header: { "Idempotency-Key": key } };
  return (await ask(api.POST("/api/v1/inbox/votes", { params, body: { votes, comment: "" } }))).items;
}

const ENDED: Record<string, string> = {
  approved: "Approved. The agent has its single-use grant.",
  denied: "Denied. The agent was told, nothing runs.",
};

export function sentenceOf(recorded: Wire["VoteRecorded"]): string {
  if (recorded.late) return "It was over already: your vote is kept and changes nothing.";
  if (recorded.status === "pending") return "Your vote counts; others have to agree too.";
  return ENDED[recorded.status] ?? `The decision is ${recorded.status}.`;
}

export function useVote(onDone: (ballot: Ballot) => void) {
  const me = useMe();
  return useCommand<Ballot, Wire["VoteRecorded"]>({
    run: (ballot) => cast(me.id, ballot),
    onDone: (recorded, ballot) => {
      told(sentenceOf(recorded), "vote");
      onDone(ballot);
    },
    touches: [["decisions"], ["decision"]],
    onProblem: (problem, ballot) => {
      if (isOvertaken(problem.code)) {
        told("Somebody was faster, or you voted in another window. It is shown as it stands now.", "vote");
        onDone({ ...ballot, decision: "" });
      } else toldProblem(problem);
      return true;
    },
  });
}
