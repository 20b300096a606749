/** It was forced past the people: by whom, why, and what somebody else thinks of it. */
import { Button, Group, Modal, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Card } from "../parts/Page";
import { fieldErrors } from "../parts/fieldErrors";
import { Time } from "../parts/Time";
import { Words } from "../parts/Words";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";

type Verdict = "justified" | "unjustified";

const ASKED: Record<Verdict, string> = {
  justified: "Confirm that forcing it was right?",
  unjustified: "Object: forcing it was not right?",
};

export function Forced({ detail }: { detail: DecisionDetail }) {
  const { decision, timeline } = detail;
  const [asking, setAsking] = useState<Verdict | null>(null);
  const said = timeline.filter(
    (one) => one.type === "decision.force_asked/1" || one.type === "decision.forced/1",
  );
  return (
    <Card title="Why it was forced">
      <div className={styles.forced}>
        {said.map((one) => (
          <Words key={one.seq} text={one.sentence} by={one.actor_name || one.actor_id} />
        ))}
        <p className={styles.said} role="status">
          {decision.review === "justified" && "Reviewed: it was right to force it."}
          {decision.review === "unjustified" && "Reviewed: it was not right to force it."}
          {decision.review === "overdue" && "Nobody has reviewed it in time. It can be reviewed still."}
          {!decision.review && (
            <>
              Somebody who did not force it reviews it by <Time at={decision.review_by_at} />.
            </>
          )}
        </p>
        {detail.may_review && (
          <Group role="group" aria-label="Your review">
            <Button variant="default" onClick={() => setAsking("justified")}>
              It was right
            </Button>
            <Button variant="outline" color="bad" onClick={() => setAsking("unjustified")}>
              Object
            </Button>
          </Group>
        )}
        {asking && (
          <Review verdict={asking} decision={decision.decision_id} onClose={() => setAsking(null)} />
        )}
      </div>
    </Card>
  );
}

function Review({ verdict, decision, onClose }: { verdict: Verdict; decision: string; onClose: () => void }) {
  const [comment, setComment] = useState("");
  const review = useCommand({
    run: (text: string, key) =>
      ask(
        api.POST("/api/v1/decisions/{decision}/review", {
          params: { path: { decision }, header: { "Idempotency-Key": key } },
          body: { verdict, comment: text },
        }),
      ),
    touches: [["decisions"], ["decision", decision]],
    done: () => "Your review is recorded",
    onDone: onClose,
    onProblem: () => true,
  });
  const refused = review.error;
  return (
    <Modal opened onClose={onClose} title={ASKED[verdict]} size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          review.mutate(comment.trim());
        }}
      >
        <Textarea
          label="Comment"
          description="Others read it."
          data-autofocus
          autosize
          minRows={2}
          maxLength={4_000}
          value={comment}
          error={refused && (fieldErrors(refused).comment ?? refused.detail)}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            color={verdict === "unjustified" ? "bad" : undefined}
            loading={review.isPending}
          >
            {verdict === "unjustified" ? "Object" : "Confirm"}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
