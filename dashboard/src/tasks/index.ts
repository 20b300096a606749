import type { Page } from "../app/page";

export const page: Page = {
  name: "Tasks",
  path: "/tasks",
  icon: "tasks",
  key: "t",
  about: "what waits, what runs, what failed; the dead letter",
  routes: [
    { path: "/tasks", load: () => import("./TasksPage") },
    { path: "/tasks/$task", load: () => import("./TaskPage") },
  ],
};
