// The pods of the API's benchmarks: about 5 KB of JSON as they are stored.

/** A pod that fits no node, so that nobody but the API server has to do with it. */
export function loadPod(name: string, labels: Record<string, string> = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        labels: { app: 'load', ...labels },
        annotations: { filler: 'x'.repeat(800) },
      },
      spec: {
        automountServiceAccountToken: false,
        containers: [0, 1].map((i) => ({
          name: `c${i}`,
          image: 'registry.example/load/image:1.2.3',
          env: Array.from({ length: 8 }, (_, n) => ({ name: `VARIABLE_${n}`, value: `value number ${n}` })),
          resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } },
        })),
      },
    }),
  );
}
