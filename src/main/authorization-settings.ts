// What the options say of who decides what may be done, read and checked before anything is started.
// Follows pkg/kubeapiserver/options/authorization.go of v1.36.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseGoDuration } from '../api/meta/go-format.ts';
import { type ConfiguredAuthorizer, defaultModes } from '../apiserver/authz/modes.ts';
import type { AuthenticationFlags } from '../cli/authentication-options.ts';
import { isMode, parseAuthorizationConfig, webhookBy } from './authorization-config.ts';
import { checked } from './checked-option.ts';
import { UserError } from './user-error.ts';
import type { WatchedConfig } from './watched-config.ts';

export interface AuthorizationSettings {
  /** As configured now; another list once its file has changed. */
  authorization: () => readonly ConfiguredAuthorizer[];
  watched: readonly WatchedConfig[];
}

/** What the flags of the webhook are where none is given. */
const usual = { version: 'v1beta1', authorizedTtl: '5m', unauthorizedTtl: '30s' };
const timeoutMs = 30_000;

const ttlOf = (option: string, text: string): number => {
  const ms = parseGoDuration(text);
  if (ms === undefined || ms < 0) throw new UserError(`--${option}: invalid duration ${JSON.stringify(text)}`);
  return ms;
};

/** The webhook that --authorization-webhook-* describe. */
function flaggedWebhook(flags: AuthenticationFlags): Promise<ConfiguredAuthorizer> {
  const { authorizationWebhookConfigFile: file, authorizationWebhookVersion: version = usual.version } = flags;
  if (file === undefined) throw new UserError("--authorization-mode: Webhook's authorization config file not passed");
  if (version !== 'v1' && version !== 'v1beta1')
    throw new UserError(
      `--authorization-webhook-version: unsupported webhook authorizer version ${JSON.stringify(version)}`,
    );
  const about = {
    name: 'default',
    authorizedTtlMs: ttlOf(
      'authorization-webhook-cache-authorized-ttl',
      flags.authorizationWebhookCacheAuthorizedTtl ?? usual.authorizedTtl,
    ),
    unauthorizedTtlMs: ttlOf(
      'authorization-webhook-cache-unauthorized-ttl',
      flags.authorizationWebhookCacheUnauthorizedTtl ?? usual.unauthorizedTtl,
    ),
    timeoutMs,
    version,
    failurePolicy: 'NoOpinion',
  } as const;
  return checked('authorization-webhook-config-file', () => webhookBy(resolve(file), about));
}

/** What --authorization-mode names, Node and RBAC where it names nothing. Throws a UserError. */
async function flaggedModes(flags: AuthenticationFlags): Promise<readonly ConfiguredAuthorizer[]> {
  const { authorizationMode: list } = flags;
  if (flags.authorizationWebhookConfigFile !== undefined && !list.includes('Webhook'))
    throw new UserError('cannot specify --authorization-webhook-config-file without mode Webhook');
  if (list.length === 0) return defaultModes;
  const configured: ConfiguredAuthorizer[] = [];
  for (const [i, name] of list.entries()) {
    const fail = (why: string): never => {
      throw new UserError(`--authorization-mode: ${why}`);
    };
    if (list.indexOf(name) < i) fail(`${JSON.stringify(name)} is specified more than once`);
    if (name === 'ABAC') fail('mode "ABAC" is not built into Peapod');
    if (name === 'Webhook') configured.push(await flaggedWebhook(flags));
    else if (isMode(name)) configured.push(name);
    else fail(`${JSON.stringify(name)} is not a valid mode`);
  }
  return configured;
}

const webhookFlags = [
  'authorizationWebhookConfigFile',
  'authorizationWebhookVersion',
  'authorizationWebhookCacheAuthorizedTtl',
  'authorizationWebhookCacheUnauthorizedTtl',
] as const;

/** Throws a UserError that names the option for what is wrong, contradictory or not built. */
export async function authorizationSettings(flags: AuthenticationFlags): Promise<AuthorizationSettings> {
  const { authorizationConfig: file } = flags;
  if (file === undefined) {
    const modes = await flaggedModes(flags);
    return { authorization: () => modes, watched: [] };
  }
  if (flags.authorizationMode.length > 0 || webhookFlags.some((name) => flags[name] !== undefined))
    throw new UserError(
      '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined',
    );
  const option = 'authorization-config';
  const text = await checked(option, () => readFile(file, 'utf8'));
  let configured = await checked(option, () => parseAuthorizationConfig(text));
  const config: WatchedConfig = {
    option,
    path: resolve(file),
    text,
    async apply(next) {
      const read = await parseAuthorizationConfig(next);
      // Whether nobody may ask is settled when the server starts.
      if (read.includes('AlwaysAllow') !== configured.includes('AlwaysAllow'))
        throw new Error('authorizers: AlwaysAllow comes and goes with a restart only');
      configured = read;
    },
  };
  return { authorization: () => configured, watched: [config] };
}
