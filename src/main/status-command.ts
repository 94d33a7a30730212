// `peapod status`: whether a Peapod runs on the data folder, where, and how its nodes and pods are.

import type { Node, Pod } from '../api/generated/types.ts';
import { nodes, pods } from '../client/resources.ts';
import { adminClient } from './admin-client.ts';
import { dataDirPaths } from './data-dir.ts';
import { readRunRecord } from './run-record.ts';

const isReady = (object: Node | Pod): boolean =>
  (object.status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

/** Exit code 0 when it runs and answers, 3 when it does not run, 1 when it runs and does not answer. */
export async function runStatus(options: { dataDir: string; output: 'text' | 'json' }): Promise<number> {
  const paths = dataDirPaths(options.dataDir);
  const record = await readRunRecord(paths.runRecord);
  if (!record) {
    if (options.output === 'json') console.log(JSON.stringify({ running: false, dataDir: paths.root }));
    else console.log(`not running on ${paths.root}`);
    return 3;
  }
  const base = {
    running: true,
    version: record.version,
    pid: record.process.pid,
    server: record.server,
    kubeconfig: paths.kubeconfig,
    dataDir: paths.root,
    runtime: record.runtime,
    startedAt: record.startedAt,
  };
  if (record.server === '') {
    if (options.output === 'json') console.log(JSON.stringify(base));
    else
      console.log(
        `running     peapod ${record.version}, process ${record.process.pid}, without an API (--without-api)`,
      );
    return 0;
  }
  const connection = await adminClient(paths.kubeconfig);
  try {
    const signal = AbortSignal.timeout(10_000);
    const [nodeList, podList] = await Promise.all([
      connection.client.list(nodes, { signal }),
      connection.client.list(pods, { signal }),
    ]);
    const byPhase: Record<string, number> = {};
    for (const pod of podList.items)
      byPhase[pod.status?.phase ?? 'Unknown'] = (byPhase[pod.status?.phase ?? 'Unknown'] ?? 0) + 1;
    const ready = nodeList.items.filter(isReady).length;
    if (options.output === 'json') {
      console.log(JSON.stringify({ ...base, nodes: { ready, total: nodeList.items.length }, pods: byPhase }));
      return 0;
    }
    const phases = Object.entries(byPhase).map(([phase, count]) => `${count} ${phase}`);
    console.log(`running     peapod ${record.version}, process ${record.process.pid}, since ${record.startedAt}`);
    console.log(`API         ${record.server}`);
    console.log(`kubeconfig  ${paths.kubeconfig}`);
    console.log(`containers  ${record.runtime === 'simulated' ? 'simulated' : 'real (containerd)'}`);
    console.log(`nodes       ${ready} of ${nodeList.items.length} Ready`);
    console.log(`pods        ${phases.length > 0 ? phases.join(', ') : 'none'}`);
    return 0;
  } catch (error) {
    console.error(
      `peapod: process ${record.process.pid} runs, but ${record.server} does not answer: ${error instanceof Error ? error.message : String(error)}`,
    );
    return 1;
  } finally {
    await connection.close();
  }
}
