/** Talking with the agent beside its page: the chat that is open, or a new one. */
import { Button, CloseButton, Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Conversation } from "../chat/Conversation";
import { Answer } from "../parts/Answer";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Loading } from "../parts/states";
import { Name } from "../parts/Words";
import { openChatQuery } from "./queries";
import styles from "./rooms.module.css";

export function ChatBeside({ agent }: { agent: Wire["AgentItem"] }) {
  const [open, setOpen] = useState(false);
  return (
    <Allowed role="operator">
      <Button variant="default" leftSection={<Icon name="chat" size={16} />} onClick={() => setOpen(true)}>
        Chat
      </Button>
      {/* Its own head: Mantine's would be a second banner of the document. */}
      <Drawer
        opened={open}
        onClose={() => setOpen(false)}
        position="right"
        size="md"
        withCloseButton={false}
        classNames={{ content: styles.drawer, body: styles.beside }}
      >
        <div className={styles.drawerHead}>
          <Drawer.Title>
            Chat with <Name text={agent.name} />
          </Drawer.Title>
          <CloseButton aria-label="Close the chat window" onClick={() => setOpen(false)} />
        </div>
        {open && <Beside agent={agent.agent_id} />}
      </Drawer>
    </Allowed>
  );
}

function Beside({ agent }: { agent: string }) {
  return (
    <Answer of={useQuery({ ...openChatQuery(agent), staleTime: 0 })} what="the chat">
      {({ items }) => {
        const chat = items[0]?.chat_id;
        return chat ? (
          <>
            <Conversation chat={chat} />
            <p className={styles.aside}>
              <Go to={`/chat/${chat}`}>Open it on its own page</Go>
            </p>
          </>
        ) : (
          <Begin agent={agent} />
        );
      }}
    </Answer>
  );
}

/** Nobody talks with it: begin. Once, however often this is drawn. */
function Begin({ agent }: { agent: string }) {
  const { mutate } = useCommand({
    run: (input: { agent_id: string; title: string }, key) =>
      ask(api.POST("/api/v1/chat/sessions", { params: { header: { "Idempotency-Key": key } }, body: input })),
    touches: [["chats"]],
  });
  useEffect(() => mutate({ agent_id: agent, title: "" }), [mutate, agent]);
  return <Loading what="a new chat" />;
}
