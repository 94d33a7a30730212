// Generates src/api/generated/ (types, runtime schema, descriptions) from the pinned packages; skips when nothing that it reads has changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { buildDefinitions, type FieldSemantics } from './schema/build-definitions.ts';
import { emitDescriptions, emitSchema, emitTypes } from './schema/emit.ts';

const root = new URL('..', import.meta.url).pathname;
const out = `${root}src/api/generated`;
const client = `${root}node_modules/@kubernetes/client-node`;
const models = [`${root}node_modules/kubernetes-models`, `${root}node_modules/@kubernetes-models/apimachinery`];
/** The project's own facts: list and patch semantics, and how Go types and encodes the fields. */
const factFiles = ['field-semantics.json', 'go-types.json'].map((name) => `${root}src/api/schema/${name}`);

/** Hash of all that decides the output: package versions, this code and the table of semantics. */
function inputsHash(): string {
  const hash = createHash('sha256');
  for (const folder of [client, ...models]) hash.update(readFileSync(`${folder}/package.json`));
  for (const file of readdirSync(`${root}scripts/schema`).sort())
    hash.update(readFileSync(`${root}scripts/schema/${file}`));
  for (const file of factFiles) hash.update(readFileSync(file));
  return hash.digest('hex');
}

const hash = inputsHash();
const stamp = `${out}/inputs.sha256`;
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash || process.argv.includes('--force')) {
  const facts = factFiles.map((file) => JSON.parse(readFileSync(file, 'utf8')) as FieldSemantics);
  const definitions = buildDefinitions(`${client}/dist/gen`, models, facts);
  mkdirSync(out, { recursive: true });
  for (const old of ['schema.ts', 'descriptions.ts']) rmSync(`${out}/${old}`, { force: true });
  const files = {
    'types.ts': emitTypes(definitions),
    'schema.json': emitSchema(definitions),
    'descriptions.json': emitDescriptions(definitions),
    'inputs.sha256': hash,
  };
  for (const [name, text] of Object.entries(files)) {
    // Renamed into place, so that a reader never sees half a file; the stamp comes last.
    writeFileSync(`${out}/${name}.new`, text);
    renameSync(`${out}/${name}.new`, `${out}/${name}`);
  }
}
