/** ⌘K: pages, agents, tasks, decisions, actions and what can be done. Reads nothing before it is opened. */
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "../api/client";
import { pageOf } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { plain } from "../parts/odd";
import { openKeys } from "./Keys";
import type { Page } from "./page";

const PUBLIC_ID = /^(agt|tsk|dec|act|ano|cht|per)_[0-9a-z]{4,24}$/;

export function Palette({ pages }: { pages: readonly Page[] }) {
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const go = (to: string) => () => void navigate({ to });
  const enabled = open;
  const agents = useQuery({
    queryKey: ["agents", "palette"],
    queryFn: () => ask(api.GET("/api/v1/agents", { params: { query: { limit: 200 } } })),
    enabled,
  });
  const tasks = useQuery({
    queryKey: ["tasks", "palette"],
    queryFn: () => ask(api.GET("/api/v1/tasks", { params: { query: { limit: 100 } } })),
    enabled,
  });
  const decisions = useQuery({
    queryKey: ["decisions", "palette"],
    queryFn: () =>
      ask(api.GET("/api/v1/decisions", { params: { query: { status: "pending", limit: 100 } } })),
    enabled,
  });
  const groups: (SpotlightActionGroupData | SpotlightActionData)[] = [
    {
      group: "Pages",
      actions: pages.map((page) => ({
        id: page.path,
        label: page.name,
        description: page.about,
        leftSection: <Icon name={page.icon} />,
        onClick: go(page.path),
      })),
    },
    {
      group: "Decisions",
      actions: (decisions.data?.items ?? []).map((one) => ({
        id: one.decision_id,
        label: plain(one.type),
        description: `waits for ${one.role} · ${one.decision_id}`,
        leftSection: <Icon name="inbox" />,
        onClick: go(`/inbox/${one.decision_id}`),
      })),
    },
    {
      group: "Agents",
      actions: (agents.data?.items ?? []).map((one) => ({
        id: one.agent_id,
        label: plain(one.name),
        description: `${one.state} · ${one.structured_id} · ${one.agent_id}`,
        leftSection: <Icon name="agents" />,
        onClick: go(`/agents/${one.agent_id}`),
      })),
    },
    {
      group: "Tasks",
      actions: (tasks.data?.items ?? []).map((one) => ({
        id: one.task_id,
        label: plain(one.title || one.task_id),
        description: `${one.status} · ${one.task_id}`,
        leftSection: <Icon name="tasks" />,
        onClick: go(`/tasks/${one.task_id}`),
      })),
    },
    {
      group: "Do",
      actions: [
        { id: "keys", label: "Show the keys", leftSection: <Icon name="question" />, onClick: openKeys },
        {
          id: "stop",
          label: "Stop something now",
          description: "kill switches",
          leftSection: <Icon name="stop" />,
          onClick: go("/policy/stops"),
        },
      ],
    },
  ];
  const id = query.trim();
  if (PUBLIC_ID.test(id) && pageOf(id)) {
    groups.unshift({ id, label: `Open ${id}`, leftSection: <Icon name="link" />, onClick: go(pageOf(id)) });
  }
  return (
    <Spotlight
      actions={groups}
      shortcut={["mod + K"]}
      query={query}
      onQueryChange={setQuery}
      onSpotlightOpen={() => setOpen(true)}
      onSpotlightClose={() => setOpen(false)}
      limit={9}
      scrollable
      maxHeight={420}
      highlightQuery
      nothingFound="Nothing of that name"
      searchProps={{
        placeholder: "Page, agent, task, decision, or an id",
        leftSection: <Icon name="search" />,
      }}
    />
  );
}
