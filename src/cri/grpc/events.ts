// Runtime events from containerd's own events service, which tells of every exit at once on all versions (CRI's GetContainerEvents came with 1.7).

import { type Clock, sleep } from '../../lib/clock.ts';
import type { RuntimeEvent } from '../runtime.ts';
import { type Channel, grpcMethod } from './channel.ts';

const namespace = 'k8s.io';
const readyTopic = '/peapod/ready';

interface Envelope {
  timestamp?: { seconds?: number; nanos?: number };
  namespace?: string;
  topic?: string;
  event?: { value?: Buffer };
}

const exitTopic = '/tasks/exit';
const topics: Readonly<Record<string, 'created' | 'started' | 'deleted' | 'oom'>> = {
  '/containers/create': 'created',
  '/tasks/start': 'started',
  '/tasks/oom': 'oom',
  '/containers/delete': 'deleted',
};

/** One envelope as an event; undefined for what concerns no container's main process (an exec's end) or is not known. */
export function eventFrom(envelope: Envelope): Exclude<RuntimeEvent, { type: 'resync' }> | undefined {
  const { timestamp, topic = '', event } = envelope;
  const at = (timestamp?.seconds ?? 0) * 1000 + (timestamp?.nanos ?? 0) / 1e6;
  const value = event?.value ?? Buffer.alloc(0);
  if (topic === exitTopic) {
    const exit = grpcMethod('Payloads.TaskExit').deserialize(value) as {
      containerId?: string;
      id?: string;
      exitStatus?: number;
    };
    if (!exit.containerId || exit.id !== exit.containerId) return undefined;
    return { type: 'stopped', id: exit.containerId, at, exitCode: exit.exitStatus ?? 0 };
  }
  const type = topics[topic];
  const { id } = grpcMethod('Payloads.Subject').deserialize(value) as { id?: string };
  return type && id ? { type, id, at } : undefined;
}

/** A queue that one consumer awaits. */
function mailbox<T>(): { put(item: T): void; end(error?: unknown): void; items(): AsyncGenerator<T> } {
  const waiting: T[] = [];
  let ended = false;
  let failure: unknown;
  let wake: (() => void) | undefined;
  return {
    put(item) {
      waiting.push(item);
      wake?.();
    },
    end(error) {
      ended = true;
      failure = error;
      wake?.();
    },
    async *items() {
      for (;;) {
        for (const item of waiting.splice(0)) yield item;
        if (waiting.length > 0) continue;
        if (ended) {
          if (failure !== undefined) throw failure;
          return;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** Publishes a marker until the subscription shows it: only then is nothing missed any more. */
async function announce(channel: Channel, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const request = { topic: readyTopic, event: { typeUrl: 'peapod.dev/Ready', value: Buffer.alloc(0) } };
    try {
      await channel.unary('Events.Publish', request, {
        timeoutMs: 2000,
        signal,
        metadata: { 'containerd-namespace': namespace },
      });
    } catch {
      // The stream's own failure is what counts.
    }
    await sleep(clock, 20, signal);
  }
}

/** One subscription, until it breaks (throws) or the signal aborts. */
async function* subscribe(
  channel: Channel,
  clock: Clock,
  signal: AbortSignal,
  types: readonly RuntimeEvent['type'][] | undefined,
): AsyncGenerator<RuntimeEvent> {
  const stop = new AbortController();
  const marked = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const box = mailbox<RuntimeEvent>();
  // A filter's clauses are joined by commas (and), the filters by or.
  const all: [string, RuntimeEvent['type']][] = [...Object.entries(topics), [exitTopic, 'stopped']];
  const wanted = all.filter(([, type]) => types === undefined || types.includes(type));
  const filters = [...wanted.map(([topic]) => topic), readyTopic].map(
    (topic) => `namespace==${namespace},topic=="${topic}"`,
  );
  const receive = async (): Promise<void> => {
    try {
      for await (const envelope of channel.stream<Envelope>('Events.Subscribe', { filters }, { signal: either })) {
        if (envelope.topic === readyTopic) {
          if (!marked.signal.aborted) box.put({ type: 'resync' });
          marked.abort();
          continue;
        }
        const event = eventFrom(envelope);
        if (event) box.put(event);
      }
      box.end();
    } catch (error) {
      box.end(error);
    }
  };
  void receive();
  void announce(channel, clock, AbortSignal.any([either, marked.signal]));
  try {
    yield* box.items();
  } finally {
    stop.abort();
  }
}

/** RuntimeService.events over containerd's events service: see the contract. */
export async function* runtimeEvents(
  channel: Channel,
  clock: Clock,
  signal: AbortSignal,
  types?: readonly RuntimeEvent['type'][],
): AsyncGenerator<RuntimeEvent> {
  for (let pause = 50; !signal.aborted; pause = Math.min(pause * 2, 1000)) {
    try {
      for await (const event of subscribe(channel, clock, signal, types)) {
        pause = 50;
        yield event;
      }
    } catch {
      // The runtime went away: wait, subscribe again, and say 'resync'.
    }
    await sleep(clock, pause, signal);
  }
}
