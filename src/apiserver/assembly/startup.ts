// What an API server does once at its start, step by step, and the health checks that tell how far it is.

import type { Transport } from '../../api/transport.ts';
import type { Aggregation } from '../aggregation/aggregation.ts';
import type { RoleIndex } from '../authz/role-index.ts';
import { bootstrapRbac } from '../bootstrap-rbac.ts';
import { publishTrust } from '../bootstrap-trust.ts';
import { bootstrapDefaultAccount, bootstrapNamespaces, bootstrapPriorityClasses } from '../bootstrap.ts';
import type { CustomResources } from '../custom-resources/custom-resources.ts';
import { createFlowControl } from '../flow-control/flow-control.ts';
import { type HealthCheck, startHooks } from '../health.ts';
import { createServiceRange } from '../service-range/service-range.ts';
import type { Foundation } from './foundation.ts';

/** Under the names of upstream's hooks that do the same. */
const steps = [
  'start-apiextensions-controllers',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'kube-apiserver-autoregistration',
] as const;

/** Nothing is there: that the store says so is what counts. */
const healthKey = '/registry/health';

/** What is started beside the caches; a part is absent where its group is turned off. */
export interface StartedParts {
  roles: RoleIndex | undefined;
  customResources: CustomResources | undefined;
  aggregation: Aggregation | undefined;
  /** Acts as the server itself. */
  transport: () => Transport;
}

export interface Startup {
  readonly checks: readonly HealthCheck[];
  /** Once. @throws what keeps the server from starting */
  run(): Promise<void>;
}

/** A health check of the store: that it answers. */
export const storeAnswers =
  ({ store }: Foundation): HealthCheck['check'] =>
  async () => {
    await store.get(healthKey);
    return undefined;
  };

export function createStartup(foundation: Foundation, parts: StartedParts): Startup {
  const { feed, closing } = foundation;
  const { aggregation } = parts;
  const check = storeAnswers(foundation);
  const hooks = startHooks(steps);
  let cachesLoaded = false;
  let registered = aggregation === undefined;
  return {
    checks: [
      { name: 'ping', check: () => undefined },
      { name: 'log', check: () => undefined },
      { name: 'etcd', check },
      { name: 'etcd-readiness', readyOnly: true, check },
      { name: 'informer-sync', readyOnly: true, check: () => (cachesLoaded ? undefined : 'caches are not loaded') },
      ...hooks.checks,
      { name: 'autoregister-completion', check: () => (registered ? undefined : 'APIServices are missing') },
      {
        name: 'shutdown',
        readyOnly: true,
        check: () => (closing.signal.aborted ? 'process is shutting down' : undefined),
      },
    ],
    async run() {
      await feed.start();
      cachesLoaded = true;
      await runSteps(foundation, parts, hooks.run);
      registered = true;
    },
  };
}

/** Custom resources and namespaces come first, since others are written into them; what is left goes side by side. */
async function runSteps(
  { options, resources, feed, objects, clock, logger, gates, serviceCidr, closing }: Foundation,
  { roles, customResources, aggregation, transport: own }: StartedParts,
  step: (name: (typeof steps)[number], run: () => unknown) => Promise<unknown>,
): Promise<void> {
  const keepers = { resources, feed, objects, clock, logger, transport: own, signal: closing.signal };
  const transport = own();
  await step('start-apiextensions-controllers', () => customResources?.start());
  await step('start-system-namespaces-controller', async () => {
    await bootstrapNamespaces(transport);
    if (resources.find('', 'v1', 'serviceaccounts') !== undefined) await bootstrapDefaultAccount(transport);
  });
  await step('scheduling/bootstrap-system-priority-classes', async () => {
    if (resources.find('scheduling.k8s.io', 'v1', 'priorityclasses') !== undefined)
      await bootstrapPriorityClasses(transport);
  });
  await Promise.all([
    step('rbac/bootstrap-roles', () => (roles === undefined ? undefined : bootstrapRbac(transport, gates))),
    step('start-cluster-authentication-info-controller', () => publishTrust(transport, options.authentication ?? {})),
    step('priority-and-fairness-config-producer', () => createFlowControl(keepers)?.start()),
    step('start-service-ip-repair-controllers', () => createServiceRange({ ...keepers, serviceCidr })?.start()),
    step('kube-apiserver-autoregistration', () => aggregation?.start()),
  ]);
}
