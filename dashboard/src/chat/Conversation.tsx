/** One chat: what was said, what is being said, and saying something. */
import { ActionIcon, Button, Menu, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Time } from "../parts/Time";
import { Name, Words } from "../parts/Words";
import styles from "./chat.module.css";
import { type Told, useFollowing } from "./following";
import { type Chat, chatQuery, type Message } from "./queries";

export function Conversation({ chat }: { chat: string }) {
  return (
    <Answer of={useQuery(chatQuery(chat))} what="the chat">
      {(detail) => <Open chat={detail.chat} />}
    </Answer>
  );
}

function Open({ chat }: { chat: Chat }) {
  const told = useFollowing(chat.chat_id);
  const closed = chat.closed_at > 0 || told.state === "closed";
  return (
    <>
      <div className={styles.head}>
        <div>
          <h2 className={styles.title}>
            <Name text={chat.title || chat.agent_name} />
          </h2>
          <small>
            with <Go to={`/agents/${chat.agent_id}`}>{chat.agent_name}</Go>
          </small>
        </div>
        {told.state === "lost" && <Badge tone="warn">connection lost, trying again</Badge>}
        {closed ? <Badge>closed</Badge> : <Close chat={chat} />}
      </div>
      <Messages told={told} chat={chat} />
      {!closed && (
        <Allowed role="operator">
          <Say chat={chat} />
        </Allowed>
      )}
    </>
  );
}

function Messages({ told, chat }: { told: Told; chat: Chat }) {
  const end = useRef<HTMLDivElement>(null);
  const last = told.messages.at(-1)?.number ?? 0;
  const writing = [...told.parts.values()].join("").length;
  useEffect(() => {
    void end.current?.scrollIntoView({ block: "end" });
  }, [last, writing]);
  return (
    <div className={styles.messages} role="log" aria-label="Messages" tabIndex={0}>
      {told.messages.length === 0 && told.parts.size === 0 && (
        <p className={styles.note}>Nothing was said yet.</p>
      )}
      {told.messages.map((one) => (
        <Said key={one.number} of={one} chat={chat} />
      ))}
      {[...told.parts].map(([stream, text]) => (
        <article key={stream} className={styles.agent} aria-busy="true">
          <Words text={text} by={chat.agent_name} />
          <small>is writing …</small>
        </article>
      ))}
      <div ref={end} />
    </div>
  );
}

function Said({ of, chat }: { of: Message; chat: Chat }) {
  const mine = of.author.kind === "person";
  const make = useCommand({
    run: (_: null, key) =>
      ask(
        api.POST("/api/v1/chat/sessions/{chat}/messages/{number}/task", {
          params: { path: { chat: chat.chat_id, number: of.number }, header: { "Idempotency-Key": key } },
          body: { title: "", priority: "normal", needs: [], agent_id: "" },
        }),
      ),
    touches: [["tasks"]],
    done: () => "It is a task now",
  });
  return (
    <article className={mine ? styles.person : styles.agent}>
      {of.text === null ? (
        <p className={styles.note}>erased</p>
      ) : mine ? (
        <p className={styles.text}>{of.text}</p>
      ) : (
        <Words text={of.text} by={of.author.name} />
      )}
      <small>
        <Name text={of.author.name} /> · <Time at={of.at} ago />
        {of.task_id ? (
          <>
            {" · "}
            <Go to={`/tasks/${of.task_id}`}>its task</Go>
          </>
        ) : (
          of.text !== null && (
            <Allowed role="operator">
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon
                    size="sm"
                    variant="subtle"
                    color="gray"
                    aria-label={`More about message ${of.number}`}
                  >
                    <Icon name="more" size={14} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => make.mutate(null)}>Make it a task</Menu.Item>
                </Menu.Dropdown>
              </Menu>
            </Allowed>
          )
        )}
      </small>
    </article>
  );
}

function Say({ chat }: { chat: Chat }) {
  const [text, setText] = useState("");
  const say = useCommand({
    run: (said: string, key) =>
      ask(
        api.POST("/api/v1/chat/sessions/{chat}/messages", {
          params: { path: { chat: chat.chat_id }, header: { "Idempotency-Key": key } },
          body: { text: said },
        }),
      ),
    onDone: () => setText(""),
  });
  const send = () => text.trim() && !say.isPending && say.mutate(text);
  return (
    <form
      className={styles.say}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Textarea
        flex={1}
        aria-label="Say something"
        placeholder="Say something. Enter sends, Shift+Enter begins a new line."
        autosize
        minRows={1}
        maxRows={8}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      <ActionIcon type="submit" size={36} aria-label="Send" loading={say.isPending} disabled={!text.trim()}>
        <Icon name="send" size={16} />
      </ActionIcon>
    </form>
  );
}

function Close({ chat }: { chat: Chat }) {
  const [asking, setAsking] = useState(false);
  const close = useCommand({
    run: (reason: string, key) =>
      ask(
        api.POST("/api/v1/chat/sessions/{chat}/close", {
          params: { path: { chat: chat.chat_id }, header: { "Idempotency-Key": key } },
          body: { reason },
        }),
      ),
    touches: [["chat", chat.chat_id], ["chats"]],
    done: () => "Closed",
    onDone: () => setAsking(false),
  });
  return (
    <Allowed role="operator">
      <Button size="xs" variant="default" onClick={() => setAsking(true)}>
        Close
      </Button>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title="Close this chat?"
        action="Close the chat"
        reason="offered"
        busy={close.isPending}
        onConfirm={(reason) => close.mutate(reason)}
      >
        Nothing more can be said in it; everything said stays readable.
      </Confirm>
    </Allowed>
  );
}
