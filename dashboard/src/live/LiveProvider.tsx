/** One stream per page: tells the connection's state, keeps queries fresh, hands events to whoever listens. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { signInAddress } from "../api/client";
import { Refresher } from "./refresher";
import { type Connection, type LiveEvent, Stream } from "./stream";
import { touched } from "./touched";

type Watcher = (batch: LiveEvent[]) => void;

interface Live {
  connection: Connection;
  watch: (watcher: Watcher) => () => void;
}

const LiveContext = createContext<Live>({ connection: "connecting", watch: () => () => undefined });

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [connection, setConnection] = useState<Connection>("connecting");
  const watchers = useRef(new Set<Watcher>());
  useEffect(() => {
    const refresher = new Refresher(client);
    const stream = new Stream({
      events(batch) {
        refresher.touch(touched(batch));
        for (const watcher of watchers.current) watcher(batch);
      },
      resync: () => void client.invalidateQueries(),
      connection(state) {
        setConnection(state);
        if (state === "over") window.location.assign(signInAddress());
      },
    });
    return () => stream.stop();
  }, [client]);
  const [watch] = useState(() => (watcher: Watcher) => {
    watchers.current.add(watcher);
    return () => void watchers.current.delete(watcher);
  });
  return <LiveContext value={{ connection, watch }}>{children}</LiveContext>;
}

export function useConnection(): Connection {
  return useContext(LiveContext).connection;
}

/** Calls back with every batch of events while the component is mounted. */
export function useEvents(watcher: Watcher): void {
  const { watch } = useContext(LiveContext);
  const latest = useRef(watcher);
  latest.current = watcher;
  useEffect(() => watch((batch) => latest.current(batch)), [watch]);
}
