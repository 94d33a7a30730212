// Takes who asks from the headers of a proxy that has a certificate of the front-proxy CA.
// Follows apiserver pkg/authentication/request/headerrequest and pkg/controlplane/controller/clusterauthenticationtrust of v1.36.

import type { ConfigMap } from '../../api/generated/types.ts';
import type { UserInfo } from '../request.ts';
import type { HeaderValues } from './header-values.ts';

/** As the --requestheader-* flags have it. */
export interface FrontProxyTrust {
  /** PEM of the CAs whose certificates proxies show. */
  ca: string;
  /** Common names of proxies; any where there is none. */
  allowedNames: readonly string[];
  usernameHeaders: readonly string[];
  /** None where proxies say no uid. */
  uidHeaders?: readonly string[];
  groupHeaders: readonly string[];
  extraHeaderPrefixes: readonly string[];
}

/** What every installer names them. */
export const usualFrontProxyHeaders = {
  usernameHeaders: ['X-Remote-User'],
  groupHeaders: ['X-Remote-Group'],
  extraHeaderPrefixes: ['X-Remote-Extra-'],
} as const;

/** The user that a proxy of that common name speaks for; undefined where it names none, or may not. */
export function frontProxyUser(trust: FrontProxyTrust, proxyName: string, headers: HeaderValues): UserInfo | undefined {
  if (trust.allowedNames.length > 0 && !trust.allowedNames.includes(proxyName)) return undefined;
  const first = (names: readonly string[]): string | undefined =>
    names.map((header) => headers.values(header)[0] ?? '').find((value) => value !== '');
  const name = first(trust.usernameHeaders);
  if (name === undefined) return undefined;
  const uid = first(trust.uidHeaders ?? []);
  const groups = trust.groupHeaders.flatMap((header) => headers.values(header)).filter((group) => group !== '');
  const extra: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const prefix of trust.extraHeaderPrefixes)
    for (const [key, values] of headers.withPrefix(prefix)) (extra[key] ??= []).push(...values);
  return {
    name,
    groups,
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra: { ...extra } }),
  };
}

export const trustConfigMapName = 'extension-apiserver-authentication';

/** The config map in kube-system by which aggregated API servers know whom to trust. */
export function trustConfigMap(clientCa: string, trust: FrontProxyTrust | undefined): ConfigMap {
  const list = (items: readonly string[]): string => JSON.stringify(items);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: trustConfigMapName, namespace: 'kube-system' },
    data: {
      'client-ca-file': clientCa,
      ...(trust === undefined
        ? {}
        : {
            'requestheader-client-ca-file': trust.ca,
            'requestheader-allowed-names': list(trust.allowedNames),
            'requestheader-username-headers': list(trust.usernameHeaders),
            'requestheader-group-headers': list(trust.groupHeaders),
            'requestheader-extra-headers-prefix': list(trust.extraHeaderPrefixes),
            'requestheader-uid-headers': list(trust.uidHeaders ?? []),
          }),
    },
  };
}
