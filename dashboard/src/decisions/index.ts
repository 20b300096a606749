import type { Page } from "../app/page";

export const page: Page = {
  name: "Decisions",
  path: "/decisions",
  icon: "decisions",
  key: "v",
  about: "what people decided, how fast, and how much runs without them",
  routes: [
    { path: "/decisions", load: () => import("./DecisionsPage") },
    { path: "/decisions/analytics", load: () => import("./AnalyticsPage") },
  ],
};

export const actions: Page = {
  name: "Actions",
  path: "/decisions/actions",
  icon: "decisions",
  key: "n",
  about: "everything agents asked to do: automatic, by people, denied",
  within: true,
  routes: [
    { path: "/decisions/actions", load: () => import("./ActionsPage") },
    { path: "/decisions/actions/$action", load: () => import("./ActionPage") },
  ],
};
