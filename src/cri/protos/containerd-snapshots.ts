// containerd's own snapshots service on the wire: what shows an image's files where CRI cannot.

import type { MessageTable, ServiceTable } from './message-table.ts';

const messages: MessageTable = {
  Mount: '1 type, 2 source, 3 target, 4 options: string[]',
  ViewSnapshotRequest: '1 snapshotter, 2 key, 3 parent, 4 labels: map',
  MountsRequest: '1 snapshotter, 2 key',
  MountsResponse: '1 mounts: Mount[]',
  RemoveSnapshotRequest: '1 snapshotter, 2 key',
  Empty: '',
};

const services: ServiceTable = {
  Snapshots: {
    View: 'ViewSnapshotRequest MountsResponse',
    Mounts: 'MountsRequest MountsResponse',
    Remove: 'RemoveSnapshotRequest Empty',
  },
};

/** The part of package containerd.services.snapshots.v1 that Peapod speaks. */
export const containerdSnapshots = { package: 'containerd.services.snapshots.v1', tables: { messages, services } };
