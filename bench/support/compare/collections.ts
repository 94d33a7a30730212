// Where objects of each kind are made, by what a server says that it serves.

/** By `apps/v1/Deployment`, in the namespace default. `get` gives the JSON of a path. */
export async function collections(get: (path: string) => Promise<unknown>): Promise<Map<string, string>> {
  const { groups } = (await get('/apis')) as { groups: { versions: { groupVersion: string }[] }[] };
  const found = new Map<string, string>();
  for (const version of ['v1', ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion))]) {
    const base = version === 'v1' ? '/api/v1' : `/apis/${version}`;
    const { resources } = (await get(base)) as { resources: { name: string; kind: string; namespaced: boolean }[] };
    for (const { name, kind, namespaced } of resources)
      if (!name.includes('/'))
        found.set(`${version}/${kind}`, `${base}${namespaced ? '/namespaces/default' : ''}/${name}`);
  }
  return found;
}
