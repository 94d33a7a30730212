// helm, unmodified: install, upgrade, rollback, test and uninstall of a chart with a CRD, hooks and a test, and what it says when one fails.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Peapod, startPeapod } from '../support/peapod.ts';
import { run, type RunResult } from '../support/run.ts';
import { helms } from './tools.ts';

const chart = join(import.meta.dirname, 'chart');
const programs = await helms();

let peapod: Peapod;
let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'peapod-helm-home-'));
  peapod = await startPeapod({ runtime: 'simulated' });
});
afterAll(async () => {
  await peapod?.dispose();
  rmSync(home, { recursive: true, force: true });
});

describe.each(programs.map((program) => [program.split('/').at(-1) ?? '', program]))('%s', (name, program) => {
  const release = name.replace(/[^a-z0-9]/g, '');
  const namespace = `shop-${release}`;
  const tryHelm = (...args: string[]): Promise<RunResult> =>
    run([program, '--kubeconfig', join(peapod.dataDir, 'kubeconfig'), '--namespace', namespace, ...args], {
      timeoutMs: 90_000,
      env: { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home },
    });
  const helm = async (...args: string[]): Promise<string> => {
    const result = await tryHelm(...args);
    if (result.code !== 0) throw new Error(`helm ${args.join(' ')}: ${result.code}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  const kubectl = (...args: string[]): Promise<string> => peapod.kubectl(['--namespace', namespace, ...args]);
  const names = async (kinds: string): Promise<string[]> =>
    (await kubectl('get', kinds, '-o', 'name')).split('\n').filter((line) => line.includes(release));
  const value = (what: string, path: string): Promise<string> => kubectl('get', what, '-o', `jsonpath=${path}`);
  let password = '';

  test('install: the CRD first, hooks in their order, and it waits for the pods', async () => {
    const said = await helm('install', release, chart, '--create-namespace', '--wait', '--timeout', '60s');
    expect(said).toMatch(/STATUS: deployed/);
    expect(said).toContain(`${release} says hello.`);
    expect(await names('pods')).toEqual([`pod/${release}-0`, `pod/${release}-1`, `pod/${release}-post-install`].sort());
    expect(await value(`stall/${release}`, '{.spec}')).toBe('{"goods":["hello"],"open":true}');
    expect(await kubectl('get', 'st', release)).toMatch(/^NAME\s+OPEN\n\S+\s+true$/m);
    expect(await value(`configmap/${release}-config`, '{.data.kubernetes}')).toMatch(/^v1\.36\.0\+peapod/);
    password = await value(`secret/${release}-secret`, '{.data.password}');
    expect(Buffer.from(password, 'base64').toString()).toMatch(/^\w{12}$/);
  });

  test('test: succeeds, and fails where its pod does', async () => {
    expect(await helm('test', release, '--logs')).toMatch(/Phase:\s+Succeeded/);
    await helm('upgrade', release, chart, '--set', 'testExitCode=3');
    const failed = await tryHelm('test', release);
    expect(failed.code).not.toBe(0);
    expect(failed.stdout + failed.stderr).toMatch(/greets failed|Phase:\s+Failed/);
  });

  test('upgrade: changes, adds and removes, and keeps what lookup finds', async () => {
    await helm('upgrade', release, chart, '--set', 'greeting=hi,replicas=3,extra=false', '--wait', '--timeout', '60s');
    expect(await value(`configmap/${release}-config`, '{.data.greeting}{.data.hasStalls}')).toBe('hitrue');
    expect(await value(`stall/${release}`, '{.spec.goods[0]}')).toBe('hi');
    expect(await value(`secret/${release}-secret`, '{.data.password}')).toBe(password);
    expect(await names('configmaps')).toEqual([`configmap/${release}-config`]);
    expect((await names('pods')).filter((pod) => /-\d$/.test(pod))).toHaveLength(3);
  });

  test('a hook that fails ends the upgrade, and nothing has changed', async () => {
    const failed = await tryHelm('upgrade', release, chart, '--set', 'greeting=no,hookExitCode=1', '--reuse-values');
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toMatch(/pre-upgrade hooks? failed/i);
    expect(await value(`configmap/${release}-config`, '{.data.greeting}')).toBe('hi');
    expect(await helm('status', release)).toMatch(/STATUS: failed/);
  });

  test('rollback: what was there comes back', async () => {
    await helm('rollback', release, '1', '--wait', '--timeout', '60s');
    expect(await value(`configmap/${release}-config`, '{.data.greeting}')).toBe('hello');
    expect(await names('configmaps')).toEqual([`configmap/${release}-config`, `configmap/${release}-extra`]);
    const history = JSON.parse(await helm('history', release, '-o', 'json')) as {
      description: string;
      status: string;
    }[];
    expect(history.at(-1)).toMatchObject({ status: 'deployed', description: 'Rollback to 1' });
  });

  test('uninstall: all is gone but the CRD', async () => {
    await helm('uninstall', release, '--wait', '--timeout', '60s');
    expect(await names('pods,services,configmaps,secrets,serviceaccounts,stalls,roles,rolebindings')).toEqual(
      ['greets', 'post-install', 'pre-upgrade'].map((hook) => `pod/${release}-${hook}`),
    );
    expect(await kubectl('get', 'crd', 'stalls.shop.peapod.test', '-o', 'name')).toContain('stalls.shop');
    expect(await helm('list')).not.toContain(release);
  });
});
