// Enforces the layers of docs/architecture.md: which folder may import which, and who may touch the machine.
const layer = (name, may) => ({
  name: `layer-${name}`,
  severity: 'error',
  comment: `src/${name} may import only: ${['itself', ...may].join(', ')}`,
  from: { path: `^src/${name}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: `^src/(${[name, ...may].join('|')})/` },
});
const tests = '(\\.test\\.ts$|^test/|^bench/|^scripts/)';
module.exports = {
  forbidden: [
    layer('lib', []),
    layer('api', ['lib']),
    layer('store', ['lib', 'api']),
    layer('client', ['lib', 'api']),
    layer('cri', ['lib', 'api']),
    layer('host', ['lib', 'api']),
    layer('apiserver', ['lib', 'api', 'store']),
    layer('scheduler', ['lib', 'api', 'client']),
    layer('controllers', ['lib', 'api', 'client']),
    layer('network', ['lib', 'api', 'client']),
    layer('cli', ['lib', 'api', 'client']),
    layer('dashboard', ['lib', 'api', 'client']),
    layer('kubelet', ['lib', 'api', 'client', 'cri']),
    layer('sim', [
      'lib',
      'api',
      'store',
      'client',
      'cri',
      'host',
      'apiserver',
      'scheduler',
      'controllers',
      'network',
      'cli',
      'kubelet',
      'main',
    ]),
    {
      name: 'nothing-imports-main',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|sim)/' },
      to: { path: '^src/main/' },
    },
    {
      name: 'only-tests-and-testing-import-sim',
      severity: 'error',
      from: { pathNot: `(^src/sim/|^src/main/testing|${tests})` },
      to: { path: '^src/sim/' },
    },
    {
      name: 'machine-access-only-in-host-and-transports',
      severity: 'error',
      comment: 'files, sockets and processes are reached through interfaces that are passed in (src/lib/system.ts)',
      from: {
        path: '^src/',
        pathNot: `(^src/(host|apiserver/http|client/https|cri|store/(embedded|etcd)|main)|${tests})`,
      },
      to: { path: '^(node:)?(fs|fs/promises|net|tls|http|https|http2|dgram|child_process|worker_threads|os|cluster)$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Has packages of its own, which its test installs.
    exclude: { path: '^test/clients/operator/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
