/** Filters of a list: a choice, and a search field; both in the URL. */
import { CloseButton, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { useFilters } from "./filters";
import { Icon } from "./Icon";

export function PickFilter({
  name,
  label,
  options,
  width = 150,
}: {
  name: string;
  label: string;
  options: readonly (string | { value: string; label: string })[];
  width?: number;
}) {
  const [filters, change] = useFilters();
  return (
    <Select
      size="xs"
      w={width}
      aria-label={label}
      placeholder={label}
      clearable
      data={options.map((one) =>
        typeof one === "string" ? { value: one, label: one.replaceAll("_", " ") } : one,
      )}
      value={filters[name] ?? null}
      onChange={(value) => change({ [name]: value ?? "" })}
    />
  );
}

export function SearchFilter({ name = "q", label = "Search" }: { name?: string; label?: string }) {
  const [filters, change] = useFilters();
  const inUrl = filters[name] ?? "";
  const [text, setText] = useState(inUrl);
  const write = useDebouncedCallback((value: string) => change({ [name]: value }), 200);
  useEffect(() => setText(inUrl), [inUrl]);
  return (
    <TextInput
      size="xs"
      w={190}
      aria-label={label}
      placeholder={label}
      data-search
      leftSection={<Icon name="search" size={14} />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        write(event.currentTarget.value);
      }}
      rightSection={
        text ? <CloseButton size="xs" aria-label="Clear" onClick={() => change({ [name]: "" })} /> : null
      }
    />
  );
}
