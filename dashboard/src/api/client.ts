/** The typed client: one instance, session cookie, form token on every change, refusals as `Problem`. */
import createClient from "openapi-fetch";
import { problemOf, unanswered } from "./problem";
import type { components, paths } from "./schema.gen";

export type Wire = components["schemas"];

let formToken = "";

/** `GET /api/v1/me` tells the token that changes of this session carry (src/app/me.tsx). */
export function setFormToken(token: string): void {
  formToken = token;
}

/** Where people sign in, coming back to where they are. */
export function signInAddress(): string {
  const here = window.location.pathname + window.location.search;
  return `/sign-in?next=${encodeURIComponent(here)}`;
}

export const api = createClient<paths>({
  baseUrl: "",
  credentials: "same-origin",
  fetch: async (request: Request) => {
    try {
      return await globalThis.fetch(request);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw unanswered();
    }
  },
});

api.use({
  onRequest({ request }) {
    if (request.method !== "GET" && formToken) request.headers.set("X-CSRF-Token", formToken);
    return request;
  },
});

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer, or a thrown `Problem`. `await ask(api.GET("/api/v1/agents", {...}))`. */
export async function ask<T>(asked: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  throw problemOf(response.status, error);
}

/** A key that makes repeating one intention safe (docs/http.md, *Commands*). */
export function intention(): string {
  return crypto.randomUUID();
}
