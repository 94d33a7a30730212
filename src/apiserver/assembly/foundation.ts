// What every part of an API server stands on: the store and the caches over it, clock and chance, metrics, and the end of it all.

import { type EnabledGates, noGates } from '../../api/feature-gates.ts';
import type { AnyKind } from '../../api/scheme.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createRegistry, type Registry } from '../../lib/metrics-registry.ts';
import type { Random } from '../../lib/random.ts';
import type { Store } from '../../store/store.ts';
import { type ObjectLookup, objectLookup } from '../admission/object-lookup.ts';
import { defaultLimits, type RequestLimits } from '../http/limits.ts';
import type { ObjectMachinery } from '../machinery.ts';
import { type AdmissionMetrics, admissionMetrics } from '../metrics/admission-metrics.ts';
import { timedStore } from '../metrics/server-metrics.ts';
import { CacheFeed } from '../registry/cache-feed.ts';
import { type DynamicResourceTable, resourceTable } from '../resources.ts';
import type { ApiServerOptions } from './options.ts';

export interface Foundation {
  readonly options: ApiServerOptions;
  readonly machinery: ObjectMachinery;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly gates: EnabledGates;
  readonly limits: RequestLimits;
  /** Told at /metrics, and at /metrics/slis. */
  readonly measured: Registry;
  readonly slis: Registry;
  readonly admissionTimes: AdmissionMetrics;
  readonly store: Store;
  /** Kinds that are only posted (bindings), or only worked out (statuses of components). */
  readonly unstored: readonly AnyKind[];
  readonly resources: DynamicResourceTable;
  readonly feed: CacheFeed;
  readonly objects: ObjectLookup;
  readonly serviceCidr: string;
  /** Aborts when the server closes. */
  readonly closing: AbortController;
  monotonic(): number;
  /** Resolves once the caches have all that was stored when it was called. */
  caughtUp(): Promise<void>;
}

/** Opens the caches; they are empty until the feed is started. */
export function layFoundation(options: ApiServerOptions): Foundation {
  const { machinery, kinds, clock, random, logger, gates = noGates, serviceCidr = '10.43.0.0/16' } = options;
  const measured = options.metrics ?? createRegistry();
  const monotonic = (): number => clock.monotonic();
  const store = timedStore(options.store, measured, monotonic);
  const resources = resourceTable(kinds.filter(isStored));
  const feed = new CacheFeed(store, resources.all, clock, logger);
  return {
    options,
    machinery,
    clock,
    random,
    logger,
    gates,
    limits: { ...defaultLimits, ...options.limits },
    measured,
    slis: createRegistry(),
    admissionTimes: admissionMetrics(measured),
    store,
    unstored: kinds.filter((kind) => !isStored(kind)),
    resources,
    feed,
    objects: objectLookup(resources, feed),
    serviceCidr,
    closing: new AbortController(),
    monotonic,
    caughtUp: () => feed.caughtUp(),
  };
}

const isStored = ({ verbs }: AnyKind): boolean => verbs.includes('watch');
