import { beforeEach, expect, test } from 'vitest';
import type { Event, ObjectReference } from '../api/generated/types.ts';
import { alreadyExists, forbidden, notFound } from '../api/meta/errors.ts';
import type { KubeObject, WatchEvent } from '../api/meta/types.ts';
import { silentLogger } from '../lib/logger.ts';
import { createSeededRandom } from '../sim/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../sim/virtual-clock.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';
import { createClient } from './create-client.ts';
import { createEventRecorder, type EventRecorder } from './event-recorder.ts';

const pod: ObjectReference = { kind: 'Pod', apiVersion: 'v1', name: 'web', namespace: 'ns', uid: 'u1' };

/** Keeps events as the API would. */
class EventServer implements Transport {
  readonly requests: TransportRequest[] = [];
  readonly events = new Map<string, Event>();
  failures: Error[] = [];
  /** Requests are answered once it resolves. */
  gate = Promise.resolve();

  async request(request: TransportRequest): Promise<KubeObject> {
    this.requests.push(request);
    await this.gate;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    if (request.method === 'POST') {
      const event = request.body as Event;
      const taken = event.metadata.name ?? '';
      if (this.events.has(taken)) throw alreadyExists({ group: '', resource: 'events' }, taken);
      this.events.set(event.metadata.name ?? '', event);
      return event;
    }
    const name = request.path.split('/').at(-1) ?? '';
    const old = this.events.get(name);
    if (old === undefined) throw notFound({ group: '', resource: 'events' }, name);
    const event = { ...old, ...(request.body as Partial<Event>) };
    this.events.set(name, event);
    return event;
  }

  async *stream(): AsyncGenerator<WatchEvent> {}

  get texts(): string[] {
    return [...this.events.values()].map((event) => `${event.reason} x${event.count} ${event.message}`);
  }
}

let clock: VirtualClock;
let server: EventServer;
let recorder: EventRecorder;
beforeEach(() => {
  clock = createVirtualClock(Date.UTC(2026, 4, 1, 12, 0, 0, 250));
  server = new EventServer();
  recorder = createEventRecorder({
    client: createClient(server),
    clock,
    random: createSeededRandom(3),
    logger: silentLogger,
    component: 'kubelet',
    host: 'node-1',
  });
});

test('an event has the reference, source, times and name that Kubernetes gives it', async () => {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'ns', uid: 'u1', resourceVersion: '7', labels: {} },
  };
  recorder.event(object, 'Normal', 'Pulled', 'Container image "nginx" already present on machine');
  expect(server.requests).toEqual([]);
  await recorder.flush();
  const stamp = (BigInt(clock.now()) * 1_000_000n).toString(16);
  expect(server.requests).toEqual([
    {
      method: 'POST',
      path: '/api/v1/namespaces/ns/events',
      query: {},
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `web.${stamp}`, namespace: 'ns' },
        involvedObject: {
          kind: 'Pod',
          apiVersion: 'v1',
          name: 'web',
          namespace: 'ns',
          uid: 'u1',
          resourceVersion: '7',
        },
        reason: 'Pulled',
        message: 'Container image "nginx" already present on machine',
        type: 'Normal',
        source: { component: 'kubelet', host: 'node-1' },
        firstTimestamp: '2026-05-01T12:00:00Z',
        lastTimestamp: '2026-05-01T12:00:00Z',
        count: 1,
        reportingComponent: 'kubelet',
        reportingInstance: 'node-1',
      },
    },
  ]);
});

test('annotations go with an event', async () => {
  recorder.annotatedEvent(pod, { starved_resource: 'memory' }, 'Warning', 'Evicted', 'The node was low on resource');
  await recorder.flush();
  expect(server.requests[0]?.body).toMatchObject({
    metadata: { namespace: 'ns', annotations: { starved_resource: 'memory' } },
    reason: 'Evicted',
  });
});

test('events about cluster-scoped objects go to the default namespace, and field paths are kept', async () => {
  recorder.event({ kind: 'Node', apiVersion: 'v1', name: 'node-1', uid: 'node-1' }, 'Normal', 'Starting', '');
  recorder.event({ ...pod, fieldPath: 'spec.containers{web}' }, 'Normal', 'Started', 'Started container web');
  await recorder.flush();
  expect(server.requests.map((request) => request.path)).toEqual([
    '/api/v1/namespaces/default/events',
    '/api/v1/namespaces/ns/events',
  ]);
  expect([...server.events.values()][1]?.involvedObject.fieldPath).toBe('spec.containers{web}');
});

test('the same event again raises the count of the first by a patch', async () => {
  for (let i = 0; i < 3; i++) {
    recorder.event(pod, 'Warning', 'BackOff', 'Back-off restarting failed container');
    await recorder.flush();
    await clock.advance(10_000);
  }
  expect(server.requests.map((request) => request.method)).toEqual(['POST', 'PATCH', 'PATCH']);
  expect(server.requests[2]).toMatchObject({
    contentType: 'application/strategic-merge-patch+json',
    body: { count: 3, lastTimestamp: '2026-05-01T12:00:20Z', message: 'Back-off restarting failed container' },
  });
  expect(server.texts).toEqual(['BackOff x3 Back-off restarting failed container']);
  expect([...server.events.values()][0]?.firstTimestamp).toBe('2026-05-01T12:00:00Z');
});

test('an event that has expired on the server is made again with its count', async () => {
  recorder.event(pod, 'Warning', 'BackOff', 'x');
  await recorder.flush();
  server.events.clear();
  recorder.event(pod, 'Warning', 'BackOff', 'x');
  await recorder.flush();
  expect(server.requests.map((request) => request.method)).toEqual(['POST', 'PATCH', 'POST']);
  expect(server.texts).toEqual(['BackOff x2 x']);
});

test('from the tenth message of one reason within ten minutes on, events are combined', async () => {
  for (let i = 1; i <= 12; i++) recorder.event(pod, 'Warning', 'FailedMount', `try ${i}`);
  recorder.event(pod, 'Normal', 'Other', 'not similar');
  await recorder.flush();
  expect(server.texts).toEqual([
    ...Array.from({ length: 9 }, (_, i) => `FailedMount x1 try ${i + 1}`),
    'FailedMount x3 (combined from similar events): try 12',
    'Other x1 not similar',
  ]);
  await clock.advance(600_001);
  recorder.event(pod, 'Warning', 'FailedMount', 'later');
  await recorder.flush();
  expect(server.texts.at(-1)).toBe('FailedMount x1 later');
});

test('a source has 25 events per object, then one every five minutes', async () => {
  for (let i = 0; i < 40; i++) recorder.event(pod, 'Normal', `Reason${i}`, 'm');
  recorder.event({ ...pod, uid: 'u2', name: 'other' }, 'Normal', 'Fine', 'm');
  await recorder.flush();
  expect(server.events.size).toBe(26);
  await clock.advance(299_000);
  recorder.event(pod, 'Normal', 'Early', 'm');
  await recorder.flush();
  expect(server.events.size).toBe(26);
  await clock.advance(1_000);
  recorder.event(pod, 'Normal', 'InTime', 'm');
  await recorder.flush();
  expect(server.texts.at(-1)).toBe('InTime x1 m');
});

test('a server that cannot be reached is tried again 12 times in order; what it refuses is dropped', async () => {
  server.failures = [new Error('ECONNREFUSED'), new Error('ECONNREFUSED')];
  recorder.event(pod, 'Normal', 'First', 'm');
  recorder.event(pod, 'Normal', 'Second', 'm');
  await clock.advance(25_000);
  expect(server.texts).toEqual(['First x1 m', 'Second x1 m']);
  server.failures = [forbidden({ group: '', resource: 'events' }, '', 'namespace is being terminated')];
  recorder.event(pod, 'Normal', 'Refused', 'm');
  recorder.event(pod, 'Normal', 'Next', 'm');
  await recorder.flush();
  expect(server.texts).toEqual(['First x1 m', 'Second x1 m', 'Next x1 m']);
  server.requests.length = 0;
  server.failures = Array.from({ length: 12 }, () => new Error('ECONNREFUSED'));
  recorder.event(pod, 'Normal', 'GivenUp', 'm');
  await clock.advance(130_000);
  expect(server.requests).toHaveLength(12);
});

test("two components' events about one object in one millisecond are both kept", async () => {
  const other = createEventRecorder({
    client: createClient(server),
    clock,
    random: createSeededRandom(4),
    logger: silentLogger,
    component: 'default-scheduler',
  });
  for (let i = 0; i < 5; i++) {
    recorder.event(pod, 'Warning', `Kubelet${i}`, 'm');
    other.event(pod, 'Normal', `Scheduler${i}`, 'm');
  }
  await Promise.all([recorder.flush(), other.flush()]);
  expect(server.texts).toHaveLength(10);
});

test('an event whose answer was lost is not made twice', async () => {
  const first = server.request.bind(server);
  server.request = async (request) => {
    server.request = first;
    await first(request);
    throw new Error('ECONNRESET');
  };
  recorder.event(pod, 'Normal', 'Once', 'm');
  await clock.advance(20_000);
  expect(server.texts).toEqual(['Once x1 m']);
});

test('a flood is cut at 1,000 waiting events, and a faulty object never throws', async () => {
  for (let i = 0; i < 1500; i++) recorder.event({ ...pod, name: `p${i}`, uid: `${i}` }, 'Normal', 'R', 'm');
  recorder.event({ metadata: { name: 'no-kind' } }, 'Normal', 'R', 'm');
  await recorder.flush();
  expect(server.events.size).toBe(1000);
  recorder.event({ ...pod, name: 'n'.repeat(250) }, 'Normal', 'R', 'm');
  await recorder.flush();
  expect([...server.events.keys()].at(-1)).toMatch(/^[0-9a-f]{8}-/);
});

test('events are sent without waiting for each other, but for those that count up one under way', async () => {
  let open: () => void = () => {};
  server.gate = new Promise((resolve) => (open = resolve));
  for (const reason of ['One', 'Two', 'Two', 'Three']) recorder.event(pod, 'Normal', reason, 'm');
  await clock.settle();
  expect(server.requests).toHaveLength(2);
  open();
  await recorder.flush();
  expect(server.texts).toEqual(['One x1 m', 'Two x2 m', 'Three x1 m']);
});

test('events that are held are sent together, in order, with their own times', async () => {
  const held = createEventRecorder({
    client: createClient(server),
    clock,
    random: createSeededRandom(3),
    logger: silentLogger,
    component: 'kubelet',
    holdMs: 50,
  });
  held.event(pod, 'Normal', 'Created', 'one');
  await clock.advance(40);
  held.event(pod, 'Normal', 'Started', 'two');
  expect(server.texts).toEqual([]);
  await clock.advance(10);
  expect(server.texts).toEqual(['Created x1 one', 'Started x1 two']);
});
