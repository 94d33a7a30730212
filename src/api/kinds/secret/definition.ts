// The Secret kind. Follows pkg/registry/core/secret and pkg/apis/core/v1/defaults.go of v1.36.

import type { Secret } from '../../generated/types.ts';
import { keyPairError } from '../../pki/key-pair.ts';
import type { KindDefinition } from '../../scheme.ts';
import { ageColumn, allVerbs, idle, nameColumn, simpleStrategy, textColumn } from '../common.ts';
import { validateSecret, validateSecretUpdate } from './validate.ts';

/** stringData is written only: it overlays data, base64-encoded. */
function foldStringData(secret: Secret): void {
  if (!secret.stringData) return;
  const data: Record<string, string> = { ...secret.data };
  for (const [key, value] of Object.entries(secret.stringData)) data[key] = encodeBase64(value);
  secret.data = data;
  delete secret.stringData;
}

/** UTF-8 text as standard base64. */
export function encodeBase64(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const textOf = (base64 = ''): string => Buffer.from(base64, 'base64').toString('latin1');

function secretWarnings({ type, data = {} }: Secret, old: Secret | undefined): string[] {
  if (type === 'kubernetes.io/tls') {
    const wrong = keyPairError(textOf(data['tls.crt']), textOf(data['tls.key']));
    return wrong === undefined ? [] : [wrong];
  }
  return type === 'kubernetes.io/service-account-token' && old === undefined && data['token'] === undefined
    ? [idle('type', 'nobody puts a token in; kubectl create token gives one')]
    : [];
}

export const secretKind: KindDefinition<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  singular: 'secret',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.core.v1.Secret',
  defaults(secret) {
    foldStringData(secret);
    secret.type ||= 'Opaque';
  },
  strategy: {
    ...simpleStrategy<Secret>({ namespaced: true, check: validateSecret, checkUpdate: validateSecretUpdate }),
    warnings: secretWarnings,
  },
  selectableFields: (secret) => ({ type: secret.type ?? '' }),
  fieldLabels: ['type'],
  columns: [
    nameColumn,
    textColumn<Secret>('Type', 'What the keys are for.', (secret) => secret.type ?? ''),
    {
      name: 'Data',
      type: 'string',
      description: 'How many keys it holds.',
      priority: 0,
      cell: (object) => Object.keys(object.data ?? {}).length,
    },
    ageColumn,
  ],
};
