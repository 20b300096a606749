import type { Page } from "../app/page";

export const page: Page = {
  name: "Inbox",
  path: "/inbox",
  icon: "inbox",
  key: "i",
  about: "decisions that wait for people, the least time left first",
  routes: [
    { path: "/inbox", load: () => import("./InboxPage") },
    { path: "/inbox/$decision", load: () => import("./InboxPage") },
  ],
};
