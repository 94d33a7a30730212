// containerd's own events service on the wire: what tells of exits at once on every version.

import type { MessageTable, ServiceTable } from './message-table.ts';

const messages: MessageTable = {
  Any: '1 typeUrl, 2 value: bytes',
  Timestamp: '1 seconds: int64, 2 nanos: int32',
  Empty: '',
  PublishRequest: '1 topic, 2 event: Any',
  SubscribeRequest: '1 filters: string[]',
  Envelope: '1 timestamp: Timestamp, 2 namespace, 3 topic, 4 event: Any',
  TaskExit: '1 containerId, 2 id, 3 pid: uint32, 4 exitStatus: uint32, 5 exitedAt: Timestamp',
  // TaskStart and TaskOOM have containerId as field 1, ContainerCreate and ContainerDelete id: one shape reads all.
  Subject: '1 id',
};

const services: ServiceTable = {
  Events: { Publish: 'PublishRequest Empty', Subscribe: 'SubscribeRequest stream Envelope' },
  // No such service exists: it is how the decoders of the payloads are had.
  Payloads: { TaskExit: 'Empty TaskExit', Subject: 'Empty Subject' },
};

/** The part of package containerd.services.events.v1 that Peapod speaks. */
export const containerdEvents = { package: 'containerd.services.events.v1', tables: { messages, services } };
