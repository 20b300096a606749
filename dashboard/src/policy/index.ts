import type { Page } from "../app/page";

export const page: Page = {
  name: "Trust & policy",
  path: "/policy",
  icon: "policy",
  key: "p",
  about: "what runs by itself, who has to agree, what never runs; kill switches",
  routes: [
    { path: "/policy", load: () => import("./PolicyPage") },
    { path: "/policy/edit", load: () => import("../trust/EditPage") },
    { path: "/policy/versions", load: () => import("../trust/VersionsPage") },
    { path: "/policy/versions/$version", load: () => import("../trust/VersionPage") },
    { path: "/policy/shadows", load: () => import("../trust/ShadowsPage") },
    { path: "/policy/shadows/$shadow", load: () => import("../trust/ShadowPage") },
    { path: "/policy/on-call", load: () => import("../trust/OnCallPage") },
    { path: "/policy/standing", load: () => import("../trust/StandingPage") },
    { path: "/policy/stops", load: () => import("./StopsPage") },
  ],
};
