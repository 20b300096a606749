/** Break-glass: past the people, past nothing else. For those who may, with a reason that stays for ever. */
import { Alert, Button, Checkbox, Group, Modal, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { useDraft } from "../parts/drafts";
import { fieldErrors } from "../parts/fieldErrors";
import { told } from "../parts/toasts";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";

const TWO_LEVEL = 4;
const REASON_MAX = 500;

export function Force({ detail, onClose: close }: { detail: DecisionDetail; onClose: () => void }) {
  const { decision } = detail;
  const [reason, setReason, forgetReason] = useDraft(`force ${decision.decision_id}`);
  const [sure, setSure] = useState(false);
  const onClose = () => {
    forgetReason();
    close();
  };
  const force = useCommand({
    run: (why: string, key) =>
      ask(
        api.POST("/api/v1/decisions/{decision}/force", {
          params: { path: { decision: decision.decision_id }, header: { "Idempotency-Key": key } },
          body: { digest: decision.digest, reason: why },
        }),
      ),
    touches: [["decisions"], ["decision", decision.decision_id]],
    onDone: (out) => {
      told(
        out.status === "forced"
          ? "Forced. The agent has its grant; another person reviews it."
          : "Noted and told. At this level a second person has to force it too.",
      );
      onClose();
    },
    onProblem: () => true,
  });
  const refused = force.error;
  const atField = refused ? fieldErrors(refused).reason : undefined;
  const second = decision.level >= TWO_LEVEL;
  return (
    <Modal opened onClose={onClose} title="Force it past the people?" size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (sure && reason.trim()) force.mutate(reason.trim());
        }}
      >
        <p className={styles.said}>
          <Name text={decision.type} /> of <Name text={decision.agent_name || "the platform itself"} /> then
          runs although nobody else has agreed. All directors and admins hear of it at once, and somebody else
          has to review it. Stops, breakers and the envelope hold it all the same.
        </p>
        {second && (
          <p className={styles.said}>
            {detail.force_asked?.length ? (
              <>
                <Name text={detail.force_asked.join(", ")} /> wants to force it; you would be the second.
              </>
            ) : (
              "At this level it takes two: nothing runs until a second person forces it too."
            )}
          </p>
        )}
        <Textarea
          label="Why it cannot wait"
          description="Recorded for ever; name no secrets."
          withAsterisk
          data-autofocus
          autosize
          minRows={2}
          maxLength={REASON_MAX}
          value={reason}
          error={atField}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Checkbox
          mt="md"
          checked={sure}
          onChange={(event) => setSure(event.currentTarget.checked)}
          label="I have read what will run, and I answer for it"
        />
        {refused && !atField && (
          <Alert mt="md" color="bad" title="Not forced">
            {refused.detail}
          </Alert>
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color="bad" disabled={!sure || !reason.trim()} loading={force.isPending}>
            Force it
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
