import { describe, expect, it } from 'vitest';
import { testKind } from '../test-kind.ts';
import { flowSchemaKind } from './definition.ts';
import { mandatoryFlowSchemas, suggestedFlowSchemas } from './system-flow-schemas.ts';

const { create, update, row } = testKind(flowSchemaKind);
const priorityLevelConfiguration = { name: 'workload-low' };
const subjects = [{ kind: 'User', user: { name: 'jane' } }];
const resourceRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['default'] };
const of = (more: object) => ({ spec: { priorityLevelConfiguration, ...more } });
const withRule = (rule: object) => of({ rules: [{ subjects, resourceRules: [{ ...resourceRule, ...rule }] }] });
const withUrls = (...nonResourceURLs: string[]) =>
  of({ rules: [{ subjects, nonResourceRules: [{ verbs: ['get'], nonResourceURLs }] }] });
const withSubject = (subject: object) => of({ rules: [{ subjects: [subject], resourceRules: [resourceRule] }] });
const [rule, url, subject] = ['resourceRules', 'nonResourceRules', 'subjects'].map(
  (list) => `spec.rules[0].${list}[0]`,
);

describe('FlowSchema', () => {
  it.each([...mandatoryFlowSchemas, ...suggestedFlowSchemas].map((one) => [one.metadata?.name, one] as const))(
    '%s, which every cluster has, is valid and complete',
    (_, schema) => {
      const { object, errors } = create(schema);
      expect(errors).toEqual([]);
      expect(object['spec']).toEqual(schema.spec);
    },
  );

  it.each([
    [of({}), []],
    [of({ rules: [{ subjects, resourceRules: [resourceRule] }] }), []],
    [{ spec: {} }, ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level']],
    [of({ matchingPrecedence: -1 }), ['spec.matchingPrecedence: Invalid value: -1: must be a positive value']],
    [
      of({ matchingPrecedence: 10_001 }),
      ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000'],
    ],
    [
      of({ matchingPrecedence: 1 }),
      ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
    ],
    [
      of({ distinguisherMethod: { type: 'Odd' } }),
      ['spec.distinguisherMethod.type: Unsupported value: {"Type":"Odd"}: supported values: "ByNamespace", "ByUser"'],
    ],
    [
      of({ rules: [{}] }),
      [
        'spec.rules[0].subjects: Required value: subjects must contain at least one value',
        'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
      ],
    ],
    [
      withSubject({ kind: 'Odd' }),
      [`${subject}.kind: Unsupported value: "Odd": supported values: "Group", "ServiceAccount", "User"`],
    ],
    [
      withSubject({ kind: 'Group', user: { name: 'a' } }),
      [
        `${subject}.group: Required value: group is required when subject kind is 'Group'`,
        `${subject}.user: Forbidden: user is forbidden when subject kind is not 'User'`,
      ],
    ],
    [
      withSubject({ kind: 'ServiceAccount', serviceAccount: {} }),
      [
        `${subject}.serviceAccount.name: Required value`,
        `${subject}.serviceAccount.namespace: Required value: must specify namespace for service account`,
      ],
    ],
    [withSubject({ kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'a' } }), []],
    [
      withRule({ verbs: ['get', '*'] }),
      [`${rule}.verbs: Invalid value: ["get","*"]: if '*' is present, must not specify other verbs`],
    ],
    [
      withRule({ verbs: ['odd'] }),
      [expect.stringContaining(`${rule}.verbs: Unsupported value: ["odd"]: supported values: "create", "delete"`)],
    ],
    [
      withRule({ verbs: [], apiGroups: [], resources: [], namespaces: [] }),
      [
        `${rule}.verbs: Required value: verbs must contain at least one value`,
        `${rule}.apiGroups: Required value: resource rules must supply at least one api group`,
        `${rule}.resources: Required value: resource rules must supply at least one resource`,
        `${rule}.namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`,
      ],
    ],
    [withRule({ namespaces: [], clusterScope: true }), []],
    [
      withRule({ apiGroups: ['*', ''], resources: ['*', 'a'], namespaces: ['*', 'a'] }),
      [
        `${rule}.apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other api groups`,
        `${rule}.resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources`,
        `${rule}.namespaces: Invalid value: ["*","a"]: if '*' is present, must not specify other namespaces`,
      ],
    ],
    [
      withRule({ namespaces: ['A'] }),
      [
        expect.stringContaining(
          `${rule}.namespaces[0]: Invalid value: "A": each member of this list must be '*' or a DNS-1123 label; `,
        ),
      ],
    ],
    [withUrls('/', '/healthz', '/api/*'), []],
    [withUrls(), [`${url}.nonResourceURLs: Required value: nonResourceURLs must contain at least one value`]],
    [
      withUrls('', 'a', '/a b', '/a//b', '/a*', '/*/b/*'),
      [
        'must not be empty',
        'must start with slash',
        'must not contain white-space',
        'must not contain double slash',
        'wildcard can only do suffix matching',
        'wildcard can only do suffix matching',
      ].map((text, i) => expect.stringMatching(new RegExp(`nonResourceURLs\\[${i}\\].*: ${text}$`))),
    ],
    [
      { metadata: { name: 'catch-all' }, ...of({ matchingPrecedence: 5 }) },
      [expect.stringContaining("spec of 'catch-all' must equal the fixed value")],
    ],
  ])('%#', (object, errors) => {
    expect(create(object).errors).toEqual(errors);
  });

  it('has a precedence of 1000 unless it says otherwise; says that nothing queues by it', () => {
    const { object, warnings } = create({ ...of({}), status: { conditions: [{ type: 'A' }] } });
    expect(object).toMatchObject({ spec: { matchingPrecedence: 1000 }, status: {} });
    expect(warnings).toEqual(['spec: accepted but not acted on: requests are not yet queued by priority and fairness']);
    expect(update(of({}), of({ matchingPrecedence: 2 })).object.metadata?.generation).toBe(2);
  });

  it('has conditions of different types', () => {
    const conditions = [{ type: 'A' }, { type: 'A' }, {}];
    expect(update(of({}), { ...of({}), status: { conditions } }, 'status').errors).toEqual([
      'status.conditions[1].type: Duplicate value: "A"',
      'status.conditions[2].type: Required value: must not be empty',
    ]);
  });

  it('prints its row; rows are in order of precedence', () => {
    expect(row(of({}))).toEqual(['x', 'workload-low', 1000, '<none>', '60m', '?']);
    const conditions = [{ type: 'Dangling', status: 'False' }];
    const schema = {
      ...of({ distinguisherMethod: { type: 'ByUser' }, matchingPrecedence: 5 }),
      status: { conditions },
    };
    expect(row(schema)).toEqual(['x', 'workload-low', 5, 'ByUser', '60m', 'False']);
    const names = suggestedFlowSchemas.toSorted((a, b) => flowSchemaKind.compareRows?.(a, b) ?? 0);
    expect(names.map(({ metadata }) => metadata?.name)).toEqual([
      'probes',
      'system-leader-election',
      'system-node-high',
      'system-nodes',
      'kube-controller-manager',
      'kube-scheduler',
      'kube-system-service-accounts',
      'service-accounts',
      'global-default',
    ]);
  });
});
