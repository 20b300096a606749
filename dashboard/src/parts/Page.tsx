/** The frame of every page: one heading, what it is about, actions at its right, content. */
import { type ReactNode, useEffect } from "react";
import { Icon } from "./Icon";
import { Go } from "./Go";
import styles from "./Page.module.css";

export function Page({
  title,
  tab,
  lead,
  actions,
  back,
  children,
}: {
  title: ReactNode;
  /** The tab's title where `title` is no plain text. */
  tab?: string;
  lead?: ReactNode;
  actions?: ReactNode;
  back?: { to: string; text: string };
  children: ReactNode;
}) {
  const named = tab ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = named ? `${named} · Watchfloor` : "Watchfloor";
  }, [named]);
  return (
    <div className={styles.page}>
      {back && (
        <Go to={back.to} className={styles.back}>
          <Icon name="left" size={14} /> {back.text}
        </Go>
      )}
      <header className={styles.head}>
        <div className={styles.titles}>
          <h1 className={styles.title}>{title}</h1>
          {lead && <div className={styles.lead}>{lead}</div>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A white sheet with a heading. */
export function Card({
  title,
  aside,
  children,
  flush = false,
}: {
  title?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  /** No padding around the content (tables, lists). */
  flush?: boolean;
}) {
  return (
    <section className={styles.card}>
      {title && (
        <div className={styles.cardHead}>
          <h2 className={styles.cardTitle}>{title}</h2>
          {aside && <div className={styles.cardAside}>{aside}</div>}
        </div>
      )}
      <div className={flush ? styles.flush : styles.cardBody}>{children}</div>
    </section>
  );
}

/** Cards beside each other where there is room: `wide` takes what is left. */
export function Columns({ wide, narrow }: { wide: ReactNode; narrow: ReactNode }) {
  return (
    <div className={styles.columns}>
      <div className={styles.stack}>{wide}</div>
      <div className={styles.stack}>{narrow}</div>
    </div>
  );
}

export function Stack({ children }: { children: ReactNode }) {
  return <div className={styles.stack}>{children}</div>;
}
