import { describe, expect, it } from 'vitest';
import { pluginOrder } from './plugin-names.ts';
import { enabledPlugins } from './plugins.ts';

describe('enabledPlugins', () => {
  it('starts from the plugins that are on by default, in upstream’s order', () => {
    const found = [...enabledPlugins([], [])];
    expect(found).toEqual(expect.arrayContaining(['NamespaceLifecycle', 'ServiceAccount', 'NodeRestriction']));
    expect(found).toEqual(pluginOrder.filter((name) => found.includes(name)));
    expect(found).not.toContain('AlwaysDeny');
  });

  it('takes away what is disabled', () => {
    const found = enabledPlugins([], ['ServiceAccount', 'AlwaysAdmit']);
    expect(found.has('ServiceAccount')).toBe(false);
    expect(found.has('NamespaceLifecycle')).toBe(true);
  });

  it.each([
    [['Nonsense'], [], 'enable-admission-plugins plugin "Nonsense" is unknown'],
    [[], ['nonsense'], 'disable-admission-plugins plugin "nonsense" is unknown'],
    [
      ['ServiceAccount', 'NodeRestriction'],
      ['NodeRestriction', 'ServiceAccount'],
      '[NodeRestriction ServiceAccount] in enable-admission-plugins and disable-admission-plugins overlapped',
    ],
    [['PodGroupProtection'], [], 'enable-admission-plugins plugin "PodGroupProtection" is not built into Peapod'],
  ])('enabling %j and disabling %j: %s', (enable, disable, message) => {
    expect(() => enabledPlugins(enable, disable)).toThrow(message);
  });

  it('knows each plugin once', () => expect(new Set(pluginOrder).size).toBe(pluginOrder.length));
});
