import type { Page } from "../app/page";

export const page: Page = {
  name: "Alerts",
  path: "/alerts",
  icon: "alerts",
  key: "w",
  about: "alerts and anomalies: what is wrong, what shows it, who looks after it",
  routes: [
    { path: "/alerts", load: () => import("./AlertsPage") },
    { path: "/alerts/$alert", load: () => import("./AlertPage") },
    { path: "/alerts/anomalies/$anomaly", load: () => import("./AnomalyPage") },
  ],
};
