/** The routes, from the table of pages; each is loaded when somebody goes there. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { Loading } from "../parts/states";
import { Missing } from "./Missing";
import { pages } from "./pages";
import { parseSearch, writeSearch } from "./search";
import { Shell } from "./Shell";
import { Fault } from "./Fault";

const root = createRootRoute({ component: Shell, notFoundComponent: Missing });
const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: pages[0]?.path ?? "/inbox" });
  },
});
const routes = pages.flatMap((page) =>
  page.routes.map((route) =>
    createRoute({ getParentRoute: () => root, path: route.path, component: lazyRouteComponent(route.load) }),
  ),
);

export const router = createRouter({
  routeTree: root.addChildren([home, ...routes]),
  basepath: "/floor",
  parseSearch,
  stringifySearch: writeSearch,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingComponent: Loading,
  defaultErrorComponent: Fault,
});
