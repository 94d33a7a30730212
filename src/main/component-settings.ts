// What the options in Kubernetes' own syntax ask of API server and controllers, checked before anything is started.

import type { AnyKind } from '../api/scheme.ts';
import { allKinds } from '../api/kinds/all.ts';
import { checkFeatureGates } from '../api/feature-gates.ts';
import type { PluginName } from '../apiserver/admission/plugin-names.ts';
import { enabledPlugins } from '../apiserver/admission/plugins.ts';
import { servedKinds } from '../apiserver/runtime-config.ts';
import type { UpOptions } from '../cli/program.ts';
import { enabledControllers } from '../controllers/manager.ts';
import { UserError } from './user-error.ts';

export interface ComponentSettings {
  kinds: readonly AnyKind[];
  admissionPlugins: ReadonlySet<PluginName>;
  /** Whether the API server lets privileged containers in. */
  allowPrivileged: boolean;
  /** As --controllers. */
  controllers: string;
}

export type ComponentOptions = Pick<
  UpOptions,
  | 'enableAdmissionPlugins'
  | 'disableAdmissionPlugins'
  | 'allowPrivileged'
  | 'controllers'
  | 'featureGates'
  | 'runtimeConfig'
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
  checked('feature-gates', () => checkFeatureGates(options.featureGates));
  checked('controllers', () => enabledControllers(options.controllers));
  const { enableAdmissionPlugins: enable, disableAdmissionPlugins: disable } = options;
  return {
    kinds: checked('runtime-config', () => servedKinds(allKinds, options.runtimeConfig)),
    admissionPlugins: checked('enable-admission-plugins', () => enabledPlugins(enable, disable)),
    allowPrivileged: options.allowPrivileged,
    controllers: options.controllers,
  };
}
