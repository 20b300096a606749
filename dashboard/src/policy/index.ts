import type { Page } from "../app/page";

export const page: Page = {
  name: "Trust & policy",
  path: "/policy",
  icon: "policy",
  key: "p",
  about: "what runs by itself, who has to agree, what never runs; kill switches",
  routes: [
    { path: "/policy", load: () => import("./PolicyPage") },
    { path: "/policy/stops", load: () => import("./StopsPage") },
  ],
};
