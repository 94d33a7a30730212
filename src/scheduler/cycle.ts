// The decision for one pod: filter the nodes, score those that fit, pick one. Synchronous and pure but for the results it keeps.

import type { Random } from '../lib/random.ts';
import type { AnyPlugin, Diagnosis, PodInfo, Profile, Rejection } from './framework.ts';
import type { NodeCache, NodeRow } from './node-cache.ts';

export type Decision =
  | { kind: 'fits'; nodeName: string; evaluated: number; feasible: number }
  | { kind: 'unschedulable'; nodeCount: number; diagnosis: Diagnosis }
  | { kind: 'no-nodes' };

/** What a shape's plugins said of each row, by the row's generation at the time. */
interface ShapeResults {
  filters: { plugin: AnyPlugin; state: unknown }[];
  scorers: { plugin: AnyPlugin; weight: number; state: unknown }[];
  /** preFilter's answer, where it settles the matter or narrows the nodes. */
  rejected?: { plugin: string; rejection: Rejection };
  nodes?: ReadonlySet<string>;
  narrowedBy: string[];
  /** Whether they follow from the shape and each node alone, and may be kept. */
  isLocal: boolean;
  /** Row → generation of the row when it was filtered; 0 is never. */
  filteredAt: Float64Array;
  verdicts: (Verdict | undefined)[];
  scoredAt: Float64Array;
  scores: Float64Array[];
}

interface Verdict {
  plugin: string;
  rejection: Rejection;
}

// Shapes whose results are kept: a few controllers' pods arrive interleaved.
const shapesKept = 16;

/** How many feasible nodes are enough. Follows numFeasibleNodesToFind in pkg/scheduler/schedule_one.go. */
export function feasibleNodesToFind(nodeCount: number, percentage?: number): number {
  if (nodeCount < 100) return nodeCount;
  const share = percentage ?? Math.max(5, 50 - Math.trunc(nodeCount / 125));
  return share >= 100 ? nodeCount : Math.max(100, Math.trunc((nodeCount * share) / 100));
}

/** Whether what the plugin says follows from the pod's shape and a node alone; `skips` where it has nothing to filter. */
const isLocal = ({ nodeLocal, filter, score, preFilter, preScore }: AnyPlugin, skips: boolean): boolean =>
  nodeLocal === true || (!score && !preScore && (skips || (!filter && !preFilter)));

/** Decides for the pods of one profile against one cache. */
export class SchedulingCycle {
  readonly #profile: Profile;
  readonly #cache: NodeCache;
  readonly #random: Random;
  /** By shape, oldest use first. */
  readonly #shapes = new Map<string, ShapeResults>();
  #start = 0;

  constructor(profile: Profile, cache: NodeCache, random: Random) {
    this.#profile = profile;
    this.#cache = cache;
    this.#random = random;
  }

  decide(pod: PodInfo): Decision {
    const nodes = this.#cache.nodes();
    if (nodes.length === 0) return { kind: 'no-nodes' };
    const results = this.#resultsFor(pod);
    if (results.rejected) {
      const { plugin, rejection } = results.rejected;
      return this.#unschedulable(nodes, {
        rejections: new Map(),
        absent: { reasons: rejection.reasons, unresolvable: rejection.unresolvable ?? false },
        preFilterMessage: rejection.reasons.join(', '),
        plugins: new Set([plugin]),
      });
    }
    const { feasible, evaluated, rejections, plugins } = this.#filter(pod, results, nodes);
    if (feasible.length === 0) {
      for (const name of results.narrowedBy) plugins.add(name);
      return this.#unschedulable(nodes, {
        rejections,
        absent: results.nodes && {
          reasons: [`node(s) didn't satisfy plugin(s) [${results.narrowedBy.join(' ')}]`],
          unresolvable: true,
        },
        preFilterMessage: '',
        plugins,
      });
    }
    const nodeName = this.#pick(pod, results, feasible);
    return { kind: 'fits', nodeName, evaluated, feasible: feasible.length };
  }

  #unschedulable(nodes: readonly NodeRow[], diagnosis: Diagnosis): Decision {
    return { kind: 'unschedulable', nodeCount: nodes.length, diagnosis };
  }

  /** Kept results of the pod's shape, or fresh ones from its preFilter and preScore hooks. */
  #resultsFor(pod: PodInfo): ShapeResults {
    const kept = this.#shapes.get(pod.shape);
    if (kept) {
      this.#shapes.delete(pod.shape);
      if (kept.filteredAt.length >= this.#cache.rows) {
        this.#shapes.set(pod.shape, kept);
        return kept;
      }
    }
    const fresh = this.#prepare(pod);
    if (fresh.isLocal) {
      this.#shapes.set(pod.shape, fresh);
      if (this.#shapes.size > shapesKept) {
        const [oldest] = this.#shapes.keys();
        if (oldest !== undefined) this.#shapes.delete(oldest);
      }
    }
    return fresh;
  }

  #prepare(pod: PodInfo): ShapeResults {
    const { rows } = this.#cache;
    const results: ShapeResults = {
      filters: [],
      scorers: [],
      narrowedBy: [],
      isLocal: true,
      filteredAt: new Float64Array(rows),
      verdicts: [],
      scoredAt: new Float64Array(rows),
      scores: [],
    };
    for (const { plugin, weight = 1 } of this.#profile.plugins) {
      const filtered = plugin.preFilter?.(pod);
      if (!isLocal(plugin, filtered?.kind === 'skip')) results.isLocal = false;
      if (filtered?.kind === 'reject') {
        results.rejected ??= { plugin: plugin.name, rejection: filtered.rejection };
      } else if (filtered?.kind === 'proceed' && filtered.nodes) {
        const { nodes } = filtered;
        results.nodes = results.nodes ? new Set([...results.nodes].filter((name) => nodes.has(name))) : nodes;
        results.narrowedBy.push(plugin.name);
      }
      if (plugin.filter && filtered?.kind !== 'skip') {
        results.filters.push({ plugin, state: filtered?.kind === 'proceed' ? filtered.state : undefined });
      }
      if (!plugin.score) continue;
      const prepared = plugin.preScore?.(pod);
      if (prepared?.kind === 'skip') continue;
      results.scorers.push({ plugin, weight, state: prepared?.state });
      results.scores.push(new Float64Array(rows));
    }
    return results;
  }

  /** Walks the nodes from where the last search ended until enough fit. */
  #filter(pod: PodInfo, results: ShapeResults, nodes: readonly NodeRow[]) {
    const candidates = results.nodes ? [...results.nodes].flatMap((name) => this.#cache.get(name) ?? []) : nodes;
    const wanted = feasibleNodesToFind(candidates.length, this.#profile.percentageOfNodesToScore);
    const feasible: NodeRow[] = [];
    const rejections = new Map<string, Rejection>();
    const plugins = new Set<string>();
    const start = candidates.length === 0 ? 0 : this.#start % candidates.length;
    let evaluated = 0;
    while (evaluated < candidates.length && feasible.length < wanted) {
      const node = candidates[(start + evaluated++) % candidates.length];
      if (!node) break;
      const verdict = this.#verdict(pod, results, node);
      if (!verdict) feasible.push(node);
      else {
        rejections.set(node.name, verdict.rejection);
        plugins.add(verdict.plugin);
      }
    }
    if (!results.nodes) this.#start = start + evaluated;
    return { feasible, evaluated, rejections, plugins };
  }

  #verdict(pod: PodInfo, results: ShapeResults, node: NodeRow): Verdict | undefined {
    const { row, generation } = node;
    if (results.filteredAt[row] === generation) return results.verdicts[row];
    let verdict: Verdict | undefined;
    for (const { plugin, state } of results.filters) {
      const rejection = plugin.filter?.(pod, node, state);
      if (!rejection) continue;
      verdict = { plugin: plugin.name, rejection };
      break;
    }
    results.filteredAt[row] = generation;
    results.verdicts[row] = verdict;
    return verdict;
  }

  /** The node with the highest weighted sum; one of the best at random. */
  #pick(pod: PodInfo, results: ShapeResults, feasible: readonly NodeRow[]): string {
    const [only] = feasible;
    if (feasible.length === 1 && only) return only.name;
    const { scorers, scores, scoredAt } = results;
    const highest = new Float64Array(scorers.length);
    for (const node of feasible) {
      const { row, generation } = node;
      const known = scoredAt[row] === generation;
      scorers.forEach(({ plugin, state }, at) => {
        const column = scores[at];
        if (!column) return;
        if (!known) column[row] = plugin.score?.(pod, node, state) ?? 0;
        highest[at] = Math.max(highest[at] ?? 0, column[row] ?? 0);
      });
      scoredAt[row] = generation;
    }
    let best = '';
    let bestTotal = -1;
    let ties = 0;
    for (const node of feasible) {
      let total = 0;
      for (let at = 0; at < scorers.length; at++) {
        const scorer = scorers[at];
        const raw = scores[at]?.[node.row] ?? 0;
        if (!scorer) continue;
        total += scorer.weight * (scorer.plugin.normalize?.(raw, highest[at] ?? 0) ?? raw);
      }
      if (total > bestTotal) {
        best = node.name;
        bestTotal = total;
        ties = 1;
      } else if (total === bestTotal && this.#random.float() * ++ties < 1) best = node.name;
    }
    return best;
  }
}
