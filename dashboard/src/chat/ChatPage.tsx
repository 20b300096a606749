/** Chats with agents: the list, the conversation, search, a message made into a task. */
import { Button, Modal, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Page } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./chat.module.css";
import { Conversation } from "./Conversation";
import { agentsToTalkTo, type Chat, chatsQuery, foundQuery } from "./queries";

export default function ChatPage() {
  const { chat } = useParams({ strict: false });
  const [opening, setOpening] = useState(false);
  return (
    <Page
      title="Chat"
      lead="Talk with agents. Everything that is said is kept, and what an agent says is never an instruction."
      actions={
        <Allowed role="operator">
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setOpening(true)}>
            New chat
          </Button>
        </Allowed>
      }
    >
      <div className={styles.split} data-open={chat ? "" : undefined}>
        <Chats chosen={chat ?? ""} />
        <div className={styles.main}>
          {chat ? (
            <Conversation key={chat} chat={chat} />
          ) : (
            <Empty title="Choose a chat" icon="chat">
              Or begin a new one with any agent that is connected.
            </Empty>
          )}
        </div>
      </div>
      <NewChat open={opening} onClose={() => setOpening(false)} />
    </Page>
  );
}

function Chats({ chosen }: { chosen: string }) {
  const [words, setWords] = useState("");
  const [wanted] = useDebouncedValue(words.trim(), 250);
  const list = useInfiniteQuery(chatsQuery);
  const found = useQuery(foundQuery(wanted));
  return (
    <aside className={styles.side} aria-label="Chats">
      <div className={styles.search}>
        <TextInput
          size="xs"
          aria-label="Search what was said"
          placeholder="Search what was said"
          data-search
          leftSection={<Icon name="search" size={14} />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      </div>
      {wanted.length >= 2 ? (
        <Answer of={found} what="messages">
          {({ items }) =>
            items.length ? (
              <ul className={styles.chats}>
                {items.map((one) => (
                  <li key={one.message.seq}>
                    <Go to={`/chat/${one.chat_id}`} className={styles.chat}>
                      <Name text={one.message.text ?? "erased"} charsMax={90} />
                      <small>
                        <Name text={one.message.author.name} /> · <Time at={one.message.at} ago />
                      </small>
                    </Go>
                  </li>
                ))}
              </ul>
            ) : (
              <p className={styles.note}>Nobody said that.</p>
            )
          }
        </Answer>
      ) : (
        <Answer of={list} what="chats">
          {(data) => {
            const chats = data.pages.flatMap((page) => page.items);
            return chats.length ? (
              <ul className={styles.chats}>
                {chats.map((one) => (
                  <li key={one.chat_id}>
                    <OneChat of={one} chosen={one.chat_id === chosen} />
                  </li>
                ))}
                {list.hasNextPage && (
                  <li>
                    <Button variant="subtle" size="xs" onClick={() => void list.fetchNextPage()}>
                      Older chats
                    </Button>
                  </li>
                )}
              </ul>
            ) : (
              <p className={styles.note}>No chats yet.</p>
            );
          }}
        </Answer>
      )}
    </aside>
  );
}

function OneChat({ of, chosen }: { of: Chat; chosen: boolean }) {
  return (
    <Go
      to={`/chat/${of.chat_id}`}
      className={chosen ? `${styles.chat} ${styles.chosen}` : (styles.chat ?? "")}
    >
      <span>
        <Name text={of.title || of.agent_name} charsMax={60} /> {of.closed_at > 0 && <Badge>closed</Badge>}
      </span>
      <small>
        <Name text={of.agent_name} /> · {of.messages} messages · <Time at={of.changed_at} ago />
      </small>
    </Go>
  );
}

function NewChat({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [agent, setAgent] = useState<string | null>(null);
  const [title, setTitle] = useState("");
  const navigate = useNavigate();
  const { data } = useQuery({ ...agentsToTalkTo, enabled: open });
  const begin = useCommand({
    run: (input: { agent_id: string; title: string }, key) =>
      ask(api.POST("/api/v1/chat/sessions", { params: { header: { "Idempotency-Key": key } }, body: input })),
    touches: [["chats"]],
    onDone: (out) => {
      onClose();
      setTitle("");
      void navigate({ to: `/chat/${out.chat_id}` });
    },
  });
  return (
    <Modal opened={open} onClose={onClose} title="New chat">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (agent) begin.mutate({ agent_id: agent, title: title.trim() });
        }}
      >
        <Select
          label="Agent"
          withAsterisk
          searchable
          data-autofocus
          data={(data?.items ?? [])
            .filter((one) => one.state !== "retired")
            .map((one) => ({ value: one.agent_id, label: `${one.name} (${one.state})` }))}
          value={agent}
          onChange={setAgent}
        />
        <TextInput
          mt="sm"
          label="Title"
          maxLength={128}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Button mt="lg" type="submit" fullWidth disabled={!agent} loading={begin.isPending}>
          Begin
        </Button>
      </form>
    </Modal>
  );
}
