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
