/** Every page, in the order of the navigation. One folder and one line each. */
import { page as agents } from "../agents";
import { page as inbox } from "../inbox";
import type { Page } from "./page";

export const pages: readonly Page[] = [inbox, agents];
