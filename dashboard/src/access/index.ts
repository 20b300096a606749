import type { Page } from "../app/page";

export const page: Page = {
  name: "Access",
  path: "/access",
  icon: "access",
  key: "x",
  about: "people, roles, tokens, sessions, how you sign in",
  routes: [
    { path: "/access", load: () => import("./AccessPage") },
    { path: "/access/people/$person", load: () => import("./PersonPage") },
  ],
};
