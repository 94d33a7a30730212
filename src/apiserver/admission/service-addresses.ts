// Gives services their addresses and node ports out of the cluster's ranges, each to one service only.
// Follows pkg/registry/core/service/storage/alloc.go, ipallocator and portallocator of v1.36.

import type { IPAddress, Service } from '../../api/generated/types.ts';
import { isManagedAddress } from '../../api/kinds/ipaddress/managed.ts';
import { hasAddresses, isHeadless, keepAllocated, needsNodePorts, specOf } from '../../api/kinds/service/allocation.ts';
import { type FieldError, FieldPath, internalFieldError, invalid, invalidObject } from '../../api/meta/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Ipv4Range, ipv4Range } from '../../lib/ipv4-range.ts';
import type { Random } from '../../lib/random.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isWriteOf } from './admission.ts';
import type { Soon } from '../../lib/soon.ts';

export interface ServiceAddressDeps {
  /** The ranges that addresses are given of now: 10.43.0.0/16. */
  ranges(): Promise<readonly string[]>;
  /** Every service as it is now, having waited for every acknowledged write. */
  services(): Soon<readonly Service[]>;
  /** Every IPAddress likewise: what others have taken of the range. */
  others(): Soon<readonly IPAddress[]>;
  clock: Clock;
  random: Random;
}

const [firstNodePort, lastNodePort] = [30_000, 32_767];
/** What was given to a write is kept from others until the write must have been seen, ms. */
const reservedMs = 30_000;
const path = new FieldPath('spec');

/** The addresses at the beginning that are given only to who asks for them by name. */
export function reservedForNames(size: number): number {
  return Math.min(Math.max(16, Math.floor(size / 16)), 256, size - 2);
}

/** A free number from `from` to `to`, from a random place on. */
function findFree(from: number, to: number, random: Random, isTaken: (index: number) => boolean): number | undefined {
  const count = to - from + 1;
  const start = Math.floor(random.float() * count);
  for (let i = 0; i < count; i++) {
    const index = from + ((start + i) % count);
    if (!isTaken(index)) return index;
  }
  return undefined;
}

interface Taken {
  /** Where addresses are looked for, in that order. */
  ranges: readonly Ipv4Range[];
  addresses: Set<string>;
  /** Whatever their protocol, so that a port means one service. */
  nodePorts: Set<number>;
}

/** What the other services have, and what IPAddress objects keep that are not of services. */
function takenBy(
  ranges: readonly Ipv4Range[],
  services: readonly Service[],
  others: readonly IPAddress[],
  except: { name: string; namespace: string },
): Taken {
  const foreign = others.flatMap((object) => (isManagedAddress(object) ? [] : [object.metadata?.name ?? '']));
  const taken: Taken = { ranges, addresses: new Set(foreign), nodePorts: new Set() };
  for (const { metadata, spec } of services) {
    if (metadata?.name === except.name && metadata.namespace === except.namespace) continue;
    for (const address of spec?.clusterIPs ?? []) taken.addresses.add(address);
    for (const { nodePort } of spec?.ports ?? []) if (nodePort) taken.nodePorts.add(nodePort);
  }
  return taken;
}

/** Runs after all others, whatever plugins are on. */
export function serviceAddresses(deps: ServiceAddressDeps): AdmissionPlugin {
  /** By address or port, until when. */
  const reserved = new Map<string | number, { until: number; owner: string }>();
  let before: Promise<unknown> = Promise.resolve();

  /** One at a time: what one is given the next one sees. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = before.then(work);
    before = done.catch(() => {});
    return done;
  };

  const isReserved = (what: string | number, owner: string): boolean => {
    const found = reserved.get(what);
    if (found === undefined) return false;
    if (found.until > deps.clock.monotonic()) return found.owner !== owner;
    reserved.delete(what);
    return false;
  };

  const give = (service: Service, taken: Taken, owner: string): FieldError[] => {
    const spec = specOf(service);
    const reserve = (what: string | number): void =>
      void reserved.set(what, { until: deps.clock.monotonic() + reservedMs, owner });
    if (hasAddresses(spec) && !spec.clusterIP && !spec.clusterIPs?.length) {
      const isUsed = (one: string): boolean => taken.addresses.has(one) || isReserved(one, owner);
      const address = freeAddress(taken.ranges, deps.random, isUsed);
      if (address === undefined)
        return [internalFieldError(path.child('clusterIPs'), 'failed to allocate a serviceIP: range is full')];
      spec.clusterIP = address;
      reserve(address);
    }
    if (!needsNodePorts(spec)) return [];
    // What the service asks for itself is no port for its others.
    for (const { nodePort } of spec.ports ?? []) if (nodePort) taken.nodePorts.add(nodePort);
    for (const [i, port] of (spec.ports ?? []).entries()) {
      if (port.nodePort) continue;
      const found = findFree(
        firstNodePort,
        lastNodePort,
        deps.random,
        (one) => taken.nodePorts.has(one) || isReserved(one, owner),
      );
      const at = path.child('ports').index(i).child('nodePort');
      if (found === undefined) return [internalFieldError(at, 'failed to allocate a nodePort: range is full')];
      port.nodePort = found;
      taken.nodePorts.add(found);
      reserve(found);
    }
    return [];
  };

  const check = (service: Service, old: Service | undefined, taken: Taken, owner: string): FieldError[] => {
    const spec = specOf(service);
    const errors: FieldError[] = [];
    const address = isHeadless(spec) ? '' : (spec.clusterIP ?? '');
    const refuse = (why: string): void =>
      void errors.push(
        invalid(path.child('clusterIPs'), spec.clusterIPs ?? [address], `failed to allocate IP ${address}: ${why}`),
      );
    if (hasAddresses(spec) && address !== '' && old?.spec?.clusterIP !== address) {
      if (!taken.ranges.some((range) => gives(range, address)))
        refuse('the provided network does not match the current range');
      else if (taken.addresses.has(address) || isReserved(address, owner)) refuse('provided IP is already allocated');
    }
    const had = new Set((old?.spec?.ports ?? []).map(({ nodePort }) => nodePort));
    for (const [i, { nodePort }] of (spec.ports ?? []).entries()) {
      if (!nodePort || had.has(nodePort)) continue;
      const at = path.child('ports').index(i).child('nodePort');
      if (nodePort < firstNodePort || nodePort > lastNodePort)
        errors.push(
          invalid(
            at,
            nodePort,
            `provided port is not in the valid range. The range of valid ports is ${firstNodePort}-${lastNodePort}`,
          ),
        );
      else if (taken.nodePorts.has(nodePort) || isReserved(nodePort, owner))
        errors.push(invalid(at, nodePort, 'provided port is already allocated'));
    }
    return errors;
  };

  /** The service of a write that concerns this, with what the others have. */
  const concerned = async (
    at: AdmissionAttributes,
    work: (service: Service, taken: Taken, owner: string) => FieldError[],
  ): Promise<void> => {
    if (!isWriteOf(at, '', 'services') || at.object === undefined) return;
    const service = at.object as Service;
    const { name = '' } = service.metadata ?? {};
    const owner = `${at.namespace}/${name}`;
    const errors = await inTurn(async () => {
      const [cidrs, services, others] = await Promise.all([deps.ranges(), deps.services(), deps.others()]);
      return work(service, takenBy(cidrs.map(ipv4Range), services, others, { name, namespace: at.namespace }), owner);
    });
    if (errors.length > 0) throw invalidObject(at.resource.kind, name, errors);
  };

  return {
    name: 'ServiceAddresses',
    mutate: (at) =>
      concerned(at, (service, taken, owner) => {
        if (at.old !== undefined) keepAllocated(service, at.old as Service);
        return give(service, taken, owner);
      }),
    validate: (at) =>
      concerned(at, (service, taken, owner) => check(service, at.old as Service | undefined, taken, owner)),
  };
}

/** Whether the address is of the range, and neither its first nor its last. */
function gives(range: Ipv4Range, address: string): boolean {
  const index = range.indexOf(address);
  return index !== undefined && index > 0 && index < range.size - 1;
}

/** A free one of the first range that has any. */
function freeAddress(
  ranges: readonly Ipv4Range[],
  random: Random,
  isTaken: (address: string) => boolean,
): string | undefined {
  for (const range of ranges) {
    const found = freeIn(range, random, isTaken);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A free one, from those that nobody asks for by name first. */
function freeIn(range: Ipv4Range, random: Random, isTaken: (address: string) => boolean): string | undefined {
  const byName = reservedForNames(range.size);
  const isUsed = (index: number): boolean => isTaken(range.at(index));
  const found =
    findFree(byName + 1, range.size - 2, random, isUsed) ??
    findFree(1, Math.min(byName, range.size - 2), random, isUsed);
  return found === undefined ? undefined : range.at(found);
}
