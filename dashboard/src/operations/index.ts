import type { Page } from "../app/page";

export const page: Page = {
  name: "Operations",
  path: "/operations",
  icon: "operations",
  key: "o",
  about: "health of the server, backups, figures, notification channels",
  routes: [{ path: "/operations", load: () => import("./OperationsPage") }],
};
