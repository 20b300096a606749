import type { Page } from "../app/page";

export const page: Page = {
  name: "Chat",
  path: "/chat",
  icon: "chat",
  key: "c",
  about: "talk with agents; their answers as they come",
  routes: [
    { path: "/chat", load: () => import("./ChatPage") },
    { path: "/chat/$chat", load: () => import("./ChatPage") },
  ],
};
