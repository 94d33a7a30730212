// What options and files say of who may ask, and what is refused.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { AuthenticationFlags } from '../cli/authentication-options.ts';
import { parseAuthenticationConfig } from './authentication-config.ts';
import { authenticationSettings } from './authentication-settings.ts';
import { UserError } from './user-error.ts';

const dir = await mkdtemp(join(tmpdir(), 'peapod-authn-'));
afterAll(() => rm(dir, { recursive: true }));
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(dir, name), text);
  return join(dir, name);
};

const none: AuthenticationFlags = {
  enableBootstrapTokenAuth: false,
  oidcUsernameClaim: 'sub',
  oidcGroupsPrefix: '',
  oidcRequiredClaim: [],
  oidcSigningAlgs: [],
  requestheaderAllowedNames: [],
  requestheaderUsernameHeaders: [],
  requestheaderGroupHeaders: [],
  requestheaderExtraHeadersPrefix: [],
  serviceAccountIssuer: [],
  apiAudiences: [],
  authorizationMode: [],
};
const idp = { oidcIssuerUrl: 'https://idp', oidcClientId: 'peapod' };
const claims = { sub: 'jane', email: 'jane@acme.com', groups: ['dev'] };

describe('options', () => {
  test('say nothing by default', async () => {
    const { authentication, authorizationModes } = await authenticationSettings(none);
    expect(authentication).toEqual({ bootstrapTokens: false, issuers: [] });
    expect(authorizationModes).toEqual(['Node', 'RBAC']);
  });

  test.each<[Partial<AuthenticationFlags>, string, string[]]>([
    [{}, 'https://idp#jane', []],
    [{ oidcUsernameClaim: 'email' }, 'jane@acme.com', []],
    [{ oidcUsernamePrefix: '-' }, 'jane', []],
    [{ oidcUsernamePrefix: 'x:', oidcGroupsClaim: 'groups', oidcGroupsPrefix: 'y:' }, 'x:jane', ['y:dev']],
  ])('of a provider: %j', async (flags, name, groups) => {
    const { authentication } = await authenticationSettings({ ...none, ...idp, ...flags });
    expect(authentication.issuers?.[0]?.issuer.user(claims)).toMatchObject({ name, groups });
  });

  test.each<[Partial<AuthenticationFlags>, string[], string[]]>([
    [{ anonymousAuth: true }, ['/healthz', '/api'], []],
    [{ anonymousAuth: false }, [], ['/healthz', '/api']],
    [{ authorizationMode: ['AlwaysAllow'] }, [], ['/healthz', '/api']],
  ])('of nobody: %j', async (flags, open, closed) => {
    const { authentication } = await authenticationSettings({ ...none, ...flags });
    for (const path of open) expect(authentication.anonymous?.(path)).toBe(true);
    for (const path of closed) expect(authentication.anonymous?.(path)).toBe(false);
  });

  test('of a front proxy', async () => {
    const requestheaderClientCaFile = await file('ca.crt', 'CA');
    const { authentication } = await authenticationSettings({
      ...none,
      requestheaderClientCaFile,
      requestheaderAllowedNames: ['proxy'],
      requestheaderGroupHeaders: ['X-Group'],
    });
    expect(authentication.frontProxy).toEqual({
      ca: 'CA',
      allowedNames: ['proxy'],
      usernameHeaders: ['X-Remote-User'],
      groupHeaders: ['X-Group'],
      extraHeaderPrefixes: ['X-Remote-Extra-'],
    });
  });

  test('of a token file', async () => {
    const tokenAuthFile = await file('tokens.csv', 'secret,jane,1');
    const { authentication } = await authenticationSettings({ ...none, tokenAuthFile });
    expect(authentication.tokenFile?.get('secret')).toMatchObject({ name: 'jane' });
  });

  test.each<[Partial<AuthenticationFlags>, string]>([
    [{ authorizationMode: ['Webhook'] }, '--authorization-mode: mode "Webhook" is not built into Peapod'],
    [{ authorizationMode: ['ABAC'] }, '--authorization-mode: mode "ABAC" is not built into Peapod'],
    [{ authorizationMode: ['Magic'] }, '--authorization-mode: "Magic" is not a valid mode'],
    [{ authorizationMode: ['RBAC', 'RBAC'] }, '--authorization-mode: "RBAC" is specified more than once'],
    [
      { oidcIssuerUrl: 'https://idp' },
      '--oidc-issuer-url and --oidc-client-id must be specified together when any oidc flags are set',
    ],
    [
      { ...idp, oidcIssuerUrl: 'http://idp' },
      '--oidc-issuer-url: issuer.url: Invalid value: "http://idp": URL scheme must be https',
    ],
    [{ ...idp, oidcSigningAlgs: ['HS256'] }, '--oidc-signing-algs: unsupported signing alg: "HS256"'],
    [{ ...idp, oidcRequiredClaim: ['x'] }, '--oidc-required-claim: "x" is not of the form claim=value'],
    [{ requestheaderAllowedNames: ['x'] }, '--requestheader-allowed-names: needs --requestheader-client-ca-file'],
    [
      { ...idp, authenticationConfig: 'x' },
      '--authentication-config: authentication-config file and oidc-* flags are mutually exclusive',
    ],
  ])('%j is refused', async (flags, message) => {
    await expect(authenticationSettings({ ...none, ...flags })).rejects.toThrow(new UserError(message));
  });

  test('a file that is not there is named with its option', async () => {
    await expect(authenticationSettings({ ...none, tokenAuthFile: join(dir, 'missing') })).rejects.toThrow(
      /^--token-auth-file: ENOENT/,
    );
  });
});

const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n';
const issuer = (more = ''): string => `jwt:
- issuer: {url: https://idp, audiences: [peapod]${more}}
  claimMappings:
    username: {claim: sub, prefix: "x:"}
    groups: {claim: groups, prefix: ""}
  claimValidationRules:
  - {claim: tenant, requiredValue: acme}
`;

describe('a configuration', () => {
  test('of a provider', () => {
    const [found] = parseAuthenticationConfig(head + issuer(', discoveryURL: https://inside/x')).issuers;
    expect(found?.issuer).toMatchObject({
      url: 'https://idp',
      discoveryUrl: 'https://inside/x',
      clientIds: ['peapod'],
    });
    expect(found?.issuer.user({ ...claims, tenant: 'acme' })).toEqual({ name: 'x:jane', groups: ['dev'] });
    expect(() => found?.issuer.user(claims)).toThrow('required claim tenant not present');
  });

  test('of where nobody may come', () => {
    const { anonymous } = parseAuthenticationConfig(`${head}anonymous: {enabled: true, conditions: [{path: /livez}]}`);
    expect(anonymous).toEqual({ enabled: true, paths: ['/livez'] });
  });

  test.each([
    ['kind: Other', 'expected AuthenticationConfiguration of apiserver.config.k8s.io/v1'],
    [`${head}jwts: []`, 'unknown field "jwts"'],
    [head + issuer(', extra: 1'), 'unknown field "jwt[0].issuer.extra"'],
    [
      head + issuer().replace('https', 'http'),
      'jwt[0].issuer.url: Invalid value: "http://idp": URL scheme must be https',
    ],
    [head + issuer().replace('[peapod]', '[]'), 'jwt[0].issuer.audiences: Required value'],
    [head + issuer().replace('[peapod]', '[a, b]'), 'audienceMatchPolicy must be MatchAny for multiple audiences'],
    [head + issuer(', discoveryURL: https://idp'), 'discoveryURL must be different from URL'],
    [
      head + issuer().replace('claim: sub, prefix: "x:"', 'claim: sub'),
      'jwt[0].claimMappings.username.prefix: Required value',
    ],
    [
      head + issuer().replace('claim: sub, prefix: "x:"', 'expression: claims.sub'),
      'jwt[0].claimMappings.username.expression: expressions are not built into Peapod',
    ],
    [
      `${head}${issuer()}  userValidationRules: [{expression: "true"}]`,
      'jwt[0].userValidationRules: expressions are not built into Peapod',
    ],
    [
      `${head}anonymous: {enabled: false, conditions: [{path: /x}]}`,
      'enabled should be set to true when conditions are defined',
    ],
    [head + issuer() + issuer().replace('jwt:\n', ''), 'jwt[1].issuer.url: Duplicate value: "https://idp"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseAuthenticationConfig(text)).toThrow(message);
  });
});
