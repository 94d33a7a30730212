// The options of `up` for who may ask the API server: tokens, identity providers, front proxies, and the ways of authorization. Names are kube-apiserver's own.

import { type Command, InvalidArgumentError, Option } from 'commander';

/** As written by the user; what they say is checked by main. */
export interface AuthenticationFlags {
  /** Absent: nobody reaches health and version only. */
  anonymousAuth?: boolean;
  tokenAuthFile?: string;
  enableBootstrapTokenAuth: boolean;
  authenticationTokenWebhookConfigFile?: string;
  authenticationTokenWebhookVersion: string;
  authenticationTokenWebhookCacheTtl: string;
  oidcIssuerUrl?: string;
  oidcClientId?: string;
  oidcUsernameClaim: string;
  oidcUsernamePrefix?: string;
  oidcGroupsClaim?: string;
  oidcGroupsPrefix: string;
  oidcRequiredClaim: string[];
  oidcCaFile?: string;
  oidcSigningAlgs: string[];
  authenticationConfig?: string;
  requestheaderClientCaFile?: string;
  requestheaderAllowedNames: string[];
  requestheaderUsernameHeaders: string[];
  requestheaderUidHeaders: string[];
  requestheaderGroupHeaders: string[];
  requestheaderExtraHeadersPrefix: string[];
  serviceAccountIssuer: string[];
  serviceAccountKeyFile: string[];
  serviceAccountSigningKeyFile?: string;
  apiAudiences: string[];
  authorizationMode: string[];
  authorizationConfig?: string;
  authorizationWebhookConfigFile?: string;
  authorizationWebhookVersion?: string;
  authorizationWebhookCacheAuthorizedTtl?: string;
  authorizationWebhookCacheUnauthorizedTtl?: string;
}

function yesOrNo(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('wants true or false.');
}

const items = (text: string, before: string[]): string[] => [
  ...before,
  ...text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
];

const collect = (value: string, all: string[]): string[] => [...all, value];

function addOidcOptions(up: Command): Command {
  return up
    .option('--oidc-issuer-url <url>', 'an OpenID provider whose ID tokens are known; https only')
    .option('--oidc-client-id <id>', 'the client that those tokens must be for')
    .option('--oidc-username-claim <claim>', 'claim that is the user name', 'sub')
    .option(
      '--oidc-username-prefix <prefix>',
      "put before user names (default: the issuer's URL and #, none for the claim email; - for none)",
    )
    .option('--oidc-groups-claim <claim>', 'claim that has the groups')
    .option('--oidc-groups-prefix <prefix>', 'put before groups', '')
    .option('--oidc-required-claim <claim=value>', 'a claim that tokens must have (repeatable)', collect, [])
    .option('--oidc-ca-file <file>', "CAs of the provider (default: the system's)")
    .option('--oidc-signing-algs <names>', 'signatures that count (default: RS256)', items, []);
}

function addTokenWebhookOptions(up: Command): Command {
  return up
    .option(
      '--authentication-token-webhook-config-file <file>',
      'kubeconfig by which a webhook that knows tokens is reached',
    )
    .option('--authentication-token-webhook-version <version>', 'of TokenReview: v1 or v1beta1', 'v1beta1')
    .option('--authentication-token-webhook-cache-ttl <duration>', 'how long its answers are kept', '2m0s');
}

function addFrontProxyOptions(up: Command): Command {
  return up
    .option(
      '--requestheader-client-ca-file <file>',
      "CAs of proxies whose X-Remote-* headers count (default: the data folder's own)",
    )
    .option(
      '--requestheader-allowed-names <names>',
      'common names of such proxies (default: any of those CAs)',
      items,
      [],
    )
    .option('--requestheader-username-headers <names>', 'default: X-Remote-User', items, [])
    .option('--requestheader-uid-headers <names>', 'such as X-Remote-Uid (default: none)', items, [])
    .option('--requestheader-group-headers <names>', 'default: X-Remote-Group', items, [])
    .option('--requestheader-extra-headers-prefix <prefixes>', 'default: X-Remote-Extra-', items, []);
}

function addAuthorizationOptions(up: Command): Command {
  return up
    .option(
      '--authorization-mode <modes>',
      'Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny (default: Node,RBAC)',
      items,
      [],
    )
    .option('--authorization-config <file>', 'AuthorizationConfiguration (apiserver.config.k8s.io/v1)')
    .option('--authorization-webhook-config-file <file>', 'kubeconfig by which the webhook is reached')
    .option('--authorization-webhook-version <version>', 'of SubjectAccessReview: v1 or v1beta1 (default: v1beta1)')
    .option('--authorization-webhook-cache-authorized-ttl <duration>', 'how long its yes is kept (default: 5m)')
    .option('--authorization-webhook-cache-unauthorized-ttl <duration>', 'how long its no is kept (default: 30s)');
}

export function addAuthenticationOptions(up: Command): Command {
  up.addOption(
    new Option(
      '--anonymous-auth [bool]',
      'true: who shows nothing is system:anonymous everywhere; false: nowhere; by default at health and version only',
    ).argParser(yesOrNo),
  )
    .option('--token-auth-file <file>', 'tokens and their users: token,user,uid,"group1,group2" in each line')
    .addOption(
      new Option('--enable-bootstrap-token-auth [bool]', 'secrets of the type bootstrap.kubernetes.io/token are tokens')
        .argParser(yesOrNo)
        .default(false),
    )
    .option('--authentication-config <file>', 'AuthenticationConfiguration (apiserver.config.k8s.io/v1)')
    .option(
      '--service-account-issuer <url>',
      'who signs service account tokens; the first signs (repeatable)',
      collect,
      [],
    )
    .option(
      '--service-account-key-file <file>',
      'further keys by which service account tokens are known, public or private PEM (repeatable)',
      collect,
      [],
    )
    .option(
      '--service-account-signing-key-file <file>',
      "private key that signs service account tokens (default: the data folder's own)",
    )
    .option('--api-audiences <names>', 'what tokens for the API may be meant for (default: the issuer)', items, []);
  return addAuthorizationOptions(addFrontProxyOptions(addTokenWebhookOptions(addOidcOptions(up))));
}
