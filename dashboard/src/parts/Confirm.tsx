/** Asks before something is done that matters; focus on the button, Enter does it, Escape does not. */
import { Button, Group, Modal, Textarea } from "@mantine/core";
import { type ReactNode, useState } from "react";

export interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children?: ReactNode;
  /** The button's words: an imperative. */
  action: string;
  danger?: boolean;
  /** Ask for a reason, recorded for ever. `needed`: at least one character. */
  reason?: "none" | "offered" | "needed";
  busy?: boolean;
  onConfirm: (reason: string) => void;
}

export function Confirm(props: ConfirmProps) {
  const { open, onClose, title, children, action, danger = false, reason = "none", busy = false } = props;
  const [text, setText] = useState("");
  const missing = reason === "needed" && !text.trim();
  const done = () => {
    if (missing || busy) return;
    props.onConfirm(text.trim());
    setText("");
  };
  return (
    <Modal opened={open} onClose={onClose} title={title} size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          done();
        }}
      >
        {children}
        {reason !== "none" && (
          <Textarea
            mt="sm"
            label="Reason"
            description="Recorded for ever; name no secrets."
            withAsterisk={reason === "needed"}
            data-autofocus
            autosize
            minRows={2}
            maxLength={500}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) done();
            }}
          />
        )}
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            color={danger ? "bad" : undefined}
            loading={busy}
            disabled={missing}
            data-autofocus={reason === "none" ? true : undefined}
          >
            {action}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
