/** Explanations that appear once: at the first denial, the first request for approval, the first change of tier. Pure. */
import type { LiveEvent } from "../live/stream";

export interface Lesson {
  id: "denial" | "approval" | "tier";
  title: string;
  text: string;
}

const LESSONS: Record<Lesson["id"], Omit<Lesson, "id">> = {
  approval: {
    title: "An agent asks for somebody's agreement",
    text: "It waits until somebody with the role decides. The inbox shows exactly what would run; without an answer in time, nothing runs.",
  },
  denial: {
    title: "Something was denied",
    text: "The agent is told why and nothing runs. Open the decision or the action to see which rule or who said no; a denial costs the agent no trust.",
  },
  tier: {
    title: "An agent's tier has changed",
    text: "Trust moves with what happens: work that succeeds lifts it, failures and violations lower it. The tier decides what runs by itself; the agent's page shows each step.",
  },
};

/** The lesson of an event, null when it teaches nothing. */
export function lessonOf(event: LiveEvent): Lesson | null {
  const { type, facts } = event;
  let id: Lesson["id"] | null = null;
  if (type.startsWith("decision.opened/")) id = "approval";
  else if (type.startsWith("decision.denied/")) id = "denial";
  else if (type.startsWith("action.decided/") && facts.verdict === "denied") id = "denial";
  else if (type.startsWith("trust.") && facts.tier !== undefined && facts.tier !== facts.tier_before)
    id = "tier";
  return id && { id, ...LESSONS[id] };
}

/** The lessons of a batch that were not taught before, each once. */
export function newLessons(batch: readonly LiveEvent[], taught: ReadonlySet<string>): Lesson[] {
  const found = new Map<string, Lesson>();
  for (const event of batch) {
    const lesson = lessonOf(event);
    if (lesson && !taught.has(lesson.id)) found.set(lesson.id, lesson);
  }
  return [...found.values()];
}
