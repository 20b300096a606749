/** Filters live in the URL, so that a view can be linked to, saved and gone back to. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export type Filters = Record<string, string>;

/** The filters in the URL, and how to change some of them: empty removes one. */
export function useFilters(): [Filters, (change: Filters) => void] {
  const search: Filters = useSearch({ strict: false });
  const navigate = useNavigate();
  const change = useCallback(
    (wanted: Filters) => {
      void navigate({
        to: ".",
        search: (before: Filters) =>
          Object.fromEntries(Object.entries({ ...before, ...wanted }).filter(([, value]) => value !== "")),
        replace: true,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [search, change];
}
