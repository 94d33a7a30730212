// Which PodDisruptionBudgets are refused, what becomes of the others, and how they are shown.
import { describe, expect, it, test } from 'vitest';
import { testKind } from '../test-kind.ts';
import { podDisruptionBudgetKind } from './definition.ts';

const kind = testKind(podDisruptionBudgetKind);
const selector = { matchLabels: { app: 'web' } };
const betaLabel = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';
const notPercent = (field: string, value: string): string =>
  `spec.${field}: Invalid value: "${value}": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`;
const wrongValue =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const wrongSelector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] };
const wrongSelectorError = `spec.selector.matchExpressions[0].values[0]: Invalid value: "-": ${wrongValue}`;

it.each<[object, string[]]>([
  [{ minAvailable: 1, selector }, []],
  [{ minAvailable: '100%', selector: {} }, []],
  [{ maxUnavailable: 0 }, []],
  [{}, []],
  [{ minAvailable: -1 }, ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']],
  [{ minAvailable: '101%' }, ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%']],
  [{ maxUnavailable: '2' }, [notPercent('maxUnavailable', '2')]],
  [
    { minAvailable: 1, maxUnavailable: 1, selector: { matchLabels: {}, matchExpressions: [] } },
    [
      'spec: Invalid value: {"MinAvailable":1,"Selector":{},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  ],
  [
    { minAvailable: 1, maxUnavailable: '5%', selector },
    [
      'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"app":"web"}},"MaxUnavailable":"5%","UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  ],
  [{ unhealthyPodEvictionPolicy: 'AlwaysAllow' }, []],
  [
    { unhealthyPodEvictionPolicy: 'Never' },
    ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
  ],
  [{ selector: wrongSelector }, [wrongSelectorError]],
])('%j', (spec, errors) => expect(kind.create({ spec }).errors).toEqual(errors));

it.each<[string, string[]]>([
  ['Any_Name', []],
  ['a/b', ['metadata.name: Invalid value: "a/b": may not contain \'/\'']],
])('the name %s', (name, errors) => expect(kind.create({ metadata: { name } }).errors).toEqual(errors));

test('of a wrong spec nothing else is told', () => {
  const errors = ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0'];
  expect(kind.create({ metadata: { name: 'a/b' }, spec: { minAvailable: -1 } }).errors).toEqual(errors);
});

test('a new one has an empty status, and none of its writer', () => {
  const { object } = kind.create({ spec: { minAvailable: 1 }, status: { disruptionsAllowed: 5 } });
  expect(object['status']).toEqual({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 });
});

describe('the label of old selectors', () => {
  const lone = { key: betaLabel, operator: 'Exists' };
  const other = { key: 'a', operator: 'Exists' };
  it.each<[string, object, object]>([
    ['stays where it means nothing at all', { matchExpressions: [lone] }, { matchExpressions: [lone] }],
    ['goes from beside others', { matchExpressions: [lone, other] }, { matchExpressions: [other] }],
    ['goes from beside labels', { ...selector, matchExpressions: [lone] }, selector],
    ['goes with another operator', { matchExpressions: [{ ...lone, operator: 'DoesNotExist' }] }, {}],
  ])('%s', (_, given, kept) => {
    expect(kind.create({ spec: { selector: given } }).object['spec']).toEqual({ selector: kept });
  });
});

describe('updates', () => {
  const status = { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 };
  const before = { spec: { minAvailable: 1, selector }, status };
  test('of the spec are counted and leave the status', () => {
    const { object, errors } = kind.update(before, { spec: { minAvailable: 2, selector }, status: {} });
    expect(errors).toEqual([]);
    expect(object).toMatchObject({ metadata: { generation: 2 }, spec: { minAvailable: 2 }, status });
  });
  test('that change nothing are not counted', () => {
    expect(kind.update(before, before).object).toMatchObject({ metadata: { generation: 1 } });
  });
  test('of the status leave the spec, and are not counted', () => {
    const { object, errors } = kind.update(before, { spec: {}, status: { ...status, expectedPods: 9 } }, 'status');
    expect(errors).toEqual([]);
    expect(object).toMatchObject({ metadata: { generation: 1 }, spec: before.spec, status: { expectedPods: 9 } });
  });
  test('keep a selector that has been wrong', () => {
    const wrong = { spec: { minAvailable: 1, selector: wrongSelector } };
    expect(kind.update(wrong, { spec: { minAvailable: 2, selector: wrongSelector } }).errors).toEqual([]);
    expect(kind.update(before, wrong).errors).toEqual([wrongSelectorError]);
  });
  it.each<[object, string[]]>([
    [{ disruptionsAllowed: -1 }, ['status.disruptionsAllowed']],
    [{ currentHealthy: -1, desiredHealthy: -1 }, ['status.currentHealthy', 'status.desiredHealthy']],
    [{ expectedPods: -1 }, ['status.expectedPods']],
  ])('of the status to %j', (wrong, fields) => {
    const text = 'Invalid value: -1: must be greater than or equal to 0';
    const { errors } = kind.update(before, { status: { ...status, ...wrong } }, 'status');
    expect(errors).toEqual(fields.map((field) => `${field}: ${text}`));
  });
  test('of the status to a condition without a reason', () => {
    const conditions = [{ type: 'A', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', message: '' }];
    const { errors } = kind.update(before, { status: { ...status, conditions } }, 'status');
    expect(errors).toEqual(['status.conditions[0].reason: Required value']);
  });
});

it.each<[object, (string | number)[]]>([
  [{ spec: { minAvailable: 2 }, status: { disruptionsAllowed: 1 } }, ['x', '2', 'N/A', 1, '60m']],
  [{ spec: { maxUnavailable: '20%' } }, ['x', 'N/A', '20%', 0, '60m']],
])('the row of %j', (object, cells) => expect(kind.row(object)).toEqual(cells));
