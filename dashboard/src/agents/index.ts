import type { Page } from "../app/page";

export const page: Page = {
  name: "Agents",
  path: "/agents",
  icon: "agents",
  key: "a",
  about: "who is connected, what they do, how far they are trusted",
  routes: [
    { path: "/agents", load: () => import("./AgentsPage") },
    { path: "/agents/$agent", load: () => import("./AgentPage") },
  ],
};
