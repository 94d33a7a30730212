// What the options say of who may ask the API server, read and checked before anything is started.
// Follows pkg/kubeapiserver/options/{authentication,authorization}.go of v1.36.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FieldPath } from '../api/meta/errors.ts';
import { goQuote, parseGoDuration } from '../api/meta/go-format.ts';
import type { ConfiguredAuthorizer } from '../apiserver/authz/modes.ts';
import { byClaims } from '../apiserver/authn/claims.ts';
import type { AuthenticationOptions, TokenProvider } from '../apiserver/authn/create-authentication.ts';
import { type FrontProxyTrust, usualFrontProxyHeaders } from '../apiserver/authn/front-proxy.ts';
import type { AnonymousAccess } from '../apiserver/authn/identify.ts';
import { oidcAlgorithms } from '../apiserver/authn/oidc.ts';
import { parseTokenFile } from '../apiserver/authn/token-file.ts';
import type { TokenWebhook } from '../apiserver/authn/webhook-token.ts';
import { jsonFetcher } from '../apiserver/http/fetch-json.ts';
import { reviewClient } from '../apiserver/http/review-client.ts';
import { defaultIssuer } from '../apiserver/tokens/claims.ts';
import { createTokenSigner, publicKeysOf } from '../apiserver/tokens/jwt.ts';
import type { AuthenticationFlags } from '../cli/authentication-options.ts';
import {
  type AuthenticationConfig,
  issuerUrlErrors,
  type ConfiguredIssuer,
  parseAuthenticationConfig,
} from './authentication-config.ts';
import { authorizationSettings } from './authorization-settings.ts';
import { checked } from './checked-option.ts';
import { refuseWith } from './config-fields.ts';
import { UserError } from './user-error.ts';
import type { WatchedConfig } from './watched-config.ts';
import { readWebhookKubeconfig } from './webhook-kubeconfig.ts';

export interface AuthenticationSettings {
  authentication: AuthenticationOptions;
  /** Files that count anew when they change. */
  watched: readonly WatchedConfig[];
  authorization: () => readonly ConfiguredAuthorizer[];
}

function requiredClaims(texts: readonly string[]): Record<string, string> {
  const pairs = texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new Error(`${JSON.stringify(text)} is not of the form claim=value`);
      return [text.slice(0, at), text.slice(at + 1)] as const;
    });
  return Object.fromEntries(pairs);
}

/** The provider that the --oidc-* flags name. */
async function flaggedIssuer(flags: AuthenticationFlags): Promise<ConfiguredIssuer | undefined> {
  const { oidcIssuerUrl: url, oidcClientId: clientId, oidcUsernameClaim: claim, oidcCaFile } = flags;
  if (url === undefined && clientId === undefined) return undefined;
  if (url === undefined || clientId === undefined)
    throw new UserError(
      '--oidc-issuer-url and --oidc-client-id must be specified together when any oidc flags are set',
    );
  const algorithms = flags.oidcSigningAlgs.length === 0 ? ['RS256'] : flags.oidcSigningAlgs;
  const unknown = algorithms.find((name) => !oidcAlgorithms.includes(name));
  if (unknown !== undefined)
    throw new UserError(`--oidc-signing-algs: unsupported signing alg: ${JSON.stringify(unknown)}`);
  await checked('oidc-issuer-url', () => refuseWith(issuerUrlErrors(url, new FieldPath('issuer.url'))));
  // The same name must not mean one person at one provider and another elsewhere.
  const usual = claim === 'email' ? '' : `${url}#`;
  const prefix = flags.oidcUsernamePrefix ?? usual;
  const { oidcGroupsClaim: groups } = flags;
  return {
    issuer: {
      url,
      clientIds: [clientId],
      signingAlgorithms: algorithms,
      user: byClaims({
        username: { claim, prefix: prefix === '-' ? '' : prefix },
        ...(groups === undefined ? {} : { groups: { claim: groups, prefix: flags.oidcGroupsPrefix } }),
        required: await checked('oidc-required-claim', () => requiredClaims(flags.oidcRequiredClaim)),
      }),
    },
    ...(oidcCaFile === undefined ? {} : { ca: await checked('oidc-ca-file', () => readFile(oidcCaFile, 'utf8')) }),
  };
}

/** The webhook that --authentication-token-webhook-* describe; undefined where they name no file. */
async function tokenWebhook(flags: AuthenticationFlags): Promise<TokenWebhook | undefined> {
  const { authenticationTokenWebhookConfigFile: file, authenticationTokenWebhookVersion: version } = flags;
  const cacheTtlMs = parseGoDuration(flags.authenticationTokenWebhookCacheTtl);
  if (cacheTtlMs === undefined)
    throw new UserError(
      `--authentication-token-webhook-cache-ttl: time: invalid duration ${goQuote(flags.authenticationTokenWebhookCacheTtl)}`,
    );
  if (file === undefined) return undefined;
  if (version !== 'v1' && version !== 'v1beta1')
    throw new UserError(
      `--authentication-token-webhook-version: unsupported authentication webhook version ${goQuote(version)}, supported versions are "v1", "v1beta1"`,
    );
  const endpoint = await checked('authentication-token-webhook-config-file', () =>
    readWebhookKubeconfig(resolve(file)),
  );
  return { post: reviewClient(endpoint), version, cacheTtlMs };
}

/** The proxies that the --requestheader-* flags let speak for others; undefined where they name no CA. */
async function frontProxy(flags: AuthenticationFlags): Promise<FrontProxyTrust | undefined> {
  const { requestheaderClientCaFile: file, requestheaderAllowedNames: allowedNames } = flags;
  const or = (said: readonly string[], usual: readonly string[]): readonly string[] => (said.length > 0 ? said : usual);
  if (file === undefined) {
    if (allowedNames.length > 0)
      throw new UserError('--requestheader-allowed-names: needs --requestheader-client-ca-file');
    return undefined;
  }
  return {
    ca: await checked('requestheader-client-ca-file', () => readFile(file, 'utf8')),
    allowedNames,
    usernameHeaders: or(flags.requestheaderUsernameHeaders, usualFrontProxyHeaders.usernameHeaders),
    uidHeaders: flags.requestheaderUidHeaders,
    groupHeaders: or(flags.requestheaderGroupHeaders, usualFrontProxyHeaders.groupHeaders),
    extraHeaderPrefixes: or(flags.requestheaderExtraHeadersPrefix, usualFrontProxyHeaders.extraHeaderPrefixes),
  };
}

/** Where nobody may come, as flag or file say; undefined where neither does. */
function anonymousAccess(
  flag: boolean | undefined,
  config: AuthenticationConfig['anonymous'],
  modes: readonly ConfiguredAuthorizer[],
): AnonymousAccess | undefined {
  if (flag !== undefined && config !== undefined)
    throw new UserError('--anonymous-auth: conflicts with anonymous in --authentication-config');
  // Who is allowed everything must at least be known.
  if (modes.includes('AlwaysAllow')) return () => false;
  const said = config ?? (flag === undefined ? undefined : { enabled: flag });
  if (said === undefined) return undefined;
  const { enabled, paths } = said;
  return (path) => enabled && (paths === undefined || paths.includes(path));
}

/** The keys that --service-account-key-file and --service-account-signing-key-file name. */
async function serviceAccountKeys(
  flags: AuthenticationFlags,
): Promise<Pick<AuthenticationOptions, 'serviceAccountKeys' | 'serviceAccountSigningKey'>> {
  const { serviceAccountSigningKeyFile: signing } = flags;
  const keys = await Promise.all(
    flags.serviceAccountKeyFile.map((file) =>
      checked('service-account-key-file', async () => publicKeysOf(await readFile(file, 'utf8'))),
    ),
  );
  const pem =
    signing === undefined
      ? undefined
      : await checked('service-account-signing-key-file', async () => {
          const text = await readFile(signing, 'utf8');
          createTokenSigner(text);
          return text;
        });
  return {
    ...(keys.length === 0 ? {} : { serviceAccountKeys: keys.flat() }),
    ...(pem === undefined ? {} : { serviceAccountSigningKey: pem }),
  };
}

const providersOf = ({ issuers }: AuthenticationConfig): readonly TokenProvider[] =>
  issuers.map(({ issuer, ca }) => ({ issuer, fetchJson: jsonFetcher(ca) }));

/** What --authentication-config says, and how it is read again. Throws a UserError. */
async function readConfigFile(path: string, ownIssuers: readonly string[]) {
  const option = 'authentication-config';
  const disallowed = ownIssuers.length > 0 ? ownIssuers : [defaultIssuer];
  const parse = (text: string): Promise<AuthenticationConfig> => parseAuthenticationConfig(text, disallowed);
  return checked(option, async () => {
    const text = await readFile(path, 'utf8');
    return { option, path: resolve(path), text, config: await parse(text), parse };
  });
}

/** Throws a UserError that names the option for what is wrong, contradictory or not built. */
export async function authenticationSettings(flags: AuthenticationFlags): Promise<AuthenticationSettings> {
  const { tokenAuthFile, authenticationConfig: configFile } = flags;
  const { authorization, watched: watchedToo } = await authorizationSettings(flags);
  const flagged = await flaggedIssuer(flags);
  if (flagged !== undefined && configFile !== undefined)
    throw new UserError('--authentication-config: authentication-config file and oidc-* flags are mutually exclusive');
  const file = configFile === undefined ? undefined : await readConfigFile(configFile, flags.serviceAccountIssuer);
  let config = file?.config ?? { issuers: flagged === undefined ? [] : [flagged] };
  let providers = providersOf(config);
  const watched: WatchedConfig[] =
    file === undefined
      ? []
      : [
          {
            ...file,
            async apply(text) {
              const next = await file.parse(text);
              if (!isDeepStrictEqual(next.anonymous, config.anonymous))
                throw new Error('anonymous: changes take a restart');
              config = next;
              providers = providersOf(next);
            },
          },
        ];
  const [anonymous, proxy] = [
    anonymousAccess(flags.anonymousAuth, config.anonymous, authorization()),
    await frontProxy(flags),
  ];
  const webhook = await tokenWebhook(flags);
  for (const url of flags.serviceAccountIssuer)
    if (url.includes(':')) await checked('service-account-issuer', () => new URL(url));
  return {
    authorization,
    watched: [...watched, ...watchedToo],
    authentication: {
      bootstrapTokens: flags.enableBootstrapTokenAuth,
      issuers: () => providers,
      ...(anonymous === undefined ? {} : { anonymous }),
      ...(proxy === undefined ? {} : { frontProxy: proxy }),
      ...(webhook === undefined ? {} : { tokenWebhook: webhook }),
      ...(flags.serviceAccountIssuer.length === 0 ? {} : { serviceAccountIssuers: flags.serviceAccountIssuer }),
      ...(await serviceAccountKeys(flags)),
      ...(flags.apiAudiences.length === 0 ? {} : { apiAudiences: flags.apiAudiences }),
      ...(tokenAuthFile === undefined
        ? {}
        : {
            tokenFile: await checked('token-auth-file', async () =>
              parseTokenFile(tokenAuthFile, await readFile(tokenAuthFile, 'utf8')),
            ),
          }),
    },
  };
}
