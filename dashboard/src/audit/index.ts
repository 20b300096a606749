import type { Page } from "../app/page";

export const page: Page = {
  name: "Audit",
  path: "/audit",
  icon: "audit",
  key: "l",
  about: "the ledger: verification in your browser, events, receipts, state as it was, exports",
  routes: [
    { path: "/audit", load: () => import("./AuditPage") },
    { path: "/audit/replay", load: () => import("./ReplayPage") },
    { path: "/audit/events/$seq", load: () => import("./EventPage") },
  ],
};
