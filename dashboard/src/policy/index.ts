import type { Page } from "../app/page";

export const page: Page = {
  name: "Trust & policy",
  path: "/policy",
  icon: "policy",
  key: "p",
  about: "what runs by itself, who has to agree, what never runs; kill switches",
  routes: [
    { path: "/policy", load: () => import("./PolicyPage") },
    { path: "/policy/edit", load: () => import("./EditPage") },
    { path: "/policy/versions", load: () => import("./VersionsPage") },
    { path: "/policy/versions/$version", load: () => import("./VersionPage") },
    { path: "/policy/shadows", load: () => import("./ShadowsPage") },
    { path: "/policy/shadows/$shadow", load: () => import("./ShadowPage") },
    { path: "/policy/on-call", load: () => import("../councils/OnCallPage") },
    { path: "/policy/standing", load: () => import("../containment/StandingPage") },
    { path: "/policy/bypasses", load: () => import("../containment/BypassesPage") },
    { path: "/policy/stops", load: () => import("../containment/StopsPage") },
  ],
};
