/** Refusals of the server (RFC 9457, docs/http.md), and what the browser itself could not do. */

export interface FieldProblem {
  field: string;
  code: string;
  detail: string;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: FieldProblem[];
  /** May the same request, with the same idempotency key, succeed later? */
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly trace: string;

  constructor(said: {
    status: number;
    code: string;
    detail: string;
    errors?: FieldProblem[];
    retryable?: boolean;
    retry_after_ms?: number | null;
    trace_id?: string;
  }) {
    super(`${said.code}: ${said.detail}`);
    this.name = "Problem";
    this.status = said.status;
    this.code = said.code;
    this.detail = said.detail;
    this.errors = said.errors ?? [];
    this.retryable = said.retryable ?? false;
    this.retryAfterMs = said.retry_after_ms ?? null;
    this.trace = said.trace_id ?? "";
  }

  get forbidden(): boolean {
    return this.status === 403;
  }

  get missing(): boolean {
    return this.status === 404;
  }
}

/** The problem in an answer's body, whatever a proxy on the way made of it. */
export function problemOf(status: number, body: unknown): Problem {
  if (body && typeof body === "object" && "code" in body && "detail" in body) {
    return new Problem(body as ConstructorParameters<typeof Problem>[0]);
  }
  return new Problem({
    status,
    code: "unreadable_answer",
    detail: `The server answered ${status} in a form nobody expected.`,
    retryable: status >= 502,
  });
}

/** The request got no answer: nobody knows whether it arrived. A repeat with its key is safe. */
export function unanswered(): Problem {
  return new Problem({
    status: 0,
    code: "no_answer",
    detail: "The server could not be reached.",
    retryable: true,
  });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem({ status: 0, code: "fault_in_page", detail });
}
