// Validation of PriorityLevelConfigurations. Follows pkg/apis/flowcontrol/validation/validation.go of v1.36.

import type {
  ExemptPriorityLevelConfiguration,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { type FieldError, FieldPath, forbiddenField, invalid, notSupported, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import { metaOf } from '../common.ts';
import { conditionErrors } from '../flowschema/validate.ts';
import { internalForm } from '../internal-form.ts';
import { mandatoryPriorityLevels } from './system-priority-levels.ts';

const specPath = new FieldPath('spec');
const maxQueues = 10_000_000;
/** Bits of a hash that dealing a hand of queues may use up. */
const maxHashBits = 60;

const notNegative = (at: FieldPath, value: number, detail = 'must be a non-negative integer'): FieldError[] =>
  value < 0 ? [invalid(at, value, detail)] : [];

const percentErrors = (at: FieldPath, value: number | undefined): FieldError[] =>
  value !== undefined && (value < 0 || value > 100) ? [invalid(at, value, 'must be between 0 and 100, inclusive')] : [];

function queuesErrors(at: FieldPath, queues: number): FieldError[] {
  if (queues <= 0) return [invalid(at, queues, 'must be positive')];
  return queues > maxQueues ? [invalid(at, queues, `must not be greater than ${maxQueues}`)] : [];
}

function handErrors(at: FieldPath, hand: number, queues: number): FieldError[] {
  if (hand <= 0) return [invalid(at, hand, 'must be positive')];
  if (hand > queues) return [invalid(at, hand, `should not be greater than queues (${queues})`)];
  if (Math.ceil(Math.log2(queues) * hand) <= maxHashBits) return [];
  const detail = `required entropy bits of deckSize ${queues} and handSize ${hand} should not be greater than ${maxHashBits}`;
  return [invalid(at, hand, detail)];
}

function validateQueuing(
  at: FieldPath,
  { queueLengthLimit = 0, queues = 0, handSize = 0 }: QueuingConfiguration,
): FieldError[] {
  return [
    ...(queueLengthLimit <= 0 ? [invalid(at.child('queueLengthLimit'), queueLengthLimit, 'must be positive')] : []),
    ...queuesErrors(at.child('queues'), queues),
    ...handErrors(at.child('handSize'), handSize, queues),
  ];
}

function validateResponse(at: FieldPath, { type, queuing }: Partial<LimitResponse>): FieldError[] {
  const path = at.child('queuing');
  switch (type) {
    case 'Reject':
      return queuing ? [forbiddenField(path, 'must be nil if limited.limitResponse.type is not Limited')] : [];
    case 'Queue':
      return queuing
        ? validateQueuing(path, queuing)
        : [required(path, 'must not be empty if limited.limitResponse.type is Limited')];
    default:
      return [notSupported(at.child('type'), type ?? '', ['Queue', 'Reject'])];
  }
}

function validateLimited(limited: LimitedPriorityLevelConfiguration): FieldError[] {
  const at = specPath.child('limited');
  const { nominalConcurrencyShares = 0, borrowingLimitPercent = 0 } = limited;
  return [
    ...notNegative(at.child('nominalConcurrencyShares'), nominalConcurrencyShares),
    ...validateResponse(at.child('limitResponse'), limited.limitResponse ?? {}),
    ...percentErrors(at.child('lendablePercent'), limited.lendablePercent),
    ...notNegative(
      at.child('borrowingLimitPercent'),
      borrowingLimitPercent,
      'if specified, must be a non-negative integer',
    ),
  ];
}

function validateExempt({
  nominalConcurrencyShares = 0,
  lendablePercent,
}: ExemptPriorityLevelConfiguration): FieldError[] {
  const at = specPath.child('exempt');
  return [
    ...notNegative(at.child('nominalConcurrencyShares'), nominalConcurrencyShares),
    ...percentErrors(at.child('lendablePercent'), lendablePercent),
  ];
}

function validateByType({ type, exempt, limited }: Partial<PriorityLevelConfigurationSpec>): FieldError[] {
  switch (type) {
    case 'Exempt':
      return [
        ...(limited ? [forbiddenField(specPath.child('limited'), 'must be nil if the type is not Limited')] : []),
        ...(exempt ? validateExempt(exempt) : []),
      ];
    case 'Limited':
      return [
        ...(exempt ? [forbiddenField(specPath.child('exempt'), 'must be nil if the type is Limited')] : []),
        ...(limited
          ? validateLimited(limited)
          : [required(specPath.child('limited'), 'must not be empty when type is Limited')]),
      ];
    default:
      return [notSupported(specPath.child('type'), type ?? '', ['Exempt', 'Limited'])];
  }
}

/** The mandatory levels are as they are; of `exempt` the shares may change. */
function validateFixed(name: string, spec: Partial<PriorityLevelConfigurationSpec>): FieldError[] {
  const fixed = mandatoryPriorityLevels.find(({ metadata }) => metadata?.name === name);
  if (!fixed) return [];
  const isExempt = name === 'exempt';
  const rest = (one: Partial<PriorityLevelConfigurationSpec> = {}): object =>
    isExempt ? { ...one, exempt: undefined } : one;
  if (equalJson(rest(spec), rest(fixed.spec))) return [];
  const which = isExempt ? `'${name}' except the 'spec.exempt' field` : `'${name}'`;
  return [
    invalid(
      specPath,
      internalForm('PriorityLevelConfigurationSpec', spec),
      `spec of ${which} must equal the fixed value`,
    ),
  ];
}

export function validatePriorityLevel(level: PriorityLevelConfiguration): FieldError[] {
  const { name = '' } = metaOf(level);
  const spec: Partial<PriorityLevelConfigurationSpec> = level.spec ?? {};
  const detail = "type must be 'Exempt' if and only if name is 'exempt'";
  return [
    ...validateObjectMeta(metaOf(level), false, nameIsSubdomain),
    ...((name === 'exempt') === (spec.type === 'Exempt')
      ? []
      : [invalid(specPath.child('type'), spec.type ?? '', detail)]),
    ...validateByType(spec),
    ...validateFixed(name, spec),
    ...conditionErrors(level.status?.conditions ?? []),
  ];
}

export const validatePriorityLevelUpdate = (
  level: PriorityLevelConfiguration,
  old: PriorityLevelConfiguration,
): FieldError[] => [...validateObjectMetaUpdate(metaOf(level), metaOf(old)), ...validatePriorityLevel(level)];

export const validatePriorityLevelStatus = (
  level: PriorityLevelConfiguration,
  old: PriorityLevelConfiguration,
): FieldError[] => [
  ...validateObjectMetaUpdate(metaOf(level), metaOf(old)),
  ...conditionErrors(level.status?.conditions ?? []),
];
