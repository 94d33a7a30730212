// For tests of kinds: writes objects through defaults, strategy and validation as the registry does, and prints their rows.

import { fieldErrorText } from '../meta/errors.ts';
import type { KubeObject } from '../meta/types.ts';
import type { AnyKind, Strategy, StrategyContext } from '../scheme.ts';
import { loadSchema } from '../schema/load.ts';
import { fillUnsetFields } from '../schema/unset-fields.ts';

/** 2026-01-01T01:00:00Z in ms: rows are printed at that time. */
const printedAt = Date.UTC(2026, 0, 1, 1);

type AnyObject = KubeObject & Record<string, unknown>;

export interface TestedKind {
  /** What becomes of a new object, `x` where it has no name. */
  create(object: object): { object: AnyObject; errors: string[]; warnings: string[] };
  /** What becomes of an update of the stored `before`, by way of a subresource where one is named. */
  update(before: object, after: object, subresource?: string): { object: AnyObject; errors: string[] };
  /** The cells of an object made at 2026-01-01T00:00:00Z, an hour later. */
  row(object: object): (string | number | boolean | null)[];
}

/** The operations of a test on one kind. */
export function testKind(kind: AnyKind): TestedKind {
  const warned: string[] = [];
  const context: StrategyContext = {
    now: printedAt,
    user: 'u',
    dryRun: false,
    allowPrivileged: true,
    warn: (text) => void warned.push(text),
  };
  const scope = kind.namespaced ? { namespace: 'default' } : {};
  const complete = (object: object, more: object = {}): AnyObject => {
    const made = structuredClone(object) as AnyObject;
    made.metadata = { name: 'x', ...scope, ...more, ...made.metadata };
    fillUnsetFields(loadSchema(), kind.definition, made);
    kind.defaults?.(made);
    return made;
  };
  const strategyOf = (subresource: string | undefined): Strategy => {
    if (subresource === undefined) return kind.strategy;
    const found = kind.subresources?.[subresource];
    if (found?.kind !== 'object') throw new Error(`${kind.kind} has no subresource ${subresource}`);
    return found.strategy;
  };
  return {
    create(object) {
      warned.length = 0;
      const made = complete(object);
      kind.strategy.prepareForCreate?.(made, context);
      const errors = kind.strategy.validateCreate(made, context).map(fieldErrorText);
      return { object: made, errors, warnings: [...warned, ...(kind.strategy.warnings?.(made, undefined) ?? [])] };
    },
    update(before, after, subresource) {
      const strategy = strategyOf(subresource);
      const [old, made] = [before, after].map((one) => complete(one, { resourceVersion: '1', generation: 1 }));
      if (old === undefined || made === undefined) throw new Error('unreachable');
      strategy.prepareForUpdate?.(made, old, context);
      return { object: made, errors: strategy.validateUpdate(made, old, context).map(fieldErrorText) };
    },
    row: (object) => {
      const made = complete(object, { creationTimestamp: '2026-01-01T00:00:00Z' });
      return (kind.columns ?? []).map((column) => column.cell(made, printedAt));
    },
  };
}
