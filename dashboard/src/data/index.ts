import type { Page } from "../app/page";

export const page: Page = {
  name: "Data",
  path: "/data",
  icon: "data",
  key: "d",
  about: "your own SQL over the views, read-only; saved queries",
  routes: [{ path: "/data", load: () => import("./DataPage") }],
};
