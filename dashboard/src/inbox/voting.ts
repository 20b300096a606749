/** Casting votes: one vote per person and decision, whatever is pressed how often and in how many tabs. */
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import type { Problem } from "../api/problem";
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

const OVERTAKEN = new Set(["over", "already_voted", "idempotency_key_reused"]);

export function isOvertaken(problem: Problem): boolean {
  return OVERTAKEN.has(problem.code);
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
      if (isOvertaken(problem)) {
        told("Somebody was faster, or you voted in another window. It is shown as it stands now.", "vote");
        onDone({ ...ballot, decision: "" });
      } else toldProblem(problem);
      return true;
    },
  });
}
