// `up --wait`: follows pods until there is nothing left to wait for, and shows them as `kubectl get pods` would.

import type { Pod } from '../api/generated/types.ts';
import { podColumns } from '../api/kinds/pod/printer.ts';
import { isApiError } from '../api/meta/errors.ts';
import type { Client, ObjectName } from '../client/client.ts';
import { pods } from '../client/resources.ts';
import { type Progress, podProgress } from './pod-progress.ts';

/** Where the pods are shown as they change. */
export interface PodView {
  /** One pod changed; `all` are those known so far, in the order in which they were named. */
  changed(pod: Pod, all: readonly Pod[]): void;
}

const shownColumns = podColumns.filter((column) => column.priority === 0);

/** The cells of one row: NAME READY STATUS RESTARTS AGE. */
const cellsOf = (pod: Pod, now: number): string[] => shownColumns.map((column) => String(column.cell(pod, now)));

/** The rows of the table, aligned, the heading first. `now` in ms. */
export function podTable(all: readonly Pod[], now: number): string[] {
  const rows = [shownColumns.map((column) => column.name.toUpperCase()), ...all.map((pod) => cellsOf(pod, now))];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

/** A view that says a line whenever a pod's READY or STATUS changes. */
export function lineView(say: (line: string) => void, now: () => number): PodView {
  const shown = new Map<string, string>();
  return {
    changed(pod) {
      const [name = '', ready = '', status = ''] = cellsOf(pod, now());
      const line = `pod ${name} ${status} ${ready}`;
      if (shown.get(name) !== line) say(line);
      shown.set(name, line);
    },
  };
}

/** A view that redraws one table in place on a terminal. */
export function liveTableView(write: (text: string) => void, now: () => number): PodView {
  let height = 0;
  return {
    changed(_pod, all) {
      const lines = podTable(all, now());
      const up = height > 0 ? `\u001b[${height}A` : '';
      write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
      height = lines.length;
    },
  };
}

/**
 * Waits until every pod is Ready, Completed or failed for good. Gives whether none failed, was deleted, or was still waited for when
 * the signal aborted.
 */
export async function waitForPods(
  client: Client,
  names: readonly ObjectName[],
  view: PodView,
  signal: AbortSignal,
): Promise<boolean> {
  const known = new Map<ObjectName, Pod>();
  const see = (name: ObjectName, pod: Pod): Progress => {
    known.set(name, pod);
    view.changed(
      pod,
      names.flatMap((each) => known.get(each) ?? []),
    );
    return podProgress(pod);
  };
  const outcomes = await Promise.all(names.map((name) => waitForPod(client, name, (pod) => see(name, pod), signal)));
  return outcomes.every((outcome) => outcome === 'ready' || outcome === 'completed');
}

/** Follows one pod until `see` says that it is over. A pod that is gone has failed. */
async function waitForPod(
  client: Client,
  name: ObjectName,
  see: (pod: Pod) => Progress,
  signal: AbortSignal,
): Promise<Progress> {
  try {
    while (!signal.aborted) {
      const first = await client.get(pods, name, { signal });
      const state = see(first);
      if (state !== 'waiting') return state;
      const after = await followPod(client, name, first, see, signal);
      if (after !== 'waiting') return after;
    }
    return 'waiting';
  } catch (error) {
    if (signal.aborted) return 'waiting';
    if (isApiError(error, 'NotFound')) return 'failed';
    throw error;
  }
}

async function followPod(
  client: Client,
  name: ObjectName,
  first: Pod,
  see: (pod: Pod) => Progress,
  signal: AbortSignal,
): Promise<Progress> {
  const end = new AbortController();
  const watch = client.watch(pods, {
    ...(name.namespace === undefined ? {} : { namespace: name.namespace }),
    fieldSelector: `metadata.name=${name.name}`,
    resourceVersion: first.metadata?.resourceVersion ?? '0',
    signal: AbortSignal.any([signal, end.signal]),
  });
  try {
    for await (const event of watch) {
      if (event.type === 'DELETED') return 'failed';
      if (event.type === 'BOOKMARK') continue;
      const state = see(event.object);
      if (state !== 'waiting') return state;
    }
    return 'waiting';
  } finally {
    end.abort();
  }
}
