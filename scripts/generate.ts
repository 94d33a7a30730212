// Generates src/api/generated/ (types, runtime schema, descriptions) from the pinned packages; skips when nothing that it reads has changed.
import { writeGenerated } from './schema/write-generated.ts';

const root = `${import.meta.dirname}/..`;
writeGenerated({ root, out: `${root}/src/api/generated` }, process.argv.includes('--force'));
