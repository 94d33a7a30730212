// Shows a folder that others write to, such as the machine's logs, to readers that may see nothing else.

import { constants } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import type { FolderReader } from '../lib/system.ts';
import { fileReader } from './files.ts';
import { openInside, placeOf } from './sub-paths.ts';

/** A reader of `root`, which need not exist yet. */
export function hostFolder(root: string): FolderReader {
  return {
    async look(parts) {
      const place = await realpath(root)
        .then((base) => openInside(base, parts))
        // Nothing there, or a link that leads out: both are nothing to the reader.
        .catch(() => undefined);
      if (place === undefined) return undefined;
      try {
        const stat = await place.stat();
        if (stat.isDirectory()) {
          const entries = await readdir(placeOf(place), { withFileTypes: true });
          return { entries: entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)) };
        }
        // A pipe or device would hold the reader up.
        if (!stat.isFile()) return undefined;
        return { file: fileReader(await open(placeOf(place), constants.O_RDONLY)) };
      } finally {
        await place.close();
      }
    },
  };
}
