/** Other parameters in place of the agent's: judged again, decided anew; an edit never lowers what is asked for. */
import { Alert, Button, Group, Modal, Textarea } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";

type Parameters = Wire["EditBody"]["params"];

/** Can this person give it other parameters? They have to be an object that can be read. */
export function isEditable(detail: DecisionDetail): boolean {
  const { params } = detail;
  return detail.may_vote && params !== null && typeof params === "object" && !Array.isArray(params);
}

/** The parameters of a text, or a sentence why it has none. */
export function readParameters(text: string): Parameters | string {
  try {
    const found: unknown = JSON.parse(text);
    if (found === null || typeof found !== "object" || Array.isArray(found))
      return "They have to be an object.";
    return found as Parameters;
  } catch (error) {
    return error instanceof Error ? error.message : "This is no JSON.";
  }
}

export function EditParameters({ detail, onClose }: { detail: DecisionDetail; onClose: () => void }) {
  const { decision } = detail;
  const original = JSON.stringify(detail.params, null, 2);
  const [text, setText] = useState(original);
  const [reason, setReason] = useState("");
  const [refusal, setRefusal] = useState("");
  const navigate = useNavigate();
  const read = readParameters(text);
  const params = typeof read === "string" ? null : read;
  const changed = params !== null && JSON.stringify(params) !== JSON.stringify(detail.params);
  const edit = useCommand({
    run: (body: Wire["EditBody"], key) =>
      ask(
        api.POST("/api/v1/decisions/{decision}/edit", {
          params: { path: { decision: decision.decision_id }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    touches: [["decisions"], ["decision", decision.decision_id]],
    done: () => "Edited: this is decided now, on the new parameters",
    onDone: (out) => {
      onClose();
      void navigate({ to: `/inbox/${out.decision_id}`, replace: true });
    },
    onProblem: (problem) => {
      setRefusal(problem.detail);
      return true;
    },
  });
  return (
    <Modal opened onClose={onClose} title="Give it other parameters" size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setRefusal("");
          if (params && changed) edit.mutate({ digest: decision.digest, params, reason: reason.trim() });
        }}
      >
        <Textarea
          label="Parameters"
          description="All of them, as they shall be. The gate judges them like a request; votes from before do not count."
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={typeof read === "string" ? read : undefined}
          autosize
          minRows={6}
          maxRows={20}
          spellCheck={false}
          data-autofocus
          classNames={{ input: styles.document }}
        />
        <Textarea
          mt="sm"
          label="Why"
          autosize
          maxLength={4_000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {refusal && (
          <Alert mt="sm" color="bad" title="Not changed">
            {refusal}
          </Alert>
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!changed} loading={edit.isPending}>
            Edit
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
