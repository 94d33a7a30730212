// Records what components do as events on objects, in the background.

import type { Event, ObjectReference } from '../api/generated/types.ts';
import { ApiError, isApiError } from '../api/meta/errors.ts';
import type { KubeObject } from '../api/meta/types.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Client } from './client.ts';
import { type Correlated, EventCorrelator } from './event-correlator.ts';
import { events } from './resources.ts';

export type EventType = 'Normal' | 'Warning';

export interface EventRecorder {
  /**
   * Records an event about an object (with apiVersion and kind) or a reference, which may name a field
   * ('spec.containers{web}'). Returns at once and never throws: what cannot be sent is logged.
   */
  event(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string): void;
  /** The same for an event that carries something for programs. */
  annotatedEvent(
    about: KubeObject | ObjectReference,
    annotations: Readonly<Record<string, string>>,
    type: EventType,
    reason: string,
    message: string,
  ): void;
  /** Resolves once every event so far has been sent or given up. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** 'kubelet', 'default-scheduler', … */
  component: string;
  /** The node's name, for components that run on one. */
  host?: string;
  /** Ends waiting for a server that does not answer. */
  signal?: AbortSignal;
  /** ms for which events are held before they are sent, so that what they tell of is not slowed down by its telling. Default 0. */
  holdMs?: number;
}

const maxQueued = 1000;
/** Events that are sent without waiting for each other: the store writes them together. */
const maxTogether = 16;
const maxTries = 12;
const retryMs = 10_000;
const maxNameLength = 253;

/** A recorder of that component. Follows client-go tools/record/event.go. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queue: Event[] = [];
  #sending: Promise<void> | undefined;
  #lastStamp = 0n;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#correlator = new EventCorrelator(options.clock);
  }

  event(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string): void {
    this.annotatedEvent(about, {}, type, reason, message);
  }

  annotatedEvent(
    about: KubeObject | ObjectReference,
    annotations: Readonly<Record<string, string>>,
    type: EventType,
    reason: string,
    message: string,
  ): void {
    const { logger } = this.#options;
    try {
      const event = this.#eventOf(referenceOf(about), type, reason, message);
      if (Object.keys(annotations).length > 0) event.metadata = { ...event.metadata, annotations: { ...annotations } };
      logger.debug('event', { object: event.involvedObject, type, reason, message });
      if (this.#queue.length >= maxQueued) {
        logger.warn('event dropped: too many are waiting', { reason, message });
        return;
      }
      this.#queue.push(event);
      this.#sending ??= this.#sendAll();
    } catch (error) {
      logger.error('event not recorded', { reason, message, error });
    }
  }

  async flush(): Promise<void> {
    await this.#sending;
  }

  #eventOf(involvedObject: ObjectReference, type: EventType, reason: string, message: string): Event {
    const { component, host = '', clock } = this.#options;
    const at = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: this.#nameFor(involvedObject), namespace: involvedObject.namespace || 'default' },
      involvedObject,
      reason,
      message,
      type,
      source: { component, ...(host !== '' ? { host } : {}) },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      reportingComponent: component,
      reportingInstance: host,
    };
  }

  /** The object's name and the time in nanoseconds, in hex; kept unique within a millisecond by counting on. */
  #nameFor({ name = '' }: ObjectReference): string {
    const now = BigInt(Math.floor(this.#options.clock.now())) * 1_000_000n;
    this.#lastStamp = now > this.#lastStamp ? now : this.#lastStamp + 1n;
    const full = `${name}.${this.#lastStamp.toString(16)}`;
    return full.length > maxNameLength ? this.#options.random.uuid() : full;
  }

  async #sendAll(): Promise<void> {
    const { clock, signal, holdMs = 0 } = this.#options;
    // Nothing is sent within event() itself.
    if (holdMs > 0) await sleep(clock, holdMs, signal);
    else await Promise.resolve();
    while (this.#queue.length > 0) {
      let before: Promise<unknown> = Promise.resolve();
      for (const correlated of this.#nextGroup()) before = Promise.all([before, this.#send(correlated, before)]);
      await before;
    }
    this.#sending = undefined;
  }

  /** Takes the events at the front that can go together: none that may count up another one of them, which must be known first. */
  #nextGroup(): Correlated[] {
    const group: Correlated[] = [];
    const taken = new Set<string>();
    for (let event = this.#queue[0]; event !== undefined && taken.size < maxTogether; event = this.#queue[0]) {
      const { uid = '', name = '' } = event.involvedObject;
      const source = `${uid}/${name}/${event.reason}`;
      if (taken.has(source)) break;
      taken.add(source);
      this.#queue.shift();
      const correlated = this.#correlator.correlate(event, this.#nameFor(event.involvedObject));
      if (correlated !== undefined) group.push(correlated);
    }
    return group;
  }

  /**
   * Holds everything behind it while the server cannot be reached; gives up on what the server refuses. It tries again only
   * after `before`, the sending of those in front, so that the order stays.
   */
  async #send(first: Correlated, before: Promise<unknown>): Promise<void> {
    const { clock, random, logger, signal } = this.#options;
    const { reason, message } = first.event;
    let correlated = first;
    let unanswered = false;
    for (let tries = 1; signal?.aborted !== true; tries++) {
      try {
        this.#correlator.sent(correlated.key, await this.#write(correlated));
        return;
      } catch (error) {
        // Another component's event about the object has that millisecond's name. After a lost answer it is this one.
        if (isApiError(error, 'AlreadyExists') && !unanswered && tries < maxTries) {
          correlated = this.#renamed(correlated);
          continue;
        }
        if (error instanceof ApiError) {
          logger.debug('event refused by the server', { reason, message, error });
          return;
        }
        unanswered = true;
        if (tries === maxTries) {
          logger.error('event given up: the server cannot be reached', { reason, message, error });
          return;
        }
      }
      // Components that lost the same server do not come back all at once.
      await Promise.all([before, sleep(clock, tries === 1 ? retryMs * random.float() : retryMs, signal)]);
    }
  }

  /** The same event by a name that stands for another moment of its millisecond. */
  #renamed(correlated: Correlated): Correlated {
    const { event } = correlated;
    this.#lastStamp += BigInt(1 + Math.floor(this.#options.random.float() * 900_000));
    return {
      ...correlated,
      event: { ...event, metadata: { ...event.metadata, name: this.#nameFor(event.involvedObject) } },
    };
  }

  async #write({ event, patch }: Correlated): Promise<Event> {
    const { client, signal } = this.#options;
    const options = signal === undefined ? {} : { signal };
    if (patch !== undefined) {
      const { name = '', namespace = '' } = event.metadata;
      try {
        return await client.patch(events, { name, namespace }, { type: 'strategic', body: patch }, options);
      } catch (error) {
        // It has expired meanwhile.
        if (!(error instanceof ApiError) || error.code !== 404) throw error;
      }
    }
    return client.create(events, event, options);
  }
}

/** The reference to an object, as events carry it; a reference stays as it is. Throws a TypeError when the kind is missing. */
export function referenceOf(about: KubeObject | ObjectReference): ObjectReference {
  if (about.kind === undefined || about.apiVersion === undefined)
    throw new TypeError('an event needs an object with apiVersion and kind');
  if (!isObject(about)) return about;
  const { name, namespace, uid, resourceVersion } = about.metadata ?? {};
  return {
    kind: about.kind,
    apiVersion: about.apiVersion,
    ...(name !== undefined ? { name } : {}),
    ...(namespace !== undefined ? { namespace } : {}),
    ...(uid !== undefined ? { uid } : {}),
    ...(resourceVersion !== undefined ? { resourceVersion } : {}),
  };
}

function isObject(about: KubeObject | ObjectReference): about is KubeObject {
  return 'metadata' in about;
}
