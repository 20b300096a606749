/** The time zone people read times in: the browser's, or UTC; kept in this browser. */
import { useLocalStorage } from "@mantine/hooks";
import { createContext, type ReactNode, useContext } from "react";

interface Zone {
  zone: string;
  setZone: (zone: string) => void;
}

const ZoneContext = createContext<Zone>({ zone: "UTC", setZone: () => undefined });

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function ZoneProvider({ children }: { children: ReactNode }) {
  const [zone, setZone] = useLocalStorage({
    key: "watchfloor-zone",
    defaultValue: browserZone(),
    getInitialValueInEffect: false,
  });
  return <ZoneContext value={{ zone, setZone }}>{children}</ZoneContext>;
}

export function useZone(): Zone {
  return useContext(ZoneContext);
}
