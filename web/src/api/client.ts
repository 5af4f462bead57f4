/** The typed way to the server: one function to ask, one to change, one error. */

import type { components, paths } from "./schema";

export type Shapes = components["schemas"];

type Path = keyof paths;
export type Change = "post" | "put" | "delete";

type Operation<P extends Path, M extends "get" | Change> = paths[P] extends Record<M, infer Found> ? Found : never;
type Answer<Op> = Op extends { responses: { 200: { content: { "application/json": infer Body } } } } ? Body : never;
type Body<Op> = Op extends { requestBody: { content: { "application/json": infer Sent } } } ? Sent : undefined;

type QueryValue = string | number | boolean | readonly string[] | null | undefined;

export interface Request {
  path?: Record<string, string>;
  /** A list stands for a parameter that is given several times. */
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
    if (Array.isArray(value)) for (const one of value) params.append(name, one);
    else if (value != null) params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${filled}?${text}` : filled;
}

/** Asks the server; throws `ApiError` for anything but a good answer. */
export function get<P extends Path>(template: P, request: Request = {}): Promise<Answer<Operation<P, "get">>> {
  return fetchJson(apiUrl(template, request), { signal: request.signal ?? null });
}

/** Changes something on the server and returns its answer; throws `ApiError` where it refuses. */
export function change<M extends Change, P extends Path>(
  method: M,
  template: P,
  { body, ...request }: Request & { body?: Body<Operation<P, M>> } = {},
): Promise<Answer<Operation<P, M>>> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetchJson(apiUrl(template, request), { method: method.toUpperCase(), ...sent });
}

/** The JSON answer of any address of the server. */
export async function fetchJson<T>(url: string, init: RequestInit = {}): Promise<T> {
  const headers = { accept: "application/json", ...(init.body ? { "content-type": "application/json" } : {}) };
  return (await (await ask(url, { ...init, headers })).json()) as T;
}

/** The answer of any address of the server as text of a type that it can give. */
export async function fetchText(url: string, accept: string): Promise<string> {
  return (await ask(url, { headers: { accept } })).text();
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. Is `vario up` still running?", "network", 0);
  }
  if (response.ok) return response;
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
