// Answers the /openapi paths: documents are built when they are first asked for, and kept as text.
import { createHash } from 'node:crypto';
import type { AnyKind } from '../scheme.ts';
import { type Descriptions, loadDescriptions } from '../schema/load.ts';
import type { Schema } from '../schema/schema.ts';
import { groupVersionPath } from './operations.ts';
import { openApiV2Document } from './v2.ts';
import { openApiV3Document, openApiV3Index } from './v3.ts';

export interface OpenApiAnswer {
  /** JSON text. */
  body: string;
  /** For the ETag header, quoted. */
  etag: string;
  /** A v3 document's hash as the index names it: a request with another `hash` is redirected to this one's address. */
  hash?: string;
}

export interface OpenApiService {
  /**
   * The answer for a path without its query: /openapi/v3, /openapi/v3/api/v1, /openapi/v3/apis/<group>/<version> or /openapi/v2.
   * Undefined where there is none.
   */
  answer(path: string): Promise<OpenApiAnswer | undefined>;
}

const textAnswer = (document: unknown): OpenApiAnswer => {
  const body = JSON.stringify(document);
  return { body, etag: `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"` };
};

/** The service over these kinds. `build` names the program's version, which the hashes of v3 depend on. */
export function openApiService(
  schema: Schema,
  kinds: readonly AnyKind[],
  build: string,
  describe: () => Promise<Descriptions> = loadDescriptions,
): OpenApiService {
  const index = openApiV3Index(kinds, build);
  const kept = new Map<string, Promise<OpenApiAnswer>>();
  const byPath = new Map(kinds.map(({ group, version }) => [groupVersionPath(group, version), { group, version }]));

  async function build3(path: string, group: string, version: string): Promise<OpenApiAnswer> {
    const answer = textAnswer(openApiV3Document(schema, await describe(), kinds, group, version));
    const hash = index.paths[path]?.serverRelativeURL.split('hash=')[1];
    return hash === undefined ? answer : { ...answer, hash };
  }

  function make(path: string): Promise<OpenApiAnswer> | undefined {
    if (path === '/openapi/v3') return Promise.resolve(textAnswer(index));
    if (path === '/openapi/v2') return describe().then((texts) => textAnswer(openApiV2Document(schema, texts, kinds)));
    const name = path.startsWith('/openapi/v3/') ? path.slice('/openapi/v3/'.length) : '';
    const groupVersion = byPath.get(name);
    return groupVersion ? build3(name, groupVersion.group, groupVersion.version) : undefined;
  }

  return {
    async answer(path) {
      let answer = kept.get(path);
      if (!answer) {
        answer = make(path);
        if (answer) kept.set(path, answer);
      }
      return answer;
    },
  };
}
