// What options and files say of who may ask, and what is refused.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { AuthenticationFlags } from '../cli/authentication-options.ts';
import { parseAuthenticationConfig } from './authentication-config.ts';
import { authenticationSettings } from './authentication-settings.ts';
import { hostFiles } from '../host/files.ts';
import { realClock } from '../host/real-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { eventually } from '../../test/support/eventually.ts';
import { UserError } from './user-error.ts';
import { noFlags } from './testing/no-flags.ts';
import { watchConfig } from './watched-config.ts';

const dir = await mkdtemp(join(tmpdir(), 'peapod-authn-'));
afterAll(() => rm(dir, { recursive: true }));
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(dir, name), text);
  return join(dir, name);
};

const idp = { oidcIssuerUrl: 'https://idp', oidcClientId: 'peapod' };
const claims = { sub: 'jane', email: 'jane@acme.com', groups: ['dev'] };

describe('options', () => {
  test('say nothing by default', async () => {
    const { authentication, authorization } = await authenticationSettings(noFlags);
    expect(authentication).toEqual({ bootstrapTokens: false, issuers: expect.any(Function) });
    expect(authentication.issuers?.()).toEqual([]);
    expect(authorization()).toEqual(['Node', 'RBAC']);
  });

  test.each<[Partial<AuthenticationFlags>, string, string[]]>([
    [{}, 'https://idp#jane', []],
    [{ oidcUsernameClaim: 'email' }, 'jane@acme.com', []],
    [{ oidcUsernamePrefix: '-' }, 'jane', []],
    [{ oidcUsernamePrefix: 'x:', oidcGroupsClaim: 'groups', oidcGroupsPrefix: 'y:' }, 'x:jane', ['y:dev']],
  ])('of a provider: %j', async (flags, name, groups) => {
    const { authentication } = await authenticationSettings({ ...noFlags, ...idp, ...flags });
    expect(authentication.issuers?.()[0]?.issuer.user(claims)).toMatchObject({ name, groups });
  });

  test.each<[Partial<AuthenticationFlags>, string[], string[]]>([
    [{ anonymousAuth: true }, ['/healthz', '/api'], []],
    [{ anonymousAuth: false }, [], ['/healthz', '/api']],
    [{ authorizationMode: ['AlwaysAllow'] }, [], ['/healthz', '/api']],
  ])('of nobody: %j', async (flags, open, closed) => {
    const { authentication } = await authenticationSettings({ ...noFlags, ...flags });
    for (const path of open) expect(authentication.anonymous?.(path)).toBe(true);
    for (const path of closed) expect(authentication.anonymous?.(path)).toBe(false);
  });

  test('of a webhook that knows tokens', async () => {
    const kubeconfig = (url: string): string =>
      `clusters: [{name: c, cluster: {server: "${url}"}}]\ncontexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n`;
    const authenticationTokenWebhookConfigFile = await file('token-webhook', kubeconfig('https://hook/path'));
    const flags = { ...noFlags, authenticationTokenWebhookConfigFile };
    expect((await authenticationSettings(flags)).authentication.tokenWebhook).toEqual({
      post: expect.any(Function),
      version: 'v1beta1',
      cacheTtlMs: 120_000,
    });
    const wanted = { authenticationTokenWebhookVersion: 'v1', authenticationTokenWebhookCacheTtl: '0' };
    const { authentication } = await authenticationSettings({ ...flags, ...wanted });
    expect(authentication.tokenWebhook).toMatchObject({ version: 'v1', cacheTtlMs: 0 });
    await file('token-webhook', kubeconfig('http://hook/path'));
    await expect(authenticationSettings(flags)).rejects.toThrow(
      new UserError(
        '--authentication-token-webhook-config-file: cluster.server: "http://hook/path" must be a URL with https',
      ),
    );
  });

  test('of a front proxy', async () => {
    const requestheaderClientCaFile = await file('ca.crt', 'CA');
    const { authentication } = await authenticationSettings({
      ...noFlags,
      requestheaderClientCaFile,
      requestheaderAllowedNames: ['proxy'],
      requestheaderGroupHeaders: ['X-Group'],
      requestheaderUidHeaders: ['X-Uid'],
    });
    expect(authentication.frontProxy).toEqual({
      ca: 'CA',
      allowedNames: ['proxy'],
      usernameHeaders: ['X-Remote-User'],
      uidHeaders: ['X-Uid'],
      groupHeaders: ['X-Group'],
      extraHeaderPrefixes: ['X-Remote-Extra-'],
    });
  });

  test('of a token file', async () => {
    const tokenAuthFile = await file('tokens.csv', 'secret,jane,1');
    const { authentication } = await authenticationSettings({ ...noFlags, tokenAuthFile });
    expect(authentication.tokenFile?.get('secret')).toMatchObject({ name: 'jane' });
  });

  test('of service account keys: several in a file, public ones and private ones', async () => {
    const pem = (key: KeyObject, type: 'spki' | 'pkcs8'): string =>
      key.export({ type, format: 'pem' } as never).toString();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const serviceAccountKeyFile = [await file('sa.pub', pem(rsa.publicKey, 'spki') + pem(ec.privateKey, 'pkcs8'))];
    const serviceAccountSigningKeyFile = await file('sa.key', pem(ec.privateKey, 'pkcs8'));
    const { authentication } = await authenticationSettings({
      ...noFlags,
      serviceAccountKeyFile,
      serviceAccountSigningKeyFile,
    });
    expect(authentication.serviceAccountKeys?.map((key) => key.asymmetricKeyType)).toEqual(['rsa', 'ec']);
    expect(authentication.serviceAccountSigningKey).toContain('PRIVATE KEY');
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    for (const text of ['', 'no key', pem(weak.publicKey, 'spki')])
      await expect(
        authenticationSettings({ ...noFlags, serviceAccountKeyFile: [await file('wrong', text)] }),
      ).rejects.toThrow(/^--service-account-key-file: (data does not contain any valid|a service account key is)/);
    await expect(
      authenticationSettings({
        ...noFlags,
        serviceAccountSigningKeyFile: await file('wrong', pem(rsa.publicKey, 'spki')),
      }),
    ).rejects.toThrow(/^--service-account-signing-key-file: /);
  });

  test.each<[Partial<AuthenticationFlags>, string]>([
    [{ authorizationMode: ['Webhook'] }, "--authorization-mode: Webhook's authorization config file not passed"],
    [
      { authorizationWebhookConfigFile: '/x' },
      'cannot specify --authorization-webhook-config-file without mode Webhook',
    ],
    [
      { authorizationMode: ['RBAC'], authorizationConfig: '/x' },
      '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined',
    ],
    [
      { authenticationTokenWebhookConfigFile: '/x', authenticationTokenWebhookVersion: 'v2' },
      '--authentication-token-webhook-version: unsupported authentication webhook version "v2", supported versions are "v1", "v1beta1"',
    ],
    [
      { authenticationTokenWebhookCacheTtl: 'soon' },
      '--authentication-token-webhook-cache-ttl: time: invalid duration "soon"',
    ],
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
    await expect(authenticationSettings({ ...noFlags, ...flags })).rejects.toThrow(new UserError(message));
  });

  test('a file that is not there is named with its option', async () => {
    await expect(authenticationSettings({ ...noFlags, tokenAuthFile: join(dir, 'missing') })).rejects.toThrow(
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
  test('of a provider', async () => {
    const [found] = (await parseAuthenticationConfig(head + issuer(', discoveryURL: https://inside/x'))).issuers;
    expect(found?.issuer).toMatchObject({
      url: 'https://idp',
      discoveryUrl: 'https://inside/x',
      clientIds: ['peapod'],
    });
    expect(found?.issuer.user({ ...claims, tenant: 'acme' })).toEqual({ name: 'x:jane', groups: ['dev'] });
    expect(() => found?.issuer.user(claims)).toThrow('required claim tenant not present');
  });

  test('of where nobody may come', async () => {
    const text = `${head}anonymous: {enabled: true, conditions: [{path: /livez}]}`;
    const { anonymous } = await parseAuthenticationConfig(text);
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
      `${head}anonymous: {enabled: false, conditions: [{path: /x}]}`,
      'enabled should be set to true when conditions are defined',
    ],
    [head + issuer() + issuer().replace('jwt:\n', ''), 'jwt[1].issuer.url: Duplicate value: "https://idp"'],
  ])('%s is refused', async (text, message) => {
    await expect(parseAuthenticationConfig(text)).rejects.toThrow(message);
  });
});

const mapped = (fields: string): string =>
  `${head}jwt:\n- issuer: {url: https://idp, audiences: [peapod]}\n${fields.replaceAll(/^/gm, '  ')}`;
const username = 'claimMappings: {username: {expression: claims.sub}}';

describe('expressions over claims', () => {
  const jane = {
    sub: 'jane',
    email: 'jane@acme.com',
    email_verified: true,
    roles: ['dev', '', 'ops'],
    tenant: { id: 7, name: 'acme' },
  };
  const userOf = async (fields: string, said: object = jane): Promise<unknown> => {
    const [found] = (await parseAuthenticationConfig(mapped(fields))).issuers;
    return found?.issuer.user(said as never);
  };
  const mappings = (fields: string): string => `claimMappings:\n  username: {expression: claims.sub}\n  ${fields}`;

  test.each<[string, object]>([
    ['claimMappings: {username: {expression: \'"acme:" + claims.sub\'}}', { name: 'acme:jane', groups: [] }],
    [mappings("groups: {expression: 'claims.roles'}"), { groups: ['dev', 'ops'] }],
    [
      mappings('groups: {expression: \'claims.roles.filter(r, r.startsWith("d")).map(r, "x:" + r)\'}'),
      { groups: ['x:dev'] },
    ],
    [mappings('groups: {expression: \'claims.?nothing.orValue("one")\'}'), { groups: ['one'] }],
    [mappings("groups: {expression: 'null'}"), { groups: [] }],
    [mappings("uid: {expression: 'string(claims.tenant.id)'}"), { uid: '7' }],
    [
      mappings(
        "extra: [{key: acme.com/tenant, valueExpression: claims.tenant.name}, {key: acme.com/none, valueExpression: '[]'}]",
      ),
      { extra: { 'acme.com/tenant': ['acme'] } },
    ],
    [
      "claimMappings: {username: {expression: 'claims.email_verified ? claims.email : claims.sub'}}",
      { name: 'jane@acme.com' },
    ],
    [
      `${username}\nclaimValidationRules: [{expression: 'claims.tenant.name == "acme"', message: wrong tenant}]`,
      { name: 'jane' },
    ],
    [
      `${username}\nuserValidationRules: [{expression: 'user.uid == "" && user.extra.size() == 0 && user.groups == []'}]`,
      { name: 'jane' },
    ],
  ])('%s', async (fields, user) => {
    expect(await userOf(fields)).toMatchObject(user);
  });

  test.each([
    [
      "claimMappings: {username: {expression: 'claims.name'}}",
      "oidc: error evaluating username claim expression: expression 'claims.name' resulted in error: no such key: name",
    ],
    ["claimMappings: {username: {expression: 'claims.tenant'}}", 'username claim expression must return a string'],
    ['claimMappings: {username: {expression: \'""\'}}', 'oidc: empty username via CEL expression is not allowed'],
    [mappings("uid: {expression: '7'}"), 'uid claim expression must return a string'],
    [mappings("groups: {expression: '[1]'}"), 'expression must return a string or a list of strings'],
    [
      mappings("extra: [{key: acme.com/x, valueExpression: '{}'}]"),
      'oidc: error evaluating extra claim expression: {}: expression must return a string or a list of strings',
    ],
    [
      `${username}\nclaimValidationRules: [{expression: 'claims.tenant.name == "other"', message: wrong tenant}]`,
      'oidc: error evaluating claim validation expression: validation expression \'claims.tenant.name == "other"\' failed: wrong tenant',
    ],
    [
      `${username}\nuserValidationRules: [{expression: '!user.username.startsWith("j")', message: no j}]`,
      'oidc: error evaluating user info validation rule: validation expression \'!user.username.startsWith("j")\' failed: no j',
    ],
    [
      `${username}\nclaimValidationRules: [{expression: 'lists.range(100000).all(x, lists.range(100000).all(y, true))'}]`,
      'oidc: error evaluating claim validation expression',
    ],
  ])('%s knows nobody', async (fields, message) => {
    await expect(userOf(fields)).rejects.toThrow(message);
  });

  test.each([
    [
      "claimMappings: {username: {expression: 'claims.'}}",
      'jwt[0].claimMappings.username.expression: Invalid value: "claims.": compilation failed: ERROR: <input>:1:8: Syntax error',
    ],
    ['claimMappings: {}', 'jwt[0].claimMappings.username: Required value: claim or expression is required'],
    [
      'claimMappings: {username: {claim: sub, prefix: "", expression: claims.sub}}',
      `jwt[0].claimMappings.username: Invalid value: "": claim and expression can't both be set`,
    ],
    [
      'claimMappings: {username: {prefix: "", expression: claims.sub}}',
      'jwt[0].claimMappings.username.prefix: Invalid value: "": may not be specified when expression is set',
    ],
    [
      'claimMappings: {username: {expression: claims.email}}',
      'claims.email_verified must be used in claimMappings.username.expression or',
    ],
    [
      mappings('uid: {claim: sub, expression: claims.sub}'),
      `jwt[0].claimMappings.uid: Invalid value: "": claim and expression can't both be set`,
    ],
    [
      mappings('extra: [{key: x, valueExpression: claims.sub}]'),
      'jwt[0].claimMappings.extra[0].key: Invalid value: "x": must be a domain-prefixed path',
    ],
    [mappings('extra: [{key: Acme.com/x, valueExpression: claims.sub}]'), 'must be lowercase'],
    [
      mappings('extra: [{key: x.kubernetes.io/x, valueExpression: claims.sub}]'),
      'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
    ],
    [
      mappings('extra: [{key: a.b/x, valueExpression: claims.sub}, {key: a.b/x, valueExpression: claims.sub}]'),
      'jwt[0].claimMappings.extra[1].key: Duplicate value: "a.b/x"',
    ],
    [mappings('extra: [{key: a.b/x}]'), 'jwt[0].claimMappings.extra[0].valueExpression: Required value'],
    [
      `${username}\nclaimValidationRules: [{expression: claims.sub}]`,
      'jwt[0].claimValidationRules[0].expression: Invalid value: "claims.sub": must evaluate to bool',
    ],
    [
      `${username}\nclaimValidationRules: [{expression: 'true'}, {expression: 'true'}]`,
      'jwt[0].claimValidationRules[1].expression: Duplicate value: "true"',
    ],
    [
      `${username}\nclaimValidationRules: [{}, {claim: a, expression: 'true'}, {claim: a, message: b}, {requiredValue: a, expression: 'true'}]`,
      '[jwt[0].claimValidationRules[0]: Required value: claim or expression is required, jwt[0].claimValidationRules[1]: Invalid value: "a": ' +
        `claim and expression can't both be set, jwt[0].claimValidationRules[2].message: Invalid value: "b": may not be specified when claim is set, ` +
        'jwt[0].claimValidationRules[3].requiredValue: Invalid value: "a": may not be specified when expression is set]',
    ],
    [`${username}\nuserValidationRules: [{}]`, 'jwt[0].userValidationRules[0].expression: Required value'],
    [`${username}\nuserValidationRules: [{expression: user.name == "x"}]`, "undefined field 'name'"],
    [`${username}\nuserValidationRules: [{expression: claims.sub == "x"}]`, "undeclared reference to 'claims'"],
  ])('%s is refused', async (fields, message) => {
    await expect(parseAuthenticationConfig(mapped(fields))).rejects.toThrow(message);
  });

  test("the cluster's own issuer is nobody else's", async () => {
    await expect(parseAuthenticationConfig(mapped(username), ['https://idp'])).rejects.toThrow(
      'jwt[0].issuer.url: Invalid value: "https://idp": URL must not overlap with disallowed issuers: [https://idp]',
    );
  });
});

describe('a file that changes', () => {
  const from = async (authenticationConfig: string) => authenticationSettings({ ...noFlags, authenticationConfig });
  const names = ({ authentication }: Awaited<ReturnType<typeof from>>): unknown =>
    authentication.issuers?.().map(({ issuer }) => issuer.user(claims as never).name);

  test('counts as it is now; what is wrong changes nothing', async () => {
    const path = await file('jwt.yaml', mapped(username));
    const access = await from(path);
    const ending = new AbortController();
    const said: string[] = [];
    const logger = { ...silentLogger, error: (_: string, about?: object) => void said.push(JSON.stringify(about)) };
    for (const config of access.watched)
      watchConfig(config, { files: hostFiles, clock: realClock, logger, signal: ending.signal });
    try {
      expect(names(access)).toEqual(['jane']);
      await writeFile(path, mapped('claimMappings: {username: {expression: \'"new:" + claims.sub\'}}'));
      await eventually('the new mapping', () => String(names(access)) === 'new:jane');
      await writeFile(path, mapped('claimMappings: {username: {expression: claims.}}'));
      await eventually('a word on what is wrong', () => said.join().includes('compilation failed'));
      expect(names(access)).toEqual(['new:jane']);
      await writeFile(path, `${head}anonymous: {enabled: true}`);
      await eventually('a word on anonymous', () => said.join().includes('anonymous: changes take a restart'));
      expect(names(access)).toEqual(['new:jane']);
      // As kubelets and editors change a file: another takes its place.
      await writeFile(`${path}.new`, head);
      await rename(`${path}.new`, path);
      await eventually('no provider', () => String(names(access)) === '');
    } finally {
      ending.abort();
    }
  });
});
