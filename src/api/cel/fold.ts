// Goes through lists and maps, as all(), map() and the other macros do, and can be interrupted in the middle of it.

import type { Expr } from './ast.ts';
import { type Frame, newNotes, noOverload, type Notes, recall, remember, type Step } from './frame.ts';
import { turnOver } from './turns.ts';
import { CelError, type CelList, isList, isMap, type Value } from './values.ts';

/** A fold's parts, and where in the frame its variables are. */
export interface FoldParts {
  range: Step;
  init: Step;
  condition: Step;
  step: Step;
  result: Step;
  accu: number;
  first: number;
  /** -1 where there is but one variable: a list's element or a map's key. */
  second: number;
  endsByError: boolean;
}

/** The step of one fold; `node` is what it is known by. */
export const foldStep = (node: Expr, parts: FoldParts): Step => noted(node, (frame) => fold(frame, node, parts));

/** A name for a value: expressions in which one stands for what another does grow without a loop. */
export const bindStep = (node: Expr, { init, result, accu }: Pick<FoldParts, 'init' | 'result' | 'accu'>): Step =>
  noted(node, (frame) => {
    const bound = init(frame);
    if (frame.cost >= frame.pauseAt) throw turnOver;
    frame.locals[accu] = bound;
    return result(frame);
  });

/** Not done again where it was expensive. */
function noted(node: Expr, step: Step): Step {
  return (frame) => {
    const known = frame.notes && recall(frame, node);
    if (known !== undefined) return known;
    const before = frame.cost;
    const value = step(frame);
    remember(frame, node, before, value);
    return value;
  };
}

/** A fold under way: what it goes through, and how far it came. */
interface Progress {
  range: Value;
  keys: readonly Value[] | undefined;
  index: number;
  gathered: Value;
}

function fold(frame: Frame, node: Expr, parts: FoldParts): Value {
  const costBefore = frame.cost;
  const paused = frame.notes?.paused;
  if (paused !== undefined && paused.node === node && paused.costBefore === costBefore) {
    frame.cost = paused.cost;
    return goOn(frame, node, parts, { ...paused }, costBefore, paused.notes);
  }
  const range = parts.range(frame);
  if (range instanceof CelError) return range;
  if (!isList(range) && !isMap(range)) return noOverload;
  // The range and what is gathered may hold folds of their own, which use the same places: these are set after them.
  const gathered = parts.init(frame);
  const keys = isMap(range) ? [...range.keys()] : undefined;
  return goOn(frame, node, parts, { range, keys, index: 0, gathered }, costBefore, undefined);
}

function goOn(
  frame: Frame,
  node: Expr,
  parts: FoldParts,
  progress: Progress,
  costBefore: number,
  inner: Notes | undefined,
): Value {
  const { accu, condition, endsByError, result, step } = parts;
  const outer = frame.notes;
  const size = progress.keys?.length ?? (progress.range as CelList).size;
  let { cost } = frame;
  frame.notes = inner;
  try {
    for (; progress.index < size; progress.index++) {
      ({ cost } = frame);
      if (cost >= frame.pauseAt) throw turnOver;
      setVariables(frame, parts, progress);
      if (condition(frame) === false) break;
      const gathered = step(frame);
      frame.notes = undefined;
      progress.gathered = gathered;
      if (endsByError && gathered instanceof CelError) {
        frame.notes = outer;
        return gathered;
      }
    }
  } catch (error) {
    if (error === turnOver) {
      const notes = outer ?? newNotes();
      notes.paused = { ...progress, node, costBefore, cost, notes: frame.notes };
      frame.notes = notes;
    }
    throw error;
  }
  frame.notes = outer;
  frame.locals[accu] = progress.gathered;
  return result(frame);
}

function setVariables(
  { locals }: Frame,
  { accu, first, second }: FoldParts,
  { range, keys, index, gathered }: Progress,
): void {
  locals[accu] = gathered;
  const key = keys?.[index];
  if (second < 0) locals[first] = key === undefined ? (range as CelList).at(index) : key;
  else {
    locals[first] = key === undefined ? BigInt(index) : key;
    locals[second] = key === undefined ? (range as CelList).at(index) : ((isMap(range) && range.get(key)) as Value);
  }
}
