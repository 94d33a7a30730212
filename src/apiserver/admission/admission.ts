// The admission chain: what may change or refuse a write after it was decoded and before it is stored.

import { type ApiError, forbidden } from '../../api/meta/errors.ts';
import type { JsonObject, KubeObject } from '../../api/meta/types.ts';
import type { AdmissionMetrics, AdmissionStep, ObserveAdmission } from '../metrics/admission-metrics.ts';
import type { UserInfo } from '../request.ts';
import type { StoredObject } from '../registry/object-version.ts';
import type { ResourceInfo } from '../resources.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What plugins that change objects in turn know of each other: they may ask to see the object once more. */
export interface Reinvocation {
  /** Whether this is the second round. */
  again: boolean;
  /** Set by a plugin that changed the object after others had seen it: all are asked once more. */
  wanted: boolean;
  /** What a plugin keeps from the first round for the second, by its name. */
  readonly kept: Map<string, unknown>;
}

/** One write, or one connection, as admission sees it. */
export interface AdmissionAttributes {
  operation: Operation;
  resource: ResourceInfo;
  subresource: string;
  namespace: string;
  name: string;
  user: UserInfo;
  dryRun: boolean;
  /** The new object, or the options of a connection; mutators may change it, and never put another in its place. Absent on delete. */
  object: KubeObject | undefined;
  old: StoredObject | undefined;
  warnings: string[];
  /** CreateOptions, UpdateOptions or DeleteOptions as webhooks and policies are shown them; undefined for connections. */
  options(): JsonObject | undefined;
  /** What the audit log is to tell of the request, by key; the first value of a key stays. */
  readonly annotations: Map<string, string>;
  /** Aborts when the request is over. */
  signal(): AbortSignal;
  /** Takes note that the request waited that many ms for webhooks. */
  waited(ms: number): void;
  readonly reinvocation: Reinvocation;
  /** Called once it is known whether what was let in is stored. */
  readonly settled: ((stored: boolean) => void)[];
}

/** Tells the plugins that asked for it what became of the write. */
export function settle({ settled }: AdmissionAttributes, stored: boolean): void {
  for (const tell of settled) tell(stored);
}

/** One plugin. Throws an ApiError to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Where false, neither hook has anything to do: most plugins look at a few resources only. True when absent. */
  concerns?(attributes: AdmissionAttributes): boolean;
  mutate?(attributes: AdmissionAttributes): Promise<void> | void;
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}

/** Whether it is of that resource, whatever the operation and subresource. */
export const isResource = ({ resource }: AdmissionAttributes, group: string, plural: string): boolean =>
  resource.kind.group === group && resource.kind.resource === plural;

/** Whether it creates or updates objects of that resource, not by way of a subresource. */
export const isWriteOf = (at: AdmissionAttributes, group: string, plural: string): boolean =>
  (at.operation === 'CREATE' || at.operation === 'UPDATE') && at.subresource === '' && isResource(at, group, plural);

/**
 * 403 as admission words it, by the object's name or, where it has none yet, what its name is made from. One of a collection that is
 * deleted is not named. Follows admission.NewForbidden.
 */
export function refuse({ resource, name, object }: AdmissionAttributes, why: string): ApiError {
  const { name: own, generateName = '' } = object?.metadata ?? {};
  return forbidden(resource.qualified, own || name || generateName || 'Unknown', why);
}

/** Runs the plugins in order. */
export interface AdmissionChain {
  mutate(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}

/** Where the times of a chain are told, and by which clock (ms). */
export interface AdmissionMeter {
  metrics: AdmissionMetrics;
  monotonic(): number;
}

/** One plugin's part in a step. */
interface PluginStep {
  concerns(attributes: AdmissionAttributes): boolean;
  run(attributes: AdmissionAttributes): Promise<void> | void;
  took: ObserveAdmission;
}

/** The plugins that have a part in the step. */
function stepsOf(plugins: readonly AdmissionPlugin[], type: AdmissionStep, { metrics }: AdmissionMeter): PluginStep[] {
  return plugins.flatMap((plugin): PluginStep[] => {
    const hook = type === 'admit' ? plugin.mutate : plugin.validate;
    if (hook === undefined) return [];
    const concerns = (attributes: AdmissionAttributes): boolean => plugin.concerns?.(attributes) ?? true;
    return [{ concerns, run: (attributes) => hook.call(plugin, attributes), took: metrics.plugin(plugin.name, type) }];
  });
}

/** Runs them in order; the end of one is the beginning of the next. */
async function runSteps(steps: readonly PluginStep[], at: AdmissionAttributes, now: () => number): Promise<void> {
  let from = now();
  for (const { concerns, run, took } of steps) {
    if (!concerns(at)) {
      took(at.operation, false, 0);
      continue;
    }
    try {
      const pending = run(at);
      // Most have nothing to wait for.
      if (pending !== undefined) await pending;
    } catch (error) {
      took(at.operation, true, now() - from);
      throw error;
    }
    const to = now();
    took(at.operation, false, to - from);
    from = to;
  }
}

/** Runs one step as a whole. */
async function timed(
  took: ObserveAdmission,
  { operation }: AdmissionAttributes,
  now: () => number,
  run: () => Promise<void>,
): Promise<void> {
  const from = now();
  let rejected = true;
  try {
    await run();
    rejected = false;
  } finally {
    took(operation, rejected, now() - from);
  }
}

/**
 * The chain of `plugins`, which change an object a second time where one of them asks for it, as apiserver pkg/admission/reinvocation.go
 * has it; those of `after` come when they are done, once.
 */
export function admissionChain(
  plugins: readonly AdmissionPlugin[],
  after: readonly AdmissionPlugin[],
  meter: AdmissionMeter,
): AdmissionChain {
  const mutating = stepsOf(plugins, 'admit', meter);
  const mutatingAfter = stepsOf(after, 'admit', meter);
  const validating = stepsOf([...plugins, ...after], 'validate', meter);
  const [admitted, validated] = [meter.metrics.step('admit'), meter.metrics.step('validate')];
  const now = (): number => meter.monotonic();
  return {
    mutate: (attributes) =>
      timed(admitted, attributes, now, async () => {
        const { reinvocation } = attributes;
        await runSteps(mutating, attributes, now);
        if (reinvocation.wanted) {
          reinvocation.again = true;
          await runSteps(mutating, attributes, now);
        }
        await runSteps(mutatingAfter, attributes, now);
      }),
    validate: (attributes) => timed(validated, attributes, now, () => runSteps(validating, attributes, now)),
  };
}
