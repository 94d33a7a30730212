// Finds how many pods the controller of a pod wants, through the scale subresource of whatever kind it is.
// Follows the finders of pkg/controller/disruption/disruption.go of v1.36.

import type { OwnerReference } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { type KubeObject, parseApiVersion } from '../../api/meta/types.ts';
import type { Transport } from '../../api/transport.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { servedKinds, type ServedKind } from '../namespace/discovery.ts';
import type { FoundScale, Scale } from './decide.ts';

/** How long what the API server serves is taken to stay the same; for what was not there it is asked again. */
const discoveryMs = 30_000;

export interface ScaleFinder {
  /** The controller that is referred to from that namespace, or whoever controls it in turn. */
  find(reference: OwnerReference, namespace: string, signal: AbortSignal): Promise<FoundScale>;
}

export interface ScaleFinderDeps {
  /** May read scales, and ReplicaSets. */
  client: Client;
  transport: Transport;
  clock: Clock;
}

interface ScaleObject extends KubeObject {
  spec?: { replicas?: number };
}

const isMissing = (error: unknown): boolean => isApiError(error) && error.code === 404;

/** undefined for what is not there. */
async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Finds kinds by their names in references, and remembers them for a while. */
function kindFinder(
  transport: Transport,
  clock: Clock,
): (apiVersion: string, kind: string, signal: AbortSignal) => Promise<ServedKind | undefined> {
  const known = new Map<string, { kinds: readonly ServedKind[]; until: number }>();
  return async (apiVersion, kind, signal) => {
    const has = (kinds: readonly ServedKind[]): ServedKind | undefined => kinds.find((one) => one.kind === kind);
    const cached = known.get(apiVersion);
    const found = cached !== undefined && cached.until > clock.monotonic() ? has(cached.kinds) : undefined;
    if (found !== undefined) return found;
    const kinds = (await ifThere(servedKinds(transport, apiVersion, signal))) ?? [];
    known.set(apiVersion, { kinds, until: clock.monotonic() + discoveryMs });
    return has(kinds);
  };
}

const workloadGroups = ['apps', 'extensions'];
const isWorkload = ({ apiVersion, kind }: OwnerReference, wanted: string): boolean =>
  kind === wanted && workloadGroups.includes(parseApiVersion(apiVersion).group);

export function createScaleFinder({ client, transport, clock }: ScaleFinderDeps): ScaleFinder {
  const kindOf = kindFinder(transport, clock);

  const servedAs = async (reference: OwnerReference, signal: AbortSignal): Promise<ServedKind> => {
    const found = await kindOf(reference.apiVersion, reference.kind, signal);
    if (found !== undefined) return found;
    throw new Error(`no matches for kind ${goQuote(reference.kind)} in version ${goQuote(reference.apiVersion)}`);
  };

  const scaleOf = async (
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<Scale | undefined> => {
    const served = await servedAs(reference, signal);
    if (!served.hasScale) {
      const { group, resource } = served;
      throw new Error(`${resource}${group === '' ? '' : `.${group}`} does not implement the scale subresource`);
    }
    const name = { namespace, name: reference.name };
    const scales: Resource<ScaleObject> = served;
    const scale = await ifThere(client.get(scales, name, { subresource: 'scale', signal }));
    if (scale === undefined || scale.metadata?.uid !== reference.uid) return undefined;
    return { uid: reference.uid, replicas: scale.spec?.replicas ?? 0 };
  };

  /** The scale of the Deployment that a ReplicaSet belongs to. */
  const deploymentScale = async (
    reference: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<Scale | undefined> => {
    const served = await servedAs(reference, signal);
    const set = await ifThere(client.get(served, { namespace, name: reference.name }, { signal }));
    if (set?.metadata?.uid !== reference.uid) return undefined;
    const owner = set.metadata.ownerReferences?.find(({ controller }) => controller === true);
    return owner !== undefined && isWorkload(owner, 'Deployment') ? scaleOf(owner, namespace, signal) : undefined;
  };

  return {
    async find(reference, namespace, signal) {
      try {
        const above = isWorkload(reference, 'ReplicaSet')
          ? await deploymentScale(reference, namespace, signal)
          : undefined;
        return above ?? (await scaleOf(reference, namespace, signal)) ?? 'none';
      } catch (error) {
        signal.throwIfAborted();
        return { error: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}
