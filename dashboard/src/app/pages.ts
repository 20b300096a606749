/** Every page, in the order of the navigation (spec 7). One folder and one line each. */
import { page as access } from "../access";
import { page as agents } from "../agents";
import { page as alerts } from "../alerts";
import { page as audit } from "../audit";
import { page as chat } from "../chat";
import { page as data } from "../data";
import { actions, page as decisions } from "../decisions";
import { page as inbox } from "../inbox";
import { page as operations } from "../operations";
import { page as policy } from "../policy";
import { page as situation } from "../situation";
import { page as tasks } from "../tasks";
import type { Page } from "./page";

export const pages: readonly Page[] = [
  situation,
  inbox,
  agents,
  tasks,
  decisions,
  actions,
  policy,
  alerts,
  audit,
  data,
  operations,
  access,
  chat,
  // workflows: reserved for their own issue, after tasks
];
