/** What a folder tells the shell about its page: one entry of `src/app/pages.ts`. */
import type { ComponentType } from "react";
import type { IconName } from "../parts/Icon";
import type { Role } from "./me";

export interface PageRoute {
  /** Below `/floor`, with `$name` for parameters: `/agents/$agent`. */
  path: string;
  /** Loaded when somebody goes there: `() => import("./AgentsPage")`, which has the component as default export. */
  load: () => Promise<{ default: ComponentType }>;
}

export interface Page {
  name: string;
  /** Of the first route; where the navigation leads. */
  path: string;
  icon: IconName;
  /** The second key of `g …`. */
  key: string;
  /** One line for the palette. */
  about: string;
  /** Shown only to people with this role. */
  role?: Role;
  /** Belongs to the page before it: the palette and the keys lead there, the navigation has no entry of its own. */
  within?: boolean;
  routes: readonly PageRoute[];
}
