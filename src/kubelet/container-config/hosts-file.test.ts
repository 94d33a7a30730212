import { describe, expect, it } from 'vitest';
import { hostNetworkHostsFile, podHostsFile } from './hosts-file.ts';

const common = [
  '# Kubernetes-managed hosts file.',
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
  '',
].join('\n');
const aliases = [
  { ip: '10.1.2.3', hostnames: ['foo.local', 'bar.local'] },
  { ip: '10.1.2.4', hostnames: ['baz.local'] },
];
const aliasBlock = '\n# Entries added by HostAliases.\n10.1.2.3\tfoo.local\tbar.local\n10.1.2.4\tbaz.local\n';

describe('podHostsFile', () => {
  it('has the pod by its hostname', () => {
    expect(podHostsFile(['10.42.0.7'], 'web', '')).toBe(`${common}10.42.0.7\tweb\n`);
  });
  it('has the FQDN first, for every IP', () => {
    expect(podHostsFile(['10.42.0.7', 'fd00::7'], 'web', 'sub.default.svc.cluster.local')).toBe(
      `${common}10.42.0.7\tweb.sub.default.svc.cluster.local\tweb\nfd00::7\tweb.sub.default.svc.cluster.local\tweb\n`,
    );
  });
  it('ends with the aliases', () => {
    expect(podHostsFile(['10.42.0.7'], 'web', '', aliases)).toBe(`${common}10.42.0.7\tweb\n${aliasBlock}`);
  });
});

describe('hostNetworkHostsFile', () => {
  it("is the node's file, marked", () => {
    expect(hostNetworkHostsFile('127.0.0.1 localhost node\n', aliases)).toBe(
      `# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost node\n${aliasBlock}`,
    );
  });
});
