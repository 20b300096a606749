/** Other parameters in place of the agent's: judged again, decided anew; an edit never lowers what is asked for. */
import { Alert, Button, Group, Modal, Textarea } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { asProblem } from "../api/problem";
import { useMe } from "../app/me";
import { bandOf } from "../parts/Badges";
import { useDraft } from "../parts/drafts";
import { fieldErrors } from "../parts/fieldErrors";
import { OwnSignIn } from "../parts/OwnSignIn";
import { OWN_SIGN_IN } from "../parts/toasts";
import styles from "./decision.module.css";
import type { DecisionDetail } from "./queries";
import { cast } from "./voting";

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

interface Wanted {
  params: Parameters;
  reason: string;
  approve: boolean;
}

interface Edited {
  out: Wire["EditRecorded"];
  /** Why it was not approved as well, though that was wanted. */
  but: string;
  approved: boolean;
}

/** Edit it; then approve what came of it, if that is judged no more severely and this person may. */
async function carryOut(me: string, detail: DecisionDetail, wanted: Wanted, key: string): Promise<Edited> {
  const { decision } = detail;
  const { params, reason } = wanted;
  const out = await ask(
    api.POST("/api/v1/decisions/{decision}/edit", {
      params: { path: { decision: decision.decision_id }, header: { "Idempotency-Key": key } },
      body: { digest: decision.digest, params, reason },
    }),
  );
  if (!wanted.approve) return { out, but: "", approved: false };
  if (out.level > decision.level || bandOf(out.risk) !== bandOf(decision.risk))
    return { out, but: "It is judged more severely now: look at it again.", approved: false };
  try {
    const now = await ask(
      api.GET("/api/v1/decisions/{decision}", {
        params: { path: { decision: out.decision_id }, query: { min_seq: out.seq } },
      }),
    );
    if (!now.may_vote) return { out, but: now.obstacle, approved: false };
    await cast(me, { decision: out.decision_id, digest: out.digest, say: "approve", comment: reason });
  } catch (error) {
    return { out, but: asProblem(error).detail, approved: false }; // the edit stands, and that is what is told
  }
  return { out, but: "", approved: true };
}

export function EditParameters({ detail, onClose: close }: { detail: DecisionDetail; onClose: () => void }) {
  const me = useMe();
  const { decision } = detail;
  const original = JSON.stringify(detail.params, null, 2);
  const [text, setText, forgetText] = useDraft(`edit ${decision.decision_id}`, original);
  const [reason, setReason, forgetReason] = useDraft(`edit why ${decision.decision_id}`);
  const onClose = () => {
    forgetText();
    forgetReason();
    close();
  };
  const navigate = useNavigate();
  const read = readParameters(text);
  const params = typeof read === "string" ? null : read;
  const changed = params !== null && JSON.stringify(params) !== JSON.stringify(detail.params);
  const edit = useCommand({
    run: (wanted: Wanted, key) => carryOut(me.id, detail, wanted, key),
    touches: [["decisions"], ["decision", decision.decision_id]],
    done: ({ but, approved }) =>
      approved
        ? "Edited, and your approval counts"
        : but
          ? `Edited, not approved. ${but}`
          : "Edited: this is decided now, on the new parameters",
    onDone: ({ out }) => {
      onClose();
      void navigate({ to: `/inbox/${out.decision_id}`, replace: true });
    },
    onProblem: () => true,
  });
  const refused = edit.error;
  const atFields = refused ? fieldErrors(refused) : {};
  const atParameters = Object.entries(atFields)
    .filter(([field]) => field.split(".")[0] === "params")
    .map(([field, said]) => (field === "params" ? said : `${field.slice("params.".length)}: ${said}`));
  const elsewhere = refused && !atFields.reason && !atParameters.length;
  const go = (approve: boolean) => {
    if (params && changed && !edit.isPending) edit.mutate({ params, reason: reason.trim(), approve });
  };
  return (
    <Modal opened onClose={onClose} title="Give it other parameters" size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go(false);
        }}
      >
        <Textarea
          label="Parameters"
          description="All of them, as they shall be. The gate judges them like a request; votes from before do not count."
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={typeof read === "string" ? read : atParameters.join(" ") || undefined}
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
          error={atFields.reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {elsewhere && (
          <Alert mt="sm" color="bad" title="Not changed">
            {refused.detail} {refused.code === OWN_SIGN_IN && <OwnSignIn />}
          </Alert>
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" variant="default" disabled={!changed} loading={edit.isPending}>
            Edit
          </Button>
          <Button color="good" disabled={!changed} loading={edit.isPending} onClick={() => go(true)}>
            Edit and approve
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
