/**
 * The bar that decides: a key or a button asks, Enter or a second press answers. Between the two stands the comment.
 */
import { Button, Textarea } from "@mantine/core";
import { useWindowEvent } from "@mantine/hooks";
import { useLayoutEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { isBusy } from "../app/Keys";
import { Icon } from "../parts/Icon";
import { useDraft } from "../parts/drafts";
import { Name } from "../parts/Words";
import styles from "./decision.module.css";
import { EditParameters, isEditable } from "./EditParameters";
import { OwnSignIn } from "../parts/OwnSignIn";
import { OWN_SIGN_IN } from "../parts/toasts";
import { Force } from "./Force";
import type { DecisionDetail } from "./queries";
import { type Say, useVote } from "./voting";

interface VoteBarProps {
  detail: DecisionDetail;
  position: number;
  count: number;
  onDone: () => void;
}

export function VoteBar({ detail, position, count, onDone }: VoteBarProps) {
  const { decision } = detail;
  const [asking, setAsking] = useState<Say | null>(null);
  const [editing, setEditing] = useState(false);
  const [comment, setComment, forgetComment] = useDraft(`comment ${decision.decision_id}`);
  const vote = useVote((ballot) => {
    setAsking(null);
    forgetComment();
    if (ballot.decision) onDone();
  });
  const confirm = () => {
    if (asking === null || vote.isPending) return;
    vote.mutate({
      decision: decision.decision_id,
      digest: decision.digest,
      say: asking,
      comment: comment.trim(),
    });
  };
  useWindowEvent("keydown", (event) => {
    if (isBusy(event) || !detail.may_vote || event.repeat) return;
    if (event.key === "e" && isEditable(detail)) {
      event.preventDefault();
      setEditing(true);
    }
    if (event.key === "a" || event.key === "d") {
      event.preventDefault();
      // at once, so that an Enter that follows quickly finds its button
      flushSync(() => setAsking(event.key === "a" ? "approve" : "deny"));
    }
  });
  if (!detail.may_vote) {
    return (
      <div className={styles.voteBar}>
        <span className={styles.obstacle}>
          <Icon name="eye" size={16} />
          <span>
            {detail.obstacle || "You cannot vote on this."}{" "}
            {detail.obstacle_code === OWN_SIGN_IN && <OwnSignIn />}
          </span>
        </span>
        <ForceButton detail={detail} />
        {count > 1 && (
          <Button variant="default" onClick={onDone}>
            Next
          </Button>
        )}
      </div>
    );
  }
  if (asking) {
    return (
      <Asking
        say={asking}
        detail={detail}
        comment={comment}
        busy={vote.isPending}
        onComment={setComment}
        onConfirm={confirm}
        onCancel={() => setAsking(null)}
      />
    );
  }
  return (
    <div className={styles.voteBar} role="group" aria-label="Your vote">
      <Button color="good" leftSection={<Icon name="check" size={16} />} onClick={() => setAsking("approve")}>
        Approve <kbd className={styles.key}>a</kbd>
      </Button>
      <Button
        variant="outline"
        color="bad"
        leftSection={<Icon name="cross" size={16} />}
        onClick={() => setAsking("deny")}
      >
        Deny <kbd className={styles.key}>d</kbd>
      </Button>
      {isEditable(detail) && (
        <Button
          variant="default"
          leftSection={<Icon name="edit" size={16} />}
          onClick={() => setEditing(true)}
        >
          Edit <kbd className={styles.key}>e</kbd>
        </Button>
      )}
      <ForceButton detail={detail} />
      {editing && <EditParameters detail={detail} onClose={() => setEditing(false)} />}
      {position > 0 && (
        <span className={styles.place}>
          {position} of {count}
        </span>
      )}
    </div>
  );
}

/** For directors and admins who stand far enough from it: the rule says who, the server tells. */
function ForceButton({ detail }: { detail: DecisionDetail }) {
  const [asking, setAsking] = useState(false);
  if (!detail.may_force) return null;
  return (
    <>
      <Button variant="subtle" color="bad" onClick={() => setAsking(true)}>
        Force…
      </Button>
      {asking && <Force detail={detail} onClose={() => setAsking(false)} />}
    </>
  );
}

interface AskingProps {
  say: Say;
  detail: DecisionDetail;
  comment: string;
  busy: boolean;
  onComment: (comment: string) => void;
  onConfirm: () => void;
  onCancel: () => void;
}

/** Enter on the focused button confirms; Escape goes back. */
function Asking({ say, detail, comment, busy, onComment, onConfirm, onCancel }: AskingProps) {
  const button = useRef<HTMLButtonElement>(null);
  const { decision } = detail;
  useLayoutEffect(() => button.current?.focus(), [say]);
  useWindowEvent("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      onCancel();
    }
  });
  const approve = say === "approve";
  return (
    <div
      className={styles.voteBar}
      data-asking={say}
      role="group"
      aria-label={approve ? "Approve?" : "Deny?"}
    >
      <div className={styles.question}>
        {approve ? "Approve" : "Deny"} <Name text={decision.type} /> of <Name text={decision.agent_name} />?
        {approve && decision.risk >= 75 && <span className={styles.careful}> Its risk is critical.</span>}
      </div>
      <Textarea
        className={styles.comment}
        size="sm"
        autosize
        minRows={1}
        maxRows={4}
        maxLength={4_000}
        aria-label="Comment, optional"
        placeholder={approve ? "Comment, if you like" : "Why not? The agent is told."}
        value={comment}
        onChange={(event) => onComment(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) onConfirm();
        }}
      />
      <Button ref={button} color={approve ? "good" : "bad"} loading={busy} onClick={onConfirm}>
        {approve ? "Approve" : "Deny"} <kbd className={styles.key}>↵</kbd>
      </Button>
      <Button variant="default" onClick={onCancel}>
        Not yet
      </Button>
    </div>
  );
}
