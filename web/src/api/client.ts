/** The typed way to the server: one function, one error. */

import type { components, paths } from "./schema";

export type Shapes = components["schemas"];

type Path = keyof paths;
type Answer<P extends Path> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

type QueryValue = string | number | boolean | null | undefined;

export interface Request {
  path?: Record<string, string>;
  query?: Record<string, QueryValue>;
  signal?: AbortSignal;
}

/** A refusal of the server in its own words, or the network's. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** The server's `errorType`, or `network` where no answer came. */
    readonly kind: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Trying again may help: nobody answered, or the server is starting or overloaded. */
  get mayPass(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** The address of an endpoint with its parameters filled in. */
export function apiUrl(template: string, { path = {}, query = {} }: Request = {}): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value != null) params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${filled}?${text}` : filled;
}

/** Asks the server; throws `ApiError` for anything but a good answer. */
export async function get<P extends Path>(template: P, request: Request = {}): Promise<Answer<P>> {
  let response: Response;
  try {
    response = await fetch(apiUrl(template, request), {
      headers: { accept: "application/json" },
      signal: request.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is `vario up` still running?", "network", 0);
  }
  if (response.ok) return (await response.json()) as Answer<P>;
  throw await readError(response);
}

async function readError(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as Partial<Shapes["ErrorBody"]>;
    if (body.error) return new ApiError(body.error, body.errorType ?? "internal", response.status);
  } catch {
    // No JSON: a proxy in between answered.
  }
  const message = `The server answered ${response.status} ${response.statusText} without saying why.`;
  return new ApiError(message, "internal", response.status);
}
