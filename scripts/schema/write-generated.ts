// Writes the generated API types, schema and descriptions where they are not up to date.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { buildDefinitions, type FieldSemantics } from './build-definitions.ts';
import { emitDescriptions, emitSchema, emitTypes } from './emit.ts';

export interface GeneratePlaces {
  /** The project's folder, with node_modules in it. */
  root: string;
  /** Where the files go. */
  out: string;
}

const sources = ({ root }: GeneratePlaces) => ({
  client: `${root}/node_modules/@kubernetes/client-node`,
  models: [`${root}/node_modules/kubernetes-models`, `${root}/node_modules/@kubernetes-models/apimachinery`],
  /** The project's own facts: list and patch semantics, and how Go types and encodes the fields. */
  facts: ['field-semantics.json', 'go-types.json'].map((name) => `${root}/src/api/schema/${name}`),
});

/** Hash of all that decides the output: package versions, this code and the tables of facts. */
function inputsHash(places: GeneratePlaces): string {
  const { client, models, facts } = sources(places);
  const hash = createHash('sha256');
  for (const folder of [client, ...models]) hash.update(readFileSync(`${folder}/package.json`));
  const code = readdirSync(import.meta.dirname).filter((file) => !file.endsWith('.test.ts'));
  for (const file of code.sort()) hash.update(readFileSync(`${import.meta.dirname}/${file}`));
  for (const file of facts) hash.update(readFileSync(file));
  return hash.digest('hex');
}

/** Gives whether the files were made; they are not where nothing that they come from has changed. `force` makes them anyway. */
export function writeGenerated(places: GeneratePlaces, force = false): boolean {
  const { out } = places;
  const hash = inputsHash(places);
  const stamp = `${out}/inputs.sha256`;
  if (!force && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  const { client, models, facts } = sources(places);
  const semantics = facts.map((file) => JSON.parse(readFileSync(file, 'utf8')) as FieldSemantics);
  const definitions = buildDefinitions(`${client}/dist/gen`, models, semantics);
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
  return true;
}
