/** The frame around every page: navigation, palette, keys, connection, time zone, who is signed in. */
import { UnstyledButton } from "@mantine/core";
import { spotlight } from "@mantine/spotlight";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { Suspense, useState } from "react";
import { Lessons } from "../learning/Lessons";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import { Loading } from "../parts/states";
import { Account } from "./Account";
import { ConnectionBanner, ConnectionDot } from "./Connection";
import { Keys } from "./Keys";
import { mayAs, useMe } from "./me";
import { Modes } from "./Modes";
import type { Page } from "./page";
import { Palette } from "./Palette";
import { pages } from "./pages";
import styles from "./Shell.module.css";
import { Waiting } from "./Waiting";

/** On phones these stand at the bottom, the rest behind “More”. */
const BOTTOM = 4;

export function Shell() {
  const me = useMe();
  const [menu, setMenu] = useState(false);
  const shown = pages.filter((page) => !page.role || mayAs(me.roles, page.role));
  const listed = shown.filter((page) => !page.within);
  const here = useRouterState({ select: (state) => state.location.pathname });
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to the content
      </a>
      <aside className={styles.side} data-open={menu || undefined}>
        <Go to="/" className={styles.brand}>
          <Mark /> Watchfloor
        </Go>
        <nav aria-label="Pages" className={styles.nav} onClick={() => setMenu(false)}>
          {listed.map((page) => (
            <NavItem key={page.path} page={page} here={here} />
          ))}
        </nav>
        <div className={styles.foot}>
          <ConnectionDot />
        </div>
      </aside>
      {menu && <div className={styles.veil} onClick={() => setMenu(false)} aria-hidden="true" />}
      <div className={styles.main}>
        <header className={styles.top}>
          <Go to="/" className={styles.mark} title="Watchfloor">
            <Mark />
          </Go>
          <UnstyledButton className={styles.search} onClick={() => spotlight.open()}>
            <Icon name="search" size={16} />
            <span className={styles.searchText}>Search or do something</span>
            <kbd className={styles.kbd}>⌘K</kbd>
          </UnstyledButton>
          <Account />
        </header>
        <ConnectionBanner />
        <Modes />
        <main id="content" className={styles.content} tabIndex={-1}>
          <Suspense fallback={<Loading what="the page" />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <nav aria-label="Main pages" className={styles.bottom}>
        {listed.slice(0, BOTTOM).map((page) => (
          <NavItem key={page.path} page={page} here={here} />
        ))}
        <UnstyledButton className={styles.item} onClick={() => setMenu(!menu)} aria-expanded={menu}>
          <Icon name="menu" />
          <span>More</span>
        </UnstyledButton>
      </nav>
      <Lessons />
      <Palette pages={shown} />
      <Keys pages={shown} />
    </div>
  );
}

function NavItem({ page, here }: { page: Page; here: string }) {
  const active = here === page.path || here.startsWith(`${page.path}/`);
  return (
    <span className={styles.slot} data-active={active || undefined}>
      <Go to={page.path} className={styles.item}>
        <Icon name={page.icon} />
        <span>{page.name}</span>
        {page.path === "/inbox" && <Waiting />}
      </Go>
    </span>
  );
}

function Mark() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#1f5c7a" />
      <path
        d="M6 19c3-7 6-10 10-10s7 3 10 10"
        fill="none"
        stroke="#fff"
        strokeWidth="2.600"
        strokeLinecap="round"
      />
      <circle cx="16" cy="19" r="4" fill="#fff" />
    </svg>
  );
}
