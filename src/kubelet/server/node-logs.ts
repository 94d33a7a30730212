// /logs/: the log files of the node, listed and read, as Go's FileServer shows a folder.
// Follows InstallSystemLogHandler in pkg/kubelet/server/server.go of v1.36, but never follows a link out of the folder.

import type { FolderReader } from '../../lib/system.ts';
import type { KubeletResponse } from './http.ts';
import { type RouteHandler, sendText } from './respond.ts';
import { notFound } from './route.ts';

const chunkBytes = 64 * 1024;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? character);

/** A page of links; names of folders end with a slash. */
function listing(entries: readonly string[]): string {
  const links = entries.toSorted().map((name) => {
    const href = encodeURIComponent(name.replace(/\/$/, '')) + (name.endsWith('/') ? '/' : '');
    return `<a href="${escaped(href)}">${escaped(name)}</a>\n`;
  });
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links.join('')}</pre>\n`;
}

async function sendFile(
  response: KubeletResponse,
  file: NonNullable<Extract<Awaited<ReturnType<FolderReader['look']>>, { file: unknown }>>['file'],
  name: string,
): Promise<void> {
  try {
    const { size } = await file.stat();
    const type = name.endsWith('.gz') ? 'application/gzip' : 'text/plain; charset=utf-8';
    response.start(200, { 'content-type': type, 'content-length': String(size) });
    for (let offset = 0; offset < size; ) {
      const chunk = await file.read(offset, Math.min(chunkBytes, size - offset));
      // It was cut while it was read; the client sees that some is missing.
      if (chunk.length === 0) break;
      await response.write(chunk);
      offset += chunk.length;
    }
    response.end();
  } finally {
    await file.close();
  }
}

/** The handler; `folders` are what is shown below /logs/, '' being the folder itself. */
export function nodeLogs(folders: Readonly<Record<string, FolderReader>>): RouteHandler {
  return async ({ route: { parts } }, response) => {
    const [first = '', ...rest] = parts;
    const own = first !== '' && Object.hasOwn(folders, first) ? folders[first] : undefined;
    const path = (own ? rest : [first, ...rest]).filter((part) => part !== '');
    const found = await (own ?? folders[''])?.look(path);
    if (found === undefined) throw notFound();
    if ('file' in found) return sendFile(response, found.file, parts.at(-1) ?? '');
    const last = parts.at(-1);
    if (last !== '' && last !== undefined)
      return sendText(response, 301, '', { location: `${encodeURIComponent(last)}/` });
    const mounted = parts.length <= 1 ? Object.keys(folders).filter((name) => name !== '') : [];
    const entries = new Set([...found.entries, ...mounted.map((name) => `${name}/`)]);
    return sendText(response, 200, listing([...entries]), { 'content-type': 'text/html; charset=utf-8' });
  };
}
