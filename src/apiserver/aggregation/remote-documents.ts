// What extension servers say of themselves: discovery and OpenAPI of their group versions, kept and asked for again.
// Follows kube-aggregator pkg/apiserver/handler_discovery.go and pkg/controllers/openapi{,v3} of v1.36.

import type { JsonObject } from '../../api/meta/types.ts';
import type { KubeletAnswer } from '../subresources/kubelet-connector.ts';
import type { RemoteApi } from './remote-apis.ts';

/** More than any document of one server can need. */
const maxDocumentBytes = 16 * 1024 * 1024;

/** What one group version's server said last. */
export interface RemoteDocuments {
  /** An APIResourceList. */
  resources: readonly JsonObject[];
  /** Whether the server could be asked the last time. */
  isCurrent: boolean;
  /** Where the document of OpenAPI v3 is, with what changes when it does; undefined where the server has none. */
  openApiV3: string | undefined;
  /** The whole document of OpenAPI v2; undefined where the server has none. */
  openApiV2: JsonObject | undefined;
}

/** GET of a path on an extension server, in this server's own name. */
export type Fetch = (path: string, accept: string) => Promise<KubeletAnswer>;

async function textOf(answer: KubeletAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxDocumentBytes) throw new Error(`the document is larger than ${maxDocumentBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object at a path; undefined where the server has none that can be read. */
async function objectAt(fetch: Fetch, path: string): Promise<JsonObject | undefined> {
  const answer = await fetch(path, 'application/json');
  const text = await textOf(answer);
  if (answer.status !== 200) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const groupVersionRoot = ({ group, version }: Pick<RemoteApi, 'group' | 'version'>): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

/** Asks for all of it. Rejects where the server cannot be reached or does not serve the group version. */
export async function fetchDocuments(remote: RemoteApi, fetch: Fetch): Promise<RemoteDocuments> {
  const root = groupVersionRoot(remote);
  const list = await objectAt(fetch, root);
  if (list === undefined) throw new Error(`no discovery at ${root}`);
  const resources = Array.isArray(list['resources']) ? list['resources'].filter(isObject) : [];
  const index = await objectAt(fetch, '/openapi/v3');
  const entry = isObject(index?.['paths']) ? index['paths'][root.slice(1)] : undefined;
  const address = isObject(entry) ? entry['serverRelativeURL'] : undefined;
  return {
    resources: resources.filter(({ name }) => typeof name === 'string'),
    isCurrent: true,
    openApiV3: typeof address === 'string' ? address : undefined,
    openApiV2: await objectAt(fetch, '/openapi/v2'),
  };
}
