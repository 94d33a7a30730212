// Fails where code outside the machine's edge reads the real clock or real randomness: import rules cannot see those.
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

const allowed = /^src\/(host|main|cri\/grpc|client\/https|apiserver\/http|store\/embedded)/;
const banned = new Set(['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID', 'crypto.getRandomValues']);

/** Lists the banned uses in one source text as `path:line what`. */
function ambientUses(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const at = (node: ts.Node): string => `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && banned.has(node.getText())) found.push(`${at(node)} ${node.getText()}`);
    if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0)
      found.push(`${at(node)} new Date() without an argument`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const paths = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => `src/${name}`)
  .filter(
    (path) =>
      path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('/generated/') && !allowed.test(path),
  );
const found = paths.flatMap((path) => ambientUses(path, readFileSync(path, 'utf8')));
for (const line of found)
  console.error(`${line}: take a Clock or Random as a parameter (src/lib/clock.ts, src/lib/random.ts)`);
process.exitCode = found.length === 0 ? 0 : 1;
