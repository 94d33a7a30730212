// Validation of changes to a Pod's status. Follows ValidatePodStatusUpdate in pkg/apis/core/validation/validation.go of v1.36.

import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from '../../generated/types.ts';
import { duplicate, type FieldError, FieldPath, forbiddenField, invalid } from '../../meta/errors.ts';
import { nameIsSubdomain, qualifiedName, userOrGroupId } from '../../meta/names.ts';
import { immutableField, invalidEach, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { allContainersCouldRestart, shouldRestart } from '../../pod/restart-policy.ts';
import { metaOf } from '../common.ts';
import { specOf } from './validate.ts';
import { validateAnnotationUpdates } from './validation/annotations.ts';
import { ipErrors, ipFamily, oneOf } from './validation/shared.ts';

const path = new FieldPath('status');
const statusLists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

/** A container that ended for good stays ended. */
function transitionErrors(
  at: FieldPath,
  statuses: readonly ContainerStatus[],
  old: readonly ContainerStatus[],
  mayRestart: (name: string, exitCode: number) => boolean,
): FieldError[] {
  return old.flatMap((before, i) => {
    const ended = before.state?.terminated;
    const now = statuses.find(({ name }) => name === before.name);
    if (!ended || !now || now.state?.terminated || mayRestart(before.name, ended.exitCode)) return [];
    return [forbiddenField(at.index(i).child('state'), 'may not be transitioned to non-terminated state')];
  });
}

function allTransitionErrors(status: PodStatus, old: PodStatus, spec: PodSpec): FieldError[] {
  const restartsAll = allContainersCouldRestart(spec);
  const by =
    (containers: readonly Container[] | undefined) =>
    (name: string, exitCode: number): boolean => {
      const container = containers?.find((one) => one.name === name);
      return restartsAll || (container !== undefined && shouldRestart(container, spec, exitCode));
    };
  const rules = {
    containerStatuses: by(spec.containers),
    initContainerStatuses: by(spec.initContainers),
    ephemeralContainerStatuses: () => false,
  };
  return statusLists.flatMap((list) =>
    transitionErrors(path.child(list), status[list] ?? [], old[list] ?? [], rules[list]),
  );
}

function conditionErrors(status: PodStatus): FieldError[] {
  return (status.conditions ?? []).flatMap(({ type, observedGeneration = 0 }, i) => {
    const at = path.child('conditions').index(i);
    const errors: FieldError[] = [];
    if (observedGeneration < 0) {
      errors.push(invalid(at.child('observedGeneration'), observedGeneration, 'must be a non-negative integer'));
    }
    if (['PodScheduled', 'Ready', 'Initialized'].includes(type)) return errors;
    return [...errors, ...invalidEach(at.child('Type'), type, qualifiedName(type))];
  });
}

/** Valid addresses, at most one of each family. Bad ones from before may stay. */
function addressErrors(
  at: FieldPath,
  addresses: readonly { ip?: string }[],
  old: readonly { ip?: string }[],
): FieldError[] {
  const kept = old.map(({ ip = '' }) => ip);
  const errors = addresses.flatMap(({ ip = '' }, i) => ipErrors(at.index(i), ip, kept));
  if (addresses.length < 2) return errors;
  const families = new Set(addresses.map(({ ip = '' }) => ipFamily(ip)));
  if (addresses.length > 2 || families.size !== 2) {
    const shown = addresses.map(({ ip }) => ({ IP: ip ?? '' }));
    errors.push(invalid(at, shown, 'may specify no more than one IP for each IP family'));
  }
  return errors;
}

function hostAddressErrors(status: PodStatus, old: PodStatus): FieldError[] {
  const at = path.child('hostIPs');
  const first = status.hostIPs?.[0];
  if (!first) return [];
  const errors = addressErrors(at, status.hostIPs ?? [], old.hostIPs ?? []);
  if ((status.hostIP ?? '') === first.ip) return errors;
  return [invalid(at.index(0).child('ip'), first.ip ?? '', 'must be equal to `hostIP`'), ...errors];
}

function nominatedErrors(pod: Pod, old: Pod): FieldError[] {
  const at = path.child('nominatedNodeName');
  const name = pod.status?.nominatedNodeName ?? '';
  if (name === '' || name === old.status?.nominatedNodeName) return [];
  const errors = invalidEach(at, name, nameIsSubdomain(name, false));
  if (!old.spec?.nodeName) return errors;
  return [...errors, forbiddenField(at, 'may not be set on pods that are already bound to a node')];
}

function userErrors(status: PodStatus, spec: PodSpec): FieldError[] {
  const windows = spec.os?.name === 'windows';
  return statusLists.flatMap((list) =>
    (status[list] ?? []).flatMap(({ user }, i) => {
      const linux = user?.linux;
      if (!linux) return [];
      const at = path.child(list).index(i).child('user', 'linux');
      if (windows) return [forbiddenField(at, 'cannot be set for a windows pod')];
      const check = (where: FieldPath, id: number): FieldError[] =>
        userOrGroupId(id).map((message) => invalid(where, id, message));
      return [
        ...check(at.child('uid'), linux.uid),
        ...check(at.child('gid'), linux.gid),
        ...(linux.supplementalGroups ?? []).flatMap((id, g) => check(at.child('supplementalGroups').index(g), id)),
      ];
    }),
  );
}

const healths = ['Healthy', 'Unhealthy', 'Unknown'];

function allocatedErrors(status: PodStatus, spec: PodSpec): FieldError[] {
  const containersOf = { containerStatuses: spec.containers, initContainerStatuses: spec.initContainers } as const;
  const errors: FieldError[] = [];
  for (const list of ['containerStatuses', 'initContainerStatuses'] as const) {
    status[list]?.forEach((one, i) => {
      const container = containersOf[list]?.find(({ name }) => name === one.name);
      one.allocatedResourcesStatus?.forEach(({ name, resources }, j) => {
        const at = path.child(list).index(i).child('allocatedResourcesStatus').index(j);
        const claims = (container?.resources?.claims ?? []).map(
          (claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`,
        );
        const isClaim = name.startsWith('claim:');
        const known = isClaim ? claims : Object.keys(container?.resources?.requests ?? {});
        const detail = isClaim
          ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
          : "must match one of the container's resource requests";
        if (container && !known.includes(name)) errors.push(invalid(at.child('name'), name, detail));
        const ids = new Set<string>();
        resources?.forEach(({ health = '', resourceID }, k) => {
          const resourceAt = at.child('resources').index(k);
          errors.push(...oneOf(resourceAt.child('health'), health, healths));
          if (ids.has(resourceID)) errors.push(duplicate(resourceAt.child('resourceID'), resourceID));
          ids.add(resourceID);
        });
      });
    });
  }
  status.ephemeralContainerStatuses?.forEach((one, i) => {
    if (!one.allocatedResourcesStatus?.length) return;
    const at = path.child('ephemeralContainerStatuses').index(i).child('allocatedResourcesStatus');
    errors.push(forbiddenField(at, 'must not be specified in container status'));
  });
  return errors;
}

function claimStatusErrors(status: PodStatus, spec: PodSpec): FieldError[] {
  const seen = new Set<string>();
  return (status.resourceClaimStatuses ?? []).flatMap(({ name, resourceClaimName }, i) => {
    const at = path.child('resourceClaimStatuses').index(i);
    const errors: FieldError[] = [];
    if (!spec.resourceClaims?.some((claim) => claim.name === name)) {
      errors.push(invalid(at.child('name'), name, 'must match the name of an entry in `spec.resourceClaims`'));
    }
    if (seen.has(name)) errors.push(duplicate(at.child('name'), name));
    seen.add(name);
    if (resourceClaimName === undefined) return errors;
    return [
      ...errors,
      ...invalidEach(at.child('resourceClaimName'), resourceClaimName, nameIsSubdomain(resourceClaimName, false)),
    ];
  });
}

export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const [status, oldStatus] = [pod.status ?? {}, old.status ?? {}];
  const [spec, oldSpec] = [specOf(pod), specOf(old)];
  const errors = [
    ...validateObjectMetaUpdate(metaOf(pod), metaOf(old)),
    ...validateAnnotationUpdates(pod, old),
    ...conditionErrors(status),
  ];
  if ((spec.nodeName ?? '') !== (oldSpec.nodeName ?? '')) {
    errors.push(forbiddenField(path.child('nodeName'), 'may not be changed directly'));
  }
  errors.push(...nominatedErrors(pod, old));
  const generation = status.observedGeneration ?? 0;
  if (generation < 0)
    errors.push(invalid(path.child('observedGeneration'), generation, 'must be a non-negative integer'));
  return [
    ...errors,
    ...immutableField(path.child('qosClass'), status.qosClass, oldStatus.qosClass),
    ...allTransitionErrors(status, oldStatus, oldSpec),
    ...claimStatusErrors(status, spec),
    ...addressErrors(path.child('podIPs'), status.podIPs ?? [], oldStatus.podIPs ?? []),
    ...hostAddressErrors(status, oldStatus),
    ...userErrors(status, spec),
    ...allocatedErrors(status, spec),
  ];
}
