// Checks of LimitRanges. Follows ValidateLimitRange in pkg/apis/core/validation/validation.go of v1.36.

import type { LimitRange, LimitRangeItem } from '../../generated/types.ts';
import { duplicate, type FieldError, FieldPath, forbiddenField, invalid, required } from '../../meta/errors.ts';
import { qualifiedName } from '../../meta/names.ts';
import { compareQuantity, formatQuantity, parseQuantity, type Quantity, quantityOf } from '../../meta/quantity.ts';
import { invalidEach } from '../../meta/validate-meta.ts';
import { containerNameErrors, overcommits, resourceNameErrors } from '../pod/validation/resources.ts';

const path = new FieldPath('spec').child('limits');
const standardTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];
const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
type List = (typeof lists)[number];

function typeErrors(at: FieldPath, type: string): FieldError[] {
  const errors = invalidEach(at, type, qualifiedName(type));
  if (errors.length > 0 || type.includes('/') || standardTypes.includes(type)) return errors;
  return [invalid(at, type, 'must be a standard limit type or fully qualified')];
}

/** The amounts that the item gives for one resource. */
type Amounts = Partial<Record<List, Quantity>>;

const text = (quantity: Quantity): string => formatQuantity(quantity);
const isMore = (a: Quantity | undefined, b: Quantity | undefined): boolean =>
  a !== undefined && b !== undefined && compareQuantity(a, b) > 0;

function ratioErrors(at: FieldPath, { min, max, maxLimitRequestRatio: ratio }: Amounts): FieldError[] {
  if (!ratio) return [];
  const errors: FieldError[] = [];
  if (isMore(quantityOf(1), ratio)) errors.push(invalid(at, text(ratio), `ratio ${text(ratio)} is less than 1`));
  if (!min || !max) return errors;
  const most = Number(max.nanos) / Number(min.nanos);
  if (Number(ratio.nanos) / 1e9 <= most) return errors;
  const shown = Number.isFinite(most) ? most.toFixed(6) : '+Inf';
  return [...errors, invalid(at, text(ratio), `ratio ${text(ratio)} is greater than max/min = ${shown}`)];
}

/** What does not fit together among the amounts of one resource. */
function orderErrors(at: FieldPath, name: string, amounts: Amounts): FieldError[] {
  const { min, max, default: limit, defaultRequest: request } = amounts;
  const errors: FieldError[] = [];
  const refuse = (list: List, value: Quantity, why: string): void =>
    void errors.push(invalid(at.child(list).key(name), text(value), why));
  if (min && max && isMore(min, max))
    refuse('min', min, `min value ${text(min)} is greater than max value ${text(max)}`);
  if (request && min && isMore(min, request))
    refuse('defaultRequest', request, `min value ${text(min)} is greater than default request value ${text(request)}`);
  if (request && max && isMore(request, max))
    refuse('defaultRequest', request, `default request value ${text(request)} is greater than max value ${text(max)}`);
  if (request && limit && isMore(request, limit)) {
    const why = `default request value ${text(request)} is greater than default limit value ${text(limit)}`;
    refuse('defaultRequest', request, why);
  }
  if (limit && min && isMore(min, limit))
    refuse('default', min, `min value ${text(min)} is greater than default value ${text(limit)}`);
  if (limit && max && isMore(limit, max))
    refuse('default', max, `default value ${text(limit)} is greater than max value ${text(max)}`);
  errors.push(...ratioErrors(at.child('maxLimitRequestRatio').key(name), amounts));
  if (!overcommits(name) && limit && request && compareQuantity(limit, request) !== 0) {
    const why = `default value ${text(limit)} must equal to defaultRequest value ${text(request)} in ${name}`;
    refuse('defaultRequest', request, why);
  }
  return errors;
}

function itemErrors(at: FieldPath, item: LimitRangeItem): FieldError[] {
  const errors: FieldError[] = [];
  const ofPod = item.type === 'Pod';
  const nameErrors = ofPod || item.type === 'Container' ? containerNameErrors : resourceNameErrors;
  const byName = new Map<string, Amounts>();
  for (const list of lists) {
    const entries = Object.entries(item[list] ?? {});
    if (ofPod && (list === 'default' || list === 'defaultRequest')) {
      if (entries.length > 0) errors.push(forbiddenField(at.child(list), "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const [name, amount] of entries) {
      errors.push(...nameErrors(at.child(list).key(name), name));
      byName.set(name, { ...byName.get(name), [list]: parseQuantity(amount) });
    }
  }
  if (item.type === 'PersistentVolumeClaim' && !item.min?.['storage'] && !item.max?.['storage']) {
    const why = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(required(at.child('limits'), why));
  }
  for (const [name, amounts] of byName) errors.push(...orderErrors(at, name, amounts));
  return errors;
}

export function validateLimitRange({ spec }: LimitRange): FieldError[] {
  const seen = new Set<string>();
  return (spec?.limits ?? []).flatMap((item, i) => {
    const at = path.index(i);
    const errors = typeErrors(at.child('type'), item.type);
    if (seen.has(item.type)) errors.push(duplicate(at.child('type'), item.type));
    seen.add(item.type);
    return [...errors, ...itemErrors(at, item)];
  });
}
