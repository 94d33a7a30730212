// Knows the tokens of a file: token,user,uid,"group1,group2" in every line. Follows apiserver pkg/authentication/token/tokenfile of v1.36.

import type { UserInfo } from '../request.ts';

/** The cells of one line of CSV: quoted where they hold a comma or a quote. Throws an Error on a quote that is never closed. */
function cellsOf(line: string): string[] {
  const cells: string[] = [];
  const cell = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  while (cell.lastIndex <= line.length) {
    const found = cell.exec(line);
    if (found === null) throw new Error(`parse error: bare " in ${JSON.stringify(line.slice(0, 20))}`);
    cells.push((found[1]?.replaceAll('""', '"') ?? found[2] ?? '').trim());
    if (found[3] === '') break;
  }
  return cells;
}

/** The users of a token file by token. Throws an Error that names what is wrong with the file. */
export function parseTokenFile(path: string, text: string): ReadonlyMap<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const [token = '', name = '', uid = '', groups = '', ...more] = cellsOf(line);
    const columns = cellsOf(line).length;
    if (columns < 3)
      throw new Error(
        `token file '${path}' must have at least 3 columns (token, user name, user uid), found ${columns}`,
      );
    if (more.length > 0) throw new Error(`token file '${path}': a line has ${columns} columns, groups go in quotes`);
    if (token === '') continue;
    users.set(token, { name, uid, groups: groups === '' ? [] : groups.split(',').map((group) => group.trim()) });
  }
  return users;
}
