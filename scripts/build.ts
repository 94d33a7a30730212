// Bundles the program into dist/: what starts together is one file, rarely used commands and dashboards are split off.
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';
import { writeGenerated } from './schema/write-generated.ts';

// An update of the clone may bring another generator without another package-lock.json, which alone makes npm run it.
writeGenerated({ root: '.', out: 'src/api/generated' }, false);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist', { recursive: true });
/**
 * Takes node:http by way of require. An ES import reads every export, among them the lazy ones that load the whole of undici:
 * time at each start, and megabytes for as long as the program runs.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'lazy-http' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'lazy-http' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http');",
      loader: 'js',
    }));
  },
};

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
  plugins: [lazyHttp],
  // CommonJS packages inside an ES module bundle ask for require.
  banner: {
    js: "import { createRequire as peapodCreateRequire } from 'node:module'; const require = peapodCreateRequire(import.meta.url);",
  },
});
// Read at run time beside the bundle.
if (existsSync('src/cri/protos')) cpSync('src/cri/protos', 'dist/protos', { recursive: true });
copyFileSync('LICENSE', 'dist/LICENSE');
writeFileSync('dist/.built', '');
