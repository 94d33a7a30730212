// Nodes as columns: what every node has and what is asked of it, in typed arrays that are updated in place.

import type { Node, Taint } from '../api/generated/types.ts';
import { equalJson } from '../api/meta/equal.ts';
import type { HostPort } from '../api/placement/host-ports.ts';
import type { NodeAspect, NodeView, PodInfo } from './framework.ts';
import { amountOf } from './pod-info.ts';

interface Column {
  allocatable: Float64Array;
  requested: Float64Array;
}

/** A pod that the cache counts, on which node, and until when it is only assumed (ms; undefined once confirmed). */
interface Placement {
  info: PodInfo;
  slot: Slot;
  assumed: boolean;
  expiresAt: number | undefined;
}

const anyAddress = '0.0.0.0';

/** One row. The numbers live in the cache's columns. */
class Slot implements NodeView {
  readonly name: string;
  readonly row: number;
  readonly cache: NodeCache;
  readonly pods = new Map<string, PodInfo>();
  /** "protocol/port" to address to how many pods. */
  readonly ports = new Map<string, Map<string, number>>();
  /** Undefined while pods are known of a node that is not. */
  object: Node | undefined;
  taints: readonly Taint[] = [];
  taintSet = 0;
  /** Grows with every change of the row, across all rows. */
  generation = 0;

  constructor(cache: NodeCache, name: string, row: number) {
    this.cache = cache;
    this.name = name;
    this.row = row;
  }

  get node(): Node {
    if (!this.object) throw new Error(`node ${this.name} is not in the cache`);
    return this.object;
  }

  allocatable(resource: string): number {
    return this.cache.column(resource)?.allocatable[this.row] ?? 0;
  }

  requested(resource: string): number {
    return this.cache.column(resource)?.requested[this.row] ?? 0;
  }

  get allocatablePods(): number {
    return this.allocatable('pods');
  }

  get scoringCpu(): number {
    return this.cache.scoringCpu[this.row] ?? 0;
  }

  get scoringMemory(): number {
    return this.cache.scoringMemory[this.row] ?? 0;
  }

  portsConflict(wanted: readonly HostPort[]): boolean {
    return wanted.some((port) => {
      const taken = this.ports.get(`${port.protocol}/${port.port}`);
      if (taken === undefined || taken.size === 0) return false;
      return port.ip === anyAddress || taken.has(anyAddress) || taken.has(port.ip);
    });
  }
}

export type NodeRow = NodeView & { readonly row: number; readonly generation: number };

const growTo = (array: Float64Array, size: number): Float64Array<ArrayBuffer> => {
  const larger = new Float64Array(size);
  larger.set(array);
  return larger;
};

const same = (a: unknown, b: unknown): boolean => a === b || equalJson(a ?? null, b ?? null);

/** What a new version of a node changes for scheduling. */
export function changedAspects(old: Node, node: Node): Set<NodeAspect> {
  const changed = new Set<NodeAspect>();
  if (!same(old.status?.allocatable, node.status?.allocatable)) changed.add('allocatable');
  if (!same(old.metadata?.labels, node.metadata?.labels)) changed.add('labels');
  if (!same(old.metadata?.annotations, node.metadata?.annotations)) changed.add('annotations');
  if (!same(old.spec?.taints, node.spec?.taints)) changed.add('taints');
  if ((old.spec?.unschedulable ?? false) !== (node.spec?.unschedulable ?? false)) changed.add('unschedulable');
  if (!same(old.status?.images, node.status?.images)) changed.add('images');
  const states = (n: Node): unknown => n.status?.conditions?.map((condition) => [condition.type, condition.status]);
  if (!same(states(old), states(node))) changed.add('conditions');
  return changed;
}

/** The scheduler's picture of the cluster. Follows pkg/scheduler/backend/cache: assumed pods count until confirmed, forgotten or expired. */
export class NodeCache {
  scoringCpu = new Float64Array(0);
  scoringMemory = new Float64Array(0);
  #capacity = 0;
  readonly #columns = new Map<string, Column>();
  readonly #slots = new Map<string, Slot>();
  readonly #free: number[] = [];
  readonly #placements = new Map<string, Placement>();
  readonly #assumed = new Set<string>();
  readonly #taintSets = new Map<string, { id: number; taints: readonly Taint[] }>();
  #order: NodeRow[] | undefined;
  #generation = 0;

  /** Nodes that exist, in an order that spreads over zones; the same array until nodes come or go. */
  nodes(): readonly NodeRow[] {
    this.#order ??= inZoneOrder([...this.#slots.values()].filter((slot) => slot.object !== undefined));
    return this.#order;
  }

  /** Rows ever given out: the length that per-node arrays need. */
  get rows(): number {
    return this.#capacity;
  }

  get(name: string): NodeRow | undefined {
    const slot = this.#slots.get(name);
    return slot?.object ? slot : undefined;
  }

  column(resource: string): Column | undefined {
    return this.#columns.get(resource);
  }

  setNode(node: Node): void {
    const name = node.metadata?.name ?? '';
    const slot = this.#slot(name);
    const isNew = slot.object === undefined;
    const oldZone = slot.object && zoneOf(slot.object);
    slot.object = node;
    if (isNew || oldZone !== zoneOf(node)) this.#order = undefined;
    const { id, taints } = this.#internTaints(node.spec?.taints ?? []);
    slot.taintSet = id;
    slot.taints = taints;
    for (const column of this.#columns.values()) column.allocatable[slot.row] = 0;
    for (const [resource, text] of Object.entries(node.status?.allocatable ?? {})) {
      this.#columnFor(resource).allocatable[slot.row] = amountOf(resource, text);
    }
    this.#touch(slot);
  }

  removeNode(name: string): void {
    const slot = this.#slots.get(name);
    if (!slot) return;
    slot.object = undefined;
    this.#order = undefined;
    this.#touch(slot);
    this.#releaseIfEmpty(slot);
  }

  /** A pod that the API shows on a node: confirms an assumed one, follows a changed one. */
  setPod(info: PodInfo): void {
    const known = this.#placements.get(info.uid);
    if (known && known.slot.name === info.nodeName && sameUse(known.info, info)) {
      // The usual confirmation of an assumed pod: the row's numbers stay, and with them what was worked out from them.
      known.info = info;
      known.assumed = false;
      this.#assumed.delete(info.uid);
      known.slot.pods.set(info.uid, info);
      return;
    }
    if (known) this.#unplace(known);
    this.#place(info, false);
  }

  removePod(uid: string): void {
    const known = this.#placements.get(uid);
    if (known) this.#unplace(known);
  }

  /** Counts a pod on a node before the API has confirmed it; without an expiry until `bound` sets one. */
  assume(info: PodInfo, nodeName: string): void {
    if (this.#placements.has(info.uid)) throw new Error(`pod ${info.key} is already in the cache`);
    this.#place({ ...info, nodeName }, true);
  }

  /** The binding is done: the watch has until `expiresAt` (ms) to confirm it. */
  bound(uid: string, expiresAt: number): void {
    const placement = this.#placements.get(uid);
    if (placement?.assumed) placement.expiresAt = expiresAt;
  }

  /** Undoes assume; a confirmed pod stays. */
  forget(uid: string): void {
    const placement = this.#placements.get(uid);
    if (placement?.assumed) this.#unplace(placement);
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }

  has(uid: string): boolean {
    return this.#placements.has(uid);
  }

  /** Drops assumed pods whose time is up and gives them. */
  expire(now: number): PodInfo[] {
    const expired: PodInfo[] = [];
    for (const uid of this.#assumed) {
      const placement = this.#placements.get(uid);
      if (placement?.expiresAt === undefined || placement.expiresAt > now) continue;
      expired.push(placement.info);
      this.#unplace(placement);
    }
    return expired;
  }

  #place(info: PodInfo, assumed: boolean): void {
    const slot = this.#slot(info.nodeName);
    this.#placements.set(info.uid, { info, slot, assumed, expiresAt: undefined });
    if (assumed) this.#assumed.add(info.uid);
    slot.pods.set(info.uid, info);
    this.#count(slot, info, 1);
  }

  #unplace(placement: Placement): void {
    const { info, slot } = placement;
    this.#placements.delete(info.uid);
    this.#assumed.delete(info.uid);
    slot.pods.delete(info.uid);
    this.#count(slot, info, -1);
    this.#releaseIfEmpty(slot);
  }

  #count(slot: Slot, info: PodInfo, sign: 1 | -1): void {
    const { row } = slot;
    const addTo = (array: Float64Array, amount: number): void => {
      array[row] = (array[row] ?? 0) + sign * amount;
    };
    for (const [resource, amount] of info.requests) addTo(this.#columnFor(resource).requested, amount);
    addTo(this.scoringCpu, info.scoringCpu);
    addTo(this.scoringMemory, info.scoringMemory);
    for (const { protocol, port, ip } of info.hostPorts) {
      const key = `${protocol}/${port}`;
      const taken = slot.ports.get(key) ?? new Map<string, number>();
      const count = (taken.get(ip) ?? 0) + sign;
      if (count > 0) taken.set(ip, count);
      else taken.delete(ip);
      if (taken.size > 0) slot.ports.set(key, taken);
      else slot.ports.delete(key);
    }
    this.#touch(slot);
  }

  #touch(slot: Slot): void {
    slot.generation = ++this.#generation;
  }

  #slot(name: string): Slot {
    const known = this.#slots.get(name);
    if (known) return known;
    const row = this.#free.pop() ?? this.#slots.size;
    if (row >= this.#capacity) this.#grow(Math.max(16, this.#capacity * 2));
    const slot = new Slot(this, name, row);
    this.#slots.set(name, slot);
    return slot;
  }

  /** A row is given back once neither node nor pods are left in it. */
  #releaseIfEmpty(slot: Slot): void {
    if (slot.object !== undefined || slot.pods.size > 0) return;
    this.#slots.delete(slot.name);
    this.#free.push(slot.row);
    for (const column of this.#columns.values()) {
      column.allocatable[slot.row] = 0;
      column.requested[slot.row] = 0;
    }
    this.scoringCpu[slot.row] = 0;
    this.scoringMemory[slot.row] = 0;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    this.scoringCpu = growTo(this.scoringCpu, capacity);
    this.scoringMemory = growTo(this.scoringMemory, capacity);
    for (const column of this.#columns.values()) {
      column.allocatable = growTo(column.allocatable, capacity);
      column.requested = growTo(column.requested, capacity);
    }
  }

  #columnFor(resource: string): Column {
    let column = this.#columns.get(resource);
    if (!column) {
      column = { allocatable: new Float64Array(this.#capacity), requested: new Float64Array(this.#capacity) };
      this.#columns.set(resource, column);
    }
    return column;
  }

  #internTaints(taints: readonly Taint[]): { id: number; taints: readonly Taint[] } {
    const key = JSON.stringify(taints.map(({ key: name, value, effect }) => [name, value ?? '', effect]));
    let known = this.#taintSets.get(key);
    if (!known) {
      known = { id: this.#taintSets.size + 1, taints };
      this.#taintSets.set(key, known);
    }
    return known;
  }
}

/** Whether two versions of a pod take the same from a node. */
const sameUse = (a: PodInfo, b: PodInfo): boolean =>
  a.scoringCpu === b.scoringCpu &&
  a.scoringMemory === b.scoringMemory &&
  a.requests.size === b.requests.size &&
  [...a.requests].every(([resource, amount]) => b.requests.get(resource) === amount) &&
  equalJson(a.hostPorts, b.hostPorts);

function zoneOf(node: Node): string {
  const labels = node.metadata?.labels ?? {};
  return `${labels['topology.kubernetes.io/region'] ?? ''}:${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** One node of each zone in turn. Follows pkg/scheduler/backend/cache node_tree.go. */
function inZoneOrder(slots: readonly Slot[]): NodeRow[] {
  const zones = new Map<string, Slot[]>();
  for (const slot of slots) {
    const zone = zoneOf(slot.node);
    const members = zones.get(zone);
    if (members) members.push(slot);
    else zones.set(zone, [slot]);
  }
  const order: Slot[] = [];
  for (let i = 0; order.length < slots.length; i++) {
    for (const members of zones.values()) {
      const slot = members[i];
      if (slot) order.push(slot);
    }
  }
  return order;
}
