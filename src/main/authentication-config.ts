// Reads an AuthenticationConfiguration: identity providers, and where nobody may come.
// Follows apiserver pkg/apis/apiserver/{types,validation} of v1.36.

import { parseYamlStrict } from '../api/schema/yaml.ts';
import { byClaimNames, type ClaimNames } from '../apiserver/authn/claims.ts';
import { type OidcIssuer, oidcAlgorithms } from '../apiserver/authn/oidc.ts';

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

type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object, of those that it may have. Throws an Error with the path of the first thing that is wrong. */
function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error(`${path}: must be an object`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`unknown field ${JSON.stringify(`${path}${path && '.'}${unknown}`)}`);
  return value as Fields;
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${path}: must be a list`);
  return value;
}

function textOf(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Error(`${path}: must be a string`);
  return value;
}

const requiredText = (value: unknown, path: string): string => {
  const text = textOf(value, path);
  if (text === undefined || text === '') throw new Error(`${path}: Required value`);
  return text;
};

/** What needs CEL is refused by its name. */
function refuseExpressions(fields: Fields, path: string, ...names: string[]): void {
  const found = names.find((name) => fields[name] !== undefined);
  if (found !== undefined) throw new Error(`${path}.${found}: expressions are not built into Peapod: name a claim`);
}

/** An https URL without user, query and fragment. */
export function checkIssuerUrl(text: string, path: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new Error(`${path}: Invalid value: ${JSON.stringify(text)}: must be a URL`);
  if (url.protocol !== 'https:')
    throw new Error(`${path}: Invalid value: ${JSON.stringify(text)}: URL scheme must be https`);
  if (url.username !== '' || url.password !== '')
    throw new Error(`${path}: Invalid value: ${JSON.stringify(text)}: URL must not contain a username or password`);
  if (url.search !== '' || url.hash !== '')
    throw new Error(`${path}: Invalid value: ${JSON.stringify(text)}: URL must not contain a query or a fragment`);
  return text;
}

function prefixedClaim(value: unknown, path: string): { claim: string; prefix: string } {
  const fields = fieldsOf(value, path, ['claim', 'prefix', 'expression']);
  refuseExpressions(fields, path, 'expression');
  const claim = requiredText(fields['claim'], `${path}.claim`);
  const prefix = textOf(fields['prefix'], `${path}.prefix`);
  if (prefix === undefined)
    throw new Error(
      `${path}.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
    );
  return { claim, prefix };
}

function mappings(value: unknown, path: string): Omit<ClaimNames, 'required'> {
  const fields = fieldsOf(value, path, ['username', 'groups', 'uid', 'extra']);
  if (listOf(fields['extra'], `${path}.extra`).length > 0)
    throw new Error(`${path}.extra: expressions are not built into Peapod`);
  const uid = fieldsOf(fields['uid'], `${path}.uid`, ['claim', 'expression']);
  refuseExpressions(uid, `${path}.uid`, 'expression');
  const uidClaim = textOf(uid['claim'], `${path}.uid.claim`);
  return {
    username: prefixedClaim(fields['username'], `${path}.username`),
    ...(fields['groups'] === undefined ? {} : { groups: prefixedClaim(fields['groups'], `${path}.groups`) }),
    ...(uidClaim === undefined ? {} : { uid: { claim: uidClaim } }),
  };
}

function requiredClaims(value: unknown, path: string): Record<string, string> {
  const rules = listOf(value, path).map((rule, i) => {
    const at = `${path}[${i}]`;
    const fields = fieldsOf(rule, at, ['claim', 'requiredValue', 'expression', 'message']);
    refuseExpressions(fields, at, 'expression');
    const claim = requiredText(fields['claim'], `${at}.claim`);
    return [claim, textOf(fields['requiredValue'], `${at}.requiredValue`) ?? ''] as const;
  });
  return Object.fromEntries(rules);
}

function audiencesOf(fields: Fields, path: string): string[] {
  const audiences = listOf(fields['audiences'], `${path}.audiences`).map((one, i) =>
    requiredText(one, `${path}.audiences[${i}]`),
  );
  if (audiences.length === 0)
    throw new Error(`${path}.audiences: Required value: at least one ${path}.audiences is required`);
  const policy = textOf(fields['audienceMatchPolicy'], `${path}.audienceMatchPolicy`) ?? '';
  if (policy !== '' && policy !== 'MatchAny')
    throw new Error(`${path}.audienceMatchPolicy: Invalid value: ${JSON.stringify(policy)}: must be MatchAny`);
  if (audiences.length > 1 && policy !== 'MatchAny')
    throw new Error(
      `${path}.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences`,
    );
  return audiences;
}

function issuerOf(value: unknown, path: string): ConfiguredIssuer {
  const fields = fieldsOf(value, path, ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules']);
  if (listOf(fields['userValidationRules'], `${path}.userValidationRules`).length > 0)
    throw new Error(`${path}.userValidationRules: expressions are not built into Peapod`);
  const about = `${path}.issuer`;
  const known = [
    'url',
    'discoveryURL',
    'certificateAuthority',
    'audiences',
    'audienceMatchPolicy',
    'egressSelectorType',
  ];
  const issuer = fieldsOf(fields['issuer'], about, known);
  if (textOf(issuer['egressSelectorType'], `${about}.egressSelectorType`))
    throw new Error(`${about}.egressSelectorType: egress selection is not built into Peapod`);
  const url = checkIssuerUrl(requiredText(issuer['url'], `${about}.url`), `${about}.url`);
  const discoveryUrl = textOf(issuer['discoveryURL'], `${about}.discoveryURL`);
  if (discoveryUrl === url)
    throw new Error(
      `${about}.discoveryURL: Invalid value: ${JSON.stringify(url)}: discoveryURL must be different from URL`,
    );
  const ca = textOf(issuer['certificateAuthority'], `${about}.certificateAuthority`);
  return {
    issuer: {
      url,
      ...(discoveryUrl === undefined ? {} : { discoveryUrl: checkIssuerUrl(discoveryUrl, `${about}.discoveryURL`) }),
      clientIds: audiencesOf(issuer, about),
      signingAlgorithms: oidcAlgorithms,
      user: byClaimNames({
        ...mappings(fields['claimMappings'], `${path}.claimMappings`),
        required: requiredClaims(fields['claimValidationRules'], `${path}.claimValidationRules`),
      }),
    },
    ...(ca === undefined ? {} : { ca }),
  };
}

function anonymousOf(value: unknown): AuthenticationConfig['anonymous'] {
  if (value === undefined) return undefined;
  const fields = fieldsOf(value, 'anonymous', ['enabled', 'conditions']);
  const conditions = listOf(fields['conditions'], 'anonymous.conditions');
  const enabled = fields['enabled'] === true;
  if (!enabled && conditions.length > 0)
    throw new Error('anonymous.conditions: Invalid value: enabled should be set to true when conditions are defined');
  const paths = conditions.map((condition, i) => {
    const at = `anonymous.conditions[${i}]`;
    return requiredText(fieldsOf(condition, at, ['path'])['path'], `${at}.path`);
  });
  return { enabled, ...(paths.length === 0 ? {} : { paths }) };
}

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);

/** Reads the text of such a file. Throws an Error that names the field which is wrong. */
export function parseAuthenticationConfig(text: string): AuthenticationConfig {
  const { value, duplicateFields } = parseYamlStrict(text);
  if (duplicateFields[0] !== undefined) throw new Error(duplicateFields[0]);
  const root = fieldsOf(value, '', ['apiVersion', 'kind', 'jwt', 'anonymous']);
  if (root['kind'] !== 'AuthenticationConfiguration' || !versions.includes(String(root['apiVersion'])))
    throw new Error('expected AuthenticationConfiguration of apiserver.config.k8s.io/v1');
  const issuers = listOf(root['jwt'], 'jwt').map((one, i) => issuerOf(one, `jwt[${i}]`));
  const again = issuers.findIndex(({ issuer }, i) => issuers.findIndex((two) => two.issuer.url === issuer.url) < i);
  if (again >= 0)
    throw new Error(`jwt[${again}].issuer.url: Duplicate value: ${JSON.stringify(issuers[again]?.issuer.url)}`);
  const anonymous = anonymousOf(root['anonymous']);
  return { issuers, ...(anonymous === undefined ? {} : { anonymous }) };
}
