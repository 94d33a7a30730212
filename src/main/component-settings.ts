// What the options in Kubernetes' own syntax ask of API server and controllers, checked before anything is started.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { AnyKind } from '../api/scheme.ts';
import { allKinds } from '../api/kinds/all.ts';
import { goQuote, parseGoDuration } from '../api/meta/go-format.ts';
import { parseYamlStrict } from '../api/schema/yaml.ts';
import { type EnabledGates, enabledGates } from '../api/feature-gates.ts';
import type { ImagePolicyWebhook } from '../apiserver/admission/image-policy.ts';
import { type PluginConfiguration, pluginConfiguration } from '../apiserver/admission/plugin-configuration.ts';
import type { PluginName } from '../apiserver/admission/plugin-names.ts';
import { enabledPlugins } from '../apiserver/admission/plugins.ts';
import type { RequestLimits } from '../apiserver/http/limits.ts';
import { reviewClient } from '../apiserver/http/review-client.ts';
import { servedKinds } from '../apiserver/runtime-config.ts';
import type { UpOptions } from '../cli/program.ts';
import { enabledControllers } from '../controllers/manager.ts';
import { UserError } from './user-error.ts';
import { readWebhookKubeconfig } from './webhook-kubeconfig.ts';

export interface ComponentSettings {
  /** What --runtime-config asks for; those whose gate is off among them are not served all the same. */
  kinds: readonly AnyKind[];
  /** The feature gates that are on beside those of v1.36 itself. */
  gates: EnabledGates;
  admissionPlugins: ReadonlySet<PluginName>;
  admissionConfiguration: PluginConfiguration;
  /** Whether the API server lets privileged containers in. */
  allowPrivileged: boolean;
  /** As --controllers. */
  controllers: string;
  /** How much the API server does at once, and for how long. */
  limits: RequestLimits;
}

export type ComponentOptions = Pick<
  UpOptions,
  | 'enableAdmissionPlugins'
  | 'disableAdmissionPlugins'
  | 'admissionControlConfigFile'
  | 'allowPrivileged'
  | 'controllers'
  | 'featureGates'
  | 'runtimeConfig'
  | 'maxRequestsInflight'
  | 'maxMutatingRequestsInflight'
  | 'requestTimeout'
  | 'minRequestTimeout'
>;

/** Throws a UserError that names the option for what is unknown, contradictory or not built. */
export function componentSettings(options: ComponentOptions): ComponentSettings {
  const checked = <T>(option: string, check: () => T): T => {
    try {
      return check();
    } catch (error) {
      throw new UserError(`--${option}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const gates = checked('feature-gates', () => enabledGates(options.featureGates));
  checked('controllers', () => enabledControllers(options.controllers));
  const { enableAdmissionPlugins: enable, disableAdmissionPlugins: disable } = options;
  const file = options.admissionControlConfigFile;
  const configuration = checked('admission-control-config-file', () =>
    file === undefined ? {} : readConfiguration(file),
  );
  const admissionPlugins = checked('enable-admission-plugins', () => enabledPlugins(enable, disable));
  if (admissionPlugins.has('EventRateLimit') && configuration.eventLimits === undefined)
    throw new UserError('--enable-admission-plugins: EventRateLimit needs limits from --admission-control-config-file');
  if (admissionPlugins.has('ImagePolicyWebhook') && configuration.imagePolicy === undefined)
    throw new UserError('--enable-admission-plugins: ImagePolicyWebhook: no config specified');
  return {
    kinds: checked('runtime-config', () => servedKinds(allKinds, options.runtimeConfig)),
    gates,
    admissionPlugins,
    admissionConfiguration: configuration,
    allowPrivileged: options.allowPrivileged,
    controllers: options.controllers,
    limits: {
      maxRequestsInFlight: options.maxRequestsInflight,
      maxMutatingRequestsInFlight: options.maxMutatingRequestsInflight,
      requestTimeoutMs: checked('request-timeout', () => durationMs(options.requestTimeout)),
      minRequestTimeoutMs: options.minRequestTimeout * 1000,
    },
  };
}

/** The webhook that decides about images, where its plugin runs. Rejects with a UserError where its kubeconfig is not as it should be. */
export async function imagePolicyWebhook({
  admissionPlugins,
  admissionConfiguration: { imagePolicy },
}: ComponentSettings): Promise<ImagePolicyWebhook | undefined> {
  if (imagePolicy === undefined || !admissionPlugins.has('ImagePolicyWebhook')) return undefined;
  const { kubeConfigFile: file } = imagePolicy;
  const read = async (): Promise<ImagePolicyWebhook> => ({
    ...imagePolicy,
    post: reviewClient(await readWebhookKubeconfig(resolve(file))),
  });
  return read().catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`--admission-control-config-file: plugin "ImagePolicyWebhook": ${file}: ${why}`);
  });
}

/** Throws an Error on what is no duration, or a negative one. */
function durationMs(text: string): number {
  const ms = parseGoDuration(text);
  if (ms === undefined) throw new Error(`time: invalid duration ${goQuote(text)}`);
  if (ms < 0) throw new Error('can not be negative value');
  return ms;
}

/** Files that plugins name are beside the file itself, where they are not named in full. Throws Errors. */
function readConfiguration(file: string): PluginConfiguration {
  const read = (path: string): unknown => parseYamlStrict(readFileSync(path, 'utf8')).value;
  return pluginConfiguration(read(file), (path) => read(resolve(dirname(file), path)));
}
