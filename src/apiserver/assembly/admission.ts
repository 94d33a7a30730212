// The chain of admission: the plugins that are enabled, then what is always asked.

import type { Service } from '../../api/generated/types.ts';
import type { Transport } from '../../api/transport.ts';
import { sleep } from '../../lib/clock.ts';
import { type AdmissionChain, admissionChain, type AdmissionPlugin } from '../admission/admission.ts';
import { deviceAdminAccess } from '../admission/device-admin-access.ts';
import type { LookupKind } from '../admission/object-lookup.ts';
import { createPlugins } from '../admission/plugins.ts';
import { accessCheck } from '../admission/policy/access-check.ts';
import { meteredMatch, webhookConditions } from '../admission/policy/match-conditions.ts';
import { rbacEscalation } from '../admission/rbac-escalation.ts';
import { serviceAddresses } from '../admission/service-addresses.ts';
import { systemPriorityClassGuard } from '../admission/system-priority-classes.ts';
import { decided } from '../authz/decided.ts';
import { callWebhook } from '../http/webhook-client.ts';
import { mutationMetrics, policyMetrics } from '../metrics/policy-metrics.ts';
import { addressLookup, rangesInUse } from '../service-range/service-range.ts';
import type { Authorization } from './authorization.ts';
import type { Foundation } from './foundation.ts';

const serviceLookup: LookupKind<Service> = { group: '', resource: 'services' };

/** `transport` gives one that acts as the server itself; it is asked for once the server is there. */
export function createAdmission(
  foundation: Foundation,
  authorization: Authorization,
  transport: () => Transport,
): AdmissionChain {
  return admissionChain(
    enabledPlugins(foundation, authorization, transport),
    alwaysAsked(foundation, authorization),
    meterOf(foundation),
  );
}

const meterOf = ({ admissionTimes, monotonic }: Foundation) => ({ metrics: admissionTimes, monotonic });

function enabledPlugins(
  foundation: Foundation,
  { authorizer }: Authorization,
  transport: () => Transport,
): AdmissionPlugin[] {
  const { options, objects, logger, random, clock, resources, machinery, measured, admissionTimes, closing, caughtUp } =
    foundation;
  const access = accessCheck(authorizer);
  const match = meteredMatch(meterOf(foundation));
  return createPlugins(
    {
      metrics: admissionTimes,
      observePolicy: policyMetrics(measured),
      observeMutation: mutationMetrics(measured),
      objects,
      logger,
      random,
      mayDo: async (user, request) => (await decided(authorizer, caughtUp, user, request)).allowed,
      sleep: (ms) => sleep(clock, ms, closing.signal),
      now: () => clock.now(),
      clock,
      resources,
      machinery,
      configuration: options.admissionConfiguration ?? {},
      imagePolicyWebhook: options.imagePolicyWebhook,
      signal: closing.signal,
      call: options.callWebhook ?? callWebhook,
      access,
      match,
      conditionsHold: webhookConditions(access, match, admissionTimes),
      transport,
    },
    options.admissionPlugins,
  );
}

/** What upstream does in its registries and filters, and what the caller has added. */
function alwaysAsked(
  { options, objects, resources, clock, random, serviceCidr, caughtUp }: Foundation,
  { authorizer, roles }: Authorization,
): AdmissionPlugin[] {
  const addresses = () =>
    serviceAddresses({
      ranges: () => rangesInUse(serviceCidr, objects),
      services: () => objects.list(serviceLookup, ''),
      others: () => objects.list(addressLookup, ''),
      clock,
      random,
    });
  return [
    systemPriorityClassGuard,
    deviceAdminAccess(objects),
    ...(resources.find('', 'v1', 'services') === undefined ? [] : [addresses()]),
    ...(options.admission ?? []),
    ...(roles === undefined ? [] : [rbacEscalation({ authorizer, roles, caughtUp })]),
  ];
}
