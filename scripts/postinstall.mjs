// Runs on npm install, on whatever Node is there: generates the API schema with the Node that the sources need.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

// The published package ships the generated schema and no scripts to make it.
if (existsSync(new URL('generate.ts', import.meta.url))) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const own = major > 22 || (major === 22 && minor >= 18);
  const node = own ? process.execPath : 'node_modules/.bin/node';
  const { status } = spawnSync(node, ['scripts/generate.ts'], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
