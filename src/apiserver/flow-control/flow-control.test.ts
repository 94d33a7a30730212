import { describe, expect, it } from 'vitest';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/generated/types.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, verbs } from '../test-server.ts';
import { decideStatus, decideUpkeep } from './decide.ts';

const annotation = 'apf.kubernetes.io/autoupdate-spec';

function schema(name: string, level: string, said?: string, generation = 1): FlowSchema {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name, generation, ...(said === undefined ? {} : { annotations: { [annotation]: said } }) },
    spec: { priorityLevelConfiguration: { name: level } },
  };
}

describe('what every cluster has', () => {
  const wanted = schema('a', 'new', 'true');
  it.each<[string, FlowSchema | undefined, boolean, string]>([
    ['is made where it is missing', undefined, false, 'create a new true'],
    ['stays when it is as it shall be', schema('a', 'new', 'true'), false, ''],
    ['is mended when it keeps itself', schema('a', 'old', 'true'), false, 'update a new true'],
    ['is left alone when its owner says so', schema('a', 'old', 'false', 5), false, ''],
    ['keeps itself until somebody changes it', schema('a', 'old'), false, 'update a new true'],
    ["is its changer's own from then on", schema('a', 'old', undefined, 2), false, 'update a old false'],
    ['is mended whatever it says when it is mandatory', schema('a', 'old', 'false', 5), true, 'update a new true'],
  ])('%s', (_, found, isMandatory, expected) => {
    const [mandatory, suggested] = isMandatory ? [[wanted], []] : [[], [wanted]];
    const actions = decideUpkeep(found ? [found] : [], mandatory, suggested).map((action) => {
      const { metadata, spec } = action.object as FlowSchema;
      return `${action.do} ${metadata?.name} ${spec?.priorityLevelConfiguration.name} ${metadata?.annotations?.[annotation]}`;
    });
    expect(actions.join()).toBe(expected);
  });

  it('goes when a later version does not have it any more', () => {
    const found = [schema('left', 'x', 'true'), schema('user', 'x'), schema('kept', 'x', 'false')];
    expect(decideUpkeep(found, [], [])).toEqual([{ do: 'delete', object: found[0] }]);
  });

  it('leaves the shares of `exempt` to its administrator', () => {
    const exempt = (shares: number, type: 'Exempt' | 'Limited' = 'Exempt'): PriorityLevelConfiguration => ({
      kind: 'PriorityLevelConfiguration',
      metadata: { name: 'exempt', annotations: { [annotation]: 'true' } },
      spec: { type, exempt: { nominalConcurrencyShares: shares } },
    });
    expect(decideUpkeep([exempt(7)], [exempt(0)], [])).toEqual([]);
    expect(decideUpkeep([exempt(7, 'Limited')], [exempt(0)], [])).toMatchObject([
      { do: 'update', object: { spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 7 } } } },
    ]);
  });
});

it('a schema says whether its level is there, once', () => {
  const levels = [{ metadata: { name: 'known' } }] as PriorityLevelConfiguration[];
  const [known] = decideStatus([schema('a', 'known')], levels, 0);
  expect(known).toEqual({
    name: 'a',
    condition: {
      type: 'Dangling',
      status: 'False',
      reason: 'Found',
      message: 'This FlowSchema references the PriorityLevelConfiguration object named "known" and it exists',
      lastTransitionTime: '1970-01-01T00:00:00Z',
    },
  });
  const told: FlowSchema = { ...schema('a', 'known'), status: { conditions: known ? [known.condition] : [] } };
  expect(decideStatus([told], levels, 0)).toEqual([]);
  expect(decideStatus([told], [], 0)).toMatchObject([{ condition: { status: 'True', reason: 'NotFound' } }]);
  expect(decideStatus([schema('b', 'catch-all')], [], 0)).toMatchObject([{ condition: { status: 'False' } }]);
});

it('the server makes, keeps and tells of them', async () => {
  const clock = createVirtualClock();
  const { server, admin } = await startTestServer(clock, createSeededRandom(1));
  const { get, put, post, del } = verbs(admin);
  const root = '/apis/flowcontrol.apiserver.k8s.io/v1';
  const dangling = async (name: string): Promise<string | undefined> =>
    ((await get(`${root}/flowschemas/${name}`)) as FlowSchema).status?.conditions?.[0]?.status;
  try {
    const list = (await get(`${root}/flowschemas`)) as unknown as { items: FlowSchema[] };
    expect(list.items).toHaveLength(11);
    expect(list.items.map(({ status }) => status?.conditions?.[0]?.status)).toEqual(Array(11).fill('False'));
    // Lists of this process come without managedFields.
    const one = await get(`${root}/flowschemas/catch-all`);
    expect(one.metadata?.managedFields).toMatchObject([
      { manager: 'api-priority-and-fairness-config-consumer-v1', operation: 'Apply', subresource: 'status' },
      { manager: 'api-priority-and-fairness-config-producer-v1', operation: 'Update' },
    ]);
    const body = { ...schema('mine', 'later'), metadata: { name: 'mine' } };
    await post(`${root}/flowschemas`, body);
    await clock.advance(10);
    expect(await dangling('mine')).toBe('True');
    const level = (await get(`${root}/prioritylevelconfigurations/system`)) as PriorityLevelConfiguration;
    await post(`${root}/prioritylevelconfigurations`, { ...level, metadata: { name: 'later' } });
    await clock.advance(10);
    expect(await dangling('mine')).toBe('False');
    const { spec } = level;
    const changed = { ...spec, limited: { ...spec?.limited, nominalConcurrencyShares: 1 } };
    await put(`${root}/prioritylevelconfigurations/system`, { ...level, spec: changed });
    await del(`${root}/flowschemas/catch-all`);
    expect(await outcome(get(`${root}/flowschemas/catch-all`))).toContain('404');
    await clock.advance(60_000);
    expect(await get(`${root}/prioritylevelconfigurations/system`)).toMatchObject({ spec });
    expect(await dangling('catch-all')).toBe('False');
  } finally {
    await server.close();
  }
});
