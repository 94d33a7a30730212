// Decides what a ServiceCIDR needs: the finalizer that holds it while services have addresses of it, and its condition.
// Follows pkg/controller/servicecidrs/servicecidrs_controller.go and pkg/api/servicecidr of v1.36.

import type { IPAddress, ServiceCIDR } from '../../api/generated/types.ts';
import { type Cidr, cidrHas, type IpAddress, parseCidr, parseIp } from '../../api/meta/ip-address.ts';
import { parseTime } from '../../api/meta/time.ts';

export const serviceCidrFinalizer = 'networking.k8s.io/service-cidr-finalizer';

export interface ReadyCondition {
  status: 'True' | 'False';
  reason: string;
  message: string;
}

export type ServiceCidrAction =
  | { do: 'protect' }
  /** Lets go of it: it is deleted with that. */
  | { do: 'release' }
  | { do: 'tell'; ready: ReadyCondition }
  /** Looks at it again after so many ms. */
  | { do: 'wait'; ms: number };

/** How long after its deletion was asked for it stays at least: who gives addresses has to have heard of that. */
const graceMs = 10_000;

const ready: ReadyCondition = { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const terminating: ReadyCondition = {
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

const rangesOf = ({ spec }: ServiceCIDR): Cidr[] =>
  (spec?.cidrs ?? []).flatMap((text) => {
    const range = parseCidr(text);
    return range === undefined ? [] : [range];
  });

/** Whether the address can be given out of the range: the first is the network's, and IPv4's last one everybody's. */
function gives(range: Cidr, address: IpAddress): boolean {
  if (range.bytes.length !== address.bytes.length || !cidrHas(range, address)) return false;
  const host = (byte: number, i: number): number => byte & (255 >> Math.min(Math.max(range.bits - 8 * i, 0), 8));
  const bits = address.bytes.map(host);
  const isLast = bits.every((byte, i) => byte === host(255, i));
  return bits.some((byte) => byte !== 0) && !(address.bytes.length === 4 && isLast);
}

const contains = (outer: Cidr, inner: Cidr): boolean =>
  outer.bytes.length === inner.bytes.length && outer.bits <= inner.bits && cidrHas(outer, inner);

/** The ServiceCIDRs out of which the address can be given. */
export const containing = (address: string, all: readonly ServiceCIDR[]): ServiceCIDR[] => {
  const ip = parseIp(address);
  return ip === undefined ? [] : all.filter((one) => rangesOf(one).some((range) => gives(range, ip)));
};

/** The others that have addresses of its ranges, too. */
export const overlapping = (cidr: ServiceCIDR, all: readonly ServiceCIDR[]): ServiceCIDR[] =>
  all.filter((one) => rangesOf(one).some((a) => rangesOf(cidr).some((b) => contains(a, b) || contains(b, a))));

const isSame = (a: ServiceCIDR, b: ServiceCIDR): boolean => a.metadata?.name === b.metadata?.name;

/** Whether no address of a service is left without a range when it goes. `addresses` are those of services. */
function canGo(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const others = all.filter((one) => !isSame(one, cidr));
  const hasParent = rangesOf(cidr).every((range) =>
    others.some((other) => rangesOf(other).some((outer) => contains(outer, range))),
  );
  if (hasParent) return true;
  return addresses.every(({ metadata }) => {
    const found = containing(metadata?.name ?? '', all);
    return found.length !== 1 || !found.some((one) => isSame(one, cidr));
  });
}

function tell({ status }: ServiceCIDR, wanted: ReadyCondition): ServiceCidrAction[] {
  const known = status?.conditions?.find(({ type }) => type === 'Ready');
  const isTold =
    known?.status === wanted.status && (known.reason ?? '') === wanted.reason && known.message === wanted.message;
  return isTold ? [] : [{ do: 'tell', ready: wanted }];
}

/** `addresses` are the IPAddresses that the server made for services; `now` in ms. */
export function decideServiceCidr(
  cidr: ServiceCIDR,
  all: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
  now: number,
): ServiceCidrAction[] {
  const { deletionTimestamp, finalizers = [] } = cidr.metadata ?? {};
  const isProtected = finalizers.includes(serviceCidrFinalizer);
  if (deletionTimestamp === undefined)
    return [...(isProtected ? [] : [{ do: 'protect' } as const]), ...tell(cidr, ready)];
  if (!isProtected) return [];
  if (!canGo(cidr, all, addresses)) return tell(cidr, terminating);
  const left = graceMs - (now - (parseTime(deletionTimestamp) ?? now));
  return left > 0 ? [{ do: 'wait', ms: left }] : [{ do: 'release' }];
}
