// Reads an AuthenticationConfiguration: identity providers, and where nobody may come.
// Follows apiserver pkg/apis/apiserver/{types,validation} of v1.36, whose messages these are.

import { X509Certificate } from 'node:crypto';
import { duplicate, type FieldError, FieldPath, invalid, required, tooMany } from '../api/meta/errors.ts';
import { byClaims } from '../apiserver/authn/claims.ts';
import { type OidcIssuer, oidcAlgorithms } from '../apiserver/authn/oidc.ts';
import { type ClaimsCel, readClaimMappings } from './claim-mappings.ts';
import { type Fields, fieldsOf, flagOf, listOf, refuseWith, rootOf, textOf } from './config-fields.ts';

/** A provider, and the PEM of the CAs by which it is known; the system's where there is none. */
export interface ConfiguredIssuer {
  issuer: OidcIssuer;
  ca?: string;
}

export interface AuthenticationConfig {
  issuers: ConfiguredIssuer[];
  /** Absent where the file says nothing. */
  anonymous?: { enabled: boolean; paths?: string[] };
}

const maxIssuers = 64;

/** What is wrong with an issuer's URL: it must be https, without user, query and fragment. */
export function issuerUrlErrors(text: string, path: FieldPath, disallowed: readonly string[] = []): FieldError[] {
  if (text === '') return [required(path)];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const wrong: [boolean, string][] = [
    [disallowed.includes(text), `URL must not overlap with disallowed issuers: [${disallowed.toSorted().join(' ')}]`],
    [url === undefined, 'must be a URL'],
    [url !== undefined && url.protocol !== 'https:', 'URL scheme must be https'],
    [url !== undefined && (url.username !== '' || url.password !== ''), 'URL must not contain a username or password'],
    [url !== undefined && url.search !== '', 'URL must not contain a query'],
    [url !== undefined && url.hash !== '', 'URL must not contain a fragment'],
  ];
  return wrong.filter(([isWrong]) => isWrong).map(([, detail]) => invalid(path, text, detail));
}

function audiencesOf(fields: Fields, path: FieldPath, errors: FieldError[]): string[] {
  const at = path.child('audiences');
  const audiences = listOf(fields['audiences'], at.text).map((one, i) => textOf(one, at.index(i).text) ?? '');
  if (audiences.length === 0) errors.push(required(at, `at least one ${at.text} is required`));
  for (const [i, audience] of audiences.entries()) {
    if (audience === '') errors.push(required(at.index(i)));
    if (audiences.indexOf(audience) < i) errors.push(duplicate(at.index(i), audience));
  }
  const policyAt = path.child('audienceMatchPolicy');
  const policy = textOf(fields['audienceMatchPolicy'], policyAt.text) ?? '';
  if (audiences.length > 1 && policy !== 'MatchAny')
    errors.push(invalid(policyAt, policy, 'audienceMatchPolicy must be MatchAny for multiple audiences'));
  if (audiences.length === 1 && policy !== '' && policy !== 'MatchAny')
    errors.push(invalid(policyAt, policy, 'audienceMatchPolicy must be empty or MatchAny for single audience'));
  return audiences;
}

/** The CAs as PEM; undefined where there are none. */
function authorityOf(value: unknown, path: FieldPath, errors: FieldError[]): string | undefined {
  const pem = textOf(value, path.text) ?? '';
  if (pem === '') return undefined;
  try {
    void new X509Certificate(pem);
  } catch {
    errors.push(invalid(path, '<omitted>', 'data does not contain any valid RSA or ECDSA certificates'));
  }
  return pem;
}

const issuerFields = [
  'url',
  'discoveryURL',
  'certificateAuthority',
  'audiences',
  'audienceMatchPolicy',
  'egressSelectorType',
];

interface Reading {
  cel: ClaimsCel;
  errors: FieldError[];
  /** The cluster's own issuers: nobody else speaks for them. */
  disallowed: readonly string[];
}

const sameUrl = (a: string, b: string): boolean => a.replace(/\/+$/, '') === b.replace(/\/+$/, '');

function issuerOf(value: unknown, path: FieldPath, { cel, errors, disallowed }: Reading): ConfiguredIssuer {
  const known = ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules'];
  const fields = fieldsOf(value, path.text, known);
  const about = path.child('issuer');
  const issuer = fieldsOf(fields['issuer'], about.text, issuerFields);
  if (textOf(issuer['egressSelectorType'], about.child('egressSelectorType').text))
    throw new Error(`${about.text}.egressSelectorType: egress selection is not built into Peapod`);
  const url = textOf(issuer['url'], about.child('url').text) ?? '';
  errors.push(...issuerUrlErrors(url, about.child('url'), disallowed));
  const discoveryAt = about.child('discoveryURL');
  const discoveryUrl = textOf(issuer['discoveryURL'], discoveryAt.text) ?? '';
  if (discoveryUrl !== '') {
    if (url !== '' && sameUrl(url, discoveryUrl))
      errors.push(invalid(discoveryAt, discoveryUrl, 'discoveryURL must be different from URL'));
    errors.push(...issuerUrlErrors(discoveryUrl, discoveryAt));
  }
  const clientIds = audiencesOf(issuer, about, errors);
  const ca = authorityOf(issuer['certificateAuthority'], about.child('certificateAuthority'), errors);
  return {
    issuer: {
      url,
      ...(discoveryUrl === '' ? {} : { discoveryUrl }),
      clientIds,
      signingAlgorithms: oidcAlgorithms,
      user: byClaims(readClaimMappings(fields, path, cel, errors)),
    },
    ...(ca === undefined ? {} : { ca }),
  };
}

function anonymousOf(value: unknown, errors: FieldError[]): AuthenticationConfig['anonymous'] {
  if (value === undefined || value === null) return undefined;
  const fields = fieldsOf(value, 'anonymous', ['enabled', 'conditions']);
  const conditions = listOf(fields['conditions'], 'anonymous.conditions');
  const enabled = flagOf(fields['enabled'], 'anonymous.enabled') ?? false;
  const paths = conditions.map((condition, i) => {
    const at = `anonymous.conditions[${i}]`;
    return textOf(fieldsOf(condition, at, ['path'])['path'], `${at}.path`) ?? '';
  });
  if (!enabled && paths.length > 0)
    errors.push(
      invalid(
        new FieldPath('anonymous.conditions'),
        paths.map((path) => ({ path })),
        'enabled should be set to true when conditions are defined',
      ),
    );
  return { enabled, ...(paths.length === 0 ? {} : { paths }) };
}

/** No issuer, and no place where one describes itself, is there twice. */
function checkRepeats(issuers: readonly ConfiguredIssuer[], errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const [i, { issuer }] of issuers.entries()) {
    const at = new FieldPath('jwt').index(i).child('issuer');
    for (const [name, value] of [
      ['url', issuer.url],
      ['discoveryURL', issuer.discoveryUrl],
    ] as const) {
      if (value === undefined) continue;
      if (seen.has(`${name} ${value}`)) errors.push(duplicate(at.child(name), value));
      seen.add(`${name} ${value}`);
    }
  }
}

async function issuersOf(
  jwt: readonly unknown[],
  disallowed: readonly string[],
  errors: FieldError[],
): Promise<ConfiguredIssuer[]> {
  if (jwt.length === 0) return [];
  const { claimsCel: cel } = await import('../apiserver/authn/claim-expressions.ts');
  return jwt.map((one, i) => issuerOf(one, new FieldPath('jwt').index(i), { cel, errors, disallowed }));
}

/**
 * Reads the text of such a file; expressions are compiled. `disallowed` are issuers that are the cluster's own.
 * Rejects with an Error that names every field which is wrong.
 */
export async function parseAuthenticationConfig(
  text: string,
  disallowed: readonly string[] = [],
): Promise<AuthenticationConfig> {
  const root = rootOf(text, 'AuthenticationConfiguration', ['jwt', 'anonymous']);
  const jwt = listOf(root['jwt'], 'jwt');
  const errors: FieldError[] = [];
  if (jwt.length > maxIssuers) refuseWith([tooMany(new FieldPath('jwt'), jwt.length, maxIssuers)]);
  const issuers = await issuersOf(jwt, disallowed, errors);
  checkRepeats(issuers, errors);
  const anonymous = anonymousOf(root['anonymous'], errors);
  refuseWith(errors);
  return { issuers, ...(anonymous === undefined ? {} : { anonymous }) };
}
