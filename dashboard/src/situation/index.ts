import type { Page } from "../app/page";

export const page: Page = {
  name: "Situation",
  path: "/situation",
  icon: "situation",
  key: "s",
  about: "how things stand, what is about to happen, what happened while you were away",
  routes: [{ path: "/situation", load: () => import("./SituationPage") }],
};
