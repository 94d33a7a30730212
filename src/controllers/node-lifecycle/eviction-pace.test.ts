import { expect, it } from 'vitest';
import type { Node } from '../../api/generated/types.ts';
import { evictionPace } from './eviction-pace.ts';

const zoneOf = (zone: string, ready: number, dead: number): Node[] =>
  Array.from({ length: ready + dead }, (_, i) => ({
    metadata: { name: `${zone}-${i}`, labels: { 'topology.kubernetes.io/zone': zone } },
    status: { conditions: [{ type: 'Ready', status: i < dead ? 'Unknown' : 'True' }] },
  }));

it.each<[string, Node[], number | 'never']>([
  ['the only node', zoneOf('a', 0, 1), 'never'],
  ['every node of every zone', [...zoneOf('a', 0, 3), ...zoneOf('b', 0, 2)], 'never'],
  ['one node of two', zoneOf('a', 1, 1), 0.1],
  ['two nodes of three', zoneOf('a', 1, 2), 0.1],
  ['three nodes of four', zoneOf('a', 1, 3), 0],
  ['half of a zone', zoneOf('a', 4, 4), 0.1],
  ['most of a large zone', zoneOf('a', 20, 40), 0.01],
  ['a whole zone while another lives', [...zoneOf('a', 0, 4), ...zoneOf('b', 1, 0)], 0.1],
])('%s', (_, nodes, expected) => {
  const [node = {}] = nodes;
  const pace = evictionPace(nodes, node);
  expect(pace.type === 'never' ? 'never' : pace.perSecond).toBe(expected);
});
