// What a flow of requests is made of.
import type { Request } from './changes.ts';
import type { Json } from './difference.ts';

/** A request, or one that is made of what the same server answered to those before. */
export type Step = Request | ((answers: readonly Json[]) => Request);

export interface Flow {
  name: string;
  steps: readonly Step[];
}

export const merge = { contentType: 'application/merge-patch+json' };
export const strategic = { contentType: 'application/strategic-merge-patch+json' };
export const jsonPatch = { contentType: 'application/json-patch+json' };
export const apply = { contentType: 'application/apply-patch+yaml' };

export function ask(method: string, path: string, body?: Json, more: Partial<Request> = {}): Request {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return { what: `${method} ${path} ${JSON.stringify(body ?? '').slice(0, 150)}`, method, path, ...text, ...more };
}
