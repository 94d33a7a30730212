// How long the kubelet has waited for the calls of the runtime that start pods, by its own metrics.
import { parseMetrics } from '../../test/support/metrics.ts';
import { rawApi } from '../../test/support/api.ts';

const starting = ['run_podsandbox', 'create_container', 'start_container'];

/** The sum of all RunPodSandbox, CreateContainer and StartContainer of the node of the cluster in `dataDir` so far, ms. */
export async function startCallsMs(dataDir: string): Promise<number> {
  const api = rawApi(dataDir);
  try {
    const nodes = await api.request('GET', '/api/v1/nodes');
    const { items } = nodes.json<{ items: { metadata: { name: string } }[] }>();
    const answer = await api.request('GET', `/api/v1/nodes/${items[0]?.metadata.name}/proxy/metrics`);
    if (answer.status !== 200) throw new Error(`the kubelet's metrics: ${answer.status} ${answer.text}`);
    const sums = parseMetrics(answer.text).find('kubelet_runtime_operations_duration_seconds_sum');
    return sums
      .filter(({ labels }) => starting.includes(labels.operation_type ?? ''))
      .reduce((total, { value }) => total + value * 1000, 0);
  } finally {
    api.close();
  }
}
