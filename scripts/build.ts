// Bundles the program into dist/: what starts together is one file, rarely used commands and dashboards are split off.
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist', { recursive: true });
await build({
  entryPoints: { peapod: 'src/main/peapod.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minifySyntax: true,
  // V8 keeps the text of what it runs, twice as large where a comment holds a character outside Latin-1.
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  define: { 'process.env.PEAPOD_VERSION': JSON.stringify(version) },
  // Native code cannot be bundled.
  external: ['lmdb'],
  // CommonJS packages inside an ES module bundle ask for require.
  banner: {
    js: "import { createRequire as peapodCreateRequire } from 'node:module'; const require = peapodCreateRequire(import.meta.url);",
  },
});
// Read at run time beside the bundle.
if (existsSync('src/cri/protos')) cpSync('src/cri/protos', 'dist/protos', { recursive: true });
copyFileSync('LICENSE', 'dist/LICENSE');
writeFileSync('dist/.built', '');
