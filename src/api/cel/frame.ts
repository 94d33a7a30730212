// What one evaluation keeps while it runs, and what it notes when its turn is over in the middle of it. It goes on by starting again:
// loops take up where they were, and what was expensive is not done twice, so that it is soon back where it stopped.

import type { Expr } from './ast.ts';
import { CostExceeded } from './runtime-cost.ts';
import { CelError, type Value } from './values.ts';

/** The variables of one evaluation; gives undefined for one that is not there. */
export type Variables = (name: string) => Value | undefined;

/** A loop that was left in the middle. */
export interface PausedLoop {
  node: Expr;
  /** The cost with which it was begun: the same expression may occur, and cost, again. */
  costBefore: number;
  /** What is gone through: elements, or a map's keys. */
  range: Value;
  keys: readonly Value[] | undefined;
  /** The element it was at, with what was gathered and what had been spent when it came there. */
  index: number;
  gathered: Value;
  cost: number;
  /** Of what was done for that element. */
  notes: Notes | undefined;
}

/** What is known of one go through a body: the whole expression, or a loop's for one element. */
export interface Notes {
  /** Results that were expensive, with their cost. */
  readonly results: Map<Expr, { value: Value; cost: number }>;
  paused: PausedLoop | undefined;
}

export interface Frame {
  readonly variables: Variables;
  /** The variables of folds, by depth. */
  readonly locals: Value[];
  readonly limit: number;
  cost: number;
  /** The cost at which the last turn ended, and that at which this one does. */
  reached: number;
  pauseAt: number;
  notes: Notes | undefined;
}

export const newFrame = (variables: Variables, limit: number): Frame => ({
  variables,
  locals: [],
  limit,
  cost: 0,
  reached: 0,
  pauseAt: Number.POSITIVE_INFINITY,
  notes: undefined,
});

export type Step = (frame: Frame) => Value;

export const noOverload = new CelError('no such overload');

export function spend(frame: Frame, cost: number): void {
  frame.cost += cost;
  if (frame.cost > frame.limit) throw new CostExceeded();
}

export const newNotes = (): Notes => ({ results: new Map(), paused: undefined });

/** Cheaper results are worked out again. */
const expensive = 1000;

/** Notes the result of a node that was begun with that cost, if it was expensive. */
export function remember(frame: Frame, node: Expr, costBefore: number, value: Value): void {
  const cost = frame.cost - costBefore;
  if (cost >= expensive) (frame.notes ??= newNotes()).results.set(node, { value, cost });
}

/** The result that was noted, which costs again what it did. */
export function recall(frame: Frame, node: Expr): Value | undefined {
  const known = frame.notes?.results.get(node);
  if (known === undefined) return undefined;
  spend(frame, known.cost);
  return known.value;
}
