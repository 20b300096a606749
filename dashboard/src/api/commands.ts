/** Changing something: one idempotency key per intention, a toast on refusal, repeat only where that is safe. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { told, toldProblem } from "../parts/toasts";
import { intention } from "./client";
import { asProblem, type Problem } from "./problem";

export interface CommandOptions<In, Out> {
  /** Ask the server; pass `key` as `Idempotency-Key`. */
  run: (input: In, key: string) => Promise<Out>;
  /** Query keys to read again afterwards, besides what the live stream brings. */
  touches?: readonly (readonly unknown[])[];
  /** A sentence for the toast; none: no toast. */
  done?: (out: Out, input: In) => string;
  onDone?: (out: Out, input: In) => void;
  /** Return true when the refusal was dealt with and needs no toast. */
  onProblem?: (problem: Problem, input: In) => boolean;
}

/** A second call with an equal input while the first is under way, or after no answer came, repeats its key. */
export function useCommand<In, Out>(options: CommandOptions<In, Out>) {
  const client = useQueryClient();
  const open = useRef<{ said: string; key: string } | null>(null);
  return useMutation<Out, Problem, In>({
    mutationFn: async (input) => {
      const said = JSON.stringify(input ?? null);
      if (open.current?.said !== said) open.current = { said, key: intention() };
      try {
        const out = await options.run(input, open.current.key);
        open.current = null;
        return out;
      } catch (error) {
        const problem = asProblem(error);
        if (!problem.retryable) open.current = null;
        throw problem;
      }
    },
    retry: (count, problem) =>
      count < 2 && problem.retryable && problem.status !== 0 && problem.status !== 429,
    retryDelay: (_, problem) => problem.retryAfterMs ?? 500,
    onSuccess: (out, input) => {
      for (const key of options.touches ?? []) void client.invalidateQueries({ queryKey: [...key] });
      const sentence = options.done?.(out, input);
      if (sentence) told(sentence);
      options.onDone?.(out, input);
    },
    onError: (problem, input) => {
      if (!options.onProblem?.(problem, input)) toldProblem(problem);
    },
  });
}
