// Continue tokens of chunked lists: where the next page starts and at which revision.
// Follows apiserver pkg/storage/continue.go of v1.36.

import { isUtf8 } from 'node:buffer';
import { badRequest } from '../../api/meta/errors.ts';
import { jsonKind } from '../../api/schema/decode-scalars.ts';
import { JsonSyntaxError, parseJsonStrict } from '../../api/schema/json.ts';

/** `revision` is -1 for a page that takes the newest state (an inconsistent continuation). */
export interface ContinueToken {
  revision: number;
  /** First key wanted. */
  startKey: string;
}

/** `prefix` is the list's; the token carries the rest of the key. */
export function encodeContinue(token: ContinueToken, prefix: string): string {
  const json = JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: token.startKey.slice(prefix.length) });
  return Buffer.from(json).toString('base64url');
}

const invalidKey = 'continue key is not valid';

/** Throws 400 when it is no token of ours. */
export function decodeContinue(text: string, prefix: string): ContinueToken {
  const token = parseToken(text);
  if (!('v' in token) || token.v !== 'meta.k8s.io/v1')
    throw refusal(
      `${invalidKey}: server does not recognize this encoded version ${'v' in token ? String(token.v) : ''}`,
    );
  const revision = 'rv' in token && typeof token.rv === 'number' ? token.rv : 0;
  if (!Number.isSafeInteger(revision) || revision === 0)
    throw refusal(`${invalidKey}: incorrect encoded start resourceVersion (version meta.k8s.io/v1)`);
  const start = 'start' in token && typeof token.start === 'string' ? token.start : '';
  if (start === '') throw refusal(`${invalidKey}: encoded start key empty (version meta.k8s.io/v1)`);
  const key = start.startsWith('/') ? start.slice(1) : start;
  // The key must stay below the list's own prefix.
  if (key.split('/').some((part) => part === '..' || part === '.' || part === ''))
    throw refusal(`${invalidKey}: ${start}`);
  return { revision, startKey: prefix + key };
}

function parseToken(text: string): object {
  if (!/^[\w-]*$/.test(text))
    throw refusal(`${invalidKey}: illegal base64 data at input byte ${text.search(/[^\w-]/)}`);
  const bytes = Buffer.from(text, 'base64url');
  // What is no UTF-8 is told of by its bytes.
  const json = isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
  try {
    const { value } = parseJsonStrict(json);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw refusal(`${invalidKey}: ${error.message}`);
    throw error;
  }
  throw refusal(
    `${invalidKey}: json: cannot unmarshal ${jsonKind(JSON.parse(json))} into Go value of type storage.continueToken`,
  );
}

const refusal = (why: string): Error => badRequest(`invalid continue token: ${why}`);
